"""Recorded days can be played through the local server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dhan_copy.model.order import Product
from dhan_copy.testing import DhanServer, SimulatedExchange, VirtualClock, instrument_key
from tests.testing.exchange_kit import MORNING
from tests.testing.server.server_kit import TIMEOUT, client, control, frame, placed, row, socket_of

LINES = (Path(__file__).parents[2] / "data" / "order_updates.jsonl").read_text().splitlines()
ME = "1000000001"


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(2) as running:
        yield running


def test_recorded_frames_arrive_as_they_were_recorded_and_show_in_the_order_book(server: DhanServer) -> None:
    dhan = client(server)
    with socket_of(server) as connection:
        for line in LINES:
            answer = control(server, "/frame", frame=line)
            assert (answer["account"], answer["sockets"], answer["booked"]) == (ME, 1, True)
            assert connection.recv(timeout=TIMEOUT) == line
        for line in LINES:
            control(server, "/frame", frame=json.loads(line))
            assert json.loads(connection.recv(timeout=TIMEOUT)) == json.loads(line)
    rows = {each["orderId"]: each for each in dhan.get_order_list()["data"]}
    for line in LINES[:11]:
        data = json.loads(line)["Data"]
        found = rows[data["orderNo"]]
        assert found["dhanClientId"] == ME
        assert found["securityId"] == data["securityId"]
        assert found["quantity"] == data["quantity"]
        assert found["productType"] == data["productName"]
        assert found["exchangeOrderId"] == data["exchOrderNo"]
        assert found["correlationId"] == data.get("correlationId", "NA")
    first, rejected = rows["10225030676527"], rows["341260209256501"]
    assert (first["orderStatus"], first["filledQty"], first["averageTradedPrice"]) == ("TRADED", 150, 188.1)
    assert (first["exchangeSegment"], first["drvOptionType"], first["drvStrikePrice"]) == ("NSE_FNO", "PUT", 22400.0)
    assert first["createTime"] == "2025-03-06 09:32:05"
    assert rejected["omsErrorDescription"].startswith("RMS:341260209256501:You have insufficient funds.")
    assert rejected["exchangeTime"] == "0001-01-01 00:00:00"
    assert rows["351260318338501"]["orderType"] == "MARKET"
    assert rows["32226090368506"]["orderStatus"] == "PENDING"
    assert len(rows) == 11
    net = {(p["securityId"], p["productType"]): p["netQty"] for p in dhan.get_positions()["data"]}
    assert net == {("45463", "INTRADAY"): 150, ("11630", "INTRADAY"): 1}
    assert len(dhan.get_trade_book("10225030676527")["data"]) == 1


def test_a_recorded_instrument_rules_the_orders_of_followers(server: DhanServer) -> None:
    server.push_frame(LINES[5])
    follower = client(server, 1)
    order = {"security_id": "68456", "exchange_segment": "NSE_FNO", "product_type": "MARGIN"}
    odd = follower.place_order(transaction_type="BUY", quantity=100, order_type="LIMIT", price=3300.2, **order)
    assert odd["remarks"]["error_code"] == "DH-905"
    order_id = placed(follower, quantity=400, order_type="MARKET", price=0, **order)
    found = row(follower, order_id)
    assert (found["price"], found["orderStatus"], found["tradingSymbol"]) == (3300.2, "PENDING", "BSE-Sep2026-FUT")
    me, key = server.accounts[1].client_id, instrument_key("NSE_FNO", "68456")
    server.fill(me, order_id, price="3270")
    assert server.exchange.position(me, key, Product.MARGIN) == 400


def test_a_frame_can_be_sent_without_being_booked_or_into_another_account(server: DhanServer) -> None:
    other = server.accounts[1].client_id
    with socket_of(server, 1) as connection:
        assert control(server, "/frame", frame=LINES[0], account=other)["booked"]
        assert frame(connection)["clientId"] == ME
        assert not control(server, "/frame", frame=LINES[3], account=other, book=False)["booked"]
        frame(connection)
    assert [order.order_id for order in server.exchange.orders(other)] == ["10225030676527"]
    assert server.exchange.orders(ME) == ()


@pytest.mark.parametrize("text", ["not JSON", "{}", '{"Data": {"status": "Odd"}, "Type": "order_alert"}', "2"])
def test_t11_text_that_is_no_order_is_sent_to_a_named_account_and_booked_nowhere(server: DhanServer, text: str) -> None:
    with socket_of(server) as connection:
        pushed = server.push_frame(text, ME)
        assert (pushed.sockets, pushed.booked) == (1, False)
        assert pushed.problem
        assert connection.recv(timeout=TIMEOUT) == text
    assert server.push_frame(text).sockets == 0


def test_a_frame_of_a_stranger_is_not_sent() -> None:
    with DhanServer([("77", "token-77")]) as server:
        pushed = server.push_frame(LINES[0])
        assert (pushed.account, pushed.sockets, pushed.booked) == (ME, 0, False)
        assert "no account" in pushed.problem
        assert [account.client_id for account in server.accounts] == ["77"]


def test_the_exchange_may_be_the_tests_own() -> None:
    exchange = SimulatedExchange(VirtualClock(MORNING), ["L"])
    with DhanServer(1, exchange=exchange) as server:
        order_id = placed(client(server))
        assert exchange.order(ME, order_id).order_id == "322260904000001"
        assert exchange.accounts == ("L", ME)
        assert server.wait_for_sockets(1, timeout_seconds=0.01) is False


def test_fills_of_a_recorded_order_go_on_by_hand(server: DhanServer) -> None:
    server.push_frame(LINES[5])
    dhan = client(server)
    with socket_of(server) as connection:
        server.set_price("NSE_FNO", "68456", 3000)
        assert row(dhan, "32226090368506")["filledQty"] == 0
        server.fill(ME, "32226090368506", 200, "3270")
        data = frame(connection)
        assert (data["orderNo"], data["tradedQty"], data["correlationId"]) == ("32226090368506", 200, "strategy-engine")
        dhan.cancel_order("32226090368506")
        assert frame(connection)["status"] == "Cancelled"
