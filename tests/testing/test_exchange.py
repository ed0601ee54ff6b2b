"""Orders are placed, driven and ended at the simulated exchange, and nothing happens there by itself."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy.model.account import Holding
from dhan_copy.model.order import Limit, Market, OrderStatus, Product, Side, Validity
from dhan_copy.testing import ExchangeRefusal, SimulatedOrder
from tests.testing.exchange_kit import FUTURE, MORNING, SHARE, buy, exchange, heard, sell, statuses


class TestPlacing:
    def test_an_order_without_a_market_rests(self) -> None:
        ex = exchange()
        events = heard(ex)
        order = ex.place("L", buy())
        assert order.status is OrderStatus.PENDING
        assert order.reason == "CONFIRMED"
        assert statuses(events) == ["PENDING"]
        assert ex.orders("L") == (order,)
        assert ex.orders("F") == ()

    def test_ids_contain_the_day_and_never_repeat(self) -> None:
        ex = exchange()
        ids = [ex.place("L", buy()).order_id for _ in range(3)]
        assert ids == ["322260904000001", "322260904000002", "322260904000003"]

    def test_an_incoming_order_trades_at_the_last_price(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, "399.5")
        events = heard(ex)
        order = ex.place("L", buy(10, "400"))
        assert (order.status, order.filled_quantity, order.average_price) == (OrderStatus.TRADED, 10, Decimal("399.5"))
        assert statuses(events) == ["PENDING", "TRADED"]
        assert ex.position("L", SHARE, Product.INTRADAY) == 10
        assert [(t.quantity, t.price) for t in ex.trades("L")] == [(10, Decimal("399.5"))]

    def test_a_market_order_from_the_app_stays_one_and_waits_for_a_price(self) -> None:
        ex = exchange()
        order = ex.place("L", buy(10, None))
        assert (order.terms, order.status) == (Market(), OrderStatus.PENDING)
        ex.set_price(SHARE, 380)
        assert ex.order("L", order.order_id).average_price == 380

    def test_an_api_market_order_becomes_a_limit_one_percent_away(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, "379.65", available=0)
        bought = ex.place("L", buy(10, None, source="P"))
        sold = ex.place("L", sell(10, None, source="P"))
        assert bought.terms == Limit(Decimal("383.40"))
        assert sold.terms == Limit(Decimal("375.85"))

    def test_protection_can_be_switched_off(self) -> None:
        ex = exchange(protect_api_market=False)
        ex.set_price(SHARE, 380, available=0)
        assert ex.place("L", buy(10, None, source="P")).terms == Market()

    def test_a_deferred_order_is_in_transit_until_it_is_confirmed(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 380)
        events = heard(ex)
        order = ex.place("L", buy(), deferred=True)
        assert (order.status, order.exchange_order_id) == (OrderStatus.TRANSIT, "0")
        assert ex.confirm("L", order.order_id).status is OrderStatus.TRADED
        assert statuses(events) == ["TRANSIT", "PENDING", "TRADED"]
        assert ex.confirm("L", order.order_id).status is OrderStatus.TRADED

    def test_transit_can_be_held(self) -> None:
        ex = exchange()
        ex.hold_in_transit = True
        order = ex.place("L", buy())
        assert order.status is OrderStatus.TRANSIT
        assert ex.cancel("L", order.order_id).status is OrderStatus.CANCELLED

    def test_an_ioc_is_cancelled_with_what_did_not_trade(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 400, available=4)
        order = ex.place("L", buy(10, "400", validity=Validity.IOC))
        assert (order.status, order.filled_quantity, order.leaves_quantity) == (OrderStatus.CANCELLED, 4, 0)

    def test_an_after_market_order_waits_for_the_session(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 390)
        order = ex.place("L", buy(after_market=True))
        assert (order.status, order.exchange_order_id) == (OrderStatus.PENDING, "0")
        ex.set_price(SHARE, 380)
        assert ex.order("L", order.order_id).filled_quantity == 0
        ex.release_after_market()
        assert ex.order("L", order.order_id).average_price == 380


class TestDriving:
    def test_fills_in_parts(self) -> None:
        ex = exchange()
        order = ex.place("L", buy(10, "400"))
        assert ex.fill("L", order.order_id, 4).status is OrderStatus.PART_TRADED
        done = ex.fill("L", order.order_id, price="398")
        assert (done.status, done.average_price) == (OrderStatus.TRADED, Decimal("398.8"))
        with pytest.raises(ValueError):
            ex.fill("L", order.order_id, 1)

    def test_more_than_is_open_or_no_price_at_all_is_refused(self) -> None:
        ex = exchange()
        order = ex.place("L", buy(10, None))
        with pytest.raises(ValueError):
            ex.fill("L", order.order_id, 11)
        with pytest.raises(ValueError):
            ex.fill("L", order.order_id)
        with pytest.raises(KeyError):
            ex.fill("L", "nothing")

    def test_a_fill_confirms_an_after_market_order_on_the_way(self) -> None:
        ex = exchange()
        order = ex.place("L", buy(after_market=True))
        assert ex.fill("L", order.order_id).exchange_order_id != "0"

    def test_rejected_and_expired_orders_have_ended(self) -> None:
        ex = exchange()
        first, second = ex.place("L", buy()), ex.place("L", buy())
        assert ex.reject("L", first.order_id, "EXCH:no").reason == "EXCH:no"
        assert ex.expire("L", second.order_id).status is OrderStatus.EXPIRED
        for order in (first, second):
            with pytest.raises(ValueError):
                ex.reject("L", order.order_id)
            with pytest.raises(ExchangeRefusal):
                ex.cancel("L", order.order_id)

    def test_a_recorded_order_is_filled_by_frames_alone(self) -> None:
        ex = exchange()
        events = heard(ex)
        recorded = SimulatedOrder(
            account=ex.accounts[0], order_id=ex.place("F", buy()).order_id, tag=None, key=SHARE, side=Side.BUY,
            product=Product.CNC, validity=Validity.DAY, terms=Limit(Decimal(400)), quantity=10,
            status=OrderStatus.PENDING, created_at=MORNING, ordered_at=MORNING, updated_at=MORNING,
        )  # fmt: skip
        ex.record(recorded)
        ex.set_price(SHARE, 350)
        assert ex.order("L", recorded.order_id).filled_quantity == 0
        part = evolve(recorded, filled_quantity=4, traded_value=Decimal(1600), last_trade_price=Decimal(400))
        ex.record(part)
        ex.record(part)
        ex.record(recorded)
        assert ex.order("L", recorded.order_id).filled_quantity == 4
        assert ex.position("L", SHARE, Product.CNC) == 4
        assert [event.account for event in events if event.account == "L"] == []


class TestDay:
    def test_orders_expire_and_positions_end_or_are_carried(self) -> None:
        ex = exchange()
        for product in (Product.INTRADAY, Product.CNC):
            ex.fill("L", ex.place("L", buy(product=product)).order_id)
        ex.fill("L", ex.place("L", buy(200, "3300", key=FUTURE, product=Product.MARGIN)).order_id)
        working = ex.place("L", buy())
        after_market = ex.place("L", buy(after_market=True))
        ex.end_day()
        assert ex.order("L", working.order_id).status is OrderStatus.EXPIRED
        assert ex.position("L", SHARE, Product.INTRADAY) == 0
        ex.set_holdings("L", [Holding(SHARE.security_id, 5, "NTPC")])
        ex.new_day()
        assert [order.order_id for order in ex.orders("L")] == [after_market.order_id]
        assert ex.trades("L") == ()
        assert ex.holdings("L") == (Holding(SHARE.security_id, 15, "NTPC"),)
        assert [(p.product, p.net_quantity) for p in ex.positions("L")] == [(Product.MARGIN, 200)]
        ex.fill("L", ex.place("L", sell(15, product=Product.CNC)).order_id)
        ex.new_day()
        assert ex.holdings("L") == ()
