"""Restarts, ``kill -9`` among them, news in any order, frames of any kind, and what was journaled and never left.

The kill of a real process is in tests/examples/test_kill.py. Here the engine dies at every place where it can die, on
one exchange before and after: what that has got is compared with a day on which nothing died.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from dhan_copy import AlertRaised
from dhan_copy.core.facts import (
    Channel,
    DriftDeclared,
    Entry,
    LeaderReported,
    OrderReported,
    ReportUnreadable,
    RequestIssued,
    RequestWithheld,
)
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.model.order import OrderStatus, Side
from dhan_copy.model.reason import ReasonCode
from dhan_copy.testing import Fault
from dhan_copy.testing.playground import LeaderOrderHandle
from tests.scenarios import kit
from tests.scenarios.day_kit import CE, LEADER, Day, Died, DurableMemory, F, G, TrippedStore

OTHER = "BANKNIFTY FUT"
RATIOS = {F: "1", G: "1/2"}
Truth = Counter[tuple[object, ...]]


class Script:
    """What the leader and the market do, step by step; the engine looks after each. At the end everybody is flat."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.orders: list[LeaderOrderHandle] = []
        self.steps: tuple[Callable[[], object], ...] = (
            lambda: None,
            lambda: self.orders.append(day.leader.buy(CE, lots=2, price=90)),
            lambda: self.orders[0].modify(lots=4, price=91),
            lambda: self.orders.append(day.leader.buy(OTHER, lots=2, price=80)),
            lambda: day.price(91),
            lambda: self.orders[1].cancel(),
            lambda: self.orders.append(day.leader.sell(CE, lots=2, price=95)),
            lambda: day.price(95),
            lambda: self.orders.append(day.leader.sell(CE, lots=2, price=98)),
            lambda: self.orders[3].modify(price=96),
            lambda: day.price(96),
        )

    def play(self, look: Callable[[], None]) -> None:
        for step in self.steps:
            step()
            look()


def truth(day: Day, follower: str) -> Truth:
    """What the follower's broker has, without ids and times."""
    return Counter((o.key, o.side, o.quantity, o.filled_quantity, o.status, o.price) for o in day.copies(follower))


def quiet() -> Day:
    day = Day(RATIOS)
    Script(day).play(day.step)
    return day


def test_t4_the_quiet_day_is_what_it_should_be() -> None:
    """By hand: the day that the others are compared with."""
    day = quiet()
    ce, other = day.key(CE), day.key(OTHER)
    assert truth(day, F) == Counter(
        [
            (ce, Side.BUY, 300, 300, OrderStatus.TRADED, 91),
            (other, Side.BUY, 150, 0, OrderStatus.CANCELLED, 80),
            (ce, Side.SELL, 150, 150, OrderStatus.TRADED, 95),
            (ce, Side.SELL, 150, 150, OrderStatus.TRADED, 96),
        ]
    )
    assert truth(day, G) == Counter(
        [
            (ce, Side.BUY, 150, 150, OrderStatus.TRADED, 91),
            (other, Side.BUY, 75, 0, OrderStatus.CANCELLED, 80),
            (ce, Side.SELL, 75, 75, OrderStatus.TRADED, 95),
            (ce, Side.SELL, 75, 75, OrderStatus.TRADED, 96),
        ]
    )


@pytest.mark.parametrize("file", [False, True], ids=["memory", "sqlite"])
def test_t4_a_restart_after_every_step_changes_nothing(tmp_path: Path, file: bool) -> None:
    """Modifications and cancels of orders placed before a restart work, and no request is sent that was not before."""
    day, undisturbed = Day(RATIOS, store=str(tmp_path / "journal.db") if file else None), quiet()

    def look() -> None:
        day.step()
        day.restart()

    Script(day).play(look)
    for name in RATIOS:
        assert truth(day, name) == truth(undisturbed, name)
        assert day.asked(name) == undisturbed.asked(name)
    assert day.alarms() == []


