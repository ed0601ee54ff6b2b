"""B14: how long an engine takes to recover from a journal of 10,000 leader orders in SQLite.

The value is that of one day with all of them: recovery begins at the last checkpoint, some thousand rows before the end.
The same number over ten days is printed beside it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.commits import CountingBroker, Counts, Frames
from benchmarks.day import LEADER, copied_days, moment, settings
from benchmarks.harness import Result, at_most, ratios, rounds, spread
from dhan_copy import CopyEngine, Follower, Leader, SqliteStore
from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import Entry
from dhan_copy.testing import VirtualClock

ORDERS = 10_000
DAYS = 10
ROUNDS = 3
TARGET_SECONDS = 1.0


def write(path: Path, orders: int, days: int) -> int:
    """A journal of so many copied orders on each day, and how many facts it holds."""
    store = SqliteStore(path)
    store.acquire("benchmark")
    pending: list[Entry] = []
    position = 0
    for entries in copied_days(Copier(settings(followers=1)), orders, days):
        pending += entries
        if len(pending) >= 5_000:
            position = store.append(pending)
            pending.clear()
    if pending:
        position = store.append(pending)
    store.close()
    return position


def recover(path: Path, orders: int, days: int = 1) -> float:
    """Seconds until an engine on a copy of this journal says how things stand, on the evening of its last day."""
    with tempfile.TemporaryDirectory() as folder:
        engine = CopyEngine(
            leaders=[Leader(LEADER, source=Frames(), positions={})],
            followers=[Follower("F0", size="1", broker=CountingBroker(Counts()), live=True)],
            store=shutil.copy(path, folder),
            clock=VirtualClock(moment(days - 1, orders + 60).wall),
        )
        before = time.perf_counter()
        status = list(engine.status())
        seconds = time.perf_counter() - before
        engine.stop()
    if [row["orders"] for row in status] != [orders, orders]:
        raise AssertionError(f"of {orders} orders it knows {status}")
    return seconds


def bodies(path: Path) -> Sequence[str]:
    with sqlite3.connect(path) as db:
        (table,) = [
            name
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if any(column[1] == "body" for column in db.execute(f'PRAGMA table_info("{name}")'))
        ]
        return [body for (body,) in db.execute(f'SELECT body FROM "{table}"')]


def parse_all(texts: Sequence[str]) -> float:
    before = time.perf_counter()
    for text in texts:
        json.loads(text)
    return time.perf_counter() - before


def run() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        day, days = Path(folder) / "day.db", Path(folder) / "days.db"
        facts = write(day, ORDERS, 1)
        write(days, ORDERS // DAYS, DAYS)
        texts = bodies(day)
        measured = rounds(
            {
                "one day": lambda: recover(day, ORDERS),
                "ten days": lambda: recover(days, ORDERS // DAYS, DAYS),
                "json.loads": lambda: parse_all(texts),
            },
            ROUNDS,
        )
    seconds = measured["one day"]
    notes = [
        f"{facts} facts of {ORDERS} leader orders on one day at one follower, all filled",
        spread(f"the same orders over {DAYS} days", measured["ten days"], "s"),
        spread("recovery per fact", [value / facts * 1e6 for value in seconds], "us"),
        spread("json.loads of its body", [value / facts * 1e6 for value in measured["json.loads"]], "us"),
        spread("per fact / json.loads of its body (target 3)", ratios(measured, "one day", "json.loads"), "x"),
    ]
    return at_most(seconds, "s", TARGET_SECONDS, notes)
