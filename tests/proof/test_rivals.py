"""Two processes on one journal or one account: the second is refused, and the first goes on."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

from tests.proof.stage import Stage, long_run
from tests.stores.store_kit import python

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


def test_f08_a_second_engine_on_the_journal_or_the_account_is_refused(stage: Stage, tmp_path: Path) -> None:
    with stage.copier() as first:
        assert first.news() == "ready"
        with stage.copier() as second:
            assert f"StoreLocked: the journal {stage.journal} is in use" in second.news()
            assert second.ended() == 3
        first.process.send_signal(signal.SIGSTOP)  # a paused engine still is one
        with stage.copier(journal=tmp_path / "another.db") as third:
            assert f"StoreLocked: the follower account {stage.follower} is in use" in third.news()
            assert third.ended() == 3
        first.process.send_signal(signal.SIGCONT)
        stage.order(*range(300, 304))
        stage.check()
        first.kill()
    stage.check_a_restart_goes_on(*range(304, 308))


@long_run
def test_f12_another_process_holds_the_database_locked_beyond_the_timeout(stage: Stage) -> None:
    with stage.copier(busy_seconds=0.1) as copier:
        assert copier.news() == "ready"
        with python(LOCKER, stage.journal) as locker:
            assert locker.stdout is not None
            assert locker.stdout.readline() == "locked\n"
            stage.order(*range(300, 308))
            assert "StoreError: another program holds the journal locked" in (told := copier.news())
            assert "Nothing was sent" in told
            assert copier.ended() == 3
            assert stage.sent() == 0
    assert sqlite3.connect(stage.journal).execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    stage.check_a_restart_goes_on(308)
