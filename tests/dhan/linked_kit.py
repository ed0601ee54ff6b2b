"""What the tests of super and Forever orders share: the library's client against the local server, and every answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from decimal import Decimal

from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.errors import (
    AddressRejected,
    AuthenticationError,
    BrokerError,
    InsufficientFunds,
    RateLimited,
    RequestTimedOut,
    Unresolved,
)
from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId, client_order_id
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Leg, Limit, Product, Side, Terms, Validity
from dhan_copy.testing import DhanServer
from dhan_copy.testing.server import Action, HttpFault

TAG = client_order_id("L", "112111182045", "F", "E", 0, 0)
SEVERAL_SECONDS = 20.0


def submit(terms: Terms = Limit(Decimal(400)), **changes: object) -> Submit:
    plain = {
        "follower": AccountName("F"), "client_order_id": TAG, "attempt": 1, "leader": AccountName("L"),
        "leader_order_id": BrokerOrderId("112111182045"), "intent": Intent.ENTRY,
        "segment": ExchangeSegment.NSE_EQ, "security_id": SecurityId("11630"), "side": Side.BUY,
        "product": Product.INTRADAY, "validity": Validity.DAY, "terms": terms, "quantity": 10,
    }  # fmt: skip
    return Submit(**{**plain, **changes})  # type: ignore[arg-type]


def modify(order_id: str, leg: Leg = Leg.ENTRY, terms: Terms = Limit(Decimal(401)), **changes: object) -> Modify:
    plain = {
        "follower": AccountName("F"), "client_order_id": TAG, "attempt": 2, "broker_order_id": BrokerOrderId(order_id),
        "intent": Intent.ENTRY, "validity": Validity.DAY, "terms": terms, "quantity": 20, "leg": leg,
    }  # fmt: skip
    return Modify(**{**plain, **changes})  # type: ignore[arg-type]


def cancel(order_id: str, leg: Leg = Leg.ENTRY) -> Cancel:
    return Cancel(follower=AccountName("F"), client_order_id=TAG, attempt=3, broker_order_id=BrokerOrderId(order_id), leg=leg)


def broker_of(server: DhanServer, number: int = 0, timeout_seconds: float = SEVERAL_SECONDS) -> DhanBroker:
    account = server.accounts[number]
    return DhanAccount(
        account.client_id, account.access_token, base_url=server.rest_url, timeout_seconds=timeout_seconds
    ).broker()


def until(condition: Callable[[], bool]) -> None:
    ticking = threading.Event()
    for _ in range(int(SEVERAL_SECONDS / 0.005)):
        if condition():
            return
        ticking.wait(0.005)
    raise AssertionError("it never came to hold")


def _error(code: str, words: str) -> str:
    return json.dumps({"errorType": "Some_Error", "errorCode": code, "errorMessage": words})


def _answer(status: int, body: str) -> HttpFault:
    return HttpFault(execute=False, status=status, body=body)


Own = None
"""The request's own rejection: of a placement, a modification or a cancellation."""

ANSWERS: dict[str, tuple[HttpFault, type[BrokerError] | None]] = {
    "timed out": (HttpFault(action=Action.HANG, seconds_after=5.0), RequestTimedOut),
    "no answer": (HttpFault(action=Action.RESET), Unresolved),
    "server fault": (_answer(502, "<html>"), Unresolved),
    "too many requests": (_answer(429, ""), RateLimited),
    "rate limit code": (_answer(400, _error("DH-904", "Too many requests")), RateLimited),
    "address not registered": (_answer(400, _error("DH-905", "Invalid IP")), AddressRejected),
    "token refused": (_answer(400, _error("DH-906", "Invalid Token")), AuthenticationError),
    "authentication code": (_answer(400, _error("DH-901", "no")), AuthenticationError),
    "unauthorized": (_answer(401, ""), AuthenticationError),
    "refused": (_answer(400, _error("DH-906", "it cannot be processed")), Own),
    "refused for funds": (_answer(400, _error("DH-906", "insufficient funds")), InsufficientFunds),
    "code that does not say, or is not known": (_answer(400, _error("DH-910", "other")), Unresolved),
    "rejected order": (_answer(200, '{"orderId":"1","orderStatus":"REJECTED"}'), Own),
    "success that says nothing": (HttpFault(status=200, body=""), Unresolved),
    "any other status": (_answer(302, ""), Unresolved),
}
"""An answer for every row of the table that is not an acceptance, by its name, and the error that it becomes."""
