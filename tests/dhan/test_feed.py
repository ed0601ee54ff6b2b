"""What happens to the socket is told as events, and so is what cannot be understood; only close ends the feed."""

from __future__ import annotations

import io
import json
import logging
import queue
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from attrs import define, field

from dhan_copy.dhan import feed as feed_module
from dhan_copy.dhan import stream as stream_module
from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.backoff import Backoff
from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.feed import DhanOrderFeed
from dhan_copy.dhan.http import KeepAliveHTTP
from dhan_copy.dhan.reads import AccountReads
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.dhan.session import Session
from dhan_copy.errors import AuthenticationError, ReadError
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderReport
from dhan_copy.protocols import AccountReader, EventSource, Gap, SourceEvent, Unreadable
from tests.dhan.servers import (
    CANARY,
    DATA,
    PATIENCE_SECONDS,
    HttpServer,
    Peer,
    SocketServer,
    accept_tunnel,
    book_row,
    listener,
    reply,
    then_reset,
)

FRAMES = [line for line in (DATA / "order_updates.jsonl").read_text().splitlines() if line]
INVALID_TOKEN = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "Invalid Token"}
CONNECTED = "connected: what happened before is not told again"


@define
class Following:
    """A thread that iterates a feed, as the engine's does."""

    feed: DhanOrderFeed
    seen: queue.SimpleQueue[SourceEvent] = field(factory=queue.SimpleQueue)
    ended: threading.Event = field(factory=threading.Event)
    failures: list[BaseException] = field(factory=list)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            for event in self.feed.events():
                self.seen.put(event)
        except BaseException as error:
            self.failures.append(error)
        self.ended.set()

    def next(self) -> SourceEvent:
        return self.seen.get(timeout=PATIENCE_SECONDS)

    def gap(self) -> str:
        event = self.next()
        assert isinstance(event, Gap), event
        return event.cause

    def stop(self) -> None:
        self.feed.close()
        assert self.ended.wait(PATIENCE_SECONDS)
        assert self.failures == []


Follow = Callable[..., Following]


@pytest.fixture
def follow(http_server: HttpServer, socket_server: SocketServer) -> Iterator[Follow]:
    started: list[Following] = []

    def follow(
        *,
        url: str = "",
        token: Callable[[], AccessToken] = lambda: AccessToken(CANARY),
        ping_seconds: float = PATIENCE_SECONDS,
        silence_seconds: float = 3 * PATIENCE_SECONDS,
        backoff: Backoff | None = None,
        start: bool = True,
    ) -> Following:
        http = KeepAliveHTTP("1000000001", token, base_url=http_server.url, route=Route(), timeout_seconds=PATIENCE_SECONDS)
        feed = DhanOrderFeed(
            "1000000001",
            token,
            AccountReads(Session(http), AccountName("1000000001")),
            url=url or socket_server.url,
            route=Route(),
            timeout_seconds=600.0,  # nothing may end because it times out
            ping_seconds=ping_seconds,
            silence_seconds=silence_seconds,
            backoff=Backoff(0.0, 0.0) if backoff is None else backoff,
        )
        following = Following(feed)
        if start:
            following.start()
            started.append(following)
        return following

    yield follow
    for following in started:
        following.stop()


def send(*frames: str) -> Callable[[Peer], None]:
    """Send frames and stay."""

    def script(peer: Peer) -> None:
        for frame in frames:
            peer.send(frame)
        peer.read_until_closed()

    return script


def reset(peer: Peer) -> None:
    peer.reset()


def frame(order: str) -> str:
    update = json.loads(FRAMES[0])
    update["Data"]["orderNo"] = order
    return json.dumps(update)


def test_it_is_an_event_source_and_an_account_reader(follow: Follow) -> None:
    feed = follow(start=False).feed
    source: EventSource = feed
    assert source is feed and isinstance(feed, AccountReader)


