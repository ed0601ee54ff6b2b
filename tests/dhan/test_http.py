"""dhanhq's own methods over our transport: the same result dicts, the HTTP status besides, and no token anywhere."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

import pytest
from dhanhq import DhanHTTP, dhanhq

from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.http import KeepAliveHTTP
from dhan_copy.dhan.outcomes import Answer
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.errors import AuthenticationError, ConnectionFailed
from tests.dhan.servers import (
    CANARY,
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

ERROR = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "Order is not open"}


class Context:
    def __init__(self, http: DhanHTTP) -> None:
        self.http = http

    def get_dhan_http(self) -> DhanHTTP:
        return self.http


def client(url: str, token: Callable[[], AccessToken], timeout_seconds: float = PATIENCE_SECONDS) -> KeepAliveHTTP:
    return KeepAliveHTTP("1000000001", token, base_url=url, route=Route(), timeout_seconds=timeout_seconds)


@pytest.fixture
def http(http_server: HttpServer) -> Iterator[KeepAliveHTTP]:
    token = AccessToken(CANARY)
    http = client(http_server.url, lambda: token)
    yield http
    http.close()


@pytest.fixture
def sdk(http: KeepAliveHTTP) -> dhanhq:
    return dhanhq(Context(http))


def place(sdk: dhanhq) -> object:
    return sdk.place_order("11536", "NSE_EQ", "BUY", 5, "LIMIT", "CNC", 100.05, tag="tag-1")


def test_it_is_the_sdks_transport(http: KeepAliveHTTP) -> None:
    assert isinstance(http, DhanHTTP)


def test_a_request_carries_token_client_id_and_json(http_server: HttpServer, sdk: dhanhq) -> None:
    http_server.plan(reply(200, {"orderId": "1", "orderStatus": "TRANSIT"}))
    place(sdk)
    (request,) = http_server.requests
    assert (request.method, request.path) == ("POST", "/v2/orders")
    assert request.headers["access-token"] == CANARY
    assert request.headers["client-id"] == "1000000001"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == http_server.url.split("/")[2]
    assert request.json["dhanClientId"] == "1000000001"
    assert request.json["correlationId"] == "tag-1"
    assert request.json["price"] == 100.05


def test_the_callers_payload_is_left_alone(http_server: HttpServer, http: KeepAliveHTTP) -> None:
    payload = {"a": 1}
    http.post("/x", payload)
    assert payload == {"a": 1}


def test_an_id_cannot_smuggle_in_a_header(http_server: HttpServer, sdk: dhanhq) -> None:
    sdk.cancel_order("1 HTTP/1.1\r\nX-Evil: 1\r\n\r\n")
    (request,) = http_server.requests
    assert request.path == "/v2/orders/1%20HTTP/1.1%0D%0AX-Evil:%201%0D%0A%0D%0A"
    assert "x-evil" not in request.headers


@pytest.mark.parametrize(
    ("step", "status", "answered"),
    [
        (reply(200, [{"orderId": "1"}]), 200, True),
        (reply(202, {"orderId": "1", "orderStatus": "CANCELLED"}), 202, True),
        (reply(400, ERROR), 400, True),
        (reply(500, {}), 500, True),
        (reply(400, [ERROR]), 400, True),
        (reply(200, b""), 200, False),
        (reply(200, b"<html>maintenance</html>"), 200, False),
        (reply(502, b"<html>bad gateway</html>"), 502, False),
        (reply(200, b'{"orderId": "1", "orderSta'), 200, False),
        (reply(200, b"[" * 100_000), 200, False),
        (reply(200, b"\xff\xfe"), 200, False),
        (reply(204, b""), 204, False),
    ],
)
def test_the_result_is_the_sdks_own(
    http_server: HttpServer, http: KeepAliveHTTP, step: Step, status: int, answered: bool
) -> None:
    http_server.plan(step, step)
    original = DhanHTTP("1000000001", "t")
    original.base_url = http_server.url
    original.session.trust_env = False
    ours, theirs = http.get("/orders"), original.get("/orders")
    original.session.close()
    if isinstance(theirs["remarks"], str):
        assert isinstance(ours["remarks"], str)
        assert bool(ours["remarks"]) == bool(theirs["remarks"])
        ours["remarks"] = theirs["remarks"]
    assert ours == theirs
    assert http.answer.http_status == status
    assert (http.answer.problem == "") == answered
    assert http.not_sent is None


def test_the_answer_keeps_what_the_sdk_throws_away(http_server: HttpServer, http: KeepAliveHTTP) -> None:
    http_server.plan(reply(429, ERROR, Retry_After="3"))
    http.get("/orders")
    assert http.answer == Answer(429, ERROR, "", 3.0)


def test_nothing_was_asked_yet(http: KeepAliveHTTP) -> None:
    assert http.answer.http_status is None and http.answer.problem


@pytest.mark.parametrize("call", ["post", "put", "delete"])
def test_a_change_that_may_have_left_is_never_written_again(http_server: HttpServer, http: KeepAliveHTTP, call: str) -> None:
    http_server.plan(reply(200, []), then_reset())
    http.get("/orders")
    arguments = ("/orders/1",) if call == "delete" else ("/orders/1", {"a": 1})
    result = getattr(http, call)(*arguments)
    assert result["status"] == "failure" and result["data"] == ""
    assert http.answer.http_status is None and http.answer.problem
    assert http.not_sent is None
    assert [r.method for r in http_server.requests] == ["GET", call.upper()]


def test_a_read_is_repeated_once_on_a_fresh_connection(http_server: HttpServer, http: KeepAliveHTTP) -> None:
    http_server.plan(reply(200, []), then_reset(), reply(200, ["fresh"]))
    http.get("/orders")
    assert http.get("/orders")["data"] == ["fresh"]
    assert [r.connection for r in http_server.requests] == [0, 0, 1]


def test_a_read_is_not_repeated_a_second_time(http_server: HttpServer, http: KeepAliveHTTP) -> None:
    http_server.plan(reply(200, []), then_reset(), then_reset(), reply(200, ["too late"]))
    http.get("/orders")
    assert http.get("/orders")["status"] == "failure"
    assert len(http_server.requests) == 3


def test_a_read_on_a_fresh_connection_is_not_repeated(http_server: HttpServer, http: KeepAliveHTTP) -> None:
    http_server.plan(then_reset())
    assert http.get("/orders")["status"] == "failure"
    assert len(http_server.requests) == 1


def test_a_timeout_is_told_as_one(http_server: HttpServer) -> None:
    done = threading.Event()
    http_server.plan(hang(done))
    http = client(http_server.url, lambda: AccessToken(CANARY), timeout_seconds=0.1)
    http.post("/orders", {"a": 1})
    done.set()
    assert "timed out" in http.answer.problem and http.not_sent is None


def test_no_connection_means_not_sent() -> None:
    with listener() as closed:
        port = closed.getsockname()[1]
    http = client(f"http://127.0.0.1:{port}", lambda: AccessToken(CANARY))
    http.post("/orders", {"a": 1})
    assert isinstance(http.not_sent, ConnectionFailed) and not http.not_sent.final


def test_not_sent_is_forgotten_with_the_next_request(http_server: HttpServer) -> None:
    tokens = iter([None, CANARY])

    def token() -> AccessToken:
        return AccessToken(next(tokens))  # type: ignore[arg-type]

    http = client(http_server.url, token)
    http.get("/orders")
    assert http.not_sent is not None
    http.get("/orders")
    assert http.not_sent is None


def test_a_replaced_token_is_used_from_the_next_request_on(http_server: HttpServer) -> None:
    current = ["first"]
    http = client(http_server.url, lambda: AccessToken(current[0]))
    http.get("/orders")
    current[0] = "second"
    http.get("/orders")
    assert [(r.headers["access-token"], r.connection) for r in http_server.requests] == [("first", 0), ("second", 0)]


def test_a_token_that_cannot_be_read_sends_nothing_and_says_nothing_of_it(http_server: HttpServer) -> None:
    def token() -> AccessToken:
        raise RuntimeError(f"vault refused {CANARY}")

    http = client(http_server.url, token)
    result = http.post("/orders", {"a": 1})
    assert http_server.requests == []
    assert isinstance(http.not_sent, AuthenticationError) and not http.not_sent.final
    shown = f"{result} {http.answer} {http.not_sent!r} {''.join(traceback.format_exception(http.not_sent))}"
    assert CANARY not in shown and "RuntimeError" in shown


STEPS: list[Step] = [
    reply(200, []),
    reply(400, {**ERROR, "errorMessage": f"token {CANARY} is bad"}),
    reply(502, f"<html>{CANARY}</html>".encode()),
    reply(400, {"headers": {"access-token": CANARY}}),
    then_reset(),
    then_close(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + CANARY[:3].encode())),
    then_close(raw(f"HTTP/9 {CANARY}\r\n\r\n".encode())),
    then_close(raw(f"HTTP/1.1 200 OK\r\n{CANARY}\r\n\r\n".encode())),
]


@pytest.mark.parametrize("step", STEPS)
def test_the_token_is_in_no_result_log_or_output(
    http_server: HttpServer, sdk: dhanhq, http: KeepAliveHTTP, step: Step, capfd: pytest.CaptureFixture[str]
) -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        http_server.plan(step)
        result = place(sdk)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    out, err = capfd.readouterr()
    assert http_server.requests[0].headers["access-token"] == CANARY
    assert logged.getvalue() == ""  # the SDK's own handling, which logs to the root logger, is not reached
    for sink in (json.dumps(result, default=repr), repr(http.answer), str(http.answer.body), repr(http), out, err):
        assert CANARY not in sink
    assert CANARY not in str(vars(http))


def test_https_is_spoken_where_the_url_says_so(http_server: HttpServer) -> None:
    http = client(http_server.url.replace("http://", "https://"), lambda: AccessToken(CANARY))
    http_server.plan(raw(b"HTTP/1.1 400 plain HTTP here\r\n\r\n"))
    http.get("/orders")
    assert isinstance(http.not_sent, ConnectionFailed)
    assert all(CANARY not in str(request) for request in http_server.requests)


def test_reset_in_the_middle_of_the_answer(http_server: HttpServer, http: KeepAliveHTTP) -> None:
    def cut(sock: object, request: Received) -> None:
        then_reset(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"))(sock, request)  # type: ignore[arg-type]

    http_server.plan(cut)
    http.post("/orders", {"a": 1})
    assert http.answer.body is None and http.answer.problem and http.not_sent is None


def test_the_client_does_without_pandas() -> None:
    code = "import sys, dhan_copy.dhan.broker, dhan_copy.dhan.feed\nprint(sorted({'pandas', 'numpy'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_frames_and_rows_does_without_dhanhq() -> None:
    code = "import sys, dhan_copy.dhan.wire, dhan_copy.dhan.rows\nprint('dhanhq' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
