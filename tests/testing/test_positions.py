"""Positions are arithmetic on fills."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.order import Side
from dhan_copy.testing.positions import HeldPosition

FILLS = st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 50), st.integers(1, 100).map(Decimal)))


@given(FILLS)
def test_money_is_conserved(fills: list[tuple[Side, int, Decimal]]) -> None:
    held = HeldPosition()
    for side, quantity, price in fills:
        held.trade(side, quantity, price)
    assert held.net == sum(side.sign * quantity for side, quantity, _ in fills)
    paid = sum(side.sign * quantity * price for side, quantity, price in fills)
    assert abs(held.open_value - held.realised - paid) < Decimal("0.000001")
    assert (held.net == 0) is (held.cost_price == 0)


def test_a_fill_that_crosses_zero_closes_and_opens() -> None:
    held = HeldPosition()
    held.trade(Side.BUY, 100, Decimal(10))
    held.trade(Side.SELL, 150, Decimal(12))
    assert (held.net, held.realised, held.open_value, held.cost_price) == (-50, 200, -600, 12)
