"""Which facts a human is told of: what happened, what is known, what can be done."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dhan_copy.core.alerts import alert_for
from dhan_copy.core.facts import (
    AlertRaised,
    DayOpened,
    DriftDeclared,
    Fact,
    OutcomeUnresolved,
    ReadFailed,
    Refusal,
    ReportUnreadable,
    RequestRejected,
    RequestWithheld,
)
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.state import State
from dhan_copy.model.order import OrderStatus, Product, Side, Variety
from dhan_copy.model.reason import ReasonCode
from tests.core.make import FOLLOWER, KEY, LEADER, TAG
from tests.core.world import World

EMPTY = State(settings=CopierSettings(leaders=(), followers=()))


def rejected(refusal: Refusal, *, final: bool) -> RequestRejected:
    return RequestRejected(
        follower=FOLLOWER, client_order_id=TAG, attempt=1, refusal=refusal, code="DH-906", text="no", final=final
    )


def drift(reason: ReasonCode) -> DriftDeclared:
    return DriftDeclared(
        leader=LEADER, follower=FOLLOWER, key=KEY, product=Product.INTRADAY, quantity=Fraction(-75), reason=reason
    )


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        (OutcomeUnresolved(follower=FOLLOWER, client_order_id=TAG, attempt=1, problem="timeout"), "UNRESOLVED"),
        (rejected(Refusal.FUNDS, final=True), "REJECTED"),
        (rejected(Refusal.AUTHENTICATION, final=False), "BLOCKED_AUTHENTICATION"),
        (rejected(Refusal.IP, final=False), "BLOCKED_IP"),
        (RequestWithheld(follower=FOLLOWER, client_order_id=TAG, attempt=1, problem="late"), "WITHHELD"),
        (ReportUnreadable(account=LEADER, problem="status"), "UNREADABLE"),
        (ReadFailed(account=FOLLOWER, what="ReadPositions", problem="502"), "READ_POSITIONS_FAILED"),
        (ReadFailed(account=FOLLOWER, what=f"Query:{TAG}", problem="502"), "LOOKUP_FAILED"),
        (drift(ReasonCode.MANUAL), "MANUAL"),
        (drift(ReasonCode.DAY_END), "DAY_END"),
    ],
)
def test_each_has_a_code_and_advice(fact: Fact, code: str) -> None:
    alert = alert_for(EMPTY, fact)
    assert alert is not None
    assert alert.code == code
    assert alert.what and alert.advice


@pytest.mark.parametrize(
    "fact", [rejected(Refusal.RATE_LIMIT, final=False), drift(ReasonCode.UNFILLED), DayOpened(day="2026-11-20")]
)
def test_what_takes_care_of_itself_is_no_alert(fact: Fact) -> None:
    assert alert_for(EMPTY, fact) is None


def codes(world: World) -> list[str]:
    return [fact.code for fact in world.facts(AlertRaised) if isinstance(fact, AlertRaised)]


def test_an_exit_of_a_kind_that_is_not_copied_is_told() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 1)
    world.fill_everything("F")
    order = world.place(Side.SELL, 1, tell=False)
    world.change(order, variety=Variety.COVER)
    assert codes(world) == ["EXIT_NOT_COPIED"]


def test_r1_an_order_rejected_after_it_was_taken_is_told_in_the_brokers_words() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 1)
    order = world.open_orders("F")[0]
    world.end_follower("F", order, OrderStatus.REJECTED)
    assert codes(world) == ["REJECTED"]


def test_the_same_alert_is_raised_once() -> None:
    world = World({"F": Fraction(1)})
    failed = ReadFailed(account=FOLLOWER, what="ReadOrders", problem="502")
    world.feed(failed)
    world.feed(failed)
    assert codes(world) == ["READ_ORDERS_FAILED"]
