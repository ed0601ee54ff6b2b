"""Virtual time: what is to happen when, and the clocks that people and machines read meanwhile."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

from dhan_copy.model.times import ist

Act = Callable[[], None]
BEGINNING = ist(datetime(2026, 11, 2))
"""Midnight before the first day, a Monday."""


class Timeline:
    """``now`` is in seconds since the beginning; acts of the same moment happen in the order in which they were planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._acts: list[tuple[float, int, Act]] = []
        self._count = 0

    def at(self, when: float, act: Act) -> None:
        self._count += 1
        heapq.heappush(self._acts, (max(when, self.now), self._count, act))

    def after(self, seconds: float, act: Act) -> None:
        self.at(self.now + seconds, act)

    def run(self, until: float) -> None:
        """Do everything that is due until then."""
        acts = self._acts
        while acts and acts[0][0] <= until:
            self.now, _, act = heapq.heappop(acts)
            act()
        self.now = until

    def day(self, seconds: float = 0.0) -> int:
        """Which day it is, or will be in so many seconds."""
        return int((self.now + seconds) // 86_400)

    def wall(self) -> datetime:
        """The true time."""
        return BEGINNING + timedelta(seconds=self.now)

    def second(self) -> datetime:
        """The true time as brokers tell it: whole seconds."""
        return BEGINNING + timedelta(seconds=int(self.now))


class MachineClock:
    """The clock of the machine that copies: its wall time may be set wrong, its monotonic time may not."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.offset_seconds = 0.0

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._timeline.now + self.offset_seconds)

    def monotonic(self) -> float:
        return self._timeline.now
