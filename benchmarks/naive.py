"""The peer: a copy script as people usually write it.

One SQLite commit for every statement in the default journal mode, a deque behind a lock as rate limiter, a log line
with extras for every step, and the followers one after another or over a thread pool.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

Place = Callable[[str, dict[str, Any]], str]
"""Follower and order in, order id out; returns when the broker has answered."""

TABLES = """
CREATE TABLE leader_orders (id TEXT PRIMARY KEY, status TEXT, security TEXT, side TEXT, quantity INT, price REAL,
                            frame TEXT, at TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, leader_order TEXT, status TEXT, frame TEXT, at TEXT);
CREATE TABLE copies (leader_order TEXT, follower TEXT, order_id TEXT, status TEXT, at TEXT,
                     UNIQUE (leader_order, follower));
CREATE TABLE follower_orders (id INTEGER PRIMARY KEY, follower TEXT, order_id TEXT, status TEXT, quantity INT,
                              price REAL, answer TEXT, at TEXT);
CREATE TABLE audit (id INTEGER PRIMARY KEY, action TEXT, detail TEXT, at TEXT);
"""


class Limiter:
    """At most ``limit`` calls in ``seconds``: waits until there is room."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self.stamps: deque[float] = deque()
        self.lock = threading.Lock()

    def wait(self) -> None:
        while True:
            with self.lock:
                now = time.time()
                while self.stamps and now - self.stamps[0] >= self.seconds:
                    self.stamps.popleft()
                if len(self.stamps) < self.limit:
                    self.stamps.append(now)
                    return
                pause = self.stamps[0] + self.seconds - now
            time.sleep(max(pause, 0.001))


class NaiveCopier:
    """Copies every new order of the leader to all followers; ``pool`` of 0 means one after another."""

    def __init__(self, folder: Path, followers: dict[str, float], place: Place, pool: int = 0) -> None:
        self.db = sqlite3.connect(folder / "naive.db", check_same_thread=False)
        self.db.executescript(TABLES)
        self.lock = threading.Lock()
        self.place = place
        self.followers = [(name, ratio, Limiter(10**9, 1.0)) for name, ratio in followers.items()]
        self.pool = ThreadPoolExecutor(pool) if pool else None
        self.log = logging.getLogger(f"naive.{id(self)}")
        self.log.propagate = False
        self.log.setLevel(logging.INFO)
        self.handler = logging.FileHandler(folder / "naive.log")
        self.handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s %(leader_order)s %(follower)s")
        )
        self.log.addHandler(self.handler)

    def write(self, statement: str, *values: object) -> None:
        with self.lock:
            self.db.execute(statement, values)
            self.db.commit()

    def on_frame(self, frame: bytes | str) -> None:
        message = json.loads(frame)
        if message.get("Type") != "order_alert":
            return
        data = message["Data"]
        order, now = data["orderNo"], datetime.now().isoformat()
        with self.lock:
            if self.db.execute("SELECT 1 FROM leader_orders WHERE id = ?", (order,)).fetchone():
                return
        self.write(
            "INSERT INTO leader_orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(order, data["status"], data["securityId"], data["txnType"], data["quantity"], data["price"]),
            *(json.dumps(data), now),
        )
        self.write(
            "INSERT INTO events (leader_order, status, frame, at) VALUES (?, ?, ?, ?)",
            *(order, data["status"], json.dumps(data), now),
        )
        self.log.info("leader order", extra={"leader_order": order, "follower": "-"})
        if self.pool is None:
            for name, ratio, limiter in self.followers:
                self.copy(data, name, ratio, limiter)
        else:
            list(self.pool.map(lambda follower: self.copy(data, *follower), self.followers))

    def copy(self, data: dict[str, Any], name: str, ratio: float, limiter: Limiter) -> None:
        order, now = data["orderNo"], datetime.now().isoformat()
        self.write("INSERT INTO copies VALUES (?, ?, NULL, 'PENDING', ?)", order, name, now)
        limiter.wait()
        self.log.info("placing", extra={"leader_order": order, "follower": name})
        wanted = {
            "dhanClientId": name,
            "correlationId": f"{order}-{name}"[:24],
            "transactionType": "BUY" if data["txnType"] == "B" else "SELL",
            "exchangeSegment": "NSE_EQ",
            "productType": data["productName"],
            "orderType": "LIMIT",
            "validity": "DAY",
            "securityId": data["securityId"],
            "quantity": max(1, int(data["quantity"] * ratio)),
            "price": data["price"],
        }
        order_id = self.place(name, wanted)
        self.write(
            "INSERT INTO follower_orders (follower, order_id, status, quantity, price, answer, at)"
            " VALUES (?, ?, 'PLACED', ?, ?, ?, ?)",
            *(name, order_id, wanted["quantity"], wanted["price"], json.dumps(wanted), now),
        )
        self.write(
            "UPDATE copies SET order_id = ?, status = 'PLACED' WHERE leader_order = ? AND follower = ?",
            *(order_id, order, name),
        )
        self.write(
            "INSERT INTO audit (action, detail, at) VALUES ('PLACE', ?, ?)",
            *(json.dumps({"follower": name, "order": wanted}), now),
        )
        self.log.info("placed", extra={"leader_order": order, "follower": name})

    def close(self) -> None:
        if self.pool is not None:
            self.pool.shutdown()
        self.log.removeHandler(self.handler)
        self.handler.close()
        self.db.close()
