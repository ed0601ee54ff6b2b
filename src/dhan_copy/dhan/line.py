"""One warm HTTP/1.1 connection that never writes a request twice."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from datetime import datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import cast

from attrs import frozen
from typing_extensions import Buffer

from dhan_copy.dhan.dial import Deadline, Route, tls_context

BODY_LIMIT_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


class NotSent(Exception):
    """No byte of the request was written: it cannot have had an effect."""


class Lost(Exception):
    """The request was written, at least in part, and no whole answer came back.

    ``status`` is there when the answer began. ``stale`` says that a connection from before was used and turned out
    to be closed.
    """

    def __init__(self, problem: str, *, status: int | None = None, stale: bool = False) -> None:
        super().__init__(problem)
        self.status = status
        self.stale = stale


@frozen
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    retry_after_seconds: float | None = None
    served_at: datetime | None = None
    """The server's own ``Date``, to the second."""


class Line:
    """A keep-alive connection to one host: opened when needed, kept as long as the server keeps it.

    Servers close idle connections, and a request written into a closed one has an unknown fate. So an idle connection
    is probed before it is used; a closed one is replaced while nothing has been written yet. Not for use by two
    threads at once.
    """

    _sock: socket.socket | None = None

    def __init__(self, host: str, port: int, *, tls: bool, route: Route, timeout_seconds: float) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._route = route
        self._timeout_seconds = timeout_seconds

    def exchange(self, request: bytes, method: str) -> Reply:
        """Write one request, as it goes over the wire, and read its whole answer.

        The timeout is for the whole of it. Raises :class:`NotSent` or :class:`Lost`.
        """
        deadline = Deadline(self._timeout_seconds)
        sock = self._probed()
        reused = sock is not None
        if sock is None:
            sock = self._sock = self._opened(deadline)
        try:
            sock.settimeout(deadline.remaining())
            sock.sendall(request)
            response = http.client.HTTPResponse(cast(socket.socket, _Incoming(sock, deadline)), method=method)
            response.begin()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            closed = isinstance(error, (ConnectionError, ssl.SSLEOFError))
            raise Lost(self._describe(error), stale=reused and closed) from None
        except BaseException:
            self.close()
            raise
        try:
            body = _whole_body(response)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Lost(f"the answer broke off: {self._describe(error)}", status=response.status) from None
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        headers = response.headers
        return Reply(response.status, body, _retry_after_seconds(headers), _moment(headers.get("Date", "")))

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def __del__(self) -> None:
        self.close()  # the Broker protocol has no close(): a broker that is dropped takes its connection along

    def _probed(self) -> socket.socket | None:
        """The open connection, if it is still good for a request."""
        sock = self._sock
        if sock is None:
            return None
        try:
            sock.settimeout(0)
            sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return sock
        except OSError:
            pass
        self.close()  # closed by the server, or it sent what nobody asked for
        return None

    def _opened(self, deadline: Deadline) -> socket.socket:
        try:
            sock = self._route.open(self._host, self._port, deadline)
            if not self._tls:
                return sock
            try:
                sock.settimeout(deadline.remaining())
                return tls_context().wrap_socket(sock, server_hostname=self._host)
            except BaseException:
                sock.close()
                raise
        except (OSError, ValueError) as error:
            raise NotSent(f"no connection to {self._host}:{self._port}: {self._describe(error)}") from None

    def _describe(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"timed out after {self._timeout_seconds:g} s"
        if isinstance(error, OSError) or not str(error):
            return str(error) or type(error).__name__
        # What http.client complains of, it quotes; the server's bytes stay out of messages.
        return type(error).__name__


class _Incoming(io.RawIOBase):
    """The receiving half of a socket, under a deadline that a trickle of bytes does not extend."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        self._sock.settimeout(self._deadline.remaining())
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)


def _whole_body(response: http.client.HTTPResponse) -> bytes:
    if (response.length or 0) > BODY_LIMIT_BYTES:
        raise OSError(f"longer than {BODY_LIMIT_BYTES} bytes")
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read(_CHUNK_BYTES):
        chunks.append(chunk)
        size += len(chunk)
        if size > BODY_LIMIT_BYTES:
            raise OSError(f"longer than {BODY_LIMIT_BYTES} bytes")
    if response.length:
        raise OSError(f"{response.length} bytes are missing")
    return b"".join(chunks)


def _retry_after_seconds(headers: Message) -> float | None:
    """Retry-After as seconds; a date is measured from the server's own ``Date``."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, now = _moment(text), _moment(headers.get("Date", ""))
    return None if until is None or now is None else max(0.0, (until - now).total_seconds())


def _moment(text: str) -> datetime | None:
    """An HTTP date, which is GMT; None for anything else."""
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None
