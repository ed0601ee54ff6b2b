"""A feed tells everything, catches up after a gap before anything else, and never ends by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from dhan_copy.core.facts import (
    AlertRaised,
    Channel,
    Fact,
    GapDetected,
    LeaderReported,
    OrderReported,
    ReportUnreadable,
)
from dhan_copy.protocols import Gap, Unreadable
from dhan_copy.runtime import feed as feed_module
from dhan_copy.runtime.feed import Feed, fact_of, of_follower, of_leader
from dhan_copy.runtime.inbox import Inbox
from tests.runtime.fakes import FOLLOWER, LEADER, PATIENCE_SECONDS, ScriptedSource, report


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_FIRST_BACKOFF_SECONDS", 0.001)


class Bench:
    def __init__(self, *events: object, catch_up: Callable[[], None] | None = None) -> None:
        self.source = ScriptedSource(*events)  # type: ignore[arg-type]
        self.inbox = Inbox()
        self.feed = Feed(LEADER, self.source, of_leader(LEADER), catch_up or (lambda: None), self.inbox)
        self.facts: list[Fact] = []

    def wait_for(self, count: int) -> list[Fact]:
        while len(self.facts) < count:
            batches, _ = self.inbox.get(PATIENCE_SECONDS)
            assert batches, f"only {self.facts} came"
            self.facts += [fact for batch in batches for fact in batch]
        return self.facts

    def end(self) -> None:
        self.feed.stop()
        assert self.feed.join(PATIENCE_SECONDS)


def test_events_become_facts_in_order() -> None:
    bench = Bench(Gap("connected"), report("1"), Unreadable("no status", "{}"))
    bench.feed.start()
    assert bench.wait_for(3) == [
        GapDetected(account=LEADER, cause="connected"),
        LeaderReported(leader=LEADER, report=report("1"), channel=Channel.STREAM),
        ReportUnreadable(account=LEADER, problem="no status"),
    ]
    bench.end()


def test_a_followers_reports_are_his() -> None:
    fact = fact_of(FOLLOWER, of_follower(FOLLOWER), report("1"))
    assert fact == OrderReported(follower=FOLLOWER, report=report("1"), channel=Channel.STREAM)


@pytest.mark.parametrize("stranger", [None, "frame", {"orderNo": 1}, 7])
def test_t11_what_is_no_event_is_on_record(stranger: object) -> None:
    fact = fact_of(LEADER, of_leader(LEADER), stranger)
    assert isinstance(fact, ReportUnreadable) and type(stranger).__name__ in fact.problem


def test_after_a_gap_the_book_is_read_before_the_next_event_is_taken() -> None:
    catching_up, go_on = threading.Event(), threading.Event()

    def catch_up() -> None:
        catching_up.set()
        assert go_on.wait(PATIENCE_SECONDS)
        bench.inbox.put((GapDetected(account=LEADER, cause="the book"),))

    bench = Bench(Gap("connected"), report("1"), catch_up=catch_up)
    bench.feed.start()
    assert catching_up.wait(PATIENCE_SECONDS)
    assert [type(fact) for fact in bench.wait_for(1)] == [GapDetected]
    assert len(bench.inbox) == 0
    go_on.set()
    causes = [fact.cause if isinstance(fact, GapDetected) else "report" for fact in bench.wait_for(3)]
    assert causes == ["connected", "the book", "report"]
    bench.end()


@pytest.mark.parametrize("end", [ValueError("bad"), KeyboardInterrupt(), None])
def test_t1_a_source_that_raises_or_ends_is_started_again_with_one_alert(end: object) -> None:
    bench = Bench(end, end, report("1"))
    bench.feed.start()
    facts = bench.wait_for(4)
    assert [type(fact) for fact in facts] == [GapDetected, AlertRaised, GapDetected, LeaderReported]
    assert bench.source.starts == 3
    bench.end()


def test_a_loss_says_that_the_source_is_gone_and_a_gap_what_the_source_says() -> None:
    bench = Bench(Gap("lost", connected=False), Gap("connected"), ValueError("1"))
    bench.feed.start()
    gaps = [fact for fact in bench.wait_for(4) if isinstance(fact, GapDetected)]
    assert [gap.connected for gap in gaps] == [False, True, False]
    bench.end()


def test_a_source_that_works_again_is_alerted_about_again() -> None:
    bench = Bench(ValueError("1"), report("1"), ValueError("2"))
    bench.feed.start()
    assert [type(fact) for fact in bench.wait_for(5)] == [
        GapDetected, AlertRaised, LeaderReported, GapDetected, AlertRaised,
    ]  # fmt: skip
    bench.end()


def test_a_catch_up_that_raises_does_not_end_the_feed() -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    bench = Bench(Gap("connected"), report("1"), catch_up=broken)
    bench.feed.start()
    assert isinstance(bench.wait_for(4)[-1], LeaderReported)
    bench.end()


def test_a_source_whose_close_raises_is_on_record() -> None:
    bench = Bench()
    bench.source.close_error = OSError("socket")
    bench.feed.start()
    bench.end()
    (fact,) = bench.wait_for(1)
    assert isinstance(fact, GapDetected) and "OSError" in fact.cause


def test_stopping_while_it_waits_to_start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_FIRST_BACKOFF_SECONDS", 1000.0)
    bench = Bench(ValueError("x"))
    bench.feed.start()
    bench.wait_for(2)
    bench.end()


def test_events_that_come_after_the_stop_are_left() -> None:
    bench = Bench()
    bench.feed.start()
    bench.feed.stop()
    assert bench.feed.join(PATIENCE_SECONDS)
    assert bench.facts == []
    assert Bench().feed.join(0)
