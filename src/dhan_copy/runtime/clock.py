"""Time for the engine: the system's clock, and a guard that keeps wall time from going back."""

from __future__ import annotations

import threading
import time
from datetime import datetime

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
    """A clock whose wall time never goes back: a step back of the inner clock is waited out. For any thread."""

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self._latest: datetime | None = None
        self._lock = threading.Lock()

    def now(self) -> datetime:
        now = self._inner.now()
        with self._lock:
            if self._latest is None or now > self._latest:
                self._latest = now
            return self._latest

    def monotonic(self) -> float:
        return self._inner.monotonic()

    def moment(self) -> Moment:
        return Moment(self.now(), self.monotonic())
