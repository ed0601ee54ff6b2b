"""The fake source and Dhan's socket against the local server pass; sources that lie do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest

from dhan_copy.dhan import DhanAccount
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Limit, OrderReport, Product, Side
from dhan_copy.protocols import EventSource, Gap, SourceEvent
from dhan_copy.testing import DhanServer, FakeSource, NewOrder, SimulatedExchange
from dhan_copy.testing.conformance import EventSourceConformance, EventSourceHarness
from tests.testing.exchange_kit import FUTURE, exchange, instruments


def place(simulated: SimulatedExchange, account: str) -> BrokerOrderId:
    """A buy that rests below the market."""
    new = NewOrder(key=FUTURE, side=Side.BUY, quantity=200, terms=Limit(Decimal(2000)), product=Product.INTRADAY, source="N")
    return simulated.place(account, new).order_id


class FakeHarness:
    def __init__(self) -> None:
        self.exchange = exchange("L")
        self.exchange.set_funds("L", Decimal(10**9))
        self.fake = FakeSource(self.exchange, "L")
        self.source: EventSource = self.fake

    def place(self) -> BrokerOrderId:
        return place(self.exchange, "L")

    def wait_until_connected(self) -> None:
        pass

    def interrupt(self) -> None:
        self.fake.disconnect()
        self.fake.reconnect()

    def fail_next_snapshot(self) -> None:
        self.fake.fail_reads()

    def close(self) -> None:
        pass


class SocketHarness:
    """Dhan's socket and REST, to a server of its own."""

    def __init__(self) -> None:
        self.server = DhanServer(1, instruments=instruments())
        self.server.start()
        (account,) = self.server.accounts
        self.account = account.client_id
        self.logins = 1
        self.server.exchange.set_funds(self.account, Decimal(10**9))
        self.source: EventSource = DhanAccount(
            account.client_id, account.access_token, base_url=self.server.rest_url, feed_url=self.server.feed_url
        ).feed()

    def place(self) -> BrokerOrderId:
        return place(self.server.exchange, self.account)

    def wait_until_connected(self) -> None:
        # A socket that has just been dropped may still be counted, so its successor's login is waited for as well.
        assert self.server.wait_for_logins(self.logins) and self.server.wait_for_sockets(1, self.account)

    def interrupt(self) -> None:
        self.logins += self.server.drop_sockets(self.account)

    def fail_next_snapshot(self) -> None:
        self.server.refuse(500, "", count=1)

    def close(self) -> None:
        self.server.stop()


class TestFakeSource(EventSourceConformance):
    def make_harness(self) -> EventSourceHarness:
        return FakeHarness()


class TestDhanOrderFeed(EventSourceConformance):
    def make_harness(self) -> EventSourceHarness:
        return SocketHarness()


class Wrapped:
    """A source that passes everything on; faulty ones change one thing."""

    def __init__(self, inner: EventSource) -> None:
        self.inner = inner

    def events(self) -> Iterator[SourceEvent]:
        return self.inner.events()

    def snapshot(self) -> Sequence[OrderReport]:
        return self.inner.snapshot()

    def close(self) -> None:
        self.inner.close()


class HidesGaps(Wrapped):
    def events(self) -> Iterator[SourceEvent]:
        return (event for event in self.inner.events() if not isinstance(event, Gap))


class OneGap(Wrapped):
    """Says nothing of later ones."""

    def events(self) -> Iterator[SourceEvent]:
        seen = 0
        for event in self.inner.events():
            seen += isinstance(event, Gap)
            if seen <= 1 or not isinstance(event, Gap):
                yield event


class Guesses(Wrapped):
    def snapshot(self) -> Sequence[OrderReport]:
        try:
            return self.inner.snapshot()
        except Exception:
            return []


class HalfBook(Wrapped):
    def snapshot(self) -> Sequence[OrderReport]:
        return self.inner.snapshot()[:1]


class NeverEnds(Wrapped):
    def close(self) -> None:
        pass


class ClosesOnce(Wrapped):
    closed = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        self.inner.close()


class TalksNonsense(Wrapped):
    def events(self) -> Iterator[SourceEvent]:
        for event in self.inner.events():
            yield event if isinstance(event, Gap) else "an order"  # type: ignore[misc]


def failures(kind: type[Wrapped], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the checks that such a source does not pass."""
    monkeypatch.setattr("dhan_copy.testing.conformance.checks.PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("dhan_copy.testing.conformance.source.PATIENCE_SECONDS", 0.2)

    class Suite(EventSourceConformance):
        def make_harness(self) -> EventSourceHarness:
            harness = FakeHarness()
            harness.source = kind(harness.source)
            return harness

    failed = set()
    for name in dir(Suite):
        if name.startswith("test_"):
            suite = Suite()
            suite.setup_method()
            try:
                getattr(suite, name)()
            except Exception:
                failed.add(name)
            suite.harness.fake.close()  # type: ignore[attr-defined]
    return failed


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (HidesGaps, "test_a_gap_comes_first"),
        (OneGap, "test_after_an_interruption_a_gap_comes_before_anything_else"),
        (Guesses, "test_a_snapshot_that_fails_raises"),
        (HalfBook, "test_the_snapshot_is_the_whole_book"),
        (NeverEnds, "test_closing_ends_the_events"),
        (NeverEnds, "test_closing_before_anybody_listens_ends_the_events_too"),
        (ClosesOnce, "test_closing_twice_is_harmless"),
        (TalksNonsense, "test_an_order_is_told"),
    ],
)
def test_a_faulty_source_is_found(kind: type[Wrapped], check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check in failures(kind, monkeypatch)


def test_the_suite_asks_how_a_source_is_made() -> None:
    with pytest.raises(NotImplementedError):
        EventSourceConformance().make_harness()
