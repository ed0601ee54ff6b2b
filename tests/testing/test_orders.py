"""Values of the simulated exchange."""

from decimal import Decimal

import pytest

from dhan_copy.model.instrument import InstrumentKind
from dhan_copy.testing import NewOrder, instrument_key
from dhan_copy.testing.orders import plain_instrument
from tests.testing.exchange_kit import SHARE, buy, exchange


def test_an_instrument_that_nobody_described_has_a_kind_only_where_it_is_certain() -> None:
    assert plain_instrument(SHARE).facts.kind is InstrumentKind.EQUITY
    assert plain_instrument(instrument_key("NSE_FNO", "1")).facts.kind is None
    assert plain_instrument(SHARE).tick == Decimal("0.05")


def test_segments_are_checked() -> None:
    with pytest.raises(ValueError):
        instrument_key("NSE_COMM", "1")


def test_quantities_are_positive() -> None:
    with pytest.raises(ValueError):
        NewOrder(key=SHARE, side=buy().side, quantity=0)


def test_prices_of_an_order_follow_its_terms() -> None:
    order = exchange().place("L", buy(10, None))
    assert (order.price, order.trigger, order.average_price, order.leaves_quantity) == (None, None, None, 10)
