"""One account's thread: carries out that account's commands, the urgent ones first."""

from __future__ import annotations

import threading
from itertools import count
from queue import Empty, PriorityQueue

from dhan_copy.core.requests import Query, ReadFunds, ReadKillSwitch, ReadOrders, ReadPositions, ReadQuotes, all_of
from dhan_copy.runtime.desk import Answer, Desk, Job

_LAST = 9
_READS = (Query, ReadOrders, ReadPositions, ReadFunds, ReadQuotes, ReadKillSwitch)


class Worker:
    """Owns its desk: nobody else calls the broker. It survives whatever the broker raises."""

    def __init__(self, desk: Desk, answer: Answer) -> None:
        self._desk = desk
        self._answer = answer
        self._jobs: PriorityQueue[tuple[int, int, Job | None]] = PriorityQueue()
        self._turn = count()
        self._queued: set[tuple[object, ...]] = set()
        """Reads that nobody has begun."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"dhan_copy worker {desk.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, job: Job) -> None:
        """Queue a job; never waits. At most one request per order is ever here, so the order of arrival among equals
        is all that matters. A read that is asked for again while it is queued is done once: where requests leave no room for
        lookups, what is overdue is asked for again and again."""
        if isinstance(job.command, _READS):
            if (read := all_of(job.command)) in self._queued:
                return
            self._queued.add(read)
        self._jobs.put((job.urgency, next(self._turn), job))

    def stop(self) -> None:
        """Skip the reads that are queued, answer the rest, then end. The gate is shut before, so nothing leaves."""
        self._stopping = True
        self._jobs.put((_LAST, next(self._turn), None))

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within ``timeout`` seconds."""
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    def _next(self) -> Job | None:
        """The most urgent job; while a read has to wait for its permit, whatever comes and is more urgent."""
        first, others = self._jobs.get(), []
        while first[2] is not None and not self._stopping and (wait := self._desk.wait_seconds(first[2])) > 0:
            try:
                others.append(self._jobs.get(timeout=wait))
            except Empty:
                continue
            if others[-1] < first:
                first, others[-1] = others[-1], first
        for other in others:
            self._jobs.put(other)
        return first[2]

    def _run(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            if isinstance(job.command, _READS):
                self._queued.discard(all_of(job.command))
                if self._stopping:
                    continue
            try:
                self._desk.perform(job, self._answer)
            except BaseException:
                # The desk has answered already; what it lets through (KeyboardInterrupt, SystemExit raised inside a
                # broker) must not end the thread, or this follower's exits would stop with it.
                continue
