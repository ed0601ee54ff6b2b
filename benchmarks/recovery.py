"""B14: how long it takes to fold the journal of a day with 10,000 leader orders, read from SQLite."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.day import copied_day, settings
from benchmarks.harness import Result, at_most, ratios, rounds, spread
from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import Entry
from dhan_copy.stores.sqlite import SqliteStore

ORDERS = 10_000
ROUNDS = 3
TARGET_SECONDS = 1.0


def write(path: Path, orders: int) -> int:
    """A journal of that many copied orders, and how many facts it holds."""
    store = SqliteStore(path)
    store.acquire("benchmark")
    pending: list[Entry] = []
    position = 0
    for entries in copied_day(Copier(settings(followers=1)), orders):
        pending += entries
        if len(pending) >= 5_000:
            position = store.append(pending)
            pending.clear()
    if pending:
        position = store.append(pending)
    store.close()
    return position


def recover(path: Path) -> float:
    """Seconds from opening the file to a core that is ready to step."""
    before = time.perf_counter()
    store = SqliteStore(path)
    store.acquire("benchmark")
    copier = Copier(settings(followers=1))
    copier.restore(store.read())
    seconds = time.perf_counter() - before
    store.close()
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
        path = Path(folder) / "day.db"
        facts = write(path, ORDERS)
        texts = bodies(path)
        measured = rounds({"recovery": lambda: recover(path), "json.loads": lambda: parse_all(texts)}, ROUNDS)
    seconds = measured["recovery"]
    notes = [
        f"{facts} facts of {ORDERS} leader orders at one follower, all filled",
        spread("recovery per fact", [value / facts * 1e6 for value in seconds], "us"),
        spread("json.loads of its body", [value / facts * 1e6 for value in measured["json.loads"]], "us"),
        spread("per fact / json.loads of its body (target 3)", ratios(measured, "recovery", "json.loads"), "x"),
    ]
    return at_most(seconds, "s", TARGET_SECONDS, notes)
