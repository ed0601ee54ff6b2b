"""Stands between a client and the local server, on the same machine: a line that can be made to fail."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

from tests.dhan.servers import PATIENCE_SECONDS


class Front:
    """Passes on what it is sent to ``port``: out of TLS where ``tls`` is given, and with ``tunnel`` to the port of this
    machine that a proxy's CONNECT asks for.

    While it is ``broken`` it ends every connection as soon as that has been accepted.
    """

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, tunnel: bool = False) -> None:
        self.behind, self.tls, self.tunnel = port, tls, tunnel
        self.broken = False
        self.refused = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def port(self) -> int:
        number: int = self._listener.getsockname()[1]
        return number

    def fail(self) -> None:
        """Break what is open, and let nothing through."""
        self.broken = True
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        self.broken = False

    def close(self) -> None:
        self._listener.close()
        self.fail()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self.broken:
                self.refused += 1
                sock.close()
            else:
                self._open.append(sock)
                self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            held.enter_context(sock)
            if self.tls is not None:
                sock = held.enter_context(self.tls.wrap_socket(sock, server_side=True))
                self._open.append(sock)
            port = _asked_for(sock) if self.tunnel else self.behind
            behind = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            if self.tunnel:
                sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self._open.append(behind)
            back = threading.Thread(target=_pass_on, args=(behind, sock), daemon=True)
            back.start()
            _pass_on(sock, behind)
            back.join()


def _asked_for(sock: socket.socket) -> int:
    """The port that CONNECT names."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise OSError("no request")
        asked += byte
    return int(asked.split(b" ")[1].rsplit(b":", 1)[1])


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
