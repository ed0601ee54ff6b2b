"""Power cuts, case by case: lives that each end in one, and a last life in which nothing fails."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from attrs import define, field

from dhan_copy.stores.schema import DISK
from dhan_copy.testing.power.disk import PowerDisk
from dhan_copy.testing.power.lives import Appending, Copying, Work
from dhan_copy.testing.power.platter import Cut, Style
from dhan_copy.testing.power.promises import Promises, WitnessedStore

JOURNAL = "copies.db"
LIVES = 3
"""That end in a cut, at most, per case: the power is cut during the recovery from a power cut too."""
COPYING_IN = 5
"""Every how many cases an engine copies; in the others a store is appended to, which is faster."""
_SOON = 15
"""Operations within which a journal is open again."""
Disks = Callable[[Path, Mapping[str, bytes], int, bool], PowerDisk]


@define
class Summary:
    """``entries`` are those that were acknowledged before a cut, added up over the cuts; ``under_way`` says what became of the commit, if any, that a
    cut fell into."""

    seed: int
    cuts: int = 0
    cases: int = 0
    entries: int = 0
    requests: int = 0
    parked: int = 0
    at: Counter[str] = field(factory=Counter)
    under_way: Counter[str] = field(factory=Counter)
    violations: list[tuple[int, str]] = field(factory=list)
    """With the seed that shows each again."""
    seconds: float = 0.0

    def as_json(self) -> str:
        return json.dumps(
            {
                "seed": self.seed,
                "cuts": self.cuts,
                "cases": self.cases,
                "violations": len(self.violations),
                "entries": self.entries,
                "requests": self.requests,
                "parked": self.parked,
                "under_way": dict(sorted(self.under_way.items())),
                "at": dict(sorted(self.at.items())),
                "seconds": round(self.seconds, 3),
            }
        )


def cut_power(seed: int, cuts: int, *, disks: Disks = PowerDisk) -> Summary:
    """Cut the power at least ``cuts`` times; stops after the case that shows the first violation. Case ``n`` is the
    first one of the seed ``seed + n``."""
    began = time.process_time()
    summary = Summary(seed)
    while summary.cuts < cuts and not summary.violations:
        _Case(seed + summary.cases, summary, disks).run()
        summary.cases += 1
    summary.seconds = time.process_time() - began
    return summary


class _Case:
    def __init__(self, seed: int, summary: Summary, disks: Disks) -> None:
        self._seed = seed
        self._random = Random(f"power {seed}")
        self._summary = summary
        self._disks = disks
        self._promises = Promises()
        copying = seed % COPYING_IN == 0
        self._work: Work = (Copying if copying else Appending)(self._random, self._promises)
        self._far = (200, 400) if copying else (200, 400, 3000)
        self._files: dict[str, bytes] = {}

    def run(self) -> None:
        with tempfile.TemporaryDirectory(dir=_memory()) as folder:
            for life in range(self._random.randint(1, LIVES)):
                self._live(Path(folder, f"{life}"), self._operations(life))
                self._judge(Path(folder, f"{life}-left"))
                if self._promises.broken:
                    break
            else:
                self._rest(Path(folder, "rest"))
        self._summary.requests += len(self._promises.handed_over)
        self._summary.parked += self._promises.parked
        self._summary.violations += [(self._seed, what) for what in self._promises.broken]

    def _operations(self, life: int) -> int:
        """Where the power goes off: while the journal is made or recovered, soon after, or long after."""
        return self._random.randint(1, self._random.choice((_SOON, *self._far) if life else (60, *self._far)))

    def _live(self, folder: Path, cut_at: int) -> None:
        folder.mkdir()
        disk = self._disks(folder, self._files, cut_at, self._random.random() < 0.3)
        try:
            self._work.live(lambda: WitnessedStore(folder / JOURNAL, disk, self._promises))
        except Cut:
            pass
        finally:
            disk.close()
        style = self._random.choice(list(Style))
        self._files = disk.platter.survivors(self._random, style)
        if f"{JOURNAL}-wal" in self._files and self._random.random() < 0.3:
            # Shared memory is a file too, which SQLite never syncs.
            self._files[f"{JOURNAL}-shm"] = self._random.randbytes(32_768)
        self._summary.cuts += 1
        self._summary.at[disk.platter.cut_in or "nothing"] += 1

    def _judge(self, folder: Path) -> None:
        """On a copy, in the standard library's SQLite: the next life begins with what the cut left, untouched."""
        folder.mkdir()
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        acknowledged, under_way = self._promises.acknowledged, self._promises.under_way
        found = self._promises.judge(folder / JOURNAL)
        self._summary.entries += acknowledged
        if under_way:
            self._summary.under_way["kept" if found > acknowledged else "lost"] += 1

    def _rest(self, folder: Path) -> None:
        folder.mkdir()
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        promises = self._promises
        self._work.rest(lambda: WitnessedStore(folder / JOURNAL, DISK, promises))
        promises.judge(folder / JOURNAL)


def _memory() -> str | None:
    """Where files cost no writing: the disk that counts is the simulated one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
