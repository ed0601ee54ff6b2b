"""What the tests of the local server share: the real dhanhq client, a plain socket client and HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import dhanhq
from websockets.sync.client import ClientConnection, connect

from dhan_copy.testing import DhanServer

TIMEOUT = 30.0


def client(server: DhanServer, number: int = 0, token: str | None = None) -> Any:
    """The SDK's client of one account."""
    account = server.accounts[number]
    context = dhanhq.DhanContext(account.client_id, token or account.access_token)
    context.get_dhan_http().base_url = server.rest_url
    return dhanhq.dhanhq(context)


def place(dhan: Any, **changes: Any) -> dict[str, Any]:
    order = {
        "security_id": "11630", "exchange_segment": "NSE_EQ", "transaction_type": "BUY", "quantity": 10,
        "order_type": "LIMIT", "product_type": "INTRADAY", "price": 400.0, "tag": "dc1-a",
    }  # fmt: skip
    answer: dict[str, Any] = dhan.place_order(**{**order, **changes})
    return answer


def placed(dhan: Any, **changes: Any) -> str:
    """Place an order that is taken, and return its id once it is out of transit."""
    answer = place(dhan, **changes)
    assert answer["status"] == "success", answer
    order_id: str = answer["data"]["orderId"]
    until(lambda: row(dhan, order_id)["orderStatus"] != "TRANSIT")
    return order_id


def row(dhan: Any, order_id: str) -> dict[str, Any]:
    [only] = dhan.get_order_by_id(order_id)["data"]
    found: dict[str, Any] = only
    return found


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    ticking = threading.Event()
    for _ in range(int(TIMEOUT / 0.005)):
        if condition():
            return
        ticking.wait(0.005)
    raise AssertionError("it never came to hold")


@contextmanager
def socket_of(server: DhanServer, number: int = 0) -> Iterator[ClientConnection]:
    """A logged-in socket of one account."""
    account = server.accounts[number]
    before = server.sockets(account.client_id)
    with connect(server.feed_url, open_timeout=TIMEOUT, close_timeout=1) as connection:
        log_in(connection, account.client_id, account.access_token)
        assert server.wait_for_sockets(before + 1, account.client_id)
        yield connection
    assert server.wait_for_sockets(before, account.client_id)


def log_in(connection: ClientConnection, client_id: str, token: str) -> None:
    login = {"LoginReq": {"MsgCode": 42, "ClientId": client_id, "Token": token}, "UserType": "SELF"}
    connection.send(json.dumps(login))


def frame(connection: ClientConnection) -> dict[str, Any]:
    """The Data of the next frame."""
    envelope = json.loads(connection.recv(timeout=TIMEOUT))
    assert envelope["Type"] == "order_alert"
    data: dict[str, Any] = envelope["Data"]
    return data


def http_json(url: str, method: str = "GET", body: object = None, **headers: str) -> tuple[int, Any]:
    """One request on a connection of its own."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.netloc, timeout=TIMEOUT)
    try:
        path = target.path + ("?" + target.query if target.query else "")
        payload = body if isinstance(body, str) or body is None else json.dumps(body)
        connection.request(method, path, payload, headers)
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None
    finally:
        connection.close()


def control(server: DhanServer, path: str, method: str = "POST", **fields: object) -> dict[str, Any]:
    """A control command that succeeds."""
    status, answer = http_json(server.control_url + path, method, fields if method == "POST" else None)
    assert (status, answer["ok"]) == (200, True), answer
    found: dict[str, Any] = answer
    return found
