"""Rows of order books: every recorded one by hand, the other spellings, and mutations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.dhan import parse_order_row
from dhan_copy.dhan.rows import parse_order_book, rows_of
from dhan_copy.errors import UnreadableReport
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Validity,
    Variety,
)

ITEMS = json.loads((Path(__file__).parent.parent / "data" / "rest_rows.json").read_text())["items"]
IST = timezone(timedelta(hours=5, minutes=30))


def ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


def rows(kind: str) -> list[dict[str, object]]:
    return [item["row"] for item in ITEMS if item["kind"] == kind]


REJECTED, OLD, DOCUMENTED = rows("order_row")
SUPER_PART, SUPER = rows("super_order_row")
(FOREVER,) = rows("forever_row")
(POSTBACK,) = rows("postback_payload")

INTRADAY_MARKET_BUY = {
    "segment": ExchangeSegment.NSE_EQ,
    "side": Side.BUY,
    "product": Product.INTRADAY,
    "validity": Validity.DAY,
    "terms": Market(),
    "average_price": None,
    "leg": Leg.ENTRY,
    "variety": Variety.REGULAR,
    "instrument": InstrumentFacts(1),
    "parent_order_id": None,
    "disclosed_quantity": 0,
}

EXPECTED: list[tuple[dict[str, object], dict[str, object]]] = [
    (
        REJECTED,
        INTRADAY_MARKET_BUY
        | {
            "account": "1000000001",
            "order_id": "241260209361101",
            "exchange_order_id": None,
            "client_order_id": "DFT",
            "security_id": "10666",
            "symbol": "PNB",
            "quantity": 1,
            "filled_quantity": 0,
            "status": OrderStatus.REJECTED,
            "reason": "RMS:241260209361101:You have insufficient funds. Please add Rs.23.70 to trade.",
            "created_at": ist("2026-02-09 12:09:29"),
            "updated_at": ist("2026-02-09 12:09:29"),
        },
    ),
    (
        OLD,
        INTRADAY_MARKET_BUY
        | {
            "order_id": "6125011057766",
            "client_order_id": "1000000001-1736491974434",
            "security_id": "21713",
            "filled_quantity": 0,
            "status": OrderStatus.REJECTED,
        },
    ),
    (
        DOCUMENTED,
        INTRADAY_MARKET_BUY
        | {
            "account": "1000000003",
            "order_id": "112111182198",
            "client_order_id": "123abc678",
            "exchange_order_id": None,
            "security_id": "11536",
            "symbol": "",
            "quantity": 5,
            "filled_quantity": 0,
            "status": OrderStatus.PENDING,
            "reason": "",
            "created_at": ist("2021-11-24 13:33:03"),
        },
    ),
    (
        POSTBACK,
        INTRADAY_MARKET_BUY | {"order_id": "112111182198", "quantity": 5, "filled_quantity": 1, "status": OrderStatus.PENDING},
    ),
    (
        SUPER,
        {
            "account": "1100003626",
            "order_id": "5925022734212",
            "exchange_order_id": "11925022734212",
            "client_order_id": "string",
            "product": Product.CNC,
            "terms": Limit(Decimal(1500)),
            "quantity": 10,
            "filled_quantity": 0,
            "status": OrderStatus.PENDING,
            "leg": Leg.ENTRY,
            "variety": Variety.SUPER,
            "last_price": Decimal("1660.95"),
            "average_price": None,
        },
    ),
    (
        FOREVER,
        {
            "account": "1000000132",
            "order_id": "1132208051115",
            "client_order_id": None,
            "exchange_order_id": None,
            "product": Product.CNC,
            "terms": StopLimit(trigger=Decimal(1427), price=Decimal(1428)),
            "quantity": 10,
            "filled_quantity": 0,
            "status": OrderStatus.CONFIRM,
            "leg": Leg.ENTRY,
            "variety": Variety.FOREVER,
            "created_at": ist("2022-08-05 12:41:19"),
            "updated_at": None,
        },
    ),
]


@pytest.mark.parametrize(("row", "expected"), EXPECTED)
def test_a_recorded_row_says_what_dhan_meant(row: dict[str, object], expected: dict[str, object]) -> None:
    report = parse_order_row(row)
    assert {name: getattr(report, name) for name in expected} == expected
    assert json.loads(report.raw) == row


def test_exact_numbers_of_the_http_client_make_no_difference() -> None:
    exact = json.loads(json.dumps(SUPER), parse_float=Decimal)
    assert parse_order_row(exact) == parse_order_row(SUPER)


@pytest.mark.parametrize("kind", ["joined_trade_and_tape", "super_order_row"])
def test_a_partial_row_names_what_is_missing(kind: str) -> None:
    for item in ITEMS:
        if item["kind"] == kind and not item["complete_row"]:
            with pytest.raises(UnreadableReport) as caught:
                parse_order_row(item["row"])
            assert caught.value.field_name == "dhanClientId"


@pytest.mark.parametrize("kind", ["place_response", "trade_row_live", "trade_history_row", "error_body"])
def test_other_answers_are_not_order_rows(kind: str) -> None:
    for row in rows(kind):
        with pytest.raises(UnreadableReport):
            parse_order_row(row)


def plain(**changes: object) -> dict[str, object]:
    """A working limit order as live rows have it; ``...`` takes a key away."""
    row: dict[str, object] = {
        **REJECTED,
        "orderStatus": "PENDING",
        "orderType": "LIMIT",
        "price": 124.05,
        "quantity": 10,
        "correlationId": "NA",
        "exchangeOrderId": "1100000009",
        "omsErrorDescription": "CONFIRMED",
        **changes,
    }
    return {name: value for name, value in row.items() if value is not ...}


@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({}, Limit(Decimal("124.05"))),
        ({"orderType": "MARKET"}, Market()),
        ({"orderType": "STOP_LOSS", "triggerPrice": 124}, StopLimit(Decimal(124), Decimal("124.05"))),
        ({"orderType": "STOP_LOSS_MARKET", "triggerPrice": 124, "price": 0.0}, StopMarket(Decimal(124))),
        ({"orderType": "OCO", "triggerPrice": 124}, StopLimit(Decimal(124), Decimal("124.05"))),
        ({"orderType": "SINGLE", "triggerPrice": 124, "price": 0}, StopMarket(Decimal(124))),
    ],
)
def test_order_types(changes: dict[str, object], terms: object) -> None:
    assert parse_order_row(plain(**changes)).terms == terms


@pytest.mark.parametrize(
    ("changes", "variety", "leg"),
    [
        ({}, Variety.REGULAR, Leg.ENTRY),
        ({"legName": "ENTRY_LEG"}, Variety.SUPER, Leg.ENTRY),
        ({"legName": "TARGET_LEG"}, Variety.SUPER, Leg.TARGET),
        ({"legName": "STOP_LOSS_LEG"}, Variety.SUPER, Leg.STOP),
        ({"legName": "STOP_LOSS_LEG", "productType": "BO"}, Variety.BRACKET, Leg.STOP),
        ({"legName": "", "productType": "CO"}, Variety.COVER, Leg.ENTRY),
        ({"legName": ...}, Variety.REGULAR, Leg.ENTRY),
        ({"legDetails": []}, Variety.SUPER, Leg.ENTRY),
        ({"remarks": "Super Order"}, Variety.SUPER, Leg.ENTRY),
        ({"afterMarketOrder": True}, Variety.AFTER_MARKET, Leg.ENTRY),
        ({"afterMarketOrder": None}, Variety.REGULAR, Leg.ENTRY),
        ({"correlationId": "NR", "afterMarketOrder": True}, Variety.FOREVER, Leg.ENTRY),
        ({"orderType": "OCO", "triggerPrice": 1, "legName": "STOP_LOSS_LEG"}, Variety.FOREVER, Leg.STOP),
    ],
)
def test_varieties_and_legs(changes: dict[str, object], variety: Variety, leg: Leg) -> None:
    report = parse_order_row(plain(**changes))
    assert (report.variety, report.leg, report.parent_order_id) == (variety, leg, None)


@pytest.mark.parametrize("none", ["NA", "NR", "", " ", None, ...])
def test_tags_that_are_none(none: object) -> None:
    assert parse_order_row(plain(correlationId=none)).client_order_id is None


@pytest.mark.parametrize("segment", list(ExchangeSegment))
def test_rows_name_no_lot_and_only_a_share_is_one(segment: ExchangeSegment) -> None:
    report = parse_order_row(plain(exchangeSegment=segment.value))
    assert report.segment is segment
    assert report.instrument == (InstrumentFacts(1) if segment.value.endswith("_EQ") else None)


def test_the_update_time_is_the_later_of_two() -> None:
    report = parse_order_row(plain(updateTime="2026-02-09 12:09:29", exchangeTime="2026-02-09T12:09:30"))
    assert report.updated_at == ist("2026-02-09 12:09:30")
    assert parse_order_row(plain(updateTime="NA", exchangeTime=None)).updated_at is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dhanClientId", ...),
        ("orderId", None),
        ("exchangeSegment", "IDX_I"),
        ("exchangeSegment", "NSE_COMM"),
        ("productType", "NRML"),
        ("transactionType", "B"),
        ("validity", None),
        ("validity", "GTD"),
        ("orderType", "LMT"),
        ("orderType", None),
        ("orderType", []),
        ("price", 0.0),
        ("price", None),
        ("quantity", 0),
        ("quantity", 2.5),
        ("filledQty", 11),
        ("filledQty", None),
        ("filledQty", ...),
        ("filledQty", True),
        ("orderStatus", "LOST"),
        ("orderStatus", None),
        ("legName", "MIDDLE_LEG"),
        ("afterMarketOrder", "true"),
        ("remarks", 1),
        ("disclosedQuantity", -1),
        ("averageTradedPrice", "NaN"),
        ("averageTradedPrice", Decimal("NaN")),
        ("averageTradedPrice", Decimal("Infinity")),
        ("averageTradedPrice", 1 << 300),
        ("createTime", 5),
    ],
)
def test_what_cannot_be_right_is_refused_and_its_field_named(name: str, value: object) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_order_row(plain(**{name: value}))
    assert caught.value.field_name == name


def test_an_old_row_whose_filled_qty_is_too_large_names_that_spelling() -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_order_row(plain(filledQty=..., filled_qty=11))
    assert caught.value.field_name == "filled_qty"


def test_a_rejected_limit_order_without_its_price_is_not_guessed() -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_order_row({**REJECTED, "orderType": "LIMIT"})
    assert caught.value.field_name == "price"


@pytest.mark.parametrize("row", [None, 5, "row", [], {"dhanClientId": object()}, {"a": float("nan")}])
def test_a_row_that_is_no_json_object_is_refused(row: object) -> None:
    with pytest.raises(UnreadableReport):
        parse_order_row(row)  # type: ignore[arg-type]


def test_rows_of_takes_a_list_for_an_object_and_an_object_for_a_list() -> None:
    assert rows_of([REJECTED, OLD]) == [REJECTED, OLD]
    assert rows_of(REJECTED) == [REJECTED]
    assert rows_of([]) == []


@pytest.mark.parametrize(
    "data", [None, "", "[]", 5, {}, {"errorCode": "DH-906", "errorMessage": "Invalid Token"}, {"errorMessage": "no"}]
)
def test_rows_of_never_takes_an_error_for_no_rows(data: object) -> None:
    with pytest.raises(UnreadableReport):
        rows_of(data)
    with pytest.raises(UnreadableReport):
        parse_order_book(data)


def test_one_bad_row_of_a_book_hides_no_other_and_is_not_hidden() -> None:
    bad = plain(orderStatus="LOST")
    reports, failures = parse_order_book([REJECTED, bad, 5, {"x": object()}, OLD])
    assert [report.order_id for report in reports] == [REJECTED["orderId"], OLD["orderId"]]
    assert [failure.problem.split()[0] for failure in failures] == ["orderStatus", "row", "the"]
    assert json.loads(failures[0].raw) == bad
    assert json.loads(failures[1].raw) == {"row": 5}
    assert failures[2].raw == ""


def agrees(report: OrderReport, row: Mapping[str, object]) -> None:
    """Told from the row alone."""
    filled = row["filledQty"] if "filledQty" in row else row.get("filled_qty", 0)
    assert float(str(filled)) == report.filled_quantity <= report.quantity == float(str(row["quantity"]))
    assert report.order_id == str(row["orderId"])
    assert report.side.value == row["transactionType"]
    assert report.product.value == row["productType"]
    assert report.segment.value == row["exchangeSegment"]
    assert (
        report.status.value
        == "".join(c for c in str(row["orderStatus"]).replace("PART_", "PART\0") if c.isalpha() or c == "\0")
        .replace("\0", "_")
        .upper()
    )
    if isinstance(report.terms, Limit | StopLimit):
        assert float(report.terms.price) == float(str(row["price"])) > 0
    assert report.client_order_id == (None if row.get("correlationId") in (None, "NA", "NR", "") else row["correlationId"])


VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-2, 12), st.floats(), st.text(max_size=8),
    st.sampled_from(["BUY", "LIMIT", "OCO", "NR", "CO", "TRADED", "PART_TRADED", "MCX_COMM", "TARGET_LEG", "12.5"]),
    st.lists(st.none(), max_size=1), st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_mutated_row_is_refused_or_read_as_it_says(data: st.DataObject) -> None:
    row = deepcopy(data.draw(st.sampled_from([plain(), REJECTED, OLD, DOCUMENTED, SUPER, FOREVER, POSTBACK])))
    for name in data.draw(st.lists(st.sampled_from(sorted(row)), min_size=1, max_size=4, unique=True)):
        if data.draw(st.booleans()):
            del row[name]
        else:
            row[name] = data.draw(VALUES)
    try:
        report = parse_order_row(row)
    except UnreadableReport:
        return
    agrees(report, row)


@pytest.mark.parametrize(
    ("changes", "bracket"),
    [
        ({"boProfitValue": 10, "boStopLossValue": 4.05}, Bracket(target=Decimal("134.05"), stop=Decimal(120))),
        ({"boProfitValue": 10}, Bracket(target=Decimal("134.05"))),
        ({"boStopLossValue": 4, "transactionType": "SELL"}, Bracket(stop=Decimal("128.05"))),
        ({"boProfitValue": 10, "boStopLossValue": 4, "transactionType": "SELL"},
         Bracket(target=Decimal("114.05"), stop=Decimal("128.05"))),
        ({}, None),
        ({"boProfitValue": 10, "orderType": "MARKET", "price": 0}, None),
        # A price without a fill is no price that it traded at.
        ({"boProfitValue": 10, "orderType": "MARKET", "averageTradedPrice": 100, "filledQty": 0}, None),
        ({"boProfitValue": 10, "orderType": "MARKET", "averageTradedPrice": 100, "filledQty": 1},
         Bracket(target=Decimal(110))),
        ({"boProfitValue": 10, "legName": "TARGET_LEG"}, None),
        ({"boProfitValue": 10, "productType": "INTRADAY"}, None),
    ],
)  # fmt: skip
def test_l8_a_bracket_orders_values_are_differences_from_the_entrys_price(
    changes: dict[str, object], bracket: Bracket | None
) -> None:
    row = plain(**{"productType": "BO", "legName": "ENTRY_LEG", "transactionType": "BUY", "filledQty": 0, **changes})
    assert parse_order_row(row).bracket == bracket


@pytest.mark.parametrize(
    ("name", "value", "side"),
    [("boStopLossValue", 124.05, "BUY"), ("boProfitValue", 200, "SELL"), ("boProfitValue", -1, "BUY")],
)
def test_a_bracket_that_makes_no_sense_is_refused(name: str, value: object, side: str) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_order_row(plain(productType="BO", legName="ENTRY_LEG", transactionType=side, **{name: value}))
    assert caught.value.field_name == name


@pytest.mark.parametrize(
    ("flag", "name", "leg"),
    [
        ("SINGLE", "ENTRY_LEG", Leg.ENTRY),
        ("SINGLE", "TARGET_LEG", Leg.ENTRY),
        ("OCO", "ENTRY_LEG", Leg.TARGET),
        ("OCO", "TARGET_LEG", Leg.TARGET),
        ("OCO", "STOP_LOSS_LEG", Leg.STOP),
    ],
)
def test_l10_one_leg_of_a_forever_order_is_its_entry_and_two_are_target_and_stop(flag: str, name: str, leg: Leg) -> None:
    assert parse_order_row({**FOREVER, "orderType": flag, "legName": name}).leg is leg
