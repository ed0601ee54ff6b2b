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
    later,
    missing,
    moment,
    optional_identifier,
    positive_count,
    price,
    required_price,
    status,
    tag,
    text,
    unreadable,
    word,
)
from dhan_copy.dhan.frames import canonical, decode, mapping, text_of
from dhan_copy.dhan.words import KIND, LEG_BY_NUMBER, PRODUCT_BY_LETTER, SEGMENT_BY_LETTER, SIDE_BY_LETTER, VALIDITY
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, ExchangeOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
    OrderReport,
    Product,
    StopLimit,
    StopMarket,
    Terms,
    Variety,
)

_READ = (
    "clientId orderNo exchOrderNo exchange segment securityId txnType product validity orderType price triggerPrice "
    "quantity tradedQty avgTradedPrice status correlationId algoOrdNo discQuantity legNo offMktFlag orderPlatform "
    "remarks lotSize tickSize instrument symbol refLtp source reasonDescription orderDateTime exchOrderTime "
    "lastUpdatedTime"
).split()
_CAMEL = {name[0].upper() + name[1:]: name for name in _READ}
_PASCAL = frozenset(_CAMEL)
_NO_TAG = ("", "NA", "NR")
_FLAG = {"": False, "0": False, "1": True}


def parse_order_update(frame: str | bytes | Mapping[str, object]) -> OrderReport:
    """One order update, as text or as a mapping: the envelope ``{"Data": ..., "Type": "order_alert"}`` or its Data.

    Prices are rupees, quantities as Dhan counts them (MCX: lots), ids text, times aware. ``raw`` is the frame as it
    came; for a mapping its canonical JSON. Raises :class:`~dhan_copy.errors.UnreadableReport`, with ``field_name``,
    for whatever cannot be understood without a guess.
    """
    if isinstance(frame, str | bytes):
        found = mapping(decode(frame), "Data")
        raw = text_of(frame)
    else:
        found = mapping(frame, "Data")
        raw = canonical(found)
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
    account = AccountName(identifier(data, "clientId"))
    order_id = BrokerOrderId(identifier(data, "orderNo"))
    segment = _segment(data)
    product = word(data, "product", PRODUCT_BY_LETTER)
    quantity = positive_count(data, "quantity")
    filled = count_or_zero(data, "tradedQty")
    if filled > quantity:
        raise unreadable("tradedQty", f"must not be above quantity {quantity}", filled)
    correlation = tag(data, "correlationId")
    parent = optional_identifier(data, "algoOrdNo")
    if parent == order_id:
        parent = None
    platform = text(data, "orderPlatform") or None
    leg = _leg(data)
    return OrderReport(
        account=account,
        order_id=order_id,
        segment=segment,
        security_id=SecurityId(identifier(data, "securityId")),
        side=word(data, "txnType", SIDE_BY_LETTER),
        product=product,
        validity=word(data, "validity", VALIDITY),
        terms=_terms(data),
        quantity=quantity,
        filled_quantity=filled,
        average_price=price(data, "avgTradedPrice"),
        status=status(data, "status"),
        exchange_order_id=ExchangeOrderId(exchange) if (exchange := optional_identifier(data, "exchOrderNo")) else None,
        client_order_id=None if correlation in _NO_TAG else ClientOrderId(correlation),
        parent_order_id=BrokerOrderId(parent) if parent else None,
        disclosed_quantity=count_or_zero(data, "discQuantity"),
        leg=leg,
        variety=_variety(data, product, leg, platform, correlation, parent),
        instrument=_instrument(data, segment),
        symbol=text(data, "symbol"),
        last_price=price(data, "refLtp"),
        source=text(data, "source") or None,
        platform=platform,
        reason=text(data, "reasonDescription"),
        created_at=moment(data, "orderDateTime"),
        updated_at=later(moment(data, "lastUpdatedTime"), moment(data, "exchOrderTime")),
        raw=raw,
    )


def _segment(data: Fields) -> ExchangeSegment:
    exchange, letter = data.get("exchange"), data.get("segment")
    if isinstance(exchange, str) and isinstance(letter, str):
        segment = SEGMENT_BY_LETTER.get((exchange, letter))
        if segment is not None:
            return segment
        known = any(exchange == name for name, _ in SEGMENT_BY_LETTER)
        name, value = ("segment", letter) if known else ("exchange", exchange)
        raise unreadable(name, "must be one that Dhan documents, with its partner", value)
    name = "segment" if isinstance(exchange, str) else "exchange"
    if data.get(name) is None:
        raise missing(name)
    raise unreadable(name, "must be text", data[name])


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


def _leg(data: Fields) -> Leg:
    value = data.get("legNo")
    if value is None or (value == 0 and type(value) is int):
        return Leg.ENTRY
    leg = LEG_BY_NUMBER.get(value) if type(value) is int else None
    if leg is None:
        raise unreadable("legNo", "must be 1 (entry), 2 (stop) or 3 (target)", value)
    return leg


def _variety(
    data: Fields, product: Product, leg: Leg, platform: str | None, correlation: str, parent: str | None
) -> Variety:
    """A Forever order's child carries ``offMktFlag`` 1 in market hours, so AFTER_MARKET comes last."""
    after_market = word(data, "offMktFlag", _FLAG) if data.get("offMktFlag") is not None else False
    if product is Product.BO:
        return Variety.BRACKET
    if product is Product.CO:
        return Variety.COVER
    if leg is not Leg.ENTRY or "super order" in text(data, "remarks").lower():
        return Variety.SUPER
    if platform == "FOVR" or correlation == "NR" or (parent is not None and correlation in _NO_TAG):
        return Variety.FOREVER
    return Variety.AFTER_MARKET if after_market else Variety.REGULAR


def _instrument(data: Fields, segment: ExchangeSegment) -> InstrumentFacts | None:
    """MCX orders count lots whatever the frame's lot size is; one share is a lot where an equity frame has none."""
    lot = count_or_zero(data, "lotSize")
    if segment is ExchangeSegment.MCX_COMM or (lot == 0 and segment.is_equity):
        lot = 1
    tick = price(data, "tickSize")
    kind = None if data.get("instrument") is None else word(data, "instrument", KIND)
    return InstrumentFacts(lot, tick, kind) if lot else None
