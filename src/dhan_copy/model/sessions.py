"""When an exchange trades: sessions of a day, the weekly timetable, and the days that differ from it."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import Enum

import pytz
from attrs import frozen

from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.times import ist

_NEW_YORK = pytz.timezone("America/New_York")


def us_daylight(day: date) -> bool:
    """Whether New York has daylight-saving time on a day: MCX closes earlier then (its circulars of each March and
    November; 2026-11-02 to 2027-03-12 is winter time)."""
    return bool(_NEW_YORK.localize(datetime.combine(day, time(12))).dst())


class SessionKind(Enum):
    """The value is how a user reads it."""

    PRE_OPEN = "pre-open"
    NORMAL = "normal market"
    CLOSING_AUCTION = "closing auction"
    POST_CLOSE = "post-close"
    MUHURAT = "Muhurat"
    SPECIAL = "special session"


@frozen(kw_only=True)
class Hours:
    """From ``opens`` until before ``closes``, IST; ``winter`` is the close while New York has no daylight-saving time.

    ``part`` names a part of the day that a holiday may close alone: MCX has a morning and an evening.
    """

    kind: SessionKind
    opens: time
    closes: time
    winter: time | None = None
    part: str = ""
    note: str = ""

    def __attrs_post_init__(self) -> None:
        if not self.opens < self.closes or (self.winter is not None and not self.opens < self.winter):
            raise ValueError(f"{self.kind.value} closes at {self.closes:%H:%M}, before it opens at {self.opens:%H:%M}")

    def on(self, day: date) -> Session:
        closes = self.closes if self.winter is None or us_daylight(day) else self.winter
        name = " ".join(filter(None, (self.part, self.kind.value)))
        return Session(kind=self.kind, opens=_at(day, self.opens), closes=_at(day, closes), name=name, note=self.note)


@frozen(kw_only=True)
class Session:
    """A session of one day; both times are aware, ``closes`` is the first moment after it."""

    kind: SessionKind
    opens: datetime
    closes: datetime
    name: str
    note: str = ""

    def __str__(self) -> str:
        times = f"{self.name} {self.opens:%H:%M} to {self.closes:%H:%M}"
        return f"{times} ({self.note})" if self.note else times


@frozen(kw_only=True)
class Timetable:
    """The sessions of an ordinary trading day of a segment, from ``since`` on."""

    segment: ExchangeSegment
    since: date
    hours: tuple[Hours, ...]
    source: str


@frozen(kw_only=True)
class Holiday:
    """A segment does not trade on ``day``, or only ``closed`` parts of it do not."""

    segment: ExchangeSegment
    day: date
    name: str
    closed: frozenset[str] = frozenset()
    source: str


@frozen(kw_only=True)
class SpecialDay:
    """A segment trades on ``day`` though it would not, or at other hours: ``hours`` None are the ordinary ones, and
    empty ones are not known."""

    segment: ExchangeSegment
    day: date
    name: str
    hours: tuple[Hours, ...] | None = None
    source: str


@frozen(kw_only=True)
class SquareOff:
    """When the broker closes intraday positions of a segment on ordinary days, from ``since`` on; IST."""

    segment: ExchangeSegment
    since: date
    at: time
    winter: time | None = None
    source: str

    def on(self, day: date) -> datetime:
        return _at(day, self.at if self.winter is None or us_daylight(day) else self.winter)


@frozen(kw_only=True)
class TradingDay:
    """What is known of one segment on one day. ``sessions`` are in order and may overlap; none means that it is closed."""

    segment: ExchangeSegment
    day: date
    name: str = ""
    """Of the holiday or special day, or Saturday or Sunday."""
    sessions: tuple[Session, ...] = ()
    known: bool = True
    """False where the data does not cover the year, so that a weekday is only assumed to be one like any other."""
    hours_known: bool = True
    square_off: datetime | None = None
    """When the broker closes intraday positions; None where that is not known."""

    @property
    def closes(self) -> datetime | None:
        """When the last session ends."""
        return max((session.closes for session in self.sessions), default=None)


class Phase(Enum):
    """Where a moment lies. UNKNOWN: nothing is known of the segment, or of the hours of that day."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    UNKNOWN = "UNKNOWN"


@frozen(kw_only=True)
class Label:
    """What the calendar calls a moment; ``text`` is for people, ``known`` is False where the year is not covered."""

    phase: Phase
    text: str
    known: bool = True


def _at(day: date, moment: time) -> datetime:
    return ist(datetime.combine(day, moment))
