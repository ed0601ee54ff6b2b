"""Requests reach Dhan in its own words, and its answers come back as accepted, rejected or unresolved."""

from __future__ import annotations

import logging
import pickle
import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.errors import (
    AddressRejected,
    AuthenticationError,
    BracketOrderError,
    CancellationRejected,
    ConnectionFailed,
    CoverOrderError,
    InsufficientFunds,
    ModificationRejected,
    OrderStateChanged,
    PlacementRejected,
    RateLimited,
    ReadError,
    Rejected,
    RequestTimedOut,
    Unresolved,
)
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, SecurityId, client_order_id
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Limit, Market, Product, Side, StopLimit, StopMarket, Terms, Validity
from dhan_copy.protocols import Broker
from tests.dhan.servers import CANARY, HttpServer, Step, book_row, hang, listener, raw, reply, then_close, then_reset

TAG = client_order_id("L", "112111182045", "F", "E", 0, 0)
ACCEPTED = reply(200, {"orderId": "112111182198", "orderStatus": "TRANSIT"})
SUBMIT = Submit(
    follower=AccountName("F"),
    client_order_id=TAG,
    attempt=1,
    leader=AccountName("L"),
    leader_order_id=BrokerOrderId("112111182045"),
    intent=Intent.ENTRY,
    segment=ExchangeSegment.NSE_FNO,
    security_id=SecurityId("45471"),
    side=Side.SELL,
    product=Product.MARGIN,
    validity=Validity.DAY,
    terms=Limit(Decimal("188.1")),
    quantity=150,
)
MODIFY = Modify(
    follower=AccountName("F"),
    client_order_id=TAG,
    attempt=2,
    broker_order_id=BrokerOrderId("112111182198"),
    intent=Intent.ENTRY,
    validity=Validity.DAY,
    terms=Limit(Decimal("187.05")),
    quantity=75,
)
CANCEL = Cancel(follower=AccountName("F"), client_order_id=TAG, attempt=3, broker_order_id=BrokerOrderId("112111182198"))
CALLS: dict[str, Callable[[DhanBroker], object]] = {
    "submit": lambda broker: broker.submit(SUBMIT),
    "modify": lambda broker: broker.modify(MODIFY),
    "cancel": lambda broker: broker.cancel(CANCEL),
}
OWN_ERROR = {"submit": PlacementRejected, "modify": ModificationRejected, "cancel": CancellationRejected}

prices = st.integers(1, 10**7).map(lambda ticks: Decimal(ticks) / 20)
terms = st.one_of(
    st.just(Market()),
    st.builds(Limit, price=prices),
    st.builds(StopLimit, trigger=prices, price=prices),
    st.builds(StopMarket, trigger=prices),
)


@pytest.fixture
def broker(http_server: HttpServer) -> DhanBroker:
    return DhanAccount("1000000001", CANARY, base_url=http_server.url).broker()


def told(terms: Terms) -> tuple[object, object, object]:
    """Order type, price and trigger as Dhan's documentation has them."""
    if isinstance(terms, Market):
        return "MARKET", Decimal(0), Decimal(0)
    if isinstance(terms, Limit):
        return "LIMIT", terms.price, Decimal(0)
    if isinstance(terms, StopLimit):
        return "STOP_LOSS", terms.price, terms.trigger
    return "STOP_LOSS_MARKET", Decimal(0), terms.trigger


def exact(value: object) -> Decimal:
    return Decimal(str(value))


def error(code: str, message: str) -> dict[str, str]:
    return {"errorType": "Some_Error", "errorCode": code, "errorMessage": message}


