"""The calendar of this release, and the user's own over it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from dhan_copy.errors import ConfigurationError
from dhan_copy.market.calendar import load_calendar, published_calendar
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.sessions import Phase
from dhan_copy.model.times import ist

EQ, NFO, BFO = ExchangeSegment.NSE_EQ, ExchangeSegment.NSE_FNO, ExchangeSegment.BSE_FNO
CDS, MCX = ExchangeSegment.NSE_CURRENCY, ExchangeSegment.MCX_COMM
CALENDAR = published_calendar()


def phase(segment: ExchangeSegment, when: str) -> Phase:
    return CALENDAR.label(segment, ist(datetime.fromisoformat(when))).phase


@pytest.mark.parametrize(
    ("segment", "when", "expected"),
    [
        (EQ, "2026-11-20 10:00", Phase.OPEN),
        (EQ, "2026-11-20 08:59", Phase.CLOSED),
        (EQ, "2026-11-20 09:00", Phase.OPEN),
        (EQ, "2026-11-21 10:00", Phase.CLOSED),
        (EQ, "2026-11-24 10:00", Phase.CLOSED),
        (EQ, "2026-01-15 10:00", Phase.CLOSED),
        (EQ, "2025-02-01 10:00", Phase.OPEN),
        (EQ, "2026-02-01 10:00", Phase.OPEN),
        (MCX, "2026-02-01 16:59", Phase.OPEN),
        (MCX, "2026-02-01 17:00", Phase.CLOSED),
        (CDS, "2026-02-01 10:00", Phase.CLOSED),
        (EQ, "2025-10-21 10:00", Phase.CLOSED),
        (EQ, "2025-10-21 14:00", Phase.OPEN),
        (MCX, "2025-10-21 14:00", Phase.OPEN),
        (NFO, "2026-11-08 18:30", Phase.UNKNOWN),
        (CDS, "2026-04-01 10:00", Phase.CLOSED),
        (EQ, "2026-04-01 10:00", Phase.OPEN),
        (CDS, "2025-09-05 10:00", Phase.OPEN),
        (CDS, "2025-09-08 10:00", Phase.CLOSED),
        (CDS, "2026-11-20 16:59", Phase.OPEN),
        (CDS, "2026-11-20 17:00", Phase.CLOSED),
        (MCX, "2026-01-01 10:00", Phase.OPEN),
        (MCX, "2026-01-01 18:00", Phase.CLOSED),
        (MCX, "2026-11-24 10:00", Phase.CLOSED),
        (MCX, "2026-11-24 23:54", Phase.OPEN),
        (MCX, "2026-10-20 23:29", Phase.OPEN),
        (MCX, "2026-10-20 23:30", Phase.CLOSED),
        (MCX, "2026-12-25 18:00", Phase.CLOSED),
    ],
)
def test_s1_published_days_and_hours(segment: ExchangeSegment, when: str, expected: Phase) -> None:
    assert phase(segment, when) is expected


@pytest.mark.parametrize("segment", [NFO, BFO])
@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-07-31 15:35", Phase.CLOSED),
        ("2026-08-03 15:35", Phase.OPEN),
        ("2026-08-03 15:40", Phase.CLOSED),
        ("2026-12-04 15:42", Phase.CLOSED),
        ("2026-12-07 15:42", Phase.OPEN),
        ("2026-12-07 15:45", Phase.CLOSED),
    ],
)
def test_s2_the_close_of_derivatives_moves_with_the_closing_auction(
    segment: ExchangeSegment, when: str, expected: Phase
) -> None:
    assert phase(segment, when) is expected


def test_s2_the_closing_auction_of_2026() -> None:
    def auction(when: str) -> bool:
        return "closing auction" in CALENDAR.label(EQ, ist(datetime.fromisoformat(when))).text

    assert [auction(f"2026-{when}") for when in ("07-31 15:20", "08-03 15:14", "08-03 15:15", "08-03 15:34")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert [auction(f"2026-12-{when}") for when in ("04 15:20", "07 15:20", "07 15:30", "07 15:39", "07 15:40")] == [
        True, False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("segment", list(ExchangeSegment))
def test_s2_both_years_are_known_and_what_follows_is_not(segment: ExchangeSegment) -> None:
    assert CALENDAR.known_until(segment, date(2025, 1, 1)) == date(2026, 12, 31)
    label = CALENDAR.label(segment, ist(datetime(2027, 1, 26, 10)))
    assert (label.phase, label.known) == (Phase.OPEN, False)


@pytest.mark.parametrize("segment", list(ExchangeSegment))
def test_every_entry_has_a_source_and_lies_in_a_known_year(segment: ExchangeSegment) -> None:
    days = [each for each in (*CALENDAR.holidays, *CALENDAR.specials) if each.segment is segment]
    assert all(CALENDAR.covers(segment, each.day.year) for each in days)
    dated = [each for each in (*CALENDAR.timetables, *CALENDAR.square_offs) if each.segment is segment]
    assert all(len(each.source) > 10 for each in (*days, *dated))
    assert len(days) == len({(type(each), each.day) for each in days}), "no day twice"


@pytest.mark.parametrize("segment", list(ExchangeSegment))
@pytest.mark.parametrize("year", [2025, 2026])
def test_a_year_has_about_250_trading_days(segment: ExchangeSegment, year: int) -> None:
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(365))
    # No holiday of a list stands on a weekend: such days are told in a footnote, and are closed anyway.
    assert all(each.day.weekday() < 5 for each in CALENDAR.holidays)
    assert 240 <= sum(bool(CALENDAR.day(segment, day).sessions) for day in days) <= 262


def test_s2_a_file_of_the_users_own_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("""
        [[holidays]]
        segments = ["NSE_EQ", "NSE_FNO"]
        days = { 2026-12-31 = "elections" }
        source = "a circular"

        [[special]]
        segments = ["NSE_FNO"]
        day = 2026-11-08
        name = "Muhurat"
        sessions = [{ kind = "MUHURAT", opens = 18:15:00, closes = 19:15:00 }]
        source = "a circular"

        [[years]]
        segments = ["NSE_EQ"]
        years = [2027]
        source = "a circular"
    """)
    mine = load_calendar(path)
    assert mine.label(EQ, ist(datetime(2026, 12, 31, 10))).phase is Phase.CLOSED
    assert mine.label(MCX, ist(datetime(2026, 12, 31, 10))).phase is Phase.OPEN
    assert mine.label(NFO, ist(datetime(2026, 11, 8, 18, 30))).phase is Phase.OPEN
    assert mine.label(NFO, ist(datetime(2026, 11, 24, 10))).phase is Phase.CLOSED, "what was published stays"
    assert mine.known_until(EQ, date(2026, 1, 1)) == date(2027, 12, 31)
    assert load_calendar(path, alone=True).label(NFO, ist(datetime(2026, 11, 24, 10))).phase is Phase.UNKNOWN


HOLIDAYS = '[[holidays]]\nsegments = ["NSE_EQ"]\ndays = { 2026-01-26 = "x" }\nsource = "y"\n'
SPECIAL = '[[special]]\nsegments = ["NSE_EQ"]\nday = 2026-01-26\nname = "x"\nsource = "y"\n'
HOURS = 'sessions = [{ kind = "NORMAL", opens = 09:15:00, closes = 15:30:00 }]\n'
TIMETABLE = '[[timetable]]\nsegments = ["NSE_EQ"]\nsince = 2026-01-26\nsource = "y"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[feasts]]", "unknown key feasts"),
        (HOLIDAYS.replace("2026-01-26", "26-Jan"), "number 1: '26-Jan' is no day"),
        (HOLIDAYS.replace('"x"', "1"), "name of 2026-01-26 must be a text"),
        (HOLIDAYS.replace('{ 2026-01-26 = "x" }', '["2026-01-26"]'), "days must name days"),
        (HOLIDAYS.replace("NSE_EQ", "NSE"), "'NSE' is no segment"),
        (HOLIDAYS.replace('"y"', '""'), "source must be a text"),
        (HOLIDAYS + "closed = []", "closed must be a list"),
        (SPECIAL + "ordinary = 1.5", "ordinary = true stands"),
        (SPECIAL + "ordinary = true\n" + HOURS, "ordinary = true stands"),
        (SPECIAL + HOURS.replace("NORMAL", "LUNCH"), "'LUNCH' is no kind of session.*MUHURAT"),
        (SPECIAL + HOURS.replace("15:30:00", "09:00:00"), "closes at 09:00, before it opens"),
        (SPECIAL + HOURS.replace("15:30:00", '"15:30"'), "closes must be a time"),
        (SPECIAL + HOURS.replace("kind", "sort"), "unknown key 'sort'"),
        (SPECIAL + HOURS.replace("}", ", note = 1 }"), "part and note of a session are texts"),
        (SPECIAL + "sessions = 1", "sessions must be a list"),
        (TIMETABLE, "sessions must have one"),
        ('[[years]]\nsegments = ["NSE_EQ"]\nsource = "y"\nyears = ["2027"]', "years must be a list of numbers"),
        ('[[square_off]]\nsegments = ["NSE_EQ"]\nsince = 2026-01-01\nsource = "y"', "at must be a time"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=words) as caught:
        load_calendar(path)
    assert str(path) in str(caught.value)
