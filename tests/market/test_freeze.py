"""The freeze limits of this release, and the user's own over them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dhan_copy.errors import ConfigurationError
from dhan_copy.market.freeze import freeze_limits, load_freeze_limits
from dhan_copy.model.instrument import ExchangeSegment

NFO, BFO = ExchangeSegment.NSE_FNO, ExchangeSegment.BSE_FNO
MCX, CDS = ExchangeSegment.MCX_COMM, ExchangeSegment.NSE_CURRENCY


@pytest.mark.parametrize(
    ("segment", "symbol", "day", "lot", "most"),
    [
        (NFO, "NIFTY-Sep2025-25000-CE", date(2025, 9, 1), 75, 1800),
        (NFO, "BANKNIFTY-Sep2025-FUT", date(2025, 8, 31), 35, 595),
        (NFO, "BANKNIFTY-Sep2025-FUT", date(2025, 9, 1), 35, 875),
        (NFO, "BANKNIFTY-Dec2025-FUT", date(2025, 12, 1), 35, 595),
        (NFO, "NIFTY-Oct2026-25000-CE", date(2026, 10, 4), 65, 1755),
        (NFO, "NIFTY-Oct2026-25000-CE", date(2026, 10, 5), 65, 3510),
        (NFO, "BANKNIFTY-Oct2026-FUT", date(2026, 10, 5), 30, 1440),
        (NFO, "NIFTYNXT50-Oct2026-FUT", date(2026, 10, 5), 25, 1125),
        (NFO, "RELIANCE-Oct2026-FUT", date(2026, 10, 5), 500, None),
        (NFO, "NIFTY-Jan2025-FUT", date(2025, 1, 1), 75, None),
        (BFO, "SENSEX-Oct2026-80000-CE", date(2026, 10, 5), 20, 1000),
        (MCX, "CRUDEOIL", date(2026, 10, 5), 1, 100),
        (MCX, "NATURALGAS", date(2026, 10, 5), 1, 48),
        (CDS, "USDINR-Oct2026-FUT", date(2026, 10, 5), 1, 10_000),
        (ExchangeSegment.NSE_EQ, "NIFTY", date(2026, 10, 5), 1, None),
    ],
)
def test_p12_published_limits_by_day(segment: ExchangeSegment, symbol: str, day: date, lot: int, most: int | None) -> None:
    assert freeze_limits().most_units(segment, day, lot, symbol=symbol) == most


def test_every_limit_names_its_source() -> None:
    assert freeze_limits().limits
    assert all(len(limit.source) > 10 for limit in freeze_limits().limits)


def test_the_users_file_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("""
        [[limits]]
        segment = "NSE_FNO"
        since = 2026-10-05
        units = { NIFTY = 650, "45471" = 65, FINNIFTY = 0 }
        source = "my broker"
    """)
    mine, day = load_freeze_limits(path), date(2026, 11, 2)
    assert mine.most_units(NFO, day, 65, symbol="NIFTY-Nov2026-FUT") == 650
    assert mine.most_units(NFO, day, 65, symbol="NIFTY-Nov2026-FUT", security_id="45471") == 65
    assert mine.most_units(NFO, day, 60, symbol="FINNIFTY-Nov2026-FUT") is None
    assert mine.most_units(NFO, day, 30, symbol="BANKNIFTY-Nov2026-FUT") == 1440
    assert mine.most_units(NFO, date(2026, 10, 4), 65, symbol="NIFTY-Nov2026-FUT") == 1755
    alone = load_freeze_limits(path, alone=True)
    assert alone.most_units(NFO, day, 30, symbol="BANKNIFTY-Nov2026-FUT") is None


TABLE = '[[limits]]\nsegment = "NSE_FNO"\nsince = 2026-10-05\nunits = { NIFTY = 1 }\nsource = "x"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limits = [\n1 2]", "line 2"),
        ("limits = 3", r"\[\[limits\]\]"),
        ("[sessions]", "unknown key sessions"),
        (TABLE.replace("NSE_FNO", "NFO"), "number 1: 'NFO' is no segment.*NSE_FNO"),
        (TABLE.replace("2026-10-05", "2026-10-05T10:00:00"), "since must be a date"),
        (TABLE.replace("2026-10-05", '"5 Oct"'), "since must be a date"),
        (TABLE.replace("= 1 ", "= 1.5 "), "whole number"),
        (TABLE.replace("= 1 ", "= -1 "), "whole number"),
        (TABLE.replace("= 1 ", "= true "), "whole number"),
        (TABLE.replace("{ NIFTY = 1 }", "5"), "must name instruments"),
        (TABLE.replace('"x"', '" "'), "source must be a text"),
        (TABLE + TABLE.replace("units", "freeze"), "number 2: unknown key 'freeze'"),
        (TABLE + "lots = { NIFTY = 1 }", "one of them"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=words) as caught:
        load_freeze_limits(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_freeze_limits(tmp_path / "absent.toml")
