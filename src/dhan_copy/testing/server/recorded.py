"""Reads a recorded frame into the order and instrument that it tells of, so that the order book shows them too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from attrs import frozen

from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Terms,
    Validity,
)
from dhan_copy.model.times import ist
from dhan_copy.testing.orders import NOT_AT_EXCHANGE, Instrument, SimulatedOrder
from dhan_copy.testing.server.dialect import SOCKET_LEGS, SOCKET_PRODUCTS, SOCKET_SEGMENTS, ZERO_TIME

_SEGMENTS = {codes: segment for segment, codes in SOCKET_SEGMENTS.items()}
_LEGS = {number: leg for leg, number in SOCKET_LEGS.items()}
_PRODUCTS = {letter: product for product, letter in SOCKET_PRODUCTS.items()}


@frozen
class Recorded:
    order: SimulatedOrder
    instrument: Instrument


def read_recorded(frame: str, account: str | None = None) -> Recorded:
    """What a frame tells, in either casing. It belongs to ``account``, by default to the client that it names.

    Raises ValueError (KeyError for a missing field) for anything but a frame about an order or a leg.
    """
    envelope = json.loads(frame, parse_float=Decimal)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("Data"), dict):
        raise ValueError("no order frame: it has no Data")
    data = _Fields(envelope["Data"])
    kind = data.text("instrument")
    key = InstrumentKey(_SEGMENTS[data.text("exchange"), data.text("segment")], SecurityId(data.text("securityId")))
    filled, average = data.units("tradedQty"), data.price("avgTradedPrice") or data.price("tradedPrice")
    ordered, number = data.time("orderDateTime"), data.text("exchOrderNo") or NOT_AT_EXCHANGE
    if ordered is None:
        raise ValueError("the frame has no orderDateTime")
    product, leg = _PRODUCTS[data.text("product")], _LEGS[data.units("legNo") or 1]
    linked = product in (Product.BO, Product.CO)
    order = SimulatedOrder(
        account=AccountName(account or data.text("clientId")),
        order_id=BrokerOrderId(data.text("orderNo")),
        exchange_order_id=number,
        tag={"": None, "NA": None}.get(data.text("correlationId"), data.text("correlationId")),
        key=key,
        side=Side.BUY if data.text("txnType") == "B" else Side.SELL,
        product=product,
        leg=leg,
        is_super=not linked and (leg is not Leg.ENTRY or "super order" in data.text("remarks").lower()),
        validity=Validity(data.text("validity")),
        terms=_terms(data),
        quantity=data.units("quantity"),
        disclosed_quantity=data.units("discQuantity"),
        filled_quantity=filled,
        traded_value=filled * (average or Decimal(0)),
        last_trade_price=data.price("tradedPrice") or (average if filled else None),
        status=_status(data.text("status"), filled, data.units("quantity")),
        after_market=data.text("offMktFlag") == "1" and not data.units("algoOrdNo"),
        source=data.text("source"),
        platform=data.text("orderPlatform") or None,
        parent_order_id=str(data.units("algoOrdNo") or "") or None,
        reason=data.text("reasonDescription"),
        reference_price=data.price("refLtp"),
        created_at=ordered,
        ordered_at=ordered,
        updated_at=data.time("lastUpdatedTime") or ordered,
        exchange_at=data.time("exchOrderTime"),
        recorded=True,
    )
    expiry = data.text("expiryDate")
    instrument = Instrument(
        key=key,
        facts=InstrumentFacts(data.units("lotSize") or 1, data.price("tickSize"), InstrumentKind(kind) if kind else None),
        symbol=data.text("symbol"),
        display_name=data.text("displayName"),
        isin=data.text("isin") or "NA",
        expiry=None if expiry.startswith("0001") or not expiry else expiry,
        option_type=data.text("optType") or "XX",
        strike=data.price("strikePrice"),
    )
    return Recorded(order, instrument)


class _Fields:
    """Fields by their wire name; a frame in the documentation's PascalCase is read the same way."""

    def __init__(self, data: Mapping[str, object]) -> None:
        self._data = {key[:1].lower() + key[1:]: value for key, value in data.items()}

    def text(self, name: str) -> str:
        return str(self._data.get(name, "")).strip()

    def units(self, name: str) -> int:
        return int(self.text(name) or 0)

    def price(self, name: str) -> Decimal | None:
        price = Decimal(self.text(name) or 0)
        return price if price > 0 else None

    def time(self, name: str) -> datetime | None:
        text = self.text(name)
        return None if text in ("", ZERO_TIME) else ist(datetime.strptime(text, "%Y-%m-%d %H:%M:%S"))


def _terms(data: _Fields) -> Terms:
    price, trigger = data.price("price"), data.price("triggerPrice")
    match data.text("orderType"):
        case "MKT":
            return Market()
        case "LMT" if price:
            return Limit(price)
        case "SL" if price and trigger:
            return StopLimit(trigger, price)
        case "SLM" if trigger:
            return StopMarket(trigger)
        case other:
            raise ValueError(f"orderType {other!r} with price {price} and trigger {trigger}")


def _status(text: str, filled: int, quantity: int) -> OrderStatus:
    squashed = "".join(letter for letter in text if letter.isalpha()).upper()
    for status in OrderStatus:
        if status.value.replace("_", "") == squashed:
            working = status in (OrderStatus.PENDING, OrderStatus.MODIFIED, OrderStatus.TRIGGERED)
            if working:  # in the book a modified order is pending again, and a partly filled one says so
                return OrderStatus.PART_TRADED if 0 < filled < quantity else OrderStatus.PENDING
            return status
    raise ValueError(f"status {text!r} is not known")
