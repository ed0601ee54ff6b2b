"""Somebody puts an old copy of the journal back, or none: it is refused where the books show more, and rebuilt or gone on
from."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import Entry, Fact, LeaderReported, OrderReported, PositionsReported, TradingState
from dhan_copy.core.lost import Books, unknown_tags
from dhan_copy.core.rebuild import rebuilt
from dhan_copy.core.state import State
from dhan_copy.model.ids import AccountName
from dhan_copy.testing.simulation.desk import LATEST_ARRIVAL_SECONDS, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from dhan_copy.testing.simulation.world import World

LATER_SECONDS = (5.0, 30.0, 200.0)
"""How old the copy is at the most."""
AWAY_SECONDS = (TIMEOUT_SECONDS + LATEST_ARRIVAL_SECONDS, 130.0)
"""Nobody puts a copy back while requests are still on their way: what it does not know of them nobody could tell."""


class OldJournal:
    """One of a world's last day: what it forgets is forgotten for good, so that no other day is judged by it."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        self.put_back_at = 0.0
        self._copy: list[Entry] = []
        self._started: set[AccountName] = set()
        self._said: dict[AccountName | None, TradingState] = {}

    def plan(self, opening: float, seconds: float) -> None:
        """Back the journal up within so many seconds, and put that back some time later."""
        self.world.timeline.at(opening + self.random.uniform(0.05, 0.5) * seconds, self._back_up)

    def _back_up(self) -> None:
        host = self.world.host
        if self.random.random() < 0.8:  # else the journal is lost, and none is put back
            self._copy, self._started, self._said = list(host.journal), set(host.started), dict(host.said)
        later = self.random.choice(LATER_SECONDS) * self.random.uniform(0.1, 1.0)
        self.world.timeline.after(later, self._take_away)

    def _take_away(self) -> None:
        if self.world.host.up:
            self.world.host.stop()
            self.world.oracle.died()
            self.world.timeline.after(self.random.uniform(*AWAY_SECONDS), self._put_back)

    def _put_back(self) -> None:
        world, host = self.world, self.world.host
        if host.up:
            return  # it has been started with the newest meanwhile
        world.faults.struck["F17"] += 1
        self.put_back_at = world.timeline.now
        tried, books = Copier(host.settings), self._books()
        tried.restore(self._copy)
        lost = unknown_tags(tried.state, books, host.clock.now())
        world.oracle.judge_refusal(self._copy[-1].position if self._copy else 0, books, lost)
        if lost and self.random.random() < 0.3:
            world.oracle.rare["an old journal, or none, was refused, and the newest put back"] += 1
        else:
            world.oracle.forget(self._copy)
            journal = "an old journal" if self._copy else "a new journal"
            world.oracle.rare[f"{journal} was {'rebuilt' if lost else 'gone on from'}"] += 1
            host.restore(self._copy, self._started, self._said)
            host.brings_back = self._rebuilt
        host.start()

    def _rebuilt(self, state: State) -> Sequence[Fact]:
        books, now = self._books(), self.world.host.clock.now()
        if not unknown_tags(state, books, now):
            return ()
        leader = self.world.desks[self.world.leader.name].whole(now)
        rows = [fact for fact in leader if isinstance(fact, LeaderReported)]
        return rebuilt(state, rows, [fact for fact in leader if isinstance(fact, PositionsReported)], (), books, now)

    def _books(self) -> Books:
        world, now = self.world, self.world.host.clock.now()
        rows = {name: world.desks[name].whole(now) for name in world.names}
        return {name: [fact.report for fact in facts if isinstance(fact, OrderReported)] for name, facts in rows.items()}
