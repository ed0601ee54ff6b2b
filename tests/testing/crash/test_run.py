"""A day over deaths is judged right: nothing is wrong with the library, and planted bugs are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.testing.crash.points import Point, Trap
from dhan_copy.testing.crash.process import Nursery
from dhan_copy.testing.crash.run import Plan, Ran, Run, _uncalled_for
from tests.testing.crash.lines import BEFORE_IT_LEAVES, BEFORE_ITS_ANSWER_IS_KNOWN

PLANTED = Path(__file__).parent / "planted"
TRAPS = st.builds(Trap, st.builds(Point, st.just("core/plan.py"), st.integers(1, 999)), st.integers(1, 99))


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """As the library is."""
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


def planted(folder: Path, bug: str, trap: Trap) -> Ran:
    with Nursery(folder, PLANTED / f"{bug}.py") as nursery:
        return Run(Plan(traps=(trap,), steps=True), nursery, folder).play()


@given(st.lists(st.none() | TRAPS, max_size=4), st.booleans(), st.booleans(), st.integers(0, 999))
def test_a_plan_reads_as_it_is_written(traps: list[Trap | None], steps: bool, interrupt: bool, seed: int) -> None:
    plan = Plan(traps=tuple(traps), steps=steps, interrupt=interrupt, seed=seed)
    assert Plan.parse(str(plan)) == plan


@pytest.mark.parametrize("text", ["", "threads,die", "sideways,die,0", "threads,sleep,0", "threads,die,0,core/plan.py"])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Plan.parse(text)


@pytest.mark.parametrize("steps", [False, True])
def test_a_day_without_a_death_is_copied_in_full(nursery: Nursery, tmp_path: Path, steps: bool) -> None:
    ran = Run(Plan(steps=steps), nursery, tmp_path).play()
    assert ran.verdict.violations == []
    assert (ran.sprung, ran.lives, ran.verdict.parked) == (0, 2, 0)


@pytest.mark.parametrize("steps", [False, True])
def test_f01_a_death_before_the_order_leaves_parks_it(nursery: Nursery, tmp_path: Path, steps: bool) -> None:
    ran = Run(Plan(traps=(Trap(BEFORE_IT_LEAVES),), steps=steps), nursery, tmp_path).play()
    assert ran.verdict.violations == []
    assert (ran.sprung, ran.lives, ran.verdict.duplicates, ran.verdict.lost) == (1, 3, 0, 0)
    assert ran.verdict.parked


def test_f01_a_death_before_the_answer_is_known_doubles_nothing(nursery: Nursery, tmp_path: Path) -> None:
    ran = Run(Plan(traps=(Trap(BEFORE_ITS_ANSWER_IS_KNOWN),)), nursery, tmp_path).play()
    assert ran.verdict.violations == []
    assert (ran.sprung, ran.verdict.duplicates, ran.verdict.lost) == (1, 0, 0)


def test_f02_a_second_death_in_the_recovery(nursery: Nursery, tmp_path: Path) -> None:
    ran = Run(Plan(traps=(Trap(BEFORE_ITS_ANSWER_IS_KNOWN, 2), Trap(BEFORE_IT_LEAVES)), steps=True), nursery, tmp_path).play()
    assert ran.verdict.violations == []
    assert (ran.sprung, ran.lives) == (2, 4)


@pytest.mark.parametrize(("seed", "lives"), [(0, 3), (1, 2), (2, 2)])
def test_f06_an_interrupted_step_and_what_comes_after_it(nursery: Nursery, tmp_path: Path, seed: int, lives: int) -> None:
    """Another process takes over, or another engine in the same one, or the same engine steps on."""
    plan = Plan(traps=(Trap(BEFORE_IT_LEAVES),), steps=True, interrupt=True, seed=seed)
    ran = Run(plan, nursery, tmp_path).play()
    assert ran.verdict.violations == []
    assert (ran.sprung, ran.lives) == (1, lives)


def test_f06_ctrl_c_in_a_finalizer_is_pythons_to_swallow_and_other_tracebacks_are_told() -> None:
    swallowed = (
        'Exception ignored in: <function Line.__del__ at 0x7f>\nTraceback (most recent call last):\n  File "line.py", line 112\n'
        "    self.close()\nKeyboardInterrupt: \n"
    )
    raised = 'Traceback (most recent call last):\n  File "engine.py", line 3\nValueError: no\n'
    assert _uncalled_for(swallowed) == []
    assert len(_uncalled_for(raised + swallowed + raised)) == 2


def test_the_oracle_finds_an_order_that_left_before_its_row(tmp_path: Path) -> None:
    ran = planted(tmp_path, "lazy_journal", Trap(BEFORE_ITS_ANSWER_IS_KNOWN))
    assert ran.verdict.violations


def test_the_oracle_finds_an_order_that_is_sent_again_after_a_restart(tmp_path: Path) -> None:
    ran = planted(tmp_path, "resends", Trap(BEFORE_ITS_ANSWER_IS_KNOWN))
    assert ran.verdict.duplicates


def test_the_oracle_finds_an_order_that_is_silently_lost(tmp_path: Path) -> None:
    ran = planted(tmp_path, "silent", Trap(BEFORE_IT_LEAVES))
    assert ran.verdict.lost
