"""What can be said of how orders are copied, on each level: for all, for a leader, a follower, or some instruments."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import cast

from attrs import Attribute, field, frozen, validators

from dhan_copy.core.caps import Cap
from dhan_copy.core.checked import check, exact, member, shown
from dhan_copy.core.filtering import Filter
from dhan_copy.core.filters import fits_instrument
from dhan_copy.core.sizers import OwnFunction
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.size import Ratio
from dhan_copy.protocols import PositionSizer


class BelowLot(Enum):
    """What to do with an entry whose share is below one lot."""

    SKIP = "SKIP"
    ONE_LOT = "ONE_LOT"
    ONE_LOT_WITHIN_RISK = "ONE_LOT_WITHIN_RISK"
    """One lot, if it cannot lose more than ``one_lot_risk`` of the follower's money at the start of the day: down to
    the leader's stop, or without one the whole price of shares and options that are bought."""


@frozen
class Percent:
    """A part of a price or an amount: ``Percent("0.5")``. A float is refused: it is not exact."""

    value: Decimal = field(converter=exact, validator=validators.gt(Decimal(0)))


def _percent(value: Percent | Decimal | str | int) -> Percent:
    return value if isinstance(value, Percent) else Percent(value)


@frozen
class SlippageLimit:
    """How much worse than the leader's a copy's price may be before it counts, and after how many such copies in a row
    the follower's entries stop, until it is resumed."""

    worse_than: Percent = field(converter=_percent)
    copies: int = 3

    def __attrs_post_init__(self) -> None:
        check(self)


def sizer_of(value: object) -> PositionSizer | None:
    """A sizer, a ratio as text, or a function of one's own as a sizer. Raises ``ValueError`` or ``TypeError``."""
    if isinstance(value, str):
        return Ratio(value)
    if isinstance(value, float):
        raise TypeError(f"the float {value!r} is not exact: write it as text, '{value}'")
    if value is None or (callable(getattr(value, "size", None)) and not isinstance(value, type)):
        return cast("PositionSizer | None", value)
    if callable(value) and not isinstance(value, type):
        return OwnFunction(value)
    raise TypeError(f"{type(value).__name__} is no sizer: give Ratio('0.5'), Quantity(75), a function or a sizer")


def _caps(value: Iterable[Cap] | Cap | None) -> tuple[Cap, ...] | None:
    if value is None or isinstance(value, Cap):
        return None if value is None else (value,)
    given: object = value
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"caps must be Cap(...) or several of them, not {shown(given)}")
    return tuple(given)


def _is_filter(instance: object, attribute: Attribute[Filter | None], value: Filter | None) -> None:
    if value is not None and not isinstance(value, Filter):
        raise TypeError(f"only must be a filter such as Symbols('NIFTY*'), or filters joined by & and |, not {shown(value)}")


@frozen(kw_only=True)
class Rules:
    """What one level says; None says nothing, and what is said on several levels is taken from the last of them: for
    all, the leader, the follower, the instrument. Values are not merged: a follower's ``caps`` replace those for all.
    """

    size: PositionSizer | None = field(default=None, converter=sizer_of)
    """How large a copy is: a sizer, a ratio as text, or a function of your own."""
    only: Filter | None = field(default=None, validator=_is_filter)
    """Which entries are copied; exits always are."""
    caps: tuple[Cap, ...] | None = field(default=None, converter=_caps)
    """What entries may not exceed."""
    below_lot: BelowLot | None = None
    """What becomes of an entry whose share is below one lot."""
    one_lot_risk: Percent | None = None
    """What a single lot may lose, for ``BelowLot.ONE_LOT_WITHIN_RISK``; 1 % where nobody says."""
    price_deviation: Percent | None = None
    """How far the price may have moved since the leader's order traded."""
    slippage: SlippageLimit | None = None
    """When copies that trade worse than the leader's orders stop the follower's entries; never where nobody says."""

    def __attrs_post_init__(self) -> None:
        check(self)


def _symbols(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _segments(value: ExchangeSegment | str | Iterable[ExchangeSegment | str]) -> tuple[ExchangeSegment, ...]:
    given = (value,) if isinstance(value, (str, ExchangeSegment)) else tuple(value)
    return tuple(member(ExchangeSegment, one) for one in given)


@frozen(kw_only=True)
class Override(Rules):
    """Rules for some instruments: ``Override(symbol="NIFTY*", size="0.25")``, ``Override(segment="MCX_COMM", ...)``.

    ``symbol`` is one or several patterns as in :class:`~dhan_copy.core.filters.Symbols`; where both are given both must
    fit. Of several that fit the last one counts.
    """

    symbol: tuple[str, ...] = field(default=(), converter=_symbols)
    segment: tuple[ExchangeSegment, ...] = field(default=(), converter=_segments)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not any(name.strip() for name in self.symbol) and not self.segment:
            raise ValueError("an override names a symbol or a segment")

    def fits(self, segment: ExchangeSegment | None, *symbols: str) -> bool | None:
        """None where the part of a symbol that an order update cuts off says."""
        if self.segment and segment not in self.segment:
            return False
        return not self.symbol or fits_instrument(self.symbol, segment, *symbols)

    def __str__(self) -> str:
        return " ".join([*self.symbol, *(segment.name for segment in self.segment)])
