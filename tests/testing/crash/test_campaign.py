"""The short profile: deaths at sampled lines, in recoveries too, and Ctrl-C; what is summed up.

``DHAN_COPY_CRASH_POINTS`` says how many lines (default 100); there are a fifth as many double deaths and interruptions.
``DHAN_COPY_CRASH_SEED`` draws others (default 0).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from dhan_copy.testing.crash.campaign import Campaign, Summary
from dhan_copy.testing.crash.cli import told
from dhan_copy.testing.crash.oracle import Verdict
from dhan_copy.testing.crash.points import Trap
from dhan_copy.testing.crash.run import Plan, Ran
from tests.testing.crash.lines import BEFORE_ITS_ANSWER_IS_KNOWN

POINTS = int(os.environ.get("DHAN_COPY_CRASH_POINTS", "100"))
SEED = int(os.environ.get("DHAN_COPY_CRASH_SEED", "0"))
TRAP = Trap(BEFORE_ITS_ANSWER_IS_KNOWN)


def test_f01_f02_f06_deaths_and_interruptions_at_sampled_lines_double_and_lose_nothing() -> None:
    failed: list[str] = []
    with Campaign(SEED, lambda ran: failed.append(told(ran))) as campaign:
        summary = campaign.run(POINTS, double=POINTS // 5, interrupt=POINTS // 5, recoveries=2)
    assert not failed, "\n".join(failed)
    assert (summary.points, summary.double, summary.interrupted) == (POINTS, POINTS // 5, POINTS // 5)
    assert (summary.duplicates, summary.lost) == (0, 0)
    assert summary.known > 2_000
    planned = summary.points + 2 * summary.double + summary.interrupted + 2
    assert summary.unreached < planned / 2, "the lines are hardly ever reached: nothing was shown"


def test_a_summary_adds_runs_up() -> None:
    summary = Summary(7)
    summary.take(Ran(Plan(traps=(TRAP, None, TRAP)), Verdict(parked=2), sprung=1, lives=4))
    summary.take(Ran(Plan(traps=(TRAP,)), Verdict(["twice"], duplicates=1), sprung=1, lives=3))
    said = json.loads(summary.as_json())
    assert (said["seed"], said["unreached"], said["lives"], said["parked"]) == (7, 1, 7, 2)
    assert (said["violations"], said["duplicates"], said["lost"]) == (1, 1, 0)


def test_a_violation_is_told_and_its_journal_kept(tmp_path: Path) -> None:
    failed: list[Ran] = []
    prelude = Path(__file__).parent / "planted" / "resends.py"
    with Campaign(0, failed.append, keep=tmp_path, prelude=prelude) as campaign:
        summary = campaign.repeat([Plan(traps=(TRAP,), steps=True)])
    assert summary.failed == failed
    assert len(failed) == 1
    assert [path.name for path in tmp_path.glob("run-*/copies.db")] == ["copies.db"]
