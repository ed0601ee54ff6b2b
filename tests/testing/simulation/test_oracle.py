"""The oracle sees the brokers' truth: what a planted bug does there is caught within a few seeds."""

from __future__ import annotations

import pytest

from dhan_copy.core.limits import RateBudget
from dhan_copy.core.requests import Intent
from dhan_copy.testing.simulation.summary import simulate

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
