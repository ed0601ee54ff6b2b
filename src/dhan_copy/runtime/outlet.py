"""Hands what happened to a function on a thread of its own: whatever that function does, copying goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from dhan_copy.runtime.desk import words

logger = logging.getLogger("dhan_copy")
Item = TypeVar("Item")


class Outlet(Generic[Item]):
    """A bounded queue before ``handle``. What does not fit is dropped and counted; ``dropping`` is called once each
    time that it begins."""

    def __init__(
        self, name: str, handle: Callable[[Item], object], dropping: Callable[[], None], capacity: int = 20_000
    ) -> None:
        self._name = name
        self._handle = handle
        self._dropping = dropping
        self._capacity = capacity
        self._queue: SimpleQueue[tuple[Item, ...] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._full = False
        self._failures = 0
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"dhan_copy {self._name}", daemon=True)
        self._thread.start()

    def put(self, items: Sequence[Item]) -> None:
        """Queue ``items``; never waits."""
        if not items:
            return
        with self._lock:
            room = self._capacity - self._waiting
            begins = room < len(items) and not self._full
            if room < len(items):
                self.dropped += len(items)
                self._full = True
            else:
                self._waiting += len(items)
                self._full = self._full and room < self._capacity // 2
        if room >= len(items):
            self._queue.put(tuple(items))
        elif begins:
            self._dropping()

    def drain(self) -> None:
        """Hand over what is queued, on the calling thread: for an engine without threads."""
        while True:
            try:
                items = self._queue.get_nowait()
            except Empty:
                return
            self._deliver(items or ())

    def stop(self, timeout: float) -> None:
        """Deliver what is queued, then end, waiting at most ``timeout`` seconds."""
        if self._thread is None:
            self.drain()
            return
        self._queue.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(max(timeout, 0.0))

    def _run(self) -> None:
        while (items := self._queue.get()) is not None:
            self._deliver(items)

    def _deliver(self, items: tuple[Item, ...]) -> None:
        for item in items:
            try:
                self._handle(item)
            except Exception as error:
                self._failures += 1
                if self._failures & (self._failures - 1) == 0:
                    logger.warning("%s raised (%d times so far): %s", self._name, self._failures, ascii(words(error)))
            finally:
                with self._lock:
                    self._waiting -= 1
