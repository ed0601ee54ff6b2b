"""K5: what would go wrong is found before anything is sent, and live followers are not started with it."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from dhan_copy import CopyEngine, DhanAccount, Follower, Leader, published_calendar
from dhan_copy.core.calendar import Calendar
from dhan_copy.dhan import InstrumentList
from dhan_copy.errors import ConfigurationError, NotReady, StoreLocked
from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.times import ist
from dhan_copy.preflight import as_table
from dhan_copy.protocols import Clock
from dhan_copy.stores import premises
from dhan_copy.testing import DhanServer, FakeBroker, FakeSource, SimulatedExchange, VirtualClock
from dhan_copy.testing.server import HttpFault
from tests.scenarios.kit import F, INSTRUMENTS, LEADER, Lab, Wire

OK, SKIPPED, WARN, FATAL = Severity.OK, Severity.SKIPPED, Severity.WARN, Severity.FATAL
MORNING = ist(datetime(2026, 8, 3, 8, 30))
PROFILE = {
    "dhanClientId": F, "tokenValidity": "04/08/2026 08:00", "ddpi": "Active",
    "activeSegment": "Equity, Derivative, Currency, Commodity",
}  # fmt: skip


class Desk:
    """A leader and a follower at the local server, whose clock is the engine's; nothing is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(MORNING)
        self.tokens: dict[str, str | None] = {name: f"local-token-of-{name}" for name in (LEADER, F)}
        self.server = DhanServer([(name, str(token)) for name, token in self.tokens.items()], clock=VirtualClock(MORNING))
        self.engines: list[CopyEngine] = []

    def account(self, name: str) -> DhanAccount:
        def token() -> str:
            found = self.tokens[name]
            if found is None:
                raise LookupError("the vault is shut; do-not-leak")
            return found

        return DhanAccount(name, token, base_url=self.server.rest_url, feed_url=self.server.feed_url)

    def engine(self, **more: object) -> CopyEngine:
        settings: dict[str, object] = {"store": self.folder / "journal.db", "live": True, **more}
        live = settings.pop("live")
        engine = CopyEngine(
            [Leader(self.account(LEADER))], [Follower(self.account(F), size="1/2", live=live)],
            clock=self.clock, **settings,
        )  # fmt: skip
        self.engines.append(engine)
        return engine

    def answer(self, path: str, account: str = F, **changes: object) -> None:
        """What a path answers from now on: the profile with some changes, or that alone."""
        body = json.dumps({**PROFILE, **changes} if path == "/profile" else changes)
        self.server.plan_fault(HttpFault(account=account, path=path, count=None, body=body))

    def finding(self, check: Check, account: str | None = F, **more: object) -> Finding:
        (found,) = [each for each in self.engine(**more).preflight() if each.check is check and each.account == account]
        return found


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    found = Desk(tmp_path)
    with found.server:
        yield found
        for engine in found.engines:
            engine.stop()


def jwt(ends: datetime) -> str:
    """A token in the form of Dhan's, with an end of its own."""
    parts = ({"alg": "none"}, {"exp": int(ends.timestamp()), "dhanClientId": F})
    return ".".join([base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts] + ["x"])


def found(engine: CopyEngine) -> dict[tuple[str, str | None], Severity]:
    return {(each.check.name, each.account): each.severity for each in engine.preflight()}


def test_k5_an_account_in_order_has_nothing_to_do(desk: Desk) -> None:
    findings = desk.engine().preflight()
    assert {(each.check.name, each.account) for each in findings if each.severity is OK} >= {
        (check, F) for check in ("TOKEN", "SEGMENTS", "SOURCE_IP", "EDIS", "CLOCK")
    } | {(check, LEADER) for check in ("TOKEN", "SEGMENTS", "CLOCK")} | {(check, None) for check in ("SQLITE", "LOCK")}
    assert [each for each in findings if each.severity is FATAL] == []
    assert all(each.advice for each in findings if each.severity in (WARN, FATAL))


def test_k5_an_account_that_places_nothing_is_not_asked_for_its_address(desk: Desk) -> None:
    engine = desk.engine(live=False)
    assert {check for check, account in found(engine) if account == F} == {"TOKEN", "SEGMENTS", "CLOCK"}
    assert {request.path for request in desk.server.requests()} == {"/profile"}


# The token


def test_k5_a_refused_token_is_fatal_and_says_when_it_ended(desk: Desk) -> None:
    desk.tokens[F] = jwt(MORNING - timedelta(hours=2))
    found = desk.finding(Check.TOKEN)
    assert found.severity is FATAL
    assert "invalid or expired" in found.known and "It ended at 03 August 2026 06:30 IST" in found.known


