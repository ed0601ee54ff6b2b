"""The real dhanhq client places, changes, cancels and lists super and Forever orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dhan_copy.model.order import Leg
from dhan_copy.testing import DhanServer
from dhan_copy.testing.orders import leg_id
from tests.testing.exchange_kit import instruments
from tests.testing.server.server_kit import client, frame, http_json, placed, row, socket_of, until


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        running.set_limits(())
        yield running


def place_super(dhan: Any, **changes: Any) -> dict[str, Any]:
    order = {
        "security_id": "11630", "exchange_segment": "NSE_EQ", "transaction_type": "BUY", "quantity": 10,
        "order_type": "LIMIT", "product_type": "INTRADAY", "price": 400.0, "targetPrice": 410.0,
        "stopLossPrice": 390.0, "tag": "dc1-a",
    }  # fmt: skip
    answer: dict[str, Any] = dhan.place_super_order(**{**order, **changes})
    return answer


def placed_super(dhan: Any) -> str:
    order_id: str = place_super(dhan)["data"]["orderId"]
    until(lambda: bool(row(dhan, order_id)["orderStatus"] != "TRANSIT"))
    return order_id


def only(dhan: Any) -> dict[str, Any]:
    [found] = dhan.get_super_order_list()["data"]
    shown: dict[str, Any] = found
    return shown


def test_a_super_order_is_in_two_lists_and_its_average_price_in_one(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    answer = place_super(dhan)
    assert (answer["status"], answer["data"]["orderStatus"]) == ("success", "TRANSIT")
    order_id = answer["data"]["orderId"]
    until(lambda: bool(only(dhan)["orderStatus"] == "PENDING"))
    server.fill(me, order_id, 4)
    assert (only(dhan)["averageTradedPrice"], only(dhan)["filledQty"]) == (0.0, 4)
    entry, target, stop = dhan.get_order_by_id(order_id)["data"]
    assert [each["legName"] for each in (entry, target, stop)] == ["ENTRY_LEG", "TARGET_LEG", "STOP_LOSS_LEG"]
    assert entry["averageTradedPrice"] == 400.0
    assert dhan.get_order_by_correlationID("dc1-a")["data"] == [entry, target, stop] == dhan.get_order_list()["data"]


def test_the_sdk_cannot_place_a_market_entry(server: DhanServer) -> None:
    with pytest.raises(ValueError, match="Missing required"):
        place_super(client(server), order_type="MARKET", price=0)
    answer = place_super(client(server), order_type="MARKET")
    assert answer["remarks"]["error_message"] == "Invalid Price for orderType"
    assert server.exchange.orders(server.accounts[0].client_id) == ()


def test_a_market_entry_without_the_sdk(server: DhanServer) -> None:
    account = server.accounts[0]
    body = {
        "transactionType": "BUY", "exchangeSegment": "NSE_EQ", "productType": "MARGIN", "orderType": "MARKET",
        "securityId": "11630", "quantity": 5, "price": 0, "targetPrice": 410, "stopLossPrice": 390, "trailingJump": 0,
    }  # fmt: skip
    status, answer = http_json(server.rest_url + "/super/orders", "POST", body, **{"access-token": account.access_token})
    assert (status, answer["orderStatus"]) == (200, "TRANSIT")


def test_legs_are_changed_and_cancelled_by_name(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    order_id = placed_super(dhan)
    changed = dhan.modify_super_order(order_id, "LIMIT", "ENTRY_LEG", 8, 399.0, 409.0, 389.0, 1.0)
    assert changed["data"] == {"orderId": order_id, "orderStatus": "TRANSIT"}
    assert [(leg["price"], leg["trailingJump"]) for leg in only(dhan)["legDetails"]] == [(389.0, 1.0), (409.0, 0.0)]
    server.fill(me, order_id)
    assert dhan.cancel_super_order(order_id, "ENTRY_LEG")["remarks"]["error_code"] == "DH-906"
    dhan.modify_super_order(order_id, "", "STOP_LOSS_LEG", stopLossPrice=392.0)
    dhan.modify_super_order(order_id, "", "TARGET_LEG", targetPrice=411.0)
    assert [(leg["price"], leg["trailingJump"]) for leg in only(dhan)["legDetails"]] == [(392.0, 0.0), (411.0, 0.0)]
    cancelled = dhan.cancel_super_order(order_id, "TARGET_LEG")
    assert cancelled["data"] == {"orderId": order_id, "orderStatus": "CANCELLED"}
    server.fill(me, leg_id(order_id, Leg.STOP), 3)
    stop, target = only(dhan)["legDetails"]
    assert (stop["orderStatus"], stop["totalQuatity"], stop["remainingQuantity"], stop["triggeredQuantity"]) == (
        "PART_TRADED", 8, 5, 3,
    )  # fmt: skip
    assert target["orderStatus"] == "CANCELLED"
    server.fill(me, leg_id(order_id, Leg.STOP))
    assert only(dhan)["orderStatus"] == "CLOSED"
    assert row_of_entry(dhan, order_id)["orderStatus"] == "TRADED"


def row_of_entry(dhan: Any, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = dhan.get_order_by_id(order_id)["data"][0]
    return found


def test_the_socket_tells_of_super_orders_by_a_remark(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    with socket_of(server) as connection:
        order_id = placed_super(dhan)
        assert (frame(connection)["remarks"], order_id) == ("Super Order", order_id)
        server.fill(me, order_id)
        frames = [frame(connection) for _ in range(3)]
        assert {data["orderNo"] for data in frames} == {order_id}
        assert sorted(data["legNo"] for data in frames) == [1, 2, 3]


def test_forever_orders(server: DhanServer) -> None:
    dhan = client(server)
    answer = dhan.place_forever(
        "11630", "NSE_EQ", "SELL", "CNC", "LIMIT", 10, 409.0, 410.0, "OCO", price1=389.0, trigger_Price1=390.0,
        quantity1=10,
    )  # fmt: skip
    order_id = answer["data"]["orderId"]
    assert answer["data"] == {"orderId": order_id, "orderStatus": "PENDING"}
    target, stop = dhan.get_forever()["data"]
    assert (target["orderId"], target["orderType"], target["legName"]) == (order_id, "OCO", "TARGET_LEG")
    assert (stop["orderId"], stop["triggerPrice"], stop["legName"]) == (order_id, 390.0, "STOP_LOSS_LEG")
    assert "correlationId" not in stop
    account = server.accounts[0]
    other_path = http_json(server.rest_url + "/forever/all", **{"access-token": account.access_token})
    assert other_path == (200, [target, stop])
    changed = dhan.modify_forever(order_id, "OCO", "LIMIT", "STOP_LOSS_LEG", 10, 388.0, 389.0, 0, "DAY")
    assert changed["status"] == "success"
    assert dhan.get_forever()["data"][1]["triggerPrice"] == 389.0
    assert dhan.cancel_forever(order_id)["data"]["orderStatus"] == "CANCELLED"
    assert dhan.cancel_forever(order_id)["remarks"]["error_code"] == "DH-906"
    assert dhan.get_order_list()["data"] == []


def test_limits_and_faults_are_met_here_too(server: DhanServer) -> None:
    dhan, me = client(server), server.accounts[0].client_id
    server.set_limits(((1, 3600.0),))
    server.lose_answers(account=me)
    assert place_super(dhan)["remarks"]
    assert len(server.exchange.linked.supers(me)) == 1
    assert place_super(dhan)["remarks"]["error_code"] == "DH-904"
    assert server.rates(me)["orders"]["arrived"] == 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/super/orders/1"), ("POST", "/super/orders/1"), ("PUT", "/super/orders"), ("DELETE", "/super/orders/1"),
     ("DELETE", "/forever/orders"), ("GET", "/forever"), ("POST", "/forever/all")],
)  # fmt: skip
def test_no_other_path_is_served(server: DhanServer, method: str, path: str) -> None:
    token = {"access-token": server.accounts[0].access_token}
    assert http_json(server.rest_url + path, method, None if method in ("GET", "DELETE") else {}, **token)[0] == 404


def test_plain_orders_are_no_super_orders(server: DhanServer) -> None:
    dhan = client(server)
    order_id = placed(dhan)
    assert dhan.get_super_order_list()["data"] == []
    assert dhan.cancel_super_order(order_id, "ENTRY_LEG")["remarks"]["error_message"] == "Invalid order id"
    assert dhan.modify_order(placed_super(dhan), "LIMIT", None, 5, 399.0, 0, 0, "DAY")["status"] == "failure"
