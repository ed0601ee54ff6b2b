"""The process that copies: core, journal and inbox, with the order of acts that the runtime keeps, and its deaths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Protocol

from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import (
    CheckpointWritten,
    EngineStarted,
    Entry,
    Fact,
    Moment,
    RequestWithheld,
    SourceStarted,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.requests import Cancel, Command, Modify, Submit
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.state import State
from dhan_copy.model.ids import AccountName
from dhan_copy.runtime.clock import SteadyClock
from dhan_copy.stores.codec import decode, encode
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.timeline import MachineClock, Timeline

Batch = tuple[Fact, ...]
AT_ONCE = 256
"""Facts that one turn takes, as the inbox of the runtime does."""
STRICT = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.CLOSING: 2, TradingState.HALTED: 3}


class Watcher(Protocol):
    """Who looks over the process's shoulder."""

    def committed(self, entries: Sequence[Entry], batches: Sequence[Batch]) -> None: ...
    def handed_over(self, command: Command) -> None: ...
    def died(self) -> None: ...
    def spun(self) -> None: ...


class Host:
    """One process after another over one journal."""

    def __init__(
        self,
        timeline: Timeline,
        random: Random,
        faults: Faults,
        settings: CopierSettings,
        carry_out: Callable[[Command], None],
        watcher: Watcher,
        *,
        delay_seconds: float,
    ) -> None:
        self.timeline, self.random, self.faults = timeline, random, faults
        self.settings = settings
        self.carry_out = carry_out
        self.watcher = watcher
        self.delay_seconds = delay_seconds
        self.machine_clock = MachineClock(timeline)
        self.clock = SteadyClock(self.machine_clock)
        self.journal: list[Entry] = []
        """The day's checkpoints, and what came after the last."""
        self.copier: Copier | None = None
        self.life = 0
        self.epoch = 0
        self.stalled_until = 0.0
        self.inbox: list[Batch] = []
        self.longest_inbox = 0
        self.said: dict[AccountName | None, TradingState] = {}
        self.gates: dict[AccountName | None, TradingState] = {}
        self.started: set[AccountName] = set()
        self.brings_back: Callable[[State], Sequence[Fact]] = lambda state: ()
        """What a start says of orders that its journal has lost."""
        self.on_start: Callable[[], None] = lambda: None
        self.on_death: Callable[[], None] = lambda: None
        self._due: float | None = None
        self._turn_at: float | None = None
        self._read_back: list[Entry] = []
        self._idle_turns = 0
        self._idle_since = 0.0
        self._pause_seconds = 0.005
        """Between two turns without news; long once the core has been found to ask for them in vain."""

    @property
    def up(self) -> bool:
        return self.copier is not None

    def moment(self) -> Moment:
        return self.clock.moment()

    # Life and death

    def start(self) -> None:
        """A new process: fold the journal, say so, look at everything again."""
        if self.up:
            return
        self.life = life = self.life + 1
        self.epoch += 1
        self.clock = SteadyClock(self.machine_clock)
        self.inbox.clear()
        self._open()
        if self.faults.strike("F01", 200):
            self.die(brief=True)
            return
        known = [*(rules.name for rules in self.settings.leaders), *(rules.name for rules in self.settings.followers)]
        self._set_gates()
        facts: list[Fact] = [EngineStarted(version="simulated", epoch=self.epoch)]
        facts += [SourceStarted(account=name) for name in known if name not in self.started]
        assert self.copier is not None
        facts += self.brings_back(self.copier.state)
        self._turn([tuple(facts)])
        if life == self.life:
            self.on_start()

    def stop(self) -> None:
        """The process ends. What it had not handed over is lost with it; what is on the wire is not."""
        self.copier = None
        self.life += 1
        self.inbox.clear()
        self._due = self._turn_at = None
        self.on_death()

    def die(self, *, brief: bool = False) -> None:
        """The process dies, and comes back some time later."""
        if not self.up:
            return
        self.stop()
        self.watcher.died()
        longest = 2.0 if brief else self.random.choice((2.0, 20.0, 20.0, 200.0))
        self.timeline.after(self.random.uniform(0.5, longest), self.start)

    def restore(
        self, journal: Sequence[Entry], started: Iterable[AccountName], said: Mapping[AccountName | None, TradingState]
    ) -> None:
        """Put a copy in the place of the journal, while nothing runs."""
        self.journal[:], self.started, self.said = journal, set(started), dict(said)
        self._read_back.clear()

    def stall(self, seconds: float) -> None:
        """Stand still: sleep of the machine, SIGSTOP, a long collection of garbage."""
        self.stalled_until = max(self.stalled_until, self.timeline.now + seconds)

    def go_on(self) -> None:
        """Stand still no longer."""
        self.stalled_until = min(self.stalled_until, self.timeline.now)
        self._turn_at = None
        if self.up:
            self._plan_next()

    def _open(self) -> None:
        copier = Copier(self.settings)
        if self.faults.random.random() < 0.1:
            self._through_the_codec()
        copier.restore(self.journal)
        self.copier = copier

    def _through_the_codec(self) -> None:
        """The rows as a store would give them back."""
        for index in range(len(self.journal)):
            entry = self.journal[index]
            if index < len(self._read_back) and self._read_back[index] is entry:
                continue
            row = encode(entry.fact)
            fact = decode(row.type, row.version, row.body, row.raw, position=entry.position)
            assert fact == entry.fact, f"the codec changed {entry.fact}"
            self.journal[index] = Entry(entry.position, entry.at, fact, entry.cause)
        self._read_back = list(self.journal)

    # Turns

    def put(self, *facts: Fact) -> None:
        """Facts that belong together arrive."""
        if not self.up or not facts:
            return
        self.inbox.append(facts)
        self._plan_turn(self.timeline.now + self.delay_seconds)

    def _plan_turn(self, when: float) -> None:
        when = max(when, self.stalled_until, self.timeline.now)
        if self._turn_at is not None and self._turn_at <= when:
            return
        self._turn_at = when
        life = self.life
        self.timeline.at(when, lambda: self._wake(life, when))

    def _wake(self, life: int, when: float) -> None:
        if life != self.life or not self.up or self._turn_at != when:
            return
        self._turn_at = None
        if self.stalled_until > self.timeline.now:
            self._plan_turn(self.stalled_until)
            return
        self.longest_inbox = max(self.longest_inbox, len(self.inbox))
        if self.faults.strike("F07"):
            self.stall(self.random.choice((1.0, 7.0, 40.0, 130.0, 600.0)) * self.random.uniform(0.5, 1.0))
            self._plan_turn(self.stalled_until)
            return
        batches: list[Batch] = []
        facts = 0
        while self.inbox and facts < AT_ONCE:
            batches.append(self.inbox.pop(0))
            facts += len(batches[-1])
        if batches or (self._due is not None and self._due <= self.timeline.now):
            self._turn(batches)
        if self.up:
            self._plan_next()

    def _plan_next(self) -> None:
        if self.inbox:
            self._plan_turn(self.timeline.now + self.delay_seconds)
        elif self._due is not None:
            self._plan_turn(max(self._due, self.timeline.now + self._pause_seconds))

    def _turn(self, batches: Sequence[Batch]) -> None:
        """Step, append, hand over; the process may die between any two of these, and the store may fail."""
        if self.faults.strike("F01"):
            self.die()
            return
        pending = batches
        for _ in range(1000):
            assert self.copier is not None
            step = self.copier.step(self.moment(), [fact for batch in pending for fact in batch])
            if self.faults.strike("F01"):
                self.die()
                return
            if not step.entries or not self.faults.strike("F12"):
                break
            landed = self.random.random() < 0.5
            if landed:
                self._append(step.entries, pending)
            self._open()
            if landed:
                requests = [c for c in step.commands if isinstance(c, (Submit, Modify, Cancel))]
                pending = [tuple(withheld(c, "the journal row may not have been durable") for c in requests)]
        self._append(step.entries, pending)
        self._due = step.due
        if self.faults.strike("F01"):
            self.die()
            return
        self._count_idle(not step.entries and not step.commands and not batches)
        for command in step.commands:
            self.watcher.handed_over(command)
            if self.faults.strike("F01"):
                self.die()
                return
            self.carry_out(command)
        if self.up:
            self._plan_next()

    def _append(self, entries: Sequence[Entry], batches: Sequence[Batch]) -> None:
        for entry in entries:
            fact = entry.fact
            if isinstance(fact, CheckpointWritten):
                kept = [] if fact.whole else [e for e in self.journal if isinstance(e.fact, CheckpointWritten)]
                self.journal[:] = kept
                self._read_back.clear()
            elif isinstance(fact, SourceStarted):
                self.started.add(fact.account)
            elif isinstance(fact, TradingStateChanged):
                self._remember(fact)
            self.journal.append(entry)
        self.watcher.committed(entries, batches)

    def _count_idle(self, idle: bool) -> None:
        now = self.timeline.now
        if not idle or now - self._idle_since > 1.0:
            self._idle_turns, self._idle_since = 0, now
        self._idle_turns += 1
        if self._idle_turns > 100:
            self.watcher.spun()
            self._pause_seconds = 5.0

    # The gates

    def _remember(self, fact: TradingStateChanged) -> None:
        self.said[fact.follower] = fact.state
        self._set_gates()

    def _set_gates(self) -> None:
        self.gates = dict(self.said)

    def allowed(self, follower: AccountName) -> TradingState:
        """The stricter of what holds for all and for this follower."""
        states = (self.gates.get(None, TradingState.ACTIVE), self.gates.get(follower, TradingState.ACTIVE))
        return max(states, key=STRICT.__getitem__)

    def tell(self, follower: AccountName | None, state: TradingState) -> None:
        """The user halts or resumes: a stricter gate is shut at once, the core is told."""
        if STRICT[state] > STRICT[self.gates.get(follower, TradingState.ACTIVE)]:
            self.gates[follower] = state
        self.put(TradingStateChanged(follower=follower, state=state))


def withheld(request: Submit | Modify | Cancel, problem: str) -> RequestWithheld:
    return RequestWithheld(
        follower=request.follower, client_order_id=request.client_order_id, attempt=request.attempt, problem=problem
    )
