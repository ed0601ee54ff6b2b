"""Accounts as they are opened: what they can tell at once, and how a leader catches up."""

from __future__ import annotations

from collections.abc import Sequence

from dhan_copy.core.facts import BookRead, GapDetected, LeaderReported, OrderReported, PositionsReported
from dhan_copy.protocols import Gap, SourceEvent
from dhan_copy.runtime.accounts import Accounts, FollowerAccount, LeaderAccount
from dhan_copy.runtime.desk import FollowerDesk, LeaderDesk
from dhan_copy.runtime.gate import Gate
from dhan_copy.runtime.inbox import Batch, Inbox
from dhan_copy.testing.clock import VirtualClock
from tests.runtime.fakes import (
    FOLLOWER,
    LEADER,
    PATIENCE_SECONDS,
    START,
    ReadingSource,
    ScriptedBroker,
    ScriptedSource,
    report,
)

CLOCK = VirtualClock(START)


class PendingSource(ScriptedSource):
    def take(self) -> Sequence[SourceEvent]:
        if self.error is not None:
            raise self.error
        return [Gap("connected"), report("1")]


def leader(source: ScriptedSource) -> LeaderAccount:
    reader = source if isinstance(source, ReadingSource) else None
    return LeaderAccount(LEADER, source, LeaderDesk(LEADER, source, reader, CLOCK), reader is not None)


def follower(source: ScriptedSource | None) -> FollowerAccount:
    return FollowerAccount(FOLLOWER, source, FollowerDesk(FOLLOWER, ScriptedBroker(), CLOCK, Gate()), live=True)


def test_a_leader_catches_up_with_his_book_and_what_he_holds_in_one_batch() -> None:
    batches: list[Batch] = []
    source = ReadingSource()
    source.book = [report("1")]
    leader(source).catch_up(batches.append)
    assert [type(fact) for fact in batches[0]] == [LeaderReported, BookRead, PositionsReported]
    leader(ScriptedSource()).catch_up(batches.append)
    assert [type(fact) for fact in batches[1]] == [BookRead]


def test_what_a_source_can_tell_at_once() -> None:
    assert [type(fact) for fact in leader(PendingSource()).pending()] == [GapDetected, LeaderReported]
    assert [type(fact) for fact in follower(PendingSource()).pending()] == [GapDetected, OrderReported]
    assert leader(ScriptedSource()).pending() == () and follower(None).pending() == ()
    broken = PendingSource()
    broken.error = ValueError("broken")
    assert leader(broken).pending() == (GapDetected(account=LEADER, cause="ValueError: broken"),)


def test_the_feeds_of_a_leader_and_of_a_follower() -> None:
    inbox = Inbox()
    source, own = ReadingSource(Gap("connected")), ScriptedSource(Gap("connected"))
    feeds = [leader(source).feed(inbox), follower(own).feed(inbox)]
    assert follower(None).feed(inbox) is None
    seen: set[str] = set()
    for feed in feeds:
        assert feed is not None
        feed.start()
    while len(seen) < 4:
        batches, _ = inbox.get(PATIENCE_SECONDS)
        assert batches
        seen |= {f"{type(fact).__name__} {getattr(fact, 'account', '')}" for batch in batches for fact in batch}
    assert seen == {"GapDetected L", "GapDetected F", "BookRead L", "PositionsReported L"}
    for feed in feeds:
        assert feed is not None
        feed.stop()
        assert feed.join(PATIENCE_SECONDS)


def test_closing_closes_every_source_whatever_one_raises() -> None:
    sources = [ScriptedSource(), ScriptedSource()]
    sources[0].close_error = OSError()
    accounts = Accounts((leader(sources[0]),), (follower(sources[1]), follower(None)))
    accounts.close()
    assert [list(source.events()) for source in sources] == [[], []]
    assert set(accounts.desks) == {LEADER, FOLLOWER}
