"""Funds follow from positions and open orders."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.model.account import Funds
from dhan_copy.model.order import Limit, OrderStatus
from dhan_copy.testing import ExchangeRefusal
from tests.testing.exchange_kit import FUTURE, buy, exchange, sell


class TestFunds:
    def test_nobody_lacks_money_until_it_is_counted(self) -> None:
        ex = exchange()
        assert ex.place("L", buy(10_000_000)).status is OrderStatus.PENDING
        assert ex.funds("L") == Funds(Decimal("10000000.00"), Decimal("10000000.00"), Decimal(0))

    def test_open_orders_take_money_and_exits_take_none(self) -> None:
        ex = exchange()
        ex.set_funds("L", Decimal(4100))
        first = ex.place("L", buy(10, "400"))
        assert ex.funds("L") == Funds(Decimal(100), Decimal(4100), Decimal(4000))
        poor = ex.place("L", buy(1, "400"))
        assert poor.status is OrderStatus.REJECTED
        assert poor.reason == f"RMS:{poor.order_id}:You have insufficient funds. Please add Rs.300.00 to trade."
        ex.fill("L", first.order_id)
        assert ex.funds("L").available == 100
        exit_order = ex.place("L", sell(10, "410"))
        assert exit_order.status is OrderStatus.PENDING
        ex.fill("L", exit_order.order_id)
        assert ex.funds("L") == Funds(Decimal(4200), Decimal(4100), Decimal(0)), "what was made is free again"

    def test_a_modification_needs_money_too_and_a_cancel_gives_it_back(self) -> None:
        ex = exchange()
        ex.set_funds("L", Decimal(4100))
        order = ex.place("L", buy(10, "400"))
        with pytest.raises(ExchangeRefusal, match="insufficient funds"):
            ex.modify("L", order.order_id, quantity=11, terms=Limit(Decimal(400)))
        ex.cancel("L", order.order_id)
        assert ex.funds("L").available == 4100

    def test_futures_take_their_margin(self) -> None:
        ex = exchange()
        ex.set_funds("L", Decimal(200_000))
        ex.place("L", buy(200, "3300", key=FUTURE))
        assert ex.funds("L").available == 68_000
