"""Reads the bodies of order requests, and refuses what Dhan refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TypeVar

from attrs import frozen

from dhan_copy.model.account import MarginOrder
from dhan_copy.model.ids import ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import Limit, Market, Product, Side, StopLimit, StopMarket, Terms, Validity
from dhan_copy.testing.orders import NewOrder
from dhan_copy.testing.server.answers import DhanError

_E = TypeVar("_E", bound=Enum)
_TAG = re.compile(r"[A-Za-z0-9 _.-]{1,30}")
"""What either documentation allows: the classic page a space, the portal a dot."""
_SLOTS = ("PRE_OPEN", "OPEN", "OPEN_30", "OPEN_60")
_LEGS = (None, "", "NA", "ENTRY_LEG")


@frozen
class Change:
    """A modification: every field, as Dhan demands."""

    quantity: int
    terms: Terms
    validity: Validity
    disclosed_quantity: int


def read_new_order(body: Mapping[str, object], account: str) -> NewOrder:
    """The order that a body of POST /orders asks for; raises :class:`DhanError` with DH-905 or DH-906."""
    check_client(body, account)
    product = _enum(Product, body, "productType")
    if product in (Product.BO, Product.CO):
        raise DhanError("DH-905", f"productType {product.value} is not served by this local server")
    tag = body.get("correlationId")
    if tag is not None and not (isinstance(tag, str) and _TAG.fullmatch(tag)):
        raise DhanError("DH-905", "Invalid correlationId")
    after_market = body.get("afterMarketOrder") or False
    if not isinstance(after_market, bool):
        raise DhanError("DH-905", "Invalid afterMarketOrder")
    if after_market and body.get("amoTime") not in _SLOTS:
        raise DhanError("DH-905", "Invalid amoTime")
    security_id = body.get("securityId")
    if not isinstance(security_id, str) or not security_id:
        raise DhanError("DH-905", "Invalid securityId")
    return NewOrder(
        key=InstrumentKey(_enum(ExchangeSegment, body, "exchangeSegment"), SecurityId(security_id)),
        side=_enum(Side, body, "transactionType"),
        quantity=units(body, "quantity", least=1),
        terms=_terms(body),
        product=product,
        validity=_enum(Validity, body, "validity"),
        disclosed_quantity=units(body, "disclosedQuantity", least=0),
        tag=None if tag is None else ClientOrderId(tag),
        after_market=after_market,
        source="P",
    )


def read_margin_order(body: Mapping[str, object]) -> MarginOrder:
    """What a body of POST /margincalculator asks about, or a row of a ``scripList``."""
    security_id = body.get("securityId")
    if not isinstance(security_id, str) or not security_id:
        raise DhanError("DH-905", "Invalid securityId")
    return MarginOrder(
        segment=_enum(ExchangeSegment, body, "exchangeSegment"),
        security_id=SecurityId(security_id),
        side=_enum(Side, body, "transactionType"),
        product=_enum(Product, body, "productType"),
        quantity=units(body, "quantity", least=1),
        price=amount(body, "price"),
        trigger=amount(body, "triggerPrice") or None,
    )


def read_margin_orders(body: Mapping[str, object], account: str) -> list[MarginOrder]:
    """Those of POST /margincalculator/multi, which is refused without the client's id (protocol facts 1.3)."""
    if body.get("dhanClientId") != account:
        raise DhanError("DH-905", "Missing required fields, bad values for parameters: dhanClientId")
    rows = body.get("scripList") or body.get("scripts")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise DhanError("DH-905", "Missing required fields, bad values for parameters: scripList")
    return [read_margin_order(row) for row in rows]


def read_change(body: Mapping[str, object], account: str) -> Change:
    """What a body of PUT /orders/{id} asks for; a field left out is refused, for Dhan reads all of them."""
    check_client(body, account)
    if body.get("legName") not in _LEGS:
        raise DhanError("DH-905", "Invalid legName")
    return Change(
        quantity=units(body, "quantity", least=1),
        terms=_terms(body),
        validity=_enum(Validity, body, "validity"),
        disclosed_quantity=units(body, "disclosedQuantity", least=0),
    )


def check_client(body: Mapping[str, object], account: str) -> None:
    """Refuse a body that names another client."""
    if body.get("dhanClientId", account) != account:
        raise DhanError("DH-905", "Invalid dhanClientId")


def _enum(kind: type[_E], body: Mapping[str, object], name: str) -> _E:
    try:
        return kind(body.get(name))
    except ValueError:
        raise DhanError("DH-905", f"Missing required fields, bad values for parameters: {name}") from None


def units(body: Mapping[str, object], name: str, *, least: int) -> int:
    """A quantity of at least ``least``."""
    value = body.get(name, 0)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)  # the documentation's own sample sends a string
    if value is None:
        value = 0
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise DhanError("DH-905", f"Invalid {name}")
    return value


def amount(body: Mapping[str, object], name: str) -> Decimal:
    """A price; 0 where there is none."""
    value = body.get(name)
    try:
        price = Decimal(str(value)) if value not in (None, "") else Decimal(0)
    except InvalidOperation:
        price = Decimal(-1)
    if isinstance(value, bool) or not price.is_finite() or price < 0:
        raise DhanError("DH-905", f"Invalid {name}")
    return price


def _terms(body: Mapping[str, object]) -> Terms:
    kind, price, trigger = body.get("orderType"), amount(body, "price"), amount(body, "triggerPrice")
    if kind in ("LIMIT", "STOP_LOSS") and not price:
        raise DhanError("DH-905", "Invalid Price for orderType")
    if kind in ("STOP_LOSS", "STOP_LOSS_MARKET") and not trigger:
        raise DhanError("DH-905", "Invalid Trigger Price for orderType")
    match kind:
        case "MARKET":
            return Market()
        case "LIMIT":
            return Limit(price)
        case "STOP_LOSS":
            return StopLimit(trigger, price)
        case "STOP_LOSS_MARKET":
            return StopMarket(trigger)
    raise DhanError("DH-905", "Missing required fields, bad values for parameters: orderType")
