"""Order updates of Dhan's socket into :class:`~dhan_copy.model.order.OrderReport`.

What is known of the frames (DhanHQ v2 "Live Order Update", and frames received in 2025 and 2026): the documentation
prints PascalCase keys, the socket sends camelCase and leaves zeros out; a ``Pending`` frame may carry an average
price, so fills are read from ``tradedQty`` alone; times are IST without a zone, with 0001-01-01 for "never".
"""

from __future__ import annotations

from collections.abc import Mapping

from dhan_copy.dhan.fields import (
    Fields,
    count_or_zero,
    identifier,
    missing,
    optional_identifier,
    positive_count,
    price,
    required_price,
    tag,
    text,
    unreadable,
)
from dhan_copy.dhan.frames import canonical, decode, mapping, text_of
from dhan_copy.dhan.steady import STEADY, TIMES, steady, times
from dhan_copy.dhan.words import NO_TAG
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId, ExchangeOrderId
from dhan_copy.model.order import Limit, Market, OrderReport, StopLimit, StopMarket, Terms, Variety

_OTHERS = (
    "orderNo", "exchOrderNo", "orderType", "price", "triggerPrice", "quantity", "tradedQty", "avgTradedPrice",
    "correlationId", "algoOrdNo", "discQuantity", "remarks", "refLtp", "reasonDescription",
)  # fmt: skip
_CAMEL = {name[0].upper() + name[1:]: name for name in (*STEADY, *TIMES, *_OTHERS)}
_PASCAL = frozenset(_CAMEL)


def parse_order_update(frame: str | bytes | Mapping[str, object]) -> OrderReport:
    """One order update, as text or as a mapping: the envelope ``{"Data": ..., "Type": "order_alert"}`` or its Data.

    Prices are rupees, quantities as Dhan counts them (MCX: lots), ids text, times aware. ``raw`` is the frame as it
    came; for a mapping its canonical JSON. Raises :class:`~dhan_copy.errors.UnreadableReport`, with ``field_name``,
    for whatever cannot be understood without a guess.
    """
    raw = text_of(frame) if isinstance(frame, str | bytes) else canonical(mapping(frame, "Data"))
    found = mapping(decode(raw), "Data")
    if "Data" in found:
        if found.get("Type", "order_alert") != "order_alert":
            raise unreadable("Type", "must be order_alert", found["Type"])
        found = mapping(found["Data"], "Data")
    return _report(found if _PASCAL.isdisjoint(found) else _camel(found), raw)


def _camel(found: Fields) -> Fields:
    """PascalCase keys under their camelCase names, except where the frame has those too."""
    data = dict(found)
    for pascal in _PASCAL & found.keys():
        camel = _CAMEL[pascal]
        if camel not in found:
            data[camel] = found[pascal]
        elif camel == "remarks":
            data[camel] = f"{text(found, camel)}; {text(found, pascal)}"
    return data


def _report(data: Fields, raw: str) -> OrderReport:
    known = steady(data)
    created_at, updated_at = times(data)
    order_id = identifier(data, "orderNo")
    exchange_order_id = optional_identifier(data, "exchOrderNo")
    parent = optional_identifier(data, "algoOrdNo")
    if parent == order_id:
        parent = None
    quantity = positive_count(data, "quantity")
    filled = count_or_zero(data, "tradedQty")
    if filled > quantity:
        raise unreadable("tradedQty", f"must not be above quantity {quantity}", filled)
    correlation = tag(data, "correlationId")
    tagged = correlation not in NO_TAG
    variety = known.variety
    if variety is Variety.REGULAR or variety is Variety.AFTER_MARKET:
        if "super order" in text(data, "remarks").lower():
            variety = Variety.SUPER
        elif correlation == "NR" or known.platform == "FOVR" or (parent is not None and not tagged):
            # offMktFlag is 1 on such a child in market hours too, so this beats AFTER_MARKET
            variety = Variety.FOREVER
    return OrderReport(
        account=known.account,
        order_id=BrokerOrderId(order_id),
        segment=known.segment,
        security_id=known.security_id,
        side=known.side,
        product=known.product,
        validity=known.validity,
        terms=_terms(data),
        quantity=quantity,
        filled_quantity=filled,
        average_price=price(data, "avgTradedPrice"),
        status=known.status,
        exchange_order_id=ExchangeOrderId(exchange_order_id) if exchange_order_id else None,
        client_order_id=ClientOrderId(correlation) if tagged else None,
        parent_order_id=BrokerOrderId(parent) if parent else None,
        disclosed_quantity=count_or_zero(data, "discQuantity"),
        leg=known.leg,
        variety=variety,
        instrument=known.instrument,
        symbol=known.symbol,
        last_price=price(data, "refLtp"),
        source=known.source,
        platform=known.platform,
        reason=text(data, "reasonDescription"),
        created_at=created_at,
        updated_at=updated_at,
        raw=raw,
    )


def _terms(data: Fields) -> Terms:
    match data.get("orderType"):
        case "LMT":
            return Limit(required_price(data, "price", "for a limit order"))
        case "MKT":
            return Market()
        case "SL":
            trigger = required_price(data, "triggerPrice", "for a stop order")
            return StopLimit(trigger, required_price(data, "price", "for a stop-limit order"))
        case "SLM":
            return StopMarket(required_price(data, "triggerPrice", "for a stop order"))
        case None:
            raise missing("orderType")
        case other:
            raise unreadable("orderType", "must be one of LMT, MKT, SL, SLM", other)
