"""What an account holds."""

from __future__ import annotations

from decimal import Decimal

from attrs import field, frozen, validators

from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import Product, Side


@frozen
class Funds:
    """Money in rupees: ``available`` to trade now (Dhan's ``availabelBalance``), ``total`` at the start of the day
    (``sodLimit``), ``used`` now (``utilizedAmount``; None where the broker does not say)."""

    available: Decimal
    total: Decimal
    used: Decimal | None = None


@frozen(kw_only=True)
class MarginOrder:
    """An order whose margin is asked for: ``quantity`` in the units of Dhan's orders, prices in rupees."""

    segment: ExchangeSegment
    security_id: SecurityId
    side: Side
    product: Product
    quantity: int = field(validator=validators.ge(1))
    price: Decimal
    trigger: Decimal | None = None


@frozen
class Margin:
    """What the broker would block, in rupees: ``required`` for the orders asked about (Dhan's ``totalMargin``),
    ``available`` to trade now where he says it with them (``availableBalance``)."""

    required: Decimal
    available: Decimal | None = None


@frozen
class Quote:
    """The last price of an instrument, in rupees."""

    key: InstrumentKey
    price: Decimal


@frozen
class Position:
    """A net position of the day, or shares held: ``net_quantity`` is signed, long when positive."""

    segment: ExchangeSegment
    security_id: SecurityId
    product: Product
    net_quantity: int

    @property
    def key(self) -> InstrumentKey:
        return InstrumentKey(self.segment, self.security_id)


@frozen
class Holding:
    """Shares in the demat account; ``security_id`` is the same at NSE and BSE only where Dhan says so."""

    security_id: SecurityId
    quantity: int
    symbol: str = ""
