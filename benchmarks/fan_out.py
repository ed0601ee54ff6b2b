"""B2: from a frame on the leader's socket until the last follower's order has arrived at a broker that answers at once.

Ours is the engine with real sockets, the real client and SQLite. The floor receives the same frame, commits it in one
transaction and writes prebuilt requests to warm sockets from one thread. The peer is a naive script with the SDK.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.frames import leader_frame
from benchmarks.harness import Result, ratios, rounds, spread
from benchmarks.naive import NaiveCopier
from dhan_copy import CopyEngine, Follower, Leader
from dhan_copy.core.settings import RateLimits, RateWindow
from dhan_copy.dhan import DhanAccount
from dhan_copy.model.times import IST

FOLLOWERS = (1, 20, 100)
ROUNDS = 15
TARGET = 2.0
PAUSE_SECONDS = 0.1
"""After every frame: answers are journaled, and the disk and the threads are idle again, as between a leader's orders."""
AMPLE = RateLimits(windows=(RateWindow(1_000_000, 1.0),), per_day=1_000_000)
TOKEN = "eyJ0b2tlbiI6ImZvciB0aGUgbG9vcGJhY2sgc3R1YiJ9"


class Stub:
    """The broker process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stub"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.read())
        self.url = f"http://127.0.0.1:{self.port}/v2"
        self.numbers = count(1)

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def fan_out(self, feed: str, followers: int) -> float:
        """Send a new order of the leader on ``feed``; microseconds until the last of the followers' orders is read."""
        now = datetime.now(IST).strftime("%Y-%m-%d %H:%M:%S")
        frame = leader_frame(next(self.numbers), orderDateTime=now, exchOrderTime=now, lastUpdatedTime=now)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([feed, followers, frame.decode()]) + "\n")
        self.process.stdin.flush()
        nanoseconds = int(self.read())
        if not nanoseconds:
            raise RuntimeError(f"{feed}: not all of {followers} orders arrived")
        time.sleep(PAUSE_SECONDS)
        return nanoseconds / 1e3

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@contextmanager
def ours(stub: Stub, folder: Path, followers: int) -> Iterator[None]:
    def account(name: str, feed: str | None = None) -> DhanAccount:
        return DhanAccount(name, TOKEN + name, base_url=stub.url, feed_url=feed)

    leader = account("1000000001", f"ws://127.0.0.1:{stub.port}/ours")
    engine = CopyEngine(
        leaders=[Leader(leader, name="LEADER")],
        followers=[
            Follower(name, broker=account(name).broker(), size="1", live=True, limits=AMPLE)
            for name in (f"2{number:09}" for number in range(followers))
        ],
        store=str(folder / "ours.db"),
    )
    with engine:
        yield


@contextmanager
def naive(stub: Stub, folder: Path, followers: int) -> Iterator[None]:
    from dhanhq import DhanContext, dhanhq

    clients: dict[str, Any] = {}
    for number in range(followers):
        context = DhanContext(f"3{number:09}", TOKEN)
        context.get_dhan_http().base_url = stub.url
        clients[f"3{number:09}"] = dhanhq(context)

    def place(follower: str, order: dict[str, Any]) -> str:
        answer = clients[follower].place_order(
            order["securityId"],
            order["exchangeSegment"],
            order["transactionType"],
            order["quantity"],
            order["orderType"],
            order["productType"],
            order["price"],
            tag=order["correlationId"],
        )
        return str(answer["data"]["orderId"])

    copier = NaiveCopier(folder, dict.fromkeys(clients, 1.0), place)
    with listening(stub, "naive", copier.on_frame):
        yield
    copier.close()


