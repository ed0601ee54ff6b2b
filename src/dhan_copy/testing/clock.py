"""A clock that moves only when the test moves it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta


class VirtualClock:
    """Virtual time, as :class:`~dhan_copy.protocols.Clock`: ``start`` is an aware wall time, monotonic time begins
    at 0."""

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._wall = _aware(start)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """The wall time, in the zone of the last setting."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds advanced since the start."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let both times pass. Raises ValueError for a negative number: monotonic time never goes back."""
        if seconds < 0:
            raise ValueError(f"time passes forwards: {seconds} s")
        with self._lock:
            self._wall += timedelta(seconds=seconds)
            self._monotonic += seconds

    def set_wall(self, moment: datetime) -> None:
        """Make the wall clock jump, as NTP or a user does, while monotonic time stays where it is."""
        with self._lock:
            self._wall = _aware(moment)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("an aware datetime is needed; localise Dhan's times with dhan_copy.model.times.ist")
    return moment
