"""Every control command does what its words say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dhan_copy.model.order import Product
from dhan_copy.testing import DhanServer, instrument_key
from tests.testing.exchange_kit import FUTURE, instruments
from tests.testing.server.server_kit import client, control, http_json, place, placed, row, socket_of


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        yield running


def test_prices_fills_and_ends(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    first, second, third, fourth = (placed(dhan) for _ in range(4))
    filled = control(server, "/fill", account=me, order_id=first, quantity=4, price="399.5")["order"]
    assert (filled["orderStatus"], filled["averageTradedPrice"]) == ("PART_TRADED", 399.5)
    assert control(server, "/reject", account=me, order_id=second, text="EXCH:no")["order"]["orderStatus"] == "REJECTED"
    assert control(server, "/expire", account=me, order_id=third)["order"]["orderStatus"] == "EXPIRED"
    assert control(server, "/cancel", account=me, order_id=fourth)["order"]["orderStatus"] == "CANCELLED"
    control(server, "/price", segment="NSE_EQ", security_id="11630", price=399, available=2)
    assert row(dhan, first)["filledQty"] == 6
    found = control(server, f"/orders?account={me}", "GET")["orders"]
    assert found == dhan.get_order_list()["data"]


def test_orders_by_hand(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    with socket_of(server) as connection:
        order = {"transactionType": "BUY", "exchangeSegment": "NSE_EQ", "productType": "CNC", "orderType": "MARKET",
                 "validity": "DAY", "securityId": "11630", "quantity": 5}  # fmt: skip
        placed_row = control(server, "/place", account=me, **order)["order"]
        data = json.loads(connection.recv(timeout=30))["Data"]
        assert (data["source"], data["orderType"], data["orderPlatform"]) == ("N", "MKT", "FAST")
        assert "price" not in data
        change = {**order, "orderType": "LIMIT", "price": 390, "quantity": 7}
        changed = control(server, "/modify", account=me, order_id=placed_row["orderId"], **change)["order"]
        assert (changed["quantity"], changed["price"], changed["orderType"]) == (7, 390.0, "LIMIT")
    web = control(server, "/place", account=me, source="W", **order)["order"]
    assert server.exchange.order(me, web["orderId"]).source == "W"


def test_transit_is_held_and_confirmed(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    control(server, "/hold")
    order_id = place(dhan)["data"]["orderId"]
    assert row(dhan, order_id)["orderStatus"] == "TRANSIT"
    assert control(server, "/confirm", account=me, order_id=order_id)["order"]["orderStatus"] == "PENDING"
    control(server, "/hold", on=False)
    assert row(dhan, placed(dhan))["orderStatus"] == "PENDING"


def test_sessions_and_days(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    queued = placed(dhan, after_market_order=True)
    control(server, "/open-session")
    assert row(dhan, queued)["exchangeOrderId"] != "0"
    control(server, "/end-day")
    assert row(dhan, queued)["orderStatus"] == "EXPIRED"
    control(server, "/new-day")
    assert server.exchange.orders(me) == ()


def test_instruments_funds_positions_and_holdings(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    control(
        server, "/instruments", segment="NSE_FNO", security_id="45471", lot=75, tick=0.05, kind="OPTIDX",
        symbol="NIFTY-Mar2025-2", expiry="2025-03-13", option_type="PE", strike=22550, freeze=1800,
    )  # fmt: skip
    described = server.exchange.instrument(instrument_key("NSE_FNO", "45471"))
    assert (described.facts.lot_units, described.strike, described.freeze_units) == (75, 22550, 1800)
    control(server, "/funds", account=me, available="500.50", total=1000)
    assert str(server.exchange.funds(me).available) == "500.50"
    held = [{"segment": "NSE_FNO", "security_id": "68456", "product": "MARGIN", "net_quantity": -400}]
    control(server, "/positions", account=me, positions=held)
    assert server.exchange.position(me, FUTURE, Product.MARGIN) == -400
    control(server, "/holdings", account=me, holdings=[{"security_id": "11630", "quantity": 5}])
    assert server.exchange.holdings(me)[0].quantity == 5


def test_faults_rejections_tokens_and_visibility(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    control(server, "/fault", method="POST", execute=False, status=429, body={"errorCode": "DH-904"})
    assert place(dhan)["remarks"]["error_code"] == "DH-904"
    control(server, "/fault", action="close", count=0)
    assert [dhan.get_order_list()["status"] for _ in range(3)] == ["failure"] * 3
    control(server, "/fault", "DELETE")
    control(server, "/rejections", account=me, way="REFUSED", text="no", code="DH-906")
    assert place(dhan)["remarks"]["error_message"] == "no"
    control(server, "/visibility", account=me, seconds=3600)
    hidden = place(dhan)["data"]["orderId"]
    assert dhan.get_order_by_id(hidden)["data"] == []
    assert [o["orderId"] for o in control(server, f"/orders?account={me}", "GET")["orders"]] == [hidden]
    control(server, "/token", account=me, access_token="new", old_token_answers="DH-906")
    assert dhan.get_order_list()["remarks"]["error_message"] == "Invalid Token"


def test_an_address_that_is_not_registered_places_nothing(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    order_id = placed(dhan)
    control(server, "/address", account=me, address="192.0.2.7")
    for answer in (place(dhan), dhan.cancel_order(order_id)):
        assert (answer["remarks"]["error_code"], answer["remarks"]["error_message"]) == ("DH-905", "Invalid IP")
    assert row(dhan, order_id)["orderStatus"] == "PENDING", "reads are answered from anywhere"
    assert placed(client(server, 1))


def test_sockets(server: DhanServer) -> None:
    with socket_of(server):
        me = server.accounts[0].client_id
        assert control(server, "/accounts", "GET")["accounts"][0] == {"client_id": me, "sockets": 1}
        assert control(server, "/sockets/pause", account=me, answer_pings=False)["sockets"] == 1
        assert control(server, "/sockets/resume", deliver=False)["sockets"] == 1
        assert control(server, "/sockets/drop", politely=True)["sockets"] == 1
        assert server.wait_for_sockets(0)


def test_logs_and_rates(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    order_id = placed(dhan)
    dhan.cancel_order(order_id)
    logged = control(server, f"/broker-log?account={me}", "GET")["requests"]
    assert [(r["kind"], r["tag"], r["source"], r["problem"]) for r in logged] == [
        ("PLACE", "dc1-a", "P", ""), ("CANCEL", "dc1-a", "P", "")
    ]  # fmt: skip
    seen: list[dict[str, Any]] = control(server, "/requests", "GET")["requests"]
    assert (seen[0]["method"], seen[0]["path"], seen[0]["status"]) == ("POST", "/orders", 200)
    assert control(server, "/requests?account=none", "GET")["requests"] == []
    rates = control(server, f"/rates?account={me}", "GET")["rates"]
    assert rates[me]["orders"]["arrived"] == 2
    control(server, "/limits", windows=[{"limit": 1, "seconds": 3600}], per_day=0)
    assert [place(dhan)["status"] for _ in range(2)] == ["success", "failure"]
    control(server, "/limits")
    assert control(server, "/rates", "GET")["rates"][me]["orders"]["limits"] == {"1": 10, "60": 250, "3600": 1000}


def test_what_a_test_asks_wrongly_is_told(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    for path, body in (
        ("/fill", {"account": me, "order_id": "1"}),
        ("/fill", {"account": "nobody", "order_id": "1"}),
        ("/price", {"segment": "NSE_EQ", "security_id": "1", "price": "x"}),
        ("/price", {"segment": "X", "security_id": "1", "price": 1}),
        ("/frame", {"frame": 1}),
        ("/fault", {"action": "explode"}),
        ("/fault", {"headers": 1}),
        ("/place", {"account": me}),
        ("/cancel", {"account": me, "order_id": "1"}),
    ):
        status, answer = http_json(server.control_url + path, "POST", body)
        assert (status, answer["ok"]) == (400, False)
        assert answer["error"]
