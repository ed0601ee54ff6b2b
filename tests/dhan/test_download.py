"""A file is fetched whole and checked, or what was there stays."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dhan_copy.dhan import download as module
from dhan_copy.dhan.download import download
from dhan_copy.errors import ConfigurationError, InstrumentsUnavailable
from tests.dhan.servers import HttpServer, Step, hang, raw, reply, then_close, then_reset


def fetch(server: HttpServer, path: Path, *steps: Step, timeout_seconds: float = 20.0) -> None:
    server.plan(*steps)
    download(f"{server.url}/file.csv", path, timeout_seconds=timeout_seconds, check=Path.read_bytes)


def test_a_file_is_fetched_into_a_folder_that_is_made_for_it(http_server: HttpServer, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.csv"
    fetch(http_server, path, reply(200, b"one,two\n" * 100_000))
    assert path.read_bytes() == b"one,two\n" * 100_000
    assert [each.name for each in path.parent.iterdir()] == ["file.csv"], "nothing is left over"
    (request,) = http_server.requests
    assert (request.method, request.path) == ("GET", "/v2/file.csv")
    assert "access-token" not in request.headers


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (reply(404, b""), "answered 404"),
        (reply(302, b"", Location="https://elsewhere.example/"), "answered 302"),
        (then_close(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")), "could not be fetched"),
        (then_reset(), "could not be fetched"),
        (raw(b"what is this\r\n\r\n"), "could not be fetched"),
    ],
)
def test_what_was_there_stays_when_it_fails(http_server: HttpServer, tmp_path: Path, step: Step, words: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text("yesterday's")
    with pytest.raises(InstrumentsUnavailable, match=words):
        fetch(http_server, path, step)
    assert path.read_text() == "yesterday's"
    assert [each.name for each in tmp_path.iterdir()] == ["file.csv"]


def test_a_server_that_says_nothing_is_given_up(http_server: HttpServer, tmp_path: Path) -> None:
    over = threading.Event()
    try:
        with pytest.raises(InstrumentsUnavailable, match="timed out"):
            fetch(http_server, tmp_path / "file.csv", hang(over), timeout_seconds=0.2)
    finally:
        over.set()


def test_a_file_without_end_is_given_up(http_server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT_BYTES", 10)
    with pytest.raises(InstrumentsUnavailable, match="longer than 10 bytes"):
        fetch(http_server, tmp_path / "file.csv", reply(200, b"eleven bytes"))


def test_a_file_that_does_not_pass_its_check_replaces_nothing(http_server: HttpServer, tmp_path: Path) -> None:
    def check(path: Path) -> None:
        raise ConfigurationError("it is none of Dhan's")

    http_server.plan(reply(200, b"<html>"))
    with pytest.raises(ConfigurationError, match="none of Dhan's"):
        download(f"{http_server.url}/file.csv", tmp_path / "file.csv", timeout_seconds=20.0, check=check)
    assert list(tmp_path.iterdir()) == []


def test_nobody_listens_and_a_folder_that_cannot_be(http_server: HttpServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InstrumentsUnavailable, match="cannot be written"):
        fetch(http_server, tmp_path / "file" / "file.csv")
    with pytest.raises(InstrumentsUnavailable, match="could not be fetched"):
        download("http://127.0.0.1:1/file.csv", tmp_path / "file.csv", timeout_seconds=5.0, check=Path.read_bytes)
