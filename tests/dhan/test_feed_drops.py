"""Sockets that drop between, before and after the leader's orders lose nothing: open, then snapshot, then merge, and a
snapshot once more when the login has been dealt with, which nothing on the wire tells.

``DHAN_COPY_DROPS`` says how many seeds (default 50).
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator

import pytest
from attrs import define, field

from dhan_copy.dhan.backoff import Backoff
from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.feed import DhanOrderFeed
from dhan_copy.dhan.http import KeepAliveHTTP
from dhan_copy.dhan.reads import AccountReads
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.dhan.session import Session
from dhan_copy.model.ids import AccountName, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import OrderReport, OrderStatus, Side
from dhan_copy.protocols import Gap
from dhan_copy.testing.orders import NewOrder
from dhan_copy.testing.server import DhanServer
from tests.dhan.servers import PATIENCE_SECONDS
from tests.scenarios.kit import limit

SEEDS = int(os.environ.get("DHAN_COPY_DROPS", "50"))
LEADER = AccountName("1000000001")
SHARE = InstrumentKey(ExchangeSegment.NSE_EQ, SecurityId("1333"))


@define
class Reader:
    """Knows the leader's orders by his frames and, where asked to, by a snapshot after every connect."""

    feed: DhanOrderFeed
    http: KeepAliveHTTP
    server: DhanServer
    snapshots: bool
    connects: int = 0
    thread: threading.Thread = field(init=False)
    ended: dict[str, bool] = field(factory=dict)
    """Orders that were told, and whether they were told to have ended."""
    news: threading.Condition = field(factory=threading.Condition)

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.feed.close()
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()
        self.http.close()

    def _run(self) -> None:
        for event in self.feed.events():
            if isinstance(event, OrderReport):
                self._take(event)
            elif isinstance(event, Gap) and event.connected and self.snapshots:
                self.connects += 1
                self._look()
                assert self.server.wait_for_logins(self.connects)
                self._look()

    def _look(self) -> None:
        for report in self.feed.snapshot():
            self._take(report)

    def _take(self, report: OrderReport) -> None:
        with self.news:
            self.ended[report.order_id] = self.ended.get(report.order_id, False) or report.status.is_terminal
            self.news.notify_all()

    def hears_of(self, truth: dict[str, bool], seconds: float) -> bool:
        with self.news:
            return self.news.wait_for(lambda: truth.items() <= self.ended.items(), seconds)


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(accounts=1) as server:
        yield server


def reader(server: DhanServer, *, snapshots: bool) -> Reader:
    token = AccessToken(server.accounts[0].access_token)
    http = KeepAliveHTTP(LEADER, lambda: token, base_url=server.rest_url, route=Route(), timeout_seconds=PATIENCE_SECONDS)
    feed = DhanOrderFeed(
        LEADER, lambda: token, AccountReads(Session(http), LEADER), url=server.feed_url, route=Route(),
        timeout_seconds=PATIENCE_SECONDS, backoff=Backoff(0.0, 0.0),
    )  # fmt: skip
    made = Reader(feed, http, server, snapshots)
    made.start()
    assert server.wait_for_sockets(1, LEADER)
    return made


def trade(server: DhanServer, draw: random.Random) -> dict[str, bool]:
    """A few orders, some cancelled, and sockets that drop anywhere between; how the book ends."""
    orders: list[str] = []
    for _ in range(draw.randint(2, 6)):
        match draw.choice(["place", "place", "cancel", "drop", "drop"]):
            case "place":
                new = NewOrder(key=SHARE, side=Side.BUY, quantity=1, terms=limit(100 + len(orders)))
                orders.append(server.exchange.place(LEADER, new).order_id)
            case "cancel" if orders:
                gone = draw.choice(orders)
                if server.exchange.order(LEADER, gone).status is OrderStatus.PENDING:
                    server.exchange.cancel(LEADER, gone)
            case "drop":
                server.drop_sockets(LEADER, politely=draw.random() < 0.5)
    return {order: server.exchange.order(LEADER, order).status.is_terminal for order in orders}


def test_f20_no_order_of_any_seed_is_missed_over_socket_drops(server: DhanServer) -> None:
    follows = reader(server, snapshots=True)
    orders = 0
    for seed in range(SEEDS):
        truth = trade(server, random.Random(seed))
        orders += len(truth)
        assert follows.hears_of(truth, PATIENCE_SECONDS), f"seed {seed}: {truth.items() - follows.ended.items()} is missed"
    follows.stop()
    assert orders > SEEDS


def test_without_the_snapshot_orders_are_missed(server: DhanServer) -> None:
    follows = reader(server, snapshots=False)
    new = NewOrder(key=SHARE, side=Side.BUY, quantity=1, terms=limit(100))
    missed = []
    for _ in range(20):
        server.drop_sockets(LEADER)
        missed.append(server.exchange.place(LEADER, new).order_id)
        assert server.wait_for_sockets(1, LEADER)
    while not follows.hears_of({server.exchange.place(LEADER, new).order_id: False}, 0.5):
        pass
    follows.stop()
    assert not follows.ended.keys() >= set(missed)
