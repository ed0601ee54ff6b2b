"""An event source on the simulated exchange, whose updates go astray when the test says so."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

from attrs import evolve

from dhan_copy.errors import ReadError
from dhan_copy.model.account import Funds, Holding, Position
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Leg, OrderReport, OrderStatus
from dhan_copy.protocols import Gap, SourceEvent
from dhan_copy.testing.exchange import SimulatedExchange
from dhan_copy.testing.forever import as_order
from dhan_copy.testing.orders import OrderEvent, SimulatedOrder
from dhan_copy.testing.reports import report_of, standing


class FakeSource:
    """Implements :class:`~dhan_copy.protocols.EventSource` and :class:`~dhan_copy.protocols.AccountReader`.

    Connected from the start: the first event is a :class:`~dhan_copy.protocols.Gap`. An order in TRANSIT is not
    announced, as no recorded frame ever said so; the snapshot shows it, and with ``linked`` and ``forever`` also the
    brackets of super orders, and Forever orders. One thread may be in :meth:`events`; or use
    :meth:`take` without threads.
    """

    def __init__(self, exchange: SimulatedExchange, account: str, *, linked: bool = False, forever: bool = False) -> None:
        self._linked = linked
        self._forever = forever
        self.exchange = exchange
        self.account: AccountName = exchange.add_account(account)
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[SourceEvent | None] = queue.SimpleQueue()
        self._closed = False
        self._connected = True
        self._drop = 0
        self._copies = 1
        self._duplicate = 0
        self._withheld: list[SourceEvent] | None = None
        self._failing_reads = 0
        self._queue.put(Gap("connected"))
        self._stop_listening = exchange.listen(self._hear, self.account)

    # EventSource

    def events(self) -> Iterator[SourceEvent]:
        while True:
            event = self._queue.get()
            if event is None:
                self._queue.put(None)
                return
            yield event

    def snapshot(self) -> Sequence[OrderReport]:
        self._read("order book")
        reports = [self._listed(order) for order in self.exchange.visible_orders(self.account)]
        if self._forever:
            waiting = self.exchange.forever.orders(self.account)
            reports += [self._report(as_order(leg, tagged=False)) for leg in waiting]
        return tuple(reports)

    @property
    def lists_forever_orders(self) -> bool:
        """Whether :meth:`snapshot` has the list of Forever orders."""
        return self._forever

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._stop_listening()
        self._queue.put(None)

    # AccountReader

    def funds(self) -> Funds:
        self._read("funds")
        return self.exchange.funds(self.account)

    def positions(self) -> Sequence[Position]:
        self._read("positions")
        return self.exchange.positions(self.account)

    def holdings(self) -> Sequence[Holding]:
        self._read("holdings")
        return self.exchange.holdings(self.account)

    # What the test does

    def take(self) -> list[SourceEvent]:
        """Everything announced and not yet read, without waiting."""
        events: list[SourceEvent] = []
        while True:
            try:
                event = self._queue.get_nowait()
            except queue.Empty:
                return events
            if event is None:
                self._queue.put(None)
                return events
            events.append(event)

    def push(self, event: SourceEvent) -> None:
        """Announce anything, such as an :class:`~dhan_copy.protocols.Unreadable` or an old report."""
        self._queue.put(event)

    def drop_next(self, count: int = 1) -> None:
        """Lose the next ``count`` updates without a gap."""
        self._drop += count

    def duplicate_next(self, count: int = 1, copies: int = 2) -> None:
        """Announce each of the next ``count`` updates ``copies`` times in a row."""
        self._copies = copies
        self._duplicate = count

    def withhold(self) -> None:
        """Keep updates back until :meth:`release`."""
        with self._lock:
            if self._withheld is None:
                self._withheld = []

    def release(self, order: Sequence[int] | None = None) -> int:
        """Announce what was kept back, in ``order`` (positions counted from 0; each may come never, once or often).

        Returns how many updates had been kept back.
        """
        with self._lock:
            kept, self._withheld = self._withheld or [], None
        for index in range(len(kept)) if order is None else order:
            self._queue.put(kept[index])
        return len(kept)

    def disconnect(self, cause: str = "") -> None:
        """Miss every update until :meth:`reconnect`; with a ``cause`` it is noticed and told."""
        self._connected = False
        if cause:
            self._queue.put(Gap(cause, connected=False))

    def reconnect(self, cause: str = "reconnected") -> None:
        """Hear updates again; says so with a gap."""
        self._connected = True
        self._queue.put(Gap(cause))

    def fail_reads(self, count: int = 1) -> None:
        """Let the next ``count`` reads raise :class:`~dhan_copy.errors.ReadError`."""
        self._failing_reads += count

    # Inside

    def _read(self, what: str) -> None:
        if self._failing_reads:
            self._failing_reads -= 1
            raise ReadError(f"the {what} could not be read", account=self.account)

    def _listed(self, order: SimulatedOrder) -> OrderReport:
        report = self._report(order)
        if not (self._linked and order.is_super and order.leg is Leg.ENTRY):
            return report
        return evolve(report, bracket=standing(order, self.exchange.linked.legs(self.account, order.order_id)))

    def _report(self, order: SimulatedOrder) -> OrderReport:
        return report_of(order, self.exchange.instrument(order.key))

    def _hear(self, event: OrderEvent) -> None:
        if event.order.status is OrderStatus.TRANSIT or not self._connected:
            return
        if self._drop:
            self._drop -= 1
            return
        copies = 1
        if self._duplicate:
            self._duplicate -= 1
            copies = self._copies
        report = self._report(event.order)
        with self._lock:
            for _ in range(copies):
                if self._withheld is None:
                    self._queue.put(report)
                else:
                    self._withheld.append(report)
