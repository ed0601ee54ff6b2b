"""A run is told in one line, and the same seed is the same run."""

from __future__ import annotations

import json
import os

import pytest

from dhan_copy.core import copier
from dhan_copy.core.settings import Behind, LinkedForm
from dhan_copy.testing.simulation.oracle import Violation
from dhan_copy.testing.simulation.summary import simulate, told


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_days_without_faults_violate_nothing(seed: int) -> None:
    summary = simulate(seed, 2, orders=40, followers=2, only=[])
    assert summary.violations == ()
    assert summary.faults == {}
    assert summary.orders >= 80
    assert summary.rare["position judged"] > 0


def test_the_same_seed_gives_the_same_journal_and_another_seed_another() -> None:
    runs = [simulate(seed, 2, orders=40, followers=2) for seed in (5, 5, 6)]
    assert runs[0].digest == runs[1].digest != runs[2].digest
    assert (runs[0].rows, runs[0].rare, runs[0].faults) == (runs[1].rows, runs[1].rare, runs[1].faults)


def test_the_last_line_is_json_with_what_was_done() -> None:
    said = json.loads(simulate(1, 1, orders=20, followers=1, only=["F31"]).as_json())
    assert {"seed", "days", "orders", "violations", "faults", "rare", "seconds", "days_per_core_hour"} <= set(said)
    assert (said["seed"], said["days"], said["violations"]) == (1, 1, 0)
    assert set(said["faults"]) <= {"F31"}


def test_a_violation_is_told_with_its_rows_and_the_command_that_shows_it_again() -> None:
    text = told(Violation(3, 12.5, 9, "an entry was sent again", ("row 1", "row 2")), "python -m x")
    assert text.splitlines() == [
        "VIOLATION of invariant 9 on day 3 at 12.500 s: an entry was sent again", "  row 1", "  row 2", "again: python -m x",
    ]  # fmt: skip


def test_what_the_core_raises_is_a_violation_with_its_rows_and_the_place_where_it_was_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def confused(*_: object) -> None:
        raise KeyError("no such trade")

    monkeypatch.setattr(copier, "decide", confused)
    summary = simulate(1, 2, orders=20, followers=1, only=[])
    assert (summary.days, len(summary.violations)) == (1, 1)
    text = told(summary.violations[0], "python -m x")
    assert text.startswith("EXCEPTION on day 0 at ")
    assert "raised KeyError: 'no such trade'" in text
    assert "in confused" in text
    assert "EngineStarted" in text
    assert text.splitlines()[-1] == "again: python -m x"


DAYS = int(os.environ.get("DHAN_COPY_DAYS", "300"))


@pytest.mark.parametrize("seed", [100, *range(7_000, 7_009)])
def test_days_with_every_fault_violate_nothing(seed: int) -> None:
    """Small days, so that 300 of them fit into a minute; the rare states that they must have come through are counted."""
    summary = simulate(seed, max(1, DAYS // 10), orders=20, followers=2)
    assert [told(violation, "") for violation in summary.violations] == []
    assert sum(summary.rare.get(how, 0) for how in ("looked at rest", "not judged at rest: an old journal")) == summary.days
    assert summary.rare["position judged"] > 0
    assert sum(summary.faults.values()) > summary.days


@pytest.mark.parametrize("seed", [3, 4, 600_001, 600_003])
def test_days_of_followers_with_super_orders_violate_nothing(seed: int) -> None:
    summary = simulate(seed, max(1, DAYS // 60), orders=20, followers=2, linked=0.52, form=LinkedForm.SUPER_ORDER)
    assert [told(violation, "") for violation in summary.violations] == []
    assert summary.rare["native tree judged"] > 0


@pytest.mark.parametrize("behind", [Behind.CHASE, Behind.CANCEL, Behind.CLOSE])
def test_days_on_which_what_rests_is_chased_given_up_or_closed_violate_nothing(behind: Behind) -> None:
    summary = simulate(4, max(1, DAYS // 60), orders=20, followers=2, linked=0.3, behind=behind)
    assert [told(violation, "") for violation in summary.violations] == []
    assert summary.rare["alert BEHIND"] > summary.days
