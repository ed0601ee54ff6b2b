"""What each filter lets through, what it refuses, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timezone
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import Channel
from dhan_copy.core.filtering import Filter
from dhan_copy.core.filters import (
    OPTIONS,
    Between,
    Kinds,
    Origin,
    Origins,
    Products,
    QuantityRange,
    Segments,
    Sides,
    Symbols,
    Tags,
    ValueRange,
    fits_symbol,
)
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.rules import Override
from dhan_copy.model.ids import ClientOrderId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Limit, Market, OrderReport, Product, Side
from dhan_copy.model.times import IST, ist
from tests.core.make import LEADER, START
from tests.core.make import REPORT as RESTING


def judged(one: Filter, report: OrderReport, kind: InstrumentKind | None = None) -> bool | None:
    order = LeaderOrder(leader=LEADER, report=report, first_seen_at=START, seen_at=START, channel=Channel.STREAM)
    return one.judge(order, InstrumentFacts(75, kind=kind)).passes


@pytest.mark.parametrize("segment", ExchangeSegment)
def test_p10_segments(segment: ExchangeSegment) -> None:
    report = evolve(RESTING, segment=segment)
    assert judged(Segments("NSE_FNO", ExchangeSegment.MCX_COMM), report) is (segment.name in ("NSE_FNO", "MCX_COMM"))


@pytest.mark.parametrize("kind", [None, *InstrumentKind])
def test_p10_options_only(kind: InstrumentKind | None) -> None:
    wanted = None if kind is None else kind.name.startswith("OPT")
    assert judged(OPTIONS, RESTING, kind) is wanted
    assert judged(~OPTIONS, RESTING, kind) is (None if wanted is None else not wanted), "nor is it known not to be one"


@pytest.mark.parametrize("segment", [ExchangeSegment.NSE_EQ, ExchangeSegment.BSE_EQ])
def test_p10_what_trades_in_an_equity_segment_is_equity(segment: ExchangeSegment) -> None:
    report = evolve(RESTING, segment=segment)
    assert judged(Kinds("EQUITY"), report) is True
    assert judged(OPTIONS, report) is False


@pytest.mark.parametrize("product", Product)
def test_p10_products(product: Product) -> None:
    assert judged(Products("CNC", "MTF"), evolve(RESTING, product=product)) is (product.name in ("CNC", "MTF"))


@pytest.mark.parametrize("side", Side)
def test_p10_sides(side: Side) -> None:
    assert judged(Sides("BUY"), evolve(RESTING, side=side)) is (side is Side.BUY)


@pytest.mark.parametrize(
    ("source", "api"), [("P", True), ("N", False), ("W", False), ("T", False), (None, None), ("", None), ("X", None)]
)
def test_p10_manual_and_api_orders(source: str | None, api: bool | None) -> None:
    report = evolve(RESTING, source=source)
    assert judged(Origins("API"), report) is api
    assert judged(Origins(Origin.MANUAL), report) is (None if api is None else not api)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("NIFTY-Mar2025-22550-PE", True), ("nifty*", True), ("*-PE", True), ("*22550*", True), ("*", True),
        ("NIFTY", False), ("BANKNIFTY*", False), ("NIFTY?", False), ("NSE_FNO:45471", True), ("NSE_EQ:45471", False),
    ],
)  # fmt: skip
def test_p10_symbols(pattern: str, fits: bool) -> None:
    assert judged(Symbols("no such", pattern), evolve(RESTING, symbol="NIFTY-Mar2025-22550-PE")) is fits


def test_p10_without_a_symbol_it_could_be_any() -> None:
    assert judged(Symbols("NIFTY*"), evolve(RESTING, symbol="")) is None
    assert judged(Symbols("NSE_FNO:*"), evolve(RESTING, symbol="")) is True


_short = st.text("NF-*2", max_size=4)


@given(st.builds("{}*{}".format, _short, _short) | st.builds("NIFTY-Mar2025-2{}".format, _short) | _short, st.lists(_short))
def test_p10_the_beginning_of_a_symbol_says_yes_or_no_only_where_its_end_cannot_change_that(
    pattern: str, ends: list[str]
) -> None:
    beginning = "NIFTY-Mar2025-2"
    said = judged(Symbols(pattern or "x"), evolve(RESTING, symbol=beginning))
    whole = {fits_symbol([pattern or "x"], beginning + end.replace("*", ""), str(RESTING.key)) for end in ends}
    assert said is None or whole <= {said}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("NIFTY*", True), ("*", True), ("NSE_FNO:45471", True), ("BANK*", False), ("NIFTY-Mar2025-1*", False), ("NIFTY", False),
        ("*PE", None), ("NIFTY*PE", None), ("NIFTY-Mar2025-22550-PE", None), ("NIFTY-Mar2025-22*", None), ("*-2", None),
    ],
)  # fmt: skip
def test_p10_a_frame_has_the_beginning_of_a_symbol(pattern: str, fits: bool | None) -> None:
    cut = evolve(RESTING, symbol="NIFTY-Mar2025-2")
    assert judged(Symbols(pattern), cut) is fits
    assert judged(~Symbols(pattern), cut) is (None if fits is None else not fits)
    assert Override(symbol=pattern).fits(cut.segment, cut.symbol, str(cut.key)) is fits


@pytest.mark.parametrize("symbol", ["TCS-Mar2026-FUT", "SENSEX 80000 CE", "NIFTY-Mar2025-22550-PE"])
def test_p10_a_whole_symbol_is_not_taken_for_a_beginning(symbol: str) -> None:
    assert judged(Symbols("*XYZ"), evolve(RESTING, symbol=symbol)) is False


@given(st.text(), st.text(), st.text())
def test_a_star_stands_for_any_text(head: str, middle: str, tail: str) -> None:
    name = f"a{head}{middle}{tail}"
    pieces = [piece for piece in (f"a{head}", tail) if "*" not in piece]
    if len(pieces) == 2:
        assert fits_symbol([f"a{head}*{tail}"], name)


@pytest.mark.parametrize(("tag", "fits"), [("algo-1", True), ("ALGO-2", True), ("hand", False), (None, False)])
def test_p10_tags(tag: str | None, fits: bool) -> None:
    report = evolve(RESTING, client_order_id=None if tag is None else ClientOrderId(tag))
    assert judged(Tags("algo*"), report) is fits
    assert judged(~Tags("algo*"), report) is not fits


@pytest.mark.parametrize(("clock", "fits"), [("09:19:59", False), ("09:20:00", True), ("15:14:59", True), ("15:15:00", False)])
@pytest.mark.parametrize("zone", ["IST", "UTC"])
def test_p10_time_of_day(clock: str, fits: bool, zone: str) -> None:
    placed = ist(datetime.combine(START.astimezone(IST).date(), time.fromisoformat(clock)))
    told = placed if zone == "IST" else placed.astimezone(timezone.utc)
    assert judged(Between("09:20", "15:15"), evolve(RESTING, created_at=told)) is fits


@pytest.mark.parametrize(("units", "fits"), [(74, False), (75, True), (150, True), (151, False)])
def test_z7_quantity_range(units: int, fits: bool) -> None:
    assert judged(QuantityRange(least=75, most=150), evolve(RESTING, quantity=units)) is fits


def test_z7_value_range() -> None:
    report = evolve(RESTING, quantity=150, terms=Limit(Decimal("100.05")))
    assert judged(ValueRange(least="15007.50"), report) is True
    assert judged(ValueRange(least="15007.51"), report) is False
    assert judged(ValueRange(most=15007), report) is False
    assert judged(ValueRange(most=1), evolve(report, terms=Market())) is None, "no price, no value"
    assert judged(~ValueRange(most=1), evolve(report, segment=ExchangeSegment.MCX_COMM)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Segments(), lambda: Segments("NSE"), lambda: Kinds("OPTION"), lambda: Products("MIS"), lambda: Sides("B"),
        lambda: Origins("APP"), lambda: Symbols(), lambda: Symbols(""), lambda: Tags(" "), lambda: Between("15:15", "09:20"),
        lambda: Between("09:20", "09:20"), lambda: Between("9", "10"), lambda: Between(9, 10), lambda: QuantityRange(),
        lambda: QuantityRange(least=-1), lambda: QuantityRange(least=2, most=1), lambda: ValueRange(most=0.5),
        lambda: ValueRange(most="NaN"), lambda: QuantityRange(least="75"), lambda: QuantityRange(most=7.5),
    ],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_refused(wrong: Callable[[], Filter]) -> None:
    with pytest.raises((ValueError, TypeError)):
        wrong()


def test_what_is_allowed_is_named() -> None:
    with pytest.raises(ValueError, match="'NFO' is no ExchangeSegment: it must be one of NSE_EQ, NSE_FNO"):
        Segments("NFO")
    with pytest.raises(ValueError, match="a time of the day is written as '09:20', not '9:20'"):
        Between("9:20", "15:15")


def test_filters_are_values() -> None:
    assert Segments("NSE_FNO") == Segments(ExchangeSegment.NSE_FNO) != Segments("NSE_EQ")
    assert len({OPTIONS, Kinds("OPTIDX", "OPTSTK", "OPTFUT", "OPTCUR")}) == 1
    assert str(Segments("NSE_FNO") & (Sides("BUY") | Tags("x*")) & ~Symbols("BANK*")) == (
        "segment NSE_FNO and (side BUY or tag x*) and not (symbol BANK*)"
    )
    assert str(Between("09:20", "15:15")) == "time 09:20:00 to 15:15:00"
    assert str(QuantityRange(least=3)) == "quantity 3 to any"
