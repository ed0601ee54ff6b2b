"""The simulated market's linked orders: legs are for what is open, and say no more than Dhan does."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Leg, Limit, Market, OrderStatus, Side, StopMarket, Variety
from dhan_copy.testing import NewOrder, SimulatedExchange, VirtualClock, leg_id
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.linked import LinkedDesk, in_book, on_stream
from dhan_copy.testing.simulation.market import LISTINGS, Account, Exchange, TrueOrder, price_of
from dhan_copy.testing.simulation.timeline import BEGINNING, Timeline

SHARE = next(listing for listing in LISTINGS if listing.lot == 1)
START = SHARE.start_ticks


class Pit:
    """One account, and a market in which nothing fills by itself."""

    def __init__(self, *, races: bool = False, delay_seconds: float = 0.0, keeps: bool = False, early: bool = False) -> None:
        self.timeline = Timeline()
        faults = Faults(Random(1), [])
        faults.rates["F40"] = 0.03 if races else 0.0
        self.exchange = Exchange(self.timeline, Random(1), faults)
        self.exchange.match = lambda order: None  # type: ignore[method-assign]
        self.desk = LinkedDesk(
            self.timeline, Random(2), faults, self.exchange, delay_seconds=delay_seconds,
            cancelled_entry_keeps_exits=keeps, super_legs_announced=True, cover_stop_from_the_start=early,
        )  # fmt: skip
        self.exchange.follow, self.exchange.moved = self.desk.follow, self.desk.trail
        self.told: list[TrueOrder] = []
        self.account = Account(AccountName("L"), self.told.append)

    def place(self, quantity: int = 10, variety: Variety = Variety.SUPER, jump: int | None = None) -> TrueOrder:
        target = None if variety is Variety.COVER else 20
        terms = Limit(price_of(START))
        entry = self.desk.place(self.account, SHARE, 1, terms, quantity, variety, target=target, stop=10, jump=jump)
        self.exchange.confirm(entry)
        return entry

    def legs(self, entry: TrueOrder) -> list[tuple[int, int, OrderStatus]]:
        assert entry.family is not None
        return [(leg.quantity, leg.filled, leg.status) for leg in entry.family.legs.values()]


def leg(entry: TrueOrder, which: Leg) -> TrueOrder:
    assert entry.family is not None
    return entry.family.legs[which]


@given(st.lists(st.tuples(st.sampled_from(list(Leg)), st.integers(1, 6)), max_size=8))
def test_legs_are_what_the_shipped_exchange_makes_of_the_same_fills(fills: list[tuple[Leg, int]]) -> None:
    pit = Pit()
    entry = pit.place()
    shipped = SimulatedExchange(VirtualClock(BEGINNING), ["1"])
    new = NewOrder(key=SHARE.key, side=Side.BUY, quantity=10, terms=Limit(price_of(START)))
    same = shipped.linked.place_super("1", new, Bracket(target=price_of(START + 20), stop=price_of(START - 10)))
    for which, units in fills:
        order = entry if which is Leg.ENTRY else leg(entry, which)
        units = min(units, order.leaves)
        if units > 0 and order.is_shown:
            pit.exchange.fill(order, units)
            shipped.fill("1", leg_id(same.order_id, which), units)
    theirs = [(order.quantity, order.filled_quantity, order.status) for order in shipped.linked.legs("1", same.order_id)]
    assert pit.legs(entry) == theirs


def test_until_what_one_leg_filled_has_taken_effect_the_other_can_fill_too() -> None:
    pit = Pit(delay_seconds=5.0)
    entry = pit.place()
    pit.exchange.fill(entry, 10)
    pit.exchange.fill(leg(entry, Leg.TARGET), 10)
    pit.exchange.fill(leg(entry, Leg.STOP), 4)
    assert pit.account.held(SHARE) == -4
    pit.timeline.run(10.0)
    assert pit.legs(entry) == [(10, 10, OrderStatus.TRADED), (4, 4, OrderStatus.TRADED)]


def test_races_happen_where_they_are_asked_for() -> None:
    pit = Pit(races=True)
    for _ in range(40):
        entry = pit.place()
        pit.exchange.fill(entry, 10)
        pit.exchange.fill(leg(entry, Leg.STOP), 10)
    assert pit.account.held(SHARE) < 0
    assert pit.desk.faults.struck["F40"] > 10


@pytest.mark.parametrize("keeps", [True, False])
def test_a_cancelled_entry_takes_its_legs_with_it_or_leaves_them_what_it_filled(keeps: bool) -> None:
    pit = Pit(keeps=keeps)
    entry = pit.place()
    pit.exchange.fill(entry, 4)
    pit.exchange.end(entry, OrderStatus.CANCELLED, "leader")
    status = OrderStatus.PENDING if keeps else OrderStatus.CANCELLED
    assert pit.legs(entry) == [(4, 0, status), (4, 0, status)]


def test_an_entry_that_never_filled_leaves_no_trace_of_its_legs() -> None:
    pit = Pit()
    entry = pit.place()
    pit.exchange.end(entry, OrderStatus.CANCELLED, "leader")
    assert {order.order_id for order in pit.told} == {entry.order_id}
    assert entry.report.bracket is None


def test_a_stop_trails_by_whole_jumps_and_the_book_shows_where_it_stands() -> None:
    pit = Pit()
    entry = pit.place(jump=5)
    pit.exchange.fill(entry, 10)
    pit.exchange.prices[SHARE.key] = START + 12
    pit.desk.trail(SHARE.key)
    assert leg(entry, Leg.STOP).terms == StopMarket(price_of(START))
    bracket = entry.report.bracket
    assert bracket == Bracket(target=price_of(START + 20), stop=price_of(START), trailing_jump=Decimal("0.25"))


def test_a_cover_orders_stop_waits_for_its_entry_though_it_is_shown() -> None:
    pit = Pit(early=True)
    entry = pit.place(variety=Variety.COVER)
    stop = leg(entry, Leg.STOP)
    pit.exchange.fill(stop, 1)
    assert (stop.quantity, stop.filled, stop.report.quantity) == (10, 0, 10)
    pit.exchange.fill(entry, 3)
    pit.exchange.fill(stop, 1)
    assert (stop.quantity, stop.filled) == (3, 1)


def test_a_bracket_order_at_the_market_has_legs_once_it_has_traded() -> None:
    pit = Pit()
    entry = pit.desk.place(pit.account, SHARE, 1, Market(), 10, Variety.BRACKET, target=20, stop=10)
    pit.exchange.confirm(entry)
    assert pit.legs(entry) == [] and entry.report.bracket is None
    pit.exchange.fill(entry, 10)
    assert [order.terms for order in pit.desk.families[0].legs.values()] == [
        Limit(price_of(START + 20)), StopMarket(price_of(START - 10)),
    ]  # fmt: skip


def test_frames_and_rows_say_what_dhans_say() -> None:
    pit = Pit()
    entry, cover = pit.place(), pit.place(variety=Variety.COVER)
    assert on_stream(entry.report).bracket is None
    assert in_book(entry.report, parents=True).bracket == entry.report.bracket is not None
    assert in_book(cover.report, parents=True).bracket is None
    pit.exchange.fill(entry, 10)
    pit.exchange.fill(cover, 10)
    target, stop = leg(entry, Leg.TARGET).report, leg(cover, Leg.STOP).report
    assert (target.order_id, target.parent_order_id) == (entry.order_id, None)
    assert stop.order_id != cover.order_id and stop.parent_order_id == cover.order_id
    assert in_book(stop, parents=False).parent_order_id is None


def test_what_bracket_and_cover_orders_hold_is_told_apart() -> None:
    pit = Pit()
    entry = pit.place(variety=Variety.COVER)
    pit.exchange.fill(entry, 10)
    pit.exchange.fill(leg(entry, Leg.STOP), 3)
    assert pit.desk.apart(pit.account) == {(SHARE, entry.product): 7}
