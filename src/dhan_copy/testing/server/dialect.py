"""Codes, times and numbers as Dhan writes them: what rows and frames have in common, and the choices left open."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from attrs import define

from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Limit, Market, Product, StopLimit, StopMarket, Terms
from dhan_copy.model.times import IST

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


def timestamp(moment: datetime | None) -> str:
    """``YYYY-MM-DD HH:MM:SS`` in IST; the zero time for None."""
    return ZERO_TIME if moment is None else moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def decimal_number(value: Decimal | None) -> float:
    """A price as REST rows carry it: always a float, zero for none."""
    return 0.0 if value is None else round(float(value), 4)


def short_number(value: Decimal) -> int | float:
    """A price as frames carry it: 131 rather than 131.0."""
    return int(value) if value == value.to_integral_value() else round(float(value), 4)
