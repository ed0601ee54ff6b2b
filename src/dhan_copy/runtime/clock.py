"""Time for the engine: the system's clock, and a guard that keeps wall time from going back."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

from dhan_copy.core.facts import Moment
from dhan_copy.model.times import IST
from dhan_copy.protocols import Clock


class SystemClock:
    """The machine's clock, wall time in IST."""

    def now(self) -> datetime:
        return datetime.now(IST)

    def monotonic(self) -> float:
        return time.monotonic()


class SteadyClock:
    """A clock whose wall time never goes back nor stands still: after a step back of the inner clock it runs on with
    the monotonic time until the inner clock has caught up. For any thread."""

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self._latest: datetime | None = None
        self._latest_monotonic = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            now, monotonic = self._inner.now(), self._inner.monotonic()
            if self._latest is not None:
                elapsed = timedelta(seconds=max(0.0, monotonic - self._latest_monotonic))
                now = max(now, self._latest + elapsed)
            self._latest, self._latest_monotonic = now, monotonic
            return now

    def monotonic(self) -> float:
        return self._inner.monotonic()

    def moment(self) -> Moment:
        return Moment(self.now(), self.monotonic())
