"""A run and what is said of it: one JSON line for machines, violations with their rows for people."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from dhan_copy.core.settings import Behind, LinkedForm
from dhan_copy.testing.simulation.oracle import RAISED, Violation
from dhan_copy.testing.simulation.world import World

LINKED = 0.2
"""Of the leader's new orders, how many are super, bracket or cover orders where nothing else is said."""
DAYS_PER_WORLD = 10
"""Before accounts, rates and settings are drawn anew: a long run is many short ones, so that none grows old."""


@frozen
class Summary:
    """``orders`` are the leader's. ``days_per_core_hour`` is what this machine did, by the processor's time."""

    seed: int
    days: int
    orders: int
    violations: tuple[Violation, ...]
    faults: dict[str, int]
    rare: dict[str, int]
    rows: int
    seconds: float
    digest: str

    @property
    def days_per_core_hour(self) -> float:
        return 3600 * self.days / self.seconds if self.seconds else 0.0

    def as_json(self) -> str:
        return json.dumps(
            {
                "seed": self.seed,
                "days": self.days,
                "orders": self.orders,
                "violations": len(self.violations),
                "faults": dict(sorted(self.faults.items())),
                "rare": dict(sorted(self.rare.items())),
                "rows": self.rows,
                "digest": self.digest,
                "seconds": round(self.seconds, 3),
                "days_per_core_hour": round(self.days_per_core_hour),
            }
        )


def simulate(
    seed: int, days: int, *, orders: int = 200, followers: int = 5, only: Sequence[str] | None = None,
    linked: float = LINKED, form: LinkedForm = LinkedForm.ORDERS, forever: float = 0.0, behind: Behind = Behind.WAIT,
) -> Summary:  # fmt: skip
    """Run ``days`` trading days; stops after the day that shows the first violation. ``only`` names the faults to
    inject (empty: none; None: all, each as often as the seed says). ``linked`` of his new orders are super, bracket or cover
    orders, which followers have in this ``form``, and ``forever`` Forever orders; ``behind`` is the policy for what rests
    when his has filled."""
    began = time.process_time()
    done = orders_seen = rows = 0
    faults: dict[str, int] = {}
    rare: dict[str, int] = {}
    violations: tuple[Violation, ...] = ()
    digest = 0
    for world, count in _worlds(seed, days, orders, followers, only, linked, form, forever, behind):
        for number in range(count):
            _run_day(world, last=number == count - 1)
            done += 1
            if world.oracle.violations:
                break
        _add(faults, world.faults.struck)
        _add(rare, world.oracle.rare)
        orders_seen += world.oracle.leader_orders
        rows += world.oracle.rows
        digest = (digest * 1_000_003 + world.oracle.digest) % 2**64
        violations = tuple(world.oracle.violations)
        if violations:
            break
    seconds = time.process_time() - began
    return Summary(seed, done, orders_seen, violations, faults, rare, rows, seconds, f"{digest:016x}")


def _run_day(world: World, *, last: bool) -> None:
    try:
        world.run_day(last=last)
    except Exception as problem:  # whatever the core raises is a finding, with the command that shows it again
        frames = traceback.extract_tb(problem.__traceback__)
        world.oracle.raised(problem, [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames])


def _worlds(
    seed: int, days: int, orders: int, followers: int, only: Sequence[str] | None, linked: float,
    form: LinkedForm, forever: float, behind: Behind,
) -> Iterator[tuple[World, int]]:  # fmt: skip
    for number in range(0, days, DAYS_PER_WORLD):
        world = World(seed * 1_000_000 + number, orders, followers, only, linked, form, forever, behind)
        yield world, min(DAYS_PER_WORLD, days - number)


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count


def told(violation: Violation, command: str) -> str:
    """A violation for people, with the command that shows it again."""
    kind = "EXCEPTION" if violation.invariant == RAISED else f"VIOLATION of invariant {violation.invariant}"
    lines = [
        f"{kind} on day {violation.day} at {violation.seconds:.3f} s: {violation.what}",
        *(f"  {row}" for row in violation.rows),
        f"again: {command}",
    ]
    return "\n".join(lines)
