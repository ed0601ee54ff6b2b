"""An SDK call and what the transport learnt of it stay together, whoever calls."""

from __future__ import annotations

import threading

import pytest
from dhanhq import dhanhq

from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.http import KeepAliveHTTP
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.dhan.session import Outcome, Session
from tests.dhan.servers import PATIENCE_SECONDS, HttpServer, reply


@pytest.fixture
def session(http_server: HttpServer) -> Session:
    return Session(
        KeepAliveHTTP(
            "1000000001",
            lambda: AccessToken("token"),
            base_url=http_server.url,
            route=Route(),
            timeout_seconds=PATIENCE_SECONDS,
        )
    )


def test_a_method_of_the_sdk_is_run(http_server: HttpServer, session: Session) -> None:
    http_server.plan(reply(200, [1, 2]))
    assert session.ask(lambda sdk: sdk.get_positions()).answer.body == [1, 2]
    assert http_server.requests[0].path == "/v2/positions"


def test_a_path_without_a_method_is_read(http_server: HttpServer, session: Session) -> None:
    http_server.plan(reply(200, {"dhanClientId": "1000000001"}))
    assert session.get("/profile").answer.http_status == 200
    assert (http_server.requests[0].method, http_server.requests[0].path) == ("GET", "/v2/profile")


def test_what_the_sdk_refuses_is_sent(http_server: HttpServer, session: Session) -> None:
    http_server.plan(reply(200, {"orderId": "1"}))
    payload = {"price": 0.0}
    assert session.post("/super/orders", payload).answer.body == {"orderId": "1"}
    [sent] = http_server.requests
    assert (sent.method, sent.path) == ("POST", "/v2/super/orders")
    assert (sent.json, payload) == ({"price": 0.0, "dhanClientId": "1000000001"}, {"price": 0.0})


def test_every_method_of_the_sdk_finds_the_transport(http_server: HttpServer, session: Session) -> None:
    def names(sdk: dhanhq) -> None:
        for method in ("get_order_list", "get_fund_limits", "get_holdings", "get_trade_book", "get_forever"):
            getattr(sdk, method)()

    session.ask(names)
    assert len(http_server.requests) == 5


def test_each_of_several_threads_gets_its_own_answer(http_server: HttpServer, session: Session) -> None:
    def echo(sock: object, request: object) -> None:
        reply(200, [request.path])(sock, request)  # type: ignore[arg-type,attr-defined]

    http_server.plan(*[echo] * 40)
    outcomes: dict[str, Outcome] = {}

    def ask(number: int) -> None:
        for path in (f"/{number}/{repeat}" for repeat in range(10)):
            outcomes[path] = session.get(path)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert len(outcomes) == 40
    assert all(outcome.answer.body == [f"/v2{path}"] for path, outcome in outcomes.items())


def test_close_leaves_a_session_that_can_be_used(http_server: HttpServer, session: Session) -> None:
    session.get("/profile")
    session.close()
    session.get("/profile")
    assert [r.connection for r in http_server.requests] == [0, 1]
