"""The simulated margin calculator: price times quantity times rate, and less where orders offset each other."""

from __future__ import annotations

from decimal import Decimal

from attrs import evolve

from dhan_copy.model.account import Margin, MarginOrder
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Product, Side
from dhan_copy.testing.margins import margin_of
from dhan_copy.testing.orders import Instrument

ORDER = MarginOrder(
    segment=ExchangeSegment.NSE_FNO, security_id=SecurityId("1"), side=Side.SELL, product=Product.MARGIN, quantity=75,
    price=Decimal(100),
)  # fmt: skip


def asked(*orders: MarginOrder) -> Margin:
    def instrument(key: InstrumentKey) -> Instrument:
        return Instrument(key=key, facts=InstrumentFacts(75), margin_rate=Decimal("0.2"))

    return margin_of(orders, Decimal(500), instrument, lambda key: Decimal(50))


def test_one_order() -> None:
    assert asked(ORDER) == Margin(Decimal(1500), Decimal(500))
    assert asked(evolve(ORDER, price=Decimal(0))).required == 750, "at the market: the last price"


def test_orders_of_one_instrument_offset_each_other_and_others_add_up() -> None:
    buy = evolve(ORDER, side=Side.BUY, quantity=150)
    assert asked(ORDER, buy).required == 3000
    assert asked(ORDER, evolve(ORDER, security_id=SecurityId("2"))).required == 3000
    assert asked(ORDER, evolve(buy, product=Product.INTRADAY)).required == 4500
