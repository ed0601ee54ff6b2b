"""Follows an account's order updates over reconnects, so that no frame is lost without a word.

The socket promises nothing: no acknowledgement, no sequence numbers, no replay after a reconnect, and it can die
silently (Dhan's documentation, and observations of July 2026). So every connection begins with a
:class:`~dhan_copy.protocols.Gap`, on which the engine reads the order book while frames wait here.
"""

from __future__ import annotations

import math
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from dhan_copy.dhan.backoff import Backoff
from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.login import login_frame, reset_after_login
from dhan_copy.dhan.reads import AccountReads
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.dhan.snapshots import Snapshots
from dhan_copy.dhan.stream import FrameRefused, OrderStream, StreamSettings, open_stream
from dhan_copy.dhan.wire import parse_order_update
from dhan_copy.errors import FeedError, FeedLoginRefused, UnreadableReport
from dhan_copy.model.account import Funds, Holding, Position
from dhan_copy.model.order import OrderReport
from dhan_copy.protocols import Gap, SourceEvent, Unreadable

_HEARTBEATS = frozenset({"", "2", "3"})
"""One public client knows such frames; nobody else has seen them."""


class DhanOrderFeed:
    """An :class:`~dhan_copy.protocols.EventSource` over Dhan's order-update socket, and an ``AccountReader`` over REST.

    One thread iterates :meth:`events`; everything else may be called from any thread. A ping goes out after each
    ``ping_seconds`` without a frame; after ``silence_seconds`` without a frame or a pong the socket is replaced.
    """

    def __init__(
        self,
        client_id: str,
        token: Callable[[], AccessToken],
        reads: AccountReads,
        *,
        url: str,
        route: Route,
        timeout_seconds: float = 10.0,
        ping_seconds: float = 20.0,
        silence_seconds: float = 60.0,
        backoff: Backoff | None = None,
        linked: bool = False,
        forever: bool = False,
    ) -> None:
        self._client_id = client_id
        self._token = token
        self._reads = reads
        self._settings = StreamSettings(
            url=url,
            route=route,
            timeout_seconds=timeout_seconds,
            ping_seconds=ping_seconds,
            quiet_limit=max(1, math.ceil(silence_seconds / ping_seconds)),
        )
        self._snapshots = Snapshots(reads, linked=linked, forever=forever)
        self._backoff = Backoff() if backoff is None else backoff
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._unread: deque[Unreadable] = deque()
        self._told: frozenset[Unreadable] = frozenset()

    def __repr__(self) -> str:
        return f"DhanOrderFeed({self._client_id!r}, {self._settings.url!r})"

    def events(self) -> Iterator[SourceEvent]:
        """Block and yield: a ``Gap`` after every connect and every loss, an ``Unreadable`` for what cannot be
        understood, reports for the rest. Never raises for what network or server do; ends after :meth:`close`.

        A ``Gap`` after a loss is not connected. A refused token is one that begins with "token refused". It goes on
        trying, because the token may be replaced.
        """
        try:
            while not self._closed.is_set():
                try:
                    yield from self._session()
                except FeedError as error:
                    problem = error.message
                if self._closed.is_set():
                    return
                yield Gap(problem, connected=False)
                self._closed.wait(self._backoff.next_seconds())
        finally:
            self._forget_socket()

    def snapshot(self) -> Sequence[OrderReport]:
        """Today's order book, read over REST; with ``linked`` and ``forever`` also the lists of super and Forever
        orders, which the socket may not tell of. Rows that cannot be understood, and a list that cannot be read, come
        through :meth:`events` instead, within a ping interval, and only once as long as they stay the same.

        Raises :class:`~dhan_copy.errors.BrokerError` when the book cannot be read.
        """
        book = self._snapshots.read()
        with self._lock:
            self._unread.extend(row for row in book.unreadable if row not in self._told)
            self._told = frozenset(book.unreadable)
        return book.reports

    @property
    def lists_forever_orders(self) -> bool:
        """Whether the last :meth:`snapshot` had the whole list of Forever orders."""
        return self._snapshots.lists_forever_orders

    def funds(self) -> Funds:
        return self._reads.funds()

    def positions(self) -> Sequence[Position]:
        return self._reads.positions()

    def holdings(self) -> Sequence[Holding]:
        return self._reads.holdings()

    def close(self) -> None:
        """End :meth:`events`, whatever it is waiting for; safe to call twice."""
        self._closed.set()
        with self._lock:
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # not connected yet, or no longer

    def _session(self) -> Iterator[SourceEvent]:
        """One connection, from login to loss: always ends in a FeedError."""
        login = self._login_frame()
        with open_stream(self._settings, self._opening) as stream:
            try:
                stream.send(login)
                yield Gap("connected: what happened before is not told again")
                while True:
                    yield from self._next(stream)
            except FrameRefused as refused:
                yield Unreadable(refused.message)
                raise
            except FeedError as problem:
                if stream.heard or self._closed.is_set():
                    raise
                raise reset_after_login(problem, self._reads.check_token) from None

    def _next(self, stream: OrderStream) -> Iterator[SourceEvent]:
        frame = stream.next_frame()
        if stream.heard:
            self._backoff.reset()
        while self._unread:
            yield self._unread.popleft()
        event = None if frame is None else _understood(frame)
        if event is not None:
            yield event

    def _login_frame(self) -> str:
        try:
            return login_frame(self._client_id, self._token())
        except Exception as error:
            # Its words may carry the token: whoever reads tokens from a vault may put one into an error.
            raise FeedLoginRefused(f"the access token could not be read ({type(error).__name__})") from None

    def _opening(self, sock: socket.socket) -> None:
        """Keep a second handle on the connection: shut down, it ends a connect, a TLS handshake and a read alike."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = sock.dup()
        if self._closed.is_set():
            raise OSError("the feed was closed")

    def _forget_socket(self) -> None:
        with self._lock:
            handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()


def _understood(frame: str | bytes) -> SourceEvent | None:
    text = frame if isinstance(frame, str) else frame.decode("utf-8", "backslashreplace")
    if text.strip() in _HEARTBEATS:
        return None
    try:
        return parse_order_update(frame)
    except UnreadableReport as error:
        return Unreadable(error.message, text)
    except Exception as error:  # a defect of ours must not end the feed, nor hide the frame
        return Unreadable(f"{type(error).__name__} while reading the frame", text)
