"""A request is written once or the caller is told that its fate is unknown."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dhan_copy.dhan import line as line_module
from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.line import Line, Lost, NotSent
from tests.dhan.certificates import contexts
from tests.dhan.servers import (
    PATIENCE_SECONDS,
    HttpServer,
    Received,
    Step,
    hang,
    listener,
    raw,
    reply,
    then_close,
    then_reset,
)

GET = b"GET /v2/orders HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v2/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def line(http_server: HttpServer) -> Iterator[Line]:
    port = http_server.listener.getsockname()[1]
    line = Line("127.0.0.1", port, tls=False, route=Route(), timeout_seconds=PATIENCE_SECONDS)
    yield line
    line.close()


def impatient(server: HttpServer) -> Line:
    return Line("127.0.0.1", server.listener.getsockname()[1], tls=False, route=Route(), timeout_seconds=0.1)


def test_one_connection_serves_many_requests(http_server: HttpServer, line: Line) -> None:
    for _ in range(5):
        assert line.exchange(GET, "GET").body == b"[]"
    assert http_server.connections == 1


@pytest.mark.parametrize("end", [then_close, then_reset])
def test_an_idle_connection_that_the_server_ended_is_replaced_before_anything_is_written(
    http_server: HttpServer, line: Line, end: Callable[[Step], Step]
) -> None:
    http_server.plan(end(reply(200, [1])))
    try:
        line.exchange(GET, "GET")
    except Lost:
        pytest.skip("the reset overtook the answer")
    assert http_server.ended.acquire(timeout=PATIENCE_SECONDS)
    assert line.exchange(POST, "POST").status == 200
    assert [(r.method, r.connection) for r in http_server.requests] == [("GET", 0), ("POST", 1)]


def test_bytes_that_nobody_asked_for_end_a_connection(http_server: HttpServer, line: Line) -> None:
    sent = threading.Event()

    def chatter(sock: socket.socket, request: Received) -> None:
        reply(200, [])(sock, request)
        assert answered.wait(PATIENCE_SECONDS)
        reply(200, ["an answer to another question"])(sock, request)
        sent.set()

    answered = threading.Event()
    http_server.plan(chatter, reply(200, ["mine"]))
    line.exchange(GET, "GET")
    answered.set()
    assert sent.wait(PATIENCE_SECONDS)
    assert line.exchange(GET, "GET").body == b'["mine"]'


def test_connection_close_is_obeyed(http_server: HttpServer, line: Line) -> None:
    http_server.plan(reply(200, [], Connection="close"))
    line.exchange(GET, "GET")
    line.exchange(GET, "GET")
    assert [r.connection for r in http_server.requests] == [0, 1]


def test_nobody_there_means_that_nothing_was_sent() -> None:
    with listener() as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotSent, match=f"127.0.0.1:{port}"):
        Line("127.0.0.1", port, tls=False, route=Route(), timeout_seconds=5).exchange(POST, "POST")


def test_a_name_that_does_not_resolve_means_that_nothing_was_sent() -> None:
    with pytest.raises(NotSent):
        Line("nowhere.invalid", 443, tls=False, route=Route(), timeout_seconds=5).exchange(POST, "POST")


def test_a_failed_tls_handshake_means_that_nothing_was_sent(http_server: HttpServer) -> None:
    line = Line("127.0.0.1", http_server.listener.getsockname()[1], tls=True, route=Route(), timeout_seconds=5)
    http_server.plan(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with pytest.raises(NotSent):
        line.exchange(POST, "POST")


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (then_reset(), None),
        (then_close(raw(b"")), None),
        (then_close(raw(b"HTTP/1.1 2")), None),
        (then_close(raw(b"220 smtp.example ESMTP\r\n")), None),
        (then_close(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}")), 200),
        (then_close(raw(b"HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")), 502),
        (then_close(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")), 200),
        (then_close(raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200)), None),
        (then_close(raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000)), None),
    ],
)
def test_an_answer_that_breaks_off_leaves_the_request_lost(
    http_server: HttpServer, line: Line, step: Step, status: int | None
) -> None:
    http_server.plan(step)
    with pytest.raises(Lost) as lost:
        line.exchange(POST, "POST")
    assert (lost.value.status, lost.value.stale) == (status, False)
    assert len(http_server.requests) == 1
    assert line.exchange(GET, "GET").status == 200  # on a fresh connection


def test_an_answer_cut_within_its_headers_has_an_empty_body(http_server: HttpServer, line: Line) -> None:
    http_server.plan(then_close(raw(b"HTTP/1.1 200 OK\r\nContent-Le")))
    assert line.exchange(POST, "POST").body == b""


def test_a_kept_connection_that_ends_under_the_request_is_stale(http_server: HttpServer, line: Line) -> None:
    http_server.plan(reply(200, []), then_reset())
    line.exchange(GET, "GET")
    with pytest.raises(Lost) as lost:
        line.exchange(GET, "GET")
    assert lost.value.stale


def test_the_timeout_is_for_the_whole_answer(http_server: HttpServer) -> None:
    line = impatient(http_server)
    stop = threading.Event()

    def trickle(sock: socket.socket, request: Received) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.01):
            sock.sendall(b"x")

    http_server.plan(trickle)
    with pytest.raises(Lost, match="timed out after 0.1 s") as lost:
        line.exchange(POST, "POST")
    stop.set()
    assert lost.value.status == 200


def test_silence_times_out(http_server: HttpServer) -> None:
    done = threading.Event()
    http_server.plan(hang(done))
    with pytest.raises(Lost, match="timed out after 0.1 s") as lost:
        impatient(http_server).exchange(POST, "POST")
    done.set()
    assert lost.value.status is None


@pytest.mark.parametrize("head", [b"Content-Length: 1001", b"Transfer-Encoding: chunked"], ids=["announced", "unannounced"])
def test_a_body_above_the_limit_is_not_read(
    http_server: HttpServer, line: Line, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr(line_module, "BODY_LIMIT_BYTES", 1000)
    chunk = b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n" if b"chunked" in head else b"x" * 1001
    http_server.plan(raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + chunk))
    with pytest.raises(Lost, match="longer than 1000 bytes"):
        line.exchange(GET, "GET")


def test_a_body_at_the_limit_is_read(http_server: HttpServer, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "BODY_LIMIT_BYTES", 1000)
    http_server.plan(reply(200, b"x" * 1000))
    assert len(line.exchange(GET, "GET").body) == 1000


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-7"}, None),
        ({"Retry_After": "\u0667"}, None),
        ({"Retry_After": "Fri, 06 Nov 2026 10:00:30 GMT"}, None),
        ({"Retry_After": "Fri, 06 Nov 2026 10:00:30 GMT", "Date": "Fri, 06 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"Retry_After": "Fri, 06 Nov 2026 09:00:30 GMT", "Date": "Fri, 06 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"Retry_After": "Fri, 06 Nov 2026 10:00:30 -0000", "Date": "Fri, 06 Nov 2026 10:00:00 GMT"}, None),
    ],
)
def test_retry_after(http_server: HttpServer, line: Line, headers: dict[str, str], seconds: float | None) -> None:
    http_server.plan(reply(429, {}, **headers))
    assert line.exchange(GET, "GET").retry_after_seconds == seconds


@pytest.mark.parametrize("where", ["_whole_body", "_Incoming"])
def test_an_interrupt_closes_the_connection(
    http_server: HttpServer, line: Line, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupt(*arguments: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(line_module, where, interrupt)
        with pytest.raises(KeyboardInterrupt):
            line.exchange(GET, "GET")
    assert http_server.ended.acquire(timeout=PATIENCE_SECONDS)
    line.exchange(GET, "GET")
    assert [r.connection for r in http_server.requests] == [0, 1]


def over_tls(server: HttpServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    server.tls, trusting = contexts(folder)
    monkeypatch.setattr(line_module, "tls_context", lambda: trusting)
    port = server.listener.getsockname()[1]
    return Line("127.0.0.1", port, tls=True, route=Route(), timeout_seconds=PATIENCE_SECONDS)


def test_a_tls_connection_is_kept(http_server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = over_tls(http_server, tmp_path, monkeypatch)
    for _ in range(5):
        assert line.exchange(POST, "POST").body == b"[]"
    assert http_server.connections == 1


def test_a_tls_connection_that_the_server_closed_is_replaced_before_anything_is_written(
    http_server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = over_tls(http_server, tmp_path, monkeypatch)
    http_server.plan(then_close(reply(200, [1])))
    line.exchange(GET, "GET")
    assert http_server.ended.acquire(timeout=PATIENCE_SECONDS)
    assert line.exchange(POST, "POST").status == 200
    assert [r.connection for r in http_server.requests] == [0, 1]


def test_a_certificate_that_nobody_vouches_for_means_that_nothing_was_sent(http_server: HttpServer, tmp_path: Path) -> None:
    http_server.tls, _ = contexts(tmp_path)
    line = Line("127.0.0.1", http_server.listener.getsockname()[1], tls=True, route=Route(), timeout_seconds=20)
    with pytest.raises(NotSent, match="certificate"):
        line.exchange(POST, "POST")
    assert http_server.requests == []


@pytest.mark.parametrize(
    ("headers", "served"),
    [
        ({}, None),
        ({"Date": "Fri, 06 Nov 2026 10:00:00 GMT"}, "2026-11-06T10:00:00+00:00"),
        ({"Date": "now"}, None),
        ({"Date": "Fri, 06 Nov 2026 10:00:30 -0000"}, None),
    ],
)
def test_the_servers_clock(http_server: HttpServer, line: Line, headers: dict[str, str], served: str | None) -> None:
    http_server.plan(reply(200, {}, **headers))
    at = line.exchange(GET, "GET").served_at
    assert (at and at.isoformat()) == served
