"""Faults that no other row is about, over the real client and socket, or on virtual time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from dhan_copy import Policy
from dhan_copy.core.calendar import Calendar
from dhan_copy.core.facts import LeaderReported, OutcomeUnresolved
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.order import OrderStatus
from dhan_copy.model.times import ist
from dhan_copy.testing import Call, Fault
from dhan_copy.testing.reports import report_of
from dhan_copy.testing.server.faults import HttpFault
from dhan_copy.testing.server.frames import order_frame
from tests.scenarios.kit import F, G, LEADER, Lab, Wire, limit

QUICK = Policy(sweep_open=timedelta(milliseconds=300), sweep_idle=timedelta(milliseconds=300))
DHAN = ((10, 1.0), (250, 60.0), (1000, 3600.0))


def test_f12_f34_a_burst_stays_within_every_window_that_the_broker_counts(wire: Wire) -> None:
    wire.server.set_limits(DHAN, per_day=7000, read_windows=((20, 1.0),))
    orders = [wire.buy(150, limit(50 + number)) for number in range(20)]
    wire.until(lambda: all(wire.row(order)["state"] == "WORKING" for order in orders))
    for order in orders:
        wire.cancel(order)
    wire.until(lambda: all(copy.status is OrderStatus.CANCELLED for copy in wire.copies()))
    for counted in wire.server.rates(F).values():
        assert isinstance(counted, dict) and counted["refused"] == 0, counted
    assert len(wire.bodies("POST")) == len(wire.bodies("DELETE")) == 20


def test_f25_a_flood_of_old_updates_is_taken_for_what_it_is(wire: Wire) -> None:
    first = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(first)["state"] == "WORKING")
    known = len(wire.leader_reports(first))
    exchange = wire.server.exchange
    (old,) = (order for order in exchange.orders(LEADER) if order.order_id == first)
    frame = order_frame(old, exchange.instrument(old.key), wire.server.dialect)
    for _ in range(1000):
        wire.server.push_frame(frame, LEADER, book=False)
    second = wire.buy(150, limit(91))
    wire.until(lambda: wire.row(second)["state"] == "WORKING")
    assert len(wire.leader_reports(first)) == known, "nothing new was journaled"
    assert len(wire.bodies("POST")) == len(wire.copies()) == 2


def test_f20_f28_drops_in_a_row_lose_nothing(wires: Callable[..., Wire]) -> None:
    wire = wires(policy=QUICK)
    orders = []
    for number in range(5):
        wire.server.drop_sockets(LEADER)
        wire.server.drop_sockets(F)
        orders.append(wire.buy(150, limit(80 + number)))
    wire.until(lambda: all(wire.row(order)["state"] == "WORKING" for order in orders))
    assert len(wire.bodies("POST")) == len(wire.copies()) == 5
    assert {fact.report.order_id for fact in wire.facts(LeaderReported)} >= set(orders)


def test_f13_one_followers_dead_broker_delays_and_spoils_no_other(wires: Callable[..., Wire]) -> None:
    wire = wires({F: "1/2", G: "1/2"}, policy=QUICK, timeout_seconds=1.0)
    wire.server.plan_fault(HttpFault(account=F, count=None, execute=False, status=503, body="<html>down</html>"))
    orders = [wire.buy(150, limit(90 + number)) for number in range(3)]
    wire.until(lambda: len(wire.copies(G)) == 3)
    wire.until(lambda: len(wire.facts(OutcomeUnresolved)) == 3)
    assert {fact.follower for fact in wire.facts(OutcomeUnresolved)} == {F}
    assert wire.copies(F) == []
    wire.server.clear_faults()
    assert [wire.row(order, G)["state"] for order in orders] == ["WORKING"] * 3


# On virtual time


def test_f07_after_a_pause_entries_are_too_late_and_exits_are_not(lab: Lab) -> None:
    lab.buy(150)
    lab.step()
    resting, late = lab.buy(150, limit(90)), lab.buy(150)
    left = lab.sell(150)
    lab.clock.advance(600)
    lab.step()
    lab.advance(30)
    assert lab.row(late)["decision"] == "STALE" and lab.row(resting)["state"] == "WORKING"
    assert lab.row(left)["state"] == "FILLED" and lab.net() == 0


def test_f36_an_order_that_book_and_lookup_show_late_is_not_sent_again(lab: Lab) -> None:
    lab.withhold_news(F)
    lab.exchange.delay_visibility(F, 30)
    lab.brokers[F].fail_next(Fault.ANSWER_LOST, on=Call.SUBMIT)
    order = lab.buy(150, limit(90))
    lab.advance(20)
    assert lab.row(order)["state"] == "UNRESOLVED"
    lab.advance(300)
    assert lab.row(order)["state"] == "WORKING" and len(lab.requests()) == 1


def test_f44_an_order_told_many_times_at_once_is_copied_once(lab: Lab) -> None:
    order = lab.buy(150, limit(90))
    told = report_of(lab.leaders(order), lab.exchange.instrument(lab.leaders(order).key))
    for _ in range(5):
        lab.sources[LEADER].push(told)
    lab.step()
    lab.sources[LEADER].push(told)
    lab.advance(60)
    assert len(lab.requests()) == 1


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 11, 22, 11, 0),
        datetime(2026, 11, 8, 18, 15),
        datetime(2026, 8, 15, 10, 0),
        datetime(2041, 3, 4, 10, 0),
        datetime(2026, 11, 20, 23, 40),
        datetime(2026, 11, 20, 6, 0),
    ],
    ids=["Sunday", "Muhurat trading", "holiday", "a year that no data knows", "evening", "before the market"],
)
@pytest.mark.parametrize("calendar", [None, published_calendar()], ids=["no calendar", "the published one"])
def test_f47_no_calendar_vetoes_an_order_of_the_leaders(
    labs: Callable[..., Lab], start: datetime, calendar: Calendar | None
) -> None:
    """That it was confirmed proves that the session is open."""
    lab = labs(start=ist(start), calendar=calendar)
    lab.buy(150)
    lab.step()
    lab.sell(150)
    lab.step()
    assert lab.codes() == ["COPIED", "COPIED"] and len(lab.copies()) == 2 and lab.net() == 0
