"""An account's stream of order updates, and what can go wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from dhan_copy.core.facts import Fact, GapDetected
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderReport
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.host import Host
from dhan_copy.testing.simulation.timeline import Timeline

WATCHDOG_SECONDS = 60.0
FLOOD = 300


class Feed:
    """One connection after another. Every one begins with a gap, and with a look at the book after it."""

    def __init__(
        self,
        timeline: Timeline,
        random: Random,
        faults: Faults,
        host: Host,
        name: AccountName,
        understood: Callable[[OrderReport], Fact],
        catch_up: Callable[[], None],
    ) -> None:
        self.timeline, self.random, self.faults, self.host = timeline, random, faults, host
        self.name = name
        self.understood = understood
        self.catch_up = catch_up
        self.latency_seconds = random.choice((0.005, 0.05, 0.3))
        self.connected = False
        self.silent = False
        self._life = 0
        self._last = 0.0
        self._told: list[OrderReport] = []
        self.told_again: Counter[OrderReport] = Counter()
        """How often a flood has told an update once more."""

    def connect(self) -> None:
        """Open the socket, then look: what happens meanwhile is not lost."""
        self._life = self.host.life
        self.connected, self.silent = True, False
        self._told.clear()
        self.host.put(GapDetected(account=self.name, cause="connected"))
        self.catch_up()

    def drop(self) -> None:
        self.connected = False

    def heal(self) -> None:
        if not self.connected or self.silent:
            self.connected = False
            self._again(0.0)

    def _again(self, seconds: float) -> None:
        life = self.host.life

        def reconnect() -> None:
            if life == self.host.life and self.host.up and not self.connected:
                self.connect()

        self.timeline.after(seconds, reconnect)

    def tell(self, report: OrderReport) -> None:
        """An update leaves the broker."""
        if not self.connected or self._life != self.host.life:
            return
        strike = self.faults.strike
        if self.silent:
            return
        if strike("F20"):
            self.connected = False
            self._again(self.random.uniform(0.5, 30.0))
            return
        if strike("F21"):
            self._fall_silent()
            return
        if strike("F27"):
            return
        at = max(self._last, self.timeline.now + self.latency_seconds * self.random.uniform(0.5, 1.5))
        if strike("F28"):
            at = self.timeline.now + self.random.uniform(1.0, 60.0)
        elif strike("F23"):
            at = self.timeline.now + self.random.uniform(0.0, 2.0)
        else:
            self._last = at
        twice = strike("F44")
        self._deliver(at, (report, report) if twice else (report,))
        if strike("F22"):
            self._deliver(at + self.random.uniform(0.0, 5.0), (report,))
        if self.faults.rates.get("F25"):
            self._told = [*self._told[-FLOOD:], report]
            if strike("F25"):
                self.told_again.update(self._told)
                for old in self._told:
                    self._deliver(at + self.random.uniform(0.0, 0.3), (old,))

    def _fall_silent(self) -> None:
        self.silent = True
        life = self.host.life

        def watchdog() -> None:
            if life == self.host.life and self.silent:
                self.connected = False
                self._again(self.random.uniform(0.5, 5.0))

        self.timeline.after(WATCHDOG_SECONDS, watchdog)

    def _deliver(self, at: float, reports: tuple[OrderReport, ...]) -> None:
        life = self.host.life

        def arrive() -> None:
            if life == self.host.life:
                self.host.put(*(self.understood(report) for report in reports))

        self.timeline.at(at, arrive)
