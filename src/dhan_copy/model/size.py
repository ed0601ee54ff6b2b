"""How large a copy is: relative to the leader's order, or fixed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from attrs import field, frozen, validators


def _fraction(value: str | int | Decimal | Fraction) -> Fraction:
    if isinstance(value, float):
        raise TypeError(f"write the ratio as text, Ratio('{value}') or Ratio('1/3'): a float is not exact")
    return Fraction(value)


@frozen
class Ratio:
    """The follower's quantity for each unit of the leader's: ``Ratio("0.5")``, ``Ratio("1/3")``, ``Ratio(2)``.

    Exact: a float is refused. As a sizer it says itself for every order.
    """

    value: Fraction = field(converter=_fraction)

    @value.validator
    def _above_zero(self, attribute: object, value: Fraction) -> None:
        if value <= 0:
            raise ValueError(f"a ratio must be above zero, not {value}")

    def size(self, order: object, accounts: object) -> Ratio:
        return self

    def __str__(self) -> str:
        return str(self.value)


@frozen
class Quantity:
    """A fixed size in the units of the order (MCX: lots), whatever the leader trades.

    As a sizer it says itself for every order. Later modifications by the leader scale it in proportion.
    """

    units: int = field(validator=validators.ge(1))

    def size(self, order: object, accounts: object) -> Quantity:
        return self
