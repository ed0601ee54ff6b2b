"""Understands the columns of Dhan's scrip-master files: a row becomes a listing.

Two shapes are read: the compact file (columns ``SEM_...``) and the detailed one, which is also what
``GET /instrument/{exchangeSegment}`` answers. Lots at NSE and BSE are in units; at MCX orders count lots, so the lot
is 1, as the file says too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import ClassVar

from attrs import frozen

from dhan_copy.dhan.words import KIND
from dhan_copy.errors import ConfigurationError
from dhan_copy.model.freeze import underlying_of
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.listing import Listing

_COMPACT = {
    "exchange": "SEM_EXM_EXCH_ID", "segment": "SEM_SEGMENT", "security": "SEM_SMST_SECURITY_ID", "lot": "SEM_LOT_UNITS",
    "tick": "SEM_TICK_SIZE", "kind": "SEM_INSTRUMENT_NAME", "symbol": "SEM_TRADING_SYMBOL", "name": "SEM_CUSTOM_SYMBOL",
    "expiry": "SEM_EXPIRY_DATE", "strike": "SEM_STRIKE_PRICE", "option": "SEM_OPTION_TYPE", "series": "SEM_SERIES",
}  # fmt: skip
_DETAILED = {
    "exchange": "EXCH_ID", "segment": "SEGMENT", "security": "SECURITY_ID", "lot": "LOT_SIZE", "tick": "TICK_SIZE",
    "kind": "INSTRUMENT", "symbol": "SYMBOL_NAME", "name": "DISPLAY_NAME", "underlying": "UNDERLYING_SYMBOL",
    "expiry": "SM_EXPIRY_DATE", "strike": "STRIKE_PRICE", "option": "OPTION_TYPE", "series": "SERIES", "isin": "ISIN",
}  # fmt: skip
_NEEDED = ("exchange", "segment", "security", "lot", "tick", "kind")
_FLAGS = ("FLAG", "INDICATOR", "RANGE", "LEVERAGE", "CATEGORY")
_NOTHING = ("", "NA", "XX", "N/A")
_SMALLEST_PAISE = Decimal("0.25")
"""The finest tick of any Indian exchange, that of currencies, in paise."""


@frozen
class Columns:
    """Where a file's columns are."""

    at: Mapping[str, int]
    flags: Mapping[str, int]
    detailed: bool
    advice: ClassVar[str] = "Download api-scrip-master.csv or api-scrip-master-detailed.csv from images.dhan.co/api-data."

    @classmethod
    def of(cls, header: Sequence[str], path: str) -> Columns:
        """Raises :class:`~dhan_copy.errors.ConfigurationError` for a header that is not one of Dhan's."""
        names = [name.strip().lstrip("\ufeff") for name in header]
        detailed = "EXCH_ID" in names
        known = _DETAILED if detailed else _COMPACT
        absent = [known[what] for what in _NEEDED if known[what] not in names]
        if absent:
            raise ConfigurationError(
                f"the scrip master {path} has no column {', '.join(absent)}: it is not one of Dhan's", advice=cls.advice
            )
        at = {what: names.index(name) for what, name in known.items() if name in names}
        flags = {name: number for number, name in enumerate(names) if any(word in name for word in _FLAGS)}
        return cls(at, flags, detailed)

    @property
    def named_by(self) -> tuple[int, int, int]:
        """The columns that name an instrument: exchange, segment letter, security id."""
        return self.at["exchange"], self.at["segment"], self.at["security"]

    def listing(self, segment: ExchangeSegment, row: Sequence[str]) -> Listing:
        """What a row says; one that is cut short says less."""
        symbol = self._text(row, "symbol")
        option = self._text(row, "option")
        return Listing(
            key=InstrumentKey(segment, SecurityId(self._text(row, "security"))),
            facts=self._facts(segment, row),
            symbol=symbol,
            name=self._text(row, "name"),
            underlying=self._text(row, "underlying") or underlying_of(symbol),
            isin=self._text(row, "isin"),
            series=self._text(row, "series"),
            expiry=_day(self._text(row, "expiry")),
            strike=_strike(self._text(row, "strike"), option),
            option=option if option in ("CE", "PE") else None,
            flags={name: row[at].strip() for name, at in self.flags.items() if at < len(row) and row[at].strip() not in _NOTHING},
        )  # fmt: skip

    def _text(self, row: Sequence[str], what: str) -> str:
        at = self.at.get(what, len(row))
        text = row[at].strip() if at < len(row) else ""
        return "" if text in _NOTHING else text

    def _facts(self, segment: ExchangeSegment, row: Sequence[str]) -> InstrumentFacts | None:
        units = 1 if segment is ExchangeSegment.MCX_COMM else _lot(self._text(row, "lot"))
        if units is None:
            return None
        return InstrumentFacts(units, _tick(self._text(row, "tick"), self.detailed), KIND.get(self._text(row, "kind")))


def _lot(text: str) -> int | None:
    lot = _number(text)
    return int(lot) if lot is not None and 1 <= lot < 10**9 and lot == lot.to_integral_value() else None


def _tick(text: str, detailed: bool) -> Decimal | None:
    """Rupees. Both files give paise (CRUDEOIL 100.0000 for 1 rupee, currencies 0.25).

    A value of the detailed file that is too small for any tick in paise, such as 0.05, is in rupees: some copies of
    that file have them. In the compact file it is unknown.
    """
    tick = _number(text)
    if tick is None or not 0 < tick < 10**6:
        return None
    if tick >= _SMALLEST_PAISE:
        return tick / 100
    return tick if detailed else None


def _strike(text: str, option: str) -> Decimal | None:
    """Only an option has one: futures show -0.01, shares 0 or nothing."""
    strike = _number(text)
    return strike if option in ("CE", "PE") and strike is not None and strike > 0 else None


def _day(text: str) -> date | None:
    """``2026-10-19``, or with a time, which differs between copies of the file and is not the exchange's."""
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if day.year > 1 else None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
