"""The thread that owns core and journal: waits for facts or for the time to look again, and turns the kernel."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dhan_copy.protocols import Clock
from dhan_copy.runtime.inbox import Inbox
from dhan_copy.runtime.kernel import Core, Kernel

_LONGEST_WAIT_SECONDS = 3600.0
_SHORTEST_WAIT_SECONDS = 0.005
"""After a turn that did nothing although it was due: a core that asks for the past must not burn the processor."""


class Loop:
    """Runs until ``stopping`` is set, or until the kernel gives up: then ``error`` says why."""

    def __init__(
        self,
        kernel: Kernel[Core],
        inbox: Inbox,
        clock: Clock,
        stopping: threading.Event,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._kernel = kernel
        self._inbox = inbox
        self._clock = clock
        self._stopping = stopping
        self._failed = failed
        self.finished = threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="dhan_copy core", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def join(self, timeout: float) -> bool:
        """Whether the turn under way has ended within ``timeout`` seconds of ``stopping``."""
        self._inbox.ask(lambda: None)
        if self.thread is not threading.current_thread() and self.thread.ident is not None:
            self.thread.join(max(timeout, 0.0))
        return not self.thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                batches, asks = self._inbox.get(self._patience())
                if batches or self._overdue():
                    self._kernel.turn(batches)
                for ask in asks:
                    ask()
        except BaseException as error:
            self.error = error
            self._failed(error)
        finally:
            self.finished.set()

    def _overdue(self) -> bool:
        return self._kernel.due is not None and self._kernel.due <= self._clock.monotonic()

    def _patience(self) -> float:
        if self._kernel.due is None:
            return _LONGEST_WAIT_SECONDS
        shortest = _SHORTEST_WAIT_SECONDS if self._kernel.idle else 0.0
        return min(max(self._kernel.due - self._clock.monotonic(), shortest), _LONGEST_WAIT_SECONDS)
