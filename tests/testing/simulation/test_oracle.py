"""The oracle sees the brokers' truth: what a planted bug does there is caught within a few seeds."""

from __future__ import annotations

from fractions import Fraction

import pytest
from attrs import evolve

from dhan_copy.core.limits import RateBudget
from dhan_copy.core.requests import Intent
from dhan_copy.model.order import Side
from dhan_copy.testing.simulation.summary import simulate
from dhan_copy.testing.simulation.world import World
from tests.runtime.fakes import submit

SEEDS = 6


def caught(*faults: str) -> set[int]:
    """The invariants that the first caught seed violates; empty when none of the seeds is."""
    for seed in range(SEEDS):
        summary = simulate(seed, 1, orders=40, followers=2, only=faults)
        if summary.violations:
            return {violation.invariant for violation in summary.violations}
    return set()


def test_the_rate_budget_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    def free(budget: RateBudget, now: float, intent: Intent) -> float:
        return 0.0

    monkeypatch.setattr(RateBudget, "wait_seconds", free)
    assert 12 in caught("F07")


def test_nothing_is_caught_where_nothing_is_planted() -> None:
    assert caught() == set()


@pytest.mark.parametrize(("declared", "lots", "blamed"), [(True, 1, False), (True, 2, True), (False, 1, True)])
def test_what_a_hand_has_offset_and_was_declared_leaves_the_whole_net_to_the_copier(
    monkeypatch: pytest.MonkeyPatch, declared: bool, lots: int, blamed: bool
) -> None:
    """Somebody's own buy offset a copied short, which was declared closed by hand: what is long now are copies."""
    world = World(0, 40, 1, only=())
    monkeypatch.setattr(world, "_end_day", lambda stays: None)
    world.run_day()
    oracle, (name,) = world.oracle, world.names
    order = next(
        one
        for one in world.leader.orders.values()
        if one.sign < 0 and oracle.ideals.tree_of(one.order_id) is None
        if (copy := oracle.copies.get((one.order_id, name))) is not None and copy.admitted is not None
    )
    listing = order.listing
    oracle.ideals.next_day((), world.leader)
    world.accounts[name].net[listing] = listing.lot
    world.meddlers[name].own[listing] = listing.lot
    if declared:
        oracle.manual[name, listing] = Fraction(listing.lot)
    exit_order = evolve(
        submit(intent=Intent.EXIT), follower=name, leader_order_id=order.order_id, side=Side.SELL, quantity=lots * listing.lot
    )
    assert not oracle.violations
    oracle._judge_size(exit_order, (order.order_id, name))
    assert {violation.invariant for violation in oracle.violations} == ({5} if blamed else set())
