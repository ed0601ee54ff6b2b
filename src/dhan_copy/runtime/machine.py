"""Core, journal and accounts put together: once with threads, once on the caller's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Waiting
from typing import Generic, TypeVar, cast

from attrs import evolve

from dhan_copy.core.requests import Command, ReadOrders
from dhan_copy.errors import DhanCopyError
from dhan_copy.protocols import Store
from dhan_copy.runtime.accounts import Accounts
from dhan_copy.runtime.clock import SteadyClock
from dhan_copy.runtime.dispatch import InlineDispatch, ThreadedDispatch
from dhan_copy.runtime.feed import Feed
from dhan_copy.runtime.inbox import Batch, Inbox
from dhan_copy.runtime.kernel import Core, CoreT, Hooks, Kernel
from dhan_copy.runtime.loop import Loop

Answer = TypeVar("Answer")
_ROUNDS = 1_000
"""Turns that one call may take before it is plain that the core does not come to rest."""


class Threads(Generic[CoreT]):
    """A thread for the core, one per account, one per source."""

    def __init__(
        self,
        make: Callable[[], CoreT],
        store: Store,
        accounts: Accounts,
        clock: SteadyClock,
        inbox: Inbox,
        hooks: Hooks,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._accounts = accounts
        self._inbox = inbox
        self._stopping = threading.Event()
        self._dispatch = ThreadedDispatch(accounts.desks, inbox.put, clock)
        hooks = evolve(hooks, pause=lambda seconds: not self._stopping.wait(seconds))
        self.kernel: Kernel[CoreT] = Kernel(make, store, self._dispatch, clock, hooks)
        self._loop = Loop(cast(Kernel[Core], self.kernel), inbox, clock, self._stopping, failed)
        self._feeds: list[Feed] = []

    @property
    def error(self) -> BaseException | None:
        """Why the core's thread gave up."""
        return self._loop.error

    def start(self) -> None:
        """Begin, once the kernel has started: sources last, so that whatever they tell finds everything in place."""
        self._dispatch.start()
        self._loop.start()
        feeds = [leader.feed(self._inbox) for leader in self._accounts.leaders]
        feeds += [feed for f in self._accounts.followers if (feed := f.feed(self._inbox)) is not None]
        for feed in feeds:
            self._feeds.append(feed)
            feed.start()

    def wait(self, timeout: float | None) -> bool:
        """Whether the core's thread has ended within ``timeout`` seconds."""
        return self._loop.finished.wait(timeout)

    def call(self, what: Callable[[], Answer]) -> Answer:
        """The answer of ``what``, asked on the core's thread after everything that is already in the inbox."""
        if self._loop.thread is threading.current_thread() or not self._loop.thread.is_alive():
            return what()
        future: Future[Answer] = Future()

        def ask() -> None:
            try:
                future.set_result(what())
            except BaseException as error:
                future.set_exception(error)

        self._inbox.ask(ask)
        while True:
            try:
                return future.result(timeout=0.5)
            except Waiting:
                if not self._loop.thread.is_alive() and not future.done():
                    return what()

    def stop(self, timeout: float) -> None:
        """End every thread, waiting for answers under way, and journal those that came. The gates are shut before."""
        end = time.monotonic() + timeout
        self._stopping.set()
        ended = self._loop.join(timeout)
        for feed in self._feeds:
            feed.stop()
        self._dispatch.stop(end - time.monotonic())
        for feed in self._feeds:
            feed.join(end - time.monotonic())
        if ended and self.error is None:
            self.kernel.settle(_left(self._inbox))


class Inline(Generic[CoreT]):
    """No threads at all: everything happens in :meth:`rest`, at the time that the clock shows."""

    def __init__(
        self,
        make: Callable[[], CoreT],
        store: Store,
        accounts: Accounts,
        clock: SteadyClock,
        inbox: Inbox,
        hooks: Hooks,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._inbox = inbox
        self._dispatch = InlineDispatch(accounts.desks, inbox.put, clock)
        self.kernel: Kernel[CoreT] = Kernel(make, store, self._dispatch, clock, hooks)

    @property
    def error(self) -> BaseException | None:
        return None

    def wait(self, timeout: float | None) -> bool:
        return True

    def call(self, what: Callable[[], Answer]) -> Answer:
        """The answer of ``what``, after everything that is already in the inbox."""
        self.rest()
        return what()

    def look(self) -> None:
        """Read what the leaders do, act on it, then read what became of that at the followers."""
        for leader in self._accounts.leaders:
            self._inbox.put(leader.pending())
            leader.catch_up(self._inbox.put)
        self.rest()
        for _ in range(_ROUNDS):
            for follower in self._accounts.followers:
                self._inbox.put(follower.pending())
            self._read_books()
            if self.rest() == 0:
                return

    def rest(self) -> int:
        """Take turns and carry out commands until nothing is left; returns how many requests that were.

        Raises ``DhanCopyError`` when the core does not come to rest.
        """
        requests = 0
        for _ in range(_ROUNDS):
            batches, asks = self._inbox.get(0)
            if batches or self._overdue():
                self.kernel.turn(batches)
            for ask in asks:
                ask()
            requests += self._dispatch.run()
            if not len(self._inbox) and (self.kernel.idle or not self._overdue()):
                return requests
        raise DhanCopyError(f"the core did not come to rest in {_ROUNDS} turns", advice="Please report this.")

    def stop(self, timeout: float) -> None:
        """Close the sources and journal the answers that came."""
        self._accounts.close()
        self.kernel.settle(_left(self._inbox))

    def _overdue(self) -> bool:
        return self.kernel.due is not None and self.kernel.due <= self._clock.monotonic()

    def _read_books(self) -> None:
        reads: list[Command] = [ReadOrders(account=f.name) for f in self._accounts.followers if f.live]
        self._dispatch.hand_over(reads)


def _left(inbox: Inbox) -> list[Batch]:
    left: list[Batch] = []
    while len(inbox):
        left += inbox.get(0)[0]
    return left
