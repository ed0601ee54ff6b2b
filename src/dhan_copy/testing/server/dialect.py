"""Codes, times and numbers as Dhan writes them: what rows and frames have in common, and the choices left open."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from attrs import define

from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Leg, Limit, Market, Product, StopLimit, StopMarket, Terms, Variety
from dhan_copy.model.times import IST
from dhan_copy.testing.orders import SimulatedOrder

ZERO_TIME = "0001-01-01 00:00:00"
ZERO_DATE = "0001-01-01"
FUTURE_STRIKE = -0.01

SOCKET_PRODUCTS = {
    Product.CNC: "C",
    Product.INTRADAY: "I",
    Product.MARGIN: "M",
    Product.MTF: "F",
    Product.CO: "V",
    Product.BO: "B",
}
SOCKET_SEGMENTS = {
    ExchangeSegment.NSE_EQ: ("NSE", "E"),
    ExchangeSegment.NSE_FNO: ("NSE", "D"),
    ExchangeSegment.NSE_CURRENCY: ("NSE", "C"),
    ExchangeSegment.BSE_EQ: ("BSE", "E"),
    ExchangeSegment.BSE_FNO: ("BSE", "D"),
    ExchangeSegment.BSE_CURRENCY: ("BSE", "C"),
    ExchangeSegment.MCX_COMM: ("MCX", "M"),
}
SOCKET_ORDER_TYPES: dict[type[Terms], str] = {Market: "MKT", Limit: "LMT", StopLimit: "SL", StopMarket: "SLM"}
REST_ORDER_TYPES: dict[type[Terms], str] = {
    Market: "MARKET",
    Limit: "LIMIT",
    StopLimit: "STOP_LOSS",
    StopMarket: "STOP_LOSS_MARKET",
}
REST_LEGS = {Leg.ENTRY: "ENTRY_LEG", Leg.TARGET: "TARGET_LEG", Leg.STOP: "STOP_LOSS_LEG"}
SOCKET_LEGS = {Leg.ENTRY: 1, Leg.STOP: 2, Leg.TARGET: 3}


@define(kw_only=True)
class Dialect:
    """Where the documentation and the recordings leave open what Dhan does."""

    external_as_object: bool = False
    """GET /orders/external/{tag} answers with an object, as documented, in place of a list."""
    holdings_error: bool = False
    """GET /holdings of an account without shares answers DH-1111 in place of an empty list."""
    partial_status: str = "Pending"
    """``status`` of a frame about a partial fill: no such frame was ever published."""
    stale_token_code: str = "DH-901"
    """What a replaced token answers: DH-901, or DH-906 "Invalid Token" (both were seen)."""
    super_entry_named: bool = True
    """GET /orders names the entry of a super order ENTRY_LEG; otherwise its row looks like a plain order's."""
    super_legs_tagged: bool = True
    """The legs of a super order carry its correlationId, so that one tag finds up to three rows."""
    super_legs_have_own_ids: bool = False
    """GET /orders and the socket give the legs of a super order ids of their own; the list of super orders never does."""
    super_legs_name_entry: bool = True
    """Frames of legs with ids of their own have the entry's as algoOrdNo, as those of bracket orders are to; rows do not."""
    super_legs_numbered: bool = True
    """Frames of a super order's legs have legNo 2 and 3; otherwise 1, as those of what a Forever order has placed."""
    super_needs_both: bool = True
    """POST /super/orders wants both a target and a stop: the page calls both required, the SDK wants one of them."""
    cover_trigger_shown: bool = True
    """The row and frame of a cover order's stop show its trigger: no such row or frame was ever published."""
    forever_pair_rows: int = 2
    """How many rows of GET /forever/orders a pair has: one for each leg, or the first leg's alone."""


def timestamp(moment: datetime | None) -> str:
    """``YYYY-MM-DD HH:MM:SS`` in IST; the zero time for None."""
    return ZERO_TIME if moment is None else moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def decimal_number(value: Decimal | None) -> float:
    """A price as REST rows carry it: always a float, zero for none."""
    return 0.0 if value is None else round(float(value), 4)


def short_number(value: Decimal) -> int | float:
    """A price as frames carry it: 131 rather than 131.0."""
    return int(value) if value == value.to_integral_value() else round(float(value), 4)


def shown_id(order: SimulatedOrder, dialect: Dialect) -> str:
    own = order.is_super and order.leg is not Leg.ENTRY and dialect.super_legs_have_own_ids
    return f"{order.order_id}{SOCKET_LEGS[order.leg]}" if own else order.order_id


def shown_parent(order: SimulatedOrder, dialect: Dialect) -> int:
    """Zero for none: what frames leave out."""
    own = shown_id(order, dialect) != order.order_id and dialect.super_legs_name_entry
    return int(order.order_id if own else order.parent_order_id or 0)


def shown_leg(order: SimulatedOrder, dialect: Dialect) -> Leg:
    return order.leg if dialect.super_legs_numbered or not order.is_super else Leg.ENTRY


def shown_tag(order: SimulatedOrder, dialect: Dialect) -> str:
    hidden = order.is_super and order.leg is not Leg.ENTRY and not dialect.super_legs_tagged
    return "NA" if hidden or not order.tag else order.tag


def shown_trigger(order: SimulatedOrder, dialect: Dialect) -> Decimal | None:
    hidden = order.variety is Variety.COVER and not dialect.cover_trigger_shown
    return None if hidden else order.trigger
