"""The command line says what the public API says, and nothing of a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dhan_copy.__main__ import main
from dhan_copy.testing import DhanServer
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


def test_k5_an_account_that_the_environment_does_not_have_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--account", "NOBODY"]) == 2
    assert "DHAN_NOBODY_ACCESS_TOKEN is not set" in capsys.readouterr().err


def test_k5_without_accounts_it_looks_at_the_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--journal", str(tmp_path / "no" / "copies.db")]) == 1
    assert capsys.readouterr().out.startswith("FATAL   FOLDER:")


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
