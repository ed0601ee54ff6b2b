"""Order updates: every recorded frame, every documented oddity, and mutations against an oracle of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.dhan import parse_order_update
from dhan_copy.errors import UnreadableReport
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKind
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

DATA = Path(__file__).parent.parent / "data"
LINES = DATA.joinpath("order_updates.jsonl").read_text().splitlines()
IST = timezone(timedelta(hours=5, minutes=30))


def ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


def bse_future(**more: object) -> dict[str, object]:
    """What the recorded frames of one stock future have in common."""
    return {
        "segment": ExchangeSegment.NSE_FNO,
        "security_id": "68456",
        "product": Product.MARGIN,
        "status": OrderStatus.PENDING,
        "filled_quantity": 0,
        "source": "P",
        "platform": "API",
        "instrument": InstrumentFacts(200, Decimal("0.1"), InstrumentKind.FUTSTK),
        "symbol": "BSE-Sep2026-FUT",
        "client_order_id": "strategy-engine",
        "reason": "CONFIRMED",
        "variety": Variety.REGULAR,
        "parent_order_id": None,
    } | more


def ntpc(**more: object) -> dict[str, object]:
    return {
        "order_id": "351260318338501",
        "exchange_order_id": "1200000080741389",
        "segment": ExchangeSegment.NSE_EQ,
        "security_id": "11630",
        "side": Side.BUY,
        "product": Product.INTRADAY,
        "quantity": 1,
        "client_order_id": None,
        "instrument": InstrumentFacts(1, Decimal("0.05"), InstrumentKind.EQUITY),
        "source": "W",
    } | more


EXPECTED: list[dict[str, object]] = [
    {
        "order_id": "10225030676527",
        "exchange_order_id": "1000000017257919",
        "segment": ExchangeSegment.NSE_FNO,
        "security_id": "45463",
        "side": Side.BUY,
        "product": Product.INTRADAY,
        "terms": Limit(Decimal("188.1")),
        "quantity": 150,
        "filled_quantity": 150,
        "average_price": Decimal("188.1"),
        "status": OrderStatus.TRADED,
        "client_order_id": None,
        "instrument": InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX),
        "last_price": Decimal("192.35"),
        "source": "T",
        "platform": None,
        "reason": "TRADE CONFIRMED",
        "variety": Variety.REGULAR,
        "created_at": ist("2025-03-06 09:32:05"),
        "updated_at": ist("2025-03-06 09:32:19"),
    },
    {
        "order_id": "3225031246227",
        "side": Side.SELL,
        "terms": StopLimit(trigger=Decimal("131.2"), price=Decimal(131)),
        "quantity": 75,
        "filled_quantity": 0,
        "average_price": None,
        "status": OrderStatus.MODIFIED,
        "variety": Variety.REGULAR,
        "instrument": InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX),
        "source": "P",
    },
    {
        "order_id": "341260209256501",
        "exchange_order_id": None,
        "segment": ExchangeSegment.NSE_EQ,
        "security_id": "10666",
        "terms": Market(),
        "status": OrderStatus.REJECTED,
        "quantity": 1,
        "client_order_id": None,
        "instrument": InstrumentFacts(1, Decimal("0.01"), InstrumentKind.EQUITY),
        "reason": "RMS:341260209256501:You have insufficient funds. Please add Rs.23.67 to trade.",
        "created_at": ist("2026-02-09 12:12:09"),
        "updated_at": ist("2026-02-09 12:12:09"),
        "source": "W",
    },
    ntpc(
        terms=Limit(Decimal(377)),
        status=OrderStatus.PENDING,
        filled_quantity=0,
        created_at=ist("2026-03-18 14:25:47"),
    ),
    ntpc(
        terms=Market(),
        status=OrderStatus.TRADED,
        filled_quantity=1,
        average_price=Decimal("379.55"),
        created_at=ist("2026-03-18 14:28:40"),
        reason="TRADE CONFIRMED",
    ),
    bse_future(
        order_id="32226090368506",
        side=Side.BUY,
        terms=Limit(Decimal("3300.2")),
        quantity=800,
        average_price=Decimal(3270),
        last_price=Decimal("3267.6"),
    ),
    bse_future(
        order_id="312260904412406",
        side=Side.SELL,
        terms=Limit(Decimal("3382.9")),
        quantity=400,
        average_price=Decimal("3415.5"),
        client_order_id=None,
        parent_order_id="32132609031621",
        platform="FOVR",
        variety=Variety.FOREVER,
    ),
    bse_future(
        order_id="362260904291606",
        side=Side.BUY,
        terms=Market(),
        quantity=200,
        average_price=None,
        client_order_id=None,
        source="N",
        platform="FAST",
    ),
    bse_future(order_id="322260907150406", side=Side.BUY, terms=Limit(Decimal("3503.8")), quantity=800),
    bse_future(
        order_id="34226090862006",
        side=Side.SELL,
        terms=Limit(Decimal("3359.4")),
        quantity=400,
        average_price=Decimal("3393.5"),
    ),
    bse_future(
        order_id="32226090941906",
        side=Side.BUY,
        terms=Limit(Decimal("3342.5")),
        quantity=200,
        client_order_id="strategy-engine-direct-exit",
    ),
    {
        "order_id": "1124091136546",
        "exchange_order_id": "1400000000404591",
        "segment": ExchangeSegment.NSE_EQ,
        "security_id": "14366",
        "side": Side.BUY,
        "product": Product.CNC,
        "terms": Limit(Decimal(13)),
        "quantity": 1,
        "filled_quantity": 0,
        "average_price": None,
        "disclosed_quantity": 1,
        "status": OrderStatus.CANCELLED,
        "client_order_id": None,
        "variety": Variety.SUPER,
        "instrument": InstrumentFacts(1, Decimal("0.01"), InstrumentKind.EQUITY),
        "source": "N",
    },
]


def test_there_is_an_expectation_for_every_recorded_frame() -> None:
    assert len(LINES) == len(EXPECTED)


@pytest.mark.parametrize("number", range(len(EXPECTED)))
def test_a_recorded_frame_says_what_dhan_meant(number: int) -> None:
    report = parse_order_update(LINES[number])
    assert {name: getattr(report, name) for name in EXPECTED[number]} == EXPECTED[number]
    assert report.account == "1000000001"
    assert report.validity is Validity.DAY
    assert report.leg is Leg.ENTRY
    assert report.raw == LINES[number]


@pytest.mark.parametrize("line", LINES)
def test_bytes_mappings_and_the_data_alone_say_the_same(line: str) -> None:
    report = parse_order_update(line)
    envelope = json.loads(line)
    if line != LINES[11]:  # json.loads drops one of its two Remarks
        assert parse_order_update(envelope) == report
        assert parse_order_update(envelope["Data"]) == report
        assert parse_order_update(json.loads(line, parse_float=Decimal)) == report
        assert parse_order_update(MappingProxyType(envelope)) == report
        assert parse_order_update(json.dumps(envelope, indent=1)) == report
    assert parse_order_update(line.encode()) == report


def test_the_raw_of_a_mapping_reads_back_to_the_same_report() -> None:
    report = parse_order_update(json.loads(LINES[5], parse_float=Decimal))
    assert json.loads(report.raw)["Data"]["orderNo"] == "32226090368506"
    assert parse_order_update(report.raw) == report


def test_the_documentations_own_sample_is_not_json_and_is_refused() -> None:
    text = DATA.joinpath("order_update_doc_sample.txt").read_text()
    with pytest.raises(UnreadableReport, match="not JSON"):
        parse_order_update(text)
    with pytest.raises(UnreadableReport, match="not JSON"):
        parse_order_update(text.split("```")[1])


def frame(**changes: object) -> str:
    """A recorded frame with changes; ``...`` takes a key away."""
    data = json.loads(LINES[5])["Data"]
    for name, value in changes.items():
        if value is ...:
            data.pop(name, None)
        else:
            data[name] = value
    return json.dumps({"Data": data, "Type": "order_alert"}, separators=(",", ":"))


def pascal(line: str) -> str:
    envelope = json.loads(line)
    envelope["Data"] = {name[0].upper() + name[1:]: value for name, value in envelope["Data"].items()}
    return json.dumps(envelope)


@pytest.mark.parametrize("line", LINES[:11])
def test_pascal_case_says_the_same_as_camel_case(line: str) -> None:
    assert parse_order_update(pascal(line)) == parse_order_update(line)


def test_camel_case_wins_over_a_pascal_case_twin_wherever_it_stands() -> None:
    for changes in ({"OrderNo": "1", "TradedQty": 800}, {"AvgTradedPrice": 1, "Price": 2, "Status": "Traded"}):
        report = parse_order_update(frame(tradedQty=0, **changes))
        assert report == parse_order_update(frame(tradedQty=0))
        first = {"Data": {**changes, **json.loads(frame(tradedQty=0))["Data"]}}
        assert parse_order_update(first) == report


def test_what_only_pascal_case_says_is_not_lost_in_a_mixed_frame() -> None:
    assert parse_order_update(frame(TradedQty=400)).filled_quantity == 400


def test_a_super_order_is_recognised_by_either_of_two_remarks() -> None:
    assert parse_order_update(frame(remarks="Super Order")).variety is Variety.SUPER
    assert parse_order_update(frame(remarks="NR", Remarks="Super Order")).variety is Variety.SUPER
    twice = frame(remarks="Super Order").replace('"status"', '"remarks":"NR","status"')
    assert parse_order_update(twice).variety is Variety.SUPER


@pytest.mark.parametrize("spelled", ['"tradedQty":400,', '"tradedQty" :400,', '"tradedQty"\n:400,', '"tradedQty"\t:400,'])
def test_t11_a_key_twice_with_different_values_is_refused(spelled: str) -> None:
    text = frame(tradedQty=0)
    with pytest.raises(UnreadableReport) as caught:
        parse_order_update(text.replace('"quantity"', f'{spelled}"quantity"'))
    assert caught.value.field_name == "tradedQty"


def test_a_key_twice_with_the_same_value_says_nothing_new() -> None:
    assert parse_order_update(frame().replace('"quantity"', '"quantity":800,"quantity"')) == parse_order_update(frame())


def test_x1_a_pending_frame_with_an_average_price_has_filled_nothing() -> None:
    report = parse_order_update(frame(avgTradedPrice=3270, status="Pending"))
    assert (report.filled_quantity, report.average_price) == (0, Decimal(3270))


def test_zeros_that_are_left_out_are_zeros() -> None:
    gone = ("tradedQty", "avgTradedPrice", "discQuantity", "remainingQuantity", "algoOrdNo", "correlationId", "legNo")
    report = parse_order_update(frame(**dict.fromkeys(gone, ...)))
    assert (report.filled_quantity, report.average_price, report.disclosed_quantity) == (0, None, 0)
    assert (report.parent_order_id, report.client_order_id, report.leg) == (None, None, Leg.ENTRY)


@pytest.mark.parametrize(
    "name",
    "clientId orderNo exchange segment securityId txnType product validity orderType quantity status price".split(),
)
def test_a_missing_key_that_matters_is_named(name: str) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_order_update(frame(**{name: ...}))
    assert caught.value.field_name == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Type", "order_beta"),
        ("clientId", ""),
        ("orderNo", True),
        ("orderNo", 1.5),
        ("orderNo", "../orders"),
        ("orderNo", "12 34"),
        ("orderNo", "１２"),
        ("exchOrderNo", [1]),
        ("exchange", "NYSE"),
        ("exchange", 1),
        ("segment", "X"),
        ("segment", ["D"]),
        ("segment", "M"),
        ("txnType", "X"),
        ("txnType", "BUY"),
        ("product", "X"),
        ("product", {}),
        ("validity", "GTC"),
        ("orderType", "ICEBERG"),
        ("orderType", 1),
        ("orderType", "STOP_LOSS"),
        ("status", "Amazing"),
        ("status", 7),
        ("status", "x" * 100),
        ("quantity", 0),
        ("quantity", -1),
        ("quantity", True),
        ("quantity", 1.5),
        ("quantity", None),
        ("quantity", 10**30),
        ("tradedQty", 801),
        ("tradedQty", -1),
        ("tradedQty", None),
        ("tradedQty", "many"),
        ("price", 0),
        ("price", None),
        ("price", -1),
        ("price", True),
        ("price", False),
        ("price", "12abc"),
        ("price", 1e-9),
        ("price", 1e300),
        ("avgTradedPrice", -0.5),
        ("discQuantity", "x"),
        ("algoOrdNo", 1.5),
        ("algoOrdNo", True),
        ("algoOrdNo", -5),
        ("correlationId", 5),
        ("correlationId", "x" * 65),
        ("correlationId", "a\u0000b"),
        ("legNo", 4),
        ("legNo", True),
        ("legNo", "1"),
        ("offMktFlag", "2"),
        ("offMktFlag", True),
        ("lotSize", True),
        ("lotSize", -75),
        ("tickSize", -0.05),
        ("instrument", "WARRANT"),
        ("symbol", 5),
        ("symbol", "x" * 201),
        ("symbol", "\ud800"),
        ("reasonDescription", "\ud800"),
        ("remarks", 5),
        ("orderDateTime", "yesterday"),
        ("orderDateTime", "2026-13-01 00:00:00"),
        ("lastUpdatedTime", 5),
        ("lastUpdatedTime", ["2026-09-03 09:45:17"]),
        ("exchOrderTime", "9999-12-31 23:59:59+00:00"),
        ("exchOrderTime", "0001-01-02 00:00:00"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_and_its_field_named(name: str, value: object) -> None:
    text = frame().replace('"order_alert"', json.dumps(value)) if name == "Type" else frame(**{name: value})
    with pytest.raises(UnreadableReport) as caught:
        parse_order_update(text)
    assert caught.value.field_name == name


def test_true_is_not_taken_for_the_1_of_an_earlier_frame() -> None:
    parse_order_update(frame(legNo=1, lotSize=1))
    for name in ("legNo", "lotSize"):
        with pytest.raises(UnreadableReport) as caught:
            parse_order_update(frame(**{"legNo": 1, "lotSize": 1, name: True}))
        assert caught.value.field_name == name


@pytest.mark.parametrize(
    ("letter", "product", "variety"),
    [
        ("C", Product.CNC, Variety.REGULAR),
        ("I", Product.INTRADAY, Variety.REGULAR),
        ("M", Product.MARGIN, Variety.REGULAR),
        ("F", Product.MTF, Variety.REGULAR),
        ("V", Product.CO, Variety.COVER),
        ("B", Product.BO, Variety.BRACKET),
    ],
)
def test_product_letters(letter: str, product: Product, variety: Variety) -> None:
    report = parse_order_update(frame(product=letter))
    assert (report.product, report.variety) == (product, variety)


@pytest.mark.parametrize(
    ("exchange", "letter", "segment"),
    [
        ("NSE", "E", ExchangeSegment.NSE_EQ),
        ("NSE", "D", ExchangeSegment.NSE_FNO),
        ("NSE", "C", ExchangeSegment.NSE_CURRENCY),
        ("BSE", "E", ExchangeSegment.BSE_EQ),
        ("BSE", "D", ExchangeSegment.BSE_FNO),
        ("BSE", "C", ExchangeSegment.BSE_CURRENCY),
        ("MCX", "M", ExchangeSegment.MCX_COMM),
    ],
)
def test_segments_are_named_by_exchange_and_letter(exchange: str, letter: str, segment: ExchangeSegment) -> None:
    assert parse_order_update(frame(exchange=exchange, segment=letter)).segment is segment


@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({"orderType": "LMT"}, Limit(Decimal("3300.2"))),
        ({"orderType": "MKT"}, Market()),
        ({"orderType": "SL", "triggerPrice": 3299}, StopLimit(Decimal(3299), Decimal("3300.2"))),
        ({"orderType": "SLM", "triggerPrice": 3299.5, "price": ...}, StopMarket(Decimal("3299.5"))),
        ({"price": "3300.20"}, Limit(Decimal("3300.2"))),
        ({"price": 3300.25}, Limit(Decimal("3300.25"))),
    ],
)
def test_order_types(changes: dict[str, object], terms: object) -> None:
    assert parse_order_update(frame(**changes)).terms == terms


@pytest.mark.parametrize(("missing", "name"), [("SL", "triggerPrice"), ("SLM", "triggerPrice"), ("LMT", "price")])
def test_terms_without_their_price_are_never_made_up(missing: str, name: str) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_order_update(frame(orderType=missing, price=...))
    assert caught.value.field_name == name


@pytest.mark.parametrize(
    ("number", "leg", "variety"),
    [(1, Leg.ENTRY, Variety.REGULAR), (0, Leg.ENTRY, Variety.REGULAR), (2, Leg.STOP, Variety.SUPER),
     (3, Leg.TARGET, Variety.SUPER)],
)  # fmt: skip
def test_leg_numbers(number: int, leg: Leg, variety: Variety) -> None:
    report = parse_order_update(frame(legNo=number))
    assert (report.leg, report.variety) == (leg, variety)


@pytest.mark.parametrize("none", ["", None, 0, "0", "NA", ...])
def test_no_parent(none: object) -> None:
    assert parse_order_update(frame(algoOrdNo=none)).parent_order_id is None


@pytest.mark.parametrize("parent", [32132609031621, "32132609031621"])
def test_a_parent_id_keeps_all_its_digits(parent: object) -> None:
    report = parse_order_update(frame(algoOrdNo=parent, product="B", legNo=2))
    assert (report.parent_order_id, report.variety) == ("32132609031621", Variety.BRACKET)


def test_an_order_is_not_its_own_parent() -> None:
    assert parse_order_update(frame(algoOrdNo=32226090368506)).parent_order_id is None


@pytest.mark.parametrize(
    ("changes", "variety"),
    [
        ({"orderPlatform": "FOVR"}, Variety.FOREVER),
        ({"correlationId": "NR"}, Variety.FOREVER),
        ({"correlationId": "NR", "algoOrdNo": 5, "offMktFlag": "1", "orderPlatform": ...}, Variety.FOREVER),
        ({"correlationId": ..., "algoOrdNo": 5}, Variety.FOREVER),
        ({"correlationId": "mine", "algoOrdNo": 5}, Variety.REGULAR),
        ({"offMktFlag": "1"}, Variety.AFTER_MARKET),
        ({"offMktFlag": ...}, Variety.REGULAR),
        ({"offMktFlag": "1", "remarks": "Super Order"}, Variety.SUPER),
        ({"remarks": "Super Order", "correlationId": "NR"}, Variety.SUPER),
        ({"remarks": "NR"}, Variety.REGULAR),
    ],
)
def test_varieties(changes: dict[str, object], variety: Variety) -> None:
    assert parse_order_update(frame(**changes)).variety is variety


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PART_TRADED", OrderStatus.PART_TRADED),
        ("Part Traded", OrderStatus.PART_TRADED),
        ("PartTraded", OrderStatus.PART_TRADED),
        ("Partially Traded", OrderStatus.PART_TRADED),
        ("Transit", OrderStatus.TRANSIT),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("Triggered", OrderStatus.TRIGGERED),
        ("cancelled", OrderStatus.CANCELLED),
    ],
)
def test_status_words_are_compared_by_their_letters(word: str, status: OrderStatus) -> None:
    assert parse_order_update(frame(status=word)).status is status


def test_the_update_time_is_the_later_of_two_and_zero_dates_are_none() -> None:
    early, late, zero = "2026-09-03 09:45:17", "2026-09-03 09:45:18", "0001-01-01 00:00:00"
    assert parse_order_update(frame(lastUpdatedTime=early, exchOrderTime=late)).updated_at == ist(late)
    assert parse_order_update(frame(lastUpdatedTime=late, exchOrderTime=early)).updated_at == ist(late)
    assert parse_order_update(frame(lastUpdatedTime=zero, exchOrderTime=early)).updated_at == ist(early)
    assert parse_order_update(frame(lastUpdatedTime=zero, exchOrderTime=zero)).updated_at is None
    assert parse_order_update(frame(orderDateTime=zero)).created_at is None


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({}, InstrumentFacts(200, Decimal("0.1"), InstrumentKind.FUTSTK)),
        ({"lotSize": ...}, None),
        ({"lotSize": 0}, None),
        ({"segment": "E", "lotSize": ..., "instrument": ...}, InstrumentFacts(1, Decimal("0.1"), None)),
        ({"tickSize": ...}, InstrumentFacts(200, None, InstrumentKind.FUTSTK)),
        ({"exchange": "MCX", "segment": "M", "lotSize": 100, "instrument": "FUTCOM", "tickSize": 1},
         InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM)),
    ],
)  # fmt: skip
def test_instrument_facts(changes: dict[str, object], facts: InstrumentFacts | None) -> None:
    assert parse_order_update(frame(**changes)).instrument == facts


def test_numbers_for_ids_become_text() -> None:
    report = parse_order_update(frame(orderNo=32226090368506, clientId=1000000001, securityId=68456))
    assert report == parse_order_update(frame())


@pytest.mark.parametrize(
    "hostile",
    [
        "", "null", "5", "[]", '"2"', "{}", "{", "2", "<html>", "\x00", '{"Data":null}', '{"Data":[]}', "[" * 100_000,
        '{"Data":' * 5000, '{"Data":{"price":NaN}}', '{"Data":{"price":-Infinity}}', '{"a":' + "9" * 5000 + "}",
        '{"Data":{"price":' + "1" * 400 + ".5}}", "\ufeff{}", "\ud800", '{"Data":"\ud800"}', b"\xff\xfe", b"\x80",
        {"Data": float("nan")}, {"Data": {"price": float("inf")}}, {"Data": object()}, {1: 2, "a": 3}, {},
    ],
)  # fmt: skip
def test_t11_hostile_input_gives_one_kind_of_error(hostile: str | bytes | dict[str, object]) -> None:
    with pytest.raises(UnreadableReport):
        parse_order_update(hostile)


def test_t11_neither_a_list_nor_a_number_nor_a_loop_is_a_frame() -> None:
    loop: dict[str, object] = {}
    loop["Data"] = loop
    for hostile in ([], 5, None, bytearray(b"{}"), loop):
        with pytest.raises(UnreadableReport):
            parse_order_update(hostile)  # type: ignore[arg-type]


def test_t11_a_huge_frame_is_refused_before_it_is_parsed() -> None:
    filler = " " * (1 << 20)
    for huge in (frame() + filler, (frame() + filler).encode(), {"Data": {"symbol": "x" * (1 << 20)}}):
        with pytest.raises(UnreadableReport, match="1048576"):
            parse_order_update(huge)


def test_an_error_shows_little_of_the_value_and_nothing_of_a_token() -> None:
    token = "eyJhbGciOiJIUzUxMiJ9.eyJkaGFuQ2xpZW50SWQiOiIxIn0.c2lnbmF0dXJl"
    for value in (token, f"x {token} " + "y" * 10_000):
        with pytest.raises(UnreadableReport) as caught:
            parse_order_update(frame(status=value, txnType=value))
        assert "eyJ" not in str(caught.value)
        assert len(str(caught.value)) < 300


def test_reading_frames_and_answers_does_not_load_dhanhq() -> None:
    code = (
        "import sys, dhan_copy.dhan, dhan_copy.dhan.wire, dhan_copy.dhan.outcomes, dhan_copy.dhan.rows\n"
        "print([name for name in ('dhanhq', 'pandas', 'numpy', 'requests') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    import dhan_copy.dhan

    assert "DhanBroker" in dir(dhan_copy.dhan)
    with pytest.raises(AttributeError, match="NoSuchThing"):
        dhan_copy.dhan.NoSuchThing  # noqa: B018


# The oracle: what a report may say of a frame, told from the frame alone and by other means than the parser's.

WORDS = {
    "side": ("txnType", {"B": "BUY", "S": "SELL"}),
    "product": ("product", {"C": "CNC", "I": "INTRADAY", "M": "MARGIN", "F": "MTF", "V": "CO", "B": "BO"}),
    "validity": ("validity", {"DAY": "DAY", "IOC": "IOC"}),
}


def agrees(report: OrderReport, data: dict[str, object]) -> None:
    for name, (key, table) in WORDS.items():
        assert getattr(report, name).value == table[str(data[key])]
    for name, key in (("account", "clientId"), ("order_id", "orderNo"), ("security_id", "securityId")):
        assert getattr(report, name) == str(data[key])
    letters = "".join(c for c in str(data["status"]) if c.isalnum()).upper()
    assert letters.replace("PARTIALLY", "PART") == report.status.value.replace("_", "")
    assert float(str(data["quantity"])) == report.quantity > 0
    assert float(str(data.get("tradedQty", 0))) == report.filled_quantity <= report.quantity
    kind = {"LMT": Limit, "MKT": Market, "SL": StopLimit, "SLM": StopMarket}[str(data["orderType"])]
    assert type(report.terms) is kind
    if isinstance(report.terms, Limit | StopLimit):
        assert float(report.terms.price) == float(str(data["price"])) > 0
    if isinstance(report.terms, StopLimit | StopMarket):
        assert float(report.terms.trigger) == float(str(data["triggerPrice"])) > 0
    assert report.segment.value.startswith(str(data["exchange"]))
    assert report.client_order_id == (None if data.get("correlationId") in (None, "", "NA", "NR") else data["correlationId"])
    if report.average_price is not None:
        assert float(report.average_price) == float(str(data["avgTradedPrice"]))
    for name in ("quantity", "tradedQty", "price", "legNo", "lotSize", "orderNo"):
        assert not isinstance(data.get(name), bool)


ANYTHING: st.SearchStrategy[object] = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 1000), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["", "NA", "NR", "0", "B", "S", "I", "E", "M", "SL", "Traded", "PART TRADED", "2026-09-03", "1e5",
                     "12.50", "9" * 40, "\ud800", "0001-01-01 00:00:00"]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


DECISIVE = ("status", "txnType", "product", "validity", "orderType", "quantity", "tradedQty", "price", "triggerPrice")


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, object]:
    data: dict[str, object] = deepcopy(json.loads(draw(st.sampled_from(LINES[:11])))["Data"])
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(sorted(data)) | st.sampled_from([name for name in DECISIVE if name in data]))
        change: Callable[[], object] | None = draw(st.sampled_from([None, lambda: draw(ANYTHING)]))
        if change is None:
            del data[name]
        else:
            data[name] = change()
    return data


@settings(max_examples=600, deadline=None)
@given(mutated())
def test_f24_a_mutated_frame_is_refused_or_read_as_it_says(data: dict[str, object]) -> None:
    text = json.dumps({"Data": data, "Type": "order_alert"})
    try:
        report = parse_order_update(text)
    except UnreadableReport as problem:
        assert problem.field_name is not None or "NaN" in text or "Infinity" in text
        return
    agrees(report, data)
    assert parse_order_update({"Data": data}) == report


OPTIONAL = (
    "source exchOrderNo tradedQty remainingQuantity avgTradedPrice algoOrdNo strategyId offMktFlag orderDateTime "
    "exchOrderTime lastUpdatedTime remarks mktType reasonDescription legNo instrument symbol productName strikePrice "
    "expiryDate optType displayName isin series goodTillDaysDate refLtp tickSize algoId multiplier correlationId "
    "orderPlatform discQuantity"
).split()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(LINES[:11]), st.sets(st.sampled_from(OPTIONAL)), st.text(max_size=5))
def test_what_an_order_can_do_without_may_be_absent_and_new_keys_may_appear(line: str, gone: set[str], new: str) -> None:
    data = {name: value for name, value in json.loads(line)["Data"].items() if name not in gone}
    agrees(parse_order_update(json.dumps({"Data": {**data, f"new{new}": [new]}})), data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(LINES), st.integers(0, 900), st.integers(0, 30), st.binary(max_size=6))
def test_t11_a_damaged_text_never_raises_anything_else(line: str, start: int, length: int, put: bytes) -> None:
    damaged = line.encode()[:start] + put + line.encode()[start + length :]
    try:
        parse_order_update(damaged)
    except UnreadableReport:
        pass
