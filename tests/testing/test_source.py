"""The fake source tells what happens, and loses, repeats, withholds and reorders it as the test says."""

from __future__ import annotations

import threading

import pytest

from dhan_copy.errors import ReadError
from dhan_copy.model.order import OrderReport
from dhan_copy.protocols import AccountReader, EventSource, Gap, SourceEvent, Unreadable
from dhan_copy.testing import FakeSource
from tests.testing.exchange_kit import buy, exchange


def source() -> FakeSource:
    fake = FakeSource(exchange(), "L")
    assert fake.take() == [Gap("connected")]
    return fake


def said(fake: FakeSource) -> list[str]:
    return [e.status.value if isinstance(e, OrderReport) else type(e).__name__ for e in fake.take()]


def test_it_is_an_event_source_that_reads_accounts() -> None:
    fake: EventSource = source()
    assert isinstance(fake, AccountReader)


def test_events_block_and_end_with_close() -> None:
    fake = FakeSource(exchange(), "L")
    heard: list[SourceEvent] = []
    reader = threading.Thread(target=lambda: heard.extend(fake.events()))
    reader.start()
    order = fake.exchange.place("L", buy())
    fake.exchange.place("F", buy())
    fake.close()
    fake.close()
    reader.join(30)
    assert not reader.is_alive()
    assert [type(event) for event in heard] == [Gap, OrderReport]
    assert [report.order_id for report in fake.snapshot()] == [order.order_id]
    fake.exchange.place("L", buy())
    assert fake.take() == []
    assert list(fake.events()) == []


def test_a_modification_is_announced_and_transit_is_not() -> None:
    fake = source()
    order = fake.exchange.place("L", buy(), deferred=True)
    assert said(fake) == []
    assert [report.status.value for report in fake.snapshot()] == ["TRANSIT"]
    fake.exchange.confirm("L", order.order_id)
    fake.exchange.modify("L", order.order_id, quantity=20, terms=order.terms)
    assert said(fake) == ["PENDING", "MODIFIED", "PENDING"]


def test_updates_are_dropped_and_duplicated() -> None:
    fake = source()
    fake.drop_next()
    fake.duplicate_next(copies=3)
    order = fake.exchange.place("L", buy())
    fake.exchange.fill("L", order.order_id, 5)
    fake.exchange.fill("L", order.order_id, 5)
    assert said(fake) == ["PART_TRADED"] * 3 + ["TRADED"]


def test_updates_are_withheld_and_released_in_any_order() -> None:
    fake = source()
    fake.withhold()
    order = fake.exchange.place("L", buy())
    fake.withhold()
    fake.exchange.fill("L", order.order_id)
    assert said(fake) == []
    assert fake.release([1, 0, 1]) == 2
    assert said(fake) == ["TRADED", "PENDING", "TRADED"]
    fake.withhold()
    fake.exchange.place("L", buy())
    assert fake.release() == 1
    assert said(fake) == ["PENDING"]
    assert fake.release() == 0


def test_what_happens_while_disconnected_is_missed_and_a_gap_says_so() -> None:
    fake = source()
    fake.disconnect()
    fake.exchange.place("L", buy())
    fake.reconnect("reset by peer")
    assert fake.take() == [Gap("reset by peer")]
    assert len(fake.snapshot()) == 1


def test_anything_can_be_pushed() -> None:
    fake = source()
    fake.push(Unreadable("not JSON", "x"))
    assert fake.take() == [Unreadable("not JSON", "x")]


def test_reads_fail_when_told() -> None:
    fake = source()
    for read in (fake.snapshot, fake.funds, fake.positions, fake.holdings):
        fake.fail_reads()
        with pytest.raises(ReadError):
            read()
        read()
