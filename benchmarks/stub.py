"""A broker that answers at once and says when requests arrived: ``python -m benchmarks.stub``, in its own process.

It takes orders over HTTP, sends order updates over WebSocket, and is told on its standard input what to do: one JSON
line ``[feed, requests, frame]`` sends ``frame`` on the socket that was opened at path ``/feed`` and, when ``requests``
orders have been read completely, prints the nanoseconds from just before the send until the last of them. What it was
told to expect and did not get within three seconds is printed as 0.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import selectors
import socket
import sys
import time
from typing import Any

GREETING = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE_SECONDS = 3.0


class Peer:
    """One connection and what it has sent so far."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.data = b""
        self.is_feed = False


class Stub:
    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, "told")
        self.feeds: dict[str, Peer] = {}
        self.orders: dict[str, list[tuple[int, bytes]]] = {}
        self.placed = 0
        self.awaited = 0
        self.began = 0
        self.told = b""

    def run(self) -> None:
        print(self.listener.getsockname()[1], flush=True)
        while True:
            ready = self.selector.select(PATIENCE_SECONDS if self.awaited else None)
            if not ready and self.awaited:
                self.awaited = 0
                print(0, flush=True)
            requests: list[tuple[Peer, bytes]] = []
            # Stamp everything that has arrived before answering anything: answers must not delay stamps.
            for key, _ in ready:
                if isinstance(key.data, Peer):
                    requests += self.receive(key.data)
                elif key.data is None:
                    self.accept()
                elif not self.obey():
                    return
            for peer, request in requests:
                self.answer(peer, request)

    def accept(self) -> None:
        connection, _ = self.listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(connection, selectors.EVENT_READ, Peer(connection))

    def obey(self) -> bool:
        data = os.read(sys.stdin.fileno(), 1 << 16)
        if not data:
            return False
        *lines, self.told = (self.told + data).split(b"\n")
        for line in lines:
            feed, awaited, frame = json.loads(line)
            if feed not in self.feeds:
                print(0, flush=True)
                continue
            self.awaited = awaited
            message = text_frame(frame.encode())
            self.began = time.monotonic_ns()
            self.feeds[feed].connection.sendall(message)
        return True

    def receive(self, peer: Peer) -> list[tuple[Peer, bytes]]:
        try:
            data = peer.connection.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(peer.connection)
            peer.connection.close()
            return []
        if peer.is_feed:
            self.pong(peer, data)
            return []
        peer.data += data
        found = []
        while (request := complete(peer.data)) is not None:
            peer.data = peer.data[len(request) :]
            if request.startswith(b"POST") and self.awaited:
                self.awaited -= 1
                if not self.awaited:
                    print(time.monotonic_ns() - self.began, flush=True)
            found.append((peer, request))
        return found

    def pong(self, peer: Peer, data: bytes) -> None:
        if data[0] & 15 == 9:
            length, mask = data[1] & 127, data[2:6]
            payload = bytes(byte ^ mask[index & 3] for index, byte in enumerate(data[6 : 6 + length]))
            peer.connection.sendall(bytes([0x8A, length]) + payload)

    def answer(self, peer: Peer, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in head.split(b"\r\n"))
        }
        if b"sec-websocket-key" in headers:
            accept = base64.b64encode(hashlib.sha1(headers[b"sec-websocket-key"] + GREETING).digest())
            peer.connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            peer.is_feed = True
            self.feeds[path.strip("/")] = peer
            return
        token = headers.get(b"access-token", b"").decode()
        found: Any
        if method == "POST":
            self.placed += 1
            self.orders.setdefault(token, []).append((self.placed, body))
            found = {"orderId": str(self.placed), "orderStatus": "TRANSIT"}
        elif path.endswith("/orders"):
            found = [row(number, body) for number, body in self.orders.get(token, [])]
        elif path.endswith("/fundlimit"):
            found = {"availabelBalance": 1e9, "sodLimit": 1e9}
        else:
            found = []
        content = json.dumps(found).encode()
        peer.connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content)
        )


def row(number: int, body: bytes) -> dict[str, Any]:
    """An order as the book shows it."""
    order: dict[str, Any] = json.loads(body)
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 19_800))
    return {
        **{name: order[name] for name in order if name not in ("boProfitValue", "boStopLossValue")},
        "orderId": str(number),
        "orderStatus": "PENDING",
        "filledQty": 0,
        "averageTradedPrice": 0,
        "legName": None,
        "createTime": now,
        "updateTime": now,
        "exchangeTime": now,
        "exchangeOrderId": str(10**15 + number),
    }


def text_frame(payload: bytes) -> bytes:
    length = len(payload)
    return b"\x81" + (bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")) + payload


def complete(data: bytes) -> bytes | None:
    """The first whole HTTP request in ``data``."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    size = end + 4
    head = data[:end].lower()
    at = head.find(b"content-length:")
    if at >= 0:
        size += int(head[at + 15 :].split(b"\r\n", 1)[0])
    return data[:size] if len(data) >= size else None


if __name__ == "__main__":
    Stub().run()
