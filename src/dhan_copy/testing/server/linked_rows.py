"""Writes super and Forever orders as rows of Dhan's lists of them, its spelling and gaps included."""

from __future__ import annotations

from collections.abc import Sequence

from dhan_copy.model.order import Leg, StopLimit
from dhan_copy.testing.forever import ForeverOrder
from dhan_copy.testing.orders import Instrument, SimulatedOrder
from dhan_copy.testing.reports import listed_status
from dhan_copy.testing.server.dialect import (
    REST_LEGS,
    REST_ORDER_TYPES,
    Dialect,
    decimal_number,
    timestamp,
)
from dhan_copy.testing.server.rows import derivative


def super_row(entry: SimulatedOrder, legs: Sequence[SimulatedOrder], instrument: Instrument) -> dict[str, object]:
    """A row of GET /super/orders (keys of the documented sample). The average price is 0.0 even after a fill, as
    received in September 2026; the plain row of the same order has it."""
    return {
        "dhanClientId": entry.account,
        "orderId": entry.order_id,
        "correlationId": entry.tag or "NA",
        "orderStatus": listed_status(entry, legs).value,
        "transactionType": entry.side.value,
        "exchangeSegment": entry.key.segment.value,
        "productType": entry.product.value,
        "orderType": REST_ORDER_TYPES[type(entry.terms)],
        "validity": entry.validity.value,
        "tradingSymbol": instrument.symbol,
        "securityId": entry.key.security_id,
        "quantity": entry.quantity,
        "remainingQuantity": entry.quantity - entry.filled_quantity,
        "ltp": decimal_number(entry.reference_price),
        "price": decimal_number(entry.price),
        "afterMarketOrder": entry.after_market,
        "legName": "ENTRY_LEG",
        "exchangeOrderId": entry.exchange_order_id,
        "createTime": timestamp(entry.created_at),
        "updateTime": timestamp(max(order.updated_at for order in (entry, *legs))),
        "exchangeTime": timestamp(entry.exchange_at),
        "omsErrorDescription": entry.reason,
        "averageTradedPrice": 0.0,
        "filledQty": entry.filled_quantity,
        "legDetails": [_leg_row(entry, leg) for leg in sorted(legs, key=lambda leg: leg.leg is Leg.TARGET)],
    }


def _leg_row(entry: SimulatedOrder, leg: SimulatedOrder) -> dict[str, object]:
    bracket, stop = entry.bracket, leg.leg is Leg.STOP
    price = None if bracket is None else bracket.stop if stop else bracket.target
    return {
        "orderId": leg.order_id,
        "legName": REST_LEGS[leg.leg],
        "transactionType": leg.side.value,
        "totalQuatity": leg.quantity,  # Dhan's spelling; 0 until the entry fills
        "remainingQuantity": leg.quantity - leg.filled_quantity,
        "triggeredQuantity": min(leg.triggered_quantity, leg.quantity),
        "price": decimal_number(price),
        "orderStatus": leg.status.value,
        "trailingJump": decimal_number(bracket.trailing_jump if bracket is not None and stop else None),
    }


def forever_rows(legs: Sequence[ForeverOrder], instrument: Instrument, dialect: Dialect) -> list[dict[str, object]]:
    """The rows of GET /forever/orders about one order (keys of the documented sample): the flag stands where other
    rows have the order type, and there is no tag, validity or filled quantity."""
    return [_forever_row(leg, instrument) for leg in legs[: dialect.forever_pair_rows]]


def _forever_row(leg: ForeverOrder, instrument: Instrument) -> dict[str, object]:
    return {
        "dhanClientId": leg.account,
        "orderId": leg.order_id,
        "orderStatus": leg.status.value,
        "transactionType": leg.side.value,
        "exchangeSegment": leg.key.segment.value,
        "productType": leg.product.value,
        "orderType": "SINGLE" if leg.leg is Leg.ENTRY else "OCO",
        "tradingSymbol": instrument.symbol,
        "securityId": leg.key.security_id,
        "quantity": leg.quantity,
        "price": decimal_number(leg.terms.price if isinstance(leg.terms, StopLimit) else None),
        "triggerPrice": decimal_number(leg.terms.trigger),
        "legName": REST_LEGS[leg.leg],
        "createTime": timestamp(leg.created_at),
        "updateTime": timestamp(leg.updated_at) if leg.modifications or not leg.is_working else None,
        "exchangeTime": None,
        **derivative(instrument, leg.key),
    }
