"""Answers are lost, replaced, cut and delayed as planned, and every request is on record."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from dhan_copy.model.times import ist
from dhan_copy.testing import DhanServer, VirtualClock
from dhan_copy.testing.server import Action, HttpFault
from tests.testing.exchange_kit import instruments
from tests.testing.server.server_kit import TIMEOUT, client, http_json, place, placed, row, until


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        yield running


@pytest.mark.parametrize("action", [Action.CLOSE, Action.RESET, Action.TRUNCATE, Action.HANG])
def test_an_answer_that_is_lost_leaves_an_order_behind(server: DhanServer, action: Action) -> None:
    dhan = client(server)
    server.plan_fault(HttpFault(action=action, method="POST", path="/orders"))
    answer = place(dhan)
    assert answer["status"] == "failure"
    assert isinstance(answer["remarks"], str)
    [found] = dhan.get_order_by_correlationID("dc1-a")["data"]
    until(lambda: bool(row(dhan, found["orderId"])["orderStatus"] == "PENDING"))
    assert placed(dhan) != found["orderId"]


def test_answers_are_lost_as_often_as_asked(server: DhanServer) -> None:
    dhan = client(server)
    server.lose_answers(2, account=server.accounts[0].client_id, method="DELETE")
    order_id = placed(dhan)
    assert dhan.cancel_order(order_id)["status"] == "failure"
    assert row(dhan, order_id)["orderStatus"] == "CANCELLED"
    assert dhan.cancel_order(order_id)["status"] == "failure"
    assert dhan.cancel_order(order_id)["remarks"]["error_message"] == "Order is already cancelled"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (429, '{"errorType":"Rate_Limit","errorCode":"DH-904","errorMessage":"x"}', "DH-904"),
        (400, '{"errorType":"Input_Exception","errorCode":"DH-905","errorMessage":"Invalid IP"}', "DH-905"),
        (500, '{"errorType":"x","errorCode":"DH-908","errorMessage":"x"}', "DH-908"),
        (504, "{}", None),
        (502, "<html>Bad Gateway</html>", "text"),
        (200, "", "text"),
    ],
)
def test_requests_are_refused_with_any_answer(server: DhanServer, status: int, body: str, code: str | None) -> None:
    dhan = client(server)
    server.refuse(status, body)
    answer = place(dhan)
    assert answer["status"] == "failure"
    if code == "text":
        assert isinstance(answer["remarks"], str)
    else:
        assert answer["remarks"]["error_code"] == code
    assert dhan.get_order_list()["data"] == []
    assert server.exchange.requests == ()


def test_an_answer_can_be_replaced_after_the_order_was_executed(server: DhanServer) -> None:
    server.plan_fault(HttpFault(status=200, body="", headers=(("X-Test", "1"),)))
    assert place(client(server))["status"] == "failure"
    assert len(server.exchange.orders(server.accounts[0].client_id)) == 1


def test_a_request_that_arrives_late_is_executed_after_its_client_gave_up(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    dhan.dhan_http.timeout = 0.05
    server.plan_fault(HttpFault(seconds_before=0.2))
    assert place(dhan)["status"] == "failure"
    assert server.exchange.orders(me) == ()
    until(lambda: len(server.exchange.orders(me)) == 1)


def test_answers_are_delayed_and_faults_forgotten(server: DhanServer) -> None:
    dhan = client(server)
    dhan.dhan_http.timeout = 0.05
    server.delay_answers(0.2)
    assert dhan.get_order_list()["status"] == "failure"
    server.refuse(500, "", count=9)
    server.clear_faults()
    dhan.dhan_http.timeout = TIMEOUT
    assert dhan.get_order_list()["status"] == "success"


def test_faults_of_one_account_leave_the_others_alone(server: DhanServer) -> None:
    server.refuse(500, "{}", account=server.accounts[1].client_id)
    assert place(client(server))["status"] == "success"
    assert place(client(server, 1))["status"] == "failure"


def test_every_request_is_on_record(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    place(dhan)
    server.lose_answers()
    dhan.get_order_list()
    client(server, token="wrong").get_order_list()
    assert [(r.account, r.method, r.path, r.status) for r in server.requests()] == [
        (me, "POST", "/orders", 200),
        (me, "GET", "/orders", None),
        (None, "GET", "/orders", 401),
    ]
    assert '"correlationId": "dc1-a"' in server.requests(me)[0].body
    assert server.requests("1") == ()
    assert all(account.access_token not in repr(server.requests()) for account in server.accounts)


def test_nonsense_on_the_port_is_survived(server: DhanServer) -> None:
    port = int(server.rest_url.split(":")[2].split("/")[0])
    for nonsense in (b"\x00\x01\r\n\r\n", b"POST /v2/orders HTTP/1.1\r\nContent-Length: x\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as plain:
            plain.sendall(nonsense)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                continue
    assert http_json(server.control_url + "/help")[0] == 200


def test_stopping_ends_a_hanging_answer() -> None:
    with DhanServer(1) as server:
        dhan = client(server)
        server.plan_fault(HttpFault(action=Action.HANG, seconds_after=3600))
        done = threading.Event()

        def ask() -> None:
            dhan.get_order_list()
            done.set()

        asking = threading.Thread(target=ask)
        asking.start()
        until(lambda: len(server.requests()) == 1)
    assert done.wait(TIMEOUT)
    asking.join(TIMEOUT)


def test_the_date_of_an_answer_is_the_exchanges_time() -> None:
    with DhanServer(clock=VirtualClock(ist(datetime(2026, 8, 3, 9, 0)))) as server:
        parts = urlsplit(server.rest_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        connection.request("GET", f"{parts.path}/profile")
        assert connection.getresponse().headers["Date"] == "Mon, 03 Aug 2026 03:30:00 GMT"
        connection.close()
