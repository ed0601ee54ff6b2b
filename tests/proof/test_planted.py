"""Every class of faults has a planted bug, and each is caught; those that the simulation must find are in test_oracle_planted.

Each costs a run of pytest, so the usual tests run a few of them, and all when ``DHAN_COPY_MUTANTS`` is ``all``
(``nox -s mutants``).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.runs import environment
from tests.planting import planted
from tests.proof.mutants import BROKEN, LATER, SELF, Broken
from tests.proof.table import text
from tests.testing.simulation.mutants import MUTANTS

ROOT = Path(__file__).parent.parent.parent
ALL = os.environ.get("DHAN_COPY_MUTANTS") == "all"
USUAL = ("interrupted_turn_goes_on", "later_schema_opened", "token_logged")
TIMEOUT_SECONDS = 600.0
CLASSES = {f"F{number:02d}" for number in range(1, 54)}


def run(test: str, folder: Path, more: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    kept = environment(folder)
    paths = [str(Path(__file__).parent / "site"), *filter(None, [kept.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, test]
    return subprocess.run(
        command, cwd=ROOT, env={**kept, **more, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
    )  # fmt: skip


@pytest.mark.parametrize("bug", [bug for bug in BROKEN if ALL or bug.name in USUAL], ids=lambda bug: bug.name)
def test_a_planted_bug_fails_its_test(bug: Broken, tmp_path: Path) -> None:
    done = run(bug.caught_by, tmp_path, {**bug.environment, "PLANTED_BUG": bug.name}, "-x")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, f"nobody caught that {bug.broken}\n{done.stdout}{done.stderr}"
    assert (bug.says or f"FAILED {bug.caught_by}") in done.stdout, done.stdout + done.stderr
    assert "Error in sitecustomize" not in done.stderr, done.stderr


@pytest.mark.skipif(not ALL, reason="they are tests of their own, which the usual run has")
@pytest.mark.parametrize("test", sorted({bug.caught_by for bug in (*BROKEN, *SELF)}))
def test_without_it_the_same_test_passes(test: str, tmp_path: Path) -> None:
    more = {name: text for bug in BROKEN if bug.caught_by == test for name, text in bug.environment.items()}
    done = run(test, tmp_path, more)
    assert done.returncode == 0 and "1 skipped" not in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("bug", BROKEN, ids=lambda bug: bug.name)
def test_what_a_bug_changes_is_there(bug: Broken) -> None:
    with planted(bug.edits):
        pass


def test_every_class_of_faults_has_a_planted_bug_or_says_why_not() -> None:
    has = {bug.fault for bug in (*BROKEN, *SELF, *MUTANTS) if bug.fault}
    assert has | LATER.keys() == CLASSES
    assert not has & LATER.keys()


def test_every_row_about_linked_orders_has_a_planted_bug() -> None:
    rows = {mutant.row for mutant in MUTANTS if mutant.row} | {row for bug in BROKEN for row in bug.rows}
    assert rows == {f"L{number}" for number in range(1, 13)} | {"P5", "P12", "X3", "X4", "X5"}


def test_names_are_unique() -> None:
    names = [bug.name for bug in (*BROKEN, *MUTANTS)]
    assert len(set(names)) == len(names)


def test_the_documentation_has_them_all() -> None:
    """``python -m tests.proof.table > docs/planted.csv`` writes it anew."""
    assert (ROOT / "docs" / "planted.csv").read_text() == text()
