"""The two ways to run: with threads, and on the caller's own."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Fact,
    GapDetected,
    LeaderReported,
    OrderReported,
    RequestAccepted,
    RequestIssued,
)
from dhan_copy.core.requests import Command
from dhan_copy.errors import DhanCopyError, StoreError
from dhan_copy.protocols import Gap
from dhan_copy.runtime import kernel
from dhan_copy.runtime.accounts import Accounts, FollowerAccount, LeaderAccount
from dhan_copy.runtime.clock import SteadyClock
from dhan_copy.runtime.desk import FollowerDesk, LeaderDesk
from dhan_copy.runtime.gate import Gate
from dhan_copy.runtime.inbox import Inbox
from dhan_copy.runtime.kernel import Hooks
from dhan_copy.runtime.machine import Inline, Threads
from dhan_copy.testing.clock import VirtualClock
from tests.runtime.fakes import (
    FOLLOWER,
    LEADER,
    PATIENCE_SECONDS,
    START,
    ListStore,
    ReadingSource,
    ScriptedBroker,
    ScriptedCore,
    report,
    submit,
)

STARTED = GapDetected(account=LEADER, cause="started")


class Bench:
    """A leader and a follower around a core that answers the leader's order 1 with a placement."""

    def __init__(self) -> None:
        self.source = ReadingSource()
        self.broker = ScriptedBroker()
        self.store = ListStore()
        self.inbox = Inbox()
        self.inner = VirtualClock(START)
        self.clock = SteadyClock(self.inner)
        self.gate = Gate()
        self.failures: list[BaseException] = []
        self.warned: list[AlertRaised] = []
        self.core = ScriptedCore(self.script)
        self.accounts = Accounts(
            (LeaderAccount(LEADER, self.source, LeaderDesk(LEADER, self.source, self.source, self.clock), True),),
            (FollowerAccount(FOLLOWER, None, FollowerDesk(FOLLOWER, self.broker, self.clock, self.gate), True),),
        )
        self.hooks = Hooks(lambda entries: None, lambda entries: None, self.warned.append, lambda seconds: False)
        self.seen: set[str] = set()

    def script(self, facts: Sequence[Fact]) -> list[Command]:
        new = [f.report.order_id for f in facts if isinstance(f, LeaderReported) and f.report.order_id not in self.seen]
        self.seen.update(new)
        return [submit(int(number)) for number in new]

    def threads(self) -> Threads[ScriptedCore]:
        machine = Threads(
            lambda: self.core, self.store, self.accounts, self.clock, self.inbox, self.hooks, self.failures.append
        )
        machine.kernel.start(lambda core: (STARTED,))
        machine.start()
        return machine

    def inline(self) -> Inline[ScriptedCore]:
        machine = Inline(lambda: self.core, self.store, self.accounts, self.clock, self.inbox, self.hooks)
        machine.kernel.start(lambda core: (STARTED,))
        return machine


def test_threads_carry_a_leaders_order_to_the_broker_and_its_answer_back() -> None:
    bench = Bench()
    machine = bench.threads()
    bench.source.push(Gap("connected"), report("1"))
    bench.store.wait_for(RequestAccepted)
    assert machine.call(lambda: threading.current_thread().name) == "dhan_copy core"
    assert not machine.wait(0)
    bench.gate.close()
    machine.stop(PATIENCE_SECONDS)
    assert machine.wait(PATIENCE_SECONDS) and machine.error is None
    assert machine.call(lambda: threading.current_thread().name) == threading.current_thread().name
    assert bench.broker.calls == [submit(1)]


def test_what_is_asked_on_the_core_thread_may_raise() -> None:
    machine = Bench().threads()

    def broken() -> None:
        raise KeyError("the question")

    with pytest.raises(KeyError, match="the question"):
        machine.call(broken)
    assert machine.call(lambda: machine.call(lambda: 7)) == 7
    machine.stop(PATIENCE_SECONDS)


def test_a_question_is_answered_although_the_core_thread_gives_up_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_PAUSES_SECONDS", (0.0, 0.01))
    bench = Bench()
    machine = bench.threads()
    bench.store.fail_before = [StoreError("disk full")] * 9
    bench.inbox.put((STARTED,))
    assert machine.call(lambda: 7) == 7
    assert machine.wait(PATIENCE_SECONDS)
    assert isinstance(machine.error, StoreError) and bench.failures == [machine.error]
    machine.stop(PATIENCE_SECONDS)


def test_inline_looks_at_leaders_acts_and_looks_at_followers() -> None:
    bench = Bench()
    machine = bench.inline()
    bench.source.book = [report("1")]
    machine.look()
    assert bench.broker.calls == [submit(1)] and bench.broker.threads == {threading.current_thread().name}
    kinds = [type(fact) for fact in bench.store.facts()]
    assert kinds.index(RequestIssued) < kinds.index(RequestAccepted)
    assert BookRead in kinds[kinds.index(RequestAccepted) :] and OrderReported not in kinds
    assert machine.wait(None) and machine.error is None
    assert machine.call(lambda: 7) == 7
    machine.stop(0)
    assert list(bench.source.events()) == []


def test_inline_steps_when_it_is_time() -> None:
    bench = Bench()
    bench.core.due = lambda now: 5.0 if now.monotonic < 5 else None
    machine = bench.inline()
    assert machine.rest() == 0
    before = len(bench.core.batches)
    bench.inner.advance(5)
    machine.rest()
    assert bench.core.batches[before:] == [()]
    machine.rest()
    assert len(bench.core.batches) == before + 1


def test_inline_a_core_that_asks_for_the_past_comes_to_rest() -> None:
    bench = Bench()
    bench.core.due = lambda now: now.monotonic - 1
    assert bench.inline().rest() == 0


def test_inline_answers_questions_that_were_put() -> None:
    bench = Bench()
    machine = bench.inline()
    answers: list[int] = []
    bench.inbox.ask(lambda: answers.append(7))
    machine.rest()
    assert answers == [7]


def test_inline_a_core_that_never_rests_is_an_error() -> None:
    bench = Bench()
    numbers = iter(range(1, 10_000))
    bench.core.script = lambda facts: [submit(next(numbers))]
    machine = bench.inline()
    with pytest.raises(DhanCopyError, match="rest"):
        machine.rest()
