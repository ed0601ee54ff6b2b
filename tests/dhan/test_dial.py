"""Connections leave from the address and through the proxy that the account names, and by no other way."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from dhan_copy.dhan.dial import Deadline, Proxy, Route, tls_context
from tests.dhan.servers import PATIENCE_SECONDS, listener


def accept_one(server: socket.socket, script: Callable[[socket.socket], None]) -> threading.Thread:
    def run() -> None:
        sock, _ = server.accept()
        with sock, suppress(OSError):
            script(sock)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def head_of(sock: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += sock.recv(1)
    return data


def test_one_tls_context_for_the_process() -> None:
    assert tls_context() is tls_context()


def test_a_connection_leaves_from_the_source_address() -> None:
    with listener() as server:
        with Route(source_address=("127.0.0.2", 0)).open("127.0.0.1", server.getsockname()[1], Deadline(5)) as sock:
            assert sock.getsockname()[0] == "127.0.0.2"


def test_a_source_address_chooses_its_family() -> None:
    with listener() as server, pytest.raises(OSError):
        Route(source_address=("::1", 0)).open("127.0.0.1", server.getsockname()[1], Deadline(5))


def test_an_address_that_this_machine_does_not_have_is_an_error_not_another_address() -> None:
    with listener() as server, pytest.raises(OSError):
        Route(source_address=("192.0.2.1", 0)).open("127.0.0.1", server.getsockname()[1], Deadline(5))


def test_a_closed_port_is_an_error() -> None:
    with listener() as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        Route().open("127.0.0.1", port, Deadline(5))


def test_a_deadline_that_has_passed_opens_nothing() -> None:
    with listener() as server, pytest.raises(TimeoutError):
        Route().open("127.0.0.1", server.getsockname()[1], Deadline(-1))


def test_opening_can_stop_a_connection_before_it_starts() -> None:
    seen: list[socket.socket] = []

    def refuse(sock: socket.socket) -> None:
        seen.append(sock)
        raise RuntimeError("closed meanwhile")

    with listener() as server, pytest.raises(RuntimeError):
        Route().open("127.0.0.1", server.getsockname()[1], Deadline(5), refuse)
    assert seen[0].fileno() == -1


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (None, None),
        ("user:pass:word", "Proxy-Authorization: Basic " + base64.b64encode(b"user:pass:word").decode()),
    ],
)
@pytest.mark.parametrize(("host", "written"), [("api.example", "api.example:443"), ("2001:db8::1", "[2001:db8::1]:443")])
def test_a_proxy_is_asked_for_a_tunnel(credentials: str | None, header: str | None, host: str, written: str) -> None:
    heads: list[str] = []

    def proxy(sock: socket.socket) -> None:
        heads.append(head_of(sock).decode())
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\nfirst bytes of the tunnel")

    with listener() as server:
        accept_one(server, proxy)
        route = Route(proxy=Proxy("127.0.0.1", server.getsockname()[1], credentials))
        with route.open(host, 443, Deadline(PATIENCE_SECONDS)) as sock:
            assert sock.recv(100) == b"first bytes of the tunnel"
    lines = heads[0].split("\r\n")
    assert lines[:2] == [f"CONNECT {written} HTTP/1.1", f"Host: {written}"]
    assert lines[2:-2] == ([] if header is None else [header])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refused CONNECT: 407"),
        (b"hello\r\n\r\n", "refused CONNECT: nothing"),
        (b"HTTP/1.1 200", "did not answer"),
        (b"x" * 20_000, "did not answer"),
    ],
)
def test_a_proxy_that_refuses_is_an_error(answer: bytes, problem: str) -> None:
    def proxy(sock: socket.socket) -> None:
        head_of(sock)
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)

    with listener() as server:
        accept_one(server, proxy)
        route = Route(proxy=Proxy("127.0.0.1", server.getsockname()[1]))
        with pytest.raises(OSError, match=problem):
            route.open("api.example", 443, Deadline(PATIENCE_SECONDS))


def test_a_proxy_that_says_nothing_runs_into_the_deadline() -> None:
    with listener() as server:
        route = Route(proxy=Proxy("127.0.0.1", server.getsockname()[1]))
        with pytest.raises(TimeoutError):
            route.open("api.example", 443, Deadline(0.05))


def test_a_proxys_password_is_not_shown() -> None:
    assert "secret" not in repr(Route(proxy=Proxy("proxy.example", 8080, "user:secret")))


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with listener() as server:
        port = server.getsockname()[1]
        with Route().open("127.0.0.1", port, Deadline(5)) as sock:
            assert sock.getpeername() == ("127.0.0.1", port)
