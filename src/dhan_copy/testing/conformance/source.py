"""What every event source must do."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Protocol

from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import OrderReport
from dhan_copy.protocols import EventSource, Gap, SourceEvent, Unreadable
from dhan_copy.testing.conformance.checks import PATIENCE_SECONDS, eventually


class EventSourceHarness(Protocol):
    """A source of an account of its own, and what only its other side can do."""

    source: EventSource

    def place(self) -> BrokerOrderId:
        """Let an order appear in the account and come to rest; its id."""
        ...

    def wait_until_connected(self) -> None:
        """Return once the other side would tell the source what happens; its Gap may come a moment before."""
        ...

    def interrupt(self) -> None:
        """Break the source's connection; it is expected to come back by itself."""
        ...

    def fail_next_snapshot(self) -> None:
        """Let the next read of the order book fail."""
        ...

    def close(self) -> None: ...


class EventSourceConformance:
    """Subclass it and say in :meth:`make_harness` how a source is made."""

    def make_harness(self) -> EventSourceHarness:
        """A harness on an account without orders; nobody reads its events yet."""
        raise NotImplementedError

    def setup_method(self) -> None:
        self.harness = self.make_harness()
        self.source = self.harness.source
        self.heard: queue.Queue[SourceEvent] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)

    def teardown_method(self) -> None:
        self.source.close()
        self.harness.close()

    def test_a_gap_comes_first(self) -> None:
        self.reader.start()
        assert isinstance(self.next_event(), Gap)

    def test_an_order_is_told(self) -> None:
        self.connect()
        order_id = self.harness.place()
        assert self.report_of(order_id).order_id == order_id

    def test_orders_are_told_in_the_order_in_which_they_were_placed(self) -> None:
        self.connect()
        placed = [self.harness.place() for _ in range(3)]
        told: list[BrokerOrderId] = []
        while len(told) < 3:
            event = self.next_event()
            if isinstance(event, OrderReport) and event.order_id not in told:
                told.append(event.order_id)
        assert told == placed

    def test_the_snapshot_is_the_whole_book(self) -> None:
        assert list(self.source.snapshot()) == []
        placed = {self.harness.place() for _ in range(3)}

        def look() -> Sequence[OrderReport] | None:
            book = self.source.snapshot()
            return book if {report.order_id for report in book} == placed else None

        book = eventually(look, "the orders in the snapshot")
        assert all(isinstance(report, OrderReport) for report in book)
        assert len(book) == 3

    def test_a_snapshot_that_fails_raises(self) -> None:
        self.harness.place()
        self.harness.fail_next_snapshot()
        try:
            book = self.source.snapshot()
        except Exception:
            return
        raise AssertionError(f"the book could not be read, yet there was an answer: {book!r}")

    def test_after_an_interruption_a_gap_comes_before_anything_else(self) -> None:
        self.connect()
        self.harness.interrupt()
        assert isinstance(self.next_event(), Gap)
        self.harness.wait_until_connected()
        order_id = self.harness.place()
        assert self.report_of(order_id).order_id == order_id

    def test_closing_ends_the_events(self) -> None:
        self.connect()
        self.source.close()
        self.reader.join(PATIENCE_SECONDS)
        assert not self.reader.is_alive(), "events() did not end after close()"

    def test_closing_twice_is_harmless(self) -> None:
        self.connect()
        self.source.close()
        self.source.close()
        self.reader.join(PATIENCE_SECONDS)
        assert not self.reader.is_alive()

    def test_closing_before_anybody_listens_ends_the_events_too(self) -> None:
        self.source.close()
        self.reader.start()
        self.reader.join(PATIENCE_SECONDS)
        assert not self.reader.is_alive(), "events() did not end after close()"

    # Steps

    def connect(self) -> None:
        self.reader.start()
        assert isinstance(self.next_event(), Gap)
        self.harness.wait_until_connected()

    def next_event(self) -> SourceEvent:
        try:
            event = self.heard.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise AssertionError(f"the source said nothing for {PATIENCE_SECONDS:.0f} s") from None
        assert isinstance(event, (OrderReport, Gap, Unreadable)), event
        return event

    def report_of(self, order_id: BrokerOrderId) -> OrderReport:
        while True:
            event = self.next_event()
            if isinstance(event, OrderReport) and event.order_id == order_id:
                return event

    def _read(self) -> None:
        for event in self.source.events():
            self.heard.put(event)
