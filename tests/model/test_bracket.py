"""A bracket has a leg at least, prices above zero, and trails nothing but its stop."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.bracket import Bracket

prices = st.none() | st.decimals("-10", "10", places=2)


@given(target=prices, stop=prices, trailing_jump=prices)
def test_it_is_refused_where_it_makes_no_sense(
    target: Decimal | None, stop: Decimal | None, trailing_jump: Decimal | None
) -> None:
    sensible = all(price is None or price > 0 for price in (target, stop, trailing_jump))
    protects = stop is not None or (target is not None and trailing_jump is None)
    if sensible and protects:
        made = Bracket(target=target, stop=stop, trailing_jump=trailing_jump)
        assert (made.target, made.stop, made.trailing_jump) == (target, stop, trailing_jump)
    else:
        with pytest.raises(ValueError, match="above zero|needs a target or a stop|can trail"):
            Bracket(target=target, stop=stop, trailing_jump=trailing_jump)


@pytest.mark.parametrize("price", [Decimal("NaN"), Decimal("Infinity")])
def test_a_price_is_a_number(price: Decimal) -> None:
    with pytest.raises(ValueError, match="stop must be above zero"):
        Bracket(stop=price)
