"""One socket: frames in order, pings when it is quiet, and a named end."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dhan_copy.dhan import stream as stream_module
from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.stream import FrameRefused, StreamSettings, open_stream
from dhan_copy.errors import FeedConnectionError, FeedTimeout
from tests.dhan.certificates import contexts
from tests.dhan.servers import CANARY, PATIENCE_SECONDS, Peer, SocketServer, listener


def settings(
    url: str, *, ping_seconds: float = PATIENCE_SECONDS, quiet_limit: int = 3, timeout: float = 20.0
) -> StreamSettings:
    return StreamSettings(url=url, route=Route(), timeout_seconds=timeout, ping_seconds=ping_seconds, quiet_limit=quiet_limit)


def ignore(sock: object) -> None:
    """Nobody needs the socket before it connects."""


def test_frames_come_in_order(socket_server: SocketServer) -> None:
    def script(peer: Peer) -> None:
        for text in ("one", "two", "three"):
            peer.send(text)
        peer.read_until_closed()

    socket_server.plan(script)
    with open_stream(settings(socket_server.url), ignore) as stream:
        stream.send("login")
        assert not stream.heard
        assert [stream.next_frame() for _ in range(3)] == ["one", "two", "three"]
        assert stream.heard


def test_a_frame_may_have_several_megabytes(socket_server: SocketServer) -> None:
    text = "x" * (3 * 1024 * 1024)

    def script(peer: Peer) -> None:
        peer.send(text)
        peer.read_until_closed()

    socket_server.plan(script)
    with open_stream(settings(socket_server.url), ignore) as stream:
        stream.send("login")
        assert stream.next_frame() == text


def test_an_oversize_frame_is_refused_after_those_before_it(
    socket_server: SocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "FRAME_LIMIT_BYTES", 1000)

    def script(peer: Peer) -> None:
        peer.send("before")
        peer.send("x" * 1001)
        peer.read_until_closed()

    socket_server.plan(script)
    with open_stream(settings(socket_server.url), ignore) as stream:
        stream.send("login")
        assert stream.next_frame() == "before"
        with pytest.raises(FrameRefused):
            stream.next_frame()


@pytest.mark.parametrize("frame", [b"\xff\xfe\xff"])
def test_a_text_frame_that_is_not_utf_8_is_refused(socket_server: SocketServer, frame: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.send(frame)
        peer.read_until_closed()

    socket_server.plan(script)
    with open_stream(settings(socket_server.url), ignore) as stream:
        stream.send("login")
        with pytest.raises(FrameRefused):
            stream.next_frame()


def test_bytes_that_are_no_websocket_are_refused(socket_server: SocketServer) -> None:
    def script(peer: Peer) -> None:
        peer.sock.sendall(b"\xff" * 100)
        peer.read_until_closed()

    socket_server.plan(script)
    with open_stream(settings(socket_server.url), ignore) as stream:
        stream.send("login")
        with pytest.raises(FrameRefused):
            stream.next_frame()


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda peer: peer.close(1000), r"closed by the server \(1000\)"),
        (lambda peer: peer.close(1011), r"closed by the server \(1011\)"),
        (lambda peer: peer.reset(), "reset"),
        (lambda peer: peer.sock.close(), "reset"),
    ],
)
def test_an_end_is_an_error(socket_server: SocketServer, end: Callable[[Peer], None], words: str) -> None:
    socket_server.plan(end)
    with open_stream(settings(socket_server.url), ignore) as stream:
        stream.send("login")
        with pytest.raises(FeedConnectionError, match=words):
            stream.next_frame()
        with pytest.raises(FeedConnectionError):
            stream.send("more")


def test_a_pong_keeps_a_quiet_connection_alive(socket_server: SocketServer) -> None:
    socket_server.plan(Peer.read_until_closed)
    with open_stream(settings(socket_server.url, ping_seconds=0.05, quiet_limit=2), ignore) as stream:
        stream.send("login")
        for _ in range(10):
            assert stream.next_frame() is None
        assert stream.heard


def test_neither_frame_nor_pong_is_a_timeout(socket_server: SocketServer) -> None:
    done = threading.Event()
    socket_server.plan(lambda peer: done.wait(PATIENCE_SECONDS))
    with open_stream(settings(socket_server.url, ping_seconds=0.02, quiet_limit=4), ignore) as stream:
        stream.send("login")
        assert [stream.next_frame() for _ in range(3)] == [None] * 3
        with pytest.raises(FeedTimeout, match=r"for 0\.08 s"):
            stream.next_frame()
        assert not stream.heard
    done.set()


def test_nobody_there(socket_server: SocketServer) -> None:
    with listener() as closed:
        url = f"ws://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(FeedConnectionError, match="not connected"), open_stream(settings(url), ignore):
        pytest.fail("connected to nobody")


def test_a_server_that_does_not_shake_hands_runs_into_the_timeout() -> None:
    with listener() as server:
        url = f"ws://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(FeedConnectionError, match="timed out"), open_stream(settings(url, timeout=0.1), ignore):
            pytest.fail("connected without a handshake")


def test_tls_is_spoken_where_the_url_says_so(socket_server: SocketServer) -> None:
    url = socket_server.url.replace("ws://", "wss://")
    with pytest.raises(FeedConnectionError, match="not connected"), open_stream(settings(url, timeout=5), ignore):
        pytest.fail("connected without TLS")


def test_the_socket_is_shown_before_it_connects(socket_server: SocketServer) -> None:
    seen: list[object] = []
    with open_stream(settings(socket_server.url), seen.append) as stream:
        stream.send("login")
    assert len(seen) == 1


def test_nothing_of_a_frame_is_logged_even_at_debug(socket_server: SocketServer) -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with open_stream(settings(socket_server.url), ignore) as stream:
            stream.send(CANARY)
            assert socket_server.logins.get(timeout=PATIENCE_SECONDS) == CANARY
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert CANARY not in logged.getvalue()


def test_a_tls_socket(socket_server: SocketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        peer.send("x" * 100_000)
        peer.send("two")
        peer.read_until_closed()

    socket_server.tls, trusting = contexts(tmp_path)
    monkeypatch.setattr(stream_module, "tls_context", lambda: trusting)
    socket_server.plan(script)
    with open_stream(settings(socket_server.url.replace("ws://", "wss://")), ignore) as stream:
        stream.send("login")
        assert stream.next_frame() == "x" * 100_000
        assert stream.next_frame() == "two"
