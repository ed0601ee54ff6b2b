"""Dhan's kill switch through the real client: what is sent, and what each answer means."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.errors import (
    AddressRejected,
    AuthenticationError,
    BrokerError,
    KillSwitchRefused,
    RateLimited,
    ReadError,
    Rejected,
    Unresolved,
)
from dhan_copy.model.order import Product, Side
from dhan_copy.protocols import KillSwitch
from dhan_copy.testing import DhanServer, NewOrder
from tests.dhan.linked_kit import broker_of, submit
from tests.dhan.servers import HttpServer, reply
from tests.testing.exchange_kit import SHARE, instruments


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        running.set_price("NSE_EQ", "11630", 400)
        yield running


def scripted(http_server: HttpServer) -> DhanBroker:
    return DhanAccount("1000000001", "token", base_url=http_server.url, timeout_seconds=5).broker()


def test_it_is_turned_on_and_off_and_read(server: DhanServer) -> None:
    account = server.accounts[0].client_id
    broker = broker_of(server)
    assert isinstance(broker, KillSwitch) and not broker.is_killed()
    broker.turn_kill_switch(True)
    assert broker.is_killed() and server.exchange.is_killed(account)
    with pytest.raises(Rejected, match="Kill Switch is active"):
        broker.submit(submit())
    broker.turn_kill_switch(False)
    assert not broker.is_killed()
    asked = [(r.method, r.path, r.body) for r in server.requests(account) if r.path.startswith("/killswitch?")]
    assert asked == [("POST", f"/killswitch?killSwitchStatus={word}", "") for word in ("ACTIVATE", "DEACTIVATE")]


def test_it_is_refused_while_something_is_open(server: DhanServer) -> None:
    account = server.accounts[0].client_id
    server.exchange.place(account, NewOrder(key=SHARE, side=Side.BUY, quantity=1, product=Product.INTRADAY))
    with pytest.raises(KillSwitchRefused, match="positions are open"):
        broker_of(server).turn_kill_switch(True)
    assert not server.exchange.is_killed(account)


def said(text: str) -> dict[str, str]:
    return {"dhanClientId": "1000000001", "killSwitchStatus": text}


ON = "Kill Switch has been successfully activated"
ANSWERS: list[tuple[str, int, object, type[BrokerError] | None]] = [
    ("as documented", 200, said(ON), None),
    ("the other way", 200, said("Kill Switch has been successfully deactivated"), Unresolved),
    ("other words", 200, said("Kill Switch cannot be activated"), Unresolved),
    ("no words", 200, {}, Unresolved),
    ("html", 200, "<html>", Unresolved),
    ("refused", 400, {"errorCode": "DH-906", "errorMessage": "positions are open"}, KillSwitchRefused),
    ("a code that nobody knows", 400, {"errorCode": "DH-999"}, Unresolved),
    ("token", 401, {"errorCode": "DH-901"}, AuthenticationError),
    ("address", 400, {"errorCode": "DH-905", "errorMessage": "Invalid IP"}, AddressRejected),
    ("too many", 429, {"errorCode": "DH-904"}, RateLimited),
    ("gateway", 502, "bad gateway", Unresolved),
]


@pytest.mark.parametrize(("status", "body", "error"), [each[1:] for each in ANSWERS], ids=[each[0] for each in ANSWERS])
def test_every_answer_means_on_refused_or_unknown(
    http_server: HttpServer, status: int, body: object, error: type[BrokerError] | None
) -> None:
    http_server.plan(reply(status, body))
    broker = scripted(http_server)
    if error is None:
        broker.turn_kill_switch(True)
    else:
        with pytest.raises(error) as caught:
            broker.turn_kill_switch(True)
        assert type(caught.value) is error


@pytest.mark.parametrize("body", [said("ACTIVE"), said(""), {}, [], "text", None], ids=json.dumps)
def test_a_status_that_is_not_documented_is_neither_on_nor_off(http_server: HttpServer, body: object) -> None:
    http_server.plan(reply(200, body))
    with pytest.raises(ReadError):
        scripted(http_server).is_killed()
