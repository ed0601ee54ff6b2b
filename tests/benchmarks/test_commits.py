"""B3's counts, exact whatever the machine does: one commit before the first send, for any number of followers."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from benchmarks.commits import Counts, counting, stepped, threaded


@pytest.mark.parametrize("followers", [1, 7, 100])
def test_one_commit_before_the_first_send(followers: int) -> None:
    assert {first for first, _ in threaded(events=3, followers=followers)} == {1}


def test_two_commits_per_event_when_the_answers_come_together() -> None:
    assert stepped(events=3, followers=100) == [(1, 2)] * 3


def test_the_count_sees_every_commit_that_writes(tmp_path: Path) -> None:
    counts = Counts()
    with counting(counts):
        db = sqlite3.connect(tmp_path / "x.db")
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (1)")
        db.commit()
        db.executescript("BEGIN IMMEDIATE; INSERT INTO t VALUES (2); INSERT INTO t VALUES (3); COMMIT")
        db.execute("BEGIN")
        db.commit()
        db.close()
    assert counts.commits == 2
