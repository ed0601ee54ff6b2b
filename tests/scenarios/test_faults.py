"""Faults of FAULTS.md over the real client and socket that no other row is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from dhan_copy import Policy
from dhan_copy.core.facts import LeaderReported, OutcomeUnresolved
from dhan_copy.model.order import OrderStatus
from dhan_copy.testing.server.faults import HttpFault
from dhan_copy.testing.server.frames import order_frame
from tests.scenarios.kit import F, G, LEADER, Wire, limit

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