def test_it_is_a_broker(broker: DhanBroker) -> None:
    checked: Broker = broker
    assert checked is broker


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    terms=terms,
    side=st.sampled_from(Side),
    segment=st.sampled_from(ExchangeSegment),
    product=st.sampled_from([Product.CNC, Product.INTRADAY, Product.MARGIN, Product.MTF]),
    validity=st.sampled_from(Validity),
    quantity=st.integers(1, 10**6),
    disclosed=st.integers(0, 10**6),
)
def test_an_order_is_placed_as_it_was_asked_for(
    http_server: HttpServer,
    broker: DhanBroker,
    terms: Terms,
    side: Side,
    segment: ExchangeSegment,
    product: Product,
    validity: Validity,
    quantity: int,
    disclosed: int,
) -> None:
    http_server.plan(ACCEPTED)
    request = evolve(
        SUBMIT,
        terms=terms,
        side=side,
        segment=segment,
        product=product,
        validity=validity,
        quantity=quantity,
        disclosed_quantity=disclosed,
    )
    assert broker.submit(request) == "112111182198"
    sent = http_server.requests[-1]
    assert (sent.method, sent.path) == ("POST", "/v2/orders")
    body = dict(sent.json)
    assert (body.pop("orderType"), exact(body.pop("price")), exact(body.pop("triggerPrice"))) == told(terms)
    assert body == {
        "dhanClientId": "1000000001",
        "correlationId": TAG,
        "transactionType": side.value,
        "exchangeSegment": segment.value,
        "productType": product.value,
        "validity": validity.value,
        "securityId": "45471",
        "quantity": quantity,
        "disclosedQuantity": disclosed,
        "afterMarketOrder": False,
        "boProfitValue": None,
        "boStopLossValue": None,
    }


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(terms=terms, validity=st.sampled_from(Validity), quantity=st.integers(1, 10**6), disclosed=st.integers(0, 10**6))
def test_m8_a_modification_sends_the_total_quantity_and_every_field(
    http_server: HttpServer, broker: DhanBroker, terms: Terms, validity: Validity, quantity: int, disclosed: int
) -> None:
    http_server.plan(ACCEPTED)
    broker.modify(evolve(MODIFY, terms=terms, validity=validity, quantity=quantity, disclosed_quantity=disclosed))
    sent = http_server.requests[-1]
    assert (sent.method, sent.path) == ("PUT", "/v2/orders/112111182198")
    body = dict(sent.json)
    assert (body.pop("orderType"), exact(body.pop("price")), exact(body.pop("triggerPrice"))) == told(terms)
    assert body == {
        "dhanClientId": "1000000001",
        "orderId": "112111182198",
        "legName": None,
        "quantity": quantity,
        "disclosedQuantity": disclosed,
        "validity": validity.value,
    }


def test_a_cancel_is_a_delete_without_a_body(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(reply(202, {"orderId": "112111182198", "orderStatus": "CANCELLED"}))
    broker.cancel(CANCEL)
    (sent,) = http_server.requests
    assert (sent.method, sent.path, sent.body) == ("DELETE", "/v2/orders/112111182198", b"")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (evolve(SUBMIT, product=Product.CO), CoverOrderError),
        (evolve(SUBMIT, product=Product.BO), BracketOrderError),
        (evolve(SUBMIT, client_order_id=ClientOrderId("")), PlacementRejected),
        (evolve(SUBMIT, client_order_id=ClientOrderId("a" * 31)), PlacementRejected),
        (evolve(SUBMIT, client_order_id=ClientOrderId("a b")), PlacementRejected),
        (evolve(SUBMIT, client_order_id=ClientOrderId("a\n")), PlacementRejected),
    ],
)
def test_what_cannot_be_sent_is_refused_for_good(
    http_server: HttpServer, broker: DhanBroker, request_: Submit, expected: type[Rejected]
) -> None:
    with pytest.raises(expected) as refused:
        broker.submit(request_)
    assert refused.value.final
    assert http_server.requests == []


@pytest.mark.parametrize("order_id", ["", "1/../2", "1?x=1", "1 2", "1\r\n"])
def test_an_id_that_is_none_of_dhans_is_not_sent(http_server: HttpServer, broker: DhanBroker, order_id: str) -> None:
    with pytest.raises(ModificationRejected):
        broker.modify(evolve(MODIFY, broker_order_id=BrokerOrderId(order_id)))
    with pytest.raises(CancellationRejected):
        broker.cancel(evolve(CANCEL, broker_order_id=BrokerOrderId(order_id)))
    assert http_server.requests == []


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("status", "body", "expected", "final"),
    [
        (401, error("DH-901", "token expired"), AuthenticationError, False),
        (400, error("DH-906", "Invalid Token"), AuthenticationError, False),
        (400, error("DH-905", "Invalid IP"), AddressRejected, False),
        (429, error("DH-904", "too many"), RateLimited, False),
        (400, error("DH-906", "You have insufficient funds"), InsufficientFunds, True),
        (400, error("DH-905", "something else is wrong"), None, True),
        (200, {"orderId": "1", "orderStatus": "REJECTED"}, None, True),
    ],
)
def test_a_definite_no_is_a_rejection(
    http_server: HttpServer,
    broker: DhanBroker,
    name: str,
    status: int,
    body: object,
    expected: type[Rejected] | None,
    final: bool,
) -> None:
    http_server.plan(reply(status, body))
    with pytest.raises(expected or OWN_ERROR[name]) as refused:
        CALLS[name](broker)
    assert refused.value.final is final


