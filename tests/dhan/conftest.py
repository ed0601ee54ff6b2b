"""The servers of :mod:`tests.dhan.servers` as fixtures."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.dhan.servers import HttpServer, SocketServer, listener


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    server = HttpServer(listener())
    threading.Thread(target=server.run, daemon=True).start()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()


@pytest.fixture
def socket_server() -> Iterator[SocketServer]:
    server = SocketServer(listener())
    threading.Thread(target=server.run, daemon=True).start()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
