"""K3: a loss limit judges what is held at the last price, though no order of the leader tells it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy import AlertRaised, CopyEngine, DhanAccount, Follower, Leader, LossLimit
from dhan_copy.core.facts import Entry, QuotesReported, TradingState, TradingStateChanged
from dhan_copy.model.order import OrderStatus, Side
from dhan_copy.model.times import ist
from dhan_copy.testing import Call, DhanServer, FakeBroker, FakeSource, Fault, NewOrder, SimulatedExchange, VirtualClock
from tests.scenarios.kit import CALL, F, INSTRUMENTS, LEADER, PATIENCE_SECONDS, DurableMemory


class Limited:
    """A follower with a loss limit of 1,000 rupees, on virtual time; it holds 75 bought at 100."""

    def __init__(self, limit: LossLimit | None = LossLimit("1000")) -> None:
        self.clock = VirtualClock(ist(datetime(2026, 11, 20, 10, 0)))
        self.exchange = SimulatedExchange(self.clock, [LEADER, F], instruments=INSTRUMENTS)
        self.exchange.set_price(CALL, 100)
        self.broker = Counting(self.exchange, F)
        self.engine = CopyEngine(
            leaders=[Leader(LEADER, source=FakeSource(self.exchange, LEADER))],
            followers=[
                Follower(
                    F, size="1/2", broker=self.broker, source=FakeSource(self.exchange, F), live=True, loss_limit=limit
                )
            ],
            store=DurableMemory(),
            clock=self.clock,
        )  # fmt: skip
        self.engine.step()

    def buy(self) -> None:
        self.exchange.place(LEADER, NewOrder(key=CALL, side=Side.BUY, quantity=150))
        self.engine.step()
        assert self.net() == 75

    def net(self) -> int:
        return sum(each.net_quantity for each in self.exchange.positions(F))

    def advance(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while (due := self.engine.due) is not None and due < end:
            self.clock.advance(max(due - self.clock.monotonic(), 0.01))
            self.engine.step()
        self.clock.advance(max(end - self.clock.monotonic(), 0.0))
        self.engine.step()

    def trading(self) -> object:
        return self.engine.status()[1]["trading"]


class Counting(FakeBroker):
    """Notes when it was asked for prices."""

    def __init__(self, exchange: SimulatedExchange, account: str) -> None:
        super().__init__(exchange, account)
        self.asked: list[float] = []

    def quotes(self, keys):  # type: ignore[no-untyped-def]
        self.asked.append(self.exchange.clock.monotonic())
        assert set(keys) == {CALL}
        return super().quotes(keys)


def test_k3_a_price_that_only_the_market_tells_stops_the_follower_and_is_in_the_journal() -> None:
    limited = Limited()
    limited.buy()
    limited.exchange.set_price(CALL, 87)
    limited.advance(6)
    assert limited.trading() == "ACTIVE", "975 rupees"
    limited.exchange.set_price(CALL, "86.60")
    limited.advance(6)
    assert limited.trading() == "CLOSING" and limited.net() == 0
    facts = [entry.fact for entry in limited.engine.journal()]
    [told] = [fact for fact in facts if isinstance(fact, QuotesReported)]
    assert [(quote.key, quote.price) for quote in told.quotes] == [(CALL, Decimal("86.60"))]
    [alert] = [fact for fact in facts if isinstance(fact, AlertRaised) and fact.code == "LOSS_LIMIT"]
    assert "-1005" in alert.known
    assert facts.index(told) < facts.index(alert)


def test_k3_prices_are_asked_for_only_while_something_that_a_limit_judges_is_held() -> None:
    unlimited = Limited(limit=None)
    unlimited.buy()
    unlimited.advance(60)
    assert unlimited.broker.asked == []
    limited = Limited()
    limited.advance(60)
    assert limited.broker.asked == []
    limited.buy()
    limited.advance(60)
    asked = limited.broker.asked
    assert 11 <= len(asked) <= 14
    assert min(later - earlier for earlier, later in zip(asked, asked[1:])) >= 1, "Dhan takes one a second"
    limited.exchange.place(LEADER, NewOrder(key=CALL, side=Side.SELL, quantity=150))
    limited.engine.step()
    assert limited.net() == 0
    before = len(asked)
    limited.advance(60)
    assert len(asked) == before


def test_k3_a_read_that_fails_changes_nothing_and_is_told() -> None:
    limited = Limited()
    limited.buy()
    limited.exchange.set_price(CALL, 50)
    limited.broker.fail_next(Fault.READ_FAILED, on=Call.QUOTES, count=4)
    limited.advance(16)
    assert limited.trading() == "ACTIVE" and limited.net() == 75
    codes = [entry.fact.code for entry in limited.engine.journal() if isinstance(entry.fact, AlertRaised)]
    assert "READ_QUOTES_FAILED" in codes
    limited.advance(20)
    assert limited.trading() == "CLOSING"


def test_k3_the_newest_price_counts_whoever_told_it() -> None:
    limited = Limited()
    limited.buy()
    limited.advance(6)
    limited.exchange.set_price(CALL, 80)
    limited.exchange.place(LEADER, NewOrder(key=CALL, side=Side.BUY, quantity=150))
    limited.engine.step()
    assert limited.trading() == "CLOSING", "the leader's order told it before the next quote"


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer([(LEADER, "token-of-the-leader"), (F, "token-of-the-follower")], instruments=INSTRUMENTS) as running:
        running.exchange.set_price(CALL, 100)
        yield running


def test_k3_over_the_wire(server: DhanServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    leader, follower = (
        DhanAccount(each.client_id, each.access_token, base_url=server.rest_url, feed_url=server.feed_url)
        for each in server.accounts
    )
    stopped = threading.Event()

    def watch(entry: Entry) -> None:
        if isinstance(entry.fact, TradingStateChanged) and entry.fact.state is TradingState.CLOSING:
            stopped.set()

    engine = CopyEngine(
        [Leader(leader)], [Follower(follower, size="1/2", live=True, loss_limit=LossLimit("1000"))],
        tmp_path / "journal.db", instruments={each.key: each.facts for each in INSTRUMENTS}, on_event=watch,
    )  # fmt: skip
    with engine:
        for name in (LEADER, F):
            assert server.wait_for_sockets(1, name, PATIENCE_SECONDS)
        ticking = threading.Event()
        for _ in range(3000):
            if engine.status()[0]["health"] == "OK":
                break
            ticking.wait(0.01)
        server.exchange.place(LEADER, NewOrder(key=CALL, side=Side.BUY, quantity=150))
        for _ in range(3000):
            if any(order.status is OrderStatus.TRADED for order in server.exchange.orders(F)):
                break
            ticking.wait(0.01)
        server.exchange.set_price(CALL, 80)
        assert stopped.wait(PATIENCE_SECONDS)
    asked = [(request.path, request.status) for request in server.requests(F) if request.path.startswith("/marketfeed")]
    assert asked and set(asked) == {("/marketfeed/ltp", 200)}
