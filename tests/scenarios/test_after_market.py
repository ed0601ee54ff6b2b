"""P8: the leader's after-market orders, in the evening, over nights and weekends, and when the session opens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import pytest
from attrs import evolve

from dhan_copy import AmoSlot, CopyMode, Policy
from dhan_copy.core.calendar import Calendar
from dhan_copy.core.facts import DriftDeclared
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import OrderStatus, Product, Side
from dhan_copy.model.sessions import Holiday, Hours, SessionKind, SpecialDay, Timetable
from dhan_copy.model.times import ist, ist_date
from dhan_copy.testing import Call, Fault, RequestKind
from tests.scenarios.kit import F, MORNING, Lab, Stage, limit

FRIDAY = ist(datetime(2026, 11, 20, 21, 0))
MONDAY = ist(datetime(2026, 11, 23, 9, 15))
SELDOM = timedelta(minutes=20)
CALM = Policy(sweep_open=SELDOM, sweep_idle=SELDOM, positions_every=SELDOM)
"""A weekend is long: the books are swept seldom in it."""
SLOT = evolve(CALM, amo_slot=AmoSlot.OPEN)


def night(labs: Callable[..., Lab], **more: object) -> Lab:
    lab = labs(start=FRIDAY, calendar=published_calendar(), **{"policy": SLOT, **more})
    lab.advance(5)
    return lab


def wait_until(lab: Lab, moment: datetime) -> None:
    lab.advance((moment - lab.clock.now()).total_seconds())


def weekend(lab: Lab, *, asleep: bool) -> None:
    """To the opening on Monday: the engine runs through three midnights, or is stopped and started again."""
    if asleep:
        lab.engine.stop()
        lab.clock.advance((MONDAY - lab.clock.now()).total_seconds() - 600)
        lab.exchange.new_day()
        lab.engine = lab.again()
    else:
        wait_until(lab, MONDAY - timedelta(minutes=10))
        lab.exchange.new_day()
    lab.step()
    wait_until(lab, MONDAY)


asleep_or_not = pytest.mark.parametrize("asleep", [False, True], ids=["awake", "asleep"])


@asleep_or_not
def test_p8_it_is_queued_with_the_slot_that_the_user_names_and_trades_when_the_session_opens(
    labs: Callable[..., Lab], asleep: bool
) -> None:
    lab = night(labs)
    order = lab.buy(300, limit(101), product=Product.MARGIN, after_market=True)
    lab.advance(5)
    copy = lab.copy()
    assert (copy.after_market, copy.quantity, copy.status) == (True, 150, OrderStatus.PENDING)
    assert lab.row(order)["decision"] == "COPIED"
    weekend(lab, asleep=asleep)
    assert len(lab.requests()) == 1, "not placed again on any of three days"
    lab.exchange.release_after_market()
    lab.advance(30)
    assert lab.net(product=Product.MARGIN) == 150 and len(lab.copies()) == 1
    lab.sell(300, product=Product.MARGIN)
    lab.advance(60)
    assert lab.net(product=Product.MARGIN) == 0 and not lab.facts(DriftDeclared)
    assert "MARKET_CLOSED" not in [alert.code for alert in lab.alerts]


def sold_after_hours(labs: Callable[..., Lab]) -> Lab:
    """What was bought on a Friday is sold that evening, for the next session."""
    lab = labs(start=ist(datetime(2026, 11, 20, 14, 0)), calendar=published_calendar(), policy=SLOT)
    lab.buy(300, product=Product.MARGIN)
    lab.advance(30)
    wait_until(lab, FRIDAY)
    lab.exchange.end_day()
    lab.advance(60)
    lab.sell(300, limit(99), product=Product.MARGIN, after_market=True)
    lab.advance(60)
    return lab


@asleep_or_not
def test_p8_what_closes_a_position_is_queued_too(labs: Callable[..., Lab], asleep: bool) -> None:
    lab = sold_after_hours(labs)
    (leaving,) = [copy for copy in lab.copies() if copy.side is Side.SELL]
    assert leaving.after_market and leaving.quantity == 150
    weekend(lab, asleep=asleep)
    lab.exchange.release_after_market()
    lab.advance(60)
    assert lab.net(product=Product.MARGIN) == 0 and len(lab.requests(RequestKind.PLACE)) == 2


@asleep_or_not
@pytest.mark.parametrize("when", ["evening", "morning"])
def test_p8_it_is_modified_and_taken_back_before_and_after_the_night(labs: Callable[..., Lab], asleep: bool, when: str) -> None:
    lab = night(labs)
    order = lab.buy(300, limit(95), product=Product.MARGIN, after_market=True)
    lab.advance(5)
    if when == "morning":
        weekend(lab, asleep=asleep)
    lab.modify(order, units=600, terms=limit(96))
    lab.advance(20)
    assert (lab.copy().quantity, lab.copy().terms) == (300, limit(96))
    lab.cancel(order)
    lab.advance(20)
    assert lab.copy().status is OrderStatus.CANCELLED
    if when == "evening":
        weekend(lab, asleep=asleep)
        lab.advance(120)
    assert len(lab.requests(RequestKind.PLACE)) == 1 and not lab.facts(DriftDeclared)


@asleep_or_not
@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.NEVER_ARRIVED])
def test_p8_r3_an_answer_lost_just_before_midnight_is_settled_by_looking(
    labs: Callable[..., Lab], asleep: bool, fault: Fault
) -> None:
    lab = night(labs, policy=SLOT)
    wait_until(lab, FRIDAY + timedelta(hours=2, minutes=59, seconds=50))
    lab.brokers[F].fail_next(fault, on=Call.SUBMIT)
    lab.buy(300, limit(101), product=Product.MARGIN, after_market=True)
    lab.advance(1)
    weekend(lab, asleep=asleep)
    lab.advance(SELDOM.total_seconds())
    lab.exchange.release_after_market()
    lab.advance(SELDOM.total_seconds())
    assert lab.net(product=Product.MARGIN) == (150 if fault is Fault.ANSWER_LOST else 0)
    assert len(lab.requests(RequestKind.PLACE)) <= 1 and len(lab.copies()) == (fault is Fault.ANSWER_LOST)


def test_p8_after_its_session_it_is_over(labs: Callable[..., Lab]) -> None:
    lab = night(labs)
    lab.buy(300, limit(90), product=Product.MARGIN, after_market=True)
    lab.advance(5)
    weekend(lab, asleep=False)
    lab.exchange.release_after_market()
    lab.advance(5)
    wait_until(lab, MONDAY + timedelta(hours=7))
    lab.exchange.end_day()
    lab.advance(60)
    wait_until(lab, MONDAY + timedelta(hours=15))
    lab.exchange.new_day()
    lab.advance(60)
    assert lab.copies() == [] and len(lab.requests(RequestKind.PLACE)) == 1 and len(lab.engine.orders()) == 0


def to_tuesday(lab: Lab, *, asleep: bool, session: bool) -> None:
    """Without a ``session`` Monday was declared a holiday after the calendar was written. With one the orders of the day
    have expired by Tuesday."""
    tuesday = MONDAY + timedelta(days=1, minutes=-10)
    if asleep:
        lab.engine.stop()
        lab.clock.advance((tuesday - lab.clock.now()).total_seconds())
    else:
        wait_until(lab, tuesday)
    if session:
        lab.exchange.release_after_market()
        lab.exchange.end_day()
    lab.exchange.new_day()
    if asleep:
        lab.engine = lab.again()
    lab.step()


@asleep_or_not
def test_p8_where_its_session_did_not_take_place_it_waits_on_and_is_not_placed_again(
    labs: Callable[..., Lab], asleep: bool
) -> None:
    lab = night(labs)
    order = lab.buy(300, limit(101), product=Product.MARGIN, after_market=True)
    lab.advance(5)
    to_tuesday(lab, asleep=asleep, session=False)
    lab.advance(2 * SELDOM.total_seconds())
    assert (lab.copy().after_market, lab.copy().status) == (True, OrderStatus.PENDING)
    lab.exchange.release_after_market()
    lab.advance(SELDOM.total_seconds() + 60)
    assert lab.net(product=Product.MARGIN) == 150 and lab.row(order)["state"] == "FILLED"
    assert len(lab.requests(RequestKind.PLACE)) == 1
    lab.sell(300, product=Product.MARGIN)
    lab.advance(SELDOM.total_seconds() + 60)
    assert lab.net(product=Product.MARGIN) == 0 and not lab.facts(DriftDeclared)


def test_p8_an_exit_waits_on_too_and_is_not_placed_again(labs: Callable[..., Lab]) -> None:
    lab = sold_after_hours(labs)
    to_tuesday(lab, asleep=False, session=False)
    lab.exchange.release_after_market()
    lab.advance(SELDOM.total_seconds() + 60)
    assert lab.net(product=Product.MARGIN) == 0 and len(lab.requests(RequestKind.PLACE)) == 2


@asleep_or_not
@pytest.mark.parametrize("leaving", [False, True], ids=["entry", "exit"])
def test_p8_what_nobody_saw_end_is_over_once_two_books_lack_it(labs: Callable[..., Lab], asleep: bool, leaving: bool) -> None:
    """It rested through its session, while nothing was read."""
    lab = labs(start=ist(datetime(2026, 11, 20, 14, 0)), calendar=published_calendar(), policy=SLOT)
    if leaving:
        lab.buy(300, product=Product.MARGIN)
        lab.advance(30)
    wait_until(lab, FRIDAY)
    lab.exchange.end_day()
    lab.advance(60)
    trade, price = (lab.sell, limit(120)) if leaving else (lab.buy, limit(90))
    order = trade(300, price, product=Product.MARGIN, after_market=True)
    lab.advance(60)
    lab.engine.stop()
    lab.clock.advance((MONDAY - lab.clock.now()).total_seconds() + 3600)
    if not asleep:
        lab.engine = lab.again()
        lab.step()
    to_tuesday(lab, asleep=True, session=True)
    lab.advance(2 * SELDOM.total_seconds() + 60)
    assert lab.row(order)["status"] == lab.row(order)["state"] == "EXPIRED"
    assert len(lab.requests()) == 1 + leaving, "nothing is taken back or placed"
    if leaving:
        lab.sell(300, product=Product.MARGIN)
        lab.advance(SELDOM.total_seconds())
        assert lab.net(product=Product.MARGIN) == 0
    assert not lab.facts(DriftDeclared)


def test_p8_what_is_heard_of_after_the_opening_is_an_ordinary_order_by_then(labs: Callable[..., Lab]) -> None:
    lab = night(labs)
    lab.engine.stop()
    lab.clock.advance(60)
    lab.buy(300, limit(95), product=Product.MARGIN, after_market=True)
    lab.clock.advance((MONDAY - lab.clock.now()).total_seconds() + 60)
    lab.exchange.new_day()
    lab.exchange.release_after_market()
    lab.engine = lab.again()
    lab.advance(30)
    assert (lab.copy().after_market, lab.copy().terms) == (False, limit(95))


def test_p8_shortly_before_the_opening_it_waits_for_it(labs: Callable[..., Lab]) -> None:
    lab = labs(start=MONDAY - timedelta(seconds=50), calendar=published_calendar(), policy=SLOT)
    lab.buy(300, limit(95), product=Product.MARGIN, after_market=True)
    lab.advance(20)
    assert lab.requests() == [], "it might be queued for the next day"
    lab.advance(60)
    assert not lab.copy().after_market and lab.copy().quantity == 150


def test_p8_without_a_slot_it_is_declined_by_the_name_of_the_setting(stage: Stage) -> None:
    order = stage.buy(300, limit(95), product=Product.MARGIN, after_market=True)
    stage.until(lambda: stage.row(order)["decision"] == "AMO_SLOT_UNKNOWN")
    (said,) = [row for row in stage.engine.decisions() if row["leader_order_id"] == order]
    assert "Policy.amo_slot" in str(said["reason"]) and stage.requests() == []


def test_p8_where_the_calendar_knows_no_session_it_is_declined(stages: Callable[..., Stage]) -> None:
    stage = stages(policy=SLOT)
    order = stage.buy(300, limit(95), product=Product.MARGIN, after_market=True)
    stage.until(lambda: stage.row(order)["decision"] == "AMO_SESSION_UNKNOWN")
    assert stage.requests() == []


def test_p8_who_copies_fills_needs_no_slot(labs: Callable[..., Lab]) -> None:
    lab = night(labs, policy=CALM, how={"mode": CopyMode.EXECUTION})
    lab.buy(300, limit(101), product=Product.MARGIN, after_market=True)
    weekend(lab, asleep=False)
    assert lab.requests() == []
    lab.exchange.release_after_market()
    lab.advance(30)
    assert lab.net(product=Product.MARGIN) == 150 and not lab.copy().after_market


def closed_until_tomorrow() -> Calendar:
    today = ist_date(MORNING)
    segment, hours = ExchangeSegment.NSE_FNO, (Hours(kind=SessionKind.SPECIAL, opens=time(9, 15), closes=time(15, 30)),)
    days = [today + timedelta(days=number) for number in range(-1, 3)]
    return Calendar(
        timetables=(Timetable(segment=segment, since=date(2020, 1, 1), hours=hours, source="a test"),),
        holidays=tuple(Holiday(segment=segment, day=day, name="a test", source="a test") for day in days[:2]),
        specials=tuple(SpecialDay(segment=segment, day=day, name="a test", source="a test") for day in days[2:]),
        years=frozenset((segment, day.year) for day in days),
    )


@pytest.mark.parametrize("slot", AmoSlot)
def test_p8_over_the_wire_it_goes_with_its_slot(wires: Callable[..., Stage], slot: AmoSlot) -> None:
    wire = wires(policy=Policy(amo_slot=slot), calendar=closed_until_tomorrow())
    order = wire.buy(300, limit(95), product=Product.MARGIN, after_market=True)
    wire.until(lambda: wire.row(order)["state"] == "WORKING")
    (body,) = wire.bodies("POST")  # type: ignore[attr-defined]
    assert (body["afterMarketOrder"], body["amoTime"], body["quantity"]) == (True, slot.value, 150)
    wire.modify(order, units=600)
    wire.until(lambda: wire.copy().quantity == 300)
    wire.cancel(order)
    wire.until(lambda: wire.copy().status is OrderStatus.CANCELLED)


def test_an_ordinary_order_over_the_wire_names_no_slot(wires: Callable[..., Stage]) -> None:
    wire = wires(policy=SLOT)
    order = wire.buy(300, limit(95))
    wire.until(lambda: wire.row(order)["state"] == "WORKING")
    (body,) = wire.bodies("POST")  # type: ignore[attr-defined]
    assert body["afterMarketOrder"] is False and "amoTime" not in body
    assert wire.copy().quantity == 150
