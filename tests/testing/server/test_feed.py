"""A plain socket client hears what happens in its account, and meets every oddity of Dhan's socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dhan_copy.testing import DhanServer
from dhan_copy.testing.server import feed
from tests.testing.exchange_kit import instruments
from tests.testing.server.server_kit import TIMEOUT, client, frame, log_in, placed, socket_of


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        yield running


def test_orders_placed_over_rest_are_announced_on_the_sockets_of_their_account_alone(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    with socket_of(server) as first, socket_of(server) as second, socket_of(server, 1) as other:
        order_id = placed(dhan)
        for connection in (first, second):
            pending = frame(connection)
            assert (pending["orderNo"], pending["status"], pending["correlationId"]) == (order_id, "Pending", "dc1-a")
            assert "tradedQty" not in pending
        server.fill(me, order_id, 4)
        assert (frame(first)["tradedQty"], frame(second)["status"]) == (4, "Pending")
        dhan.modify_order(order_id, "LIMIT", None, 20, 401.0, 0, 0, "DAY")
        assert [frame(first)["status"] for _ in range(2)] == ["Modified", "Pending"]
        dhan.cancel_order(order_id)
        cancelled = frame(first)
        assert (cancelled["status"], cancelled["remainingQuantity"], cancelled["tradedQty"]) == ("Cancelled", 16, 4)
        placed(client(server, 1))
        assert frame(other)["clientId"] == server.accounts[1].client_id


def test_a_login_is_not_acknowledged(server: DhanServer) -> None:
    with socket_of(server) as connection, pytest.raises(TimeoutError):
        connection.recv(timeout=0.05)


@pytest.mark.parametrize(
    "login",
    [
        '{"LoginReq":{"MsgCode":42,"ClientId":"1000000001","Token":"wrong"},"UserType":"SELF"}',
        '{"LoginReq":{"MsgCode":42,"ClientId":"1","Token":"local-token-1000000001"},"UserType":"SELF"}',
        '{"LoginReq":{"MsgCode":41,"ClientId":"1000000001","Token":"local-token-1000000001"}}',
        '{"LoginReq":{"MsgCode":42,"ClientId":"partner"},"UserType":"PARTNER","Secret":"x"}',
        "{}",
        "[]",
        "not JSON",
        "[" * 50_000,
    ],
)
def test_t3_a_bad_login_is_reset_without_a_close_frame(server: DhanServer, login: str) -> None:
    with connect(server.feed_url, open_timeout=TIMEOUT, close_timeout=1) as connection:
        connection.send(login)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=TIMEOUT)
        assert closed.value.rcvd is None
        assert isinstance(closed.value.__cause__, ConnectionResetError)
    assert server.sockets() == 0


def test_t1_dropped_sockets_are_reset_and_can_come_back(server: DhanServer) -> None:
    with socket_of(server) as connection, socket_of(server, 1):
        assert server.drop_sockets(server.accounts[0].client_id) == 1
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=TIMEOUT)
        assert isinstance(closed.value.__cause__, ConnectionResetError)
        assert server.wait_for_sockets(0, server.accounts[0].client_id)
        assert server.sockets() == 1
    with socket_of(server) as again:
        placed(client(server))
        assert frame(again)["status"] == "Pending"


def test_a_dropped_socket_is_gone_at_once_and_hears_of_nothing_later(server: DhanServer) -> None:
    with socket_of(server) as connection:
        server.drop_sockets()
        assert server.sockets() == 0
        placed(client(server))
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=TIMEOUT)


def test_a_socket_can_be_closed_politely(server: DhanServer) -> None:
    with socket_of(server) as connection:
        assert server.drop_sockets(politely=True) == 1
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=TIMEOUT)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001


def test_t2_a_silent_socket_answers_pings_or_not_and_delivers_late(server: DhanServer) -> None:
    dhan = client(server)
    with socket_of(server) as connection:
        assert server.pause_sockets() == 1
        placed(dhan)
        assert connection.ping().wait(TIMEOUT)
        with pytest.raises(TimeoutError):
            connection.recv(timeout=0.05)
        with socket_of(server) as new:
            placed(dhan)
            assert frame(new)["status"] == "Pending"
        assert server.resume_sockets(server.accounts[0].client_id) == 1
        assert [frame(connection)["status"] for _ in range(2)] == ["Pending", "Pending"]
        server.pause_sockets(answer_pings=False)
        pong = connection.ping()
        assert not pong.wait(0.05)
        order_id = placed(dhan)
        server.resume_sockets(deliver=False)
        assert pong.wait(TIMEOUT)
        dhan.cancel_order(order_id)
        assert frame(connection)["status"] == "Cancelled"


def test_messages_after_the_login_are_ignored(server: DhanServer) -> None:
    with socket_of(server) as connection:
        log_in(connection, "1", "wrong")
        connection.send(b"\x00binary")
        connection.send("2")
        placed(client(server))
        assert frame(connection)["status"] == "Pending"


def test_a_login_may_come_in_fragments_of_tcp(server: DhanServer) -> None:
    account = server.accounts[0]
    login = {"LoginReq": {"MsgCode": 42, "ClientId": account.client_id, "Token": account.access_token}}
    with connect(server.feed_url, open_timeout=TIMEOUT, close_timeout=1, compression=None) as connection:
        connection.send(json.dumps(login) + " " * 200_000)
        assert server.wait_for_sockets(1, account.client_id)


def test_what_is_no_websocket_is_survived(server: DhanServer) -> None:
    port = int(server.feed_url.rsplit(":", 1)[1])
    for nonsense in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01garbage\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as plain:
            plain.sendall(nonsense)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                continue
    with socket_of(server):
        assert server.sockets() == 1


def test_a_client_that_reads_nothing_holds_nobody_up(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    with connect(server.feed_url, open_timeout=TIMEOUT, close_timeout=0.1, max_queue=1) as deaf:
        log_in(deaf, me, server.accounts[0].access_token)
        assert server.wait_for_sockets(1, me)
        flood = threading.Thread(target=lambda: [server.push_frame("x" * 60_000, me) for _ in range(300)])
        flood.start()
        flood.join(TIMEOUT)
        assert not flood.is_alive()


def test_a_deaf_client_is_dropped(server: DhanServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "DEAF_AFTER_SECONDS", 1)
    me = server.accounts[0].client_id
    with connect(server.feed_url, open_timeout=TIMEOUT, close_timeout=0.1, max_queue=1) as deaf:
        log_in(deaf, me, server.accounts[0].access_token)
        assert server.wait_for_sockets(1, me)
        for _ in range(300):
            server.push_frame("x" * 60_000, me)
        assert server.wait_for_sockets(0, me)


def test_a_server_that_never_started_can_be_stopped() -> None:
    DhanServer(1).stop()


def test_stopping_closes_every_socket() -> None:
    with DhanServer(1) as server, socket_of(server) as connection:
        server.pause_sockets(answer_pings=False)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=TIMEOUT)
        stopper.join(TIMEOUT)
        assert not stopper.is_alive()
