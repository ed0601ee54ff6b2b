"""The leader's hand on linked orders, through the control endpoint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dhan_copy.model.order import Leg, OrderStatus
from dhan_copy.testing import DhanServer
from tests.testing.exchange_kit import instruments
from tests.testing.server.server_kit import client, control, frame, http_json, socket_of

ENTRY = {
    "transactionType": "BUY", "exchangeSegment": "NSE_EQ", "productType": "INTRADAY", "orderType": "LIMIT",
    "validity": "DAY", "securityId": "11630", "quantity": 10, "price": 400,
}  # fmt: skip
LEGS = {"targetPrice": 410, "stopLossPrice": 390, "trailingJump": 2}


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        yield running


def test_l1_super_orders_by_hand(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    with socket_of(server) as connection:
        order = control(server, "/super", account=me, **ENTRY, **LEGS)["order"]
        data = frame(connection)
        assert (data["source"], data["orderNo"], data["remarks"]) == ("N", order["orderId"], "Super Order")
    order_id = order["orderId"]
    change = {**ENTRY, **LEGS, "legName": "ENTRY_LEG", "price": 401}
    assert control(server, "/super/modify", account=me, order_id=order_id, **change)["order"]["price"] == 401.0
    control(server, "/super/fill", account=me, order_id=order_id, legName="ENTRY_LEG")
    control(server, "/super/fill", account=me, order_id=order_id, legName="STOP_LOSS_LEG", quantity=4, price=389)
    assert [leg["quantity"] for leg in control(server, f"/legs?account={me}&order_id={order_id}", "GET")["orders"]] == [
        6, 10,
    ]  # fmt: skip
    done = control(server, "/super/cancel", account=me, order_id=order_id, legName="TARGET_LEG")["order"]
    assert {leg["legName"]: leg["orderStatus"] for leg in done["legDetails"]} == {
        "STOP_LOSS_LEG": "PART_TRADED", "TARGET_LEG": "CANCELLED",
    }  # fmt: skip
    assert client(server).get_super_order_list()["data"] == [done]
    one_leg = {**ENTRY, "stopLossPrice": 390}
    assert len(control(server, "/super", account=me, **one_leg)["order"]["legDetails"]) == 1


def test_l4_the_race_can_be_forced(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    order_id = control(server, "/super", account=me, **ENTRY, **LEGS)["order"]["orderId"]
    control(server, "/super/fill", account=me, order_id=order_id, legName="ENTRY_LEG")
    control(server, "/legs/hold")
    for leg in ("TARGET_LEG", "STOP_LOSS_LEG"):
        control(server, "/super/fill", account=me, order_id=order_id, legName=leg)
    control(server, "/legs/settle")
    control(server, "/legs/hold", on=False)
    assert [leg.filled_quantity for leg in server.exchange.linked.legs(me, order_id)] == [10, 10]


def test_l8_and_l9_bracket_and_cover_orders_by_hand(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    bracket = control(server, "/bracket", account=me, **ENTRY, boProfitValue=10, boStopLossValue="2.5")["order"]
    assert (bracket["productType"], bracket["boProfitValue"], bracket["boStopLossValue"]) == ("BO", 10.0, 2.5)
    cover = control(server, "/cover", account=me, **ENTRY, stop=395)["order"]
    [stop] = control(server, f"/legs?account={me}&order_id={cover['orderId']}", "GET")["orders"]
    assert (stop["productType"], stop["triggerPrice"], stop["transactionType"]) == ("CO", 395.0, "SELL")
    moved = {**ENTRY, "orderType": "STOP_LOSS_MARKET", "triggerPrice": 396}
    assert control(server, "/modify", account=me, order_id=stop["orderId"], **moved)["order"]["triggerPrice"] == 396.0
    control(server, "/fill", account=me, order_id=bracket["orderId"])
    legs = control(server, f"/legs?account={me}&order_id={bracket['orderId']}", "GET")["orders"]
    assert [(leg["legName"], leg["price"], leg["triggerPrice"]) for leg in legs] == [
        ("TARGET_LEG", 410.0, 0.0), ("STOP_LOSS_LEG", 0.0, 397.5),
    ]  # fmt: skip
    assert control(server, "/cancel", account=me, order_id=legs[0]["orderId"])["order"]["orderStatus"] == "CANCELLED"


def test_l10_forever_orders_by_hand(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    fields = {**ENTRY, "transactionType": "SELL", "productType": "CNC", "orderFlag": "OCO", "price": 409,
              "triggerPrice": 410, "price1": 389, "triggerPrice1": 390, "quantity1": 5}  # fmt: skip
    rows = control(server, "/forever", account=me, **fields)["orders"]
    order_id = rows[0]["orderId"]
    assert [row["orderType"] for row in rows] == ["OCO", "OCO"]
    change = {**fields, "legName": "STOP_LOSS_LEG", "triggerPrice": 391}
    changed = control(server, "/forever/modify", account=me, order_id=order_id, **change)["orders"]
    assert [row["triggerPrice"] for row in changed] == [410.0, 391.0]
    cancelled = control(server, "/forever/cancel", account=me, order_id=order_id)["orders"]
    assert {row["orderStatus"] for row in cancelled} == {"CANCELLED"}
    assert {request.source for request in server.exchange.requests} == {"N"}


def test_what_nobody_wrote_down_can_be_chosen(server: DhanServer) -> None:
    control(server, "/unwritten", fired_forever=None, leg_delay_seconds=1.5, super_legs_announced=False,
            super_entry_named=False)  # fmt: skip
    chosen = server.exchange.unwritten
    assert (chosen.fired_forever, chosen.leg_delay_seconds, chosen.super_legs_announced) == (None, 1.5, False)
    assert not server.dialect.super_entry_named
    control(server, "/unwritten", fired_forever="TRIGGERED")
    assert server.exchange.unwritten.fired_forever is OrderStatus.TRIGGERED
    for fields in ({"nothing": 1}, {"super_legs_announced": "no"}, {"fired_forever": "ODD"}):
        assert http_json(server.control_url + "/unwritten", "POST", fields)[0] == 400


def test_a_leg_is_filled_by_its_name(server: DhanServer) -> None:
    me = server.accounts[0].client_id
    order_id = control(server, "/super", account=me, **ENTRY, **LEGS)["order"]["orderId"]
    fields = {"account": me, "order_id": order_id, "legName": "TARGET_LEG"}
    status, answer = http_json(server.control_url + "/super/fill", "POST", fields)
    assert (status, "0 open units" in answer["error"]) == (400, True)
    assert server.exchange.linked.legs(me, order_id)[0].leg is Leg.TARGET
