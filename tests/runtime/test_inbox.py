"""Batches stay whole, answers always get in, and feeds wait while the inbox is full."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import GapDetected
from dhan_copy.runtime.inbox import Batch, Inbox
from tests.runtime.fakes import LEADER, PATIENCE_SECONDS


def gap(number: int) -> GapDetected:
    return GapDetected(account=LEADER, cause=str(number))


@given(st.lists(st.integers(0, 12), max_size=40), st.integers(1, 20))
def test_what_goes_in_comes_out_in_order_in_whole_batches(sizes: list[int], at_once: int) -> None:
    inbox = Inbox(at_once=at_once)
    put: list[Batch] = []
    for size in sizes:
        batch = tuple(gap(len(put) * 100 + n) for n in range(size))
        inbox.put(batch)
        put += [batch] if batch else []
    got: list[Batch] = []
    while len(inbox):
        batches, asks = inbox.get(0)
        assert not asks
        assert sum(len(batch) for batch in batches[:-1]) < at_once
        got += batches
    assert got == put


def test_an_empty_inbox_gives_up_in_time() -> None:
    assert Inbox().get(0) == ([], [])
    assert Inbox().get(0.001) == ([], [])


def test_get_waits_for_the_first_item() -> None:
    inbox = Inbox()
    timer = threading.Timer(0.01, lambda: inbox.put((gap(1),)))
    timer.start()
    assert inbox.get(None) == ([(gap(1),)], [])
    timer.join()


def test_asks_come_beside_the_batches() -> None:
    inbox = Inbox()
    said: list[str] = []
    inbox.put((gap(1),))
    inbox.ask(lambda: said.append("asked"))
    batches, asks = inbox.get(0)
    assert batches == [(gap(1),)]
    for ask in asks:
        ask()
    assert said == ["asked"]


def test_a_feed_waits_while_the_inbox_is_full_but_an_answer_does_not() -> None:
    inbox = Inbox(capacity=1)
    inbox.offer((gap(1),), threading.Event())
    inbox.put((gap(2),))
    stopped = threading.Event()
    feed = threading.Thread(target=inbox.offer, args=((gap(3),), stopped))
    feed.start()
    assert len(inbox) == 2
    assert inbox.get(0)[0] == [(gap(1),), (gap(2),)]
    feed.join(PATIENCE_SECONDS)
    assert inbox.get(0)[0] == [(gap(3),)]


def test_a_feed_that_is_stopped_does_not_wait_for_room() -> None:
    inbox = Inbox(capacity=0)
    stopped = threading.Event()
    stopped.set()
    inbox.offer((gap(1),), stopped)
    assert len(inbox) == 0
