"""Nothing is placed that a lost journal may have placed already: the follower's book is looked at first."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    EngineStarted,
    Fact,
    OrderReported,
    ReadFailed,
)
from dhan_copy.core.requests import Intent, ReadOrders, Submit
from dhan_copy.model.ids import ClientOrderId, client_order_id
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, Product, Side
from dhan_copy.model.size import Ratio
from tests.core.bench import Asked, Bench
from tests.core.make import FOLLOWER, LEADER, ORDER, report


def started_again(**settings: object) -> Bench:
    """An engine that has just been started, an hour after the accounts were first watched; no book has been read."""
    bench = Bench(**settings)  # type: ignore[arg-type]
    bench.wait(3600)
    bench.copier = bench.fresh()
    bench.copier.restore(bench.journal)
    bench.step(EngineStarted(version="test", epoch=2))
    return bench


def placed(bench: Bench, at: datetime | None, **changes: object) -> OrderReport:
    return report(created_at=at, updated_at=bench.now, **changes)


def read(bench: Bench, *rows: Fact, began: datetime | None = None) -> list[Asked]:
    return bench.step(*rows, BookRead(account=FOLLOWER, read_at=began or bench.now))


@pytest.mark.parametrize("seconds", [-60, 0, 4, None], ids=str)
def test_f17_an_order_that_may_be_older_than_the_start_waits_for_the_followers_book(seconds: int | None) -> None:
    bench = started_again()
    start = bench.now
    bench.wait(1)
    assert bench.tell(placed(bench, None if seconds is None else start + timedelta(seconds=seconds))) == []
    assert bench.last is not None and bench.last.due is not None
    bench.wait(1)
    bench.step(ReadFailed(account=FOLLOWER, what="ReadOrders", problem="HTTP 500"))
    assert read(bench, began=start - timedelta(seconds=1)) == [], "that read began before the start"
    bench.wait(2)
    assert bench.step() == []
    assert ReadOrders(account=FOLLOWER) in bench.last.commands or ReadOrders(account=FOLLOWER) in _asked(bench)
    (request,) = read(bench)
    assert isinstance(request, Submit) and request.leader_order_id == ORDER


def _asked(bench: Bench) -> list[object]:
    return list(bench.last.commands) if bench.last is not None else []


def test_a_new_order_does_not_wait() -> None:
    bench = started_again()
    bench.wait(20)
    (request,) = bench.tell(placed(bench, bench.now))
    assert isinstance(request, Submit)


def test_a_follower_on_paper_has_no_book_to_wait_for() -> None:
    bench = started_again(live=False)
    bench.wait(1)
    bench.tell(placed(bench, bench.now))
    assert [order.intent for trade in bench.copier.state.trades.values() for order in trade.orders] == [Intent.ENTRY]


def test_an_entry_that_waits_too_long_for_the_book_is_not_sent_late() -> None:
    bench = started_again()
    assert bench.tell(placed(bench, bench.now, terms=Market())) == []
    for _ in range(40):
        bench.wait(1)
        assert bench.step() == []
    assert [row.reason.name for row in bench.decisions()] == ["COPIED", "STALE"]
    assert read(bench) == []


def test_an_exit_that_waits_for_the_book_is_loud() -> None:
    bench = Bench(sizer=Ratio(1), reads_positions=False)
    (entry,) = bench.tell(report())
    bench.accept(entry)
    full = report(filled_quantity=150, status=OrderStatus.TRADED, average_price=Decimal(100))
    bench.tell(full)
    bench.step(seen(entry.client_order_id, filled=150))
    bench.copier = bench.fresh()
    bench.copier.restore(bench.journal)
    bench.wait(60)
    bench.step(EngineStarted(version="test", epoch=2))
    assert bench.tell(placed(bench, bench.now, order_id="L2", side=Side.SELL)) == []
    for _ in range(32):
        bench.wait(1)
        assert bench.step() == []
    assert bench.alerts() == ["EXIT_WAITS"]
    (request,) = read(bench)
    assert isinstance(request, Submit) and request.intent is Intent.EXIT


def seen(tag: ClientOrderId, filled: int = 0, channel: Channel = Channel.BOOK) -> OrderReported:
    row = report(
        order_id="F1", client_order_id=tag, account=FOLLOWER, quantity=150, filled_quantity=filled,
        status=OrderStatus.TRADED if filled == 150 else OrderStatus.PENDING, terms=Limit(Decimal(100)),
        product=Product.INTRADAY,
    )  # fmt: skip
    return OrderReported(follower=FOLLOWER, report=row, channel=channel, read_at=None)


@pytest.mark.parametrize("channel", Channel)
def test_f17_what_the_book_shows_is_never_placed_again_not_even_after_a_restart(channel: Channel) -> None:
    bench = started_again()
    tag = client_order_id(LEADER, ORDER, FOLLOWER, "E", 0, 0)
    assert bench.tell(placed(bench, bench.now - timedelta(seconds=5))) == []
    assert read(bench, seen(tag, channel=channel)) == []
    assert bench.alerts() == ["FOREIGN_TAG", "PLACED_BEFORE"]
    assert len(bench.facts(OrderReported)) == 1
    read(bench, seen(tag, channel=channel))
    assert len(bench.facts(OrderReported)) == 1, "once is enough"
    bench.wait(60)
    assert bench.restart() == []
    bench.wait(60)
    assert bench.step() == []
    assert [fact.code for fact in bench.facts(AlertRaised)] == ["FOREIGN_TAG", "PLACED_BEFORE"]


def test_a_tag_of_another_order_holds_nothing_up() -> None:
    bench = started_again()
    other = client_order_id(LEADER, "L9", FOLLOWER, "E", 0, 0)
    assert bench.tell(placed(bench, bench.now)) == []
    (request,) = read(bench, seen(other))
    assert request.client_order_id != other
