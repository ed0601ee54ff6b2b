"""Rows of Dhan's order books (orders, super orders, Forever orders, postbacks) into order reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from dhan_copy.dhan.fields import (
    Fields,
    count,
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
from dhan_copy.dhan.frames import canonical, mapping
from dhan_copy.dhan.words import LEG, NO_TAG, PRODUCT, SEGMENT, SIDE, VALIDITY
from dhan_copy.errors import UnreadableReport
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, ExchangeOrderId, SecurityId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
    OrderReport,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Terms,
    Validity,
    Variety,
)
from dhan_copy.protocols import Unreadable

_FOREVER = ("SINGLE", "OCO")
"""A Forever order's row shows its flag where other rows show the order type."""


def parse_order_row(row: Mapping[str, object]) -> OrderReport:
    """One row of ``GET /orders``, ``/super/orders`` or ``/forever/orders``, or a postback.

    Rows name no lot; one share is one lot, and every other instrument's facts are None. Raises
    :class:`~dhan_copy.errors.UnreadableReport`, with ``field_name``, for whatever cannot be understood without a
    guess: a rejected limit order without its price is such a row.
    """
    row = mapping(row, "row")
    raw = canonical(row)
    account = AccountName(identifier(row, "dhanClientId"))
    order_id = BrokerOrderId(identifier(row, "orderId"))
    forever = row.get("orderType") in _FOREVER
    segment = word(row, "exchangeSegment", SEGMENT)
    product = word(row, "productType", PRODUCT)
    quantity = positive_count(row, "quantity")
    filled = _filled(row, quantity, forever)
    correlation = tag(row, "correlationId")
    exchange_order_id = optional_identifier(row, "exchangeOrderId")
    leg = _leg(row, forever)
    side = word(row, "transactionType", SIDE)
    terms = _forever_terms(row) if forever else _terms(row)
    average = price(row, "averageTradedPrice")
    bracket = None
    if product is Product.BO and leg is Leg.ENTRY:
        bracket = _bracket(row, side, terms, average if filled else None)
    return OrderReport(
        account=account,
        order_id=order_id,
        segment=segment,
        security_id=SecurityId(identifier(row, "securityId")),
        side=side,
        product=product,
        validity=_validity(row, forever),
        terms=terms,
        quantity=quantity,
        filled_quantity=filled,
        average_price=average,
        status=status(row, "orderStatus"),
        exchange_order_id=ExchangeOrderId(exchange_order_id) if exchange_order_id else None,
        client_order_id=None if correlation in NO_TAG else ClientOrderId(correlation),
        disclosed_quantity=0 if row.get("disclosedQuantity") is None else count_or_zero(row, "disclosedQuantity"),
        leg=leg,
        variety=_variety(row, product, leg, forever, correlation),
        bracket=bracket,
        instrument=InstrumentFacts(1) if segment.is_equity else None,
        symbol=text(row, "tradingSymbol"),
        last_price=price(row, "ltp"),
        reason=text(row, "omsErrorDescription"),
        created_at=moment(row, "createTime"),
        updated_at=later(moment(row, "updateTime"), moment(row, "exchangeTime")),
        raw=raw,
    )


def rows_of(data: object) -> list[object]:
    """The rows of an answer: a list, or the one object that Dhan sends where a list is documented, and vice versa.

    ``GET /orders/{id}`` is documented as an object and answers a list since 2026. Raises ``UnreadableReport`` for
    anything else, an error body and an empty object among it: only an empty list says that there is nothing.
    """
    if isinstance(data, list | tuple):
        return list(data)
    row = mapping(data, "rows")
    if not row or "errorCode" in row or "errorMessage" in row:
        raise unreadable("rows", "must be rows, not an empty object or an error")
    return [row]


def parse_order_book(data: object) -> tuple[list[OrderReport], list[Unreadable]]:
    """Every row of a whole order book: the reports, and the rows that could not be read with the reason for each.

    One bad row does not hide the others. Raises ``UnreadableReport`` where ``data`` has no rows at all to look at.
    """
    return read_rows(data, lambda row: (parse_order_row(row),))


def read_rows(data: object, parse: Callable[[Fields], Sequence[OrderReport]]) -> tuple[list[OrderReport], list[Unreadable]]:
    """The reports of every row by ``parse``, and the rows that it could not read."""
    reports: list[OrderReport] = []
    failures: list[Unreadable] = []
    for row in rows_of(data):
        try:
            reports.extend(parse(mapping(row, "row")))
        except UnreadableReport as problem:
            failures.append(Unreadable(problem.message, _raw(row)))
    return reports, failures


