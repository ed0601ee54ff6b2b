"""Where everything that the core must know arrives, in batches that are folded together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeAlias

from dhan_copy.core.facts import Fact

Batch: TypeAlias = tuple[Fact, ...]
"""Facts that belong into one step: a book and the fact that it was read."""
Ask: TypeAlias = Callable[[], None]
"""Something to do on the core's thread."""


class Inbox:
    """Answers always get in (there is at most one per request); feeds wait while it is full."""

    def __init__(self, capacity: int = 10_000, at_once: int = 256) -> None:
        self._queue: SimpleQueue[Batch | Ask] = SimpleQueue()
        self._capacity = capacity
        self._at_once = at_once

    def put(self, batch: Batch) -> None:
        """Add a batch; never waits."""
        if batch:
            self._queue.put(batch)

    def ask(self, what: Ask) -> None:
        """Have ``what`` done on the core's thread, after what is already here."""
        self._queue.put(what)

    def offer(self, batch: Batch, stopped: threading.Event) -> None:
        """Add a batch once there is room; drop it when ``stopped`` comes first."""
        while self._queue.qsize() >= self._capacity:
            if stopped.wait(0.01):
                return
        self.put(batch)

    def get(self, timeout: float | None) -> tuple[list[Batch], list[Ask]]:
        """Wait for the first item (``timeout`` in seconds, None for ever), then take what is there, up to a bound.

        The bound is in facts: a batch is never divided.
        """
        batches: list[Batch] = []
        asks: list[Ask] = []
        try:
            item = self._queue.get(timeout=timeout) if timeout is None or timeout > 0 else self._queue.get_nowait()
            facts = 0
            while True:
                if isinstance(item, tuple):
                    batches.append(item)
                    facts += len(item)
                else:
                    asks.append(item)
                if facts + len(asks) >= self._at_once:
                    break
                item = self._queue.get_nowait()
        except Empty:
            pass
        return batches, asks

    def __len__(self) -> int:
        return self._queue.qsize()
