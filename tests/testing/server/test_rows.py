"""Rows of the REST answers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from attrs import evolve

from dhan_copy.model.order import OrderStatus, Product
from dhan_copy.model.times import ist
from dhan_copy.testing.server.dialect import Dialect
from dhan_copy.testing.server.rows import order_row, placement_row, position_row, profile_row
from tests.testing.exchange_kit import FUTURE, SHARE, buy, exchange, sell


def test_an_option_row_names_its_type_and_strike() -> None:
    ex = exchange()
    option = evolve(ex.instrument(FUTURE), option_type="PE", strike=Decimal(22550))
    row = order_row(ex.place("L", buy(200, "100", key=FUTURE)), option, Dialect())
    assert (row["drvOptionType"], row["drvStrikePrice"]) == ("PUT", 22550.0)


def test_a_share_has_no_expiry() -> None:
    ex = exchange()
    row = order_row(ex.place("L", buy()), ex.instrument(SHARE), Dialect())
    assert (row["drvExpiryDate"], row["drvOptionType"], row["drvStrikePrice"]) == ("0001-01-01", "NA", 0.0)


def test_the_answer_to_a_placement_says_transit_or_rejected() -> None:
    order = exchange().place("L", buy())
    assert placement_row(order) == {"orderId": order.order_id, "orderStatus": "TRANSIT"}
    rejected = evolve(order, status=OrderStatus.REJECTED, rejected_in_answer=True)
    assert placement_row(rejected)["orderStatus"] == "REJECTED"


def test_a_closed_position_stays_with_its_profit() -> None:
    ex = exchange()
    ex.fill("L", ex.place("L", buy(10, "400")).order_id)
    ex.fill("L", ex.place("L", sell(10, "410")).order_id)
    [(key, product, held)] = ex.held("L")
    row = position_row("L", key, product, held, ex.instrument(key), None)
    assert product is Product.INTRADAY
    assert (row["positionType"], row["netQty"], row["realizedProfit"]) == ("CLOSED", 0, 100.0)
    assert (row["buyAvg"], row["sellAvg"], row["dayBuyQty"], row["daySellQty"]) == (400.0, 410.0, 10, 10)


def test_a_token_lives_a_day() -> None:
    assert profile_row("1", ist(datetime(2026, 9, 4, 9, 15)))["tokenValidity"] == "05/09/2026 09:15"