def _raw(row: object) -> str:
    try:
        return canonical({"row": row} if not isinstance(row, Mapping) else row)
    except UnreadableReport:
        return ""


def _filled(row: Fields, quantity: int, forever: bool) -> int:
    """``filledQty``, or ``filled_qty`` in postbacks and rows before 2026.

    A Forever order's row has neither: what trades is the child order that appears when it fires.
    """
    name = "filledQty" if "filledQty" in row else "filled_qty"
    if name not in row:
        if forever:
            return 0
        raise missing("filledQty")
    filled = count(row, name)
    if filled > quantity:
        raise unreadable(name, f"must not be above quantity {quantity}", filled)
    return filled


def _validity(row: Fields, forever: bool) -> Validity:
    """Forever rows have no validity of their own: the order stays until it fires."""
    if forever and row.get("validity") is None:
        return Validity.DAY
    return word(row, "validity", VALIDITY)


def _terms(row: Fields) -> Terms:
    match row.get("orderType"):
        case "LIMIT":
            return Limit(required_price(row, "price", "for a limit order"))
        case "MARKET":
            return Market()
        case "STOP_LOSS":
            trigger = required_price(row, "triggerPrice", "for a stop order")
            return StopLimit(trigger, required_price(row, "price", "for a stop-limit order"))
        case "STOP_LOSS_MARKET":
            return StopMarket(required_price(row, "triggerPrice", "for a stop order"))
        case None:
            raise missing("orderType")
        case other:
            raise unreadable("orderType", "must be one of LIMIT, MARKET, STOP_LOSS, STOP_LOSS_MARKET, SINGLE, OCO", other)


def _forever_terms(row: Fields) -> Terms:
    trigger = required_price(row, "triggerPrice", "for a Forever order")
    limit = price(row, "price")
    return StopMarket(trigger) if limit is None else StopLimit(trigger, limit)


def _leg(row: Fields, forever: bool) -> Leg:
    """A Forever order that is SINGLE has one leg, whatever its row calls it; of a pair TARGET_LEG is the first (v2
    Forever page, modification), and ENTRY_LEG, which its sample shows, can mean no other."""
    leg = Leg.ENTRY if row.get("legName") is None else word(row, "legName", LEG)
    if not forever:
        return leg
    if row.get("orderType") == "SINGLE":
        return Leg.ENTRY
    return Leg.STOP if leg is Leg.STOP else Leg.TARGET


def _bracket(row: Fields, side: Side, terms: Terms, average: Decimal | None) -> Bracket | None:
    """Where the legs of a bracket order's entry stand: ``boProfitValue`` and ``boStopLossValue`` are "price change"
    (v2 orders page), so differences from the entry's price: its limit, or what a market order has traded at. None
    where that price is not known, or there are no such values."""
    profit, loss = price(row, "boProfitValue"), price(row, "boStopLossValue")
    base = terms.price if isinstance(terms, Limit | StopLimit) else average
    if base is None or (profit is None and loss is None):
        return None
    target = None if profit is None else base + side.sign * profit
    stop = None if loss is None else base - side.sign * loss
    for name, level in (("boProfitValue", target), ("boStopLossValue", stop)):
        if level is not None and level <= 0:
            raise unreadable(name, f"must be less than the entry's price {base}", row.get(name))
    return Bracket(target=target, stop=stop)


def _variety(row: Fields, product: Product, leg: Leg, forever: bool, correlation: str) -> Variety:
    """Only linked orders have a named leg; ``NR`` for a tag marks the child of a Forever order."""
    after_market = row.get("afterMarketOrder")
    if after_market is not None and not isinstance(after_market, bool):
        raise unreadable("afterMarketOrder", "must be true or false", after_market)
    if product is Product.BO:
        return Variety.BRACKET
    if product is Product.CO:
        return Variety.COVER
    if forever or correlation == "NR":
        return Variety.FOREVER
    if row.get("legDetails") is not None or row.get("legName") not in (None, "NA", ""):
        return Variety.SUPER
    if "super order" in text(row, "remarks").lower():
        return Variety.SUPER
    return Variety.AFTER_MARKET if after_market else Variety.REGULAR
