"""The largest order that an exchange takes, by instrument and by day.

Exchanges call it the quantity freeze limit: an order above it is refused, an order of exactly that size is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import TypeAlias

from attrs import field, frozen, validators

from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment

EVERY = "*"
"""In place of an underlying: every instrument of the segment."""

_CONTRACT = re.compile(r"-(\d{1,2})?(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)(\d{0,4}|\d{4}-.*)$")


def underlying_of(symbol: str) -> str:
    """The underlying in a trading symbol of Dhan's: ``NIFTY`` of ``NIFTY-Mar2025-22550-PE``; a share's own symbol
    otherwise. Frames cut symbols off after 15 characters (``NIFTY-Mar2025-2``, ``BANKNIFTY-Mar20``), the underlying stays."""
    return _CONTRACT.sub("", symbol.strip().upper())


@frozen(kw_only=True)
class FreezeLimit:
    """From ``since`` on, one order for ``name`` may have at most so many ``units`` (those of Dhan's orders) or ``lots``.

    ``name`` is an underlying (``NIFTY``), a security id, or ``*`` for a whole segment. Neither units nor lots means
    that there is no limit. ``source`` says where it was published.
    """

    segment: ExchangeSegment
    name: str = field(validator=validators.min_len(1))
    since: date
    units: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    lots: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    source: str

    def __attrs_post_init__(self) -> None:
        if self.units is not None and self.lots is not None:
            raise ValueError(f"the limit of {self.name} is in units or in lots, not both")

    def whole_lots(self, lot_units: int) -> int | None:
        """Units of the largest order that is a whole number of lots; None without a limit.

        One lot at least: were a single lot above the limit, nobody could trade it, so it is the limit that is wrong.
        """
        lots = self.lots if self.units is None else self.units // lot_units
        return None if lots is None else max(lots, 1) * lot_units


_Dated: TypeAlias = tuple[FreezeLimit, ...]


def _as_tuple(limits: Iterable[FreezeLimit]) -> _Dated:
    return tuple(limits)


@frozen(repr=False)
class FreezeLimits:
    """Every limit that is known, each from its day on. Where none is known, none is invented.

    A limit of one security id beats one of its underlying, which beats one of the segment; of several the newest that
    has begun counts. What ``over`` says of an instrument, the user's own, beats all of these.
    """

    limits: tuple[FreezeLimit, ...] = field(default=(), converter=_as_tuple)
    over: FreezeLimits | None = None
    _by_name: dict[tuple[ExchangeSegment, str], _Dated] = field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_by_name", _newest_first(self.limits))

    def limit(
        self, segment: ExchangeSegment, day: date, *, underlying: str = "", security_id: SecurityId | str = ""
    ) -> FreezeLimit | None:
        """The limit of an instrument on an IST calendar day; None where none is known."""
        own = None if self.over is None else self.over.limit(segment, day, underlying=underlying, security_id=security_id)
        if own is not None:
            return own
        for name in (security_id, underlying.upper(), EVERY):
            for limit in self._by_name.get((segment, name), ()):
                if limit.since <= day:
                    return limit
        return None

    def most_units(
        self, segment: ExchangeSegment, day: date, lot_units: int, *, symbol: str = "", security_id: SecurityId | str = ""
    ) -> int | None:
        """Units of the largest order of an instrument on a day, in whole lots; None where no limit is known.

        ``symbol`` is what an :class:`~dhan_copy.model.order.OrderReport` carries: its underlying is looked up.
        """
        found = self.limit(segment, day, underlying=underlying_of(symbol), security_id=security_id)
        return None if found is None else found.whole_lots(lot_units)

    def __repr__(self) -> str:
        own = "" if self.over is None else f", {len(self.over.limits)} of the user's own"
        return f"FreezeLimits({len(self.limits)} limits{own})"


def _newest_first(limits: Iterable[FreezeLimit]) -> dict[tuple[ExchangeSegment, str], _Dated]:
    found: dict[tuple[ExchangeSegment, str], _Dated] = {}
    for limit in sorted(limits, key=lambda each: each.since, reverse=True):
        at = (limit.segment, limit.name.upper())
        found[at] = (*found.get(at, ()), limit)
    return found
