"""Keeps the reads of one account within what Dhan takes in a second, however many connections read."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

READS_PER_SECOND = 20
"""Dhan's limit on reads that are not of market data (section "Rate Limit" of the v2 docs)."""

_LONGEST_WAIT_SECONDS = 0.1
"""Then it is looked again: an answer on another connection may have changed it."""
_AFTER_SECONDS = 0.001
"""A read of exactly one second ago still counts."""
_BEGAN = time.monotonic()
"""A process that was killed just before this one began may have read all that a second takes; no journal says so."""


class ReadPace:
    """Permits for GETs, exact as the server counts: one is held from before the send until the answer, and counts for
    a second from the answer on. ``used_up_at``: when somebody else may have taken them all. Safe from any thread; times
    are in seconds, by ``monotonic``."""

    def __init__(
        self,
        per_second: int = READS_PER_SECOND,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        used_up_at: float | None = None,
    ) -> None:
        self.per_second = per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._outside = 0
        self._answered = deque([] if used_up_at is None else [used_up_at] * per_second)

    def wait_seconds(self, count: int = 1) -> float:
        """How long until ``count`` reads (at most a second's) may leave one after the other; 0.0: at once."""
        with self._lock:
            return self._wait_seconds(min(count, self.per_second))

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Wait until a read may leave, which is what the block does."""
        while wait := self._taken():
            self._sleep(wait)
        try:
            yield
        finally:
            with self._lock:
                self._outside -= 1
                self._answered.append(self._monotonic())

    def _taken(self) -> float:
        """Take a permit and return 0.0, or return how long to wait for one."""
        with self._lock:
            wait = self._wait_seconds(1)
            self._outside += not wait
            return wait

    def _wait_seconds(self, count: int) -> float:
        now = self._monotonic()
        while self._answered and now - self._answered[0] > 1:
            self._answered.popleft()
        too_many = self._outside + len(self._answered) + count - self.per_second
        if too_many <= 0:
            return 0.0
        if too_many > len(self._answered):
            return _LONGEST_WAIT_SECONDS
        return min(self._answered[too_many - 1] + 1 + _AFTER_SECONDS - now, _LONGEST_WAIT_SECONDS)


_paces: dict[tuple[str, str], ReadPace] = {}
_paces_lock = threading.Lock()


def _begin() -> None:
    """In a process that was forked off another one."""
    global _BEGAN, _paces_lock
    _BEGAN = time.monotonic()
    _paces_lock = threading.Lock()
    _paces.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def pace_of(base_url: str, client_id: str) -> ReadPace:
    """The one pace of an account, of all its connections, also of those that are closed: the server counts by account."""
    with _paces_lock:
        pace = _paces.get((base_url, client_id))
        if pace is None:
            pace = _paces[base_url, client_id] = ReadPace(used_up_at=_BEGAN)
        return pace
