"""B3: how many commits, each of which is an fsync, lie between a leader's update and the first send to 100 followers."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from attrs import define, field

from benchmarks.frames import leader_frame
from benchmarks.harness import Result, exactly
from dhan_copy import CopyEngine, Follower, Leader
from dhan_copy.core.facts import Entry, RequestAccepted
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.core.settings import Policy, RateLimits, RateWindow
from dhan_copy.dhan import parse_order_update
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.order import OrderReport
from dhan_copy.model.times import IST
from dhan_copy.protocols import SourceEvent

FOLLOWERS = 100
EVENTS = 10
AMPLE = RateLimits(windows=(RateWindow(1_000_000, 1.0),), per_day=1_000_000)
PATIENT = Policy(entry_age=timedelta(hours=1), send_within=timedelta(hours=1))
"""Commits are counted: how long they take is nothing to this."""


@define
class Counts:
    """What SQLite and the brokers did, in the order in which they did it."""

    commits: int = 0
    commits_before_send: list[int] = field(factory=list)


@contextmanager
def counting(counts: Counts) -> Iterator[None]:
    """Count the commits of every connection that is opened inside."""
    connect = sqlite3.connect

    def counted(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        inside = False

        def trace(statement: str) -> None:
            nonlocal inside
            word = statement.lstrip().split(None, 1)[0].upper().rstrip(";")
            if word in ("INSERT", "UPDATE", "DELETE", "REPLACE"):
                inside = True
            elif word in ("COMMIT", "END") and inside:
                counts.commits += 1
                inside = False

        connection.set_trace_callback(trace)
        return connection

    sqlite3.connect = counted  # type: ignore[assignment]
    try:
        yield
    finally:
        sqlite3.connect = connect


class CountingBroker:
    """Takes everything, and notes how many commits had happened before each order."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.taken = 0

    def submit(self, request: Submit) -> BrokerOrderId:
        self.counts.commits_before_send.append(self.counts.commits)
        self.taken += 1
        return BrokerOrderId(f"{request.follower}-{self.taken}")

    def modify(self, request: Modify) -> None:
        raise AssertionError("nothing is modified")

    def cancel(self, request: Cancel) -> None:
        raise AssertionError("nothing is cancelled")

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return None

    def orders(self) -> Sequence[OrderReport]:
        return ()


class Frames:
    """A leader whose updates are put in by hand."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[SourceEvent | None] = SimpleQueue()
        self.told: list[OrderReport] = []

    def put(self, report: OrderReport) -> None:
        self.told.append(report)
        self.queue.put(report)

    def events(self) -> Iterator[SourceEvent]:
        while (event := self.queue.get()) is not None:
            yield event

    def snapshot(self) -> Sequence[OrderReport]:
        return tuple(self.told)

    def close(self) -> None:
        self.queue.put(None)


class World:
    """A leader, a hundred followers, and a journal in a file."""

    def __init__(self, folder: Path, followers: int) -> None:
        self.counts = Counts()
        self.leader = Frames()
        self.followers = followers
        self.events = 0
        self.accepted = threading.Semaphore(0)
        self.engine = CopyEngine(
            leaders=[Leader("LEADER", source=self.leader, positions={})],
            followers=[
                Follower(f"F{number}", broker=CountingBroker(self.counts), size="1", live=True, limits=AMPLE)
                for number in range(followers)
            ],
            store=str(folder / "copies.db"),
            policy=PATIENT,
            on_event=self.on_event,
        )

    def on_event(self, entry: Entry) -> None:
        if isinstance(entry.fact, RequestAccepted):
            self.accepted.release()

    def tell(self) -> None:
        """The leader places an order."""
        self.events += 1
        now = datetime.now(IST).strftime("%Y-%m-%d %H:%M:%S")
        frame = leader_frame(self.events, orderDateTime=now, exchOrderTime=now, lastUpdatedTime=now)
        self.leader.put(parse_order_update(frame))

    def copied(self) -> None:
        """Wait until every follower's order is accepted and that is durable."""
        for _ in range(self.followers):
            if not self.accepted.acquire(timeout=60):
                raise RuntimeError("a minute passed without an order accepted, and not every follower has one")


def threaded(events: int, followers: int) -> list[tuple[int, int]]:
    """For every event, commits before the first send and until all answers are durable; a thread per follower."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), followers)
        with counting(world.counts), world.engine:
            world.tell()
            world.copied()
            return [observe(world, world.copied) for _ in range(events)]


def stepped(events: int, followers: int) -> list[tuple[int, int]]:
    """The same without threads: the engine is stepped."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), followers)
        with counting(world.counts):
            world.engine.step()
            found = [observe(world, lambda: len(world.engine.step())) for _ in range(events)]
        world.engine.stop()
        return found


def observe(world: World, copied: Callable[[], object]) -> tuple[int, int]:
    counts = world.counts
    before, sent = counts.commits, len(counts.commits_before_send)
    world.tell()
    copied()
    if len(counts.commits_before_send) - sent != world.followers:
        raise RuntimeError(f"{len(counts.commits_before_send) - sent} orders were sent, not {world.followers}")
    return min(counts.commits_before_send[sent:]) - before, counts.commits - before


def run() -> Result:
    by_threads = threaded(EVENTS, FOLLOWERS)
    by_steps = stepped(EVENTS, FOLLOWERS)
    notes = [
        "per event, answers included: "
        f"{fewest(by_steps)} without threads, {fewest(by_threads)} with a thread per follower (target at most 2)",
        f"without threads, before the first send: {sorted({first for first, _ in by_steps})}",
    ]
    return exactly([first for first, _ in by_threads], "fsyncs", 1, notes)


def fewest(found: Sequence[tuple[int, int]]) -> str:
    totals = [total for _, total in found]
    return f"{min(totals)} to {max(totals)}"
