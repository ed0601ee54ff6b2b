"""Reads accounts before anything is sent: is this the journal that their order books tell of?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from dhan_copy.core.facts import BookRead, Fact, LeaderReported, OrderReported, PositionsReported, ReadFailed
from dhan_copy.core.requests import Read, ReadOrders, ReadPositions
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderReport
from dhan_copy.runtime.accounts import Accounts
from dhan_copy.runtime.desk import Desk, Job


@frozen
class Survey:
    """What could be read; ``problems`` says by account what could not."""

    facts: Mapping[AccountName, tuple[Fact, ...]]
    problems: Mapping[AccountName, str]

    @property
    def books(self) -> dict[AccountName, tuple[OrderReport, ...]]:
        """The followers' order books, of those that were read."""
        return {
            name: tuple(fact.report for fact in facts if isinstance(fact, OrderReported))
            for name, facts in self.facts.items()
            if any(isinstance(fact, BookRead) for fact in facts)
        }

    @property
    def rows(self) -> tuple[LeaderReported, ...]:
        return tuple(fact for facts in self.facts.values() for fact in facts if isinstance(fact, LeaderReported))

    @property
    def positions(self) -> tuple[PositionsReported, ...]:
        return tuple(fact for facts in self.facts.values() for fact in facts if isinstance(fact, PositionsReported))


def of_followers(accounts: Accounts, seconds: float | None) -> Survey:
    """The order books of the live followers."""
    reads = [(f.desk, ReadOrders(account=f.name)) for f in accounts.followers if f.live]
    return _survey(reads, seconds)


def of_leaders(accounts: Accounts, seconds: float | None) -> Survey:
    """The leaders' order books, with what they hold where that can be read."""
    reads: list[tuple[Desk, Read]] = [
        (each.desk, ReadPositions(account=each.name) if each.reads_positions else ReadOrders(account=each.name))
        for each in accounts.leaders
    ]
    return _survey(reads, seconds)


def _survey(reads: Sequence[tuple[Desk, Read]], seconds: float | None) -> Survey:
    """Ask every desk: on a thread each for at most ``seconds`` in all, or one after the other on this one (None)."""
    answers: dict[AccountName, list[Fact]] = {desk.name: [] for desk, _ in reads}
    asks = [_asking(desk, read, answers[desk.name]) for desk, read in reads]
    if seconds is None:
        for ask in asks:
            ask()
    else:
        threads = [threading.Thread(target=ask, name="dhan_copy survey", daemon=True) for ask in asks]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
    facts = {name: tuple(told) for name, told in answers.items()}
    return Survey(facts, {name: problem for name, told in facts.items() if (problem := _problem(told))})


def _asking(desk: Desk, read: Read, answer: list[Fact]) -> Callable[[], None]:
    return lambda: desk.perform(Job(read), answer.extend)


def _problem(facts: Sequence[Fact]) -> str:
    failure = next((fact for fact in facts if isinstance(fact, ReadFailed)), None)
    if failure is not None:
        return failure.problem
    return "" if facts else "no answer in time"
