"""What the tests of the stores share: entries, other processes, and being nobody in particular."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

from dhan_copy.core.facts import DayOpened, Entry, GapDetected, ReportUnreadable
from dhan_copy.model.ids import AccountName

AT = datetime(2026, 9, 1, 4, 0, tzinfo=timezone.utc)
NOBODY = 65534


def entry(position: int, cause: str = "a gap") -> Entry:
    return Entry(position, AT + timedelta(seconds=position), GapDetected(account=AccountName("A"), cause=cause))


def entries(first: int, last: int) -> list[Entry]:
    return [entry(position) for position in range(first, last + 1)]


def unreadable(position: int, raw: str) -> Entry:
    return Entry(position, AT, ReportUnreadable(account=AccountName("A"), problem="no", raw=raw))


def large(position: int, kilobytes: int = 1_000) -> Entry:
    return Entry(position, AT, DayOpened(day="x" * 1_024 * kilobytes))


@contextmanager
def python(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another process; it is killed when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A new folder, and no right to do more than its owner may: root may write to files that are read-only."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        os.chmod(folder, 0o700)
        shutil.rmtree(folder)