def test_k5_a_token_that_cannot_be_read_is_fatal_and_its_error_is_not_shown(desk: Desk) -> None:
    desk.tokens[F] = None
    found = desk.finding(Check.TOKEN)
    assert found.severity is FATAL and "LookupError" in found.known and "vault" not in repr(found)


def test_k5_a_token_of_another_account_is_fatal(desk: Desk) -> None:
    desk.answer("/profile", dhanClientId="1000000009")
    found = desk.finding(Check.TOKEN)
    assert found.severity is FATAL and "1000000009" in found.known


@pytest.mark.parametrize(
    ("validity", "severity"),
    [("04/08/2026 08:00", OK), ("03/08/2026 23:59", WARN), ("03/08/2026 08:00", WARN), ("soon", WARN), (None, WARN)],
)
def test_k5_a_token_that_ends_within_the_day_is_warned_of(desk: Desk, validity: str | None, severity: Severity) -> None:
    desk.answer("/profile", tokenValidity=validity)
    assert desk.finding(Check.TOKEN).severity is severity


def test_k5_the_end_that_the_token_itself_names_counts_too(desk: Desk) -> None:
    token = jwt(MORNING + timedelta(hours=3))
    desk.tokens[F] = token
    desk.server.replace_token(F, token)
    found = desk.finding(Check.TOKEN)
    assert (found.severity, found.known) == (WARN, "the access token is taken, but ends at 03 August 2026 11:30 IST.")
    desk.clock.advance(15 * 3600)
    assert "lasts" not in desk.finding(Check.TOKEN).known


def test_k5_a_profile_that_cannot_be_read_is_not_taken_for_a_bad_token(desk: Desk) -> None:
    desk.server.plan_fault(HttpFault(account=F, path="/profile", count=None, status=503, body="<html>"))
    found = desk.finding(Check.TOKEN)
    assert found.severity is WARN and "could not be told" in found.known


# Segments, eDIS, address, clock


@pytest.mark.parametrize(
    ("active", "severity", "words"),
    [
        ("Equity, Derivative", WARN, "not active: Currency, Commodity"),
        ("", FATAL, "no segment is active"),
        (None, WARN, "does not name"),
        (7, WARN, "activeSegment"),
    ],
)
def test_k5_segments_that_are_not_active_are_named(desk: Desk, active: object, severity: Severity, words: str) -> None:
    desk.answer("/profile", activeSegment=active)
    findings = [each for each in desk.engine().preflight() if each.account == F and words in each.known]
    assert [each.severity for each in findings] == [severity]


@pytest.mark.parametrize("ddpi", ["Deactive", None])
def test_k5_selling_shares_without_a_ddpi_wants_a_tpin(desk: Desk, ddpi: str | None) -> None:
    desk.answer("/profile", ddpi=ddpi)
    found = desk.finding(Check.EDIS)
    assert found.severity is WARN and "TPIN" in found.known


def test_k5_an_address_that_is_not_registered_is_fatal_and_no_order_is_risked(desk: Desk) -> None:
    desk.server.register_address(F, "192.0.2.7")
    found = desk.finding(Check.SOURCE_IP)
    assert found.severity is FATAL
    assert "registered: 192.0.2.7; seen: 127.0.0.1 (MISMATCH)" in found.known
    assert {request.method for request in desk.server.requests()} == {"GET"}


@pytest.mark.parametrize(
    ("answer", "severity"),
    [
        ({"primaryIP": "192.0.2.7", "secondaryIP": ""}, WARN),
        ({"primaryIP": "192.0.2.7", "secondaryIP": "192.0.2.8", "detectedIP": "192.0.2.8"}, OK),
        ({"primaryIP": "192.0.2.7", "detectedIP": "192.0.2.8"}, FATAL),
        ({"primaryIP": "", "secondaryIP": ""}, FATAL),
        ({"primaryIP": "192.0.2.7", "detectedIP": "192.0.2.7", "ordersAllowed": False}, FATAL),
        ({"primaryIP": "2401:4900:0::1", "detectedIP": "2401:4900::1"}, OK),
        ({"primaryIP": "not set", "detectedIP": "192.0.2.7"}, WARN),
        ({"primaryIP": 7}, WARN),
        ({"ip": "192.0.2.7"}, WARN),
    ],
)
def test_k5_an_address_is_judged_by_what_the_answer_has(desk: Desk, answer: Mapping[str, object], severity: Severity) -> None:
    desk.answer("/ip/getIP", **answer)
    assert desk.finding(Check.SOURCE_IP).severity is severity


