"""One run: a day is played by the driver while lives begin and end, until the script is finished and all is at rest."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from dhan_copy.testing.crash.day import LEADER, RATIOS, Day
from dhan_copy.testing.crash.life import DIED, INTERRUPTED, After, Job
from dhan_copy.testing.crash.oracle import Truth, Verdict, entries_of, judge
from dhan_copy.testing.crash.points import Trap
from dhan_copy.testing.crash.process import Hung, Nursery
from dhan_copy.testing.server import DhanServer

_HEAR_SECONDS = 0.004
_LOOK_SECONDS = 0.1
"""Without news from the brokers for so long, the engine is asked whether it still has something to do."""
_QUIET_SECONDS = 0.3
_PATIENCE_SECONDS = 30.0
_MOST_LIVES = 12
_AFTERS = tuple(After)
_UNCALLED_FOR = re.compile(r"code=(STORE_FAILED|FACT_REFUSED|ENGINE_STOPPED|FOREIGN_TAG|STALLED)|^Traceback|SOURCE_FAILED")
_SWALLOWED = re.compile(r"^Exception ignored in: .*?^KeyboardInterrupt[^\n]*", re.MULTILINE | re.DOTALL)
"""What interrupts the finalizing of an object goes no further (Python's ``object.__del__``): Ctrl-C is pressed again."""


@frozen(kw_only=True)
class Plan:
    """``traps``: one for each life, None for a life without. A life that ends well is followed by a restart.

    ``steps``: the engine runs without threads. ``interrupt``: the traps raise KeyboardInterrupt instead of ending the
    process. ``seed``: whether the leader goes on while nobody copies, and what comes after an interruption.
    """

    traps: tuple[Trap | None, ...] = ()
    steps: bool = False
    interrupt: bool = False
    seed: int = 0

    def __str__(self) -> str:
        words = ["steps" if self.steps else "threads", "interrupt" if self.interrupt else "die", str(self.seed)]
        return ",".join([*words, *("-" if trap is None else str(trap) for trap in self.traps)])

    @classmethod
    def parse(cls, text: str) -> Plan:
        """What :meth:`__str__` writes. Raises ValueError."""
        mode, end, seed, *traps = text.split(",")
        if mode not in ("steps", "threads") or end not in ("interrupt", "die"):
            raise ValueError(text)
        return cls(
            traps=tuple(None if trap == "-" else Trap.parse(trap) for trap in traps),
            steps=mode == "steps",
            interrupt=end == "interrupt",
            seed=int(seed),
        )


@define
class Ran:
    """``sprung``: how many traps were reached. ``records``: the files of lines by life, where asked for."""

    plan: Plan
    verdict: Verdict
    sprung: int = 0
    lives: int = 0
    records: list[Path] = field(factory=list)
    seconds: float = 0.0


class _Ended(Exception):
    """The life under way has ended."""


class _Failed(Exception):
    """The life under way has ended as no life should."""


class Run:
    """Plays one day. ``folder`` takes the journal."""

    def __init__(self, plan: Plan, nursery: Nursery, folder: Path, *, record: bool = False) -> None:
        self._plan = plan
        self._nursery = nursery
        self._folder = folder
        self._record = record
        self._draw = random.Random(str(plan))
        self._alive = False
        self._stopped_well = False
        self._problem = ""
        self._ran = Ran(plan, Verdict())

    def play(self) -> Ran:
        """Play until the day is over, all is at rest and a restart has brought nothing new; then judge."""
        began = time.monotonic()
        ran = self._ran
        with DhanServer(accounts=1 + len(RATIOS)) as server:
            self._server = server
            day = Day(server)
            try:
                self._until(lambda: False, at_rest=lambda: True, may_go_on=False)
                for step in day.steps:
                    step.act()
                    self._until(step.is_copied)
                self._rest_and_stop(day)
                before = len(server.exchange.requests)
                self._rest_and_stop(day)
                more = server.exchange.requests[before:]
            except Hung as problem:
                ran.verdict.violations.append(f"life {ran.lives}: {problem}\n{self._nursery.kill()}")
                more = ()
            except _Failed as problem:
                ran.verdict.violations.append(f"life {ran.lives}: {problem}\n{self._nursery.errors()}")
                more = ()
            ran.verdict.violations += _uncalled_for(self._nursery.errors())
            truth = Truth(
                {name: server.exchange.orders(name) for name in server.exchange.accounts},
                server.exchange.requests,
                {name: _refused(server, name) for name in RATIOS},
            )
        journal = self._folder / "copies.db"
        if not ran.verdict.violations:
            ran.verdict = judge(truth, entries_of(journal), uninterrupted=not ran.sprung)
            if more:
                ran.verdict.violations.append(f"a restart without news sent {len(more)} requests: {more}")
            ran.verdict.violations += self._leaks(journal)
        ran.seconds = time.monotonic() - began
        return ran

    def _leaks(self, journal: Path) -> list[str]:
        """Files that show a token of ours."""
        written = [*self._folder.glob(f"{journal.name}*"), self._nursery.errors_file]
        tokens = [account.access_token.encode() for account in self._server.accounts]
        return [
            f"{file.name} shows an access token"
            for file in written
            if file.exists() and any(token in file.read_bytes() for token in tokens)
        ]

    # Waiting

    def _until(self, holds: Callable[[], bool], *, at_rest: Callable[[], bool] = lambda: False, may_go_on: bool = True) -> None:
        """Wait until ``holds``, or until the engine has nothing left to do; begins lives where there is none.

        That it has nothing left to do is believed at once where ``at_rest``, and otherwise after a while. After a
        death the leader sometimes goes on before the next life begins.
        """
        end = time.monotonic() + _PATIENCE_SECONDS
        quiet_since: tuple[float, int] | None = None
        look_at = time.monotonic() + (0.0 if at_rest() else _LOOK_SECONDS)
        while True:
            try:
                self._begin()
                if holds():
                    return
                self._hear(_HEAR_SECONDS)
                now = time.monotonic()
                if now < look_at:
                    continue
                look_at = now + _LOOK_SECONDS / 4
                sent = len(self._server.exchange.requests)
                if not self._is_quiet(self._look()):
                    quiet_since = None
                elif quiet_since is None or quiet_since[1] != sent:
                    quiet_since = (now, sent)
                elif at_rest() or now - quiet_since[0] >= _QUIET_SECONDS:
                    return
                if now > end:
                    raise Hung(f"not at rest after {_PATIENCE_SECONDS:g} s")
            except _Ended:
                quiet_since = None
                if may_go_on and self._draw.random() < 0.5:
                    return

    def _rest_and_stop(self, day: Day) -> None:
        """Come to rest and end the life properly, however many lives that takes."""
        while True:
            self._until(lambda: False, at_rest=day.is_copied, may_go_on=False)
            try:
                self._nursery.ask("stop")
                end = time.monotonic() + _PATIENCE_SECONDS
                while time.monotonic() < end:
                    self._hear(1.0)
                raise Hung("it does not stop")
            except _Ended:
                if self._stopped_well:
                    return

    def _is_quiet(self, look: dict[str, Any]) -> bool:
        """Whether the engine knows all that the leader did, and waits for nothing."""
        book = {o.order_id: (o.quantity, o.filled_quantity, o.status.is_terminal) for o in self._server.exchange.orders(LEADER)}
        known = {row["id"]: (row["quantity"], row["filled"], row["over"]) for row in look["orders"]}
        return bool(
            look["caught_up"]
            and book == known
            and all(row["decision"] is not None for row in look["orders"])
            and not any(row["state"] in ("ISSUED", "UNRESOLVED") for row in look["orders"])
        )

    # Lives

    def _begin(self) -> None:
        if self._alive:
            return
        ran, plan = self._ran, self._plan
        number = ran.lives
        if number >= _MOST_LIVES:
            raise Hung(f"{number} lives were not enough")
        trap = plan.traps[number] if number < len(plan.traps) else None
        record = self._folder / f"lines-{number}.json" if self._record else None
        job = Job(
            journal=str(self._folder / "copies.db"),
            rest=self._server.rest_url,
            feed=self._server.feed_url,
            accounts=tuple((account.client_id, account.access_token) for account in self._server.accounts),
            steps=plan.steps,
            trap=None if trap is None else str(trap),
            interrupt=plan.interrupt,
            after=_AFTERS[plan.seed % len(_AFTERS)],
            record=None if record is None else str(record),
        )
        ran.lives += 1
        if record is not None:
            ran.records.append(record)
        self._alive = True
        said = self._nursery.begin(job)
        if said is not None:
            self._take(said)

    def _look(self) -> dict[str, Any]:
        self._nursery.ask("look")
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            said = self._hear(1.0)
            if said is not None:
                return said
        raise Hung("it does not answer")

    def _hear(self, timeout: float) -> dict[str, Any] | None:
        """An answer to a look; raises :class:`_Ended` when the life has ended."""
        said = self._nursery.hear(timeout)
        return None if said is None else self._take(said)

    def _take(self, said: dict[str, Any]) -> dict[str, Any] | None:
        if said["say"] == "look":
            return said
        if said["say"] == "failed":
            self._problem = said["problem"]
            return None
        if said["say"] == "stopped":
            self._ran.sprung += said["sprung"]
            return None
        assert said["say"] == "died", said
        self._alive = False
        status = said["status"]
        self._stopped_well = status == 0
        self._ran.sprung += status == DIED
        if status not in (0, DIED, INTERRUPTED):
            raise _Failed(f"it ended with status {status}: {self._problem}")
        raise _Ended


def _uncalled_for(errors: str) -> list[str]:
    """What the lives logged although no death is a reason for it."""
    return [line for line in _SWALLOWED.sub("", errors).splitlines() if _UNCALLED_FOR.search(line)]


def _refused(server: DhanServer, account: str) -> int:
    """Requests beyond the account's rate limits."""
    counted = server.rates(account)["orders"]
    assert isinstance(counted, dict)
    return int(counted["refused"])
