"""Dhan's order-update socket: login without an acknowledgement, then frames; every oddity of the real one."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Callable

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from dhan_copy.testing.server.accounts import Accounts

DEAF_AFTER_SECONDS = 5
"""A client whose buffers stay full for so long is dropped: nobody waits for it."""
RESET_AFTER_SECONDS = 0.01
"""A bad token gets a bare TCP reset about 10 ms after the login, and no close frame."""


def reset(connection: socket.socket) -> None:
    """Close so that the other side gets RST instead of FIN."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    connection.close()


class FeedConnection:
    """One client's socket, served by the thread that calls :meth:`serve`; frames leave from a thread of their own."""

    def __init__(self, connection: socket.socket, login: Callable[[FeedConnection, str], str | None]) -> None:
        self.account: str | None = None
        self._socket = connection
        self._login = login
        self._protocol = ServerProtocol()
        self._lock = threading.Lock()
        self._wake = threading.Condition()
        self._outgoing: deque[str] = deque()
        self._paused = False
        self._mute = False
        self._reset = False
        self._finished = False

    def serve(self, stopping: threading.Event) -> None:
        """Talk until either side is gone."""
        sender = threading.Thread(target=self._send_frames, name="dhan-feed-sender", daemon=True)
        sender.start()
        try:
            while self._hear():
                continue
            if self._reset:
                if self.account is None:
                    stopping.wait(RESET_AFTER_SECONDS)
                reset(self._socket)
        finally:
            with self._wake:
                self._finished = True
                self._wake.notify_all()
            sender.join()

    def send(self, text: str) -> None:
        """Queue a text frame; it is lost if the client is gone."""
        with self._wake:
            self._outgoing.append(text)
            self._wake.notify_all()

    def pause(self, *, answer_pings: bool) -> None:
        """Say nothing more, as a half-open socket does."""
        with self._lock:
            self._mute = not answer_pings
        with self._wake:
            self._paused = True

    def resume(self, *, deliver: bool) -> None:
        """Speak again; what was held back meanwhile is sent, or lost."""
        with self._lock:
            self._mute = False
            self._flush()
        with self._wake:
            self._paused = False
            if not deliver:
                self._outgoing.clear()
            self._wake.notify_all()

    def drop(self) -> None:
        """Reset the connection."""
        self._reset = True
        _shut(self._socket, socket.SHUT_RD)

    def close(self) -> None:
        """Close in order, with a close frame, as a server does that goes away."""
        with self._lock:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1001)
                self._flush()
        _shut(self._socket, socket.SHUT_RDWR)

    def _hear(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except OSError:
            return False
        if not data:
            return False
        with self._lock:
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                if isinstance(event, Request):
                    self._protocol.send_response(self._protocol.accept(event))
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT and self.account is None:
                    self.account = self._login(self, bytes(event.data).decode(errors="replace"))
                    self._reset = self.account is None
            self._flush()
            return not self._reset and self._protocol.state is not State.CLOSED and not self._protocol.close_expected()

    def _send_frames(self) -> None:
        while True:
            with self._wake:
                while not self._finished and (self._paused or not self._outgoing):
                    self._wake.wait()
                if self._finished:
                    return
                text = self._outgoing.popleft()
            with self._lock:
                if self._protocol.state is State.OPEN:
                    self._protocol.send_text(text.encode())
                    self._flush()

    def _flush(self) -> None:
        if self._mute:
            return
        for data in self._protocol.data_to_send():
            try:
                if data:
                    self._socket.sendall(data)
                else:
                    self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.drop()
                return


def _shut(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError:
        pass


class FeedServer:
    """All sockets of all accounts on one port of 127.0.0.1."""

    def __init__(self, accounts: Accounts, port: int = 0) -> None:
        self._accounts = accounts
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._open: list[FeedConnection] = []
        self._logged_in: list[FeedConnection] = []
        self._logins = 0
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 512

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="dhan-feed-server", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every connection and wait for its threads."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        for connection in self._connections(None, logged_in=False):
            connection.resume(deliver=False)
            connection.close()
        self._server.server_close()

    def send(self, account: str, text: str) -> int:
        """Send a text to every socket of the account; returns how many there are."""
        with self._changed:
            receivers = [connection for connection in self._logged_in if connection.account == account]
            for connection in receivers:
                connection.send(text)
        return len(receivers)

    def sockets(self, account: str | None = None) -> int:
        """How many sockets are logged in."""
        return len(self._connections(account))

    def wait_for_sockets(self, count: int, account: str | None, timeout_seconds: float) -> bool:
        """Wait until exactly ``count`` sockets are logged in."""
        with self._changed:
            return self._changed.wait_for(lambda: self.sockets(account) == count, timeout_seconds)

    def wait_for_logins(self, count: int, timeout_seconds: float) -> bool:
        """Wait until ``count`` logins have been dealt with, over all accounts and since the start."""
        with self._changed:
            return self._changed.wait_for(lambda: self._logins >= count, timeout_seconds)

    def drop(self, account: str | None, *, politely: bool) -> int:
        """End the sockets that are there now: by a reset, or with a close frame. They hear of nothing that happens later."""
        with self._changed:
            connections = self._connections(account)
            self._logged_in = [connection for connection in self._logged_in if connection not in connections]
            self._changed.notify_all()
        for connection in connections:
            connection.close() if politely else connection.drop()
        return len(connections)

    def pause(self, account: str | None, *, answer_pings: bool) -> int:
        connections = self._connections(account)
        for connection in connections:
            connection.pause(answer_pings=answer_pings)
        return len(connections)

    def resume(self, account: str | None, *, deliver: bool) -> int:
        connections = self._connections(account)
        for connection in connections:
            connection.resume(deliver=deliver)
        return len(connections)

    def _connections(self, account: str | None, *, logged_in: bool = True) -> list[FeedConnection]:
        with self._changed:
            chosen = self._logged_in if logged_in else self._open
            return [connection for connection in chosen if account is None or connection.account == account]

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", DEAF_AFTER_SECONDS, 0))
        feed = FeedConnection(connection, self._log_in)
        with self._changed:
            self._open.append(feed)
        try:
            feed.serve(self._stopping)
        finally:
            with self._changed:
                self._open.remove(feed)
                if feed in self._logged_in:
                    self._logged_in.remove(feed)
                self._changed.notify_all()

    def _log_in(self, feed: FeedConnection, text: str) -> str | None:
        account = self._whose_login(text)
        if account is not None:
            with self._changed:
                feed.account = account
                self._logged_in.append(feed)
                self._logins += 1
                self._changed.notify_all()
        return account

    def _whose_login(self, text: str) -> str | None:
        """The account of a login message that is right; whether Dhan minds a wrong ClientId is not known, this does."""
        try:
            login = json.loads(text)["LoginReq"]
            account = self._accounts.whose(login["Token"])
            return account if login["MsgCode"] == 42 and login["ClientId"] == account else None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
