"""Sessions of a day: hours, and MCX's two closes with New York's clock."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.sessions import Hours, SessionKind, SquareOff, TradingDay, us_daylight
from dhan_copy.model.times import ist

EVENING = Hours(kind=SessionKind.NORMAL, part="evening", opens=time(17), closes=time(23, 30), winter=time(23, 55))


def sunday(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


@given(st.dates(date(2010, 1, 1), date(2035, 12, 31)))
def test_s2_new_york_has_summer_time_from_the_second_sunday_of_march_to_the_first_of_november(day: date) -> None:
    assert us_daylight(day) is (sunday(day.year, 3, 2) <= day < sunday(day.year, 11, 1))


@pytest.mark.parametrize(
    ("day", "closes"),
    [
        (date(2025, 3, 7), time(23, 55)),
        (date(2025, 3, 10), time(23, 30)),
        (date(2026, 10, 30), time(23, 30)),
        (date(2026, 11, 2), time(23, 55)),
        (date(2027, 3, 12), time(23, 55)),
        (date(2027, 3, 15), time(23, 30)),
    ],
)
def test_s2_the_evening_close_of_mcx_changes_with_it(day: date, closes: time) -> None:
    session = EVENING.on(day)
    assert (session.opens, session.closes) == (ist(datetime.combine(day, time(17))), ist(datetime.combine(day, closes)))
    assert str(session) == f"evening normal market 17:00 to {closes:%H:%M}"


def test_a_note_is_told() -> None:
    hours = Hours(kind=SessionKind.CLOSING_AUCTION, opens=time(15, 15), closes=time(15, 35), note="some only")
    assert str(hours.on(date(2026, 9, 1))) == "closing auction 15:15 to 15:35 (some only)"


@pytest.mark.parametrize(("closes", "winter"), [(time(9), None), (time(8), None), (time(10), time(9))])
def test_a_session_closes_after_it_opens(closes: time, winter: time | None) -> None:
    with pytest.raises(ValueError, match="before it opens at 09:00"):
        Hours(kind=SessionKind.NORMAL, opens=time(9), closes=closes, winter=winter)


def test_the_square_off_of_mcx_moves_too() -> None:
    rule = SquareOff(
        segment=ExchangeSegment.MCX_COMM, since=date(2025, 1, 1), at=time(23, 15), winter=time(23, 45), source="a test"
    )
    assert rule.on(date(2026, 7, 1)) == ist(datetime(2026, 7, 1, 23, 15))
    assert rule.on(date(2026, 12, 1)) == ist(datetime(2026, 12, 1, 23, 45))


def test_a_day_ends_with_its_last_session() -> None:
    auction = Hours(kind=SessionKind.CLOSING_AUCTION, opens=time(15, 15), closes=time(15, 35))
    day = date(2026, 9, 1)
    sessions = (EVENING.on(day), auction.on(day))
    assert TradingDay(segment=ExchangeSegment.MCX_COMM, day=day, sessions=sessions).closes == sessions[0].closes
    assert TradingDay(segment=ExchangeSegment.MCX_COMM, day=day).closes is None
