"""B14 recovers what was written, and its journals hold what they claim."""

from __future__ import annotations

from pathlib import Path

from benchmarks.recovery import bodies, recover, write
from dhan_copy import SqliteStore
from dhan_copy.core.facts import RequestIssued


def test_every_order_is_in_the_journal_and_recovery_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "day.db"
    facts = write(path, orders=20, days=2)
    assert len(bodies(path)) == facts
    store = SqliteStore(path)
    assert sum(isinstance(entry.fact, RequestIssued) for entry in store.read()) == 40
    store.close()
    assert recover(path, orders=20, days=2) > 0
