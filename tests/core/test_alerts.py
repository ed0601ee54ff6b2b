"""Which facts a human is told of: what happened, what is known, what can be done."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from attrs import evolve

from dhan_copy.core.alerts import alert_for, alert_for_order
from dhan_copy.core.facts import (
    AlertRaised,
    CopyDeclined,
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
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.core.settings import CopierSettings, Policy
from dhan_copy.core.state import State
from dhan_copy.model.order import OrderStatus, Product, Side, Variety
from dhan_copy.model.reason import ReasonCode
from tests.core.bench import Bench
from tests.core.make import FOLLOWER, KEY, LEADER, ORDER, TAG, after, cancel, modify, order_reported, report, submit
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
    world.change(order, variety=Variety.AFTER_MARKET)
    assert codes(world) == ["EXIT_NOT_COPIED"]


@pytest.mark.parametrize(
    ("ended", "reason"),
    [(OrderStatus.CANCELLED, ReasonCode.LEADER_UNFILLED), (OrderStatus.REJECTED, ReasonCode.LEADER_REJECTED)],
)
def test_an_exit_that_ended_without_a_fill_before_it_was_copied_is_not_missed(ended: OrderStatus, reason: ReasonCode) -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 1)
    world.fill_everything("F")
    order = world.place(Side.SELL, 1, tell=False)
    world.change(order, status=ended)
    assert [fact.reason for fact in world.facts(CopyDeclined) if isinstance(fact, CopyDeclined)] == [reason]
    assert codes(world) == []


def test_f37_an_order_rejected_after_it_was_taken_is_told_in_the_brokers_words() -> None:
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


def test_x6_fills_that_are_far_apart_are_told_once_with_both_times() -> None:
    bench = Bench()
    (request,) = bench.tell(report())
    bench.accept(request)
    bench.tell(report(status=OrderStatus.PART_TRADED, filled_quantity=75, updated_at=after(10)))
    bench.step(order_reported(report(quantity=75, status=OrderStatus.PART_TRADED, filled_quantity=25, updated_at=after(70))))
    assert "FILLS_APART" not in bench.alerts(), "not more than a minute"
    bench.tell(report(status=OrderStatus.TRADED, filled_quantity=150, updated_at=after(71)))
    bench.step(order_reported(report(quantity=75, status=OrderStatus.TRADED, filled_quantity=75, updated_at=after(132))))
    bench.step(order_reported(report(quantity=75, status=OrderStatus.TRADED, filled_quantity=75, updated_at=after(133))))
    (alarm,) = [alert for alert in bench.facts(AlertRaised) if alert.code == "FILLS_APART"]
    assert str(after(71)) in alarm.known and str(after(132)) in alarm.known
    assert (alarm.account, alarm.leader_order_id) == (FOLLOWER, ORDER)


def test_x6_a_follower_who_is_first_is_told_when_the_leader_follows() -> None:
    bench = Bench(policy=Policy(fills_apart=timedelta(seconds=5)))
    (request,) = bench.tell(report())
    bench.accept(request)
    bench.step(order_reported(report(quantity=75, status=OrderStatus.TRADED, filled_quantity=75, updated_at=after(10))))
    bench.tell(report(status=OrderStatus.PART_TRADED, filled_quantity=75, updated_at=after(16)))
    assert bench.alerts() == ["FILLS_APART"]


def test_x6_a_leader_who_fills_slowly_is_no_matter_while_the_copy_keeps_up() -> None:
    bench = Bench()
    (request,) = bench.tell(report())
    bench.accept(request)
    for step in (1, 2):
        now, status = after(200 * step), OrderStatus.PART_TRADED if step == 1 else OrderStatus.TRADED
        bench.tell(report(status=status, filled_quantity=75 * step, updated_at=now))
        bench.step(
            order_reported(report(quantity=75, status=status, filled_quantity=35 * step + 5 * (step - 1), updated_at=now))
        )
    assert bench.alerts() == []


def answers(request: Submit | Modify | Cancel) -> dict[str, Fact]:
    tag, attempt = request.client_order_id, request.attempt
    return {
        "UNRESOLVED": OutcomeUnresolved(follower=FOLLOWER, client_order_id=tag, attempt=attempt, problem="timeout"),
        "REJECTED": evolve(rejected(Refusal.FUNDS, final=True), client_order_id=tag, attempt=attempt),
        "WITHHELD": RequestWithheld(follower=FOLLOWER, client_order_id=tag, attempt=attempt, problem="late"),
    }


@pytest.mark.parametrize("code", ["UNRESOLVED", "REJECTED", "WITHHELD"])
def test_an_alert_about_a_request_names_the_order_and_the_leaders(code: str) -> None:
    bench = Bench()
    (request,) = bench.tell(report())
    bench.step(answers(request)[code])
    (alert,) = bench.facts(AlertRaised)
    assert (alert.code, alert.account) == (code, FOLLOWER)
    assert (alert.leader_order_id, alert.client_order_id) == (ORDER, request.client_order_id)


def test_an_alert_about_an_order_names_the_leaders() -> None:
    bench = Bench()
    (request,) = bench.tell(report())
    bench.step(answers(request)["REJECTED"])
    bench.step(order_reported(report(quantity=75)))
    bench.step(order_reported(report(quantity=75, status=OrderStatus.REJECTED, updated_at=after(5))))
    told = [(alert.code, alert.leader_order_id) for alert in bench.facts(AlertRaised)]
    assert told == [("REJECTED", ORDER), ("LATE_EVIDENCE", ORDER)]


@pytest.mark.parametrize(
    ("request_", "refusal", "words"),
    [
        (submit(intent=Intent.ENTRY), Refusal.FUNDS, "An entry is not tried again."),
        (submit(intent=Intent.EXIT), Refusal.FUNDS, "An exit is tried again, a few times."),
        (modify(2), Refusal.OTHER, "This change is not asked again"),
        (modify(2), Refusal.ORDER_STATE, "looked up, and changed if it is still open"),
        (cancel(2), Refusal.ORDER_STATE, "cancel is tried again if it is still open"),
        (cancel(2), Refusal.OTHER, "cancel is tried again if it is still open"),
    ],
    ids=["entry", "exit", "change", "late change", "late cancel", "cancel"],
)
def test_the_advice_on_a_rejection_is_about_what_was_rejected(
    request_: Submit | Modify | Cancel, refusal: Refusal, words: str
) -> None:
    alert = alert_for(EMPTY, rejected(refusal, final=True), request_)
    assert alert is not None and words in alert.advice


def test_a_refused_change_and_a_refused_cancel_are_told_as_what_they_are() -> None:
    for after_it, words in ((report(quantity=300), "This change"), (report(status=OrderStatus.CANCELLED), "its cancel")):
        bench = Bench()
        (request,) = bench.tell(report())
        bench.accept(request)
        (change,) = bench.tell(evolve(after_it, updated_at=after(10)))
        bench.step(answers(change)["REJECTED"])
        assert [words in alert.advice for alert in bench.facts(AlertRaised) if alert.code == "REJECTED"] == [True]


@pytest.mark.parametrize("intent", list(Intent))
def test_the_advice_on_an_order_rejected_later_is_about_what_it_was_for(intent: Intent) -> None:
    bench = Bench()
    (request,) = bench.tell(report())
    bench.accept(request)
    found = bench.copier.state.order_by_tag(FOLLOWER, request.client_order_id)
    assert found is not None
    before = evolve(found[1], intent=intent)
    fact = order_reported(report(quantity=75, status=OrderStatus.REJECTED))
    alert = alert_for_order(before, evolve(before, state=OrderState.REJECTED), fact)
    assert alert is not None
    assert ("An entry is not" in alert.advice, "An exit is tried" in alert.advice) == (
        intent is Intent.ENTRY, intent is Intent.EXIT,
    )  # fmt: skip
