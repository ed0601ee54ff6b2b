"""A core that follows a script, a store that fails on demand, and brokers that do what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from attrs import evolve, frozen

from dhan_copy.core.facts import CheckpointWritten, Entry, Fact, Moment, RequestIssued
from dhan_copy.core.requests import Cancel, Command, Intent, Modify, Request, Submit
from dhan_copy.errors import StoreError
from dhan_copy.model.account import Funds, Holding, Position
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, SecurityId, client_order_id
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, Product, Side, Validity
from dhan_copy.model.times import ist
from dhan_copy.protocols import Lease, SourceEvent

LEADER = AccountName("L")
FOLLOWER = AccountName("F")
OTHER = AccountName("G")
START = ist(datetime(2026, 9, 1, 10, 0))
PATIENCE_SECONDS = 20.0
"""How long a test waits for what should come at once."""


def tag(number: int = 1, follower: str = FOLLOWER) -> ClientOrderId:
    return client_order_id("L", str(number), follower, "E", 0, 0)


def submit(number: int = 1, *, follower: AccountName = FOLLOWER, intent: Intent = Intent.ENTRY) -> Submit:
    return Submit(
        follower=follower,
        client_order_id=tag(number, follower),
        attempt=1,
        leader=LEADER,
        leader_order_id=BrokerOrderId(str(number)),
        intent=intent,
        segment=ExchangeSegment.NSE_FNO,
        security_id=SecurityId("50001"),
        side=Side.BUY,
        product=Product.INTRADAY,
        validity=Validity.DAY,
        terms=Market(),
        quantity=75,
    )


def modify(number: int = 1, *, intent: Intent = Intent.ENTRY) -> Modify:
    return Modify(
        follower=FOLLOWER,
        client_order_id=tag(number),
        attempt=2,
        broker_order_id=BrokerOrderId("B1"),
        intent=intent,
        validity=Validity.DAY,
        terms=Limit(Decimal(101)),
        quantity=150,
    )


def cancel(number: int = 1, *, follower: AccountName = FOLLOWER) -> Cancel:
    return Cancel(follower=follower, client_order_id=tag(number, follower), attempt=3, broker_order_id=BrokerOrderId("B1"))


def report(
    order_id: str = "1", *, status: OrderStatus = OrderStatus.PENDING, client_id: ClientOrderId | None = None, filled: int = 0
) -> OrderReport:
    return OrderReport(
        account=AccountName("1000000001"),
        order_id=BrokerOrderId(order_id),
        segment=ExchangeSegment.NSE_FNO,
        security_id=SecurityId("50001"),
        side=Side.BUY,
        product=Product.INTRADAY,
        validity=Validity.DAY,
        terms=Limit(Decimal(100)),
        quantity=150,
        filled_quantity=filled,
        status=status,
        client_order_id=client_id,
        instrument=InstrumentFacts(75, Decimal("0.05")),
        symbol="NIFTY 22500 CE",
        created_at=START,
        updated_at=START,
    )


@frozen
class Plan:
    """What a scripted step yields."""

    entries: tuple[Entry, ...]
    commands: tuple[Command, ...] = ()
    due: float | None = None


Script = Callable[[Sequence[Fact]], Sequence[Command]]


class ScriptedCore:
    """Journals every fact as it comes, and issues the commands that ``script`` wants for them."""

    def __init__(self, script: Script = lambda facts: (), due: Callable[[Moment], float | None] = lambda now: None) -> None:
        self.script = script
        self.due = due
        self.position = 0
        self.known: list[Fact] = []
        self.batches: list[tuple[Fact, ...]] = []
        self.threads: set[str] = set()

    def restore(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.position = entry.position
            self.known.append(entry.fact)

    def step(self, now: Moment, facts: Sequence[Fact]) -> Plan:
        self.threads.add(threading.current_thread().name)
        self.batches.append(tuple(facts))
        commands = tuple(self.script(facts))
        issued = [RequestIssued(request=c) for c in commands if isinstance(c, (Submit, Modify, Cancel))]
        entries = []
        for fact in (*facts, *issued):
            self.position += 1
            self.known.append(fact)
            entries.append(Entry(self.position, now.wall, fact))
        return Plan(tuple(entries), commands, self.due(now))


class ListStore:
    """A store in memory. ``failing`` raises from an append: before (nothing landed) or after (it landed) the commit."""

    durable = True

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.fail_before: list[Exception] = []
        self.fail_after: list[Exception] = []
        self.unreadable: Exception | None = None
        self.closed = 0
        self.epoch = 0
        self.appended = threading.Condition()
        self.on_append: Callable[[], None] = lambda: None

    def append(self, entries: Sequence[Entry]) -> int:
        if self.fail_before:
            raise self.fail_before.pop(0)
        for entry in entries:
            if entry.position != len(self.entries) + 1:
                raise StoreError(f"position {entry.position} cannot follow {len(self.entries)}")
            self.entries.append(entry)
        self.on_append()
        with self.appended:
            self.appended.notify_all()
        if self.fail_after:
            raise self.fail_after.pop(0)
        return len(self.entries)

    def read(self, after: int = 0) -> Iterator[Entry]:
        if self.unreadable is not None:
            raise self.unreadable
        yield from self.entries[after:]

    def checkpoints(self) -> Iterator[Entry]:
        return (entry for entry in reversed(self.entries) if isinstance(entry.fact, CheckpointWritten))

    def acquire(self, owner: str) -> Lease:
        self.epoch += 1
        return Lease(owner, self.epoch)

    def close(self) -> None:
        self.closed += 1

    def facts(self, *kinds: type) -> list[Fact]:
        return [entry.fact for entry in self.entries if not kinds or isinstance(entry.fact, kinds)]

    def wait_for(self, *kinds: type, count: int = 1) -> list[Fact]:
        """Wait until that many facts of these kinds are durable."""
        with self.appended:
            assert self.appended.wait_for(lambda: len(self.facts(*kinds)) >= count, PATIENCE_SECONDS)
        return self.facts(*kinds)


class ScriptedBroker:
    """Answers as told; remembers what reached it, on which thread."""

    def __init__(self) -> None:
        self.calls: list[Request] = []
        self.reads: list[str] = []
        self.threads: set[str] = set()
        self.error: BaseException | None = None
        self.answer: object = BrokerOrderId("B1")
        self.book: object = ()
        self.found: object = None
        self.arrived = threading.Condition()
        self.gate = threading.Event()
        self.gate.set()
        self.money = Funds(Decimal(1000), Decimal(2000))
        self.held: Sequence[Position] = ()
        self.demat: Sequence[Holding] = ()

    def _request(self, request: Request) -> None:
        self.threads.add(threading.current_thread().name)
        with self.arrived:
            self.calls.append(request)
            self.arrived.notify_all()
        assert self.gate.wait(PATIENCE_SECONDS)
        if self.error is not None:
            raise self.error

    def _read(self, what: str) -> None:
        self.threads.add(threading.current_thread().name)
        with self.arrived:
            self.reads.append(what)
            self.arrived.notify_all()
        assert self.gate.wait(PATIENCE_SECONDS)
        if self.error is not None:
            raise self.error

    def wait_for(self, count: int) -> None:
        """Wait until that many requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.calls) >= count, PATIENCE_SECONDS)

    def wait_for_reads(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.reads) >= count, PATIENCE_SECONDS)

    def submit(self, request: Submit) -> BrokerOrderId:
        self._request(request)
        return self.answer  # type: ignore[return-value]

    def modify(self, request: Modify) -> None:
        self._request(request)

    def cancel(self, request: Cancel) -> None:
        self._request(request)

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        self._read("find")
        return self.found  # type: ignore[return-value]

    def orders(self) -> Sequence[OrderReport]:
        self._read("orders")
        return self.book  # type: ignore[return-value]


