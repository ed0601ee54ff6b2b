"""Rows of Dhan's trade books, of today and of earlier days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen

from dhan_copy.dhan.fields import identifier, missing, moment, optional_identifier, positive_count, required_price
from dhan_copy.dhan.fields import text, word
from dhan_copy.dhan.frames import canonical, mapping
from dhan_copy.dhan.rows import rows_of
from dhan_copy.dhan.words import PRODUCT, SEGMENT, SIDE
from dhan_copy.model.ids import AccountName, BrokerOrderId, ExchangeOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Product, Side


@frozen(kw_only=True)
class TradeReport:
    """One fill of today, or all fills of one order of an earlier day (``trade_id`` None) at their average price.

    Quantity is in the units of Dhan's orders (MCX: lots), price in rupees, ``traded_at`` aware (IST). Trade rows
    carry no tag, so a trade is tied to an order by ``order_id`` alone.
    """

    account: AccountName
    order_id: BrokerOrderId
    exchange_order_id: ExchangeOrderId | None
    trade_id: str | None
    segment: ExchangeSegment
    security_id: SecurityId
    side: Side
    product: Product
    quantity: int
    price: Decimal
    traded_at: datetime
    symbol: str = ""
    raw: str = field(default="", eq=False, repr=False)


def parse_trade_row(row: Mapping[str, object]) -> TradeReport:
    """One row of ``GET /trades``, ``/trades/{order-id}`` or the trade history.

    Raises :class:`~dhan_copy.errors.UnreadableReport` with ``field_name``.
    """
    row = mapping(row, "row")
    raw = canonical(row)
    exchange_order_id = optional_identifier(row, "exchangeOrderId")
    account, order_id = identifier(row, "dhanClientId"), identifier(row, "orderId")
    traded_at = moment(row, "exchangeTime")
    if traded_at is None:
        raise missing("exchangeTime")
    return TradeReport(
        account=AccountName(account),
        order_id=BrokerOrderId(order_id),
        exchange_order_id=ExchangeOrderId(exchange_order_id) if exchange_order_id else None,
        trade_id=optional_identifier(row, "exchangeTradeId"),
        segment=word(row, "exchangeSegment", SEGMENT),
        security_id=SecurityId(identifier(row, "securityId")),
        side=word(row, "transactionType", SIDE),
        product=word(row, "productType", PRODUCT),
        quantity=positive_count(row, "tradedQuantity"),
        price=required_price(row, "tradedPrice", "for a trade"),
        traded_at=traded_at,
        symbol=text(row, "tradingSymbol") or text(row, "customSymbol"),
        raw=raw,
    )


def parse_trade_book(data: object) -> list[TradeReport]:
    """Every trade of an answer; one unreadable row fails them all, for fills left out would pass for none."""
    return [parse_trade_row(mapping(row, "row")) for row in rows_of(data)]
