"""MEM: what a process holds after copying 10,000 leader orders to 5 followers, journal in SQLite."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Result, at_most

ORDERS = 10_000
FOLLOWERS = 5
TARGET_MEGABYTES = 250


def peak_megabytes() -> float:
    """The most memory that this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would count the parent that this process was forked from.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024) / 1024


def copy_a_day() -> None:
    """Print the peak before and after."""
    from benchmarks.day import copied_days, settings
    from dhan_copy.core.copier import Copier
    from dhan_copy.core.facts import Entry
    from dhan_copy.stores.sqlite import SqliteStore

    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "day.db")
        store.acquire("benchmark")
        before = peak_megabytes()
        pending: list[Entry] = []
        for entries in copied_days(Copier(settings(FOLLOWERS)), ORDERS):
            pending += entries
            if len(pending) >= 500:
                store.append(pending)
                pending.clear()
        store.append(pending)
        print(before, peak_megabytes())
        store.close()


def run() -> Result:
    done = subprocess.run([sys.executable, "-m", "benchmarks.memory"], check=True, capture_output=True, text=True)
    before, after = map(float, done.stdout.split())
    notes = (f"before the first order: {before:.0f} MB", f"per leader order: {(after - before) / ORDERS * 1024:.1f} kB")
    return at_most([after], "MB", TARGET_MEGABYTES, notes)


if __name__ == "__main__":
    copy_a_day()
