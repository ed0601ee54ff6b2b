"""The simulated market's Forever orders: they wait over days, fire once, and show what Dhan's list and book show."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import ForeverLeg, Leg, Limit, OrderStatus, Product, StopLimit, StopMarket, Variety
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.forever import WAITED_FOR, ForeverDesk
from dhan_copy.testing.simulation.linked import in_book
from dhan_copy.testing.simulation.market import Account, Exchange, TrueOrder, price_of
from dhan_copy.testing.simulation.summary import simulate
from dhan_copy.testing.simulation.timeline import Timeline
from dhan_copy.testing.simulation.world import World

SHARE = next(listing for listing in WAITED_FOR if listing.product is Product.CNC)
START = SHARE.start_ticks


class Pit:
    """One account, and a market whose price is set by hand."""

    def __init__(self, *, listed: OrderStatus | None = OrderStatus.TRADED, announced: bool = True) -> None:
        self.timeline = Timeline()
        self.exchange = Exchange(self.timeline, Random(1), Faults(Random(1), []))
        self.desk = ForeverDesk(self.timeline, Random(3), self.exchange, fired_is_listed_as=listed, announced=announced)
        self.told: list[TrueOrder] = []
        self.account = Account(AccountName("L"), self.told.append)

    def place(self, *, pair: bool = False, sign: int = 1) -> TrueOrder:
        legs = {Leg.TARGET: leg(-5 * sign), Leg.STOP: leg(5 * sign)} if pair else {Leg.ENTRY: leg(5)}
        return self.desk.place(self.account, SHARE, sign, legs)

    def go_to(self, ticks: int) -> None:
        self.exchange.prices[SHARE.key] = START + ticks
        self.desk.moved(SHARE.key)
        self.timeline.run(self.timeline.now + 3.0)

    def listed(self) -> list[tuple[Leg, OrderStatus]]:
        return [(row.leg, row.status) for row in self.desk.list_of(self.account, self.timeline.now)]


def leg(ticks: int, quantity: int = 10) -> ForeverLeg:
    return ForeverLeg(terms=StopLimit(price_of(START + ticks), price_of(START + ticks + 2)), quantity=quantity)


def test_it_waits_for_its_price_and_places_an_order_with_an_id_of_its_own() -> None:
    pit = Pit()
    order = pit.place()
    assert pit.listed() == [(Leg.ENTRY, OrderStatus.CONFIRM)] and order.is_listed
    pit.go_to(4)
    assert order.waits
    pit.go_to(6)
    report = order.report
    assert not order.is_listed and report.order_id == order.own_id != order.order_id == report.parent_order_id
    assert (report.terms, report.variety, report.client_order_id) == (Limit(price_of(START + 7)), Variety.FOREVER, None)
    assert pit.listed() == [(Leg.ENTRY, OrderStatus.TRADED)]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("ticks", "fired"), [(-6, 0), (6, 1)])
def test_one_leg_of_a_pair_fires_and_the_other_goes(sign: int, ticks: int, fired: int) -> None:
    pit = Pit()
    pit.account.net[SHARE] = 10
    order = pit.place(pair=True, sign=sign)
    pit.go_to(ticks * sign)
    states = [OrderStatus.TRADED, OrderStatus.CANCELLED]
    assert [status for _, status in pit.listed()] == (states[::-1] if fired else states)
    pit.go_to(-ticks * sign)
    assert order.own_id is not None and len(pit.account.fired) == 1


def test_it_stays_over_night_and_what_it_placed_does_not() -> None:
    pit = Pit()
    waits, fires = pit.place(), pit.place(pair=True)
    pit.desk.fire(fires)
    pit.exchange.close_day(pit.account)
    pit.exchange.next_day(pit.account)
    pit.desk.close_day()
    assert waits.waits and list(pit.account.orders.values()) == [waits] == list(pit.desk.waiting)
    assert fires.status is OrderStatus.EXPIRED


def test_the_list_may_leave_out_what_has_fired_and_the_book_names_no_parent() -> None:
    pit = Pit(listed=None)
    order = pit.place()
    pit.desk.fire(order)
    assert pit.listed() == []
    assert in_book(order.report, parents=True).parent_order_id is None


@pytest.mark.parametrize("announced", [True, False])
def test_frames_tell_of_what_waits_or_do_not(announced: bool) -> None:
    pit = Pit(announced=announced)
    order = pit.place(pair=True)
    assert [row.leg for row in pit.desk.frames_of(order)] == ([Leg.TARGET, Leg.STOP] if announced else [])
    pit.desk.fire(order)
    [frame] = pit.desk.frames_of(order)
    assert frame.parent_order_id == order.order_id


def test_a_change_is_of_one_leg_and_a_market_leg_is_shown_at_a_price_of_the_brokers() -> None:
    pit = Pit()
    order = pit.place(pair=True)
    pit.desk.modify(order, Leg.STOP, ForeverLeg(terms=StopMarket(price_of(START + 9)), quantity=10))
    second = order.report.second_leg
    assert second is not None and second.terms == StopMarket(price_of(START + 9)) and order.terms == leg(-5).terms
    pit.desk.fire(order, Leg.STOP)
    assert isinstance(order.report.terms, Limit) and order.report.terms.price > Decimal(0)


def test_shares_that_nobody_has_are_not_sold() -> None:
    pit = Pit()
    order = pit.place(sign=-1)
    pit.desk.fire(order)
    pit.timeline.run(3.0)
    assert order.status is OrderStatus.REJECTED


@pytest.mark.parametrize("seed", [7_100, 7_103, 7_105])
def test_days_with_every_fault_copy_no_forever_order_twice(seed: int) -> None:
    summary = simulate(seed, 4, orders=20, followers=2, forever=0.3)
    assert summary.violations == ()
    assert summary.rare["looked at rest"] == 4


def test_days_with_forever_orders_and_without_faults_come_through_what_they_are_for() -> None:
    summary = simulate(2, 3, orders=20, followers=2, only=[], linked=0.0, forever=0.4)
    assert summary.violations == ()
    assert summary.rare["a copy waits for what the leader's waits for"] > 0


@pytest.mark.parametrize(("seed", "days", "only"), [(2, 1, []), (5, 5, None), (14, 4, None)])
def test_what_is_held_is_judged_with_the_orders_that_make_up_for_it_and_wait(
    seed: int, days: int, only: list[str] | None
) -> None:
    summary = simulate(seed, days, orders=20, followers=2, only=only, linked=0.0, forever=0.4)
    assert summary.violations == ()
    assert summary.rare["position judged with what waits"] > 0


def test_what_no_order_that_waits_makes_up_for_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(2_000_000, 20, 2, only=(), forever=0.4)
    monkeypatch.setattr(world, "_end_day", lambda stays: None)
    world.run_day()
    oracle, name = world.oracle, world.names[1]
    [listing] = {order.listing for order in world.leader.orders.values() if order.waits and order.listing.lot > 1}
    assert oracle.violations == [] and oracle.forevers.under_way(name, listing) != (0, 0)
    world.accounts[name].net[listing] = 5 * listing.lot
    oracle.look_at_rest()
    assert {violation.invariant for violation in oracle.violations} == {4}


def test_a_request_that_is_on_its_way_at_midnight_was_journaled_the_day_before(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(2_000_000, 20, 2, only=(), forever=0.4)
    monkeypatch.setattr(world, "_end_day", lambda stays: None)
    world.run_day()
    oracle = world.oracle
    waits = {order.tag for account in world.accounts.values() for order in account.orders.values() if order.waits}
    assert waits and {tag for tag, _ in oracle.durable} > waits
    oracle.next_day()
    assert {tag for tag, _ in oracle.durable} == waits
