"""What a follower's entries may not exceed: values that say how much, of what, and over what."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from attrs import field, frozen

from dhan_copy.core.checked import exact, member


class Measure(Enum):
    """What is counted."""

    QUANTITY = "QUANTITY"
    """Units of Dhan's orders (MCX: lots)."""
    LOTS = "LOTS"
    VALUE = "VALUE"
    """Rupees: units times price."""
    MARGIN = "MARGIN"
    """Rupees that the broker blocks, as his margin calculator says."""


class Per(Enum):
    """Over what it is counted."""

    ORDER = "ORDER"
    """The one entry."""
    SYMBOL = "SYMBOL"
    """What the follower holds of the instrument by copying, over all leaders and products, with what his open entries
    may still fill."""
    ACCOUNT = "ACCOUNT"
    """The same over all instruments."""
    DAY = "DAY"
    """What entries of the account have filled today, and may still fill. Exits give nothing back."""


class AtCap(Enum):
    """What becomes of an entry that would exceed it."""

    CUT = "CUT"
    """As many lots as there is room for."""
    SKIP = "SKIP"


def _measure(value: Measure | str) -> Measure:
    return member(Measure, value)


def _per(value: Per | str) -> Per:
    return member(Per, value)


def _at_cap(value: AtCap | str) -> AtCap:
    return member(AtCap, value)


def _amount(value: Decimal | int | str | None) -> Decimal | None:
    amount = None if value is None else exact(value)
    if amount is not None and amount <= 0:
        raise ValueError(f"a cap must be above zero, not {value}")
    return amount


@frozen
class Cap:
    """At most ``most`` of ``measure``: ``Cap("LOTS", 10)``, ``Cap("VALUE", 500_000, per="DAY", then="SKIP")``.

    ``least`` is for a single order: an entry that comes out smaller is skipped. Several caps hold together.
    """

    measure: Measure = field(converter=_measure)
    most: Decimal | None = field(default=None, converter=_amount)
    per: Per = field(default=Per.ORDER, converter=_per, kw_only=True)
    then: AtCap = field(default=AtCap.CUT, converter=_at_cap, kw_only=True)
    least: Decimal | None = field(default=None, converter=_amount, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.most is None and self.least is None:
            raise ValueError("a cap needs most or least")
        if self.least is not None and self.per is not Per.ORDER:
            raise ValueError("least is for a single order: leave per away")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"least {self.least} is above most {self.most}")

    def __str__(self) -> str:
        limits = [] if self.most is None else [f"at most {self.most:f}"]
        limits += [] if self.least is None else [f"at least {self.least:f}"]
        return f"{' and '.join(limits)} {self.measure.name} per {self.per.name}"
