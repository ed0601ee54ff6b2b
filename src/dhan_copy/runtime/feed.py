"""One thread per event source: turns what it tells into facts, and keeps it going."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from dhan_copy.core.facts import AlertRaised, Channel, Fact, GapDetected, LeaderReported, OrderReported, ReportUnreadable
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderReport
from dhan_copy.protocols import EventSource, Gap, SourceEvent, Unreadable
from dhan_copy.runtime.desk import words
from dhan_copy.runtime.inbox import Inbox

_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0

Understood = Callable[[OrderReport], Fact]


def of_leader(name: AccountName) -> Understood:
    return lambda report: LeaderReported(leader=name, report=report, channel=Channel.STREAM)


def of_follower(name: AccountName) -> Understood:
    return lambda report: OrderReported(follower=name, report=report, channel=Channel.STREAM)


def fact_of(name: AccountName, understood: Understood, event: object) -> Fact:
    """The fact for an event; what is no event at all becomes a ``ReportUnreadable``."""
    match event:
        case OrderReport():
            return understood(event)
        case Gap():
            return GapDetected(account=name, cause=event.cause, connected=event.connected)
        case Unreadable():
            return ReportUnreadable(account=name, problem=event.problem, raw=event.raw)
        case _:
            return ReportUnreadable(account=name, problem=f"the source yielded {type(event).__name__}")


class Feed:
    """Iterates ``source.events()``. After a gap it calls ``catch_up`` (read the book) before it takes the next event:
    the socket is open by then and holds the frames meanwhile. A source that raises or ends is started again."""

    def __init__(
        self,
        name: AccountName,
        source: EventSource,
        understood: Understood,
        catch_up: Callable[[], None],
        inbox: Inbox,
    ) -> None:
        self._name = name
        self._source = source
        self._understood = understood
        self._catch_up = catch_up
        self._inbox = inbox
        self._stopped = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"dhan_copy feed {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Have the source end its events."""
        self._stopped.set()
        try:
            self._source.close()
        except Exception as error:
            self._inbox.put((GapDetected(account=self._name, cause=f"closing the source failed: {words(error)}"),))

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within ``timeout`` seconds."""
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                for event in self._source.events():
                    if self._stopped.is_set():
                        return
                    self._take(event)
                problem = "the source ended by itself"
            except BaseException as error:
                problem = words(error)
            if self._stopped.is_set():
                return
            self._failed(problem)

    def _take(self, event: SourceEvent) -> None:
        self._inbox.offer((fact_of(self._name, self._understood, event),), self._stopped)
        if isinstance(event, Gap):
            self._catch_up()
        else:
            self._failures = 0

    def _failed(self, problem: str) -> None:
        facts: list[Fact] = [GapDetected(account=self._name, cause=problem, connected=False)]
        if self._failures == 0:
            facts.append(
                AlertRaised(
                    code="SOURCE_FAILED",
                    what=f"The order feed of {self._name} stopped: {problem}",
                    known="It is started again, and the order book is read after that.",
                    advice="Check network and access token if this lasts.",
                    account=self._name,
                )
            )
        self._inbox.offer(tuple(facts), self._stopped)
        longest = min(_FIRST_BACKOFF_SECONDS * 2.0**self._failures, _LONGEST_BACKOFF_SECONDS)
        self._failures = min(self._failures + 1, 16)
        self._stopped.wait(random.uniform(longest / 2, longest))
