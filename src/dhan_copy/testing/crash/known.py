"""Which lines can be reached, and by which lives: found by running days under a recorder."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

from attrs import define, field, frozen

from dhan_copy.testing.crash.points import Point, Trap
from dhan_copy.testing.crash.run import Plan, Ran

Play = Callable[[Plan, bool], Ran]
"""Runs a plan; whether its lives record their lines."""

_BETWEEN = ("runtime/dispatch.py", "runtime/desk.py", "runtime/worker.py", "dhan/session.py", "dhan/http.py", "dhan/line.py")
"""Where a request is between its row in the journal and its answer: a death there leaves the most to recover from."""


@frozen
class Spot:
    """A way to reach a line: which lives come before (None: one that ends well), and how often it is executed."""

    steps: bool
    before: tuple[Trap | None, ...]
    times: int
    in_main: int


@define
class Known:
    """The spots of every line that was seen. The first life of a day, a restart, and recoveries after a death."""

    spots: dict[Point, list[Spot]] = field(factory=dict)
    failed: list[Ran] = field(factory=list)
    """Recorded runs that were violations already."""

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(sorted(self.spots))

    def first_lives(self, *, between: bool = False) -> list[tuple[Point, Spot]]:
        """What a first life executes; ``between`` an intent and its answer, or anywhere."""
        return [
            (point, spot)
            for point in self.points
            for spot in self.spots[point]
            if not spot.before and (not between or point.file in _BETWEEN)
        ]

    def recoveries(self, *, steps: bool) -> list[Point]:
        """What is executed in a life that follows a death."""
        return [
            point
            for point in self.points
            if any(spot.before and spot.before[-1] is not None and spot.steps is steps for spot in self.spots[point])
        ]

    def add(self, ran: Ran) -> None:
        """Take what the lives of a recorded run executed."""
        for number, record in enumerate(ran.records):
            if not record.exists():
                continue
            before = ran.plan.traps[:number] + (None,) * (number - len(ran.plan.traps))
            for file, line, times, in_main in json.loads(record.read_text("utf-8")):
                spots = self.spots.setdefault(Point(file, line), [])
                if not any((spot.steps, bool(spot.before)) == (ran.plan.steps, bool(before)) for spot in spots):
                    spots.append(Spot(ran.plan.steps, before, times, in_main))


def explore(play: Play, seed: int, recoveries: int) -> Known:
    """Record a whole day and a restart, with threads and without, and ``recoveries`` after a death in each of them."""
    draw = random.Random(f"explore {seed}")
    known = Known()
    for steps in (False, True):
        _note(known, play(Plan(steps=steps, seed=seed), True))
    for number in range(recoveries):
        steps = number % 2 == 1
        here = [each for each in known.first_lives(between=number % 4 < 2) if each[1].steps is steps]
        if not here:
            break
        point, spot = draw.choice(here)
        trap = Trap(point, draw.randint(1, spot.times))
        _note(known, play(Plan(traps=(trap,), steps=steps, seed=seed), True))
    return known


def _note(known: Known, ran: Ran) -> None:
    known.add(ran)
    if ran.verdict.violations:
        known.failed.append(ran)


def singles(known: Known, seed: int, count: int | None) -> Sequence[Plan]:
    """One death each, at ``count`` lines (None: at every line), the first time or a later one."""
    draw = random.Random(f"singles {seed}")
    points = known.points if count is None else draw.sample(known.points, min(count, len(known.points)))
    return [_single(known.spots[point], point, random.Random(f"{seed} {point}")) for point in points]


def doubles(known: Known, seed: int, count: int) -> Sequence[Plan]:
    """A death in the first life and one in the life that follows; half of the first between an intent and its answer."""
    draw = random.Random(f"doubles {seed}")
    plans: list[Plan] = []
    for number in range(count):
        point, spot = draw.choice(known.first_lives(between=number % 2 == 0))
        second = draw.choice(known.recoveries(steps=spot.steps) or known.points)
        first = Trap(point, draw.randint(1, spot.times))
        plans.append(Plan(traps=(first, Trap(second)), steps=spot.steps, seed=draw.randrange(1000)))
    return plans


def interruptions(known: Known, seed: int, count: int) -> Sequence[Plan]:
    """Ctrl-C at ``count`` lines that the main thread executes, in a first life or in a restart."""
    draw = random.Random(f"interruptions {seed}")
    reachable = [
        (point, spot) for point in known.points for spot in known.spots[point] if spot.in_main and not any(spot.before)
    ]
    return [
        Plan(
            traps=(*spot.before, Trap(point, draw.randint(1, spot.in_main))),
            steps=spot.steps,
            interrupt=True,
            seed=draw.randrange(1000),
        )
        for point, spot in draw.sample(reachable, min(count, len(reachable)))
    ]


def _single(spots: Sequence[Spot], point: Point, draw: random.Random) -> Plan:
    spot = draw.choice(spots)
    count = 1 if draw.random() < 0.5 else draw.randint(1, spot.times)
    return Plan(traps=(*spot.before, Trap(point, count)), steps=spot.steps, seed=draw.randrange(1000))
