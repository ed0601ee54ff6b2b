"""The accounts of an engine, opened: one desk each, and a source where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from attrs import frozen

from dhan_copy.core.facts import GapDetected
from dhan_copy.core.requests import ReadOrders, ReadPositions
from dhan_copy.model.ids import AccountName
from dhan_copy.protocols import EventSource, SourceEvent
from dhan_copy.runtime.desk import Answer, FollowerDesk, Job, LeaderDesk, words
from dhan_copy.runtime.feed import Feed, Understood, fact_of, of_follower, of_leader
from dhan_copy.runtime.inbox import Batch, Inbox


@runtime_checkable
class Pending(Protocol):
    """What an event source may offer besides: everything that is there, without waiting. For an engine without
    threads."""

    def take(self) -> Sequence[SourceEvent]: ...


@frozen
class LeaderAccount:
    name: AccountName
    source: EventSource
    desk: LeaderDesk
    reads_positions: bool

    def catch_up(self, answer: Answer) -> None:
        """Read the book and what the leader holds, on the calling thread."""
        read = ReadPositions(account=self.name) if self.reads_positions else ReadOrders(account=self.name)
        self.desk.perform(Job(read), answer)

    def feed(self, inbox: Inbox) -> Feed:
        return Feed(self.name, self.source, of_leader(self.name), lambda: self.catch_up(inbox.put), inbox)

    def pending(self) -> Batch:
        """What the source can tell at once."""
        return _pending(self.name, self.source, of_leader(self.name))


@frozen
class FollowerAccount:
    name: AccountName
    source: EventSource | None
    desk: FollowerDesk
    live: bool
    reads_positions: bool = False
    takes_forever_orders: bool = False
    takes_super_orders: bool = False
    reads_quotes: bool = False

    def feed(self, inbox: Inbox) -> Feed | None:
        """The follower's own feed. After a gap the core has the book read by the worker, which owns the broker."""
        if self.source is None:
            return None
        return Feed(self.name, self.source, of_follower(self.name), lambda: None, inbox)

    def pending(self) -> Batch:
        """What the source can tell at once."""
        return _pending(self.name, self.source, of_follower(self.name))


@frozen
class Accounts:
    leaders: tuple[LeaderAccount, ...]
    followers: tuple[FollowerAccount, ...]

    @property
    def desks(self) -> Mapping[AccountName, LeaderDesk | FollowerDesk]:
        leaders = {account.name: account.desk for account in self.leaders}
        return {**leaders, **{account.name: account.desk for account in self.followers}}

    def close(self) -> None:
        """Close every source, for an engine that has no feeds to do it."""
        sources = [leader.source for leader in self.leaders]
        for source in sources + [follower.source for follower in self.followers if follower.source is not None]:
            try:
                source.close()
            except Exception:
                continue


def _pending(name: AccountName, source: object, understood: Understood) -> Batch:
    if not isinstance(source, Pending):
        return ()
    try:
        return tuple(fact_of(name, understood, event) for event in source.take())
    except Exception as error:
        return (GapDetected(account=name, cause=words(error)),)
