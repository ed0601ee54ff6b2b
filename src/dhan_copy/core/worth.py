"""What units of an instrument are worth in rupees, where that can be told."""

from __future__ import annotations

from decimal import Decimal

from typing_extensions import assert_never

from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import Limit, Market, OrderReport, StopLimit, StopMarket, Terms


def worth(segment: ExchangeSegment, units: int, price: Decimal, facts: InstrumentFacts | None = None) -> Decimal | None:
    """Rupees; None where Dhan counts contracts of a size that nobody has named: commodities and currencies (one lot of
    crude oil is 100 barrels, protocol facts 7)."""
    match segment:
        case ExchangeSegment.NSE_EQ | ExchangeSegment.BSE_EQ | ExchangeSegment.NSE_FNO | ExchangeSegment.BSE_FNO:
            return price * units
        case ExchangeSegment.MCX_COMM | ExchangeSegment.NSE_CURRENCY | ExchangeSegment.BSE_CURRENCY:
            if facts is None or facts.lot_rupees is None:
                return None
            return price * units * facts.lot_rupees / facts.lot_units
    assert_never(segment)


def limit_of(terms: Terms) -> Decimal | None:
    match terms:
        case Limit() | StopLimit():
            return terms.price
        case Market() | StopMarket():
            return None
    assert_never(terms)


def price_of(report: OrderReport) -> Decimal | None:
    """Rupees for a unit: the average of what has filled, else the limit, else the last price that the broker named."""
    if report.filled_quantity and report.average_price is not None:
        return report.average_price
    limit = limit_of(report.terms)
    return report.last_price if limit is None else limit
