"""Lot, tick and kind of an instrument, and what else is listed of it, out of one of Dhan's scrip-master files."""

from __future__ import annotations

import csv
import io
from codecs import getincrementaldecoder
from collections.abc import Iterator
from datetime import date
from os import PathLike

from attrs import evolve, frozen

from dhan_copy.dhan.scrip_rows import Columns
from dhan_copy.dhan.words import SEGMENT_BY_LETTER
from dhan_copy.errors import ConfigurationError
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.listing import Listing

_Places = dict[ExchangeSegment, dict[bytes, int | tuple[int, ...]]]
"""Where the rows of a security id begin in the file; more than one where it is listed twice."""

_SEGMENTS = {(a.encode(), b.encode()): segment for (a, b), segment in SEGMENT_BY_LETTER.items()}
_PIECE_BYTES = 1 << 20


@frozen(eq=False, repr=False)
class ScripMaster:
    """The instruments of one file; call it with a key for the facts, or None where it does not tell the lot.

    The file is kept as it is, with an index of where each instrument stands: rows are understood when they are asked
    for, since of some 200,000 a day needs a handful.
    """

    _data: bytes
    _places: _Places
    _columns: Columns
    path: str

    @classmethod
    def load(cls, path: str | PathLike[str]) -> ScripMaster:
        """Read a CSV file of Dhan's. Raises :class:`~dhan_copy.errors.ConfigurationError` for any other file."""
        try:
            with open(path, "rb") as file:
                data = file.read()
            _check_text(data)
            lines = _lines(data)
            first = next(lines, (0, b""))[1]
            columns = Columns.of(next(csv.reader([first.decode()]), []), str(path))
            places = _index(lines, columns.named_by)
        except OSError as problem:
            raise ConfigurationError(f"the scrip master {path} cannot be read: {problem.strerror}") from problem
        except (UnicodeDecodeError, csv.Error) as problem:
            raise ConfigurationError(f"the scrip master {path} is not a CSV file of UTF-8 text") from problem
        if not any(places.values()):
            raise ConfigurationError(f"the scrip master {path} names no instrument of a segment that Dhan trades")
        return cls(data, places, columns, str(path))

    def __call__(self, key: InstrumentKey) -> InstrumentFacts | None:
        listing = self.find(key)
        return None if listing is None else listing.facts

    def expiry(self, key: InstrumentKey) -> date | None:
        """The day of expiry; None where there is none, or the instrument is not listed."""
        listing = self.find(key)
        return None if listing is None else listing.expiry

    def symbol(self, key: InstrumentKey) -> str:
        """The trading symbol; empty where the instrument is not listed."""
        listing = self.find(key)
        return "" if listing is None else listing.symbol

    def find(self, key: InstrumentKey) -> Listing | None:
        """Everything that is listed of an instrument; None where it is not listed."""
        places = self._places.get(key.segment, {}).get(key.security_id.encode())
        if places is None:
            return None
        first, *others = (self._listing(key, at) for at in ((places,) if isinstance(places, int) else places))
        return first if all(other.facts == first.facts for other in others) else evolve(first, facts=None)

    def _listing(self, key: InstrumentKey, at: int) -> Listing:
        end = self._data.find(b"\n", at)
        line = self._data[at : len(self._data) if end < 0 else end]
        return self._columns.listing(key.segment, next(csv.reader([line.decode()])))

    def __len__(self) -> int:
        return sum(map(len, self._places.values()))

    def __repr__(self) -> str:
        return f"ScripMaster({self.path!r}: {len(self)} instruments)"


def _check_text(data: bytes) -> None:
    """Raises ``UnicodeDecodeError``; the whole as text at once would take as much memory again."""
    decoder = getincrementaldecoder("utf-8")()
    for at in range(0, len(data), _PIECE_BYTES):
        decoder.decode(data[at : at + _PIECE_BYTES])
    decoder.decode(b"", final=True)


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each line and where it begins."""
    at = 0
    for line in io.BytesIO(data):
        yield at, line
        at += len(line)


def _index(lines: Iterator[tuple[int, bytes]], named_by: tuple[int, int, int]) -> _Places:
    exchange, letter, security = named_by
    last = max(named_by)
    places: _Places = {segment: {} for segment in ExchangeSegment}
    for at, line in lines:
        if b'"' in line:
            row = [field.encode() for field in next(csv.reader([line.decode()]))]
        else:
            row = line.split(b",", last + 1)
        if len(row) <= last:
            continue
        segment = _SEGMENTS.get((row[exchange], row[letter].strip()))
        if segment is None:
            continue
        known, name = places[segment], row[security].strip()
        before = known.get(name)
        if before is None:
            known[name] = at
        else:
            known[name] = (before, at) if isinstance(before, int) else (*before, at)
    return places
