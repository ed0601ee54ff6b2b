"""Tells listeners of order changes, in order and after the change is complete."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dhan_copy.model.ids import AccountName
from dhan_copy.testing.orders import OrderEvent, SimulatedOrder


class Announcer:
    """One lock around every change; events wait until the outermost change is done. ``before`` runs inside each
    outermost turn, ahead of the change."""

    def __init__(self) -> None:
        self.before: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        self._depth = 0
        self._events: deque[OrderEvent] = deque()
        self._listeners: list[tuple[AccountName | None, Callable[[OrderEvent], None]]] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the exchange for one change; a turn inside a turn is part of it."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self.before()
                yield
                if self._depth == 1:
                    self._tell()
            finally:
                self._depth -= 1

    def announce(self, order: SimulatedOrder) -> None:
        self._events.append(OrderEvent(order))

    def listen(self, account: AccountName | None, listener: Callable[[OrderEvent], None]) -> Callable[[], None]:
        """Add a listener; returns the function that removes it."""
        entry = (account, listener)
        with self._lock:
            self._listeners.append(entry)

        def stop() -> None:
            with self._lock:
                if entry in self._listeners:
                    self._listeners.remove(entry)

        return stop

    def _tell(self) -> None:
        while self._events:
            event = self._events.popleft()
            for account, listener in tuple(self._listeners):
                if account is None or account == event.account:
                    listener(event)
