"""Forever orders rest over days in a list of their own, and fire as ordinary orders with ids of their own."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.order import ForeverLeg, Leg, Limit, OrderStatus, Product, Side, StopLimit, StopMarket, Variety
from dhan_copy.testing import ExchangeRefusal, NewOrder, RequestKind, SimulatedExchange
from dhan_copy.testing.forever import ForeverOrder, as_order
from dhan_copy.testing.reports import report_of
from tests.testing.exchange_kit import FUTURE, SHARE, buy, exchange, heard, sell

ABOVE = StopLimit(Decimal(410), Decimal(409))
BELOW = StopLimit(Decimal(390), Decimal(389))
STOP = ForeverLeg(terms=BELOW, quantity=10)


def new(terms: StopLimit | StopMarket = ABOVE, side: Side = Side.SELL, quantity: int = 10, **more: object) -> NewOrder:
    make = buy if side is Side.BUY else sell
    return make(quantity, **{"terms": terms, "product": Product.CNC, **more})  # type: ignore[arg-type]


def only(ex: SimulatedExchange) -> ForeverOrder:
    [order] = ex.forever.orders("L")
    return order


@given(
    side=st.sampled_from(Side),
    trigger=st.integers(350, 420),
    path=st.lists(st.integers(340, 430), min_size=1, max_size=8),
)
def test_l10_a_single_one_fires_once_when_its_price_is_reached(side: Side, trigger: int, path: list[int]) -> None:
    ex = exchange()
    ex.forever.place("L", new(StopMarket(Decimal(trigger)), side))
    start, fired = path[0], path[0] == trigger
    ex.set_price(SHARE, start)
    for price in path[1:]:
        ex.set_price(SHARE, price)
        fired = fired or (price >= trigger if trigger >= start else price <= trigger)
    assert len(ex.orders("L")) == (1 if fired else 0)
    assert only(ex).status is (OrderStatus.TRADED if fired else OrderStatus.CONFIRM)


def test_l10_a_leg_fires_for_one_account_alone() -> None:
    ex = exchange()
    ids = [ex.forever.place(account, new(), STOP)[0].order_id for account in ("L", "F")]
    ex.forever.reach("L", ids[0], Leg.STOP)
    [placed] = ex.orders("L")
    assert (placed.terms, placed.parent_order_id, ex.orders("F")) == (Limit(Decimal(389)), ids[0], ())
    assert [leg.is_working for account in ("L", "F") for leg in ex.forever.orders(account)] == [False, False, True, True]
    with pytest.raises(ValueError, match="TARGET"):
        ex.forever.reach("L", ids[0], Leg.TARGET)


@given(side=st.sampled_from(Side), path=st.lists(st.integers(380, 420), max_size=8))
def test_l10_one_of_a_pair_fires_and_cancels_the_other(side: Side, path: list[int]) -> None:
    ex = exchange()
    high, low = StopMarket(Decimal(410)), StopMarket(Decimal(390))
    target, stop = (high, low) if side is Side.SELL else (low, high)
    ex.forever.place("L", new(target, side), ForeverLeg(terms=stop, quantity=5))
    for price in path:
        ex.set_price(SHARE, price)
    first = next((price for price in path if not 390 < price < 410), None)
    statuses = {leg.leg: leg.status for leg in ex.forever.orders("L")}
    if first is None:
        assert statuses == {Leg.TARGET: OrderStatus.CONFIRM, Leg.STOP: OrderStatus.CONFIRM}
        assert ex.orders("L") == ()
        return
    hit = Leg.TARGET if (first >= 410) is (side is Side.SELL) else Leg.STOP
    other = Leg.STOP if hit is Leg.TARGET else Leg.TARGET
    assert statuses == {hit: OrderStatus.TRADED, other: OrderStatus.CANCELLED}
    [child] = ex.orders("L")
    assert child.quantity == (10 if hit is Leg.TARGET else 5)


def test_l10_what_appears_is_an_ordinary_order_that_names_its_parent() -> None:
    ex = exchange()
    ex.set_price(SHARE, 400)
    [parent] = ex.forever.place("L", new(tag="mine", source="N"))
    events = heard(ex)
    ex.set_price(SHARE, 410)
    [child] = ex.orders("L")
    assert child.order_id != parent.order_id == child.parent_order_id
    assert (child.source, child.platform, child.tag, child.terms) == ("P", "FOVR", "NR", Limit(Decimal(409)))
    assert (child.variety, child.status) == (Variety.FOREVER, OrderStatus.TRADED)
    assert {event.order.order_id for event in events} == {child.order_id}
    assert only(ex).fired_id == child.order_id
    assert [request.tag for request in ex.requests] == ["mine"]
    assert ex.position("L", SHARE, Product.CNC) == -10


def test_a_market_one_is_price_protected() -> None:
    ex = exchange()
    ex.set_price(FUTURE, 3300)
    ex.forever.place("L", new(StopMarket(Decimal(3400)), Side.BUY, 200, key=FUTURE, product=Product.MARGIN))
    ex.set_price(FUTURE, 3410)
    [child] = ex.orders("L")
    assert child.terms == Limit(Decimal("3444.1"))


def test_it_rests_over_days_and_leaves_the_list_the_day_after_it_ended() -> None:
    ex = exchange()
    ex.set_price(SHARE, 400)
    ex.forever.place("L", new())
    for _ in range(3):
        ex.end_day()
        ex.new_day()
    assert only(ex).status is OrderStatus.CONFIRM
    ex.set_price(SHARE, 411)
    assert only(ex).status is OrderStatus.TRADED
    ex.new_day()
    assert ex.forever.orders("L") == ()


def test_each_leg_can_be_modified() -> None:
    ex = exchange()
    [target, stop] = ex.forever.place("L", new(), STOP)
    assert target.order_id == stop.order_id
    moved = StopLimit(Decimal(395), Decimal(394))
    ex.forever.modify("L", stop.order_id, Leg.STOP, quantity=20, terms=moved)
    assert [(leg.leg, leg.terms, leg.quantity) for leg in ex.forever.orders("L")] == [
        (Leg.TARGET, ABOVE, 10), (Leg.STOP, moved, 20),
    ]  # fmt: skip
    with pytest.raises(ExchangeRefusal, match="Invalid order id"):
        ex.forever.modify("L", stop.order_id, Leg.ENTRY, quantity=20, terms=moved)
    assert [(request.kind, request.leg) for request in ex.requests[1:]] == [
        (RequestKind.MODIFY, Leg.STOP), (RequestKind.MODIFY, Leg.ENTRY),
    ]  # fmt: skip


@pytest.mark.parametrize("leg", [Leg.ENTRY, Leg.TARGET])
def test_the_leg_of_a_single_one_has_two_names(leg: Leg) -> None:
    ex = exchange()
    ex.set_price(SHARE, 400)
    [order] = ex.forever.place("L", new())
    changed = ex.forever.modify("L", order.order_id, leg, quantity=7, terms=StopMarket(Decimal(399)))
    ex.set_price(SHARE, 401)
    assert (changed.quantity, ex.orders("L")) == (7, ())
    ex.set_price(SHARE, 399)
    assert len(ex.orders("L")) == 1


def test_modifications_are_capped() -> None:
    ex = exchange()
    [order] = ex.forever.place("L", new())
    for _ in range(25):
        ex.forever.modify("L", order.order_id, quantity=10, terms=ABOVE)
    with pytest.raises(ExchangeRefusal, match="25 times"):
        ex.forever.modify("L", order.order_id, quantity=10, terms=ABOVE)


def test_cancelling_takes_all_legs_and_what_has_ended_stays() -> None:
    ex = exchange()
    [order, _] = ex.forever.place("L", new(), STOP)
    assert [leg.status for leg in ex.forever.cancel("L", order.order_id)] == [OrderStatus.CANCELLED] * 2
    with pytest.raises(ExchangeRefusal, match="already cancelled"):
        ex.forever.cancel("L", order.order_id)
    with pytest.raises(ExchangeRefusal, match="already cancelled"):
        ex.forever.modify("L", order.order_id, Leg.STOP, quantity=1, terms=BELOW)
    [fired] = ex.forever.place("L", new())
    ex.set_price(SHARE, 400)
    ex.set_price(SHARE, 410)
    with pytest.raises(ExchangeRefusal, match="Order Has Traded"):
        ex.forever.cancel("L", fired.order_id)
    with pytest.raises(ExchangeRefusal, match="Invalid order id"):
        ex.forever.cancel("F", fired.order_id)


@pytest.mark.parametrize(
    ("order", "stop", "words"),
    [
        (new(product=Product.INTRADAY), None, "productType"),
        (sell(10, "400", product=Product.CNC), None, "Trigger Price"),
        (new(quantity=10, key=FUTURE), None, "lot size 200"),
        (new(), ForeverLeg(terms=StopMarket(Decimal(390)), quantity=10), "one orderType"),
    ],
)
def test_what_is_refused(order: NewOrder, stop: ForeverLeg | None, words: str) -> None:
    ex = exchange()
    with pytest.raises(ExchangeRefusal, match=words):
        ex.forever.place("L", order, stop)
    assert ex.forever.orders("L") == ()
    assert words in ex.requests[0].problem


def test_one_that_cannot_be_placed_when_it_fires_is_rejected() -> None:
    ex = exchange()
    ex.forever.place("L", new(StopLimit(Decimal(410), Decimal(409)), disclosed_quantity=1))
    ex.set_price(SHARE, 400)
    ex.set_price(SHARE, 410)
    assert only(ex).status is OrderStatus.REJECTED
    assert ex.orders("L") == ()


def test_the_broker_may_show_it_late() -> None:
    ex = exchange()
    ex.delay_visibility("L", 3.0)
    ex.forever.place("L", new())
    assert ex.forever.orders("L") == ()
    ex.clock.advance(3)  # type: ignore[attr-defined]
    assert only(ex).status is OrderStatus.CONFIRM


def test_its_report() -> None:
    ex = exchange()
    [target, stop] = ex.forever.place("L", new(), STOP)
    reports = [report_of(as_order(leg), ex.instrument(SHARE)) for leg in (target, stop)]
    assert [(r.leg, r.variety, r.terms, r.status, r.filled_quantity) for r in reports] == [
        (Leg.TARGET, Variety.FOREVER, ABOVE, OrderStatus.CONFIRM, 0),
        (Leg.STOP, Variety.FOREVER, BELOW, OrderStatus.CONFIRM, 0),
    ]
