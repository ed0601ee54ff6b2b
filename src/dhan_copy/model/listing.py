"""What a broker's list of instruments says of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from attrs import field, frozen

from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey


@frozen(kw_only=True)
class Listing:
    """An instrument as it is listed. What the list leaves empty is None or empty text, never a default.

    Prices are rupees. ``facts`` is None where the lot cannot be told: it is no whole number above zero, or two rows of
    one security id contradict each other.
    """

    key: InstrumentKey
    facts: InstrumentFacts | None
    symbol: str = ""
    """The trading symbol, such as ``NIFTY-Mar2025-22550-PE``."""
    name: str = ""
    """For people, such as ``NIFTY 13 MAR 22550 PUT``."""
    underlying: str = ""
    isin: str = ""
    series: str = ""
    expiry: date | None = None
    strike: Decimal | None = None
    option: str | None = None
    """``CE`` or ``PE``."""
    flags: Mapping[str, str] = field(factory=dict, hash=False)
    """The list's own columns of flags and ranges, by name, where they say something: ``BRACKET_FLAG``, ``COVER_FLAG``,
    ``ASM_GSM_FLAG``, ``BUY_SELL_INDICATOR``, ``MTF_LEVERAGE``, ..."""
