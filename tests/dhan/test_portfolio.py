"""Positions, holdings and funds: what is not said is never taken for nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.dhan.portfolio import parse_funds, parse_holdings, parse_margin, parse_positions
from dhan_copy.errors import UnreadableReport
from dhan_copy.model.account import Funds, Holding, Margin, Position
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Product

POSITION: dict[str, object] = {
    "dhanClientId": "1000000009",
    "tradingSymbol": "BSE-Sep2026-FUT",
    "securityId": "68456",
    "positionType": "SHORT",
    "exchangeSegment": "NSE_FNO",
    "productType": "MARGIN",
    "buyAvg": 0.0,
    "buyQty": 0,
    "costPrice": 3345.8,
    "sellAvg": 3345.8,
    "sellQty": 400,
    "netQty": -400,
    "realizedProfit": 0.0,
    "unrealizedProfit": 6122.0,
    "rbiReferenceRate": 1.0,
    "multiplier": 1,
    "carryForwardBuyQty": 0,
    "carryForwardSellQty": 0,
}
HOLDING: dict[str, object] = {
    "exchange": "ALL",
    "tradingSymbol": "HDFC",
    "securityId": "1330",
    "isin": "INE001A01036",
    "totalQty": 1000,
    "dpQty": 900,
    "t1Qty": 100,
    "availableQty": 900,
    "collateralQty": 0,
    "avgCostPrice": 2655.0,
}
FUNDS: dict[str, object] = {
    "dhanClientId": "1000000009",
    "availabelBalance": 98440.5,
    "sodLimit": 113642,
    "collateralAmount": 0.0,
    "utilizedAmount": 15202.0,
}


def test_positions_are_signed() -> None:
    long = {**POSITION, "positionType": "LONG", "netQty": 200}
    closed = {**POSITION, "positionType": "CLOSED", "netQty": 0, "productType": "INTRADAY"}
    assert parse_positions([POSITION, long, closed]) == [
        Position(ExchangeSegment.NSE_FNO, "68456", Product.MARGIN, -400),
        Position(ExchangeSegment.NSE_FNO, "68456", Product.MARGIN, 200),
        Position(ExchangeSegment.NSE_FNO, "68456", Product.INTRADAY, 0),
    ]
    assert parse_positions([]) == []
    assert parse_positions(POSITION) == parse_positions([POSITION])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("netQty", None),
        ("netQty", 400),
        ("netQty", 0.5),
        ("netQty", True),
        ("positionType", "LONG"),
        ("positionType", None),
        ("positionType", "FLAT"),
        ("productType", "NRML"),
        ("exchangeSegment", None),
        ("securityId", None),
    ],
)
def test_one_unreadable_position_fails_the_read(name: str, value: object) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_positions([POSITION, {**POSITION, name: value}])
    assert caught.value.field_name == ("netQty" if name == "positionType" and value == "LONG" else name)


def test_holdings_count_all_shares() -> None:
    assert parse_holdings([HOLDING]) == [Holding("1330", 1000, "HDFC")]
    assert parse_holdings([]) == []


@pytest.mark.parametrize(("name", "value"), [("totalQty", None), ("totalQty", -1), ("securityId", ""), ("totalQty", "")])
def test_one_unreadable_holding_fails_the_read(name: str, value: object) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_holdings([{**HOLDING, name: value}])
    assert caught.value.field_name == name


def without(*names: str, **more: object) -> dict[str, object]:
    return {name: value for name, value in FUNDS.items() if name not in names} | more


@pytest.mark.parametrize(
    "row",
    [FUNDS, [FUNDS], without("availabelBalance", availableBalance=98440.5), without(sodLimit="113642.00"),
     without(availableBalance=Decimal("98440.5"))],
)  # fmt: skip
def test_z5_funds_in_either_spelling(row: object) -> None:
    assert parse_funds(row) == Funds(Decimal("98440.5"), Decimal(113642), Decimal("15202.0"))


def test_z5_a_debit_and_a_zero_are_amounts() -> None:
    assert parse_funds(without(availabelBalance=0, sodLimit=-12.5)) == Funds(Decimal(0), Decimal("-12.5"), Decimal("15202.0"))


def test_z5_what_is_in_use_may_be_unknown() -> None:
    assert parse_funds(without("utilizedAmount")).used is None
    assert parse_funds(without(utilizedAmount=None)).used is None


MARGIN: dict[str, object] = {
    "totalMargin": 2800.5, "spanMargin": 1200.0, "exposureMargin": 1003.0, "availableBalance": 10500.0,
    "variableMargin": 1000.0, "insufficientBalance": 0.0, "brokerage": 20.0, "leverage": "4.00",
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "margin"),
    [
        (MARGIN, Margin(Decimal("2800.5"), Decimal(10500))),
        ([MARGIN], Margin(Decimal("2800.5"), Decimal(10500))),
        ({"total_margin": "150000.00", "span_margin": "50000.00", "currency": "INR"}, Margin(Decimal(150000))),
        ({"totalMargin": 1592934.0, "exposure": 1.0, "hedgeBenefit": 0.0}, Margin(Decimal(1592934))),
    ],
)
def test_z7_margin_in_either_spelling(answer: object, margin: Margin) -> None:
    assert parse_margin(answer) == margin


@pytest.mark.parametrize("answer", [{}, [], None, {"totalMargin": None}, {"totalMargin": "much"}, [MARGIN, MARGIN],
                                    {"totalMargin": 1, "total_margin": "2"}, {"errorCode": "DH-905"}])  # fmt: skip
def test_z7_unknown_margin_is_an_error_and_never_zero(answer: object) -> None:
    with pytest.raises(UnreadableReport):
        parse_margin(answer)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (without("availabelBalance"), "availabelBalance"),
        (without(availabelBalance=None), "availabelBalance"),
        (without("sodLimit"), "sodLimit"),
        (without(availabelBalance=""), "availabelBalance"),
        (without(availabelBalance=True), "availabelBalance"),
        (without(availabelBalance=float("nan")), "availabelBalance"),
        (without(availabelBalance=1e15), "availabelBalance"),
        (without(availableBalance=5), "availabelBalance"),
        ([], "rows"),
        ([FUNDS, FUNDS], "rows"),
        (None, "rows"),
        ({}, "rows"),
        ({"errorCode": "DH-901"}, "rows"),
    ],
)
def test_z5_unknown_funds_are_an_error_and_never_zero(row: object, name: str) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_funds(row)
    assert caught.value.field_name == name


@pytest.mark.parametrize("parse", [parse_positions, parse_holdings])
@pytest.mark.parametrize("data", [None, "", {}, [5], {"errorMessage": "no"}])
def test_a_failed_read_is_never_flat(parse: object, data: object) -> None:
    assert callable(parse)
    with pytest.raises(UnreadableReport):
        parse(data)
