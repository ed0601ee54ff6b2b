"""What the user brings that is wrong is the same in every process, and strikes."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from dhan_copy.core.facts import Channel
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.sessions import Phase
from dhan_copy.testing.simulation.market import LISTINGS
from dhan_copy.testing.simulation.mistakes import Careless, raises_at, wrong_calendar
from dhan_copy.testing.simulation.summary import simulate
from dhan_copy.testing.simulation.timeline import BEGINNING
from tests.core import make


def test_the_filter_raises_at_the_same_orders_whoever_asks() -> None:
    ids = [BrokerOrderId(f"L{number:06d}") for number in range(700)]
    raising = set()
    for order_id in ids:
        told = make.report(order_id=order_id)
        order = LeaderOrder(
            leader=make.LEADER, report=told, first_seen_at=make.START, seen_at=make.START, channel=Channel.STREAM
        )
        try:
            assert Careless().judge(order, make.FACTS).passes
        except ZeroDivisionError:
            raising.add(order_id)
    assert raising == {order_id for order_id in ids if raises_at(order_id)} and 50 < len(raising) < 150


def test_the_calendar_is_wrong_on_some_days_and_the_same_for_the_same_seed() -> None:
    def phases(seed: int) -> list[Phase]:
        calendar = wrong_calendar(Random(seed), BEGINNING.date(), 10)
        moments = [BEGINNING + timedelta(days=day, hours=9.5) for day in range(5)]
        return [calendar.phase(listing.key.segment, moment)[0] for listing in LISTINGS for moment in moments]

    assert phases(1) == phases(1) != phases(2)
    assert {Phase.OPEN, Phase.CLOSED} == set(phases(1))


@pytest.mark.parametrize("fault", ["F09", "F47"])
def test_what_was_struck_is_counted_and_violates_nothing(fault: str) -> None:
    summary = simulate(1, 3, orders=30, followers=2, only=(fault,))
    assert summary.faults[fault] > 0 and not summary.violations
