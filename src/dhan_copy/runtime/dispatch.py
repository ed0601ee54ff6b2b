"""The seam between the core's commands and whoever carries them out: threads, or the caller's own."""

from __future__ import annotations

import heapq
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Protocol

from typing_extensions import assert_never

from dhan_copy.core.facts import Fact, Outcome
from dhan_copy.core.requests import (
    Cancel,
    Command,
    Modify,
    Query,
    ReadFunds,
    ReadKillSwitch,
    ReadMargin,
    ReadOrders,
    ReadPositions,
    ReadQuotes,
    Submit,
    TurnKillSwitch,
)
from dhan_copy.model.ids import AccountName
from dhan_copy.protocols import Clock
from dhan_copy.runtime.desk import Answer, Desk, Job, switch_answered, unresolved
from dhan_copy.runtime.reads import failed
from dhan_copy.runtime.worker import Worker


class Dispatch(Protocol):
    """Takes commands whose entries are durable, and answers every one of them with facts."""

    def hand_over(self, commands: Sequence[Command]) -> None:
        """Never waits for an answer."""
        ...


def account_of(command: Command) -> AccountName:
    match command:
        case Submit() | Modify() | Cancel() | Query() | TurnKillSwitch():
            return command.follower
        case ReadOrders() | ReadPositions() | ReadFunds() | ReadMargin() | ReadQuotes() | ReadKillSwitch():
            return command.account
    assert_never(command)


class ThreadedDispatch:
    """A worker per account: a slow one delays nobody else."""

    def __init__(self, desks: Mapping[AccountName, Desk], answer: Answer, clock: Clock) -> None:
        self._clock = clock
        self._workers = {name: Worker(desk, answer) for name, desk in desks.items()}

    def start(self) -> None:
        for worker in self._workers.values():
            worker.start()

    def hand_over(self, commands: Sequence[Command]) -> None:
        if commands:
            now, monotonic = self._clock.now(), self._clock.monotonic()
            for command in commands:
                self._workers[account_of(command)].put(Job.of(command, now, monotonic))

    def stop(self, timeout: float) -> bool:
        """End every worker once its request in flight is answered; whether all have ended in ``timeout`` seconds."""
        for worker in self._workers.values():
            worker.stop()
        end = time.monotonic() + timeout
        return all([worker.join(end - time.monotonic()) for worker in self._workers.values()])


class InlineDispatch:
    """No threads: commands wait until :meth:`run` carries them out, the urgent ones first.

    A run that is cut short (Ctrl-C in a notebook) may leave a command neither queued nor answered: the next run says
    that nobody knows what became of it.
    """

    def __init__(self, desks: Mapping[AccountName, Desk], answer: Answer, clock: Clock) -> None:
        self._clock = clock
        self._desks = desks
        self._answer = answer
        self._jobs: list[tuple[int, int, Job]] = []
        self._turn = count()
        self._owed: dict[int, Command] = {}
        """What has not been answered, by turn."""

    def hand_over(self, commands: Sequence[Command]) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for command in commands:
            job, turn = Job.of(command, now, monotonic), next(self._turn)
            self._owed[turn] = command
            heapq.heappush(self._jobs, (job.urgency, turn, job))

    def run(self) -> int:
        """Carry out what is queued and return how many requests (not reads) that were."""
        queued = {turn for _, turn, _ in self._jobs}
        for turn in [turn for turn in self._owed if turn not in queued]:
            self._answer((_cut_short(self._owed[turn]),))
            del self._owed[turn]
        requests = 0
        while self._jobs:
            _, turn, job = heapq.heappop(self._jobs)
            requests += isinstance(job.command, (Submit, Modify, Cancel))
            self._desks[account_of(job.command)].perform(job, self._answer)
            del self._owed[turn]
        return requests


def _cut_short(command: Command) -> Fact:
    match command:
        case Submit() | Modify() | Cancel():
            return unresolved(command, "it was cut short")
        case TurnKillSwitch():
            return switch_answered(command, Outcome.UNKNOWN, "it was cut short")
        case Query() | ReadOrders() | ReadPositions() | ReadFunds() | ReadMargin() | ReadQuotes() | ReadKillSwitch():
            return failed(command, "it was cut short")
    assert_never(command)
