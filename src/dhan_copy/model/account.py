"""What an account holds."""

from __future__ import annotations

from decimal import Decimal

from attrs import frozen

from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import Product


@frozen
class Funds:
    """Money in rupees: ``available`` to trade now (Dhan's ``availabelBalance``), ``total`` at the start of the day
    (``sodLimit``)."""

    available: Decimal
    total: Decimal


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
