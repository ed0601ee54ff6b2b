"""What the simulated broker's margin calculator says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from dhan_copy.model.account import Margin, MarginOrder
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Product, Side
from dhan_copy.testing.orders import Instrument


def margin_of(
    orders: Sequence[MarginOrder],
    available: Decimal,
    instrument: Callable[[InstrumentKey], Instrument],
    last_price: Callable[[InstrumentKey], Decimal | None],
) -> Margin:
    """Price times quantity times the instrument's ``margin_rate``, for the larger of the two sides where orders of one
    instrument and product offset each other. A price of 0 is the last price."""
    sides: dict[tuple[InstrumentKey, Product], dict[Side, Decimal]] = {}
    for order in orders:
        key = InstrumentKey(order.segment, order.security_id)
        price = order.price or last_price(key) or Decimal(0)
        rupees = price * order.quantity * instrument(key).margin_rate
        taken = sides.setdefault((key, order.product), dict.fromkeys(Side, Decimal(0)))
        taken[order.side] += rupees
    return Margin(sum((max(taken.values()) for taken in sides.values()), Decimal(0)), available)