def test_a_connection_begins_with_a_login_and_a_gap(follow: Follow, socket_server: SocketServer) -> None:
    following = follow()
    assert following.gap() == CONNECTED
    assert socket_server.login() == {
        "LoginReq": {"MsgCode": 42, "ClientId": "1000000001", "Token": CANARY},
        "UserType": "SELF",
    }


def test_recorded_frames_become_reports(follow: Follow, socket_server: SocketServer) -> None:
    socket_server.plan(send(*FRAMES))
    following = follow()
    following.gap()
    reports = [following.next() for _ in FRAMES]
    assert all(isinstance(report, OrderReport) for report in reports)
    assert [r.raw for r in reports if isinstance(r, OrderReport)] == FRAMES


def test_r3_frames_that_arrive_during_the_snapshot_wait(
    follow: Follow, http_server: HttpServer, socket_server: SocketServer
) -> None:
    sent = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(frame("7"))
        sent.set()
        peer.read_until_closed()

    socket_server.plan(script)
    http_server.plan(lambda sock, request: (sent.wait(PATIENCE_SECONDS), reply(200, [book_row()])(sock, request))[1])
    events = follow(start=False).feed
    iterator = events.events()
    assert next(iterator) == Gap(CONNECTED)
    assert [report.order_id for report in events.snapshot()] == ["112111182045"]
    report = next(iterator)
    assert isinstance(report, OrderReport) and report.order_id == "7"
    events.close()
    assert list(iterator) == []


def test_a_lost_connection_is_a_gap_and_another_connection(follow: Follow, socket_server: SocketServer) -> None:
    socket_server.plan(lambda peer: (peer.send(frame("1")), peer.close(1001), peer.read_until_closed())[2], send(frame("2")))
    following = follow()
    assert following.gap() == CONNECTED
    assert isinstance(following.next(), OrderReport)
    assert following.gap() == "disconnected: closed by the server (1001)"
    assert following.gap() == CONNECTED
    report = following.next()
    assert isinstance(report, OrderReport) and report.order_id == "2"


def test_each_connection_logs_in_with_the_current_token(follow: Follow, socket_server: SocketServer) -> None:
    tokens = iter(["first", "checked", "second"])
    socket_server.plan(reset)
    following = follow(token=lambda: AccessToken(next(tokens)))
    tokens_seen = []
    for _ in range(2):
        login = socket_server.login()["LoginReq"]
        assert isinstance(login, dict)
        tokens_seen.append(login["Token"])
    assert tokens_seen == ["first", "second"]
    assert following.gap() == CONNECTED


def test_a_reset_after_login_with_a_refused_token(follow: Follow, http_server: HttpServer, socket_server: SocketServer) -> None:
    socket_server.plan(reset, reset)
    http_server.plan(reply(400, INVALID_TOKEN), reply(401, {"errorCode": "DH-901", "errorMessage": "expired"}))
    following = follow()
    causes = [following.gap() for _ in range(5)]
    assert [cause for cause in causes if cause != CONNECTED] == [
        "token refused: Invalid Token",
        "token refused: expired",
    ]
    assert causes[-1] == CONNECTED
    assert {request.path for request in http_server.requests} == {"/v2/profile"}


def test_a_reset_after_login_with_a_valid_token_is_the_networks_fault(
    follow: Follow, http_server: HttpServer, socket_server: SocketServer
) -> None:
    socket_server.plan(reset)
    http_server.plan(reply(200, {"dhanClientId": "1000000001", "tokenValidity": "07/11/2026 10:00"}))
    following = follow()
    assert following.gap() == CONNECTED
    assert following.gap() == "disconnected: the connection was reset; the token is valid"
    assert following.gap() == CONNECTED


def test_a_reset_after_login_while_rest_is_down_too(
    follow: Follow, http_server: HttpServer, socket_server: SocketServer
) -> None:
    socket_server.plan(reset)
    http_server.plan(then_reset())
    following = follow()
    assert following.gap() == CONNECTED
    assert "whether the token is valid is unknown" in following.gap()


