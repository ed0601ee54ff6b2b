"""An old copy of the journal is refused where the books show more, and what is done then doubles nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from dhan_copy.core.facts import OrderReported, RequestIssued
from dhan_copy.core.requests import Submit
from dhan_copy.testing.simulation.summary import simulate
from dhan_copy.testing.simulation.world import World
from tests.testing.simulation.test_oracle import at_rest

SEEDS = 20


def test_f17_an_old_copy_is_refused_rebuilt_or_gone_on_from_and_nothing_is_sent_twice() -> None:
    rare: Counter[str] = Counter()
    for seed in range(SEEDS):
        summary = simulate(seed, 1, orders=60, followers=2, only=("F17",))
        assert summary.violations == ()
        rare.update(summary.rare)
    for what in (
        "an old journal, or none, was refused, and the newest put back",
        "an old journal was rebuilt",
        "an old journal was gone on from",
        "a new journal was rebuilt",
    ):
        assert rare[what], what


def test_f17_strikes_on_the_last_day_alone() -> None:
    summary = simulate(7, 3, orders=60, followers=2, only=("F17",))
    assert summary.faults["F17"] == 1
    assert summary.rare["looked at rest"] >= 2


@pytest.mark.parametrize("found", ["all", "one less", "one more"])
def test_f17_the_oracle_knows_which_orders_an_old_journal_lacks(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    world = at_rest(monkeypatch)
    oracle, (name,) = world.oracle, world.names
    submits = [e for e in oracle.journal if isinstance(e.fact, RequestIssued) and isinstance(e.fact.request, Submit)]
    tags = [entry.fact.request.client_order_id for entry in submits if isinstance(entry.fact, RequestIssued)]
    half = len(submits) // 2
    rows = [fact.report for fact in world.desks[name].whole(world.host.clock.now()) if isinstance(fact, OrderReported)]
    lost = {"all": tags[half:], "one less": tags[half + 1 :], "one more": tags[half - 1 :]}[found]
    oracle.judge_refusal(submits[half].position - 1, {name: rows}, {name: lost})
    assert {violation.invariant for violation in oracle.violations} == (set() if found == "all" else {1})


def test_f17_a_tag_is_free_again_where_nothing_shows_the_forever_order_that_had_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It came to nothing: their list has no tags, and only the journal that is lost knew it."""
    world = World(0, 60, 1, only=(), forever=0.5)
    monkeypatch.setattr(world, "_end_day", lambda stays: None)
    world.run_day()
    [account] = world.accounts.values()
    waited = [order for order in account.orders.values() if order.forever is not None and order.tag in world.oracle.reached]
    came_to_something = [order.is_open or order.filled > 0 for order in waited]
    world.oracle.forget(world.host.journal)
    assert all(order.tag in world.oracle.reached for order in waited), "the journal knows them all"
    world.oracle.forget(())
    assert [order.tag in world.oracle.reached for order in waited] == came_to_something
    assert {True, False} <= set(came_to_something)
