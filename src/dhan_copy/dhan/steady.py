"""What an order update says of instrument, kind and time, remembered: successive frames repeat most of it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from dhan_copy.dhan.fields import Fields, count, identifier, label, later, missing, moment, price, status
from dhan_copy.dhan.fields import unreadable, word
from dhan_copy.dhan.words import KIND, LEG_BY_NUMBER, PRODUCT_BY_LETTER, SEGMENT_BY_LETTER, SIDE_BY_LETTER, VALIDITY
from dhan_copy.model.ids import AccountName, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import Leg, OrderStatus, Product, Side, Validity, Variety

STEADY = (
    "clientId", "exchange", "segment", "securityId", "txnType", "product", "validity", "status", "legNo", "offMktFlag",
    "orderPlatform", "lotSize", "tickSize", "instrument", "symbol", "source",
)  # fmt: skip
"""No field among them may be long or hold an id of its own: they are the keys of the memory."""
TIMES = ("orderDateTime", "lastUpdatedTime", "exchOrderTime")

_FLAG = {"": False, "0": False, "1": True}


class Steady(NamedTuple):
    """The fields of :data:`STEADY`, understood."""

    account: AccountName
    segment: ExchangeSegment
    security_id: SecurityId
    side: Side
    product: Product
    validity: Validity
    status: OrderStatus
    leg: Leg
    variety: Variety
    """As far as these fields tell: AFTER_MARKET and REGULAR may turn out to be a Forever or super order's."""
    instrument: InstrumentFacts | None
    symbol: str
    source: str | None
    platform: str | None


def steady(data: Fields) -> Steady:
    """Raises ``UnreadableReport`` as reading the fields one by one would."""
    try:
        return _steady(*map(data.get, STEADY))
    except TypeError:  # a list or an object among the values cannot be remembered; it is refused by name
        return _steady.__wrapped__(*map(data.get, STEADY))


def times(data: Fields) -> tuple[datetime | None, datetime | None]:
    """When the order was made, and the later of its last update and its time at the exchange.

    ``lastUpdatedTime`` can be a second before ``exchOrderTime`` (a frame of September 2026).
    """
    try:
        return _times(*map(data.get, TIMES))
    except TypeError:
        return _times.__wrapped__(*map(data.get, TIMES))


@lru_cache(maxsize=2048)
def _times(*values: object) -> tuple[datetime | None, datetime | None]:
    data = dict(zip(TIMES, values, strict=True))
    return moment(data, "orderDateTime"), later(moment(data, "lastUpdatedTime"), moment(data, "exchOrderTime"))


# typed: True and 1.0 would otherwise pass for the 1 of an earlier frame
@lru_cache(maxsize=4096, typed=True)
def _steady(*values: object) -> Steady:
    data = dict(zip(STEADY, values, strict=True))
    segment = _segment(data)
    product = word(data, "product", PRODUCT_BY_LETTER)
    leg = _leg(data)
    return Steady(
        account=AccountName(identifier(data, "clientId")),
        segment=segment,
        security_id=SecurityId(identifier(data, "securityId")),
        side=word(data, "txnType", SIDE_BY_LETTER),
        product=product,
        validity=word(data, "validity", VALIDITY),
        status=status(data, "status"),
        leg=leg,
        variety=_variety(data, product, leg),
        instrument=_instrument(data, segment),
        symbol=label(data, "symbol"),
        source=label(data, "source") or None,
        platform=label(data, "orderPlatform") or None,
    )


def _segment(data: Fields) -> ExchangeSegment:
    exchange, letter = data["exchange"], data["segment"]
    if exchange is None:
        raise missing("exchange")
    if not isinstance(exchange, str) or not any(exchange == known for known, _ in SEGMENT_BY_LETTER):
        raise unreadable("exchange", "must be NSE, BSE or MCX", exchange)
    if letter is None:
        raise missing("segment")
    segment = SEGMENT_BY_LETTER.get((exchange, letter)) if isinstance(letter, str) else None
    if segment is None:
        raise unreadable("segment", f"must be a segment of {exchange}", letter)
    return segment


def _leg(data: Fields) -> Leg:
    """A plain order is an entry; zeros are left out, so no number says the same as no leg."""
    number = data["legNo"]
    if number is None or (type(number) is int and number == 0):
        return Leg.ENTRY
    leg = LEG_BY_NUMBER.get(number) if type(number) is int else None
    if leg is None:
        raise unreadable("legNo", "must be 1 (entry), 2 (stop) or 3 (target)", number)
    return leg


def _variety(data: Fields, product: Product, leg: Leg) -> Variety:
    after_market = data["offMktFlag"] is not None and word(data, "offMktFlag", _FLAG)
    if product is Product.BO:
        return Variety.BRACKET
    if product is Product.CO:
        return Variety.COVER
    if leg is not Leg.ENTRY:
        return Variety.SUPER
    return Variety.AFTER_MARKET if after_market else Variety.REGULAR


def _instrument(data: Fields, segment: ExchangeSegment) -> InstrumentFacts | None:
    """MCX orders count lots whatever the frame's lot size is; one share is a lot where an equity frame has none."""
    lot = 0 if data["lotSize"] is None else count(data, "lotSize")
    if segment is ExchangeSegment.MCX_COMM or (lot == 0 and segment.is_equity):
        lot = 1
    tick = price(data, "tickSize")
    kind = None if data["instrument"] is None else word(data, "instrument", KIND)
    return InstrumentFacts(lot, tick, kind) if lot else None
