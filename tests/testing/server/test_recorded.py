"""Recorded frames are understood well enough to stand in the order book."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy.model.instrument import InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Limit, Market, OrderStatus, Product, Side, StopLimit, StopMarket
from dhan_copy.testing.server.recorded import read_recorded

LINES = (Path(__file__).parents[2] / "data" / "order_updates.jsonl").read_text().splitlines()


def changed(line: int, **fields: object) -> str:
    envelope = json.loads(LINES[line])
    envelope["Data"].update(fields)
    return json.dumps(envelope)


def test_every_recorded_frame_is_understood() -> None:
    orders = [read_recorded(line).order for line in LINES]
    assert [order.order_id for order in orders][:3] == ["10225030676527", "3225031246227", "341260209256501"]
    assert [order.status.value for order in orders] == [
        "TRADED", "PENDING", "REJECTED", "PENDING", "TRADED", "PENDING", "PENDING", "PENDING", "PENDING", "PENDING",
        "PENDING", "CANCELLED",
    ]  # fmt: skip
    assert {order.account for order in orders} == {"1000000001"}


def test_a_fill_carries_its_price() -> None:
    recorded = read_recorded(LINES[0])
    order = recorded.order
    assert (order.filled_quantity, order.average_price, order.side, order.product) == (
        150, Decimal("188.1"), Side.BUY, Product.INTRADAY
    )  # fmt: skip
    assert recorded.instrument.facts == InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX)
    assert (recorded.instrument.strike, recorded.instrument.expiry) == (22400, "2025-03-13")


def test_a_price_without_a_fill_is_no_fill() -> None:
    order = read_recorded(LINES[5]).order
    assert (order.filled_quantity, order.average_price, order.last_trade_price) == (0, None, None)


def test_a_forever_child_knows_its_parent_and_is_no_after_market_order() -> None:
    order = read_recorded(LINES[6]).order
    assert (order.parent_order_id, order.after_market, order.tag) == ("32132609031621", False, "NR")
    assert read_recorded(changed(7, offMktFlag="1")).order.after_market


def test_stops_and_market_orders() -> None:
    assert read_recorded(LINES[1]).order.terms == StopLimit(Decimal("131.2"), Decimal(131))
    assert read_recorded(LINES[7]).order.terms == Market()
    assert read_recorded(LINES[3]).order.terms == Limit(Decimal(377))
    assert read_recorded(changed(1, orderType="SLM")).order.terms == StopMarket(Decimal("131.2"))


def test_partial_fills_are_seen_in_the_quantity() -> None:
    partial = read_recorded(changed(5, tradedQty=200, avgTradedPrice=3270.5)).order
    assert (partial.status, partial.average_price) == (OrderStatus.PART_TRADED, Decimal("3270.5"))
    assert read_recorded(changed(5, status="PART_TRADED", tradedQty=200)).order.status is OrderStatus.PART_TRADED


def test_the_account_can_be_another() -> None:
    assert read_recorded(LINES[0], "F").order.account == "F"
    assert read_recorded(LINES[0]).order.recorded


@pytest.mark.parametrize(
    "frame",
    [
        "x", "[]", "{}", '{"Data": 1}', '{"Data": {}}',
        changed(0, status="Odd"), changed(0, orderType="X"), changed(0, orderType="LMT", price=0),
        changed(0, product="Z"), changed(0, exchange="NYSE"), changed(0, quantity="many"),
        changed(0, orderDateTime=""), changed(0, orderDateTime="yesterday"), changed(0, instrument="BOND"),
        changed(0, price="abc"), changed(0, tickSize="NaN"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(frame: str) -> None:
    with pytest.raises((ValueError, KeyError, ArithmeticError, TypeError)):
        read_recorded(frame)
