"""What a lot is worth where orders count contracts: commodities and currencies, by instrument and by day.

Dhan's lists call the lot of a commodity 1, and no order of it names what a rupee of its price is worth.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from attrs import field, frozen, validators

from dhan_copy.model.freeze import underlying_of
from dhan_copy.model.instrument import ExchangeSegment


@frozen(kw_only=True)
class ContractSize:
    """From ``since`` on, a lot of ``name`` (an underlying, ``GOLDM``) gains ``rupees`` when its price rises by one: 10 for
    100 grams that are quoted for 10. ``source`` says where that was published."""

    segment: ExchangeSegment
    name: str = field(validator=validators.min_len(1))
    since: date
    rupees: int = field(validator=validators.ge(1))
    source: str


def _newest_last(sizes: Iterable[ContractSize]) -> tuple[ContractSize, ...]:
    return tuple(sorted(sizes, key=lambda each: each.since))


@frozen(repr=False)
class ContractSizes:
    """Every size that is known, each from its day on; what ``over`` says of an underlying, the user's own, beats it."""

    sizes: tuple[ContractSize, ...] = field(default=(), converter=_newest_last)
    over: ContractSizes | None = None

    def rupees(self, segment: ExchangeSegment, symbol: str, day: date) -> int | None:
        """What a lot gains for each rupee of its price on an IST calendar day; None where that is unknown. ``symbol`` is
        the trading symbol that an order carries: its underlying is looked up."""
        own = None if self.over is None else self.over.rupees(segment, symbol, day)
        if own is not None:
            return own
        name = underlying_of(symbol)
        begun = [s for s in self.sizes if s.segment is segment and s.name.upper() == name and s.since <= day]
        return begun[-1].rupees if begun else None

    def __repr__(self) -> str:
        own = "" if self.over is None else f", {len(self.over.sizes)} of the user's own"
        return f"ContractSizes({len(self.sizes)} sizes{own})"