class ReadingBroker(ScriptedBroker):
    """A broker that can read the account as well."""

    def funds(self) -> Funds:
        self._read("funds")
        return self.money

    def positions(self) -> Sequence[Position]:
        self._read("positions")
        return self.held

    def holdings(self) -> Sequence[Holding]:
        self._read("holdings")
        return self.demat


class ScriptedSource:
    """Yields what a test pushes; ``None`` ends the events, an exception is raised out of them."""

    def __init__(self, *events: SourceEvent | BaseException | None) -> None:
        self._condition = threading.Condition()
        self._events: list[SourceEvent | BaseException | None] = list(events)
        self._closed = False
        self.book: Sequence[OrderReport] = ()
        self.error: Exception | None = None
        self.snapshots = 0
        self.starts = 0
        self.close_error: Exception | None = None

    def push(self, *events: SourceEvent | BaseException | None) -> None:
        with self._condition:
            self._events += events
            self._condition.notify_all()

    def events(self) -> Iterator[SourceEvent]:
        self.starts += 1
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._events or self._closed)
                if self._closed:
                    return
                event = self._events.pop(0)
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event

    def snapshot(self) -> Sequence[OrderReport]:
        self.snapshots += 1
        if self.error is not None:
            raise self.error
        return self.book

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self.close_error is not None:
            raise self.close_error


class ReadingSource(ScriptedSource):
    """A source that can read what the leader holds."""

    def __init__(self, *events: SourceEvent | BaseException | None) -> None:
        super().__init__(*events)
        self.held: Sequence[Position] = ()
        self.positions_error: Exception | None = None

    def funds(self) -> Funds:
        return Funds(Decimal(1), Decimal(2))

    def positions(self) -> Sequence[Position]:
        if self.positions_error is not None:
            raise self.positions_error
        return self.held

    def holdings(self) -> Sequence[Holding]:
        return ()


def with_deadline(request: Submit, seconds: float) -> Submit:
    return evolve(request, not_after=START + timedelta(seconds=seconds))
