"""B6: the request budget with 7,000 requests behind it, beside four deques, and the worst count in any window."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence

from benchmarks.harness import Result, at_most, ratios, rounds, spread
from dhan_copy.core.limits import RateBudget
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import RateLimits

ROUNDS = 9
PERMITS = 7_000
DAY_SECONDS = 86_400.0
SPACING_SECONDS = 12.343
"""A little over a 7,000th of a day, so that a window of 24 hours always holds just under 7,000."""
LIMITS = RateLimits()


class Deques:
    """The peer: every window has a deque of its own stamps."""

    def __init__(self, limits: RateLimits) -> None:
        windows = [(window.limit, window.seconds) for window in limits.windows] + [(limits.per_day, DAY_SECONDS)]
        self.windows = [(limit, seconds, deque[float]()) for limit, seconds in windows]

    def take(self, now: float) -> bool:
        for limit, seconds, stamps in self.windows:
            while stamps and stamps[0] <= now - seconds:
                stamps.popleft()
            if len(stamps) >= limit:
                return False
        for _, _, stamps in self.windows:
            stamps.append(now)
        return True


def ours(times: Sequence[float]) -> None:
    """A permit asked for, taken and answered at once."""
    budget = _BUDGET
    exit = Intent.EXIT
    for now in times:
        if budget.wait_seconds(now, exit) > 0:
            raise AssertionError(f"no permit at {now} s")
        budget.take()
        budget.answered(now)
    budget.new_day()


def four_deques(times: Sequence[float]) -> None:
    peer = _PEER
    for now in times:
        if not peer.take(now):
            raise AssertionError(f"no permit at {now} s")


def one_ring(times: Sequence[float]) -> None:
    """The floor: remember one time per permit and ask nothing."""
    ring = _RING
    for index, now in enumerate(times):
        ring[index] = now


_BUDGET = RateBudget(LIMITS)
_PEER = Deques(LIMITS)
_RING = [0.0] * PERMITS


def per_permit(take_all: Callable[[Sequence[float]], None]) -> Callable[[], float]:
    """Nanoseconds per permit, over 7,000 of them, evenly over a day."""
    moments = [0.0]

    def measure() -> float:
        start = moments[0]
        times = [start + number * SPACING_SECONDS for number in range(PERMITS)]
        moments[0] = start + PERMITS * SPACING_SECONDS
        before = time.perf_counter_ns()
        take_all(times)
        return (time.perf_counter_ns() - before) / PERMITS

    return measure


def saturate(limits: RateLimits, days: int, latency_seconds: float, seed: int = 1) -> list[list[float]]:
    """For every day, when the broker counted each request of a caller that always wants to send.

    Answers take up to ``latency_seconds``, and the broker counts a request at any moment between send and answer.
    """
    dice = random.Random(seed)
    budget = RateBudget(limits)
    now = 0.0
    answers: list[float] = []
    counted: list[list[float]] = []
    for day in range(days):
        end = (day + 1) * DAY_SECONDS
        counted.append([])
        while now < end:
            while answers and answers[0] <= now:
                budget.answered(answers.pop(0))
            wait = budget.wait_seconds(now, Intent.EXIT)
            if wait == 0:
                budget.take()
                answer = now + dice.uniform(0, latency_seconds)
                counted[day].append(dice.uniform(now, answer))
                answers.append(answer)
                answers.sort()
            else:
                now = min(now + wait, answers[0] if answers else end, end)
        budget.new_day()
    return counted


def worst_count(stamps: Sequence[float], seconds: float) -> int:
    """The most stamps in any window of ``seconds``, both ends included."""
    ordered = sorted(stamps)
    worst = first = 0
    for last, stamp in enumerate(ordered):
        while stamp - ordered[first] > seconds:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


def worst_counts(latency_seconds: float) -> list[tuple[int, int]]:
    """Worst count and limit of every window over two saturated days; the last is the calendar day."""
    counted = saturate(LIMITS, days=2, latency_seconds=latency_seconds)
    stamps = [stamp for day in counted for stamp in day]
    found = [(worst_count(stamps, window.seconds), window.limit) for window in LIMITS.windows]
    return [*found, (max(len(day) for day in counted), LIMITS.per_day)]


def run() -> Result:
    exact = worst_counts(latency_seconds=0)
    late = worst_counts(latency_seconds=0.5)
    measured = rounds(
        {
            "ours": per_permit(ours),
            "four deques": per_permit(four_deques),
            "a stamp and no question": per_permit(one_ring),
        },
        ROUNDS,
    )
    notes = [spread(name, values, "ns per permit") for name, values in measured.items()]
    notes.append("worst count / limit, answers at once: " + ", ".join(f"{worst}/{limit}" for worst, limit in exact))
    notes.append("worst count / limit, answers within 0.5 s: " + ", ".join(f"{worst}/{limit}" for worst, limit in late))
    result = at_most(ratios(measured, "ours", "four deques"), "x", 1.0, notes)
    holds = all(worst == limit for worst, limit in exact) and all(worst <= limit for worst, limit in late)
    return Result(result.value, result.min, result.max, result.unit, result.target, result.meets and holds, notes=result.notes)