def test_k5_an_address_that_cannot_be_asked_for_is_unknown(desk: Desk) -> None:
    desk.server.plan_fault(HttpFault(account=F, path="/ip/getIP", count=None, status=404, body="{}"))
    assert desk.finding(Check.SOURCE_IP).severity is WARN


@pytest.mark.parametrize(
    ("seconds", "severity", "words"),
    [
        (0, OK, "agree"),
        (2, OK, "agree"),
        (10, WARN, "ahead of"),
        (-10, WARN, "behind"),
        (60, FATAL, "ahead of"),
        (-60, FATAL, "behind"),
    ],
)
def test_k5_a_clock_that_is_off_is_found_by_the_date_of_an_answer(
    desk: Desk, seconds: int, severity: Severity, words: str
) -> None:
    desk.clock = VirtualClock(MORNING + timedelta(seconds=seconds))
    found = desk.finding(Check.CLOCK)
    assert found.severity is severity and words in found.known


# The journal's place


def test_k5_f16_a_folder_that_cannot_be_written_to_is_fatal(desk: Desk) -> None:
    found = desk.finding(Check.FOLDER, None, store=desk.folder / "not there" / "journal.db")
    assert found.severity is FATAL and "No such file" in found.known


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_k5_f16_a_network_drive_is_fatal(desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    mounts = desk.folder / "mountinfo"
    mounts.write_text(
        "22 1 0:21 / / rw shared:1 - ext4 /dev/vda rw\n"
        f"23 22 0:22 / {str(desk.folder.parent).replace(' ', chr(92) + '040')} rw - {kind} host:/home rw\n"
    )
    monkeypatch.setattr(premises, "MOUNTS", mounts)
    found = desk.finding(Check.FOLDER, None)
    assert found.severity is FATAL and kind in found.known


@pytest.mark.parametrize("name", ["Dropbox", "OneDrive - Family", "Google Drive"])
def test_k5_f16_a_folder_that_a_program_synchronises_is_warned_of(desk: Desk, name: str) -> None:
    folder = desk.folder / name / "journals"
    folder.mkdir(parents=True)
    found = desk.finding(Check.FOLDER, None, store=folder / "journal.db")
    assert found.severity is WARN and name in found.known


@pytest.mark.parametrize(("megabytes", "severity"), [(50, FATAL), (500, WARN), (50_000, OK)])
def test_k5_a_disk_that_is_nearly_full_is_found(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, megabytes: int, severity: Severity
) -> None:
    usage = SimpleNamespace(free=megabytes * 2**20)
    monkeypatch.setattr(premises.shutil, "disk_usage", lambda folder: usage)
    found = desk.finding(Check.DISK, None)
    assert (found.severity, found.known) == (severity, f"{megabytes} MB are free.")


def test_k5_an_old_sqlite_is_fatal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 7, 17))
    assert desk.finding(Check.SQLITE, None).severity is FATAL


def test_k5_a_second_engine_is_found_and_refused(desk: Desk) -> None:
    running = desk.engine()
    running.start()
    assert found(running)["LOCK", None] is OK
    assert desk.finding(Check.LOCK, None).severity is FATAL, "the journal is in use"
    other = desk.engine(store=desk.folder / "other.db")
    assert found(other)["LOCK", None] is FATAL, "the account is in use"
    with pytest.raises(StoreLocked):
        other.start()
    running.stop()
    assert desk.finding(Check.LOCK, None).severity is OK


# Instruments and calendar


def test_k5_the_age_of_the_list_of_instruments_is_told(desk: Desk) -> None:
    desk.server.exchange.add_instrument(INSTRUMENTS[0])
    url = desk.server.instruments_url
    listed = InstrumentList(desk.folder / "lists", url=url)
    assert desk.finding(Check.INSTRUMENTS, None, instruments=listed).severity is WARN, "there is none yet"
    listed.refresh()
    assert desk.finding(Check.INSTRUMENTS, None, instruments=listed).severity is OK
    assert desk.finding(Check.INSTRUMENTS, None, instruments=OldList()).severity is WARN
    assert desk.finding(Check.INSTRUMENTS, None, instruments={}).severity is SKIPPED


def test_k5_a_calendar_that_ends_soon_is_warned_of(desk: Desk) -> None:
    assert desk.finding(Check.CALENDAR, None, calendar=Calendar()).severity is SKIPPED
    assert desk.finding(Check.CALENDAR, None, calendar=published_calendar()).severity is OK
    desk.clock = VirtualClock(ist(datetime(2026, 12, 10, 9, 0)))
    ending = desk.finding(Check.CALENDAR, None, calendar=published_calendar())
    assert ending.severity is WARN and "2026-12-31" in ending.known
    desk.clock = VirtualClock(ist(datetime(2035, 3, 5, 9, 0)))
    assert "2035 are not known" in desk.finding(Check.CALENDAR, None, calendar=published_calendar()).known


