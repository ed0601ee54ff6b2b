"""Lots and ticks out of both files of Dhan's, and clear words for any other file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan import ScripMaster
from dhan_copy.errors import ConfigurationError
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.listing import Listing

COMPACT = """\
SEM_EXM_EXCH_ID,SEM_SEGMENT,SEM_SMST_SECURITY_ID,SEM_INSTRUMENT_NAME,SEM_EXPIRY_CODE,SEM_TRADING_SYMBOL,SEM_LOT_UNITS,\
SEM_CUSTOM_SYMBOL,SEM_EXPIRY_DATE,SEM_STRIKE_PRICE,SEM_OPTION_TYPE,SEM_TICK_SIZE,SEM_EXPIRY_FLAG,\
SEM_EXCH_INSTRUMENT_TYPE,SEM_SERIES,SM_SYMBOL_NAME
NSE,E,10666,EQUITY,0,PNB,1.0,Punjab National Bank,,,,1.0000,NA,ES,EQ,PNB
NSE,D,68456,FUTSTK,0,BSE-Sep2026-FUT,200.0,BSE SEP FUT,2026-09-29 14:30:00,-0.01000,XX,10.0000,M,FUT,,
NSE,D,45471,OPTIDX,0,NIFTY-Mar2025-22550-PE,75.0,"NIFTY, 22550 PUT",2025-03-13 14:30:00,22550.00000,PE,5.0000,W,OP,,
NSE,C,1,FUTCUR,0,USDINR,1000.0,USDINR FUT,2026-09-29 14:30:00,0,XX,0.2500,M,FUT,,
MCX,M,565899,FUTCOM,0,CRUDEOIL,1.0,CRUDEOIL SEP FUT,2026-09-21 23:30:00,0,XX,100.0000,M,FUTCOM,,
MCX,M,565900,FUTCOM,0,CRUDEOIL,100.0,CRUDEOIL OCT FUT,2026-10-19 23:30:00,0,XX,100.0000,M,FUTCOM,,
BSE,D,10666,OPTSTK,0,OTHER,300.0,OTHER CALL,2026-09-29 14:30:00,10,CE,,M,OP,,
NSE,I,13,INDEX,0,NIFTY,1.0,Nifty 50,,,XX,0.0500,NA,INDEX,X,NIFTY
BSE,E,500001,EQUITY,0,BROKEN,0.0,Broken lot,,,,5.0000,NA,ES,A,BROKEN
BSE,E,500002,EQUITY,0,BROKEN,many,Broken lot,,,,5.0000,NA,ES,A,BROKEN
BSE,E,500003,EQUITY,0,TWICE,1.0,Listed twice alike,,,,5.0000,NA,ES,A,TWICE
BSE,E,500003,EQUITY,0,TWICE,1.0,Listed twice alike,,,,5.0000,NA,ES,A,TWICE
BSE,E,500004,EQUITY,0,TWICE,1.0,Listed twice,,,,5.0000,NA,ES,A,TWICE
BSE,E,500004,EQUITY,0,TWICE,10.0,with another lot,,,,5.0000,NA,ES,A,TWICE
BSE,E,500004,EQUITY,0,TWICE,1.0,and again,,,,5.0000,NA,ES,A,TWICE
BSE,E,500005,NEWKIND,0,NEW,1.0,New kind,,,,abc,NA,ES,A,NEW
BSE,E,500006,EQUITY,0,ODD,1.0,Tick too small for paise,,,,0.0500,NA,ES,A,ODD
short,row
"""
DETAILED = """\
EXCH_ID,SEGMENT,SECURITY_ID,ISIN,INSTRUMENT,UNDERLYING_SECURITY_ID,UNDERLYING_SYMBOL,SYMBOL_NAME,DISPLAY_NAME,\
INSTRUMENT_TYPE,SERIES,LOT_SIZE,SM_EXPIRY_DATE,STRIKE_PRICE,OPTION_TYPE,TICK_SIZE,EXPIRY_FLAG,BRACKET_FLAG
NSE,D,68456,NA,FUTSTK,19585,BSE,BSE-Sep2026-FUT,BSE SEP FUT,FUT,NA,200.0,2026-09-29,-0.01000,XX,10.0000,M,N
MCX,M,565899,NA,FUTCOM,294,CRUDEOIL,CRUDEOIL,CRUDEOIL SEP FUT,FUTCOM,NA,1.0,2026-09-21,0.00000,XX,100.0000,M,N
NSE,E,1333,INE040A01034,EQUITY,,,,HDFCBANK,ES,EQ,1.0,,,,0.05,NA,N
"""


def key(segment: str, security_id: str) -> InstrumentKey:
    return InstrumentKey(ExchangeSegment(segment), SecurityId(security_id))


@pytest.fixture
def compact(tmp_path: Path) -> ScripMaster:
    path = tmp_path / "api-scrip-master.csv"
    path.write_text(COMPACT)
    return ScripMaster.load(path)


@pytest.mark.parametrize(
    ("segment", "security_id", "facts"),
    [
        ("NSE_EQ", "10666", InstrumentFacts(1, Decimal("0.01"), InstrumentKind.EQUITY)),
        ("NSE_FNO", "68456", InstrumentFacts(200, Decimal("0.1"), InstrumentKind.FUTSTK)),
        ("NSE_FNO", "45471", InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX)),
        ("NSE_CURRENCY", "1", InstrumentFacts(1000, Decimal("0.0025"), InstrumentKind.FUTCUR)),
        ("MCX_COMM", "565899", InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM)),
        ("MCX_COMM", "565900", InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM)),
        ("BSE_FNO", "10666", InstrumentFacts(300, None, InstrumentKind.OPTSTK)),
        ("BSE_EQ", "500003", InstrumentFacts(1, Decimal("0.05"), InstrumentKind.EQUITY)),
        ("BSE_EQ", "500005", InstrumentFacts(1, None, None)),
        ("BSE_EQ", "500006", InstrumentFacts(1, None, InstrumentKind.EQUITY)),
    ],
)
def test_the_compact_file_gives_lots_and_ticks(
    compact: ScripMaster, segment: str, security_id: str, facts: InstrumentFacts
) -> None:
    assert compact(key(segment, security_id)) == facts


@pytest.mark.parametrize(
    ("segment", "security_id"),
    [("NSE_FNO", "10666"), ("NSE_EQ", "13"), ("BSE_EQ", "500001"), ("BSE_EQ", "500002"), ("BSE_EQ", "500004")],
)
def test_what_the_file_does_not_say_clearly_is_unknown(compact: ScripMaster, segment: str, security_id: str) -> None:
    assert compact(key(segment, security_id)) is None


def test_p11_what_the_compact_file_lists_of_an_option(compact: ScripMaster) -> None:
    assert compact.find(key("NSE_FNO", "45471")) == Listing(
        key=key("NSE_FNO", "45471"), facts=InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX),
        symbol="NIFTY-Mar2025-22550-PE", name="NIFTY, 22550 PUT", underlying="NIFTY", expiry=date(2025, 3, 13),
        strike=Decimal(22550), option="PE", flags={"SEM_EXPIRY_FLAG": "W"},
    )  # fmt: skip


def test_what_a_future_has_not_is_none(compact: ScripMaster) -> None:
    future, share = compact.find(key("NSE_FNO", "68456")), compact.find(key("NSE_EQ", "10666"))
    assert future is not None and share is not None
    assert (future.strike, future.option, future.underlying, future.expiry) == (None, None, "BSE", date(2026, 9, 29))
    assert compact.symbol(future.key) == "BSE-Sep2026-FUT" and compact.symbol(key("NSE_EQ", "45471")) == ""
    assert (share.expiry, share.underlying, share.series, share.isin) == (None, "PNB", "EQ", "")


def test_an_instrument_whose_lot_cannot_be_told_is_listed_all_the_same(compact: ScripMaster) -> None:
    for where in (("BSE_EQ", "500001"), ("BSE_EQ", "500004")):
        listing = compact.find(key(*where))
        assert listing is not None and listing.facts is None
    assert compact.find(key("BSE_EQ", "999")) is None
    assert compact.find(key("BSE_CURRENCY", "1")) is None


def test_the_detailed_file_has_more_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "detailed.csv"
    path.write_text(DETAILED)
    share = ScripMaster.load(path).find(key("NSE_EQ", "1333"))
    assert share is not None and share.isin == "INE040A01034"
    future = ScripMaster.load(path).find(key("NSE_FNO", "68456"))
    assert future is not None and future.flags == {"EXPIRY_FLAG": "M", "BRACKET_FLAG": "N"}


def test_z6_an_mcx_lot_is_one_whatever_the_file_says_of_barrels(compact: ScripMaster) -> None:
    for security_id in ("565899", "565900"):
        facts = compact(key("MCX_COMM", security_id))
        assert facts is not None and facts.lot_units == 1


listed = st.tuples(
    st.sampled_from(["NSE,E", "NSE,D", "BSE,E", "MCX,M", "NSE,I"]), st.integers(1, 30), st.integers(1, 3), st.booleans()
)


@given(st.lists(listed, min_size=1, max_size=40), st.booleans())
def test_every_row_is_found_where_it_stands(rows: list[tuple[str, int, int, bool]], windows: bool) -> None:
    """Against the same rows read one by one: the lot, unless two rows of an id say different ones."""
    lines = ["LOT_SIZE,EXCH_ID,SEGMENT,SECURITY_ID,TICK_SIZE,INSTRUMENT,DISPLAY_NAME", "1.0,NSE,E,77,5.0000,EQUITY,end"]
    said: dict[tuple[str, int], set[int]] = {}
    for place, number, lot, quoted in rows:
        name = '"a, b"' if quoted else "ä b"
        lines.append(f"{lot}.0,{place},{number},5.0000,FUTSTK,{name}")
        said.setdefault((place, number), set()).add(1 if place == "MCX,M" else lot)
    segments = {"NSE,E": "NSE_EQ", "NSE,D": "NSE_FNO", "BSE,E": "BSE_EQ", "MCX,M": "MCX_COMM"}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(("\r\n" if windows else "\n").join(lines).encode())
        master = ScripMaster.load(path)
    for (place, number), lots in said.items():
        if place in segments:
            facts = master(key(segments[place], str(number)))
            assert (facts.lot_units if facts else None) == (lots.pop() if len(lots) == 1 else None)
    assert len(master) == 1 + sum(place in segments for place, _ in said)


def test_a_master_counts_what_it_lists(compact: ScripMaster) -> None:
    assert len(compact) == 13
    assert "13 instruments" in repr(compact)


def test_the_detailed_file_gives_the_same(compact: ScripMaster, tmp_path: Path) -> None:
    path = tmp_path / "detailed.csv"
    path.write_text("\ufeff" + DETAILED, encoding="utf-8")
    detailed = ScripMaster.load(str(path))
    for where in (("NSE_FNO", "68456"), ("MCX_COMM", "565899")):
        assert detailed(key(*where)) == compact(key(*where))


def test_a_tick_too_small_for_paise_is_in_rupees_in_the_detailed_file(tmp_path: Path) -> None:
    path = tmp_path / "detailed.csv"
    path.write_text(DETAILED)
    assert ScripMaster.load(path)(key("NSE_EQ", "1333")) == InstrumentFacts(1, Decimal("0.05"), InstrumentKind.EQUITY)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "EXCH_ID"),
        (b"{}", "EXCH_ID"),
        (b"a,b,c\n1,2,3\n", "SEM_SMST_SECURITY_ID"),
        (COMPACT.replace("SEM_LOT_UNITS", "LOTS").encode(), "SEM_LOT_UNITS"),
        (DETAILED.replace("TICK_SIZE", "TICKS").encode(), "TICK_SIZE"),
        (DETAILED.splitlines()[0].encode(), "no instrument"),
        (b"EXCH_ID,\xff\xfe", "UTF-8"),
        (COMPACT.encode() + b"NSE,E,\xff", "UTF-8"),
        (COMPACT.encode() + b'NSE,E,"' + b"x" * 200_000, "CSV"),
    ],
)
def test_another_file_is_refused_with_a_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        ScripMaster.load(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_refused_with_a_reason(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            ScripMaster.load(path)
