"""Sizes: exact, above zero, and sizers that say themselves."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.size import Quantity, Ratio

above_zero = st.fractions(min_value=Fraction(1, 10**6), max_value=10**6)


@given(above_zero)
def test_a_ratio_is_exact(value: Fraction) -> None:
    assert Ratio(value).value == value
    assert Ratio(str(value)) == Ratio(value)
    assert Ratio(str(Ratio(value))) == Ratio(value)


@given(st.decimals("0.000001", "1000000", places=6))
def test_a_decimal_is_exact(value: Decimal) -> None:
    assert Ratio(value).value == Fraction(str(value)) == Ratio(str(value)).value


@pytest.mark.parametrize(("text", "value"), [("0.5", Fraction(1, 2)), ("1/3", Fraction(1, 3)), ("2", Fraction(2))])
def test_written_as_text(text: str, value: Fraction) -> None:
    assert Ratio(text).value == value


@given(st.floats(allow_nan=True))
def test_a_float_is_refused(value: float) -> None:
    with pytest.raises(TypeError, match="write the ratio as text"):
        Ratio(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["0", "-1", "-1/3", "", "half", "nan", "1/0", Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_number_above_zero_is_refused(value: str | Decimal) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        Ratio(value)


@pytest.mark.parametrize("units", [0, -75])
def test_a_quantity_is_above_zero(units: int) -> None:
    with pytest.raises(ValueError, match="units"):
        Quantity(units)


def test_both_say_themselves_as_sizers() -> None:
    half, lot = Ratio("1/2"), Quantity(75)
    assert half.size(object(), object()) is half
    assert lot.size(object(), object()) is lot
    assert str(half) == "1/2"
