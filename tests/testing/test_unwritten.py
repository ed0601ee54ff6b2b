"""What nobody wrote down can be tried both ways at the simulated exchange."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import Leg, OrderStatus, Product, StopLimit
from dhan_copy.testing.unwritten import Unwritten
from tests.testing.exchange_kit import SHARE, buy, exchange, heard, sell

WHOLE = Bracket(target=Decimal(410), stop=Decimal(390))
SELL_AT = StopLimit(Decimal(410), Decimal(409))


@pytest.mark.parametrize("told", [True, False])
def test_f40_super_legs_are_announced_or_not(told: bool) -> None:
    ex = exchange(unwritten=Unwritten(super_legs_announced=told))
    events = heard(ex)
    entry = ex.linked.place_super("L", buy(10, "400"), WHOLE)
    ex.fill("L", entry.order_id)
    assert {event.order.leg for event in events} == (set(Leg) if told else {Leg.ENTRY})
    bracket = ex.linked.place_bracket("L", buy(10, "400"), profit=Decimal(10))
    ex.fill("L", bracket.order_id)
    assert events[-1].order.leg is Leg.TARGET


@pytest.mark.parametrize(("keeps", "open_"), [(True, 4), (False, 0)])
def test_l7_a_cancelled_entry_keeps_the_exits_of_what_filled_or_not(keeps: bool, open_: int) -> None:
    ex = exchange(unwritten=Unwritten(cancelled_entry_keeps_exits=keeps))
    entry = ex.linked.place_super("L", buy(10, "400"), WHOLE)
    ex.fill("L", entry.order_id, 4)
    ex.linked.cancel("L", entry.order_id, Leg.ENTRY)
    assert [leg.leaves_quantity for leg in ex.linked.legs("L", entry.order_id)] == [open_, open_]


def test_l6_exits_can_be_changed_before_the_entry_traded() -> None:
    ex = exchange(unwritten=Unwritten(exits_change_before_the_entry_traded=True))
    entry = ex.linked.place_super("L", buy(10, "400"), WHOLE)
    ex.linked.modify("L", entry.order_id, Leg.STOP, Bracket(stop=Decimal(391)))
    ex.fill("L", entry.order_id)
    assert [leg.trigger for leg in ex.linked.legs("L", entry.order_id)] == [None, 391]


@pytest.mark.parametrize(("early", "count"), [(True, 2), (False, 1)])
def test_l9_a_cover_stop_is_shown_with_the_entry_or_with_its_fill(early: bool, count: int) -> None:
    ex = exchange(unwritten=Unwritten(cover_stop_from_the_start=early))
    entry = ex.linked.place_cover("L", buy(10, "400"), Decimal(390))
    assert len(ex.orders("L")) == count
    ex.fill("L", entry.order_id, 4)
    assert [order.quantity for order in ex.orders("L")] == [10, 4]


@pytest.mark.parametrize("told", [True, False])
def test_l10_a_forever_order_is_announced_or_not(told: bool) -> None:
    ex = exchange(unwritten=Unwritten(forever_parents_announced=told))
    events = heard(ex)
    ex.forever.place("L", sell(10, terms=SELL_AT, product=Product.CNC))
    assert [event.order.status for event in events] == ([OrderStatus.CONFIRM] if told else [])


@pytest.mark.parametrize("status", [OrderStatus.TRADED, OrderStatus.TRIGGERED, None])
def test_l10_what_the_list_says_of_one_that_fired(status: OrderStatus | None) -> None:
    ex = exchange(unwritten=Unwritten(fired_forever=status))
    ex.forever.place("L", sell(10, terms=SELL_AT, product=Product.CNC))
    ex.set_price(SHARE, 405)
    ex.set_price(SHARE, 411)
    assert [leg.status for leg in ex.forever.orders("L")] == ([] if status is None else [status])
    assert len(ex.orders("L")) == 1
