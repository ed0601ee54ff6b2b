"""The real dhanhq client places, changes, cancels and reads orders, and meets Dhan's oddities."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dhan_copy.model.account import Holding
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.order import OrderStatus, Product
from dhan_copy.model.times import ist, ist_date
from dhan_copy.testing import DhanServer, Rejection, RejectionWay, VirtualClock
from tests.testing.exchange_kit import FUTURE, instruments
from tests.testing.server.server_kit import TIMEOUT, client, http_json, place, placed, row, until

ROWS = json.loads((Path(__file__).parents[2] / "data" / "rest_rows.json").read_text())["items"]


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        running.set_limits(())
        yield running


def recorded_row(kind: str) -> dict[str, Any]:
    rows = (i["row"] for i in ROWS if i["kind"] == kind and i["provenance"] == "field" and i["complete_row"])
    found: dict[str, Any] = next(rows)
    return found


def same_shape(ours: dict[str, Any], recorded: dict[str, Any]) -> None:
    assert list(ours) == list(recorded)
    assert {key: type(value) for key, value in ours.items()} == {key: type(value) for key, value in recorded.items()}


def test_a_placement_answers_transit_and_is_confirmed_afterwards(server: DhanServer) -> None:
    dhan = client(server)
    answer = place(dhan)
    assert answer["status"] == "success"
    assert answer["data"]["orderStatus"] == "TRANSIT"
    order_id = answer["data"]["orderId"]
    assert f"{ist_date(server.exchange.clock.now()):%y%m%d}" in order_id
    until(lambda: bool(row(dhan, order_id)["orderStatus"] == "PENDING"))
    server.fill(server.accounts[0].client_id, order_id, 4)
    assert (row(dhan, order_id)["orderStatus"], row(dhan, order_id)["filledQty"]) == ("PART_TRADED", 4)


def test_rows_have_the_recorded_shape(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    server.exchange.reject_next(me, Rejection("RMS:no"))
    same_shape(row(dhan, placed(dhan)), recorded_row("order_row"))
    future = placed(dhan, security_id="68456", exchange_segment="NSE_FNO", quantity=400, price=3300.2,
                    product_type="MARGIN")  # fmt: skip
    server.fill(me, future, 200, "3252.0")
    server.fill(me, future, 200, "3251.1")
    trades = dhan.get_trade_book(future)["data"]
    assert trades == dhan.get_trade_book()["data"]
    assert [(t["tradedQuantity"], t["tradedPrice"]) for t in trades] == [(200, 3252.0), (200, 3251.1)]
    same_shape(trades[0], recorded_row("trade_row_live"))
    assert (trades[0]["drvStrikePrice"], trades[0]["drvExpiryDate"]) == (-0.01, "2026-09-29")
    assert dhan.get_trade_book("none")["data"] == []


def test_a_rejected_row_never_reached_the_exchange(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    server.exchange.set_funds(me, Decimal(100))
    found = row(dhan, placed(dhan))
    assert found["orderStatus"] == "REJECTED"
    assert (found["exchangeOrderId"], found["exchangeTime"]) == ("0", "0001-01-01 00:00:00")
    assert found["omsErrorCode"] == "0"
    assert found["omsErrorDescription"].startswith(f"RMS:{found['orderId']}:You have insufficient funds.")


def test_r1_the_three_ways_of_a_rejection(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    server.exchange.reject_next(me, Rejection("Insufficient funds", way=RejectionWay.REFUSED))
    refused = place(dhan)
    assert (refused["status"], refused["remarks"]) == (
        "failure",
        {"error_code": "DH-906", "error_type": "Order_Error", "error_message": "Insufficient funds"},
    )
    server.exchange.reject_next(me, Rejection("no", way=RejectionWay.ANSWERED))
    answered = place(dhan)
    assert (answered["status"], answered["data"]["orderStatus"]) == ("success", "REJECTED")
    server.exchange.reject_next(me, Rejection("RMS:no", way=RejectionWay.LATER))
    assert row(dhan, placed(dhan))["omsErrorDescription"] == "RMS:no"
    assert len(dhan.get_order_list()["data"]) == 2


def test_orders_are_found_by_id_and_by_tag_as_lists(server: DhanServer) -> None:
    dhan = client(server)
    first, second = placed(dhan, tag="dc1-x"), placed(dhan, tag=None)
    assert [o["orderId"] for o in dhan.get_order_list()["data"]] == [first, second]
    assert [o["orderId"] for o in dhan.get_order_by_correlationID("dc1-x")["data"]] == [first]
    assert (row(dhan, first)["correlationId"], row(dhan, second)["correlationId"]) == ("dc1-x", "NA")
    assert dhan.get_order_by_id("999")["data"] == []
    assert dhan.get_order_by_correlationID("unknown")["data"] == []
    assert client(server, 1).get_order_list()["data"] == []


def test_a_lookup_by_tag_may_answer_an_object(server: DhanServer) -> None:
    server.dialect.external_as_object = True
    dhan = client(server)
    order_id = placed(dhan)
    assert dhan.get_order_by_correlationID("dc1-a")["data"]["orderId"] == order_id
    assert dhan.get_order_by_correlationID("unknown")["data"] == []


def test_a_modification_takes_the_total(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    order_id = placed(dhan)
    server.fill(me, order_id, 4)
    answer = dhan.modify_order(order_id, "LIMIT", None, 20, 401.0, 0, 0, "DAY")
    assert answer == {"status": "success", "remarks": "", "data": {"orderId": order_id, "orderStatus": "TRANSIT"}}
    changed = row(dhan, order_id)
    assert (changed["quantity"], changed["remainingQuantity"], changed["price"]) == (20, 16, 401.0)
    below = dhan.modify_order(order_id, "LIMIT", "NA", 3, 401.0, 0, 0, "DAY")
    assert below["remarks"]["error_code"] == "DH-906"
    for missing in ({"quantity": None}, {"validity": None}, {"order_type": None}, {"leg_name": "TARGET_LEG"}):
        change = {"order_type": "LIMIT", "leg_name": None, "quantity": 20, "price": 401.0, "trigger_price": 0,
                  "disclosed_quantity": 0, "validity": "DAY", **missing}  # fmt: skip
        assert dhan.modify_order(order_id, **change)["remarks"]["error_code"] == "DH-905"


def test_the_modification_cap(server: DhanServer) -> None:
    dhan = client(server)
    order_id = placed(dhan)
    answers = [dhan.modify_order(order_id, "LIMIT", None, 10, 400 + n, 0, 0, "DAY") for n in range(26)]
    assert [a["status"] for a in answers] == ["success"] * 25 + ["failure"]


def test_m8_a_traded_order_says_so_to_a_modification_and_a_cancel(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    order_id = placed(dhan)
    server.fill(me, order_id)
    for answer in (dhan.modify_order(order_id, "LIMIT", None, 20, 1.0, 0, 0, "DAY"), dhan.cancel_order(order_id)):
        assert answer["remarks"]["error_message"] == "Order Has Traded Please Refresh Order Book"


def test_a_cancel_answers_202(server: DhanServer) -> None:
    dhan = client(server)
    order_id = placed(dhan)
    account = server.accounts[0]
    token = {"access-token": account.access_token}
    assert http_json(f"{server.rest_url}/orders/{order_id}", "DELETE", **token) == (
        202,
        {"orderId": order_id, "orderStatus": "CANCELLED"},
    )
    found = row(dhan, order_id)
    assert (found["orderStatus"], found["remainingQuantity"]) == ("CANCELLED", 10)


def test_api_market_orders_become_protected_limits(server: DhanServer) -> None:
    dhan = client(server)
    server.set_price("NSE_FNO", "68456", "3267.6", available=0)
    order_id = placed(dhan, security_id="68456", exchange_segment="NSE_FNO", quantity=800, order_type="MARKET",
                      product_type="MARGIN", price=0)  # fmt: skip
    found = row(dhan, order_id)
    assert (found["orderType"], found["price"]) == ("LIMIT", 3300.2)


def test_stops_and_their_trigger(server: DhanServer) -> None:
    dhan = client(server)
    server.set_price("NSE_EQ", "11630", 400)
    order_id = placed(dhan, transaction_type="SELL", order_type="STOP_LOSS", price=389.5, trigger_price=390.0)
    assert (row(dhan, order_id)["orderType"], row(dhan, order_id)["triggerPrice"]) == ("STOP_LOSS", 390.0)
    server.set_price("NSE_EQ", "11630", 390)
    done = row(dhan, order_id)
    assert (done["orderType"], done["triggerPrice"], done["orderStatus"]) == ("LIMIT", 0.0, "TRADED")
    assert done["averageTradedPrice"] == 390.0
    dropped = placed(dhan, transaction_type="SELL", order_type="STOP_LOSS_MARKET", price=0, trigger_price=350.0)
    assert (row(dhan, dropped)["orderType"], row(dhan, dropped)["orderStatus"]) == ("LIMIT", "TRADED")


def test_ioc_disclosed_and_after_market(server: DhanServer) -> None:
    dhan = client(server)
    assert row(dhan, placed(dhan, validity="IOC"))["orderStatus"] == "CANCELLED"
    assert row(dhan, placed(dhan, quantity=100, disclosed_quantity=40))["disclosedQuantity"] == 40
    found = row(dhan, placed(dhan, after_market_order=True, amo_time="OPEN_30"))
    assert (found["afterMarketOrder"], found["exchangeOrderId"]) == (True, "0")


def test_slicing_answers_an_array(server: DhanServer) -> None:
    dhan = client(server)
    order = {"security_id": "68456", "exchange_segment": "NSE_FNO", "quantity": 18000, "price": 3300.2,
             "product_type": "MARGIN"}  # fmt: skip
    answer = place(dhan, **order, should_slice=True)
    ids = [each["orderId"] for each in answer["data"]]
    assert [each["orderStatus"] for each in answer["data"]] == ["TRANSIT"] * 3
    assert [row(dhan, each)["quantity"] for each in ids] == [8000, 8000, 2000]
    until(lambda: all(row(dhan, each)["orderStatus"] == "PENDING" for each in ids))
    assert len(place(dhan, should_slice=True)["data"]) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exchange_segment": "NSE_COMM"}, "DH-905"),
        ({"transaction_type": "HOLD"}, "DH-905"),
        ({"product_type": "BO"}, "DH-905"),
        ({"product_type": "NRML"}, "DH-905"),
        ({"order_type": "SL"}, "DH-905"),
        ({"order_type": "LIMIT", "price": 0}, "DH-905"),
        ({"order_type": "STOP_LOSS"}, "DH-905"),
        ({"order_type": "STOP_LOSS", "price": 399, "trigger_price": 400}, "DH-906"),
        ({"validity": "GTC"}, "DH-905"),
        ({"quantity": 0}, "DH-905"),
        ({"quantity": -1}, "DH-905"),
        ({"price": -1}, "DH-905"),
        ({"price": float("nan")}, "DH-905"),
        ({"security_id": 11630}, "DH-905"),
        ({"security_id": "68456", "exchange_segment": "NSE_FNO", "quantity": 75, "price": 3300}, "DH-905"),
        ({"tag": "x" * 31}, "DH-905"),
        ({"tag": "no/slash"}, "DH-905"),
        ({"quantity": 100, "disclosed_quantity": 20}, "DH-905"),
        ({"after_market_order": "yes", "amo_time": "OPEN"}, "DH-905"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(server: DhanServer, change: dict[str, Any], code: str) -> None:
    dhan = client(server)
    answer = place(dhan, **change)
    assert (answer["status"], answer["remarks"]["error_code"]) == ("failure", code)
    assert dhan.get_order_list()["data"] == []


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', '{"dhanClientId": "1", "quantity": 1}', "[" * 100_000])
def test_bodies_that_are_no_order_are_refused(server: DhanServer, body: str) -> None:
    token = {"access-token": server.accounts[0].access_token}
    status, answer = http_json(f"{server.rest_url}/orders", "POST", body, **token)
    assert (status, answer["errorCode"], answer["errorType"]) == (400, "DH-905", "Input_Exception")


def test_documented_spellings_of_numbers_are_read(server: DhanServer) -> None:
    token = {"access-token": server.accounts[0].access_token}
    body = {
        "transactionType": "BUY", "exchangeSegment": "NSE_EQ", "productType": "CNC", "orderType": "LIMIT",
        "validity": "DAY", "securityId": "11630", "quantity": "5", "price": "400.05", "triggerPrice": "",
    }  # fmt: skip
    status, answer = http_json(f"{server.rest_url}/orders", "POST", body, **token)
    assert status == 200
    order = server.exchange.order(server.accounts[0].client_id, answer["orderId"])
    assert (order.quantity, order.price, order.disclosed_quantity) == (5, Decimal("400.05"), 0)
    status, answer = http_json(f"{server.rest_url}/orders", "POST", {**body, "afterMarketOrder": True}, **token)
    assert answer["errorMessage"] == "Invalid amoTime"


def test_a_wrong_token_is_401_and_a_stale_one_may_say_invalid_token(server: DhanServer) -> None:
    wrong = client(server, token="nonsense").get_order_list()
    assert wrong["remarks"]["error_code"] == "DH-901"
    assert http_json(f"{server.rest_url}/orders")[0] == 401
    dhan, account = client(server), server.accounts[0]
    server.replace_token(account.client_id, "new")
    assert dhan.get_order_list()["remarks"]["error_code"] == "DH-901"
    server.dialect.stale_token_code = "DH-906"
    assert dhan.get_order_list()["remarks"] == {
        "error_code": "DH-906", "error_type": "Order_Error", "error_message": "Invalid Token"
    }  # fmt: skip
    assert client(server).get_order_list()["status"] == "success"


def test_the_client_id_of_the_header_must_be_the_tokens(server: DhanServer) -> None:
    dhan = client(server, 0, token=server.accounts[1].access_token)
    assert dhan.get_order_list()["remarks"]["error_code"] == "DH-901"


def test_positions_holdings_funds_and_profile(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    server.fill(me, placed(dhan, product_type="CNC"))
    server.exchange.set_position(me, FUTURE, Product.MARGIN, -200, Decimal(3300))
    server.set_price("NSE_FNO", "68456", 3290)
    [share, future] = dhan.get_positions()["data"]
    assert (share["netQty"], share["productType"], share["positionType"], share["buyAvg"]) == (10, "CNC", "LONG", 400.0)
    assert (future["netQty"], future["positionType"], future["costPrice"]) == (-200, "SHORT", 3300.0)
    assert (future["carryForwardSellQty"], future["unrealizedProfit"]) == (200, 2000.0)
    assert dhan.get_holdings()["data"] == []
    server.dialect.holdings_error = True
    assert dhan.get_holdings()["remarks"]["error_code"] == "DH-1111"
    server.exchange.set_holdings(me, [Holding(SecurityId("11630"), 7)])
    [holding] = dhan.get_holdings()["data"]
    assert (holding["securityId"], holding["totalQty"], holding["tradingSymbol"]) == ("11630", 7, "NTPC")
    server.exchange.set_funds(me, Decimal("5000.5"), Decimal(6000))
    funds = dhan.get_fund_limits()["data"]
    assert (funds["availabelBalance"], funds["sodLimit"], funds["utilizedAmount"]) == (5000.5, 6000.0, 136000.0)
    token = {"access-token": server.accounts[0].access_token}
    status, profile = http_json(f"{server.rest_url}/profile", **token)
    assert (status, profile["dhanClientId"]) == (200, me)
    datetime.strptime(profile["tokenValidity"], "%d/%m/%Y %H:%M")
    assert "Derivative" in profile["activeSegment"]


def test_the_registered_address_and_the_one_that_was_seen(server: DhanServer) -> None:
    me, token = server.accounts[0].client_id, {"access-token": server.accounts[0].access_token}
    _, found = http_json(f"{server.rest_url}/ip/getIP", **token)
    assert (found["primaryIP"], found["detectedIP"], found["ordersAllowed"]) == ("127.0.0.1", "127.0.0.1", True)
    server.register_address(me, "192.0.2.7")
    _, found = http_json(f"{server.rest_url}/ip/getIP", **token)
    assert (found["primaryIP"], found["detectedIP"], found["ordersAllowed"]) == ("192.0.2.7", "127.0.0.1", False)


def test_r2_the_rate_windows_are_the_brokers() -> None:
    clock = VirtualClock(ist(datetime(2026, 9, 4, 10)))
    with DhanServer(1, clock=clock, instruments=instruments()) as server:
        dhan = client(server)
        assert [place(dhan)["status"] for _ in range(10)] == ["success"] * 10
        refused = place(dhan)
        assert refused["remarks"] == {
            "error_code": "DH-904",
            "error_type": "Rate_Limit",
            "error_message": "Too many requests on server from single user breaching rate limits.",
        }
        assert len(dhan.get_order_list()["data"]) == 10
        clock.advance(1.0)
        assert place(dhan)["status"] == "success"
        rates: Any = server.rates(server.accounts[0].client_id)
        assert rates["orders"]["worst"]["1"] == 11
        assert (rates["orders"]["arrived"], rates["orders"]["refused"]) == (12, 1)
        assert rates["reads"]["arrived"] == 1
        server.set_limits((), None, ((1, 1.0),))
        dhan.get_order_list()
        assert dhan.get_order_list()["remarks"]["error_code"] == "DH-904"


def test_one_connection_serves_many_requests(server: DhanServer) -> None:
    host = server.rest_url.removeprefix("http://").removesuffix("/v2")
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT)
    connection.connect()
    local = connection.sock.getsockname()
    for _ in range(5):
        connection.request("GET", "/v2/orders", headers={"access-token": server.accounts[0].access_token})
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"[]")
        assert connection.sock.getsockname() == local
    connection.close()


def test_what_is_not_served_is_404(server: DhanServer) -> None:
    token = {"access-token": server.accounts[0].access_token}
    assert http_json(f"{server.rest_url}/alerts/orders", **token)[0] == 404
    assert http_json(f"{server.rest_url}/pnlExit", "POST", **token)[0] == 404
    assert http_json(f"{server.rest_url}/killswitch", "POST", **token)[0] == 400
    assert http_json(server.rest_url.replace("/v2", "/v1/orders"), **token) == (404, None)


def test_orders_can_be_held_in_transit(server: DhanServer) -> None:
    server.exchange.hold_in_transit = True
    dhan, me = client(server), server.accounts[0].client_id
    order_id = place(dhan)["data"]["orderId"]
    assert row(dhan, order_id)["orderStatus"] == "TRANSIT"
    assert server.exchange.confirm(me, order_id).status is OrderStatus.PENDING


def test_p12_and_f42_slices_are_orders_of_their_own_and_some_may_be_refused(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    order = {"security_id": "68456", "exchange_segment": "NSE_FNO", "quantity": 20_000, "price": 3300.0}
    whole = placed(dhan, **order)
    assert "freeze quantity" in row(dhan, whole)["omsErrorDescription"]
    sliced = place(dhan, **order, should_slice=True)["data"]
    assert [server.exchange.order(me, each["orderId"]).quantity for each in sliced] == [8000, 8000, 4000]
    for way, working in ((RejectionWay.LATER, 2), (RejectionWay.REFUSED, 0)):
        server.exchange.reject_next(me, Rejection("RMS:no", way=way))
        before = len(server.exchange.orders(me))
        place(dhan, **order, should_slice=True)
        new = server.exchange.orders(me)[before:]
        until(lambda: all(server.exchange.order(me, each.order_id).status is not OrderStatus.TRANSIT for each in new))
        states = [server.exchange.order(me, each.order_id).status for each in new]
        assert states.count(OrderStatus.PENDING) == working
    refuse_second = iter([None, Rejection("RMS:no", way=RejectionWay.REFUSED)])
    server.exchange.rules.append(lambda order, instrument: next(refuse_second, None))
    assert [each["orderStatus"] for each in place(dhan, **order, should_slice=True)["data"]] == ["TRANSIT"]
