"""Dhan's words for our values: REST, socket and instrument files each spell them their own way."""

from __future__ import annotations

from dhan_copy.model.instrument import ExchangeSegment, InstrumentKind
from dhan_copy.model.order import Leg, OrderStatus, Product, Side, Validity

SEGMENT_BY_LETTER = {
    ("NSE", "E"): ExchangeSegment.NSE_EQ,
    ("NSE", "D"): ExchangeSegment.NSE_FNO,
    ("NSE", "C"): ExchangeSegment.NSE_CURRENCY,
    ("BSE", "E"): ExchangeSegment.BSE_EQ,
    ("BSE", "D"): ExchangeSegment.BSE_FNO,
    ("BSE", "C"): ExchangeSegment.BSE_CURRENCY,
    ("MCX", "M"): ExchangeSegment.MCX_COMM,
}
"""(exchange, segment letter) of the socket and of the instrument files."""

SEGMENT = {segment.value: segment for segment in ExchangeSegment}
KIND = {kind.value: kind for kind in InstrumentKind}
VALIDITY = {validity.value: validity for validity in Validity}

SIDE = {side.value: side for side in Side}
SIDE_BY_LETTER = {"B": Side.BUY, "S": Side.SELL}

PRODUCT = {product.value: product for product in Product}
PRODUCT_BY_LETTER = {
    "C": Product.CNC,
    "I": Product.INTRADAY,
    "M": Product.MARGIN,
    "F": Product.MTF,
    "V": Product.CO,
    "B": Product.BO,
}

NO_TAG = ("", "NA", "NR")
"""Correlation ids that say that there is none; NR marks the child of a Forever order besides."""

LEG = {"NA": Leg.ENTRY, "": Leg.ENTRY, "ENTRY_LEG": Leg.ENTRY, "TARGET_LEG": Leg.TARGET, "STOP_LOSS_LEG": Leg.STOP}
LEG_BY_NUMBER = {1: Leg.ENTRY, 2: Leg.STOP, 3: Leg.TARGET}

_STATUS = {status.value.replace("_", ""): status for status in OrderStatus} | {
    "PARTIALLYTRADED": OrderStatus.PART_TRADED,
    "PARTIALTRADED": OrderStatus.PART_TRADED,
    "PARTLYTRADED": OrderStatus.PART_TRADED,
    "CANCELED": OrderStatus.CANCELLED,
}
_status_seen: dict[str, OrderStatus] = {}


def status_of(word: str) -> OrderStatus | None:
    """The state that Dhan names, however it writes it: ``Traded``, ``PART_TRADED``, ``Part Traded``.

    Nobody has published the socket's word for a partial fill, so letters and digits alone are compared.
    """
    status = _status_seen.get(word)
    if status is None:
        status = _STATUS.get("".join(filter(str.isalnum, word)).upper())
        if status is not None and len(_status_seen) < 256:
            _status_seen[word] = status
    return status
