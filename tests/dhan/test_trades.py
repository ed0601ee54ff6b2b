"""Rows of the trade books of today and of earlier days."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy.dhan.trades import parse_trade_book, parse_trade_row
from dhan_copy.errors import UnreadableReport
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Product, Side

ITEMS = json.loads((Path(__file__).parent.parent / "data" / "rest_rows.json").read_text())["items"]
IST = timezone(timedelta(hours=5, minutes=30))
LIVE = [item["row"] for item in ITEMS if item["kind"] == "trade_row_live"]
HISTORY = [item["row"] for item in ITEMS if item["kind"] == "trade_history_row"]


def test_a_live_row_is_one_fill() -> None:
    trade = parse_trade_row(LIVE[0])
    assert trade.account == "1000000001"
    assert trade.order_id == "34226091617106"
    assert trade.exchange_order_id == "2000000053557567"
    assert trade.trade_id == "169311"
    assert trade.segment is ExchangeSegment.NSE_FNO
    assert trade.security_id == "68456"
    assert (trade.side, trade.product) == (Side.SELL, Product.MARGIN)
    assert (trade.quantity, trade.price) == (200, Decimal(3252))
    assert trade.traded_at == datetime(2026, 9, 16, 10, 15, 11, tzinfo=IST)
    assert trade.symbol == "BSE-Sep2026-FUT"
    assert json.loads(trade.raw) == LIVE[0]


def test_an_order_may_have_several_fills_within_a_second() -> None:
    first, second, documented = parse_trade_book(LIVE)
    assert first.order_id == second.order_id != documented.order_id
    assert first.traded_at == second.traded_at
    assert {first.trade_id, second.trade_id} == {"169311", "169312"}
    assert second.price == Decimal("3251.1")


@pytest.mark.parametrize("row", HISTORY)
def test_a_history_row_is_an_order_of_an_earlier_day(row: dict[str, object]) -> None:
    trade = parse_trade_row(row)
    assert trade.trade_id is None
    assert trade.symbol == "BSE SEP FUT"
    assert trade.traded_at.isoformat() == f"{row['exchangeTime']}+05:30"
    assert float(trade.price) == row["tradedPrice"]
    assert trade.quantity == row["tradedQuantity"]
    assert trade.side.value == row["transactionType"]


def test_a_weighted_price_is_exact() -> None:
    (row,) = (row for row in HISTORY if row["orderId"] == "312260908126806")
    assert parse_trade_row(row).price == Decimal("3394.025")


def test_one_object_where_a_list_is_expected() -> None:
    assert parse_trade_book(LIVE[0]) == [parse_trade_row(LIVE[0])]
    assert parse_trade_book([]) == []


@pytest.mark.parametrize("item", [item for item in ITEMS if item["kind"] == "joined_trade_and_tape"])
def test_a_partial_row_names_what_is_missing(item: dict[str, dict[str, object]]) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_trade_row(item["row"])
    assert caught.value.field_name == "dhanClientId"


@pytest.mark.parametrize(
    ("name", "value"),
    [("exchangeTime", "NA"), ("exchangeTime", "soon"), ("tradedQuantity", 0), ("tradedPrice", 0.0),
     ("tradedPrice", None), ("exchangeSegment", None), ("transactionType", "B"), ("productType", ""),
     ("securityId", "")],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_and_fails_the_whole_book(name: str, value: object) -> None:
    bad = {**LIVE[0], name: value}
    with pytest.raises(UnreadableReport) as caught:
        parse_trade_book([LIVE[0], bad])
    assert caught.value.field_name == name


@pytest.mark.parametrize("data", [None, {}, "[]", [5], {"errorCode": "DH-905"}])
def test_an_answer_without_rows_is_not_a_day_without_trades(data: object) -> None:
    with pytest.raises(UnreadableReport):
        parse_trade_book(data)
