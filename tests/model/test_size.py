"""Sizes are exact, and say themselves as sizers."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.size import Quantity, Ratio


@given(st.fractions(min_value=Fraction(1, 1000), max_value=1000))
def test_a_ratio_is_the_fraction_that_was_written(value: Fraction) -> None:
    assert Ratio(str(value)).value == Ratio(value).value == value


def test_decimals_thirds_and_whole_numbers_are_exact() -> None:
    assert Ratio("0.1").value * 10 == 1
    assert Ratio("1/3").value * 3 == 1
    assert Ratio(Decimal("0.25")) == Ratio("1/4")
    assert str(Ratio(2)) == "2"


def test_a_float_is_refused_and_the_right_way_shown() -> None:
    with pytest.raises(TypeError, match=r"Ratio\('0.1'\)"):
        Ratio(0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["0", "-1/2", 0, Decimal("-0.5")])
def test_a_ratio_is_above_zero(value: str | int | Decimal) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Ratio(value)


def test_a_quantity_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="units"):
        Quantity(0)


def test_both_are_sizers_that_say_themselves() -> None:
    assert Ratio("1/2").size(None, None) == Ratio("1/2")
    assert Quantity(75).size(None, None) == Quantity(75)
