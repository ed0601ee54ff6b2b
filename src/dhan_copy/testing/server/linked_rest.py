"""Answers Dhan's REST requests about super and Forever orders from the simulated exchange."""

from __future__ import annotations

from collections.abc import Mapping

from dhan_copy.model.order import OrderStatus
from dhan_copy.testing.exchange import SimulatedExchange
from dhan_copy.testing.forever import ForeverOrder
from dhan_copy.testing.orders import SimulatedOrder
from dhan_copy.testing.server.answers import Answer, json_answer
from dhan_copy.testing.server.dialect import Dialect
from dhan_copy.testing.server.linked_inputs import (
    SuperChange,
    read_forever_change,
    read_leg,
    read_new_forever,
    read_new_super,
    read_super_change,
)
from dhan_copy.testing.server.linked_rows import forever_rows, super_row
from dhan_copy.testing.server.rows import placement_row


class LinkedApi:
    """What is below ``/v2/super`` and ``/v2/forever``."""

    def __init__(self, exchange: SimulatedExchange, dialect: Dialect) -> None:
        self._exchange = exchange
        self._dialect = dialect

    def read(self, account: str, parts: list[str]) -> Answer | None:
        """The answer to a GET; None for a path of others. The page, the SDK and the page's own example name two paths
        for the list of Forever orders: both are served."""
        match parts:
            case ["super", "orders"]:
                return json_answer(200, [self.super_row(order) for order in self._exchange.linked.supers(account)])
            case ["forever", "orders" | "all"]:
                return json_answer(200, self.forever_rows(account))
        return None

    def request(self, account: str, method: str, parts: list[str], body: Mapping[str, object]) -> Answer | None:
        """The answer to an order request; None for a path of others."""
        match method, parts:
            case "POST", ["super", "orders"]:
                return self._place_super(account, body)
            case "PUT", ["super", "orders", order_id]:
                change_super(self._exchange, account, order_id, body, source="P")
                return json_answer(200, {"orderId": order_id, "orderStatus": "TRANSIT"})
            case "DELETE", ["super", "orders", order_id, leg]:
                self._exchange.linked.cancel(account, order_id, read_leg(leg), source="P")
                return json_answer(202, {"orderId": order_id, "orderStatus": "CANCELLED"})
            case "POST", ["forever", "orders"]:
                new = read_new_forever(body, account)
                placed = self._exchange.forever.place(account, new.order, new.stop)
                return json_answer(200, {"orderId": placed[0].order_id, "orderStatus": "PENDING"})
            case "PUT", ["forever", "orders", order_id]:
                change_forever(self._exchange, account, order_id, body, source="P")
                return json_answer(200, {"orderId": order_id, "orderStatus": "PENDING"})
            case "DELETE", ["forever", "orders", order_id]:
                self._exchange.forever.cancel(account, order_id, source="P")
                return json_answer(202, {"orderId": order_id, "orderStatus": "CANCELLED"})
        return None

    def super_row(self, entry: SimulatedOrder) -> dict[str, object]:
        """A super order as GET /super/orders shows it."""
        legs = self._exchange.linked.legs(entry.account, entry.order_id)
        return super_row(entry, legs, self._exchange.instrument(entry.key))

    def forever_rows(self, account: str, order_id: str | None = None) -> list[dict[str, object]]:
        """The rows of GET /forever/orders, all or those of one order."""
        found: dict[str, list[ForeverOrder]] = {}
        for leg in self._exchange.forever.orders(account):
            if order_id in (None, leg.order_id):
                found.setdefault(leg.order_id, []).append(leg)
        return [
            row for legs in found.values() for row in forever_rows(legs, self._exchange.instrument(legs[0].key), self._dialect)
        ]

    def _place_super(self, account: str, body: Mapping[str, object]) -> Answer:
        new = read_new_super(body, account, self._dialect)
        order = self._exchange.linked.place_super(account, new.entry, new.bracket, deferred=True)
        return json_answer(200, placement_row(order), lambda: self._confirm(order))

    def _confirm(self, order: SimulatedOrder) -> None:
        if not self._exchange.hold_in_transit and order.status is OrderStatus.TRANSIT:
            self._exchange.confirm(order.account, order.order_id)


def change_super(
    exchange: SimulatedExchange, account: str, order_id: str, body: Mapping[str, object], *, source: str
) -> SuperChange:
    """Modify a super order as a body of PUT /super/orders/{id} says."""
    known = next((order for order in exchange.orders(account) if order.book_id == order_id), None)
    change = read_super_change(body, account, None if known is None else known.bracket)
    exchange.linked.modify(
        account,
        order_id,
        change.leg,
        change.bracket,
        quantity=change.quantity,
        terms=change.terms,
        source=source,
    )
    return change


def change_forever(
    exchange: SimulatedExchange, account: str, order_id: str, body: Mapping[str, object], *, source: str
) -> None:
    """Modify a Forever order as a body of PUT /forever/orders/{id} says."""
    change = read_forever_change(body, account)
    exchange.forever.modify(
        account,
        order_id,
        change.leg,
        quantity=change.quantity,
        terms=change.terms,
        disclosed_quantity=change.disclosed_quantity,
        source=source,
    )
