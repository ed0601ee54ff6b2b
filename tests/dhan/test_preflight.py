"""What Dhan's answers say of an account; through the engine in scenarios/test_preflight.py."""

from __future__ import annotations

import json
import socket
from datetime import datetime, timezone

import pytest

from dhan_copy.dhan.account import DhanAccount
from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.protocols import AccountChecks
from dhan_copy.testing import VirtualClock
from tests.dhan.servers import CANARY, HttpServer, Received, Step, raw, reply, then_close

NOW = datetime(2026, 8, 3, 3, 0, tzinfo=timezone.utc)
PROFILE = {"dhanClientId": "1000000001", "tokenValidity": "04/08/2026 08:30", "activeSegment": "Equity", "ddpi": "Active"}


def dated(date: str, body: object = PROFILE) -> Step:
    """An answer with a ``Date`` header of the test's choice."""

    def step(sock: socket.socket, request: Received) -> None:
        text = json.dumps(body).encode()
        date_line = f"Date: {date}\r\n" if date else ""
        sock.sendall(f"HTTP/1.1 200 OK\r\n{date_line}Content-Length: {len(text)}\r\n\r\n".encode() + text)

    return step


def look(server: HttpServer, token: str = "a-made-up-one", *, places_orders: bool = False) -> dict[Check, Finding]:
    broker = DhanAccount("1000000001", token, base_url=server.url).broker()
    assert isinstance(broker, AccountChecks)
    return {each.check: each for each in broker.preflight(VirtualClock(NOW), places_orders=places_orders)}


@pytest.mark.parametrize(
    ("date", "severity"),
    [
        ("Mon, 03 Aug 2026 03:00:00 GMT", Severity.OK),
        ("Mon, 03 Aug 2026 02:59:57 GMT", Severity.OK),
        ("Mon, 03 Aug 2026 02:59:56 GMT", Severity.WARN),
        ("Mon, 03 Aug 2026 03:00:03 GMT", Severity.WARN),
        ("Mon, 03 Aug 2026 03:05:00 GMT", Severity.FATAL),
        ("yesterday", Severity.SKIPPED),
        ("", Severity.SKIPPED),
    ],
)
def test_the_clock_is_off_by_what_the_cut_second_cannot_explain(http_server: HttpServer, date: str, severity: Severity) -> None:
    http_server.plan(dated(date))
    assert look(http_server)[Check.CLOCK].severity is severity


def test_a_refused_token_leaves_the_rest_unknown_and_unsaid(http_server: HttpServer) -> None:
    refusal = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": f"Invalid Token {CANARY}"}
    http_server.plan(reply(400, refusal), reply(400, refusal))
    found = look(http_server, CANARY, places_orders=True)
    assert {check: each.severity for check, each in found.items()} == {
        Check.TOKEN: Severity.FATAL, Check.CLOCK: Severity.SKIPPED, Check.SOURCE_IP: Severity.WARN,
    }  # fmt: skip
    assert "CANARY" not in repr(found)


@pytest.mark.parametrize(
    "body", [[], [None], {"dhanClientId": ["1000000001"]}, {"dhanClientId": "1000000001", "tokenValidity": 5}]
)
def test_a_profile_of_another_shape_is_unknown(http_server: HttpServer, body: object) -> None:
    http_server.plan(dated("", body))
    assert look(http_server)[Check.TOKEN].severity is Severity.WARN


def test_two_reads_are_all_that_is_asked(http_server: HttpServer) -> None:
    http_server.plan(reply(200, PROFILE), reply(200, {"ordersAllowed": True, "primaryIP": "192.0.2.1"}))
    found = look(http_server, places_orders=True)
    assert [(each.method, each.path) for each in http_server.requests] == [("GET", "/v2/profile"), ("GET", "/v2/ip/getIP")]
    assert found[Check.SOURCE_IP].severity is Severity.OK


def test_a_machine_without_a_way_to_dhan_is_told_so_for_each(http_server: HttpServer) -> None:
    http_server.plan(then_close(raw(b"")), then_close(raw(b"")))
    found = look(http_server, places_orders=True)
    assert {each.severity for each in found.values()} == {Severity.WARN, Severity.SKIPPED}


def test_the_validity_is_a_time_in_india(http_server: HttpServer) -> None:
    http_server.plan(reply(200, {**PROFILE, "tokenValidity": "03/08/2026 23:30"}))
    found = look(http_server)[Check.TOKEN]
    assert found.severity is Severity.WARN and "03 August 2026 23:30 IST" in found.known