# Going live


def test_k5_live_followers_are_not_started_with_what_is_fatal(desk: Desk) -> None:
    desk.server.register_address(F, "192.0.2.7")
    desk.server.replace_token(LEADER, "local-token-of-L-renewed")
    with pytest.raises(NotReady) as refused:
        desk.engine().start()
    assert {(each.check, each.account) for each in refused.value.findings} == {(Check.TOKEN, LEADER), (Check.SOURCE_IP, F)}
    assert "[SOURCE_IP F]" in str(refused.value) and "[TOKEN L]" in str(refused.value)
    with pytest.raises(NotReady):
        desk.engine().step()
    assert not [request for request in desk.server.requests() if request.method != "GET"]


def test_k5_a_check_may_be_left_out_by_its_name(desk: Desk) -> None:
    desk.server.register_address(F, "192.0.2.7")
    engine = desk.engine(skip_checks=["SOURCE_IP"])
    assert ("SOURCE_IP", F) not in found(engine)
    engine.start()
    for wrong in (["IP"], "SOURCE_IP"):
        with pytest.raises(ConfigurationError, match="names no check"):
            desk.engine(skip_checks=wrong)


def test_k5_on_paper_nothing_is_refused(desk: Desk) -> None:
    desk.server.replace_token(F, "local-token-of-F-renewed")
    engine = desk.engine(live=False)
    assert found(engine)["TOKEN", F] is WARN
    engine.start()


def test_k5_a_restart_with_live_positions_alerts_and_goes_on(wire: Wire) -> None:
    bought = wire.buy(150)
    wire.until(lambda: wire.row(bought)["state"] == "FILLED")
    wire.engine.stop()
    wire.server.register_address(F, "192.0.2.7")
    wire.engine = wire.again()
    wire.engine.start()
    wire.until(lambda: [a.account for a in wire.alerts if a.code == "NOT_READY"] == [F])
    wire.server.register_address(F, "127.0.0.1")
    wire.sell(150)
    wire.until(lambda: wire.net() == 0)


def test_k5_brokers_that_cannot_say_are_skipped_and_named(lab: Lab) -> None:
    findings = lab.engine.preflight()
    assert {(each.check, each.account, each.severity) for each in findings if each.account} == {
        (Check.ACCOUNT, LEADER, SKIPPED), (Check.ACCOUNT, F, SKIPPED),
    }  # fmt: skip
    assert all("cannot say" in each.known for each in findings if each.account)


class OldList:
    """Fetched yesterday."""

    def __call__(self, key: InstrumentKey) -> None:
        return None

    def age(self) -> timedelta:
        return timedelta(hours=30)


class Telling(FakeBroker):
    """A broker of the user's own that says something of its account, or fails to."""

    told: Finding | None = None

    def preflight(self, clock: Clock, *, places_orders: bool) -> list[Finding]:
        if self.told is None:
            raise RuntimeError("not now")
        return [self.told]


def test_k5_a_broker_of_ones_own_may_say_it_and_may_fail_to(tmp_path: Path) -> None:
    exchange = SimulatedExchange(VirtualClock(MORNING), ["L", "F"])
    broker = Telling(exchange, "F")

    def engine() -> CopyEngine:
        leader = Leader("L", source=FakeSource(exchange, "L"))
        follower = Follower("F", broker=broker, size="1/2", live=True)
        return CopyEngine([leader], [follower], tmp_path / "journal.db", clock=exchange.clock)

    (failed,) = [each for each in engine().preflight() if each.account == "F"]
    assert (failed.check, failed.severity) == (Check.ACCOUNT, WARN) and "not now" in failed.known
    broker.told = Finding(check=Check.TOKEN, severity=FATAL, known="it is gone.", advice="Get one.")
    with pytest.raises(NotReady, match=r"\[TOKEN F\] it is gone. Get one."):
        engine().step()


def test_k5_the_findings_as_a_table_have_the_worst_first(desk: Desk) -> None:
    desk.server.register_address(F, "192.0.2.7")
    rows = as_table(desk.engine().preflight()).to_dicts()
    assert (rows[0]["severity"], rows[0]["check"], rows[0]["account"]) == ("FATAL", "SOURCE_IP", F)
    assert rows[-1]["severity"] == "OK" and str(rows[-1]["known"])
