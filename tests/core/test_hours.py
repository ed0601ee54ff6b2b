"""What the calendar has to say to a decision: only what the policy asks for is refused, the rest is a warning."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from attrs import evolve

from dhan_copy.core.calendar import Calendar
from dhan_copy.core.facts import Channel
from dhan_copy.core.hours import refusal, warning
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.settings import ClosedMarket, CopierSettings, Policy
from dhan_copy.model.order import Product
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.sessions import Hours, SessionKind, SpecialDay, SquareOff, Timetable
from dhan_copy.model.times import ist
from tests.core.make import LEADER, SEGMENT, START, report

OPEN = START
LATE = ist(datetime(2026, 11, 20, 18, 0))
CALENDAR = Calendar(
    timetables=(
        Timetable(
            segment=SEGMENT, since=date(2026, 1, 1), source="a test",
            hours=(Hours(kind=SessionKind.NORMAL, opens=time(9, 15), closes=time(15, 40)),),
        ),
    ),
    specials=(SpecialDay(segment=SEGMENT, day=date(2026, 11, 21), name="Muhurat", hours=(), source="a test"),),
    square_offs=(SquareOff(segment=SEGMENT, since=date(2026, 1, 1), at=time(15, 20), source="a test"),),
    years=frozenset({(SEGMENT, 2026)}),
)  # fmt: skip
DENY = Policy(closed_market=ClosedMarket.DENY)


def settings(policy: Policy = Policy(), calendar: Calendar = CALENDAR) -> CopierSettings:
    return CopierSettings(leaders=(), followers=(), policy=policy, calendar=calendar)


def refused(when: datetime, policy: Policy = Policy(), product: Product = Product.MARGIN) -> ReasonCode | None:
    found = refusal(settings(policy), report(product=product), when)
    return None if found is None else found[0]


def warned(when: datetime, calendar: Calendar = CALENDAR) -> str | None:
    order = LeaderOrder(leader=LEADER, report=report(), first_seen_at=when, seen_at=when, channel=Channel.STREAM)
    found = warning(settings(calendar=calendar), order, when)
    return None if found is None else found.code


def test_s1_a_closed_market_is_no_reason_by_default() -> None:
    assert refused(LATE) is None


def test_s1_the_policy_may_deny_it() -> None:
    assert refused(LATE, DENY) is ReasonCode.MARKET_CLOSED
    assert refused(OPEN, DENY) is None
    found = refusal(settings(DENY), report(product=Product.MARGIN), LATE)
    assert found is not None and found[1] == "NSE_FNO is closed at 18:00"


def test_s1_what_is_not_known_is_never_denied() -> None:
    assert refused(ist(datetime(2026, 11, 21, 18)), DENY) is None, "hours not known"
    assert refused(ist(datetime(2027, 1, 26, 10)), DENY) is None, "year not known"
    assert refusal(settings(DENY, Calendar()), report(), LATE) is None, "nothing known"


@pytest.mark.parametrize(
    ("hour", "minute", "stops"), [(15, 17, False), (15, 18, True), (15, 20, True), (15, 39, True), (15, 40, False)]
)
@pytest.mark.parametrize("product", list(Product))
def test_s3_entries_that_end_with_the_day_stop_before_the_square_off(
    product: Product, hour: int, minute: int, stops: bool
) -> None:
    stopped = refused(ist(datetime(2026, 11, 20, hour, minute)), product=product)
    assert stopped is (ReasonCode.SQUARE_OFF_NEAR if stops and product.ends_with_day else None)


def test_s3_how_long_before_is_settable_and_can_be_switched_off() -> None:
    at = ist(datetime(2026, 11, 20, 15, 0))
    assert refused(at, Policy(entries_stop_before_square_off=timedelta(minutes=20)), Product.INTRADAY) is not None
    never = Policy(entries_stop_before_square_off=None)
    assert refused(ist(datetime(2026, 11, 20, 15, 30)), never, Product.INTRADAY) is None


def test_s1_what_is_copied_all_the_same_is_warned_of() -> None:
    assert warned(OPEN) is None
    assert warned(LATE) == "MARKET_CLOSED"
    assert warned(ist(datetime(2026, 11, 21, 18))) == "CALENDAR_UNKNOWN"


def test_s2_an_unknown_year_is_warned_of_and_raises_nothing() -> None:
    assert warned(ist(datetime(2027, 1, 26, 10))) == "CALENDAR_UNKNOWN"
    assert warned(ist(datetime(2027, 1, 24, 10))) == "MARKET_CLOSED", "a Sunday"
    assert warned(LATE, Calendar()) is None, "who has no calendar wants no warning"
    assert warned(LATE, evolve(CALENDAR, years=frozenset())) == "MARKET_CLOSED"
