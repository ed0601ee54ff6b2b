"""A burst over a slow line, counted where the broker counts: no window exceeded, and hardly a permit wasted."""

from __future__ import annotations

import heapq
from fractions import Fraction
from random import Random

import pytest

from dhan_copy.core.limits import RateBudget
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import RateLimits

MINUTES = 12


def arrivals(intent: Intent, seed: int) -> list[float]:
    """When a broker gets requests that are sent as soon as the budget allows, each way taking its own time."""
    random = Random(seed)
    budget = RateBudget(RateLimits())
    now, told = 0.0, []
    answers: list[float] = []
    while now < 60 * MINUTES:
        wait = budget.wait_seconds(now, intent)
        if wait == 0:
            budget.take()
            there = now + random.uniform(0.01, 0.06)
            told.append(there)
            heapq.heappush(answers, there + random.uniform(0.01, 0.06))
            continue
        free = now + wait
        if answers and answers[0] <= free:
            now = heapq.heappop(answers)
            budget.answered(now)
        else:
            now = free
    return sorted(told)


def most_in_any(times: list[float], seconds: float) -> int:
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("intent", "share"), [(Intent.ENTRY, Fraction(4, 5)), (Intent.EXIT, Fraction(1))])
def test_r8_a_burst_uses_nine_tenths_of_what_the_rules_allow_and_never_more(intent: Intent, share: Fraction, seed: int) -> None:
    times = arrivals(intent, seed)
    for limit, seconds in ((10, 1.0), (250, 60.0), (1000, 3600.0)):
        assert most_in_any(times, seconds) <= limit * share
    begun = [at for at in times if at < 20.0]
    assert len(begun) >= 0.9 * 20 * 10 * share, "as long as only the second limits"
    assert len([at for at in times if at < 180.0]) >= 0.9 * 3 * 250 * share, "then the minute"
    assert len(times) >= 0.9 * 1000 * share, "then the hour"
