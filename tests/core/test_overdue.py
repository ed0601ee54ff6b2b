"""After-market orders whose session should have been: two books of a later day that lack one end it, and no fewer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from dhan_copy.core.facts import BookRead, Channel, Fact, LeaderReported
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.overdue import Overdue, stays
from dhan_copy.core.settings import CopierSettings, LeaderRules
from dhan_copy.core.state import State
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderReport, OrderStatus, Variety
from dhan_copy.model.times import ist
from tests.core.make import report

LEADER = AccountName("L")
FRIDAY, MONDAY, TUESDAY = ist(datetime(2026, 11, 20, 21, 0)), "2026-11-23", ist(datetime(2026, 11, 24, 9, 5))


def late(**more: object) -> OrderReport:
    plain = evolve(report(), variety=Variety.AFTER_MARKET, created_at=FRIDAY, status=OrderStatus.PENDING, filled_quantity=0)
    return evolve(plain, **more)  # type: ignore[arg-type]


def known(order: OrderReport) -> State:
    settings = CopierSettings(leaders=(LeaderRules(name=LEADER),), followers=(), calendar=published_calendar())
    state = State(settings=settings, day="2026-11-24")
    where = (LEADER, order.order_id)
    state.leader_orders[where] = LeaderOrder(
        leader=LEADER, report=order, first_seen_at=FRIDAY, seen_at=FRIDAY, channel=Channel.BOOK, confirmed=True
    )
    state.open_leader_orders[where] = None
    return state


def read(minute: int) -> BookRead:
    return BookRead(account=LEADER, read_at=TUESDAY + timedelta(minutes=minute))


def row(order: OrderReport) -> Fact:
    return LeaderReported(leader=LEADER, report=order, channel=Channel.BOOK, read_at=TUESDAY)


def test_p8_it_stays_until_its_session_and_beyond_it_as_long_as_nothing_shows_that_it_was() -> None:
    def at(order: OrderReport, day: str) -> bool:
        return stays(known(order), (LEADER, order.order_id), day)

    assert at(late(status=OrderStatus.CANCELLED), MONDAY), "and is not copied again"
    assert at(late(), "2026-11-24")
    assert not at(late(status=OrderStatus.EXPIRED), "2026-11-24")
    assert not at(late(status=OrderStatus.PART_TRADED, filled_quantity=1, quantity=75), "2026-11-24")
    assert not at(late(variety=Variety.REGULAR), MONDAY)


def test_p8_two_books_that_lack_it_end_it() -> None:
    overdue, state = Overdue(), known(late())
    assert list(overdue.told(state, [read(0)])) == [read(0)]
    assert list(overdue.told(state, [read(0)])) == [read(0)], "the same look twice is one"
    ended, last = overdue.told(state, [read(1)])
    assert isinstance(ended, LeaderReported) and last == read(1)
    assert ended.report.status is OrderStatus.EXPIRED and ended.report.updated_at == read(1).read_at


def test_p8_one_that_shows_it_begins_the_count_anew() -> None:
    overdue, order = Overdue(), late()
    state = known(order)
    for minute in (0, 2):
        assert list(overdue.told(state, [read(minute)])) == [read(minute)]
        assert list(overdue.told(state, [row(order), read(minute + 1)])) == [row(order), read(minute + 1)]


@pytest.mark.parametrize(
    "order", [late(variety=Variety.REGULAR), late(created_at=ist(datetime(2026, 11, 23, 21, 0)))], ids=["regular", "of tonight"]
)
def test_p8_what_is_not_of_an_earlier_session_is_left_alone(order: OrderReport) -> None:
    overdue, state = Overdue(), known(order)
    for minute in range(3):
        assert list(overdue.told(state, [read(minute)])) == [read(minute)]


def test_p8_a_book_of_another_day_tells_nothing() -> None:
    overdue, state = Overdue(), known(late())
    for minute in range(-1440, -1437):
        assert list(overdue.told(state, [read(minute)])) == [read(minute)]
