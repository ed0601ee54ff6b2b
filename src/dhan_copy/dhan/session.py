"""dhanhq's client for one account, for one caller at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from attrs import frozen
from dhanhq import dhanhq

from dhan_copy.dhan.http import KeepAliveHTTP
from dhan_copy.dhan.outcomes import Answer
from dhan_copy.dhan.pace import ReadPace
from dhan_copy.errors import Rejected


@frozen
class Outcome:
    """What a call came to. ``not_sent`` is there when no byte of the request can have left."""

    answer: Answer
    not_sent: Rejected | None


class Session:
    """The SDK's methods over one connection. Calls of several threads wait for each other: the SDK's answer and the
    HTTP status that it hides belong together."""

    def __init__(self, http: KeepAliveHTTP) -> None:
        self._http = http
        self._sdk = dhanhq(_Context(http))
        self._lock = threading.Lock()

    def ask(self, call: Callable[[dhanhq], object]) -> Outcome:
        """Run one method of the SDK, such as ``lambda sdk: sdk.get_positions()``."""
        with self._lock:
            call(self._sdk)
            return Outcome(self._http.answer, self._http.not_sent)

    def get(self, path: str) -> Outcome:
        """Read a path for which the SDK has no method."""
        with self._lock:
            self._http.get(path)
            return Outcome(self._http.answer, self._http.not_sent)

    def post(self, path: str, payload: Mapping[str, object]) -> Outcome:
        """Send what a method of the SDK refuses to send; the client id is added."""
        with self._lock:
            self._http.post(path, dict(payload))
            return Outcome(self._http.answer, self._http.not_sent)

    @property
    def pace(self) -> ReadPace:
        return self._http.pace

    def token_expires_at(self) -> datetime | None:
        """What the present token says of its own end; None where it says nothing."""
        with self._lock:
            return self._http.token_expires_at()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        with self._lock:
            self._http.close()


@frozen
class _Context:
    """The part of ``DhanContext`` that the SDK's methods use; the real one opens a session and keeps the token."""

    http: KeepAliveHTTP

    def get_dhan_http(self) -> KeepAliveHTTP:
        return self.http
