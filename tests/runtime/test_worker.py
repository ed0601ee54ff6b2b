"""A worker does the urgent things first, survives its broker, and ends when it is told."""

from __future__ import annotations

import threading

import pytest

from dhan_copy.core.facts import OutcomeUnresolved, RequestWithheld
from dhan_copy.core.requests import Cancel, Intent, Query, ReadFunds, ReadOrders, Submit
from dhan_copy.runtime.desk import FollowerDesk, Job
from dhan_copy.runtime.gate import Gate
from dhan_copy.runtime.inbox import Batch
from dhan_copy.runtime.worker import Worker
from dhan_copy.testing.clock import VirtualClock
from tests.runtime.fakes import FOLLOWER, PATIENCE_SECONDS, START, ScriptedBroker, cancel, submit, tag


class Bench:
    def __init__(self) -> None:
        self.broker = ScriptedBroker()
        self.gate = Gate()
        self.answers: list[Batch] = []
        self.worker = Worker(FollowerDesk(FOLLOWER, self.broker, VirtualClock(START), self.gate), self.answers.append)

    def end(self) -> None:
        self.worker.stop()
        assert self.worker.join(PATIENCE_SECONDS)


def test_cancels_then_exits_then_entries_then_reads() -> None:
    bench = Bench()
    for command in (
        ReadOrders(account=FOLLOWER),
        submit(1),
        submit(2),
        submit(3, intent=Intent.EXIT),
        cancel(4),
    ):
        bench.worker.put(Job(command))
    bench.worker.start()
    bench.broker.wait_for(4)
    bench.end()
    order = [type(call) if isinstance(call, Cancel) else call.intent for call in bench.broker.calls]
    assert order == [Cancel, Intent.EXIT, Intent.ENTRY, Intent.ENTRY]
    entries = [call for call in bench.broker.calls if isinstance(call, Submit) and call.intent is Intent.ENTRY]
    assert [call.leader_order_id for call in entries] == ["1", "2"]


def test_a_read_that_is_asked_for_again_while_it_is_queued_is_done_once_and_again_after_that() -> None:
    bench = Bench()
    lookup = Query(follower=FOLLOWER, client_order_id=tag())
    for _ in range(3):
        bench.worker.put(Job(lookup))
    bench.worker.put(Job(Query(follower=FOLLOWER, client_order_id=tag(2))))
    bench.worker.put(Job(Query(follower=FOLLOWER, client_order_id=tag(), linked=True)))
    bench.worker.start()
    bench.broker.wait_for_reads(6)
    bench.worker.put(Job(lookup))
    bench.broker.wait_for_reads(8)
    bench.end()
    assert bench.broker.reads.count("find") == 4, "one with the list of super orders is another"


def test_everything_of_one_account_happens_on_its_own_thread() -> None:
    bench = Bench()
    bench.worker.start()
    bench.worker.put(Job(submit()))
    bench.broker.wait_for(1)
    bench.worker.put(Job(ReadOrders(account=FOLLOWER)))
    bench.worker.put(Job(submit(2)))
    bench.broker.wait_for(2)
    bench.end()
    assert bench.broker.threads == {f"dhan_copy worker {FOLLOWER}"}


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(), MemoryError()])
def test_it_survives_whatever_the_broker_raises(error: BaseException) -> None:
    bench = Bench()
    bench.broker.error = error
    bench.worker.start()
    bench.worker.put(Job(submit(1)))
    bench.worker.put(Job(submit(2)))
    bench.broker.wait_for(2)
    bench.end()
    assert [type(batch[0]) for batch in bench.answers] == [OutcomeUnresolved, OutcomeUnresolved]


def test_stopping_answers_what_is_queued_and_skips_reads() -> None:
    bench = Bench()
    bench.broker.gate.clear()
    bench.worker.start()
    bench.worker.put(Job(submit(1)))
    bench.broker.wait_for(1)
    bench.worker.put(Job(submit(2)))
    bench.worker.put(Job(ReadOrders(account=FOLLOWER)))
    bench.gate.close()
    bench.worker.stop()
    assert not bench.worker.join(0.01)
    bench.broker.gate.set()
    assert bench.worker.join(PATIENCE_SECONDS)
    assert [type(batch[0]).__name__ for batch in bench.answers] == ["RequestAccepted", "RequestWithheld"]
    assert isinstance(bench.answers[1][0], RequestWithheld)
    assert bench.broker.reads == []


def test_joining_from_its_own_thread_or_before_the_start_does_not_hang() -> None:
    bench = Bench()
    assert bench.worker.join(0)
    joined: list[bool] = []
    done = threading.Event()

    def answer(batch: Batch) -> None:
        joined.append(bench.worker.join(PATIENCE_SECONDS))
        done.set()

    bench.worker = Worker(FollowerDesk(FOLLOWER, bench.broker, VirtualClock(START), bench.gate), answer)
    bench.worker.start()
    bench.worker.put(Job(submit()))
    assert done.wait(PATIENCE_SECONDS)
    bench.end()
    assert joined == [False]


class PacedBroker(ScriptedBroker):
    """Lets no read leave until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.asked = threading.Semaphore(0)
        self.counts: list[int] = []

    def limit_reads(self, per_second: int) -> None: ...

    def reads_wait_seconds(self, count: int) -> float:
        self.counts.append(count)
        self.asked.release()
        return 0.0 if self.open.is_set() else 60.0


def test_a_read_that_waits_for_its_permit_holds_up_nothing_that_is_more_urgent() -> None:
    bench, broker = Bench(), PacedBroker()
    bench.worker = Worker(FollowerDesk(FOLLOWER, broker, VirtualClock(START), bench.gate), bench.answers.append)
    bench.worker.start()
    bench.worker.put(Job(ReadOrders(account=FOLLOWER, linked=True)))
    assert broker.asked.acquire(timeout=PATIENCE_SECONDS)
    bench.worker.put(Job(ReadFunds(account=FOLLOWER)))
    bench.worker.put(Job(submit(1)))
    bench.worker.put(Job(cancel(2)))
    broker.wait_for(2)
    assert broker.reads == []
    assert set(broker.counts) == {2}
    broker.open.set()
    bench.worker.put(Job(Query(follower=FOLLOWER, client_order_id=tag())))
    with broker.arrived:
        assert broker.arrived.wait_for(lambda: len(broker.reads) >= 3, PATIENCE_SECONDS)
    bench.end()
    assert [type(batch[0]).__name__ for batch in bench.answers[:2]] == ["RequestAccepted", "RequestAccepted"]
    assert sorted(broker.reads) == ["find", "orders", "orders"]


def test_a_read_that_waits_for_its_permit_does_not_keep_the_worker_from_ending() -> None:
    bench, broker = Bench(), PacedBroker()
    bench.worker = Worker(FollowerDesk(FOLLOWER, broker, VirtualClock(START), bench.gate), bench.answers.append)
    bench.worker.start()
    bench.worker.put(Job(ReadOrders(account=FOLLOWER)))
    assert broker.asked.acquire(timeout=PATIENCE_SECONDS)
    bench.end()
    assert broker.reads == []
