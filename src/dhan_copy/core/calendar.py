"""Label moments of a segment by what exchanges have published, and by what the user knows better."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TypeAlias, TypeVar

from attrs import field, frozen
from typing_extensions import assert_never

from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.sessions import (
    Holiday,
    Label,
    Phase,
    Session,
    SpecialDay,
    SquareOff,
    Timetable,
    TradingDay,
)
from dhan_copy.model.times import IST, ist_date

Day: TypeAlias = tuple[ExchangeSegment, date]
Each = TypeVar("Each", Timetable, SquareOff)
LOOK_AHEAD = timedelta(days=21)
"""No exchange has ever been closed for so long."""
MOST_DAYS = 1_000


@frozen(kw_only=True, repr=False)
class Calendar:
    """What is known of the sessions of each segment; an empty one knows nothing, and says so of every moment.

    ``years`` are those whose holidays are known. On the weekdays of others the timetable is assumed to hold. What
    ``over`` says of a day, the user's own, counts first: his special day, then his holiday, then his timetable.
    """

    timetables: tuple[Timetable, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    specials: tuple[SpecialDay, ...] = ()
    square_offs: tuple[SquareOff, ...] = ()
    years: frozenset[tuple[ExchangeSegment, int]] = frozenset()
    over: Calendar | None = None
    _holidays: dict[Day, Holiday] = field(init=False, eq=False)
    _specials: dict[Day, SpecialDay] = field(init=False, eq=False)
    _days: dict[Day, TradingDay] = field(init=False, eq=False, factory=dict)
    """What has been worked out: every decision about an order asks for its day."""

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_holidays", {(each.segment, each.day): each for each in self.holidays})
        object.__setattr__(self, "_specials", {(each.segment, each.day): each for each in self.specials})

    def covers(self, segment: ExchangeSegment, year: int) -> bool:
        """Whether the holidays of a year are known."""
        return (segment, year) in self.years or (self.over is not None and self.over.covers(segment, year))

    def has_timetable(self, segment: ExchangeSegment) -> bool:
        """Whether anything is known of a segment."""
        own = self.over is not None and self.over.has_timetable(segment)
        return own or any(each.segment is segment for each in self.timetables)

    def known_until(self, segment: ExchangeSegment, day: date) -> date | None:
        """The last day of the unbroken run of known years that ``day`` is in; None where its year is not known."""
        year = day.year
        if not self.covers(segment, year):
            return None
        while self.covers(segment, year + 1):
            year += 1
        return date(year, 12, 31)

    def day(self, segment: ExchangeSegment, day: date) -> TradingDay:
        """What is known of a segment on an IST calendar day."""
        found = self._days.get((segment, day))
        if found is None:
            if len(self._days) >= MOST_DAYS:
                self._days.clear()
            found = self._days[segment, day] = self._worked_out(segment, day)
        return found

    def _worked_out(self, segment: ExchangeSegment, day: date) -> TradingDay:
        special, holiday = self._differs(segment, day)
        timetable = self._timetable(segment, day)
        known = special is not None or holiday is not None or self.covers(segment, day.year)
        weekend = special is None and holiday is None and day.weekday() >= 5
        name = special.name if special else holiday.name if holiday else f"{day:%A}" if weekend else ""
        hours = () if timetable is None else timetable.hours
        if special is not None and special.hours is not None:
            hours = special.hours
        elif weekend or (holiday is not None and not holiday.closed):
            return TradingDay(segment=segment, day=day, name=name, known=known, hours_known=timetable is not None)
        elif holiday is not None:
            hours = tuple(each for each in hours if each.part not in holiday.closed)
        sessions = tuple(each.on(day) for each in hours)
        return TradingDay(
            segment=segment, day=day, name=name, sessions=sessions, known=known, hours_known=bool(hours),
            square_off=self._square_off(segment, day, sessions),
        )  # fmt: skip

    def phase(self, segment: ExchangeSegment, moment: datetime) -> tuple[Phase, bool]:
        """The phase of a moment, and whether its year is known: :meth:`label` without its words."""
        found = self.day(segment, ist_date(moment))
        if not found.hours_known:
            return Phase.UNKNOWN, False
        is_open = any(session.opens <= moment < session.closes for session in found.sessions)
        return Phase.OPEN if is_open else Phase.CLOSED, found.known

    def label(self, segment: ExchangeSegment, moment: datetime) -> Label:
        """What to call a moment (aware) of a segment. Never raises for a day that the data does not cover."""
        found = self.day(segment, ist_date(moment))
        phase, known = self.phase(segment, moment)
        name = f" ({found.name})" if found.name else ""
        doubt = "" if known else f"; the holidays of {found.day.year} are not known"
        match phase:
            case Phase.UNKNOWN:
                text, doubt = f"the hours of {segment.value} are not known", ""
            case Phase.OPEN:
                now = [session for session in found.sessions if session.opens <= moment < session.closes]
                text = f"{segment.value} {', '.join(map(str, now))}"
            case Phase.CLOSED:
                text = f"{segment.value} is closed at {moment.astimezone(IST):%H:%M}"
            case _:
                assert_never(phase)
        return Label(phase=phase, text=text + name + doubt, known=known)

    def next_session(self, segment: ExchangeSegment, moment: datetime) -> Session | None:
        """The session that is on at ``moment`` (the one that closes last), or the next one to open; None where nothing
        is known."""
        day = ist_date(moment)
        while day <= ist_date(moment) + LOOK_AHEAD:
            left = [session for session in self.day(segment, day).sessions if session.closes > moment]
            if left:
                return min(left, key=lambda session: (max(session.opens, moment), -session.closes.timestamp()))
            day += timedelta(days=1)
        return None

    def _differs(self, segment: ExchangeSegment, day: date) -> tuple[SpecialDay | None, Holiday | None]:
        if self.over is not None and any(own := self.over._differs(segment, day)):
            return own
        return self._specials.get((segment, day)), self._holidays.get((segment, day))

    def _timetable(self, segment: ExchangeSegment, day: date) -> Timetable | None:
        own = None if self.over is None else self.over._timetable(segment, day)
        return own or _newest(self.timetables, segment, day)

    def _square_off(self, segment: ExchangeSegment, day: date, sessions: tuple[Session, ...]) -> datetime | None:
        rule = self._square_off_rule(segment, day)
        at = None if rule is None else rule.on(day)
        # On a day of other hours, such as Muhurat, the usual time says nothing.
        return at if at is not None and any(each.opens <= at < each.closes for each in sessions) else None

    def _square_off_rule(self, segment: ExchangeSegment, day: date) -> SquareOff | None:
        own = None if self.over is None else self.over._square_off_rule(segment, day)
        return own or _newest(self.square_offs, segment, day)

    def __repr__(self) -> str:
        years = sorted({year for _, year in self.years})
        return f"Calendar(years {', '.join(map(str, years)) or 'none'}{', and the own' if self.over else ''})"


def _newest(values: Iterable[Each], segment: ExchangeSegment, day: date) -> Each | None:
    begun = [each for each in values if each.segment is segment and each.since <= day]
    return max(begun, key=lambda each: each.since, default=None)
