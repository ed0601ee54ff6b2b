"""Writes an order as a frame of Dhan's order-update socket: camelCase, zero fields left out."""

from __future__ import annotations

import json
from decimal import Decimal

from dhan_copy.model.instrument import ExchangeSegment, InstrumentKind
from dhan_copy.model.order import OrderStatus, Variety
from dhan_copy.testing.orders import Instrument, SimulatedOrder
from dhan_copy.testing.server.dialect import (
    FUTURE_STRIKE,
    SOCKET_LEGS,
    SOCKET_ORDER_TYPES,
    SOCKET_PRODUCTS,
    SOCKET_SEGMENTS,
    ZERO_TIME,
    Dialect,
    short_number,
    shown_id,
    shown_leg,
    shown_parent,
    shown_tag,
    shown_trigger,
    timestamp,
)


def order_frame(order: SimulatedOrder, instrument: Instrument, dialect: Dialect) -> str:
    """The text that the socket sends: keys in the order of the frames recorded in September 2026."""
    exchange, segment = SOCKET_SEGMENTS[order.key.segment]
    kind = instrument.facts.kind
    is_equity = order.key.segment.is_equity
    remaining = order.quantity - order.filled_quantity
    data: dict[str, object] = {
        "exchange": exchange,
        "segment": segment,
        "source": order.source,
        "securityId": order.key.security_id,
        "clientId": order.account,
        "exchOrderNo": order.exchange_order_id,
        "orderNo": shown_id(order, dialect),
        "product": SOCKET_PRODUCTS[order.product],
        "txnType": order.side.value[0],
        "orderType": SOCKET_ORDER_TYPES[type(order.terms)],
        "validity": order.validity.value,
        "discQuantity": order.disclosed_quantity,
        "discQtyRem": min(order.disclosed_quantity, remaining),
        "remainingQuantity": remaining,
        "quantity": order.quantity,
        "tradedQty": order.filled_quantity,
        "price": _price(order.price),
        "triggerPrice": _price(shown_trigger(order, dialect)),
        "tradedPrice": _price(order.last_trade_price),
        "avgTradedPrice": _price(order.average_price),
        "algoOrdNo": shown_parent(order, dialect),
        "strategyId": "NA",
        "offMktFlag": "1" if order.after_market or _is_fired(order) else "0",
        "orderDateTime": timestamp(order.ordered_at),
        "exchOrderTime": timestamp(order.exchange_at),
        "lastUpdatedTime": timestamp(order.updated_at),
        "remarks": "Super Order" if order.is_super else " ",
        "mktType": "NL",
        "reasonDescription": order.reason or "CONFIRMED",
        "legNo": SOCKET_LEGS[shown_leg(order, dialect)],
        "instrument": kind.value if kind else _guessed_kind(instrument),
        "symbol": instrument.symbol if is_equity else instrument.symbol[:15],  # as all that were recorded
        "productName": order.product.value,
        "status": _status(order, dialect),
        "lotSize": instrument.facts.lot_units,
        "strikePrice": _strike(instrument, is_equity),
        "expiryDate": instrument.expiry or ZERO_TIME,
        "optType": instrument.option_type,
        "displayName": instrument.display_name or instrument.symbol,
        "isin": instrument.isin,
        "series": "EQ" if is_equity else "XX",
        "goodTillDaysDate": timestamp(order.ordered_at)[:10],
        "refLtp": _price(order.reference_price),
        "tickSize": short_number(instrument.tick),
        "algoId": "99999" if order.source == "P" else "0",
        "multiplier": 1,
        "correlationId": shown_tag(order, dialect),
        "orderPlatform": order.platform or "",
    }
    # Dhan's server omits what is zero or empty.
    return json.dumps(
        {"Data": {key: value for key, value in data.items() if value not in (0, "")}, "Type": "order_alert"},
        separators=(",", ":"),
    )


def _is_fired(order: SimulatedOrder) -> bool:
    """Whether it is what appeared when a Forever order fired: marked as an after-market order at any hour."""
    return order.variety is Variety.FOREVER and order.parent_order_id is not None


def _price(price: Decimal | None) -> int | float:
    return 0 if price is None else short_number(price)


def _strike(instrument: Instrument, is_equity: bool) -> int | float:
    if instrument.strike is not None:
        return short_number(instrument.strike)
    return 0 if is_equity else FUTURE_STRIKE


def _guessed_kind(instrument: Instrument) -> str:
    """Some kind is in every frame; for an instrument that nobody described it follows from its segment."""
    is_option = instrument.option_type != "XX"
    match instrument.key.segment:
        case ExchangeSegment.NSE_EQ | ExchangeSegment.BSE_EQ:
            kind = InstrumentKind.EQUITY
        case ExchangeSegment.MCX_COMM:
            kind = InstrumentKind.OPTFUT if is_option else InstrumentKind.FUTCOM
        case ExchangeSegment.NSE_CURRENCY | ExchangeSegment.BSE_CURRENCY:
            kind = InstrumentKind.OPTCUR if is_option else InstrumentKind.FUTCUR
        case ExchangeSegment.NSE_FNO | ExchangeSegment.BSE_FNO:
            kind = InstrumentKind.OPTSTK if is_option else InstrumentKind.FUTSTK
    return kind.value


def _status(order: SimulatedOrder, dialect: Dialect) -> str:
    if order.status is OrderStatus.PART_TRADED:
        return dialect.partial_status
    return str(order.status.value).capitalize()
