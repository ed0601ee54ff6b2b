"""The seam between the core's commands and whoever carries them out: threads, or the caller's own."""

from __future__ import annotations

import heapq
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Protocol

from typing_extensions import assert_never

from dhan_copy.core.requests import Cancel, Command, Modify, Query, ReadFunds, ReadOrders, ReadPositions, Submit
from dhan_copy.model.ids import AccountName
from dhan_copy.protocols import Clock
from dhan_copy.runtime.desk import Answer, Desk, Job
from dhan_copy.runtime.worker import Worker


class Dispatch(Protocol):
    """Takes commands whose entries are durable, and answers every one of them with facts."""

    def hand_over(self, commands: Sequence[Command]) -> None:
        """Never waits for an answer."""
        ...


def account_of(command: Command) -> AccountName:
    match command:
        case Submit() | Modify() | Cancel() | Query():
            return command.follower
        case ReadOrders() | ReadPositions() | ReadFunds():
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
    """No threads: commands wait until :meth:`run` carries them out, the urgent ones first."""

    def __init__(self, desks: Mapping[AccountName, Desk], answer: Answer, clock: Clock) -> None:
        self._clock = clock
        self._desks = desks
        self._answer = answer
        self._jobs: list[tuple[int, int, Job]] = []
        self._turn = count()

    def hand_over(self, commands: Sequence[Command]) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for command in commands:
            job = Job.of(command, now, monotonic)
            heapq.heappush(self._jobs, (job.urgency, next(self._turn), job))

    def run(self) -> int:
        """Carry out what is queued and return how many requests (not reads) that were."""
        requests = 0
        while self._jobs:
            job = heapq.heappop(self._jobs)[2]
            requests += isinstance(job.command, (Submit, Modify, Cancel))
            self._desks[account_of(job.command)].perform(job, self._answer)
        return requests
