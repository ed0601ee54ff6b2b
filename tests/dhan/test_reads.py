"""A failed read raises; only an empty list says that there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.errors import AuthenticationError, RateLimited, ReadError
from dhan_copy.model.account import Funds, Holding, Position
from dhan_copy.model.ids import ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Leg, Product
from dhan_copy.protocols import AccountReader
from tests.dhan.servers import HttpServer, Step, book_row, raw, reply, then_close, then_reset

TAG = ClientOrderId("dc1-ABCDEFGHIJKLMNOPQRST-E0000")
POSITION = {
    "dhanClientId": "1000000001",
    "tradingSymbol": "TCS",
    "securityId": "11536",
    "positionType": "SHORT",
    "exchangeSegment": "NSE_EQ",
    "productType": "INTRADAY",
    "netQty": -40,
}


@pytest.fixture
def broker(http_server: HttpServer) -> DhanBroker:
    return DhanAccount("1000000001", "token", base_url=http_server.url).broker()


READS: list[Callable[[DhanBroker], object]] = [
    lambda broker: broker.orders(),
    lambda broker: broker.find(TAG),
    lambda broker: broker.funds(),
    lambda broker: broker.positions(),
    lambda broker: broker.holdings(),
    lambda broker: broker.linked(),
    lambda broker: broker.forever(),
]

FAILURES: list[Step] = [
    reply(200, b""),
    reply(200, b"null"),
    reply(200, b"0"),
    reply(200, b'"no orders"'),
    reply(200, {}),
    reply(200, {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "Invalid Token"}),
    reply(200, [None]),
    reply(200, [{}]),
    reply(200, b"<html>maintenance</html>"),
    reply(200, b'[{"orderId": "1", "order'),
    reply(302, []),
    reply(404, []),
    reply(400, {"errorType": "Data_Error", "errorCode": "DH-907", "errorMessage": "no data present"}),
    reply(502, b"<html>bad gateway</html>"),
    reply(503, []),
    then_reset(),
    then_close(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[]")),
]


@pytest.mark.parametrize("status", [400, 404])
def test_an_unknown_tag_may_be_an_error_that_says_so(http_server: HttpServer, broker: DhanBroker, status: int) -> None:
    answer = {"errorType": "Order_Error", "errorCode": "DH-906", "errorMessage": "Order not found"}
    http_server.plan(reply(status, answer), reply(status, answer))
    assert broker.find(TAG) is None
    with pytest.raises(ReadError):
        broker.orders()


@pytest.mark.parametrize("step", FAILURES)
@pytest.mark.parametrize("read", READS, ids=["orders", "find", "funds", "positions", "holdings", "linked", "forever"])
def test_a_failed_read_is_never_an_empty_one(
    http_server: HttpServer, broker: DhanBroker, read: Callable[[DhanBroker], object], step: Step
) -> None:
    http_server.plan(step)
    with pytest.raises(ReadError):
        read(broker)


@pytest.mark.parametrize("read", READS, ids=["orders", "find", "funds", "positions", "holdings", "linked", "forever"])
def test_a_refused_token_and_a_full_window_keep_their_names(
    http_server: HttpServer, broker: DhanBroker, read: Callable[[DhanBroker], object]
) -> None:
    http_server.plan(
        reply(401, {"errorType": "Invalid_Authentication", "errorCode": "DH-901", "errorMessage": "expired"}),
        reply(429, {"errorType": "Rate_Limit", "errorCode": "DH-904", "errorMessage": "slow"}, Retry_After="2"),
    )
    with pytest.raises(AuthenticationError):
        read(broker)
    with pytest.raises(RateLimited) as limited:
        read(broker)
    assert limited.value.retry_after_seconds == 2.0


def test_nobody_there_is_a_failed_read() -> None:
    with pytest.raises(ReadError, match="no connection"):
        DhanAccount("1000000001", "token", base_url="http://127.0.0.1:1").broker().orders()


def test_a_token_that_cannot_be_read_is_an_authentication_error(http_server: HttpServer) -> None:
    def vault() -> str:
        raise OSError("sealed")

    with pytest.raises(AuthenticationError):
        DhanAccount("1000000001", vault, base_url=http_server.url).broker().positions()


def test_empty_lists_say_that_there_is_nothing(broker: DhanBroker) -> None:
    assert list(broker.orders()) == []
    assert broker.find(TAG) is None
    assert list(broker.positions()) == []
    assert list(broker.holdings()) == []


def test_no_holdings_is_an_answer(http_server: HttpServer, broker: DhanBroker) -> None:
    body = {"errorType": "Holding_Error", "errorCode": "DH-1111", "errorMessage": "No holdings available"}
    http_server.plan(reply(400, body), reply(400, body))
    assert list(broker.holdings()) == []
    with pytest.raises(ReadError):
        broker.positions()


def test_what_an_account_holds(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(
        reply(200, {"dhanClientId": "1000000001", "availabelBalance": 98440.55, "sodLimit": 113642}),
        reply(200, [POSITION]),
        reply(200, [{"exchange": "ALL", "tradingSymbol": "HDFC", "securityId": "1330", "totalQty": 1000, "t1Qty": 10}]),
    )
    assert isinstance(broker, AccountReader)
    assert broker.funds() == Funds(Decimal("98440.55"), Decimal(113642))
    assert list(broker.positions()) == [Position(ExchangeSegment.NSE_EQ, SecurityId("11536"), Product.INTRADAY, -40)]
    assert list(broker.holdings()) == [Holding(SecurityId("1330"), 1000, "HDFC")]
    assert [r.path for r in http_server.requests] == ["/v2/fundlimit", "/v2/positions", "/v2/holdings"]


def test_one_unreadable_position_fails_the_read(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(reply(200, [POSITION, {**POSITION, "productType": "NEW"}]))
    with pytest.raises(ReadError, match="productType"):
        broker.positions()


@pytest.mark.parametrize("wrapped", [True, False], ids=["list", "object"])
def test_find_reads_a_list_and_an_object(http_server: HttpServer, broker: DhanBroker, wrapped: bool) -> None:
    row = book_row(correlationId=TAG)
    http_server.plan(reply(200, [row] if wrapped else row))
    report = broker.find(TAG)
    assert report is not None and report.client_order_id == TAG
    assert http_server.requests[0].path == f"/v2/orders/external/{TAG}"


def test_find_does_not_take_another_order_for_ours(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(reply(200, [book_row(correlationId="somebody-else")]))
    with pytest.raises(ReadError, match="another order"):
        broker.find(TAG)


def test_find_does_not_choose_between_two_orders(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(reply(200, [book_row(correlationId=TAG), book_row(correlationId=TAG, orderId="2")]))
    with pytest.raises(ReadError, match="2 orders"):
        broker.find(TAG)


def test_find_does_not_take_an_unreadable_order_for_none(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(reply(200, [book_row(correlationId=TAG, orderStatus="NEW_STATUS")]))
    with pytest.raises(ReadError, match="orderStatus"):
        broker.find(TAG)


def test_an_order_book_is_a_list(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(reply(200, book_row()))
    with pytest.raises(ReadError, match="list"):
        broker.orders()


def test_find_takes_the_entry_of_a_super_order_from_among_its_legs(http_server: HttpServer, broker: DhanBroker) -> None:
    legs = [book_row(orderId="7", correlationId=TAG, legName=name) for name in ("TARGET_LEG", "ENTRY_LEG", "STOP_LOSS_LEG")]
    http_server.plan(reply(200, legs), reply(200, legs[:1]), reply(200, [*legs, legs[1]]), reply(200, legs[1:2]))
    found = broker.find(TAG)
    assert found is not None and found.leg is Leg.ENTRY
    for _ in range(2):
        with pytest.raises(ReadError):
            broker.find(TAG)
    assert broker.find(TAG) == found
