"""Lot, tick and kind of an instrument out of Dhan's scrip-master file.

Two shapes are read: the compact file (columns ``SEM_...``) and the detailed one, which is also what
``GET /instrument/{exchangeSegment}`` answers. Lots at NSE and BSE are in units; at MCX orders count lots, so the lot
is 1, as the file says too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from os import PathLike
from typing import TypeAlias

from attrs import frozen

from dhan_copy.dhan.words import KIND, SEGMENT_BY_LETTER
from dhan_copy.errors import ConfigurationError
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey

_COMPACT = (
    "SEM_EXM_EXCH_ID", "SEM_SEGMENT", "SEM_SMST_SECURITY_ID", "SEM_LOT_UNITS", "SEM_TICK_SIZE", "SEM_INSTRUMENT_NAME"
)  # fmt: skip
_DETAILED = ("EXCH_ID", "SEGMENT", "SECURITY_ID", "LOT_SIZE", "TICK_SIZE", "INSTRUMENT")
_SMALLEST_PAISE = Decimal("0.25")
"""The finest tick of any Indian exchange, that of currencies, in paise."""

_Facts: TypeAlias = dict[tuple[ExchangeSegment, str], InstrumentFacts | None]


@frozen(eq=False, repr=False)
class ScripMaster:
    """The instruments of one file; call it with a key for the facts, or None where it does not know them."""

    _facts: _Facts
    path: str
    unusable: int
    """Rows of traded segments whose lot is not a whole number above zero, or that contradict another row."""

    @classmethod
    def load(cls, path: str | PathLike[str]) -> ScripMaster:
        """Read a CSV file of Dhan's. Raises :class:`~dhan_copy.errors.ConfigurationError` for any other file."""
        try:
            with open(path, encoding="utf-8", errors="strict", newline="") as file:
                facts = _read(csv.reader(file), str(path))
        except OSError as problem:
            raise ConfigurationError(f"the scrip master {path} cannot be read: {problem.strerror}") from problem
        except (UnicodeDecodeError, csv.Error) as problem:
            raise ConfigurationError(f"the scrip master {path} is not a CSV file of UTF-8 text") from problem
        known = sum(found is not None for found in facts.values())
        if not known:
            raise ConfigurationError(f"the scrip master {path} names no instrument of a segment that Dhan trades")
        return cls(facts, str(path), len(facts) - known)

    def __call__(self, key: InstrumentKey) -> InstrumentFacts | None:
        return self._facts.get((key.segment, key.security_id))

    def __len__(self) -> int:
        return len(self._facts) - self.unusable

    def __repr__(self) -> str:
        return f"ScripMaster({self.path!r}: {len(self)} instruments)"


def _read(rows: Iterator[Sequence[str]], path: str) -> _Facts:
    header = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
    detailed = "EXCH_ID" in header
    names = _DETAILED if detailed else _COMPACT
    absent = [name for name in names if name not in header]
    if absent:
        raise ConfigurationError(
            f"the scrip master {path} has no column {', '.join(absent)}: it is not one of Dhan's",
            advice="Download api-scrip-master.csv or api-scrip-master-detailed.csv from images.dhan.co/api-data.",
        )
    exchange, letter, security, lot, tick, kind = (header.index(name) for name in names)
    width = max(exchange, letter, security, lot, tick, kind) + 1
    facts: _Facts = {}
    for row in rows:
        if len(row) < width:
            continue
        segment = SEGMENT_BY_LETTER.get((row[exchange], row[letter]))
        if segment is None:
            continue
        found = _facts_of(segment, row[lot], row[tick], row[kind], detailed)
        key = (segment, row[security])
        facts[key] = found if facts.get(key, found) == found else None
    return facts


@lru_cache(maxsize=4096)
def _facts_of(segment: ExchangeSegment, lot: str, tick: str, kind: str, detailed: bool) -> InstrumentFacts | None:
    units = 1 if segment is ExchangeSegment.MCX_COMM else _lot(lot)
    return None if units is None else InstrumentFacts(units, _tick(tick, detailed), KIND.get(kind))


def _lot(text: str) -> int | None:
    try:
        lot = Decimal(text)
        return int(lot) if 1 <= lot < 10**9 and lot == lot.to_integral_value() else None
    except InvalidOperation:
        return None


def _tick(text: str, detailed: bool) -> Decimal | None:
    """Rupees. Both files give paise (CRUDEOIL 100.0000 for 1 rupee, currencies 0.25).

    A value of the detailed file that is too small for any tick in paise, such as 0.05, is in rupees: some copies of
    that file have them. In the compact file it is unknown.
    """
    try:
        tick = Decimal(text)
        if not 0 < tick < 10**6:
            return None
    except InvalidOperation:
        return None
    if tick >= _SMALLEST_PAISE:
        return tick / 100
    return tick if detailed else None
