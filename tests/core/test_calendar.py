"""The calendar: what a day is, what a moment is called, what comes next, and who is believed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.calendar import Calendar
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.sessions import Holiday, Hours, Phase, SessionKind, SpecialDay, SquareOff, Timetable
from dhan_copy.model.times import ist

NFO, MCX, EQ = ExchangeSegment.NSE_FNO, ExchangeSegment.MCX_COMM, ExchangeSegment.NSE_EQ
MORNING = Hours(kind=SessionKind.NORMAL, part="morning", opens=time(9), closes=time(17))
EVENING = Hours(kind=SessionKind.NORMAL, part="evening", opens=time(17), closes=time(23, 30), winter=time(23, 55))
DAY = Hours(kind=SessionKind.NORMAL, opens=time(9, 15), closes=time(15, 30))
LATER = Hours(kind=SessionKind.NORMAL, opens=time(9, 15), closes=time(15, 40))
HOUR = Hours(kind=SessionKind.MUHURAT, opens=time(18), closes=time(19))
MONDAY = date(2026, 6, 1)
SATURDAY = date(2026, 6, 6)


def timetable(*hours: Hours, segment: ExchangeSegment = NFO, since: date = date(2026, 1, 1)) -> Timetable:
    return Timetable(segment=segment, since=since, hours=hours, source="a test")


def holiday(day: date, *closed: str, segment: ExchangeSegment = NFO) -> Holiday:
    return Holiday(segment=segment, day=day, name="a feast", closed=frozenset(closed), source="a test")


def special(day: date, hours: tuple[Hours, ...] | None, segment: ExchangeSegment = NFO) -> SpecialDay:
    return SpecialDay(segment=segment, day=day, name="a special day", hours=hours, source="a test")


def square_off(at: time, since: date = date(2026, 1, 1)) -> SquareOff:
    return SquareOff(segment=NFO, since=since, at=at, source="a test")


PUBLISHED = Calendar(
    timetables=(timetable(LATER, since=date(2026, 8, 3)), timetable(DAY), timetable(MORNING, EVENING, segment=MCX)),
    holidays=(holiday(MONDAY), holiday(MONDAY, "morning", segment=MCX), holiday(MONDAY + timedelta(1), "evening", segment=MCX)),
    specials=(special(SATURDAY, (HOUR,)), special(SATURDAY + timedelta(1), None), special(date(2026, 11, 8), ())),
    square_offs=(square_off(time(15, 20)),),
    years=frozenset({(NFO, 2026), (NFO, 2027), (MCX, 2026)}),
)


def times(calendar: Calendar, day: date, segment: ExchangeSegment = NFO) -> list[tuple[time, time]]:
    return [(each.opens.time(), each.closes.time()) for each in calendar.day(segment, day).sessions]


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return ist(datetime.combine(day, time(hour, minute)))


def test_s1_an_ordinary_day_has_the_sessions_of_the_timetable() -> None:
    day = PUBLISHED.day(NFO, date(2026, 6, 2))
    assert (day.name, day.known, day.hours_known) == ("", True, True)
    assert times(PUBLISHED, date(2026, 6, 2)) == [(time(9, 15), time(15, 30))]


def test_s2_a_timetable_holds_from_its_day_on() -> None:
    assert times(PUBLISHED, date(2026, 7, 31)) == [(time(9, 15), time(15, 30))]
    assert times(PUBLISHED, date(2026, 8, 3)) == [(time(9, 15), time(15, 40))]


def test_s1_holidays_and_weekends_have_none() -> None:
    assert (PUBLISHED.day(NFO, MONDAY).sessions, PUBLISHED.day(NFO, MONDAY).name) == ((), "a feast")
    assert (PUBLISHED.day(MCX, SATURDAY).sessions, PUBLISHED.day(MCX, SATURDAY).name) == ((), "Saturday")
    assert PUBLISHED.label(NFO, at(MONDAY, 10)).phase is Phase.CLOSED
    assert PUBLISHED.label(NFO, at(MONDAY, 10)).text == "NSE_FNO is closed at 10:00 (a feast)"


def test_s1_a_holiday_may_close_a_part_of_the_day() -> None:
    assert times(PUBLISHED, MONDAY, MCX) == [(time(17), time(23, 30))]
    assert times(PUBLISHED, MONDAY + timedelta(1), MCX) == [(time(9), time(17))]
    assert PUBLISHED.label(MCX, at(MONDAY, 10)).phase is Phase.CLOSED
    assert PUBLISHED.label(MCX, at(MONDAY, 17)).text == "MCX_COMM evening normal market 17:00 to 23:30 (a feast)"


def test_s1_a_special_day_trades_at_its_own_hours_or_at_the_ordinary_ones() -> None:
    assert times(PUBLISHED, SATURDAY) == [(time(18), time(19))]
    assert times(PUBLISHED, SATURDAY + timedelta(1)) == [(time(9, 15), time(15, 30))]
    assert PUBLISHED.label(NFO, at(SATURDAY, 18, 30)).text == "NSE_FNO Muhurat 18:00 to 19:00 (a special day)"
    assert PUBLISHED.label(NFO, at(SATURDAY, 12)).phase is Phase.CLOSED


def test_s1_a_special_day_whose_hours_are_not_known_is_neither_open_nor_closed() -> None:
    label = PUBLISHED.label(NFO, at(date(2026, 11, 8), 18))
    assert (label.phase, label.known) == (Phase.UNKNOWN, False)
    assert "a special day" in label.text


def test_s2_in_an_unknown_year_weekdays_are_assumed_and_the_label_says_so() -> None:
    label = PUBLISHED.label(MCX, at(date(2027, 1, 26), 10))
    assert (label.phase, label.known) == (Phase.OPEN, False)
    assert "the holidays of 2027 are not known" in label.text
    assert PUBLISHED.label(MCX, at(date(2027, 1, 23), 10)).phase is Phase.CLOSED


def test_what_is_known_ends_somewhere() -> None:
    assert PUBLISHED.known_until(NFO, MONDAY) == date(2027, 12, 31)
    assert PUBLISHED.known_until(MCX, MONDAY) == date(2026, 12, 31)
    assert PUBLISHED.known_until(MCX, date(2027, 1, 1)) is None
    assert PUBLISHED.known_until(EQ, MONDAY) is None


def test_an_empty_calendar_knows_nothing() -> None:
    label = Calendar().label(NFO, at(MONDAY, 10))
    assert (label.phase, label.known) == (Phase.UNKNOWN, False)
    assert Calendar().next_session(NFO, at(MONDAY, 10)) is None
    assert not Calendar().has_timetable(NFO)
    assert repr(Calendar()) == "Calendar(years none)"


def test_before_the_first_timetable_nothing_is_known() -> None:
    label = PUBLISHED.label(NFO, at(date(2025, 6, 2), 10))
    assert (label.phase, label.known) == (Phase.UNKNOWN, False)


def test_s3_the_square_off_is_that_of_ordinary_hours() -> None:
    assert PUBLISHED.day(NFO, date(2026, 6, 2)).square_off == at(date(2026, 6, 2), 15, 20)
    assert PUBLISHED.day(NFO, SATURDAY).square_off is None, "nobody has said when on such a day"
    assert PUBLISHED.day(NFO, SATURDAY + timedelta(1)).square_off == at(SATURDAY + timedelta(1), 15, 20)
    assert PUBLISHED.day(NFO, MONDAY).square_off is None
    assert PUBLISHED.day(MCX, date(2026, 6, 3)).square_off is None


def overridden(**own: object) -> Calendar:
    return evolve(PUBLISHED, over=Calendar(**own))  # type: ignore[arg-type]


def test_s2_the_users_own_comes_first() -> None:
    tuesday = date(2026, 6, 2)
    assert times(overridden(holidays=(holiday(tuesday),)), tuesday) == []
    assert times(overridden(specials=(special(MONDAY, None),)), MONDAY) == [(time(9, 15), time(15, 30))]
    assert times(overridden(specials=(special(tuesday, (HOUR,)),)), tuesday) == [(time(18), time(19))]
    assert times(overridden(holidays=(holiday(SATURDAY),)), SATURDAY) == [], "though a special session was published"
    assert times(overridden(timetables=(timetable(LATER),)), tuesday) == [(time(9, 15), time(15, 40))]
    sooner = overridden(square_offs=(square_off(time(15, 10)),))
    assert sooner.day(NFO, tuesday).square_off == at(tuesday, 15, 10)
    assert overridden(years=frozenset({(MCX, 2027)})).known_until(MCX, MONDAY) == date(2027, 12, 31)
    assert "and the own" in repr(overridden(years=frozenset({(MCX, 2027)})))
    assert overridden(timetables=(timetable(DAY, segment=EQ),)).has_timetable(EQ)


def test_what_the_user_does_not_speak_of_stays() -> None:
    own = overridden(holidays=(holiday(date(2026, 6, 2)),))
    assert times(own, MONDAY) == [] and times(own, date(2026, 6, 3)) == [(time(9, 15), time(15, 30))]


moments = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31)).map(ist)
segments = st.sampled_from([NFO, MCX, EQ])


@given(segments, moments)
def test_s1_a_moment_is_open_exactly_within_a_session(segment: ExchangeSegment, moment: datetime) -> None:
    label = PUBLISHED.label(segment, moment)
    day = PUBLISHED.day(segment, moment.date())
    inside = any(each.opens <= moment < each.closes for each in day.sessions)
    assert (label.phase is Phase.OPEN) == inside
    assert label.phase is not Phase.CLOSED or day.hours_known
    assert day.known or day.day.year > 2026 or segment is EQ


@given(st.sampled_from([NFO, MCX]), moments)
def test_s1_the_next_session_is_the_first_that_has_not_closed(segment: ExchangeSegment, moment: datetime) -> None:
    found = PUBLISHED.next_session(segment, moment)
    assert found is not None and found.closes > moment
    day = moment.date()
    while day <= found.opens.date():
        for each in PUBLISHED.day(segment, day).sessions:
            assert each.closes <= moment or max(each.opens, moment) >= max(found.opens, moment)
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [(at(date(2026, 5, 29), 16), at(date(2026, 6, 2), 9, 15)), (at(SATURDAY, 12), at(SATURDAY, 18))],
)
def test_s1_what_opens_after_a_long_weekend(moment: datetime, opens: datetime) -> None:
    found = PUBLISHED.next_session(NFO, moment)
    assert found is not None and found.opens == opens
