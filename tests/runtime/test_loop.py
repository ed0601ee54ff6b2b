"""The core's thread turns when there is news or when it is time, and keeps what ended it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from dhan_copy.core.facts import GapDetected, Moment
from dhan_copy.core.requests import Command
from dhan_copy.errors import StoreError
from dhan_copy.runtime.clock import SteadyClock, SystemClock
from dhan_copy.runtime.inbox import Inbox
from dhan_copy.runtime.kernel import Core, Hooks, Kernel
from dhan_copy.runtime.loop import Loop
from tests.runtime.fakes import LEADER, PATIENCE_SECONDS, ListStore, ScriptedCore

FACT = GapDetected(account=LEADER, cause="x")


class Bench:
    def __init__(self, due: Callable[[Moment], float | None] = lambda now: None) -> None:
        self.store = ListStore()
        self.inbox = Inbox()
        self.core = ScriptedCore(due=due)
        self.stopping = threading.Event()
        self.failures: list[BaseException] = []
        clock = SteadyClock(SystemClock())
        self.kernel: Kernel[Core] = Kernel(
            lambda: self.core, self.store, self, clock, Hooks(lambda e: None, lambda e: None, lambda a: None, lambda s: False)
        )
        self.loop = Loop(self.kernel, self.inbox, clock, self.stopping, self.failures.append)

    def hand_over(self, commands: Sequence[Command]) -> None:
        pass

    def end(self) -> None:
        self.stopping.set()
        assert self.loop.join(PATIENCE_SECONDS)
        assert self.loop.finished.is_set()


def test_facts_are_folded_on_the_core_thread_in_batches() -> None:
    bench = Bench()
    bench.inbox.put((FACT, FACT))
    bench.inbox.put((FACT,))
    bench.loop.start()
    bench.store.wait_for(GapDetected, count=3)
    bench.end()
    assert bench.core.batches == [(FACT, FACT, FACT)]
    assert bench.core.threads == {"dhan_copy core"}
    assert bench.loop.error is None


def test_it_steps_without_facts_when_it_is_time() -> None:
    stepped = threading.Event()

    def due(now: Moment) -> float | None:
        if len(bench.core.batches) == 1:
            return now.monotonic + 0.01
        stepped.set()
        return None

    bench = Bench(due)
    bench.inbox.put((FACT,))
    bench.loop.start()
    assert stepped.wait(PATIENCE_SECONDS)
    bench.end()
    assert bench.core.batches == [(FACT,), ()]


def test_a_core_that_asks_for_the_past_does_not_burn_the_processor() -> None:
    enough = threading.Event()

    def due(now: Moment) -> float | None:
        if len(bench.core.batches) > 3:
            enough.set()
        return now.monotonic - 1

    bench = Bench(due)
    bench.inbox.put((FACT,))
    bench.loop.start()
    assert enough.wait(PATIENCE_SECONDS)
    assert bench.loop._patience() > 0
    bench.end()


def test_asks_are_answered_without_a_turn() -> None:
    bench = Bench()
    bench.loop.start()
    answered = threading.Event()
    bench.inbox.ask(answered.set)
    assert answered.wait(PATIENCE_SECONDS)
    bench.end()
    assert bench.core.batches == []


@pytest.mark.parametrize("error", [StoreError("disk"), MemoryError(), SystemExit(3)])
def test_what_ends_it_is_kept_and_told(error: BaseException) -> None:
    bench = Bench()
    bench.store.fail_before = [error] * 9  # type: ignore[list-item]
    bench.inbox.put((FACT,))
    bench.loop.start()
    assert bench.loop.finished.wait(PATIENCE_SECONDS)
    assert bench.loop.join(PATIENCE_SECONDS)
    assert bench.failures == [bench.loop.error]
    kept = bench.loop.error
    assert kept is error or (kept is not None and kept.__cause__ is error)


def test_joining_from_its_own_thread_does_not_hang() -> None:
    bench = Bench()
    joined: list[bool] = []
    asked = threading.Event()

    def ask() -> None:
        joined.append(bench.loop.join(PATIENCE_SECONDS))
        asked.set()

    bench.inbox.ask(ask)
    bench.loop.start()
    assert asked.wait(PATIENCE_SECONDS)
    bench.end()
    assert joined == [False]
