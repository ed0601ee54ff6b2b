"""The control endpoint finds its commands, and its help names all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dhan_copy.testing import DhanServer
from dhan_copy.testing.server.control import COMMANDS, control_help
from tests.testing.server.server_kit import http_json


@pytest.fixture(scope="module")
def server() -> Iterator[DhanServer]:
    with DhanServer(1) as running:
        yield running


def test_the_help_documents_every_command(server: DhanServer) -> None:
    text = control_help()
    for command in COMMANDS:
        assert f"\n{command.method} {command.path}" in text
        assert command.does.split(".")[0].split()[0] in text
    assert max(len(line) for line in text.splitlines()) < 120
    for path in ("", "/", "/help"):
        assert http_json(server.control_url + path) == (200, {"ok": True, "help": text})


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("GET", "/price"), ("PUT", "/fault")])
def test_an_unknown_command_is_404(server: DhanServer, method: str, path: str) -> None:
    status, answer = http_json(server.control_url + path, method)
    assert (status, answer["ok"]) == (404, False)


@pytest.mark.parametrize("body", ["[]", "{", "1", "[" * 100_000])
def test_a_body_that_is_no_object_is_400(server: DhanServer, body: str) -> None:
    status, answer = http_json(server.control_url + "/price", "POST", body)
    assert (status, answer["ok"]) == (400, False)
