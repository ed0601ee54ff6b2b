"""One connection to Dhan's order-update socket, from login to loss."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from urllib.parse import urlsplit

from attrs import frozen
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from dhan_copy.dhan.dial import Deadline, Route, tls_context
from dhan_copy.errors import FeedConnectionError, FeedTimeout

FRAME_LIMIT_BYTES = 4 * 1024 * 1024
_FRAMES_AHEAD = 1024
_CLOSE_SECONDS = 1.0
_BAD_FRAME = frozenset({CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA, CloseCode.MESSAGE_TOO_BIG})
# At DEBUG the websockets library logs every frame, the login with its token included.
_silent = logging.Logger("dhan_copy.dhan.stream.silent")
_silent.disabled = True


class FrameRefused(FeedConnectionError):
    """The connection had to be given up over a frame: too large, not UTF-8, or against the protocol."""


@frozen(kw_only=True)
class StreamSettings:
    """Where the socket is and how patient to be, in seconds.

    A ping goes out after each ``ping_seconds`` without a frame. ``quiet_limit`` of these in a row, without a frame or
    a pong, and the connection counts as dead.
    """

    url: str
    route: Route
    timeout_seconds: float
    ping_seconds: float
    quiet_limit: int


class OrderStream:
    """An open connection. ``heard`` says whether the other end has sent anything since the login."""

    def __init__(self, connection: ClientConnection, settings: StreamSettings) -> None:
        self.heard = False
        self._connection = connection
        self._settings = settings
        self._pings: list[Event] = []

    def send(self, frame: str) -> None:
        """Raises :class:`~dhan_copy.errors.FeedConnectionError`."""
        try:
            self._connection.send(frame)
        except ConnectionClosed as error:
            raise _lost(error) from None

    def next_frame(self) -> str | bytes | None:
        """The next frame, or None after a while without one. Raises :class:`FrameRefused`,
        :class:`~dhan_copy.errors.FeedTimeout` or :class:`~dhan_copy.errors.FeedConnectionError`."""
        try:
            try:
                frame = self._connection.recv(timeout=self._settings.ping_seconds)
            except TimeoutError:
                self._ping()
                return None
        except ConnectionClosed as error:
            raise _lost(error) from None
        self._pings.clear()
        self.heard = True
        return frame

    def _ping(self) -> None:
        if any(pong.is_set() for pong in self._pings):
            self._pings.clear()
            self.heard = True
        if len(self._pings) + 1 >= self._settings.quiet_limit:
            quiet = self._settings.quiet_limit * self._settings.ping_seconds
            raise FeedTimeout(f"disconnected: neither a frame nor a pong for {quiet:g} s")
        self._pings.append(self._connection.ping())


@contextmanager
def open_stream(settings: StreamSettings, opening: Callable[[socket.socket], None]) -> Iterator[OrderStream]:
    """Connect, without logging in. ``opening`` is given the TCP socket before it connects.

    Raises :class:`~dhan_copy.errors.FeedConnectionError`.
    """
    deadline = Deadline(settings.timeout_seconds)
    url = urlsplit(settings.url)
    tls = url.scheme == "wss"
    try:
        sock = settings.route.open(url.hostname or "", url.port or (443 if tls else 80), deadline, opening)
        sock.settimeout(None)
        opened = connect(
            settings.url,
            sock=sock,
            ssl=tls_context() if tls else None,
            open_timeout=deadline.remaining(),
            ping_interval=None,
            close_timeout=_CLOSE_SECONDS,
            max_size=FRAME_LIMIT_BYTES,
            max_queue=_FRAMES_AHEAD,
            logger=_silent,
        )
        connection = opened.__enter__()
    except (OSError, WebSocketException, ValueError) as error:
        raise FeedConnectionError(f"not connected: {str(error) or type(error).__name__}") from None
    try:
        yield OrderStream(connection, settings)
    finally:
        opened.__exit__(None, None, None)


def _lost(error: ConnectionClosed) -> FeedConnectionError:
    if error.sent is not None and error.sent.code in _BAD_FRAME and not error.rcvd_then_sent:
        return FrameRefused(f"a frame could not be taken: {error.sent.reason or error.sent.code}")
    if error.rcvd is not None:
        return FeedConnectionError(f"disconnected: closed by the server ({error.rcvd.code})")
    return FeedConnectionError("disconnected: the connection was reset")
