"""A new day: yesterday's orders are over, what the broker squares off is gone, and what was delivered is still owned."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import pytest

from dhan_copy import CopyEngine, Follower, Leader, RateLimits
from dhan_copy.core.facts import CheckpointWritten, DayOpened, Entry, OutcomeUnresolved, SourceStarted
from dhan_copy.model.account import Holding, Position
from dhan_copy.model.order import OrderReport, OrderStatus, Product
from dhan_copy.model.times import ist
from dhan_copy.protocols import SourceEvent
from dhan_copy.testing import FakeSource, Fault, RequestKind, SimulatedExchange
from tests.scenarios.day_kit import CE, LEADER, Day, F, TrippedStore, until
from tests.scenarios.kit import DurableMemory

CLOSE, EVENING = ist(datetime(2026, 9, 1, 15, 29)), ist(datetime(2026, 9, 1, 23, 59, 30))
MIDNIGHT, MORNING = ist(datetime(2026, 9, 2, 0, 0, 5)), ist(datetime(2026, 9, 2, 9, 20))

Night = Callable[[Day], None]


def over_midnight(day: Day) -> None:
    """The engine runs all night."""
    day.exchange.end_day()
    day.wait_until(EVENING)
    day.wait_until(MIDNIGHT)
    day.exchange.new_day()
    day.wait_until(MORNING)


def next_morning(day: Day) -> None:
    """The engine is stopped after the close, and started before the next opening."""
    day.exchange.end_day()
    day.step()
    day.engine.stop()
    day.clock.advance((MORNING - day.clock.now()).total_seconds())
    day.exchange.new_day()
    day.restart()
    day.step()


def in_bed(day: Day) -> None:
    """The engine is stopped before the close: it sees neither the end of the orders nor the square-off."""
    day.engine.stop()
    day.exchange.end_day()
    day.clock.advance((MORNING - day.clock.now()).total_seconds())
    day.exchange.new_day()
    day.restart()
    day.step()


nights = pytest.mark.parametrize("night", [over_midnight, next_morning, in_bed])


@nights
def test_d1_yesterdays_orders_are_expired_and_not_unresolved(night: Night) -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    day.brokers[F].inner.fail_next(Fault.NEVER_ARRIVED)
    day.leader.buy(CE, lots=1, price=91)
    day.step()
    assert day.facts(OutcomeUnresolved)
    assert [row["unresolved"] for row in day.engine.status() if row["account"] == F] == [1]
    night(day)
    asked = day.asked()

    assert [row["unresolved"] for row in day.engine.status() if row["account"] == F] == [0]
    assert [row["open"] for row in day.engine.status() if row["account"] == F] == [0]
    day.advance(300)
    assert day.asked() == asked, "what is over is neither cancelled nor sent again"
    placed = [request for request in day.exchange.requests if request.account == F and request.kind is RequestKind.PLACE]
    assert len(placed) == 1


@nights
def test_d1_orders_of_the_new_day_are_copied(night: Night) -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    night(day)
    order = day.leader.buy(CE, lots=1, price=95)
    day.step()
    order.modify(lots=3)
    day.step()
    assert [(copy.quantity, copy.status) for copy in day.copies()] == [(225, OrderStatus.PENDING)]
    order.cancel()
    day.step()
    assert [copy.status for copy in day.copies()] == [OrderStatus.CANCELLED]


@nights
def test_d1_the_budget_of_the_day_starts_again(night: Night) -> None:
    day = Day({F: "1"}, limits=RateLimits(per_day=5))
    day.step()
    for price in (90, 91, 92, 93, 94, 95):
        day.leader.buy(CE, lots=1, price=price)
        day.step()
        day.advance(2)
    assert len(day.copies()) == 4, "entries may use four fifths of five"

    night(day)

    assert day.copies() == []
    for price in (80, 81):
        day.leader.buy(CE, lots=1, price=price)
        day.step()
    assert [copy.price for copy in day.copies()] == [80, 81], "the new day's alone"


class SlowToConnect(FakeSource):
    """A feed whose socket opens only when it may; its REST side answers at once."""

    def __init__(self, exchange: SimulatedExchange, account: str) -> None:
        super().__init__(exchange, account)
        self.may_open = threading.Event()
        self.reads: list[str] = []

    def snapshot(self) -> Sequence[OrderReport]:
        self.reads.append("orders")
        return super().snapshot()

    def positions(self) -> Sequence[Position]:
        self.reads.append("positions")
        return super().positions()

    def events(self) -> Iterator[SourceEvent]:
        self.may_open.wait()
        yield from super().events()

    def close(self) -> None:
        self.may_open.set()
        super().close()


def test_d1_an_order_placed_before_the_morning_start_is_copied() -> None:
    """What the leader brought into the day is read with his book, and not after it: else nothing could be decided."""
    day = Day({F: "1"})
    day.step()
    day.exchange.end_day()
    day.engine.stop()
    day.clock.advance((MORNING - day.clock.now()).total_seconds())
    day.exchange.new_day()
    day.leader.buy(CE, lots=1, price=90)
    day.clock.advance(5)
    source = SlowToConnect(day.exchange, LEADER)
    engine = CopyEngine(
        [Leader(LEADER, source=source)], [Follower(F, size="1", broker=day.brokers[F], live=True)], day.store,
        clock=day.clock,
    )  # fmt: skip
    with engine:
        until(lambda: bool(engine.decisions()))
        assert [row["code"] for row in engine.decisions()] == ["COPIED"]
        until(lambda: len(day.copies()) == 1)
    assert source.reads[:3] == ["positions", "orders", "positions"], "no order is heard of before what he holds is known"


class FromTheCheckpoint(TrippedStore):
    """A journal of which everything before position ``first`` is lost."""

    first = 0

    def read(self, after: int = 0) -> Iterator[Entry]:
        return (entry for entry in self.inner.read(after) if entry.position >= self.first)


def test_d1_a_checkpoint_bounds_recovery() -> None:
    day = Day({F: "1/2"})
    day.step()
    day.leader.buy(CE, lots=3, product=Product.MARGIN)
    day.step()
    assert day.held(product=Product.MARGIN) == 75
    over_midnight(day)
    entries = list(day.engine.journal())
    opened = [entry.position for entry in entries if isinstance(entry.fact, DayOpened)]
    written = [entry.position for entry in entries if isinstance(entry.fact, CheckpointWritten)]
    assert written == [opened[-1] + 1]
    tables = (day.engine.orders(), day.engine.decisions(), day.engine.drift())

    day.engine.stop()
    assert isinstance(day.store, DurableMemory)
    day.store = store = FromTheCheckpoint(day.store)
    store.first = written[-1]
    day.restart()
    day.step()
    assert (day.engine.orders(), day.engine.decisions(), day.engine.drift()) == tables
    assert day.facts(SourceStarted) == [], "known from the checkpoint"
    day.leader.sell(CE, lots=3, product=Product.MARGIN)
    day.step()
    assert day.held(product=Product.MARGIN) == 0, "what was carried over is still known"


@nights
def test_d2_what_the_broker_squared_off_is_zero_in_the_morning(night: Night) -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2)
    day.step()
    assert day.held() == day.held(LEADER) == 150

    night(day)

    assert day.held() == day.held(LEADER) == 0, "the broker did it"
    assert [row["owned"] for row in day.engine.drift()] in ([], [0])
    day.leader.sell(CE, lots=1)
    day.step()
    assert day.held() == -75
    assert day.cells("intent") == ["ENTRY"], "a short from flat, and no exit of what is gone"


@nights
def test_d2_a_position_of_another_product_stays(night: Night) -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2, product=Product.MARGIN)
    day.step()
    night(day)
    assert day.held(product=Product.MARGIN) == 150
    day.leader.sell(CE, lots=2, product=Product.MARGIN)
    day.step()
    assert day.held(product=Product.MARGIN) == 0
    assert day.cells("intent") == ["EXIT"]


@nights
def test_d3_shares_bought_yesterday_are_still_owned(night: Night) -> None:
    day = Day({F: "1/2"})
    mine = Holding(day.key("INFY").security_id, 50, "INFY")
    day.exchange.set_holdings(F, (mine,))
    day.step()
    day.leader.buy("INFY", quantity=20)
    day.step()
    assert day.held(symbol="INFY", product=Product.CNC) == 10

    night(day)

    [held] = day.exchange.holdings(F)
    assert (held.quantity, day.held(symbol="INFY", product=Product.CNC)) == (60, 0), "delivered, beside his own"
    assert [row["owned"] for row in day.engine.drift()] == [10]
    day.leader.sell("INFY", quantity=8)
    day.step()
    assert [copy.quantity for copy in day.copies()] == [4], "two fifths of what was copied"
    day.leader.sell("INFY", quantity=12)
    day.step()
    assert [copy.quantity for copy in day.copies()] == [4, 6], "all of what was copied, and none of his own"
    assert day.held(symbol="INFY", product=Product.CNC) == -10