def test_a_connection_that_has_worked_is_not_suspected(
    follow: Follow, http_server: HttpServer, socket_server: SocketServer
) -> None:
    seen = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(frame("1"))
        assert seen.wait(PATIENCE_SECONDS)
        peer.reset()

    socket_server.plan(script)
    following = follow()
    following.gap()
    following.next()
    seen.set()
    assert following.gap() == "disconnected: the connection was reset"
    assert http_server.requests == []


def test_waits_grow_until_the_other_end_has_been_heard(follow: Follow, socket_server: SocketServer) -> None:
    waits: list[float] = []

    class Recorded(Backoff):
        def next_seconds(self) -> float:
            waits.append(super().next_seconds())
            return 0.0

    def hello(peer: Peer) -> None:
        peer.send(frame("1"))
        peer.close(1000)
        peer.read_until_closed()

    socket_server.plan(reset, reset, reset, hello, reset)
    following = follow(backoff=Recorded(0.5, 30.0, draw=lambda: 1.0))
    connected = 0
    while connected < 6:
        connected += following.next() == Gap(CONNECTED)
    assert waits == [0.5, 1.0, 2.0, 0.5, 1.0]


def test_heartbeats_are_not_told(follow: Follow, socket_server: SocketServer) -> None:
    socket_server.plan(send("2", "3", "", " 2\n", frame("1")))
    following = follow()
    following.gap()
    assert isinstance(following.next(), OrderReport)


MALFORMED = [
    "hello",
    "4",
    "null",
    "[]",
    "{}",
    '{"Type": "order_alert"}',
    '{"Data": {}, "Type": "order_alert"}',
    '{"Data": {}, "Type": "something_new"}',
    '{"Type": "order_alert", "Data": {"orderNo": "1"',
    "[" * 5000,
    FRAMES[0].replace('"Traded"', '"Teleported"'),
]


@pytest.mark.parametrize("malformed", MALFORMED)
def test_what_cannot_be_understood_is_told_and_the_feed_goes_on(
    follow: Follow, socket_server: SocketServer, malformed: str
) -> None:
    socket_server.plan(send(malformed, frame("1")))
    following = follow()
    following.gap()
    event = following.next()
    assert isinstance(event, Unreadable) and event.problem
    assert event.raw == malformed
    assert isinstance(following.next(), OrderReport)


