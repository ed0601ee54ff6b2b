"""The example for real accounts: it refuses what is incomplete, and sends nothing unless told to."""

from __future__ import annotations

import runpy
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy import SqliteStore
from dhan_copy.core.facts import BookRead, CopyAdmitted, Fact
from dhan_copy.model.order import Limit, Side
from dhan_copy.testing import DhanServer, NewOrder, instrument_key
from tests.examples.runs import EXAMPLES, TIMEOUT_SECONDS, finished, started

SECRET = "secret-of-nobody"
ACCOUNTS = {
    f"DHAN_{name}_{what}": value
    for name, client_id in (("LEADER", "1000000001"), ("FOLLOWER1", "1000000002"), ("FOLLOWER2", "1000000003"))
    for what, value in (("CLIENT_ID", client_id), ("ACCESS_TOKEN", SECRET))
}


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str,
    environment: Mapping[str, str],
) -> str:  # fmt: skip
    """What the example says in this process, where the package is loaded already, after it ended with status 2."""
    monkeypatch.chdir(folder)
    for name in ACCOUNTS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["live.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / "live.py"), run_name="__main__")
    said, errors = capsys.readouterr()
    assert (ended.value.code, said) == (2, "")
    assert SECRET not in errors
    assert list(folder.iterdir()) == []
    return errors


def test_it_refuses_without_accounts(tmp_path: Path) -> None:
    status, said, errors = finished(tmp_path, "live.py", "--live")
    assert (status, said) == (2, "")
    assert errors.startswith("Refused: DHAN_LEADER_") and "is not set" in errors


@pytest.mark.parametrize("missing", sorted(ACCOUNTS))
@pytest.mark.parametrize("flags", [[], ["--live"]])
def test_it_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, missing: str, flags: list[str]
) -> None:
    environment = {name: value for name, value in ACCOUNTS.items() if name != missing}
    errors = refused(monkeypatch, capsys, tmp_path, *flags, environment=environment)
    assert errors.startswith(f"Refused: {missing} is not set")


@pytest.mark.parametrize("arguments", [["FOLLOWER1"], ["FOLLOWER1=0"], ["FOLLOWER1=1", "FOLLOWER1=2"], ["=1"], ["--size"]])
def test_it_refuses_followers_that_make_no_sense(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str]
) -> None:
    assert refused(monkeypatch, capsys, tmp_path, *arguments, environment=ACCOUNTS)


def environment_of(server: DhanServer) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, account in zip(("LEADER", "WIFE"), server.accounts):
        what = {
            "CLIENT_ID": account.client_id, "ACCESS_TOKEN": account.access_token,
            "BASE_URL": server.rest_url, "FEED_URL": server.feed_url,
        }  # fmt: skip
        found |= {f"DHAN_{name}_{key}": value for key, value in what.items()}
    return found


def until(condition: Callable[[], bool]) -> None:
    ticking = threading.Event()
    for _ in range(int(TIMEOUT_SECONDS / 0.02)):
        if condition():
            return
        ticking.wait(0.02)
    raise AssertionError("it never came to hold")


def facts(journal: Path) -> list[Fact]:
    if not journal.exists():
        return []
    store = SqliteStore.open_readonly(journal)
    try:
        return [entry.fact for entry in store.read()]
    finally:
        store.close()


@pytest.mark.parametrize("live", [False, True])
def test_orders_leave_only_with_the_live_flag(tmp_path: Path, live: bool) -> None:
    arguments = ["WIFE=1/2", *(["--live"] if live else [])]
    with DhanServer(accounts=2) as server:
        leader, wife = (account.client_id for account in server.accounts)
        process = started(tmp_path, "live.py", *arguments, more=environment_of(server))
        try:
            journal = tmp_path / "live.db"
            # Before the leader's book was read once, an order of the same second counts as older than the start.
            until(lambda: any(isinstance(fact, BookRead) and fact.account == "LEADER" for fact in facts(journal)))
            order = NewOrder(key=instrument_key("NSE_EQ", "11630"), side=Side.BUY, quantity=10, terms=Limit(Decimal(400)))
            server.exchange.place(leader, order)
            until(lambda: any(isinstance(fact, CopyAdmitted) for fact in facts(journal)))
            if live:
                until(lambda: len(server.exchange.orders(wife)) == 1)
            process.send_signal(signal.SIGTERM)
            said, errors = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
            process.wait()
        sent = [request for request in server.requests(wife) if request.method != "GET"]
        quantities = [order.quantity for order in server.exchange.orders(wife)]
    assert (process.returncode, errors) == (0, "")
    assert (len(sent), quantities) == ((1, [5]) if live else (0, []))
    assert said.startswith("LIVE" if live else "Dry run")
    assert "1/2" in said and "WIFE" in said and "local-token" not in said
