"""Whether a request may still leave: the last look before the write."""

from __future__ import annotations

import threading
from datetime import datetime

from typing_extensions import assert_never

from dhan_copy.core.facts import TradingState
from dhan_copy.core.requests import Cancel, Intent, Modify, Request, Submit
from dhan_copy.core.state import STRICTNESS
from dhan_copy.model.ids import ClientOrderId


class Gate:
    """One follower's gate. Shutting it and passing it exclude each other, so that nothing slips out afterwards."""

    def __init__(self) -> None:
        # Condition's own ``with`` is written in Python, and Ctrl-C between two lines of it keeps the lock for ever.
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self._state = TradingState.ACTIVE
        self._closed = False
        self._outside: dict[ClientOrderId, int] = {}

    def allow(self, state: TradingState) -> None:
        """What may leave from now on."""
        with self._lock:
            self._state = state

    def tighten(self, state: TradingState) -> None:
        """As :meth:`allow`, but never to allow more."""
        with self._lock:
            if STRICTNESS.index(state) > STRICTNESS.index(self._state):
                self._state = state

    @property
    def closed(self) -> bool:
        with self._lock:
            return self._closed

    def close(self) -> None:
        """Nothing leaves any more: the engine stops."""
        with self._lock:
            self._closed = True

    def leave(self, request: Request, now: datetime, late: bool) -> str:
        """Let ``request`` out and answer "", or say why it must not leave. Whoever is let out calls :meth:`back`."""
        with self._lock:
            problem = self._objection(request, now, late)
            if not problem:
                self._outside[request.client_order_id] = threading.get_ident()
            return problem

    def back(self, request: Request) -> None:
        """The request has been answered, or its answer is unknown."""
        with self._lock:
            self._outside.pop(request.client_order_id, None)
            self._condition.notify_all()

    def wait(self, timeout: float) -> tuple[ClientOrderId, ...]:
        """Wait until nothing is outside, and return what still is after ``timeout`` seconds.

        What the calling thread itself has outside is not waited for.
        """
        me = threading.get_ident()
        with self._lock:
            self._condition.wait_for(lambda: all(owner == me for owner in self._outside.values()), timeout)
            return tuple(name for name, owner in self._outside.items() if owner != me)

    def _objection(self, request: Request, now: datetime, late: bool) -> str:
        if self._closed:
            return "the engine stopped before it was sent"
        match request:
            case Cancel():
                return ""
            case Submit() | Modify():
                match self._state:
                    case TradingState.HALTED:
                        return "halted before it was sent"
                    case TradingState.REDUCING | TradingState.CLOSING if request.intent is Intent.ENTRY:
                        return "entries were stopped before it was sent"
                    case TradingState.ACTIVE | TradingState.REDUCING | TradingState.CLOSING:
                        pass
                    case _ as never:
                        assert_never(never)
                if request.not_after is not None and (late or now > request.not_after):
                    return f"too late: it was to be sent until {request.not_after.isoformat()}"
                return ""
        assert_never(request)