def test_a_defect_of_ours_does_not_end_the_feed(
    follow: Follow, socket_server: SocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(frame: object) -> OrderReport:
        raise ZeroDivisionError

    monkeypatch.setattr(feed_module, "parse_order_update", broken)
    socket_server.plan(send(FRAMES[0]))
    following = follow()
    following.gap()
    assert following.next() == Unreadable("ZeroDivisionError while reading the frame", FRAMES[0])


def test_an_oversize_frame_is_unreadable_and_the_socket_replaced(
    follow: Follow, socket_server: SocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "FRAME_LIMIT_BYTES", 5000)
    socket_server.plan(send(frame("1"), "x" * 5001), send(frame("2")))
    following = follow()
    following.gap()
    assert isinstance(following.next(), OrderReport)
    assert isinstance(following.next(), Unreadable)
    assert "could not be taken" in following.gap()
    assert following.gap() == CONNECTED
    assert isinstance(following.next(), OrderReport)


def test_a_silent_socket_is_replaced(follow: Follow, socket_server: SocketServer) -> None:
    done = threading.Event()
    socket_server.plan(lambda peer: done.wait(PATIENCE_SECONDS), send(frame("1")))
    following = follow(ping_seconds=0.02, silence_seconds=0.06)
    assert following.gap() == CONNECTED
    assert "neither a frame nor a pong for 0.06 s" in following.gap()
    assert following.gap() == CONNECTED
    assert isinstance(following.next(), OrderReport)
    done.set()


def test_nobody_there_is_told_and_tried_again(follow: Follow) -> None:
    with listener() as closed:
        url = f"ws://127.0.0.1:{closed.getsockname()[1]}"
    following = follow(url=url)
    assert all("not connected" in following.gap() for _ in range(3))


def test_a_token_that_cannot_be_read_is_told_without_its_words(follow: Follow, socket_server: SocketServer) -> None:
    outcomes: Iterator[str | None] = iter([None, "good"])

    def token() -> AccessToken:
        outcome = next(outcomes)
        if outcome is None:
            raise OSError(f"vault says {CANARY}")
        return AccessToken(outcome)

    following = follow(token=token)
    cause = following.gap()
    assert "OSError" in cause and CANARY not in cause
    assert following.gap() == CONNECTED


def test_close_ends_a_quiet_connection(follow: Follow) -> None:
    following = follow()
    following.gap()
    following.stop()


def test_close_ends_the_wait_before_a_reconnect(follow: Follow) -> None:
    with listener() as closed:
        url = f"ws://127.0.0.1:{closed.getsockname()[1]}"
    following = follow(url=url, backoff=Backoff(3600.0, 3600.0, draw=lambda: 1.0))
    following.gap()
    following.stop()


def test_close_ends_a_handshake_that_nobody_answers(follow: Follow) -> None:
    with listener() as server:
        following = follow(url=f"ws://127.0.0.1:{server.getsockname()[1]}")
        sock, _ = server.accept()
        with sock:
            assert sock.recv(1) == b"G"
            following.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends with the connect's own timeout")
def test_close_ends_a_connect_that_nobody_answers(follow: Follow) -> None:
    # A full backlog leaves further connections unanswered.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as filler:
        filler.connect(server.getsockname())
        following = follow(url=f"ws://127.0.0.1:{server.getsockname()[1]}")
        while not _is_connecting(following.feed._handle):
            assert not following.ended.wait(0.01)
        following.stop()


def _is_connecting(sock: socket.socket | None) -> bool:
    syn_sent = 2
    return sock is not None and sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == syn_sent


def test_a_closed_feed_has_no_events_and_may_be_closed_again(follow: Follow, socket_server: SocketServer) -> None:
    feed = follow(start=False).feed
    feed.close()
    feed.close()
    assert list(feed.events()) == []
    assert socket_server.logins.empty()


def test_a_feed_closed_while_it_connects_tells_nothing(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    following = follow(start=False)
    opening = following.feed._opening

    def close_first(sock: socket.socket) -> None:
        following.feed.close()
        opening(sock)

    monkeypatch.setattr(following.feed, "_opening", close_first)
    assert list(following.feed.events()) == []


def test_an_abandoned_iterator_closes_its_socket(follow: Follow, socket_server: SocketServer) -> None:
    left = threading.Event()
    socket_server.plan(lambda peer: (peer.read_until_closed(), left.set())[1])
    events = follow(start=False).feed.events()
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert left.wait(PATIENCE_SECONDS)


def test_a_snapshot_is_the_order_book(follow: Follow, http_server: HttpServer) -> None:
    http_server.plan(reply(200, [book_row(), book_row(orderId="2")]), reply(200, []))
    feed = follow(start=False).feed
    assert [report.order_id for report in feed.snapshot()] == ["112111182045", "2"]
    assert list(feed.snapshot()) == []
    assert http_server.requests[0].path == "/v2/orders"


def test_a_snapshot_can_have_super_and_forever_orders(http_server: HttpServer) -> None:
    account = DhanAccount("1000000001", CANARY, base_url=http_server.url, feed_url="ws://127.0.0.1:1")
    for chosen, paths in (
        ({}, ["/orders"]),
        ({"linked": True}, ["/orders", "/super/orders"]),
        ({"forever": True}, ["/orders", "/forever/orders"]),
    ):
        http_server.requests.clear()
        assert list(account.feed(**chosen).snapshot()) == []  # type: ignore[arg-type]
        assert [request.path for request in http_server.requests] == [f"/v2{path}" for path in paths]


def test_a_snapshot_that_cannot_be_read_raises(follow: Follow, http_server: HttpServer) -> None:
    http_server.plan(reply(502, b"<html>"), reply(400, INVALID_TOKEN))
    feed = follow(start=False).feed
    with pytest.raises(ReadError):
        feed.snapshot()
    with pytest.raises(AuthenticationError):
        feed.snapshot()


def test_an_unreadable_row_of_a_snapshot_comes_as_an_event_once(
    follow: Follow, http_server: HttpServer, socket_server: SocketServer
) -> None:
    odd = book_row(orderId="3", orderType="NEW")
    odder = book_row(orderId="3", orderType="NEWER")
    http_server.plan(*[reply(200, [book_row(), odd])] * 3, reply(200, [odder]), reply(200, [odd]))
    go_on = queue.SimpleQueue[str]()

    def script(peer: Peer) -> None:
        while text := go_on.get(timeout=PATIENCE_SECONDS):
            peer.send(text)
        peer.read_until_closed()

    socket_server.plan(script)
    following = follow()
    following.gap()
    for _ in range(3):
        assert [report.order_id for report in following.feed.snapshot()] == ["112111182045"]
    go_on.put(frame("1"))
    first = following.next()
    assert isinstance(first, Unreadable) and "orderType" in first.problem and '"NEW"' in first.raw
    assert isinstance(following.next(), OrderReport)
    following.feed.snapshot()
    following.feed.snapshot()
    go_on.put(frame("2"))
    later = [following.next(), following.next()]
    assert ['"NEWER"' in event.raw for event in later if isinstance(event, Unreadable)] == [True, False]
    assert isinstance(following.next(), OrderReport)
    go_on.put("")


def test_an_unreadable_row_does_not_wait_for_a_frame(follow: Follow, http_server: HttpServer) -> None:
    http_server.plan(reply(200, [book_row(orderType="NEW")]))
    following = follow(ping_seconds=0.02)
    following.gap()
    following.feed.snapshot()
    assert isinstance(following.next(), Unreadable)


def test_a_leaders_account_can_be_read_while_it_is_followed(follow: Follow, http_server: HttpServer) -> None:
    following = follow()
    following.gap()
    http_server.plan(
        reply(200, {"availabelBalance": 5, "sodLimit": 6}),
        reply(200, []),
        reply(400, {"errorCode": "DH-1111", "errorType": "x", "errorMessage": "No holdings available"}),
    )
    assert following.feed.funds().total == 6
    assert list(following.feed.positions()) == [] and list(following.feed.holdings()) == []


def test_the_socket_leaves_from_the_source_address_and_through_the_proxy(follow: Follow, socket_server: SocketServer) -> None:
    with listener() as server:
        head = accept_tunnel(server, socket_server.listener.getsockname())
        port = server.getsockname()[1]
        account = DhanAccount(
            "1000000001",
            CANARY,
            feed_url="ws://127.0.0.1:9/feed",
            base_url="http://127.0.0.1:9",
            proxy=f"http://127.0.0.1:{port}",
            source_address="127.0.0.4",
        )
        feed = account.feed()
        events = feed.events()
        assert next(events) == Gap(CONNECTED)
        assert head.get(timeout=PATIENCE_SECONDS).startswith("CONNECT 127.0.0.1:9 ")
        feed.close()
        assert list(events) == []


def test_the_token_is_in_no_log_output_event_or_repr(
    follow: Follow, http_server: HttpServer, socket_server: SocketServer, capfd: pytest.CaptureFixture[str]
) -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        socket_server.plan(reset, send("not json"))
        http_server.plan(reply(400, {**INVALID_TOKEN, "errorMessage": f"Invalid Token {CANARY}"}))
        following = follow()
        told = [following.next() for _ in range(4)]
        following.stop()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    out, err = capfd.readouterr()
    assert json.dumps(socket_server.login()).count(CANARY) == 1
    for sink in (str(told), logged.getvalue(), out, err, repr(following.feed)):
        assert CANARY not in sink
