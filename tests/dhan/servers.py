"""Servers on real sockets that do what a test tells them, and events to wait for instead of sleeping."""

from __future__ import annotations

import json
import logging
import queue
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from attrs import define, field, frozen
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

PATIENCE_SECONDS = 20.0
CANARY = "eyJ0eXAi.CANARY-do-not-leak-7f3a"
DATA = Path(__file__).parent.parent / "data"


@frozen
class Received:
    """A request as it came over the wire; ``connection`` counts the connections from 0."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


Step = Callable[[socket.socket, Received], None]


@define
class HttpServer:
    """Answers each request with the next of ``steps``; without one, with an empty list."""

    listener: socket.socket
    tls: ssl.SSLContext | None = None
    steps: deque[Step] = field(factory=deque)
    requests: list[Received] = field(factory=list)
    connections: int = 0
    ended: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    """Released each time that the server's end of a connection is gone."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/v2"

    def plan(self, *steps: Step) -> None:
        self.steps.extend(steps)

    def run(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True)
            self.connections += 1
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            self._converse(secured(sock, self.tls), number)
        except OSError:
            pass
        finally:
            self.ended.release()

    def _converse(self, sock: socket.socket, number: int) -> None:
        with sock:
            stream = sock.makefile("rb")
            try:
                while line := stream.readline():
                    method, path, _ = line.decode().split()
                    headers: dict[str, str] = {}
                    while (header := stream.readline().decode().strip()) != "":
                        name, _, value = header.partition(": ")
                        headers[name.lower()] = value
                    body = stream.read(int(headers.get("content-length", "0")))
                    request = Received(method, path, headers, body, number)
                    self.requests.append(request)
                    step = self.steps.popleft() if self.steps else reply(200, [])
                    step(sock, request)
            except (OSError, ValueError):
                pass


def secured(sock: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    """The server's end of the connection; a failed handshake closes it."""
    if tls is None:
        return sock
    try:
        return tls.wrap_socket(sock, server_side=True)
    except OSError:
        sock.close()
        raise


def reply(status: int, body: object, **headers: str) -> Step:
    """A whole answer: ``body`` as JSON, or as it is when it is bytes. Header names are written with _ for -."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Some words", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join([*lines, "", ""]).encode() + content)


def raw(data: bytes) -> Step:
    def step(sock: socket.socket, request: Received) -> None:
        sock.sendall(data)

    return step


def then_close(step: Step) -> Step:
    """Do ``step``, then close the connection in order."""

    def both(sock: socket.socket, request: Received) -> None:
        step(sock, request)
        sock.shutdown(socket.SHUT_RDWR)

    return both


def then_reset(step: Step | None = None) -> Step:
    """Do ``step``, then reset the connection."""

    def both(sock: socket.socket, request: Received) -> None:
        if step is not None:
            step(sock, request)
        reset(sock)

    return both


def hang(until: threading.Event) -> Step:
    def step(sock: socket.socket, request: Received) -> None:
        until.wait(PATIENCE_SECONDS)

    return step


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The file object of the server still holds the descriptor: detach closes it here and now.
    socket.close(sock.detach())


class Peer:
    """The server's end of one WebSocket: reads and writes when told, and answers pings only while it reads."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        quiet = logging.Logger("quiet")  # at DEBUG it would log the login with the token
        quiet.disabled = True
        self.protocol = ServerProtocol(max_size=None, logger=quiet)
        self.frames: deque[Frame] = deque()
        while self.protocol.state is not State.OPEN:
            self._receive()
            if self.protocol.handshake_exc is not None:
                raise ConnectionError("this is no WebSocket")

    def text(self) -> str:
        """The next text frame."""
        while True:
            while self.frames:
                frame = self.frames.popleft()
                if frame.opcode is Opcode.TEXT:
                    return bytes(frame.data).decode()
            self._receive()

    def read_until_closed(self) -> None:
        """Answer pings until the other end goes away."""
        try:
            while True:
                self._receive()
        except OSError:
            pass

    def send(self, text: str | bytes) -> None:
        self.protocol.send_text(text.encode() if isinstance(text, str) else text)
        self._flush()

    def close(self, code: int) -> None:
        self.protocol.send_close(code)
        self._flush()

    def reset(self) -> None:
        reset(self.sock)

    def _receive(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Handshake):
                self.protocol.send_response(self.protocol.accept(event))
            elif isinstance(event, Frame):
                self.frames.append(event)
        self._flush()

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.sock.sendall(data)
            else:
                self.sock.shutdown(socket.SHUT_WR)


@define
class SocketServer:
    """Gives each WebSocket connection to the next of ``scripts``; without one, it is kept open and quiet."""

    listener: socket.socket
    tls: ssl.SSLContext | None = None
    scripts: deque[Callable[[Peer], None]] = field(factory=deque)
    logins: queue.SimpleQueue[str] = field(factory=queue.SimpleQueue)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.listener.getsockname()[1]}"

    def plan(self, *scripts: Callable[[Peer], None]) -> None:
        self.scripts.extend(scripts)

    def login(self) -> dict[str, object]:
        found = json.loads(self.logins.get(timeout=PATIENCE_SECONDS))
        assert isinstance(found, dict)
        return found

    def run(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with secured(sock, self.tls) as sock:
                peer = Peer(sock)
                self.logins.put(peer.text())
                script = self.scripts.popleft() if self.scripts else Peer.read_until_closed
                script(peer)
        except OSError:
            pass


def listener() -> socket.socket:
    """A listening socket on a free port of this machine."""
    return socket.create_server(("127.0.0.1", 0))


def book_row(**changes: object) -> dict[str, object]:
    """A row of the order book with all the keys of a real one: a resting limit order for 5 TCS."""
    row: dict[str, object] = {
        "dhanClientId": "1000000001",
        "orderId": "112111182045",
        "exchangeOrderId": "1100000012345678",
        "correlationId": "NA",
        "orderStatus": "PENDING",
        "transactionType": "BUY",
        "exchangeSegment": "NSE_EQ",
        "productType": "CNC",
        "orderType": "LIMIT",
        "validity": "DAY",
        "tradingSymbol": "TCS",
        "securityId": "11536",
        "quantity": 5,
        "disclosedQuantity": 0,
        "price": 3345.8,
        "triggerPrice": 0.0,
        "afterMarketOrder": False,
        "boProfitValue": 0.0,
        "boStopLossValue": 0.0,
        "legName": "NA",
        "createTime": "2026-11-06 10:00:00",
        "updateTime": "2026-11-06 10:00:00",
        "exchangeTime": "2026-11-06 10:00:00",
        "drvExpiryDate": "0001-01-01",
        "drvOptionType": "NA",
        "drvStrikePrice": 0.0,
        "omsErrorCode": "0",
        "omsErrorDescription": "CONFIRMED",
        "algoId": "0",
        "remainingQuantity": 5,
        "averageTradedPrice": 0.0,
        "filledQty": 0,
    }
    return row | changes


def accept_tunnel(server: socket.socket, target: tuple[str, int]) -> queue.SimpleQueue[str]:
    """Be an HTTP proxy for one connection that leads to ``target`` whatever it asks for; gives what it asked."""
    heads: queue.SimpleQueue[str] = queue.SimpleQueue()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def run() -> None:
        near, _ = server.accept()
        with near, socket.create_connection(target) as far:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += near.recv(1)
            heads.put(head.decode())
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join(PATIENCE_SECONDS)

    threading.Thread(target=run, daemon=True).start()
    return heads
