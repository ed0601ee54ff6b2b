"""Whatever a callback does, nobody waits for it, and what it misses is counted."""

from __future__ import annotations

import logging
import threading

import pytest

from dhan_copy.runtime.outlet import Outlet
from tests.runtime.fakes import PATIENCE_SECONDS


def test_items_arrive_in_order_on_a_thread_of_their_own() -> None:
    got: list[int] = []
    threads: set[str] = set()

    def handle(item: int) -> None:
        threads.add(threading.current_thread().name)
        got.append(item)

    outlet: Outlet[int] = Outlet("callback", handle, lambda: None)
    outlet.start()
    outlet.put([1, 2])
    outlet.put([])
    outlet.put([3])
    outlet.stop(PATIENCE_SECONDS)
    assert got == [1, 2, 3] and threads == {"dhan_copy callback"}


def test_f09_a_callback_that_raises_goes_on_and_is_logged_sparsely(caplog: pytest.LogCaptureFixture) -> None:
    def handle(item: int) -> None:
        raise ValueError("line\nforged")

    outlet: Outlet[int] = Outlet("callback", handle, lambda: None)
    outlet.start()
    with caplog.at_level(logging.WARNING, logger="dhan_copy"):
        outlet.put(list(range(10)))
        outlet.stop(PATIENCE_SECONDS)
    assert len(caplog.records) == 4
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_f09_a_callback_that_blocks_holds_nobody_up_and_what_it_misses_is_counted() -> None:
    go_on = threading.Event()
    taken = threading.Event()
    got: list[int] = []
    told: list[int] = []

    def handle(item: int) -> None:
        taken.set()
        assert go_on.wait(PATIENCE_SECONDS)
        got.append(item)

    outlet: Outlet[int] = Outlet("callback", handle, lambda: told.append(1), capacity=4)
    outlet.start()
    outlet.put([0, 1])
    assert taken.wait(PATIENCE_SECONDS)
    outlet.put([2, 3])
    outlet.put([4])
    outlet.put([5, 6])
    assert (outlet.dropped, told) == (3, [1])
    outlet.stop(0)
    go_on.set()
    outlet.stop(PATIENCE_SECONDS)
    assert got == [0, 1, 2, 3]


def test_dropping_is_told_again_after_it_had_ended() -> None:
    told: list[int] = []
    outlet: Outlet[int] = Outlet("callback", lambda item: None, lambda: told.append(1), capacity=4)
    for _ in range(2):
        outlet.put([1, 2, 3, 4])
        outlet.put([5])
        outlet.put([6])
        outlet.drain()
        outlet.put([7])
        outlet.drain()
    assert told == [1, 1]
    assert outlet.dropped == 4


def test_without_a_thread_it_delivers_when_it_is_drained_or_stopped() -> None:
    got: list[int] = []
    outlet: Outlet[int] = Outlet("callback", got.append, lambda: None)
    outlet.put([1])
    assert got == []
    outlet.drain()
    outlet.put([2])
    outlet.stop(0)
    assert got == [1, 2]


def test_a_callback_may_stop_its_own_outlet() -> None:
    done = threading.Event()

    def handle(item: int) -> None:
        outlet.stop(PATIENCE_SECONDS)
        done.set()

    outlet: Outlet[int] = Outlet("callback", handle, lambda: None)
    outlet.start()
    outlet.put([1])
    assert done.wait(PATIENCE_SECONDS)
