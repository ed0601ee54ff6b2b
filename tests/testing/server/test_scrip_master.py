"""The local server's scrip masters: what the real ones look like, and what our reader makes of them."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy.dhan import ScripMaster
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKind
from dhan_copy.testing import DhanServer, Instrument, instrument_key
from tests.testing.exchange_kit import FUTURE, SHARE, instruments

CALL, CRUDE = instrument_key("NSE_FNO", "45471"), instrument_key("MCX_COMM", "565899")
MORE = [
    Instrument(
        key=CALL, facts=InstrumentFacts(65, Decimal("0.05"), InstrumentKind.OPTIDX), symbol="NIFTY-Dec2026-25000-CE",
        expiry="2026-12-29", option_type="CE", strike=Decimal(25000),
    ),
    Instrument(key=CRUDE, facts=InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM), symbol="CRUDEOIL"),
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=[*instruments(), *MORE]) as running:
        yield running


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.headers["content-type"] == "text/csv"
        body: bytes = answer.read()
    return body


def test_the_detailed_file_has_dhans_columns_and_ticks_in_paise(server: DhanServer) -> None:
    head, *rows = fetched(server.instruments_url).decode().splitlines()
    assert head.startswith("EXCH_ID,SEGMENT,SECURITY_ID,ISIN,INSTRUMENT,") and len(rows) == 4
    assert "NSE,D,68456,NA,FUTSTK,,BSE,BSE-Sep2026-FUT,BSE-Sep2026-FUT,NA,NA,200.0,2026-09-29,-0.01000,XX,10.0000" in rows[0]


@pytest.mark.parametrize("name", ["api-scrip-master.csv", "api-scrip-master-detailed.csv"])
def test_both_files_say_what_the_exchange_was_told(server: DhanServer, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(fetched(server.instruments_url.rsplit("/", 1)[0] + "/" + name))
    master = ScripMaster.load(path)
    assert len(master) == 4
    for instrument in (*instruments(), *MORE):
        assert master(instrument.key) == instrument.facts
    call = master.find(CALL)
    assert call is not None
    assert (call.strike, call.option, call.expiry, call.underlying) == (25000, "CE", date(2026, 12, 29), "NIFTY")


def test_a_segment_has_a_file_of_its_own_without_a_token(server: DhanServer, tmp_path: Path) -> None:
    path = tmp_path / "NSE_FNO.csv"
    path.write_bytes(fetched(f"{server.rest_url}/instrument/NSE_FNO"))
    master = ScripMaster.load(path)
    assert len(master) == 2 and master(FUTURE) is not None and master(SHARE) is None
    assert [request.path for request in server.requests()] == ["/instrument/NSE_FNO"]


@pytest.mark.parametrize("path", ["/api-data/other.csv", "/v2/instrument/NSE", "/v2/instrument/NSE_FNO/1"])
def test_any_other_file_is_not_there(server: DhanServer, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(server.rest_url.removesuffix("/v2") + path)
