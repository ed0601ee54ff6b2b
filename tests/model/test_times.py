"""Indian Standard Time is five and a half hours, not Calcutta's mean time."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.times import ist, ist_date


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)))
def test_a_naive_time_of_dhans_is_five_and_a_half_hours_ahead(naive: datetime) -> None:
    aware = ist(naive)
    assert aware.utcoffset() == timedelta(hours=5, minutes=30)
    assert aware.replace(tzinfo=None) == naive


def test_the_day_is_the_indian_one() -> None:
    assert ist_date(datetime(2026, 1, 5, 18, 29, 59, tzinfo=timezone.utc)) == date(2026, 1, 5)
    assert ist_date(datetime(2026, 1, 5, 18, 30, tzinfo=timezone.utc)) == date(2026, 1, 6)


def test_a_naive_time_has_no_day() -> None:
    with pytest.raises(ValueError, match="aware"):
        ist_date(datetime(2026, 1, 5))
