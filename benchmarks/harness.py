"""Rounds of several contenders, interleaved and with rotating order, judged by ratios within a round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen


@frozen
class Result:
    """One line of the report: ``value`` with the smallest and largest round, and the target that it should stay below.

    ``notes`` are lines for people: what peers and floor took in the same run.
    """

    value: float
    min: float
    max: float
    unit: str
    target: float
    meets: bool
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def as_json(self) -> dict[str, float | str | bool]:
        return {
            "value": self.value,
            "min": self.min,
            "max": self.max,
            "unit": self.unit,
            "target": self.target,
            "meets": self.meets,
        }


def at_most(values: Sequence[float], unit: str, target: float, notes: Sequence[str] = ()) -> Result:
    """The median of ``values``, which should not exceed ``target``."""
    middle = statistics.median(values)
    return Result(middle, min(values), max(values), unit, target, middle <= target, notes=tuple(notes))


def exactly(values: Sequence[int], unit: str, target: int, notes: Sequence[str] = ()) -> Result:
    """Counts, every one of which should be ``target``; the value is the one farthest from it."""
    worst = max(values, key=lambda value: abs(value - target))
    return Result(worst, min(values), max(values), unit, target, worst == target, notes=tuple(notes))


def rounds(contenders: Mapping[str, Callable[[], float]], count: int) -> dict[str, list[float]]:
    """What every contender measured in ``count`` rounds, after one round that does not count.

    Each round runs all of them, starting with another one each time: what slows the machine down for a while slows
    neighbours alike, and nobody always runs into a warm or a cold cache.
    """
    names = list(contenders)
    measured: dict[str, list[float]] = {name: [] for name in names}
    for number in range(count + 1):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            figure = contenders[name]()
            if number:
                measured[name].append(figure)
    return measured


def ratios(measured: Mapping[str, Sequence[float]], ours: str, other: str) -> list[float]:
    """Ours divided by the other's, round by round."""
    return [a / b for a, b in zip(measured[ours], measured[other], strict=True)]


def spread(name: str, values: Sequence[float], unit: str) -> str:
    """``name: median (min to max) unit``."""
    return f"{name}: {statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g}) {unit}"
