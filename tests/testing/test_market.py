"""Prices move when the test moves them, and orders trade by price and time."""

from __future__ import annotations

from decimal import Decimal

from dhan_copy.model.order import Limit, OrderStatus, StopLimit, StopMarket
from tests.testing.exchange_kit import FUTURE, SHARE, buy, exchange, heard, sell, statuses


class TestMarket:
    def test_resting_orders_trade_at_their_own_limits_by_price_then_time_over_all_accounts(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 405)
        low, first, second = (
            ex.place("L", buy(10, "399")), ex.place("F", buy(10, "401")), ex.place("L", buy(10, "401")),
        )  # fmt: skip
        ex.set_price(SHARE, 398, available=15)
        assert [ex.order(o.account, o.order_id).filled_quantity for o in (low, first, second)] == [0, 10, 5]
        assert ex.order("F", first.order_id).average_price == 401
        assert ex.order("L", second.order_id).status is OrderStatus.PART_TRADED
        ex.set_price(SHARE, 398)
        assert ex.order("L", low.order_id).average_price == 399

    def test_a_price_that_is_not_reached_fills_nothing(self) -> None:
        ex = exchange()
        order = ex.place("L", buy(10, "400"))
        ex.set_price(SHARE, "400.05")
        ex.set_price(FUTURE, 1)
        assert ex.order("L", order.order_id).status is OrderStatus.PENDING

    def test_a_stop_limit_triggers_into_a_limit_without_a_trigger(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 400)
        order = ex.place("L", sell(terms=StopLimit(Decimal(390), Decimal("389.5"))))
        ex.set_price(SHARE, "390.05")
        assert ex.order("L", order.order_id).terms == StopLimit(Decimal(390), Decimal("389.5"))
        events = heard(ex)
        ex.set_price(SHARE, 390)
        triggered = ex.order("L", order.order_id)
        assert (triggered.terms, triggered.trigger) == (Limit(Decimal("389.5")), None)
        assert (triggered.status, triggered.average_price) == (OrderStatus.TRADED, 390)
        assert statuses(events) == ["PENDING", "TRADED"]

    def test_resting_orders_come_before_stops_that_the_same_price_triggers(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 400)
        stop = ex.place("L", sell(10, terms=StopMarket(Decimal(395))))
        resting = ex.place("L", sell(10, "401"))
        ex.set_price(SHARE, 402, available=10)
        assert ex.order("L", resting.order_id).status is OrderStatus.TRADED
        ex.set_price(SHARE, 394, available=6)
        assert ex.order("L", stop.order_id).filled_quantity == 6

    def test_an_api_stop_market_is_protected_when_it_triggers_or_drops_its_trigger_as_at_dhan(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 400)
        order = ex.place("L", sell(source="P", terms=StopMarket(Decimal(390))))
        assert order.terms == StopMarket(Decimal(390))
        ex.set_price(SHARE, 390, available=0)
        assert ex.order("L", order.order_id).terms == Limit(Decimal("386.10"))
        broken = exchange(stop_market_drops_trigger=True)
        broken.set_price(SHARE, 400)
        assert broken.place("L", sell(source="P", terms=StopMarket(Decimal(390)))).status is OrderStatus.TRADED

    def test_a_reference_price_trades_nothing(self) -> None:
        ex = exchange()
        ex.set_reference(SHARE, Decimal(380))
        order = ex.place("L", buy(10, None, source="P"))
        assert (order.terms, order.status) == (Limit(Decimal("383.80")), OrderStatus.PENDING)
        assert ex.last_price(SHARE) == 380