@contextmanager
def floor(stub: Stub, folder: Path, followers: int) -> Iterator[None]:
    db = sqlite3.connect(folder / "floor.db", check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE frames (position INTEGER PRIMARY KEY, frame BLOB)")
    body = json.dumps({"quantity": 100, "price": 13.05, "securityId": "14366", "correlationId": "c" * 30} | PADDING)
    request = (
        f"POST /v2/orders HTTP/1.1\r\nHost: 127.0.0.1:{stub.port}\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\naccess-token: {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    warm = [socket.create_connection(("127.0.0.1", stub.port)) for _ in range(followers)]
    for connection in warm:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def on_frame(frame: bytes | str) -> None:
        db.execute("INSERT INTO frames (frame) VALUES (?)", (frame,))
        for connection in warm:
            connection.sendall(request)
        for connection in warm:
            connection.recv(4096)

    with listening(stub, "floor", on_frame, raw=True):
        yield
    for connection in warm:
        connection.close()
    db.close()


PADDING = {
    "dhanClientId": "1000000001",
    "transactionType": "BUY",
    "exchangeSegment": "NSE_EQ",
    "productType": "CNC",
    "orderType": "LIMIT",
    "validity": "DAY",
    "disclosedQuantity": 0,
    "triggerPrice": 0.0,
    "afterMarketOrder": False,
    "boProfitValue": None,
    "boStopLossValue": None,
}
"""What else is in an order, so that the floor's requests are as long as ours."""


@contextmanager
def listening(stub: Stub, feed: str, on_frame: Callable[[bytes | str], None], raw: bool = False) -> Iterator[None]:
    """A thread that hands every frame of the stub's socket to ``on_frame``; ``raw`` without a WebSocket library."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    if raw:
        plain = socket.create_connection(("127.0.0.1", stub.port))
        plain.sendall(b"GET /%s HTTP/1.1\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" % feed.encode())
        plain.recv(4096)

        def run() -> None:
            while data := plain.recv(1 << 16):
                on_frame(data[4:])

        def stop() -> None:
            plain.shutdown(socket.SHUT_RDWR)
            plain.close()

    else:
        connection = connect(f"ws://127.0.0.1:{stub.port}/{feed}", proxy=None)

        def run() -> None:
            try:
                for frame in connection:
                    on_frame(frame)
            except ConnectionClosed:
                pass

        def stop() -> None:
            connection.close_socket()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    stop()
    thread.join(10)


def measure(followers: int) -> dict[str, list[float]]:
    """Microseconds of every contender, round by round."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stub = Stub()
        stack.callback(stub.close)
        for contender in (ours, floor, naive):
            stack.enter_context(contender(stub, folder, followers))
        for feed in ("ours", "floor", "naive"):
            warm_up(stub, feed, followers)
        return rounds(
            {
                "ours": lambda: stub.fan_out("ours", followers),
                "raw floor": lambda: stub.fan_out("floor", followers),
                "naive, one after another": lambda: stub.fan_out("naive", followers),
            },
            ROUNDS,
        )


def warm_up(stub: Stub, feed: str, followers: int) -> None:
    """Until everything is connected: the engine's feed and its first reads take a moment after the start."""
    end = time.monotonic() + 30
    while True:
        time.sleep(0.5)
        try:
            stub.fan_out(feed, followers)
            return
        except RuntimeError:
            if time.monotonic() > end:
                raise


def run() -> Result:
    results, notes = [], []
    for followers in FOLLOWERS:
        measured = measure(followers)
        found = ratios(measured, "ours", "raw floor")
        results.append(found)
        label = f"{followers} follower{'s' if followers > 1 else ''}"
        notes += [spread(f"{label}, {name}", values, "us") for name, values in measured.items()]
        notes.append(spread(f"{label}, ours / raw floor", found, "x"))
        notes.append(spread(f"{label}, naive / ours", ratios(measured, "naive, one after another", "ours"), "x"))
    worst = max(results, key=lambda found: sorted(found)[len(found) // 2])
    middle = sorted(worst)[len(worst) // 2]
    return Result(middle, min(worst), max(worst), "x", TARGET, middle <= TARGET, notes=tuple(notes))
