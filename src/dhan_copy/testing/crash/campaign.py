"""Many runs one after another, and what is said of them."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import define, field

from dhan_copy.testing.crash.known import doubles, explore, interruptions, singles
from dhan_copy.testing.crash.process import Nursery
from dhan_copy.testing.crash.run import Plan, Ran, Run


@define
class Summary:
    """``points`` were tried, of ``known`` lines. ``unreached`` traps were not come to as often as was planned."""

    seed: int
    known: int = 0
    points: int = 0
    double: int = 0
    interrupted: int = 0
    unreached: int = 0
    parked: int = 0
    duplicates: int = 0
    lost: int = 0
    lives: int = 0
    seconds: float = 0.0
    failed: list[Ran] = field(factory=list)

    def take(self, ran: Ran) -> None:
        traps = sum(trap is not None for trap in ran.plan.traps)
        self.unreached += traps - ran.sprung
        self.lives += ran.lives
        self.parked += ran.verdict.parked
        self.duplicates += ran.verdict.duplicates
        self.lost += ran.verdict.lost
        if ran.verdict.violations:
            self.failed.append(ran)

    def as_json(self) -> str:
        return json.dumps(
            {
                "seed": self.seed,
                "known": self.known,
                "points": self.points,
                "double": self.double,
                "interrupted": self.interrupted,
                "unreached": self.unreached,
                "violations": sum(len(ran.verdict.violations) for ran in self.failed),
                "duplicates": self.duplicates,
                "lost": self.lost,
                "parked": self.parked,
                "lives": self.lives,
                "seconds": round(self.seconds, 1),
            }
        )


Told = Callable[[Ran], object]


class Campaign:
    """Runs plans in a folder of its own. A context manager.

    ``failed`` hears of each run with violations as it ends, ``keep`` gets their journals, ``prelude`` is a Python file
    that every life runs first.
    """

    def __init__(
        self,
        seed: int,
        failed: Told = lambda ran: None,
        keep: Path | None = None,
        prelude: Path | None = None,
    ) -> None:
        self.summary = Summary(seed)
        self._failed = failed
        self._keep = keep
        self._folder = Path(tempfile.mkdtemp(prefix="dhan_copy-crash-"))
        self._nursery = Nursery(self._folder, prelude)
        self._runs = 0

    def __enter__(self) -> Campaign:
        return self

    def __exit__(self, *_: object) -> None:
        self._nursery.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, points: int | None, double: int, interrupt: int, recoveries: int) -> Summary:
        """Record days, then kill at ``points`` lines (None: all of them), ``double`` pairs, and interrupt."""
        summary, seed = self.summary, self.summary.seed
        began = time.monotonic()
        known = explore(self.play, seed, recoveries)
        summary.known = len(known.points)
        for plans, name in (
            (singles(known, seed, points), "points"),
            (doubles(known, seed, double), "double"),
            (interruptions(known, seed, interrupt), "interrupted"),
        ):
            setattr(summary, name, len(plans))
            for plan in plans:
                self.play(plan)
        summary.seconds = time.monotonic() - began
        return summary

    def repeat(self, plans: Sequence[Plan]) -> Summary:
        """Run these."""
        began = time.monotonic()
        for plan in plans:
            self.play(plan)
        self.summary.points = len(plans)
        self.summary.seconds = time.monotonic() - began
        return self.summary

    def play(self, plan: Plan, record: bool = False) -> Ran:
        """One run; its journal is deleted."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        folder.mkdir()
        ran = Run(plan, self._nursery, folder, record=record).play()
        self.summary.take(ran)
        if ran.verdict.violations:
            self._failed(ran)
            if self._keep is not None:
                shutil.copytree(folder, self._keep / f"run-{self._runs}")
        elif not record:
            shutil.rmtree(folder)
        return ran
