"""The command line says what the public API says, and nothing of a token."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from dhan_copy.__main__ import main
from dhan_copy.engine import CopyEngine
from dhan_copy.model.ids import client_order_id
from dhan_copy.model.order import Side
from dhan_copy.testing import DhanServer, NewOrder
from tests.examples.runs import environment
from tests.scenarios.kit import CALL, INSTRUMENTS, PATIENCE_SECONDS, limit
from tests.test_journal_file import Family


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DhanServer]:
    """With an account that the environment calls WIFE."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with DhanServer([("1000000002", "local-token-of-WIFE")]) as running:
        monkeypatch.setenv("DHAN_WIFE_CLIENT_ID", "1000000002")
        monkeypatch.setenv("DHAN_WIFE_ACCESS_TOKEN", "local-token-of-WIFE")
        monkeypatch.setenv("DHAN_WIFE_BASE_URL", running.rest_url)
        yield running


def doctor(tmp_path: Path, *more: str) -> int:
    return main(["doctor", "--account", "WIFE", "--journal", str(tmp_path / "copies.db"), *more])


def test_k5_the_doctor_finds_nothing_fatal(server: DhanServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(tmp_path) == 0
    said = capsys.readouterr().out
    assert re.search(r"^OK +TOKEN WIFE: the access token is taken", said, re.M)
    assert {"SOURCE_IP", "SEGMENTS", "EDIS", "CLOCK", "SQLITE", "FOLDER", "DISK", "LOCK", "INSTRUMENTS", "CALENDAR"} <= set(
        re.findall(r"[A-Z_]+", said)
    )
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_k5_the_doctor_fails_on_what_is_fatal(server: DhanServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.register_address("1000000002", "192.0.2.7")
    assert doctor(tmp_path) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FATAL   SOURCE_IP WIFE: orders are not taken from here.")
    assert lines[1].strip().startswith("Register this address at Dhan")
    assert not [request for request in server.requests() if request.method != "GET"]


def test_k5_an_account_that_the_environment_does_not_have_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--account", "NOBODY"]) == 2
    assert "DHAN_NOBODY_ACCESS_TOKEN is not set" in capsys.readouterr().err


def test_k5_without_accounts_it_looks_at_the_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--journal", str(tmp_path / "no" / "copies.db")]) == 1
    assert capsys.readouterr().out.startswith("FATAL   FOLDER:")


CONFIG = """
store = "family.db"

[[leaders]]
client_id = "1000000001"
token_env = "THEIR_TOKEN"
base_url = "{rest}"
feed_url = "{feed}"

[[followers]]
client_id = "1000000002"
token_env = "OUR_TOKEN"
base_url = "{rest}"
feed_url = "{feed}"
size = "1/2"
live = true
"""


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DhanServer]:
    """A leader and a follower whom ``family.toml`` names."""
    for name, value in environment(tmp_path).items():  # before the folder changes: PYTHONPATH may be relative
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    tokens = {"THEIR_TOKEN": "local-token-of-leader", "OUR_TOKEN": "local-token-of-follower"}
    for name, token in tokens.items():
        monkeypatch.setenv(name, token)
    with DhanServer(list(zip(("1000000001", "1000000002"), tokens.values())), instruments=INSTRUMENTS) as running:
        Path("family.toml").write_text(CONFIG.format(rest=running.rest_url, feed=running.feed_url))
        yield running


def test_k5_the_doctor_looks_at_the_accounts_of_a_settings_file(family: DhanServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", "family.toml"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^OK +TOKEN 1000000001", said, re.M) and re.search(r"^OK +SOURCE_IP 1000000002", said, re.M)
    assert "SOURCE_IP 1000000001" not in said, "the leader places nothing"
    family.register_address("1000000002", "192.0.2.7")
    assert main(["doctor", "--config", "family.toml"]) == 1


def test_k5_run_refuses_what_is_fatal(family: DhanServer, capsys: pytest.CaptureFixture[str]) -> None:
    family.register_address("1000000002", "192.0.2.7")
    assert main(["run", "family.toml"]) == 2
    assert "[SOURCE_IP 1000000002]" in capsys.readouterr().err


def _hears_interrupts() -> None:
    """What a shell starts in the background ignores SIGINT, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_copies_until_it_is_interrupted(family: DhanServer, number: signal.Signals) -> None:
    family.register_address("1000000002", "192.0.2.7")
    command = [sys.executable, "-m", "dhan_copy", "run", "family.toml", "--skip-check", "SOURCE_IP"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_hears_interrupts
    ) as engine:
        try:
            assert family.wait_for_sockets(1, "1000000001", PATIENCE_SECONDS)
            assert family.wait_for_sockets(1, "1000000002", PATIENCE_SECONDS)
            family.register_address("1000000002", "127.0.0.1")
            family.exchange.set_price(CALL, 100)
            new = NewOrder(key=CALL, side=Side.BUY, quantity=150, terms=limit(90))
            waiting = threading.Event()
            for _ in range(100):
                # The first ones may be taken for older than the start: Dhan's times are cut to the second.
                family.exchange.place("1000000001", new)
                waiting.wait(0.3)
                if copies := family.exchange.orders("1000000002"):
                    break
            assert copies[0].quantity == 75
            engine.send_signal(number)
            said, errors = engine.communicate(timeout=PATIENCE_SECONDS)
        finally:
            engine.kill()
    assert (engine.returncode, said) == (0, ""), errors
    assert "token" not in errors


def test_run_adopts_todays_orders_where_it_is_told_to(
    family: DhanServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new = NewOrder(key=CALL, side=Side.BUY, quantity=150, terms=limit(90))
    order_id = family.exchange.place("1000000001", new).order_id
    tag = client_order_id("1000000001", order_id, "1000000002", "E", 0, 0)
    family.exchange.place("1000000002", attrs.evolve(new, quantity=75, tag=tag, source="P"))
    monkeypatch.setattr(CopyEngine, "wait", lambda engine: True)
    assert main(["run", "family.toml"]) == 2
    assert "orders of today are not in the journal: 1 of 1000000002" in capsys.readouterr().err
    assert main(["run", "--rebuild", "family.toml"]) == 0
    assert main(["explain", "family.db", order_id]) == 0
    assert "Decided to place BUY 75" in capsys.readouterr().out
    assert len(family.exchange.orders("1000000002")) == 1


@pytest.mark.parametrize("command", [["run", "family.toml"], ["doctor", "--config", "family.toml"]])
def test_a_settings_file_that_is_wrong_names_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2 and "family.toml cannot be read" in capsys.readouterr().err
    Path("family.toml").write_text('store = "x.db"\nfollower = 1\n')
    assert main(command) == 2 and "line 2" in capsys.readouterr().err


def test_status_and_explain_show_a_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    family = Family(tmp_path)
    order_id = family.trade()
    family.engine.stop()
    before = family.path.read_bytes()
    assert main(["status", str(family.path)]) == 0
    said = capsys.readouterr().out
    assert "follower (paper)" in said and len(said.splitlines()) == 5
    assert main(["explain", str(family.path), order_id]) == 0
    assert "The leader's order is" in capsys.readouterr().out
    assert main(["explain", str(family.path), "1"]) == 1
    assert capsys.readouterr().out == "order 1: 0 rows\n"
    assert family.path.read_bytes() == before


@pytest.mark.parametrize("command", ["status", "explain"])
def test_long_cells_are_shown_whole_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    family = Family(tmp_path)
    order_id = family.trade()
    arguments = [command, str(family.path), *([order_id] if command == "explain" else [])]
    family.engine.stop()
    monkeypatch.setattr("dhan_copy.display._WIDEST", 5)
    assert main(arguments) == 0 and "…" in capsys.readouterr().out
    assert main([*arguments, "--wide"]) == 0 and "…" not in capsys.readouterr().out


@pytest.mark.parametrize("more", [["--account", "WIFE"], ["--journal", "x.db"], ["--journal", "copies.db"]])
def test_the_doctor_takes_a_settings_file_or_accounts(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--config", "family.toml", *more])
    assert ended.value.code == 2
    assert "--config names accounts and journal itself: leave --account and --journal away" in capsys.readouterr().err


def test_what_is_no_journal_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.db").write_text("nothing")
    for command in (["status"], ["explain"]):
        assert main([*command, str(tmp_path / "no.db"), *(["1"] if command == ["explain"] else [])]) == 2
        assert "this is no SQLite file" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["status"], ["explain", "x.db"], ["doctor", "--nonsense"]])
def test_wrong_arguments_are_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage:" in capsys.readouterr().err