def test_an_order_that_has_changed_meanwhile_says_so(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(reply(400, error("DH-906", "Order Has Traded Please Refresh Order Book")))
    with pytest.raises(OrderStateChanged):
        broker.cancel(CANCEL)


UNKNOWN: list[Step] = [
    reply(200, b""),
    reply(202, b""),
    reply(204, b""),
    reply(200, b"<html>ok</html>"),
    reply(200, b'{"orderId": "1121111821'),
    reply(200, []),
    reply(200, {}),
    reply(200, {"orderStatus": "TRANSIT"}),
    reply(200, {"orderId": "1", "orderStatus": "WHATEVER"}),
    reply(302, {}, Location="/login"),
    reply(400, b"<html>bad request</html>"),
    reply(400, {"message": "no code"}),
    reply(500, error("DH-908", "internal")),
    reply(502, b"<html>bad gateway</html>"),
    reply(504, {"message": "gateway timeout"}),
    reply(400, error("DH-909", "network")),
    reply(400, error("DH-999", "nobody knows this code")),
    then_reset(),
    then_close(raw(b"")),
    then_reset(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")),
    then_close(raw(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"orderId":"1"}')),
    then_close(raw(b"garbage\r\n\r\n")),
]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("step", UNKNOWN)
def test_whatever_does_not_settle_it_is_unresolved_and_sent_once(
    http_server: HttpServer, broker: DhanBroker, name: str, step: Step
) -> None:
    http_server.plan(step)
    with pytest.raises(Unresolved):
        CALLS[name](broker)
    assert len(http_server.requests) == 1


@pytest.mark.parametrize("name", CALLS)
def test_a_timeout_is_unresolved(http_server: HttpServer, name: str) -> None:
    done = threading.Event()
    http_server.plan(hang(done))
    broker = DhanAccount("1000000001", CANARY, base_url=http_server.url, timeout_seconds=0.1).broker()
    with pytest.raises(RequestTimedOut):
        CALLS[name](broker)
    done.set()


@pytest.mark.parametrize("name", CALLS)
def test_a_request_that_never_left_is_rejected_but_not_for_good(name: str) -> None:
    with listener() as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v2"
    with pytest.raises(ConnectionFailed) as refused:
        CALLS[name](DhanAccount("1000000001", CANARY, base_url=url).broker())
    assert not refused.value.final


@pytest.mark.parametrize("name", CALLS)
def test_a_token_that_cannot_be_read_is_an_authentication_error(http_server: HttpServer, name: str) -> None:
    def vault() -> str:
        raise OSError(f"cannot open {CANARY}")

    with pytest.raises(AuthenticationError) as refused:
        CALLS[name](DhanAccount("1000000001", vault, base_url=http_server.url).broker())
    assert not refused.value.final and CANARY not in str(refused.value)
    assert http_server.requests == []


def test_orders_are_read_with_our_tags(http_server: HttpServer, broker: DhanBroker) -> None:
    http_server.plan(reply(200, [book_row(correlationId=TAG), book_row(orderId="2")]))
    assert [(r.order_id, r.client_order_id) for r in broker.orders()] == [("112111182045", TAG), ("2", None)]


@pytest.mark.parametrize("odd", [book_row(correlationId=TAG, orderType="NEW"), {"orderId": "5"}, "a row", None, [book_row()]])
def test_an_unreadable_row_that_may_be_ours_is_not_taken_for_absent(
    http_server: HttpServer, broker: DhanBroker, odd: object
) -> None:
    http_server.plan(reply(200, [book_row(), odd]))
    with pytest.raises(ReadError, match="may be ours"):
        broker.orders()


@pytest.mark.parametrize("tag", ["NA", "NR", "", None, "my-own-bot", "1000000001-1736491974434"])
def test_an_unreadable_row_of_others_does_not_hide_the_rest(
    http_server: HttpServer, broker: DhanBroker, tag: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    odd = book_row(correlationId=tag, orderId="3", orderType="NEW")
    http_server.plan(*[reply(200, [book_row(), odd])] * 2, reply(200, [book_row()]))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert [report.order_id for report in broker.orders()] == ["112111182045"]
    assert ["orderType" in row.problem for row in broker.unreadable_rows] == [True]
    assert len(caplog.records) == 1  # not once per sweep
    broker.orders()
    assert list(broker.unreadable_rows) == []


def test_a_replaced_token_is_used_without_a_restart(http_server: HttpServer) -> None:
    current = ["first"]
    broker = DhanAccount("1000000001", lambda: current[0], base_url=http_server.url).broker()
    http_server.plan(ACCEPTED, ACCEPTED)
    broker.submit(SUBMIT)
    current[0] = "second"
    broker.modify(MODIFY)
    assert [r.headers["access-token"] for r in http_server.requests] == ["first", "second"]


def test_a_broker_shows_no_token_and_is_not_pickled(broker: DhanBroker) -> None:
    assert CANARY not in repr(broker) and "1000000001" in repr(broker)
    with pytest.raises((TypeError, AttributeError)):
        pickle.dumps(broker)


def test_a_closed_broker_opens_its_connection_again(http_server: HttpServer, broker: DhanBroker) -> None:
    broker.orders()
    broker.close()
    broker.orders()
    assert [r.connection for r in http_server.requests] == [0, 1]


def test_an_order_leaves_on_a_warm_connection(http_server: HttpServer, broker: DhanBroker) -> None:
    broker.orders()
    http_server.plan(ACCEPTED)
    broker.submit(SUBMIT)
    assert http_server.connections == 1
