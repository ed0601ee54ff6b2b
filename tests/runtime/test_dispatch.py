"""The seam: threads that do not delay each other, and the same without threads."""

from __future__ import annotations

import pytest

from dhan_copy.core.facts import OutcomeUnresolved, ReadFailed, RequestAccepted
from dhan_copy.core.requests import Cancel, Command, Query, ReadFunds, ReadOrders, ReadPositions
from dhan_copy.model.ids import AccountName
from dhan_copy.runtime.desk import Answer, FollowerDesk, Job
from dhan_copy.runtime.dispatch import InlineDispatch, ThreadedDispatch, account_of
from dhan_copy.runtime.gate import Gate
from dhan_copy.runtime.inbox import Inbox
from dhan_copy.testing.clock import VirtualClock
from tests.runtime.fakes import FOLLOWER, OTHER, PATIENCE_SECONDS, START, ScriptedBroker, cancel, submit, tag


def desks(**brokers: ScriptedBroker) -> dict[AccountName, FollowerDesk]:
    clock = VirtualClock(START)
    return {AccountName(name): FollowerDesk(AccountName(name), broker, clock, Gate()) for name, broker in brokers.items()}


def test_p15_a_follower_that_hangs_delays_nobody() -> None:
    slow, quick = ScriptedBroker(), ScriptedBroker()
    slow.gate.clear()
    inbox = Inbox()
    dispatch = ThreadedDispatch(desks(F=slow, G=quick), inbox.put, VirtualClock(START))
    dispatch.start()
    dispatch.hand_over([submit(1), submit(2, follower=OTHER), submit(3, follower=OTHER)])
    quick.wait_for(2)
    slow.wait_for(1)
    batches, _ = inbox.get(PATIENCE_SECONDS)
    assert {fact.follower for batch in batches for fact in batch if isinstance(fact, RequestAccepted)} == {OTHER}
    slow.gate.set()
    assert dispatch.stop(PATIENCE_SECONDS)


def test_stopping_says_when_a_worker_has_not_ended() -> None:
    slow = ScriptedBroker()
    slow.gate.clear()
    dispatch = ThreadedDispatch(desks(F=slow), Inbox().put, VirtualClock(START))
    dispatch.start()
    dispatch.hand_over([submit()])
    dispatch.hand_over([])
    slow.wait_for(1)
    assert not dispatch.stop(0.01)
    slow.gate.set()


def test_inline_nothing_happens_before_run_and_then_the_urgent_first() -> None:
    broker = ScriptedBroker()
    inbox = Inbox()
    dispatch = InlineDispatch(desks(F=broker), inbox.put, VirtualClock(START))
    dispatch.hand_over([ReadOrders(account=FOLLOWER), submit(), cancel(2)])
    assert broker.calls == [] and broker.reads == []
    assert dispatch.run() == 2
    assert isinstance(broker.calls[0], Cancel) and broker.reads == ["orders"]
    assert broker.threads == {"MainThread"}
    assert len(inbox) == 3
    assert dispatch.run() == 0


class Interrupted(FollowerDesk):
    """Ctrl-C, before anything was done."""

    def perform(self, job: Job, answer: Answer) -> None:
        raise KeyboardInterrupt


def test_f06_inline_what_a_ctrl_c_cut_short_is_answered_by_the_next_run() -> None:
    broker, inbox, clock = ScriptedBroker(), Inbox(), VirtualClock(START)
    interrupted = Interrupted(FOLLOWER, broker, clock, Gate())
    dispatch = InlineDispatch({FOLLOWER: interrupted, **desks(G=broker)}, inbox.put, clock)
    dispatch.hand_over([submit(1), ReadOrders(account=FOLLOWER), submit(2, follower=OTHER)])
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            dispatch.run()
    dispatch.run()
    batches, _ = inbox.get(PATIENCE_SECONDS)
    told = [fact for batch in batches for fact in batch]
    lost = [fact.client_order_id for fact in told if isinstance(fact, OutcomeUnresolved)]
    assert lost == [submit(1).client_order_id]
    assert [type(fact) for fact in told if not isinstance(fact, OutcomeUnresolved)] == [RequestAccepted, ReadFailed]
    assert dispatch.run() == 0
    assert len(inbox) == 0, "each is answered once"


def test_the_account_of_every_command() -> None:
    commands: list[Command] = [
        submit(),
        cancel(),
        Query(follower=FOLLOWER, client_order_id=tag()),
        ReadOrders(account=FOLLOWER),
        ReadPositions(account=FOLLOWER),
        ReadFunds(account=FOLLOWER),
    ]
    assert {account_of(command) for command in commands} == {FOLLOWER}
