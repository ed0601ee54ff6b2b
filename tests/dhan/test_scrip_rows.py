"""A row of a scrip master becomes a listing, and a header that is not one of Dhan's is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from dhan_copy.dhan.scrip_rows import Columns
from dhan_copy.errors import ConfigurationError
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.listing import Listing

HEADER = (
    "EXCH_ID,SEGMENT,SECURITY_ID,INSTRUMENT,LOT_SIZE,TICK_SIZE,SYMBOL_NAME,SM_EXPIRY_DATE,STRIKE_PRICE,OPTION_TYPE,MTF_LEVERAGE"
).split(",")
ROW = ["NSE", "D", "45471", "OPTIDX", "65.0", "5.0000", "NIFTY-Dec2026-25000-CE", "2026-12-29", "25000.5", "CE", "4.0"]


def listing(**changes: str) -> Listing:
    row = [changes.get(name, value) for name, value in zip(HEADER, ROW)]
    return Columns.of(HEADER, "a.csv").listing(ExchangeSegment.NSE_FNO, row)


def test_a_row_is_understood() -> None:
    found = listing()
    assert (found.key.security_id, found.underlying, found.option) == ("45471", "NIFTY", "CE")
    assert (found.expiry, found.strike, found.flags) == (date(2026, 12, 29), Decimal("25000.5"), {"MTF_LEVERAGE": "4.0"})
    assert found.facts is not None and (found.facts.lot_units, found.facts.tick) == (65, Decimal("0.05"))


@pytest.mark.parametrize("text", ["", "NA", "0001-01-01", "soon", "2026-13-01"])
def test_an_expiry_that_is_no_day_is_none(text: str) -> None:
    assert listing(SM_EXPIRY_DATE=text).expiry is None


def test_an_expiry_may_carry_a_time() -> None:
    assert listing(SM_EXPIRY_DATE="2026-12-29 14:30:00").expiry == date(2026, 12, 29)


@pytest.mark.parametrize("text", ["", "0", "-0.01000", "NaN", "Infinity", "many"])
def test_a_strike_is_above_zero_or_none(text: str) -> None:
    assert listing(STRIKE_PRICE=text).strike is None
    assert listing(OPTION_TYPE="XX").strike is None, "a future has none, whatever stands there"


@pytest.mark.parametrize("lot", ["", "0", "0.0", "-65", "1.5", "NaN", "Infinity", "1e12", "many"])
def test_a_lot_is_a_whole_number_or_the_facts_are_unknown(lot: str) -> None:
    assert listing(LOT_SIZE=lot).facts is None


@pytest.mark.parametrize("tick", ["", "0", "NaN", "-5", "many"])
def test_a_tick_that_is_none_is_unknown(tick: str) -> None:
    assert listing(TICK_SIZE=tick).facts is not None
    facts = listing(TICK_SIZE=tick, INSTRUMENT="NEWKIND").facts
    assert facts == InstrumentFacts(65, None, None)


def test_a_row_that_is_cut_short_says_less() -> None:
    found = Columns.of(HEADER, "a.csv").listing(ExchangeSegment.NSE_FNO, ROW[:6])
    assert (found.symbol, found.expiry, found.flags) == ("", None, {})
    assert found.facts is not None


def test_a_header_of_another_file_is_refused_by_its_missing_columns() -> None:
    with pytest.raises(ConfigurationError, match="a.csv has no column LOT_SIZE.*images.dhan.co"):
        Columns.of([name for name in HEADER if name != "LOT_SIZE"], "a.csv")
