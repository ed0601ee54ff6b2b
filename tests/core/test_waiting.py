"""What the copy of a Forever order is to be, in each state of the leader's and its own."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy.core.requests import Intent
from dhan_copy.core.trade import FollowerOrder, Instruction
from dhan_copy.core.waiting import asks_to_wait, is_unclear, one_leg, second_leg, terms_of, wanted
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import ForeverLeg, Leg, Limit, Market, OrderStatus, StopLimit, StopMarket, Terms, Validity, Variety
from tests.core.make import START, report

FACTS = InstrumentFacts(lot_units=75, tick=Decimal("0.05"))
ABOVE, BELOW = StopLimit(Decimal(110), Decimal(111)), StopLimit(Decimal(90), Decimal(89))
WAITING = report(variety=Variety.FOREVER, status=OrderStatus.CONFIRM, terms=ABOVE, quantity=300)
UNCLEAR = evolve(WAITING, status=OrderStatus.TRIGGERED)
FIRED = evolve(WAITING, status=OrderStatus.PENDING, leg_order_id=BrokerOrderId("9"))
CHANGED = evolve(FIRED, terms=Limit(Decimal(108)))
STANDS = Instruction(ABOVE, Validity.DAY, 150, second_leg=ForeverLeg(terms=BELOW, quantity=150))
ORDINARY = Instruction(Limit(Decimal(1)), Validity.DAY, 75)


def copy(*, waits: bool) -> FollowerOrder:
    stands = STANDS if waits else Instruction(Limit(Decimal(111)), Validity.DAY, 150)
    return FollowerOrder(
        client_order_id=ClientOrderId("dc1-a"), slice=0, generation=0, intent=Intent.ENTRY, issued_at=START, asked=stands,
        accepted=stands, waits=waits,
    )  # fmt: skip


def test_a_copy_waits_as_long_as_the_leaders_does() -> None:
    assert [asks_to_wait(each) for each in (WAITING, UNCLEAR, FIRED, report())] == [True, False, False, False]
    assert [is_unclear(each) for each in (WAITING, UNCLEAR, FIRED, report())] == [False, True, False, False]


@pytest.mark.parametrize(
    ("terms", "waiting", "fired"),
    [
        (ABOVE, ABOVE, Limit(Decimal(111))),
        (StopMarket(Decimal(110)), StopMarket(Decimal(110)), Market()),
        (StopLimit(Decimal("110.01"), Decimal("111.01")), ABOVE, Limit(Decimal(111))),
    ],
)
def test_terms_lose_their_trigger_once_it_has_been_reached(terms: Terms, waiting: Terms, fired: Terms) -> None:
    assert terms_of(evolve(WAITING, terms=terms), FACTS) == waiting
    assert terms_of(evolve(FIRED, terms=terms), FACTS) == fired


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize(("total", "asked"), [(150, 150), (75, 75), (300, 150)])
def test_while_one_of_them_has_fired_a_copy_only_shrinks(waits: bool, total: int, asked: int) -> None:
    want = wanted(FIRED if waits else WAITING, copy(waits=waits), total, ORDINARY)
    stands = copy(waits=waits).asked
    assert (want.terms, want.quantity) == (stands.terms, asked)
    assert want.second_leg is None or want.second_leg.quantity == asked


def test_while_both_wait_the_copy_is_what_the_leaders_is() -> None:
    assert wanted(WAITING, copy(waits=True), 75, ORDINARY) is ORDINARY


def test_once_both_have_fired_quantities_follow_and_prices_only_what_the_leader_changes() -> None:
    order = copy(waits=False)
    assert wanted(FIRED, order, 225, ORDINARY) == evolve(order.asked, quantity=225)
    assert wanted(CHANGED, order, 225, ORDINARY) is ORDINARY
    assert wanted(UNCLEAR, order, 225, ORDINARY) == order.asked


@pytest.mark.parametrize(
    ("leaders", "intent", "units", "scaled"),
    [(300, Intent.ENTRY, 150, 150), (150, Intent.ENTRY, 225, 75), (75, Intent.ENTRY, 75, 75), (600, Intent.EXIT, 150, 150)],
)
def test_the_second_leg_is_as_large_to_the_first_as_the_leaders(leaders: int, intent: Intent, units: int, scaled: int) -> None:
    pair = evolve(WAITING, second_leg=ForeverLeg(terms=BELOW, quantity=leaders))
    assert second_leg(pair, units, FACTS, intent) == ForeverLeg(terms=BELOW, quantity=scaled)
    assert second_leg(WAITING, units, FACTS, intent) is None


def test_one_request_changes_one_leg() -> None:
    smaller = evolve(STANDS, quantity=75, second_leg=ForeverLeg(terms=BELOW, quantity=75))
    first, leg = one_leg(STANDS, smaller)
    assert (first, leg) == (evolve(STANDS, quantity=75), Leg.TARGET)
    assert one_leg(first, smaller) == (smaller, Leg.STOP)
    assert one_leg(ORDINARY, evolve(ORDINARY, quantity=150)) == (evolve(ORDINARY, quantity=150), Leg.ENTRY)
    assert first.most == 150 and smaller.most == 75
