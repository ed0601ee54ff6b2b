"""Counts the requests of one account in sliding windows, as a broker does."""

from __future__ import annotations

from collections import deque
from datetime import date

from dhan_copy.model.times import ist_date
from dhan_copy.protocols import Clock

DHAN_WINDOWS: tuple[tuple[int, float], ...] = ((10, 1.0), (250, 60.0), (1000, 3600.0))
"""Order requests (place, modify and cancel together) by seconds; Dhan's documentation."""
DHAN_PER_DAY = 7000


class RateCounter:
    """Admits a request where every window (``limit``, ``seconds``) and the IST day have room; notes all arrivals.

    Refused requests use up nothing, but :meth:`worst` counts every arrival. Not safe for threads by itself.
    """

    def __init__(self, clock: Clock, windows: tuple[tuple[int, float], ...], per_day: int | None) -> None:
        self.windows = windows
        self.per_day = per_day
        self.refused = 0
        self._clock = clock
        self._arrivals: list[float] = []
        self._admitted: deque[float] = deque()
        self._days: dict[date, int] = {}

    def admit(self) -> bool:
        """Note an arrival now; whether it is taken."""
        now, today = self._clock.monotonic(), ist_date(self._clock.now())
        self._arrivals.append(now)
        longest = max((seconds for _, seconds in self.windows), default=0.0)
        while self._admitted and self._admitted[0] <= now - longest:
            self._admitted.popleft()
        full = any(len(self._admitted) >= limit and self._admitted[-limit] > now - s for limit, s in self.windows)
        if full or (self.per_day is not None and self._days.get(today, 0) >= self.per_day):
            self.refused += 1
            return False
        self._admitted.append(now)
        self._days[today] = self._days.get(today, 0) + 1
        return True

    def worst(self, seconds: float) -> int:
        """The most arrivals in any window of that length, refused ones included."""
        most, begin = 0, 0
        for end, stamp in enumerate(self._arrivals):
            while self._arrivals[begin] <= stamp - seconds:
                begin += 1
            most = max(most, end - begin + 1)
        return most

    def statistics(self) -> dict[str, object]:
        """``arrived``, ``refused``, and ``worst`` by window length in seconds."""
        lengths = [seconds for _, seconds in self.windows] or [1.0]
        return {
            "arrived": len(self._arrivals),
            "refused": self.refused,
            "worst": {f"{seconds:g}": self.worst(seconds) for seconds in lengths},
            "limits": {f"{seconds:g}": limit for limit, seconds in self.windows},
            "per_day": self.per_day,
        }
