"""Last prices through the real client: what is asked, and that a price is never made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.errors import AuthenticationError, BrokerError, RateLimited, ReadError
from dhan_copy.protocols import Quotes
from dhan_copy.testing import DhanServer, instrument_key
from tests.dhan.linked_kit import broker_of
from tests.dhan.servers import HttpServer, reply
from tests.testing.exchange_kit import FUTURE, SHARE, instruments

ODD = instrument_key("NSE_EQ", "not-a-number")


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        running.exchange.set_price(SHARE, "400.05")
        yield running


def scripted(http_server: HttpServer) -> DhanBroker:
    return DhanAccount("1000000001", "token", base_url=http_server.url, timeout_seconds=5).broker()


def test_prices_are_exact_and_what_has_not_traded_is_left_out(server: DhanServer) -> None:
    broker = broker_of(server)
    assert isinstance(broker, Quotes)
    assert broker.quotes([SHARE, FUTURE, ODD]) == {SHARE: Decimal("400.05")}
    assert broker.quotes([]) == broker.quotes([ODD]) == {}
    [asked] = [request for request in server.requests() if request.path == "/marketfeed/ltp"]
    body = json.loads(asked.body)
    assert (asked.method, body["NSE_EQ"], body[FUTURE.segment.value]) == (
        "POST", [int(SHARE.security_id)], [int(FUTURE.security_id)],
    )  # fmt: skip


def answer(price: object) -> dict[str, object]:
    return {"data": {"NSE_EQ": {str(SHARE.security_id): {"last_price": price}}}, "status": "success"}


@pytest.mark.parametrize(
    ("body", "prices"),
    [
        (answer(4520), {SHARE: Decimal(4520)}), (answer(368.15), {SHARE: Decimal("368.15")}), (answer(0), {}),
        (answer(None), {}), ({"data": {}, "status": "success"}, {}), ({"data": {"NSE_EQ": {}}}, {}),
    ],
    ids=["whole", "paise", "nothing traded", "null", "nothing", "segment without it"],
)  # fmt: skip
def test_what_an_answer_tells(http_server: HttpServer, body: object, prices: object) -> None:
    http_server.plan(reply(200, body))
    assert scripted(http_server).quotes([SHARE]) == prices


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {}, ReadError), (200, [], ReadError), (200, answer("dear"), ReadError), (200, answer([1]), ReadError),
        (200, {"data": [1]}, ReadError), (200, "<html>", ReadError), (429, {"errorCode": "DH-904"}, RateLimited),
        (401, {"errorCode": "DH-901"}, AuthenticationError), (400, {"errorCode": "DH-902"}, ReadError), (502, "no", ReadError),
    ],
    ids=["empty", "list", "words", "list for a price", "list for data", "html", "too many", "token", "not paid for", "gateway"],
)  # fmt: skip
def test_a_failed_read_is_no_price(http_server: HttpServer, status: int, body: object, error: type[BrokerError]) -> None:
    http_server.plan(reply(status, body))
    with pytest.raises(error):
        scripted(http_server).quotes([SHARE])