class Trips:
    """Counts the places where the engine can die: before and after each commit and each request. Dies at one."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.count = 0
        self.where = ""

    def arm(self, day: Day) -> None:
        store = day.store
        assert isinstance(store, TrippedStore)
        store.before = lambda entries: self.here(f"before the commit of {names(entries)}")
        store.after = lambda entries: self.here(f"after the commit of {names(entries)}")
        for name, broker in day.brokers.items():
            broker.before = lambda name=name: self.here(f"before a request of {name}")  # type: ignore[misc]
            broker.after = lambda name=name: self.here(f"after a request of {name}")  # type: ignore[misc]

    def here(self, where: str) -> None:
        self.count += 1
        if self.count == self.at:
            self.where = where
            raise Died(where)


def names(entries: Sequence[Entry]) -> str:
    return ", ".join(type(entry.fact).__name__ for entry in entries)


def mortal(at: int | None) -> tuple[Day, Trips]:
    """The day on an engine that dies at the ``at``-th place, and is started again."""
    day, trips = Day(RATIOS, store=TrippedStore(DurableMemory())), Trips(at)
    trips.arm(day)

    def look() -> None:
        try:
            day.step()
        except Died:
            day.die()
            day.step()
            day.advance(15)  # evidence is what was read later

    Script(day).play(look)
    return day, trips


PLACES = 200
"""More than the day has: those beyond its end are skipped."""


@pytest.mark.parametrize("part", range(4))
def test_t4_killed_anywhere_nothing_is_lost_and_nothing_is_doubled(part: int) -> None:
    whole, undisturbed = mortal(None), quiet()
    places = whole[1].count
    assert 60 < places
    expected = {name: truth(undisturbed, name) for name in RATIOS}
    assert {name: truth(whole[0], name) for name in RATIOS} == expected
    for at in range(1 + part, places + 1, 4):
        day, trips = mortal(at)
        assert trips.where, f"place {at} was never reached"
        alarmed = {(alert.account, alert.client_order_id) for alert in day.facts(AlertRaised) if alert.code == "UNRESOLVED"}
        for name in RATIOS:
            tags = [copy.tag for copy in day.copies(name)]
            assert len(tags) == len(set(tags)), f"killed {trips.where}: an id is there twice"
            parked = {tag for account, tag in alarmed if account == name} - set(tags)
            if not parked:
                assert truth(day, name) == expected[name], f"killed {trips.where}, {name}"
                continue
            assert trips.where.startswith(("after the commit", "before a request")), f"{name} lost an order {trips.where}"
            assert len(parked) == 1
            assert not (truth(day, name) - expected[name]), f"killed {trips.where}: {name} has more than it should"
        if day.held(F) or day.held(G):
            day.advance(240)  # a lost exit is sent once more, after the absence window
        assert (day.held(F), day.held(G)) == (0, 0), f"killed {trips.where}: not flat at the end"


def killed_before_the_request_of(day: Day, act: Callable[[], object]) -> str:
    """Let the engine die when what ``act`` leads to is journaled and not yet sent; returns its id."""

    def die() -> None:
        raise Died

    act()
    day.brokers[F].before = die
    with pytest.raises(Died):
        day.step()
    day.brokers[F].before = lambda: None
    day.die()
    day.step()
    issued = [fact.request for fact in day.facts(RequestIssued) if isinstance(fact.request, Submit)]
    return issued[-1].client_order_id


def test_t4_an_entry_that_was_journaled_and_never_left_is_parked_with_an_alarm() -> None:
    day = Day({F: "1"})
    day.step()
    tag = killed_before_the_request_of(day, lambda: day.leader.buy(CE, lots=2))
    assert day.cells("state") == ["UNRESOLVED"]
    assert [alert.client_order_id for alert in day.facts(AlertRaised)] == [tag]
    day.advance(240)
    assert day.copies() == [], "an entry is never sent again"
    assert day.cells("state") == ["ABSENT"]
    assert [drift.reason for drift in day.facts(DriftDeclared)] == [ReasonCode.NEVER_PLACED]


def test_t4_an_exit_that_was_journaled_and_never_left_is_sent_once_more() -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2)
    day.step()
    tag = killed_before_the_request_of(day, lambda: day.leader.sell(CE, lots=2))
    day.advance(80)
    assert day.held() == 150, "absence counts only after the window"
    day.advance(160)
    assert day.held() == 0
    assert [copy.side for copy in day.copies()] == [Side.BUY, Side.SELL]
    assert day.copies()[-1].tag not in (None, tag)


def test_t4_an_order_that_was_sent_unheard_is_found_and_kept() -> None:
    day = Day({F: "1"})
    day.step()

    def die() -> None:
        raise Died

    order = day.leader.buy(CE, lots=2, price=90)
    day.brokers[F].after = die
    with pytest.raises(Died):
        day.step()
    day.brokers[F].after = lambda: None
    day.die()
    day.step()
    day.advance(5)
    assert day.cells("state") == ["WORKING"]
    order.modify(lots=3)
    day.step()
    order.cancel()
    day.step()
    assert [(copy.quantity, copy.status) for copy in day.copies()] == [(225, OrderStatus.CANCELLED)]


# T8


def test_t8_stream_and_poll_tell_the_same_in_either_order(stages: Callable[..., kit.Stage]) -> None:
    for first in ("stream", "poll"):
        stage = stages("1/2")
        if first == "poll":
            stage.withhold_news(kit.LEADER)
        order = stage.buy(300, kit.limit(90))
        stage.exchange.fill(kit.LEADER, order, 150)
        stage.exchange.fill(kit.LEADER, order)
        if first == "poll":
            stage.reconnect(kit.LEADER)
        stage.until(lambda: stage.copies())
        stage.exchange.fill(kit.F, stage.copy().order_id)
        stage.settle()
        stage.reconnect(kit.LEADER)
        stage.reconnect(kit.F)
        stage.until(lambda: any(fact.channel is Channel.BOOK for fact in reads_of(stage)) or both_agree(stage, order))
        stage.settle()
        assert (stage.copy().quantity, stage.net()) == (150, 150)
        drift = stage.drift()
        assert drift is not None and (drift["owned"], kit.exactly(drift["difference"])) == (150, 0)
        stage.sell(300)
        stage.until(lambda: len(stage.copies()) == 2)
        stage.settle()
        assert [copy.quantity for copy in stage.copies()] == [150, 150], "what was filled once is closed once"
        assert stage.net() == 0


def reads_of(stage: kit.Stage) -> list[LeaderReported | OrderReported]:
    return [*stage.facts(LeaderReported), *stage.facts(OrderReported)]


def both_agree(stage: kit.Stage, order_id: str) -> bool:
    """A book that says nothing new is not journaled."""
    row = stage.row(order_id)
    return row["filled"] == 300 and row["done"] == 150


# T9

