"""Plans what goes wrong with the next answers."""

from __future__ import annotations

import threading
from enum import Enum

from attrs import evolve, frozen


class Action(Enum):
    """What becomes of an answer."""

    ANSWER = "answer"
    """It is sent: the real one, or ``status`` and ``body`` in its place."""
    CLOSE = "close"
    """The connection is closed without one."""
    RESET = "reset"
    """The connection is reset without one."""
    TRUNCATE = "truncate"
    """Half of its body is sent, then the connection is closed."""
    HANG = "hang"
    """Nothing is sent for ``seconds_after``, then the connection is closed."""


@frozen(kw_only=True)
class HttpFault:
    """What happens to the next ``count`` requests that match (None: until cleared).

    ``execute`` false keeps the request from the broker. ``status`` and ``body`` replace the real answer.
    ``seconds_before`` is waited before the request is executed (it arrives late), ``seconds_after`` before it is
    answered.
    """

    account: str | None = None
    method: str | None = None
    path: str = ""
    """The beginning of the path below ``/v2``, such as ``/orders``."""
    count: int | None = 1
    action: Action = Action.ANSWER
    execute: bool = True
    status: int | None = None
    body: str | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    seconds_before: float = 0.0
    seconds_after: float = 0.0

    def __attrs_post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise ValueError(f"count must be at least 1, not {self.count}")

    def matches(self, account: str | None, method: str, path: str) -> bool:
        ours = self.account in (None, account) and self.method in (None, method)
        return ours and path.startswith(self.path)


class FaultPlan:
    """The faults to come, in the order they were planned."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[HttpFault] = []

    def add(self, fault: HttpFault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def next(self, account: str | None, method: str, path: str) -> HttpFault | None:
        """The first fault that the request meets; one of its times is used up."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.matches(account, method, path):
                    if fault.count == 1:
                        del self._faults[index]
                    elif fault.count is not None:
                        self._faults[index] = evolve(fault, count=fault.count - 1)
                    return fault
        return None
