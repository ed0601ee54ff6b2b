"""What an account holds."""

from __future__ import annotations

from dhan_copy.model.account import Position
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import Product


def test_a_position_is_in_an_instrument() -> None:
    position = Position(ExchangeSegment.NSE_FNO, SecurityId("52175"), Product.INTRADAY, -75)
    assert position.key == InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("52175"))
    assert position.key != InstrumentKey(ExchangeSegment.BSE_FNO, SecurityId("52175"))
