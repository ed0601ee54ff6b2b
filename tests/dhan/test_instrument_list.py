"""The list of instruments: asked without waiting, read and fetched behind, and once for what nobody lists."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy.dhan import InstrumentList
from dhan_copy.dhan.instrument_list import DETAILED_URL
from dhan_copy.errors import ConfigurationError, InstrumentsUnavailable
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.testing import DhanServer, Instrument, instrument_key
from dhan_copy.testing.server import HttpFault
from tests.dhan.servers import PATIENCE_SECONDS

CALL, NEW = instrument_key("NSE_FNO", "45471"), instrument_key("NSE_FNO", "45472")
SHARE, NOBODYS = instrument_key("NSE_EQ", "11630"), instrument_key("NSE_FNO", "99999")
FACTS = InstrumentFacts(65, Decimal("0.05"), InstrumentKind.OPTIDX)


def option(key: InstrumentKey) -> Instrument:
    return Instrument(key=key, facts=FACTS, symbol="NIFTY-Dec2026-25000-CE", option_type="CE", strike=Decimal(25000))


@pytest.fixture
def server() -> Iterator[DhanServer]:
    share = Instrument(key=SHARE, facts=InstrumentFacts(1, Decimal("0.05"), InstrumentKind.EQUITY), symbol="NTPC")
    with DhanServer(instruments=[option(CALL), share]) as running:
        yield running


def listed(server: DhanServer, folder: Path, **more: timedelta) -> InstrumentList:
    return InstrumentList(folder, url=server.instruments_url, **more)


def fetches(server: DhanServer) -> int:
    return len([request for request in server.requests() if request.method == "GET"])


def until(condition: Callable[[], bool]) -> None:
    ticking = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.01)):
        if condition():
            return
        ticking.wait(0.01)
    raise AssertionError("it never came to hold")


def answer(instruments: InstrumentList, key: InstrumentKey) -> InstrumentFacts | None:
    """What the copier comes to know: it asks again as long as an answer may come."""
    found: list[InstrumentFacts | None] = []

    def settled() -> bool:
        found.append(instruments(key))
        return found[-1] is not None or not instruments.pending(key)

    until(settled)
    return instruments(key)


def age_file(folder: Path, hours: float) -> None:
    (path,) = folder.glob("*.csv")
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


def test_p11_nothing_is_contacted_before_something_is_asked(server: DhanServer, tmp_path: Path) -> None:
    instruments = listed(server, tmp_path / "cache")
    assert instruments.age() is None and not instruments.pending(CALL)
    assert fetches(server) == 0 and not (tmp_path / "cache").exists()


def test_p11_the_first_question_fetches_the_list_behind(server: DhanServer, tmp_path: Path) -> None:
    instruments = listed(server, tmp_path)
    assert instruments(CALL) is None and instruments.pending(CALL)
    assert answer(instruments, CALL) == FACTS
    assert instruments(SHARE) == InstrumentFacts(1, Decimal("0.05"), InstrumentKind.EQUITY)
    assert fetches(server) == 1
    age = instruments.age()
    assert age is not None and age < timedelta(minutes=5)


def test_a_list_on_disk_is_read_and_nothing_fetched(server: DhanServer, tmp_path: Path) -> None:
    listed(server, tmp_path).refresh()
    assert answer(listed(server, tmp_path), CALL) == FACTS
    assert fetches(server) == 1


def test_p11_an_unknown_instrument_fetches_once_and_is_then_unknown(server: DhanServer, tmp_path: Path) -> None:
    listed(server, tmp_path).refresh()
    instruments = listed(server, tmp_path)
    assert answer(instruments, NOBODYS) is None
    assert fetches(server) == 2
    for _ in range(3):
        assert instruments(NOBODYS) is None and not instruments.pending(NOBODYS)
    assert answer(instruments, NEW) is None, "a second one does not fetch again so soon"
    assert fetches(server) == 2


def test_p11_a_contract_of_today_is_in_todays_list(server: DhanServer, tmp_path: Path) -> None:
    listed(server, tmp_path).refresh()
    server.exchange.add_instrument(option(NEW))
    instruments = listed(server, tmp_path)
    assert answer(instruments, NEW) == FACTS
    assert fetches(server) == 2


def test_what_was_given_up_is_looked_for_in_the_next_list(server: DhanServer, tmp_path: Path) -> None:
    instruments = listed(server, tmp_path, fetch_again_after=timedelta(0))
    assert answer(instruments, NEW) is None
    server.exchange.add_instrument(option(NEW))
    instruments.refresh()
    assert answer(instruments, NEW) == FACTS


def test_an_old_list_is_used_while_a_new_one_is_fetched(server: DhanServer, tmp_path: Path) -> None:
    listed(server, tmp_path).refresh()
    age_file(tmp_path, 30)
    instruments = listed(server, tmp_path)
    assert instruments.age() is not None and instruments.age() > timedelta(hours=29)  # type: ignore[operator]
    assert answer(instruments, CALL) == FACTS
    until(lambda: fetches(server) == 2 and instruments.age() < timedelta(hours=1))  # type: ignore[operator]


def test_a_list_that_cannot_be_fetched_leaves_the_old_one(server: DhanServer, tmp_path: Path) -> None:
    listed(server, tmp_path).refresh()
    age_file(tmp_path, 30)
    server.plan_fault(HttpFault(count=100, execute=False, status=503))
    instruments = listed(server, tmp_path)
    assert answer(instruments, CALL) == FACTS
    until(lambda: "answered 503" in instruments.problem())
    assert instruments(CALL) == FACTS and answer(instruments, NOBODYS) is None


def test_p11_without_a_list_the_instrument_stays_unknown_and_the_reason_is_told(
    server: DhanServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.plan_fault(HttpFault(count=100, execute=False, status=503))
    instruments = listed(server, tmp_path)
    assert answer(instruments, CALL) is None
    assert "answered 503" in instruments.problem() and "answered 503" in caplog.text
    with pytest.raises(InstrumentsUnavailable, match="there is no .*refresh"):
        instruments.find(CALL)
    with pytest.raises(InstrumentsUnavailable, match="answered 503"):
        instruments.refresh()


def test_p11_after_an_outage_it_is_fetched_again(server: DhanServer, tmp_path: Path) -> None:
    server.plan_fault(HttpFault(count=100, execute=False, status=503))
    instruments = listed(server, tmp_path, fetch_again_after=timedelta(0))
    until(lambda: instruments(CALL) is None and "answered 503" in instruments.problem())
    server.clear_faults()
    until(lambda: instruments(CALL) == FACTS)
    assert instruments.problem() == ""


def test_a_file_that_is_none_of_dhans_replaces_nothing(server: DhanServer, tmp_path: Path) -> None:
    listed(server, tmp_path).refresh()
    server.plan_fault(HttpFault(execute=False, status=200, body="<html>maintenance</html>"))
    instruments = listed(server, tmp_path)
    with pytest.raises(ConfigurationError, match="no column"):
        instruments.refresh()
    assert instruments.find(CALL) is not None


def test_everything_listed_is_found_on_disk(server: DhanServer, tmp_path: Path) -> None:
    instruments = listed(server, tmp_path)
    instruments.refresh()
    found = instruments.find(CALL)
    assert found is not None and (found.strike, found.underlying, found.facts) == (25000, "NIFTY", FACTS)
    assert instruments.find(NOBODYS) is None
    assert fetches(server) == 1
    assert "url=" in repr(instruments)


def test_a_list_per_segment_fetches_only_the_segment_that_is_asked_for(server: DhanServer, tmp_path: Path) -> None:
    instruments = InstrumentList(tmp_path, url=server.rest_url + "/instrument/{segment}")
    assert answer(instruments, CALL) == FACTS
    assert [request.path for request in server.requests()] == ["/instrument/NSE_FNO"]
    assert [path.name for path in tmp_path.iterdir()] == ["instruments-NSE_FNO.csv"]
    instruments.refresh(ExchangeSegment.NSE_EQ)
    assert instruments.find(SHARE) is not None and instruments.age(ExchangeSegment.BSE_EQ) is None


def test_another_process_may_have_fetched_it(server: DhanServer, tmp_path: Path) -> None:
    mine, another = listed(server, tmp_path), listed(server, tmp_path)
    mine.refresh()
    server.exchange.add_instrument(option(NEW))
    another.refresh()
    assert mine.find(NEW) is not None


def test_many_ask_at_once_and_one_fetch_serves_them(server: DhanServer, tmp_path: Path) -> None:
    instruments = listed(server, tmp_path)
    found: list[InstrumentFacts | None] = []
    threads = [threading.Thread(target=lambda: found.append(answer(instruments, CALL))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert found == [FACTS] * 8
    assert fetches(server) == 1


def test_addresses_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="url must begin with https"):
        InstrumentList(tmp_path, url="http://images.dhan.co/api-data/api-scrip-master.csv")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert str(tmp_path / "dhan_copy") in repr(InstrumentList())
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(tmp_path / ".cache" / "dhan_copy") in repr(InstrumentList())
    assert DETAILED_URL in repr(InstrumentList())


def test_d4_the_day_of_expiry_is_told_at_once_and_the_list_read_behind(server: DhanServer, tmp_path: Path) -> None:
    server.exchange.add_instrument(Instrument(key=NEW, facts=FACTS, option_type="CE", strike=Decimal(1), expiry="2026-12-31"))
    instruments = listed(server, tmp_path)
    assert instruments.expiry(NEW) is None, "not known yet"
    until(lambda: instruments.expiry(NEW) == date(2026, 12, 31))
    assert instruments.expiry(SHARE) is None and instruments.expiry(NOBODYS) is None


def test_p10_the_symbol_is_told_at_once_and_the_list_read_behind(server: DhanServer, tmp_path: Path) -> None:
    server.exchange.add_instrument(Instrument(key=NEW, facts=FACTS, symbol="NIFTY-Mar2026-22550-PE"))
    instruments = listed(server, tmp_path)
    assert instruments.symbol(NEW) == "", "not known yet"
    until(lambda: instruments.symbol(NEW) == "NIFTY-Mar2026-22550-PE")
    assert instruments.symbol(NOBODYS) == ""
