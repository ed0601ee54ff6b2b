"""Indian Standard Time."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.times import ist, ist_date

naive_times = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1))
zones = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(naive_times)
def test_five_and_a_half_hours_ahead_of_utc(naive: datetime) -> None:
    assert ist(naive).utcoffset() == timedelta(hours=5, minutes=30)
    assert ist(naive).replace(tzinfo=None) == naive


@given(naive_times, zones)
def test_the_day_is_that_of_india_in_whatever_zone_the_time_is(naive: datetime, zone: timezone) -> None:
    assert ist_date(ist(naive).astimezone(zone)) == naive.date()


def test_a_day_begins_at_half_past_six_in_the_evening_of_utc() -> None:
    utc = timezone.utc
    assert ist_date(datetime(2026, 8, 3, 18, 29, 59, tzinfo=utc)) == date(2026, 8, 3)
    assert ist_date(datetime(2026, 8, 3, 18, 30, tzinfo=utc)) == date(2026, 8, 4)


def test_a_naive_time_has_no_day() -> None:
    with pytest.raises(ValueError, match="aware datetime is needed"):
        ist_date(datetime(2026, 8, 3))
