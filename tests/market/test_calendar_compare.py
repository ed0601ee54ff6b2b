"""What ``nox -s calendar`` finds: days that only one side trades on, and data that is about to end."""

from __future__ import annotations

from datetime import date

import pytest

from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.instrument import ExchangeSegment
from tests.market.compare import EXPLAINED, differences, ending, trading_days

OURS = trading_days(published_calendar(), ExchangeSegment.NSE_EQ, 2026)


def test_days_without_a_difference_are_no_finding() -> None:
    assert differences(OURS, set(OURS)) == []


def test_a_holiday_that_only_one_side_has_is_found() -> None:
    assert differences(OURS, OURS - {date(2026, 6, 1)}) == ["2026-06-01 (Mon): we trade"]
    assert differences(OURS, OURS | {date(2026, 11, 24)}) == ["2026-11-24 (Tue): they trade"]


def test_an_explained_day_is_none_and_each_is_one_of_ours() -> None:
    assert differences(OURS, OURS - EXPLAINED.keys()) == []
    both = OURS | trading_days(published_calendar(), ExchangeSegment.NSE_EQ, 2025)
    assert EXPLAINED.keys() <= both, "also the day whose hours are not known"


@pytest.mark.parametrize(("today", "ends"), [(date(2026, 11, 15), 0), (date(2026, 11, 16), 7), (date(2027, 1, 1), 7)])
def test_s2_the_check_fails_45_days_before_the_data_ends(today: date, ends: int) -> None:
    assert len(ending(published_calendar(), today)) == ends
