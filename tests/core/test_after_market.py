"""The session that an after-market order is for."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.after_market import is_queued, session_of
from dhan_copy.core.calendar import Calendar
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.order import OrderReport, OrderStatus, Variety
from dhan_copy.model.times import ist
from tests.core.make import report

CALENDAR = published_calendar()


def placed(at: datetime, **more: object) -> OrderReport:
    return evolve(report(), variety=Variety.AFTER_MARKET, created_at=at, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (datetime(2026, 11, 19, 21, 0), datetime(2026, 11, 20, 9, 15)),
        (datetime(2026, 11, 20, 8, 30), datetime(2026, 11, 20, 9, 15)),
        (datetime(2026, 11, 20, 10, 0), datetime(2026, 11, 23, 9, 15)),
        (datetime(2026, 11, 20, 21, 0), datetime(2026, 11, 23, 9, 15)),
        (datetime(2026, 11, 22, 12, 0), datetime(2026, 11, 23, 9, 15)),
    ],
    ids=["evening", "morning", "in the session", "before a weekend", "sunday"],
)
def test_p8_it_is_for_the_first_session_that_opens_after_it(at: datetime, opens: datetime) -> None:
    session = session_of(CALENDAR, placed(ist(at)))
    assert session is not None and session.opens == ist(opens)


@given(st.integers(0, 60 * 24 * 300))
def test_p8_no_day_of_trading_is_left_out(minute: int) -> None:
    at = ist(datetime(2026, 1, 1)) + timedelta(minutes=minute)
    session = session_of(CALENDAR, placed(at))
    if session is None:
        return  # hours that nobody has published (Muhurat) lie between
    assert at < session.opens
    day = at.date()
    while day < session.opens.date():
        opened = [s for s in CALENDAR.day(report().segment, day).sessions if s.opens > at and s.kind.name != "PRE_OPEN"]
        assert not opened, "an earlier session opens after it"
        day += timedelta(days=1)


def test_p8_where_the_calendar_knows_nothing_no_session_is_assumed() -> None:
    assert session_of(Calendar(), placed(ist(datetime(2026, 11, 19, 21, 0)))) is None
    assert session_of(CALENDAR, placed(ist(datetime(2031, 11, 19, 21, 0)))) is None
    assert session_of(CALENDAR, evolve(placed(ist(datetime(2026, 11, 19, 21, 0))), created_at=None)) is None
    assert date(2031, 11, 19).weekday() < 5


def test_p8_it_waits_until_that_session_opens_or_it_has_filled_or_ended() -> None:
    order = placed(ist(datetime(2026, 11, 20, 21, 0)), status=OrderStatus.PENDING, filled_quantity=0)
    before, after = ist(datetime(2026, 11, 23, 9, 14, 59)), ist(datetime(2026, 11, 23, 9, 15))
    assert is_queued(CALENDAR, order, before) and not is_queued(CALENDAR, order, after)
    assert not is_queued(CALENDAR, evolve(order, status=OrderStatus.CANCELLED), before)
    assert not is_queued(CALENDAR, evolve(order, filled_quantity=1), before)
    assert not is_queued(CALENDAR, evolve(order, variety=Variety.REGULAR), before)
    assert is_queued(Calendar(), order, after), "nobody can say that it has gone"
