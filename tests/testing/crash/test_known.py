"""What was recorded becomes plans that lead to every line: the same ones for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dhan_copy.testing.crash.known import Known, doubles, explore, interruptions, singles
from dhan_copy.testing.crash.oracle import Verdict
from dhan_copy.testing.crash.points import Point, Trap
from dhan_copy.testing.crash.run import Plan, Ran

DAY, BETWEEN = Point("core/plan.py", 10), Point("runtime/desk.py", 20)
RESTART, RECOVERY = Point("core/copier.py", 30), Point("core/settle.py", 40)
INLINE = Point("runtime/machine.py", 50)


@pytest.fixture
def known(tmp_path: Path) -> Known:
    """A day, a restart and a recovery with threads, a day without threads."""
    known = Known()

    def note(plan: Plan, *lives: list[tuple[Point, int, int]]) -> None:
        records = []
        for life in lives:
            records.append(tmp_path / f"{len(known.spots)}-{len(records)}.json")
            records[-1].write_text(json.dumps([(p.file, p.line, times, main) for p, times, main in life]), "utf-8")
        known.add(Ran(plan, Verdict(), records=records))

    note(Plan(), [(DAY, 5, 0), (BETWEEN, 3, 0)], [(RESTART, 1, 1), (DAY, 1, 0)])
    note(Plan(traps=(Trap(BETWEEN, 2),)), [], [(RECOVERY, 2, 0)])
    note(Plan(steps=True), [(INLINE, 4, 4)])
    return known


def test_every_line_gets_a_plan_that_leads_to_it(known: Known) -> None:
    plans = singles(known, 1, None)
    assert len(plans) == 5
    by_line = {plan.traps[-1].point: plan for plan in plans if plan.traps[-1]}
    assert by_line[RESTART].traps[:-1] == (None,)
    assert by_line[RECOVERY].traps[:-1] == (Trap(BETWEEN, 2),)
    assert by_line[BETWEEN].traps[:-1] == ()
    assert by_line[INLINE].steps and not by_line[RECOVERY].steps
    assert all(1 <= plan.traps[-1].count <= 5 for plan in plans if plan.traps[-1])


def test_the_same_seed_draws_the_same(known: Known) -> None:
    assert singles(known, 3, 2) == singles(known, 3, 2)
    assert doubles(known, 3, 9) == doubles(known, 3, 9)
    assert doubles(known, 3, 9) != doubles(known, 4, 9)
    assert interruptions(known, 3, 9) == interruptions(known, 3, 9)


def test_the_second_death_is_in_a_recovery(known: Known) -> None:
    for plan in doubles(known, 1, 20):
        first, second = plan.traps
        assert first is not None and first.point in (DAY, BETWEEN, INLINE)
        assert second is not None and (plan.steps or second.point == RECOVERY)


def test_ctrl_c_comes_where_the_main_thread_is(known: Known) -> None:
    plans = interruptions(known, 1, 20)
    assert {plan.traps[-1].point for plan in plans if plan.traps[-1]} == {RESTART, INLINE}
    assert all(plan.interrupt for plan in plans)


def test_exploring_records_days_and_recoveries(tmp_path: Path) -> None:
    record = tmp_path / "lines.json"
    record.write_text(json.dumps([(BETWEEN.file, BETWEEN.line, 1, 1)]), "utf-8")
    played: list[Plan] = []

    def play(plan: Plan, recording: bool) -> Ran:
        assert recording
        played.append(plan)
        return Ran(plan, Verdict(["wrong"] if plan.traps else []), records=[record])

    known = explore(play, 0, 4)
    assert [(plan.steps, len(plan.traps)) for plan in played] == [
        (False, 0), (True, 0), (False, 1), (True, 1), (False, 1), (True, 1)
    ]  # fmt: skip
    assert known.points == (BETWEEN,)
    assert len(known.failed) == 4
