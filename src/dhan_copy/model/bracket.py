"""The protective legs that belong to an entry."""

from __future__ import annotations

from decimal import Decimal

from attrs import Attribute, field, frozen


def _above_zero(instance: object, attribute: Attribute[Decimal | None], value: Decimal | None) -> None:
    if value is not None and (not value.is_finite() or value <= 0):
        raise ValueError(f"{attribute.name} must be above zero or None, not {value}")


@frozen(kw_only=True)
class Bracket:
    """A target, a stop, or both, that close what their entry fills: when one fills the other goes.

    Prices are absolute, in rupees. ``trailing_jump`` is how far the price has to move, in rupees, for the stop to follow
    by as much; None does not trail. Dhan gives a bracket order's values as differences from the entry's price
    (``boProfitValue``, ``boStopLossValue``; v2 orders page), a super order's as prices.
    """

    target: Decimal | None = field(default=None, validator=_above_zero)
    stop: Decimal | None = field(default=None, validator=_above_zero)
    """The price that triggers it."""
    trailing_jump: Decimal | None = field(default=None, validator=_above_zero)

    def __attrs_post_init__(self) -> None:
        if self.target is None and self.stop is None:
            raise ValueError("a bracket needs a target or a stop")
        if self.trailing_jump is not None and self.stop is None:
            raise ValueError("only a stop can trail")
