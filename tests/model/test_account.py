"""What an account holds."""

from __future__ import annotations

from dhan_copy.model.account import Position
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import Product


def test_a_position_is_in_an_instrument_of_its_segment() -> None:
    """The same security id in another segment is something else."""
    here, there = (
        Position(segment=segment, security_id=SecurityId("1333"), product=Product.CNC, net_quantity=-5)
        for segment in (ExchangeSegment.NSE_EQ, ExchangeSegment.BSE_EQ)
    )
    assert here.key == InstrumentKey(ExchangeSegment.NSE_EQ, SecurityId("1333"))
    assert here.key != there.key
