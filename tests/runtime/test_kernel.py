"""Journal, then act: nothing leaves that is not durable, and a failing store sends nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    AlertRaised,
    Entry,
    Fact,
    GapDetected,
    Moment,
    OutcomeUnresolved,
    RequestAccepted,
    RequestIssued,
    RequestWithheld,
)
from dhan_copy.core.requests import Cancel, Command, Modify, ReadOrders, Submit
from dhan_copy.errors import DhanCopyError, StoreError
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.runtime.clock import SteadyClock
from dhan_copy.runtime.kernel import Hooks, Kernel
from dhan_copy.testing.clock import VirtualClock
from tests.runtime.fakes import FOLLOWER, LEADER, START, ListStore, Plan, ScriptedCore, cancel, submit, tag

GO = GapDetected(account=LEADER, cause="go")
STARTED = GapDetected(account=LEADER, cause="started")


class Bench:
    """A kernel whose core issues ``commands`` for the fact GO, and a dispatch that only takes note."""

    def __init__(self, *commands: Command) -> None:
        self.commands = commands
        self.store = ListStore()
        self.cores: list[ScriptedCore] = []
        self.sent: list[Command] = []
        self.durable_when_sent: list[int] = []
        self.committed: list[Entry] = []
        self.told: list[Entry] = []
        self.warned: list[AlertRaised] = []
        self.pauses: list[float] = []
        self.go_on = True
        hooks = Hooks(self.committed.extend, self.told.extend, self.warned.append, self._pause)
        self.kernel = Kernel(self._make, self.store, self, SteadyClock(VirtualClock(START)), hooks)

    def _make(self) -> ScriptedCore:
        core = ScriptedCore(lambda facts: self.commands if GO in facts else ())
        self.cores.append(core)
        return core

    def _pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return self.go_on

    def hand_over(self, commands: Sequence[Command]) -> None:
        issued = {fact.request for fact in self.store.facts(RequestIssued) if isinstance(fact, RequestIssued)}
        for command in commands:
            assert not isinstance(command, (Submit, Modify, Cancel)) or command in issued, "sent before it was durable"
        self.sent += commands

    def facts(self) -> list[Fact]:
        return self.store.facts()


def test_entries_are_durable_before_their_commands_leave() -> None:
    bench = Bench(submit(), cancel(2), ReadOrders(account=FOLLOWER))
    bench.kernel.turn([(GO,)])
    assert bench.sent == list(bench.commands)
    assert [entry.fact for entry in bench.committed] == bench.facts() and bench.told == bench.committed
    assert not bench.kernel.idle
    bench.kernel.turn([])
    assert bench.kernel.idle


@pytest.mark.parametrize("error", [StoreError("disk full"), OSError(28, "no space"), MemoryError(), ValueError("x")])
def test_t7_a_store_that_cannot_commit_sends_nothing(error: Exception) -> None:
    bench = Bench(submit())
    bench.store.fail_before = [error] * 20
    with pytest.raises(StoreError) as raised:
        bench.kernel.turn([(GO,)])
    assert raised.value is error or raised.value.__cause__ is error
    assert bench.sent == [] and bench.facts() == []
    assert {alert.code for alert in bench.warned} == {"STORE_FAILED"}


def test_t7_a_commit_that_failed_once_is_tried_again_and_sent_once() -> None:
    bench = Bench(submit())
    bench.store.fail_before = [StoreError("busy"), StoreError("busy")]
    bench.kernel.turn([(GO,)])
    assert bench.sent == [submit()]
    assert bench.facts() == [GO, RequestIssued(request=submit())]
    assert bench.kernel.core is bench.cores[-1] and len(bench.cores) > 2


def test_a_commit_that_landed_all_the_same_sends_nothing_and_says_so() -> None:
    bench = Bench(submit(), cancel(2), ReadOrders(account=FOLLOWER))
    bench.store.fail_after = [StoreError("connection lost during COMMIT")]
    bench.kernel.turn([(GO,)])
    assert bench.sent == []
    assert [type(fact) for fact in bench.facts()] == [
        GapDetected, RequestIssued, RequestIssued, RequestWithheld, RequestWithheld,
    ]  # fmt: skip
    assert bench.kernel.core.position == 5


@given(st.lists(st.sampled_from(["ok", "before", "after"]), min_size=1, max_size=6))
def test_whatever_the_store_does_each_request_is_sent_once_or_withheld(outcomes: list[str]) -> None:
    """Invariants 1, 7 and 19 of the journal, for every sequence of failures that heals in time."""
    bench = Bench(submit())
    failures = 0

    def append(entries: Sequence[Entry]) -> int:
        nonlocal failures
        outcome = outcomes.pop(0) if outcomes and failures < 3 else "ok"
        failures += outcome != "ok"
        if outcome == "before":
            raise StoreError("before")
        result = ListStore.append(bench.store, entries)
        if outcome == "after":
            raise StoreError("after")
        return result

    bench.store.append = append  # type: ignore[method-assign]
    bench.kernel.turn([(GO,)])
    issued = [fact for fact in bench.facts() if isinstance(fact, RequestIssued)]
    withheld = [fact for fact in bench.facts() if isinstance(fact, RequestWithheld)]
    assert len(issued) == 1
    assert len(bench.sent) + bool(withheld) == 1
    assert [entry.position for entry in bench.store.entries] == list(range(1, len(bench.facts()) + 1))


def test_it_gives_up_at_once_when_the_engine_is_being_stopped() -> None:
    bench = Bench(submit())
    bench.go_on = False
    bench.store.fail_before = [StoreError("busy")]
    with pytest.raises(StoreError):
        bench.kernel.turn([(GO,)])
    assert bench.sent == [] and len(bench.pauses) == 1


def test_a_journal_that_cannot_be_read_again_ends_it() -> None:
    bench = Bench(submit())
    bench.store.fail_before = [StoreError("disk")]
    bench.store.unreadable = StoreError("gone")
    with pytest.raises(StoreError, match="gone"):
        bench.kernel.turn([(GO,)])
    assert bench.sent == []


def test_a_journal_that_cannot_be_folded_is_a_store_error() -> None:
    bench = Bench()
    bench.store.unreadable = KeyError("type")
    with pytest.raises(StoreError, match="folded"):
        bench.kernel.open()


def test_starting_folds_the_journal_and_then_takes_what_started_says() -> None:
    first = Bench(submit())
    first.kernel.turn([(GO,)])
    second = Bench()
    second.store = first.store
    second.kernel = Kernel(
        second._make, first.store, second, SteadyClock(VirtualClock(START)),
        Hooks(second.committed.extend, second.told.extend, second.warned.append, second._pause),
    )  # fmt: skip
    second.kernel.start(lambda core: (GapDetected(account=LEADER, cause=str(core.position)),))
    assert second.facts()[-1] == GapDetected(account=LEADER, cause="2")


def test_a_turn_that_was_interrupted_begins_again_from_the_journal() -> None:
    bench = Bench(submit())
    bench.kernel.start(lambda core: (STARTED,))
    bench.store.fail_before = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        bench.kernel.turn([(GO,)])
    assert bench.sent == [] and bench.facts() == [STARTED]
    bench.kernel.turn([])
    assert bench.facts() == [STARTED, STARTED]
    bench.kernel.turn([])
    assert bench.facts() == [STARTED, STARTED]


class Faulty(ScriptedCore):
    """A core with a bug: it cannot take facts with the cause "poison"."""

    def step(self, now: Moment, facts: Sequence[Fact]) -> Plan:
        if any(isinstance(fact, GapDetected) and fact.cause == "poison" for fact in facts):
            raise ZeroDivisionError("a bug")
        if not facts:
            raise ZeroDivisionError("a bug without facts")
        return super().step(now, facts)


def test_a_fact_that_the_core_cannot_take_is_left_out_loudly_and_the_others_go_on() -> None:
    bench = Bench()
    bench._make = Faulty  # type: ignore[method-assign]
    bench.kernel = Kernel(
        Faulty, bench.store, bench, SteadyClock(VirtualClock(START)),
        Hooks(bench.committed.extend, bench.told.extend, bench.warned.append, bench._pause),
    )  # fmt: skip
    poison = GapDetected(account=FOLLOWER, cause="poison")
    bench.kernel.turn([(GO,), (poison,), (STARTED,)])
    facts = bench.facts()
    assert facts[:2] == [GO, STARTED]
    assert isinstance(facts[2], AlertRaised)
    assert (facts[2].code, facts[2].account) == ("FACT_REFUSED", FOLLOWER)
    with pytest.raises(DhanCopyError, match="the core failed"):
        bench.kernel.turn([])


def test_settling_journals_answers_and_decides_nothing() -> None:
    bench = Bench(submit())
    bench.kernel.turn([(GO,)])
    accepted = RequestAccepted(follower=FOLLOWER, client_order_id=tag(), attempt=1, broker_order_id=BrokerOrderId("B1"))
    lost = OutcomeUnresolved(follower=FOLLOWER, client_order_id=tag(2), attempt=1, problem="cut")
    bench.kernel.settle([(GO,), (accepted,), (lost,)])
    assert bench.facts()[2:] == [accepted, lost]
    assert bench.kernel.core.position == 4 and bench.kernel.core.known[-2:] == [accepted, lost]
    assert bench.sent == [submit()]
    bench.kernel.settle([(GO,)])
    assert len(bench.facts()) == 4
