"""A second leg is for something, and waits for a price."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.model.forever import ForeverLeg
from dhan_copy.model.order import StopLimit, StopMarket


@pytest.mark.parametrize("terms", [StopLimit(Decimal(99), Decimal(98)), StopMarket(Decimal(99))])
def test_it_waits_for_a_price(terms: StopLimit | StopMarket) -> None:
    assert ForeverLeg(terms=terms, quantity=1).terms.trigger == 99


@pytest.mark.parametrize("quantity", [0, -1])
def test_it_is_for_something(quantity: int) -> None:
    with pytest.raises(ValueError, match="quantity"):
        ForeverLeg(terms=StopMarket(Decimal(99)), quantity=quantity)
