"""What users hold: an engine that copies leaders' orders to followers, with threads or step by step."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from types import FrameType, TracebackType
from typing import TypeVar

from typing_extensions import Self, assert_never

from dhan_copy import explain as stories
from dhan_copy import settings_view, trees, views
from dhan_copy.config import Follower, Instruments, Leader, settings
from dhan_copy.core.calendar import Calendar
from dhan_copy.core.changes import change, check_sizes
from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import (
    AlertRaised,
    EngineStarted,
    Entry,
    Fact,
    KillSwitchAnswered,
    KillSwitchRead,
    KillSwitchTurned,
    Outcome,
    PositionsReported,
    SourceStarted,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.healing import HealPlan, heal_facts, heal_plan
from dhan_copy.core.lost import named, unknown_tags
from dhan_copy.core.rebuild import rebuilt
from dhan_copy.core.rules import Override, Rules
from dhan_copy.core.settings import CopierSettings, Policy
from dhan_copy.core.state import State
from dhan_copy.display import Table
from dhan_copy.errors import ConfigurationError, JournalLost, KillSwitchRefused, StoreError, Unresolved
from dhan_copy.executions import executions
from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.model.contract import ContractSizes
from dhan_copy.model.freeze import FreezeLimits
from dhan_copy.model.ids import AccountName, ClientOrderId
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.observe import LogFormat, log, logger
from dhan_copy.preflight import Subject, not_ready, of_accounts, of_calendar, of_instruments
from dhan_copy.protocols import AccountReader, Broker, Clock, ForeverOrders, KillSwitch, LinkedOrders, Quotes, Store
from dhan_copy.runtime.accounts import Accounts, FollowerAccount, LeaderAccount
from dhan_copy.runtime.clock import SteadyClock, SystemClock
from dhan_copy.runtime.desk import FollowerDesk, LeaderDesk, words
from dhan_copy.runtime.gate import Gate
from dhan_copy.runtime.given import given_positions
from dhan_copy.runtime.inbox import Batch, Inbox
from dhan_copy.runtime.kernel import Hooks
from dhan_copy.runtime.machine import Inline, Threads
from dhan_copy.runtime.outlet import Outlet
from dhan_copy.runtime.survey import of_followers, of_leaders

Told = Entry | AlertRaised
Answer = TypeVar("Answer")
_READ_AT_ONCE = 500
_LOOK_SECONDS = 15.0
"""How long a start waits for the followers' books, and before that for what the accounts say of themselves."""


class Leaving(Enum):
    """What becomes of what a follower holds when it copies no longer."""

    KEEP = "KEEP"
    """It stays, with the exits that rest; entries that rest are cancelled, and nothing else leaves."""
    WITH_THE_LEADER = "WITH_THE_LEADER"
    """It is closed when and as the leader closes."""
    NOW = "NOW"
    """It is closed at the market."""

    @property
    def state(self) -> TradingState:
        match self:
            case Leaving.KEEP:
                return TradingState.HALTED
            case Leaving.WITH_THE_LEADER:
                return TradingState.REDUCING
            case Leaving.NOW:
                return TradingState.CLOSING
        assert_never(self)


class CopyEngine:
    """Copies what leaders do to followers, and journals everything before it acts.

    ``store`` is a path (an SQLite file) or any :class:`~dhan_copy.protocols.Store`; memory is refused for live
    followers. ``instruments`` says what the user knows of instruments (lot, tick; by default Dhan's list, for an
    account at Dhan), ``freeze_limits`` how large an order exchanges take, ``contract_sizes`` what a lot of a commodity is
    worth, and ``calendar`` when they trade (by default what this release knows; a simulated exchange is open at all hours). ``rules`` and ``overrides`` hold for all
    followers, as far as a leader or a follower does not say otherwise (:meth:`settings`). ``on_alert`` gets every
    :class:`~dhan_copy.core.facts.AlertRaised` (without it alerts are log warnings only) and ``on_event`` every journal
    entry; both run on a thread of their own, and whatever they do, copying goes on. Every entry is also a line of the
    logger ``dhan_copy``.

    Use it as a context manager, with :meth:`start` and :meth:`stop`, with :meth:`run`, or without threads with
    :meth:`step`. An engine that has stopped is not started again: make a new one on the same store.

    Starting reads the order books of the live followers. When they show orders of today that the journal does not know,
    it was lost or is an old copy: starting (or the first :meth:`step`) raises :class:`~dhan_copy.errors.JournalLost`.
    With ``rebuild=True`` such orders are adopted from today's books instead; accounts must have the names that they
    had, for names are part of our ids.

    Starting with live followers also looks at accounts and machine (:meth:`preflight`), and raises
    :class:`~dhan_copy.errors.NotReady` for what is fatal. ``skip_checks`` names checks that may be
    (:class:`~dhan_copy.model.finding.Check`). A restart that has live positions or orders to look after is not refused:
    it alerts instead (``NOT_READY``).

    Raises :class:`~dhan_copy.errors.ConfigurationError` for settings that contradict each other.
    """

    def __init__(
        self,
        leaders: Sequence[Leader],
        followers: Sequence[Follower],
        store: Store | str | Path,
        *,
        policy: Policy = Policy(),
        instruments: Instruments | None = None,
        freeze_limits: FreezeLimits | None = None,
        contract_sizes: ContractSizes | None = None,
        calendar: Calendar | None = None,
        rules: Rules = Rules(),
        overrides: Sequence[Override] = (),
        rebuild: bool = False,
        skip_checks: Sequence[str] = (),
        on_alert: Callable[[AlertRaised], object] | None = None,
        on_event: Callable[[Entry], object] | None = None,
        clock: Clock | None = None,
        log_format: LogFormat = LogFormat.KEY_VALUE,
    ) -> None:
        self._leaders = tuple(leaders)
        self._clock = SteadyClock(SystemClock() if clock is None else clock)
        self._inbox = Inbox()
        self._given_store = store
        self._rebuild = rebuild
        self._skipped = _checks(skip_checks)
        self._store: Store | None = None
        self._held = ExitStack()
        self._on_alert = on_alert
        self._on_event = on_event
        self._seen: list[Entry] = []
        self._log: Outlet[Told] = Outlet("log", lambda told: log(told, log_format), self._dropping)
        self._callbacks: Outlet[Told] = Outlet("callback", self._tell, self._dropping)
        self._machine: Threads[Copier] | Inline[Copier] | None = None
        self._stopped = False
        self._starting = threading.RLock()
        self._stopped_by: int | None = None
        """The thread that stops it: another one's call finds it under way, and leaves the journal to it."""
        self._gave_back = False
        self._stepping = False
        self._threaded = False
        self._switched = threading.Condition()
        self._switch_told: dict[AccountName, KillSwitchAnswered | KillSwitchRead] = {}
        """What became of the last request to turn a follower's kill switch."""
        durable = isinstance(store, (str, Path)) or getattr(store, "durable", True)
        settings(self._leaders, followers, policy, instruments, durable=durable, rules=rules, overrides=overrides)
        self._gates = {follower.name: Gate() for follower in followers}
        self._brokers: dict[AccountName, Broker | None] = {}
        self._accounts = self._open_accounts(followers)
        self._subjects = tuple(self._subjects_of(followers))
        self._settings: CopierSettings = settings(
            self._leaders,
            followers,
            policy,
            instruments,
            durable=durable,
            freeze_limits=freeze_limits,
            contract_sizes=contract_sizes,
            calendar=calendar,
            flat=frozenset(
                leader.name
                for leader, account in zip(self._leaders, self._accounts.leaders)
                if not account.reads_positions and not leader.positions
            ),
            readable=frozenset(f.name for f in self._accounts.followers if f.reads_positions),
            quoted=frozenset(f.name for f in self._accounts.followers if f.reads_quotes),
            forever=frozenset(f.name for f in self._accounts.followers if f.takes_forever_orders),
            supers=frozenset(f.name for f in self._accounts.followers if f.takes_super_orders),
            rules=rules,
            overrides=overrides,
        )
        self._locked_ids = tuple(f.client_id for f in followers if f.live and f.client_id is not None)

    # Running

    def start(self) -> None:
        """Take the journal over and begin to copy, on threads of its own.

        Raises :class:`~dhan_copy.errors.StoreError` when the journal cannot be read, or is held by another engine, and
        :class:`~dhan_copy.errors.JournalLost` when it is not the one that the followers' books tell of.
        """
        with self._starting:
            self._check_open()
            if isinstance(self._machine, Threads):
                raise ConfigurationError("the engine has been started already")
            self._acquire()
            self._threaded = True
            machine = Threads(
                self._make, self._opened_store(), self._accounts, self._clock, self._inbox, self._hooks(), self._failed
            )
            try:
                self._begin(machine)
                self._log.start()
                self._callbacks.start()
                machine.start()
            except BaseException:
                self.stop()
                raise

    def stop(self, timeout: float = 15.0) -> tuple[ClientOrderId, ...]:
        """Send nothing more, wait up to ``timeout`` seconds for answers under way, and give the journal back.

        Returns the ids of the requests whose outcome is still unknown; they are looked up at the next start. Safe to
        call twice.
        """
        if self._stopped:
            if self._store is not None and not self._gave_back and self._stopped_by == threading.get_ident():
                self._store.close()  # Ctrl-C has cut the first call short
            return ()
        self._stopped_by = threading.get_ident()
        self._stopped = True
        end = time.monotonic() + timeout
        for gate in self._gates.values():
            gate.close()
        with self._starting:
            pass  # another thread may be about to start what is to be stopped
        try:
            if self._machine is not None:
                self._machine.stop(timeout)
            else:
                self._accounts.close()
        except Exception as error:
            logger.warning("answers that came while stopping could not be journaled: %s", ascii(words(error)))
        finally:
            unknown = self._outside(0.0)
            self._held.close()
            self._gave_back = True
            self._callbacks.stop(max(end - time.monotonic(), 1.0))
            self._log.stop(max(end - time.monotonic(), 1.0))
        if unknown:
            logger.warning("stopped with %d requests unanswered: %s", len(unknown), ", ".join(unknown))
        return unknown

    def run(self) -> None:
        """Start, and copy until Ctrl-C, SIGTERM or :meth:`stop`; then stop. Raises what made the engine give up."""
        with _terminable():
            try:
                if not isinstance(self._machine, Threads):
                    self.start()
                self.wait()
            except (KeyboardInterrupt, _Terminated):
                pass
            finally:
                self.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the engine has stopped within ``timeout`` seconds (None: for ever). Raises what made it give up."""
        machine = self._machine
        if machine is None:
            return self._stopped
        finished = machine.wait(timeout)
        if machine.error is not None:
            raise machine.error
        return finished

    def step(self) -> Table:
        """Read what the leaders did, copy it, and read what became of it: without threads, on the calling one.

        Returns what happened. For notebooks and schedulers; call it again at :attr:`due` at the latest.
        """
        self._check_open()
        if isinstance(self._machine, Threads):
            raise ConfigurationError("the engine is running on its own threads; step() is for one that is not started")
        if self._stepping:
            raise ConfigurationError("step() was called from inside step()")
        self._stepping = True
        try:
            machine = self._inline()
            self._seen.clear()
            machine.look()
            happened = stories.happened(self._seen)
        finally:
            self._stepping = False
            self._log.drain()
            self._callbacks.drain()
        return happened

    @property
    def due(self) -> float | None:
        """``clock.monotonic()`` at which the engine wants to look again; None when only news matter."""
        return None if self._machine is None else self._machine.kernel.due

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    # Asking

    def status(self) -> Table:
        """One row per account: what is allowed, what is possible, what is under way."""
        return views.status(self._state())

    def orders(self) -> Table:
        """Today's leader orders with each follower's orders for them."""
        return views.orders(self._state())

    def decisions(self) -> Table:
        """The one answer for each leader order and follower of today, with its reason."""
        return views.decisions(self._state())

    def drift(self) -> Table:
        """Per holding, what the leader's position comes to at the follower's size less what the follower owns, term by
        term (:class:`~dhan_copy.core.drift.Term`): the terms add up to the difference."""
        return views.drift(self._state())

    def trees(self) -> Table:
        """Today's linked orders: each entry with its legs, where they stand at each follower, and what they wait for."""
        return trees.trees(self._state())

    def alerts(self) -> Table:
        """Every alert in the journal, of any day, in the order in which they were raised. What was raised while the journal
        could not be written is in the log alone, and was handed to ``on_alert``."""
        return views.alerts(self.journal())

    def executions(self) -> Table:
        """Per copy of today, how long each step took and how much worse its price was than the leader's."""
        return executions(self.journal())

    def explain(self, leader_order_id: str) -> Table:
        """Everything that the journal says of one leader order, in order, each row with its cause; of the entry of a
        linked order also what it says of the legs."""
        return stories.story(leader_order_id, self.journal())

    def journal(self, after: int = 0) -> Iterator[Entry]:
        """The journal's entries with a position above ``after``, read in pieces between which copying goes on."""
        if self._stopped and isinstance(self._given_store, (str, Path)):
            yield from _read_only(self._given_store, after)
            return
        while True:
            entries = self._call(lambda: list(islice(self._readable_store().read(after), _READ_AT_ONCE)))
            yield from entries
            if len(entries) < _READ_AT_ONCE:
                return
            after = entries[-1].position

    def preflight(self) -> tuple[Finding, ...]:
        """Look for what would go wrong: accounts, journal, clock, instruments, calendar. Before or after the start; it
        sends no order, and takes as long as two reads of the slowest account, at most 15 seconds.

        ``dhan_copy.preflight.as_table`` makes a table of it.
        """
        return self._findings(_LOOK_SECONDS)

    # Allowing

    def halt(self, follower: str | None = None, *, timeout: float = 15.0) -> tuple[ClientOrderId, ...]:
        """Let only cancels leave, for one follower or all, now and after restarts, until :meth:`resume`.

        Entries that rest are cancelled, those that wait as Forever orders too, and are not placed again later; exits that
        rest stay. A super order at the broker that has filled in part stays as well: its cancel would take the legs along
        that protect this part.

        Once it returns no new order and no change leaves. Waits up to ``timeout`` seconds for those that had left
        before, and returns the ids of those not yet answered.
        """
        return self._allow(follower, TradingState.HALTED, timeout)

    def reduce(self, follower: str | None = None, *, timeout: float = 15.0) -> tuple[ClientOrderId, ...]:
        """Let only cancels and exits leave, for one follower or all. Every entry that rests is cancelled, and not placed again
        later; otherwise as :meth:`halt`."""
        return self._allow(follower, TradingState.REDUCING, timeout)

    def flatten(self, follower: str | None = None, *, timeout: float = 15.0) -> tuple[ClientOrderId, ...]:
        """Cancel the entries of one follower or all and close at the market what was copied, now and after restarts,
        until :meth:`resume`: also what still fills after this. The follower's own holdings stay untouched, and the
        leader's present position is not entered again. Otherwise as :meth:`reduce`.
        """
        return self._allow(follower, TradingState.CLOSING, timeout)

    def unsubscribe(
        self, follower: str, leaving: Leaving = Leaving.KEEP, *, timeout: float = 15.0
    ) -> tuple[ClientOrderId, ...]:
        """Let a follower copy no longer, now and after restarts, until :meth:`resume` by its name. By default what it holds
        stays and is its own affair; ``leaving`` says what else may become of it."""
        return self._allow(follower, leaving.state, timeout)

    def kill(self, follower: str, *, timeout: float = 15.0) -> tuple[ClientOrderId, ...]:
        """Halt a follower (:meth:`halt`), then have its broker close the account to orders of anybody for the rest of
        the trading day: Dhan's kill switch. Returns what :meth:`halt` does.

        Dhan refuses while a position or an order is open: then :class:`~dhan_copy.errors.KillSwitchRefused` is raised, and
        the follower is only halted. :class:`~dhan_copy.errors.Unresolved` when no answer came in ``timeout`` seconds; it
        is read until it is known. ``ConfigurationError`` for a follower on paper, or a broker that has no kill switch.
        """
        self._has_kill_switch(follower)
        unanswered = self.halt(follower, timeout=timeout)
        self._turn(AccountName(follower), True, timeout)
        return unanswered

    def revive(self, follower: str, *, timeout: float = 15.0) -> None:
        """Have the broker take orders of a killed follower's account again. It stays halted until :meth:`resume` by its
        name. Errors are those of :meth:`kill`."""
        self._has_kill_switch(follower)
        self._turn(AccountName(follower), False, timeout)

    def healing(self) -> HealPlan:
        """What could be closed of what followers hold beyond their share of the leader's fills (``steps``), and entered of
        what they have missed (``openings``): see :meth:`heal`."""
        return self._call(lambda: heal_plan(self._core_state()))

    def heal(self, plan_hash: str, *, opening: bool = False) -> HealPlan:
        """Close at the market what :meth:`healing` listed, given that nothing has changed since: ``plan_hash`` is the
        hash of that plan. With ``opening`` also enter at the market what it lists as missed; without, what a follower
        lacks it goes on lacking.

        Each order is looked at once more when its turn comes: one that something else has overtaken is not sent, with the
        alert ``NOT_CLOSED`` or ``NOT_ENTERED``.

        Raises ``ConfigurationError`` when the plan is another by now; look at it again.
        """
        self._call(lambda: None)
        self._refuse_when_stopped("nothing is closed")

        def ordered() -> HealPlan:
            core = self._core()
            plan = heal_plan(core.state)
            if plan.hash != plan_hash:
                raise ConfigurationError(
                    f"there is no plan {plan_hash!r} any more", advice=f"Look at healing() again: it is {plan.hash!r} now."
                )
            self._inbox.put(tuple(heal_facts(core.state, plan, core.position, opening=opening)))
            return plan

        done = self._call(ordered)
        self._call(lambda: None)
        return done

    def resume(self, follower: str | None = None) -> None:
        """Let everything leave again. Orders that the leader placed meanwhile are not entered.

        By name it ends what was said of that follower by name: also that it left (:meth:`unsubscribe`), and that a limit
        of its losses or its slippage stopped it. Without a name it ends what was said for all, and nothing else. While both
        were said the stricter holds; ``status()`` shows it.

        A follower whose kill switch is on stays halted; ``ConfigurationError`` when it is named.
        """
        if follower in self._gates and self._call(lambda: self._may_be_killed(AccountName(follower))):
            raise ConfigurationError(
                f"the kill switch of {follower!r} is on at its broker, or may be", advice="Turn it off first: engine.revive()."
            )
        self._allow(follower, TradingState.ACTIVE, 0.0)

    # Settings

    def settings(
        self,
        follower: str,
        *,
        leader: str | None = None,
        symbol: str = "",
        segment: ExchangeSegment | str | None = None,
    ) -> Table:
        """What holds for a follower now and which level says so, for one leader and instrument where they are named.

        Without ``symbol`` only overrides for all symbols can fit. Without ``segment`` it is that of the symbol, where
        today's orders know it or it is one such as ``NSE_FNO:45471``; else only overrides that name none can fit, and
        ``said_by`` names the segments in which something else holds.
        """
        name = self._known(follower, self._gates)
        of = None if leader is None else self._known(leader, {each.name for each in self._leaders})
        return settings_view.settings(self._state(), name, of, symbol, segment)

    def change(self, account: str | None = None, **settings: object) -> None:
        """Change settings while running, of a follower, a leader, or (None) for all: ``engine.change("F", size="0.25")``.

        The names are those of :class:`~dhan_copy.core.rules.Rules`, and ``overrides`` for all of a follower's, or of
        those for all; None takes back what this level says. The next
        orders of the leader are decided by it; what was decided stays. A change is journaled, and holds after a restart
        until the engine is given something else for that setting.

        Raises :class:`~dhan_copy.errors.ConfigurationError` for a name that does not exist, a value that is not
        possible, a function of your own, which a journal cannot keep, or where nobody would say a size any more.
        """
        name = None if account is None else AccountName(account)
        facts = tuple(change(self._settings, name, setting, value) for setting, value in settings.items())
        self._call(lambda: None)
        self._refuse_when_stopped("nothing is changed")
        if "size" in settings:
            check_sizes(self._settings, (*self._state().changes.values(), *facts))
        self._inbox.put(facts)
        self._call(lambda: None)

    # Inside

    def _findings(self, seconds: float | None) -> tuple[Finding, ...]:
        from dhan_copy.stores.premises import premises

        path = self._given_store if isinstance(self._given_store, (str, Path)) else getattr(self._given_store, "path", None)
        held = self._store is not None and not self._stopped
        found = [
            *of_accounts(self._subjects, self._clock, seconds),
            *premises(None if path is None else Path(path), self._locked_ids, held=held),
            of_instruments(self._settings.instruments),
            of_calendar(self._settings.calendar, self._clock.now()),
        ]
        return tuple(each for each in found if each.check not in self._skipped)

    def _subjects_of(self, followers: Sequence[Follower]) -> Iterator[Subject]:
        for leader in self._leaders:
            yield Subject(leader.name, leader.checks, places_orders=False, needed=True)
        for follower in followers:
            broker = partial(self._brokers.get, follower.name)
            yield Subject(follower.name, broker, places_orders=follower.live, needed=follower.live)

    def _unready(self, state: State) -> Sequence[Fact]:
        """Refuse to go live with what is fatal. A restart that has something to look after goes on, with an alarm: its
        exits would be carried out by nobody."""
        live = {rules.name for rules in self._settings.followers if rules.live}
        if not live:
            return ()
        findings = self._findings(_LOOK_SECONDS if self._threaded else None)
        fatal = [each for each in findings if each.severity is Severity.FATAL]
        for finding in findings:
            if finding.severity is Severity.WARN:
                logger.warning("preflight: %s", ascii(str(finding)))
        if fatal and not any(_is_in_use(state, name) for name in live):
            raise not_ready(fatal)
        return [
            AlertRaised(
                code="NOT_READY", what=f"{each.check.name}: {each.known}",
                known="The engine goes on all the same, because there are live positions or orders to look after.",
                advice=each.advice, account=each.account,
            )
            for each in fatal
        ]  # fmt: skip

    def _known(self, name: str, names: Iterable[str]) -> AccountName:
        if name not in names:
            raise ConfigurationError(f"no account is called {name!r}", advice=f"There are {', '.join(sorted(names))}.")
        return AccountName(name)

    def _open_accounts(self, followers: Sequence[Follower]) -> Accounts:
        leading, following = [], []
        for leader in self._leaders:
            source, reader = leader.open()
            desk = LeaderDesk(leader.name, source, reader, self._clock)
            leading.append(LeaderAccount(leader.name, source, desk, reader is not None))
        for follower in followers:
            broker, own = follower.open()
            name = follower.name
            self._brokers[name] = broker
            fdesk = FollowerDesk(name, broker, self._clock, self._gates[name])
            account = FollowerAccount(
                name, own, fdesk, follower.live, isinstance(broker, AccountReader),
                takes_forever_orders=isinstance(broker, ForeverOrders), takes_super_orders=isinstance(broker, LinkedOrders),
                reads_quotes=isinstance(broker, Quotes),
            )  # fmt: skip
            following.append(account)
        return Accounts(tuple(leading), tuple(following))

    def _check_open(self) -> None:
        if self._stopped:
            raise ConfigurationError("the engine has stopped", advice="Make a new one on the same store.")

    def _make(self) -> Copier:
        return Copier(self._settings)

    def _hooks(self) -> Hooks:
        return Hooks(self._committed, self._told, self._warn, lambda seconds: True)

    def _acquire(self) -> None:
        """Become the journal's only writer, once. Account locks keep a second journal away from a live account."""
        if self._store is not None:
            return
        try:
            store = self._given_store
            if isinstance(store, (str, Path)):
                from dhan_copy.stores.sqlite import SqliteStore

                store = SqliteStore(store)
            self._held.callback(store.close)
            self._epoch = store.acquire(f"{socket.gethostname()}:{os.getpid()}").epoch
            if self._locked_ids:
                from dhan_copy.stores.locks import AccountLock

                for client_id in self._locked_ids:
                    self._held.enter_context(AccountLock(client_id))
        except BaseException:
            self._held.close()
            raise
        self._store = store

    def _opened_store(self) -> Store:
        assert self._store is not None
        return self._store

    def _readable_store(self) -> Store:
        if self._store is None:
            raise StoreError("the journal is not open", advice="Start the engine, or call step().")
        return self._store

    def _begin(self, machine: Threads[Copier] | Inline[Copier]) -> None:
        machine.kernel.start(self._started)
        # Only now: a machine whose journal was not folded to the end (Ctrl-C) must not be stepped.
        self._machine = machine

    def _started(self, core: Copier) -> Batch:
        self._check_mode(core.state)
        self._set_gates(core.state)
        positions = {leader.name: leader.positions for leader in self._leaders}
        unread = {a.name: positions[a.name] or {} for a in self._accounts.leaders if not a.reads_positions}
        facts: list[Fact] = [EngineStarted(version=_version(), epoch=self._epoch)]
        names = (*(a.name for a in self._accounts.leaders), *(a.name for a in self._accounts.followers))
        facts += [SourceStarted(account=name) for name in names if name not in core.state.started_at]
        given = given_positions(core.state, unread, self._clock.now())
        return (*facts, *self._unready(core.state), *given, *self._lost(core.state, given))

    def _lost(self, state: State, given: Sequence[PositionsReported]) -> Sequence[Fact]:
        """What brings back the orders of today that the journal does not know. Raises ``JournalLost`` for them where
        nobody asked for that. A book that cannot be read is no reason to refuse: nothing older is placed until it is."""
        seconds = _LOOK_SECONDS if self._threaded else None
        followers = of_followers(self._accounts, seconds)
        lost = unknown_tags(state, followers.books, self._clock.now())
        if not self._rebuild and lost:
            told = "; ".join(f"{len(tags)} of {follower} ({named(tags)})" for follower, tags in lost.items())
            raise JournalLost(f"orders of today are not in the journal: {told}", follower=", ".join(lost))
        if not self._rebuild:
            return ()
        leaders = of_leaders(self._accounts, seconds) if lost else followers
        for name, problem in {**followers.problems, **leaders.problems}.items():
            raise JournalLost(
                f"the order book or the positions of {name} could not be read: {problem}",
                advice="Rebuilding needs every account; start again with rebuild=True.", account=name,
            )  # fmt: skip
        if not lost:
            return ()
        return rebuilt(state, leaders.rows, leaders.positions, given, followers.books, self._clock.now())

    def _inline(self) -> Inline[Copier]:
        if isinstance(self._machine, Inline):
            return self._machine
        self._acquire()
        machine = Inline(self._make, self._opened_store(), self._accounts, self._clock, self._inbox, self._hooks())
        self._begin(machine)
        return machine

    def _check_mode(self, state: State) -> None:
        """A paper ledger must not be traded live, nor live orders be forgotten on paper."""
        for rules in self._settings.followers:
            was_live = state.live.get(rules.name, rules.live)
            if was_live is not rules.live and _is_in_use(state, rules.name):
                raise ConfigurationError(
                    f"follower {rules.name!r} was {'live' if was_live else 'on paper'} in this journal and still holds "
                    "positions or open orders there",
                    advice="Start with a new journal, or set live as it was until it is flat.",
                )

    def _call(self, what: Callable[[], Answer]) -> Answer:
        """Ask on the core's thread while there is one. An engine that was never started opens its journal for it."""
        if self._machine is None and not self._stopped:
            self._inline()
        machine = self._machine
        if machine is None or self._stopped or self._stepping:
            return what()
        return machine.call(what)

    def _state(self) -> State:
        def copied() -> State:
            if self._machine is None:
                return self._make().state
            return views.snapshot(self._machine.kernel.core.state)

        return self._call(copied)

    def _core(self) -> Copier:
        return self._make() if self._machine is None else self._machine.kernel.core

    def _core_state(self) -> State:
        return self._core().state

    def _allow(self, follower: str | None, state: TradingState, timeout: float) -> tuple[ClientOrderId, ...]:
        name = None if follower is None else AccountName(follower)
        if name is not None and name not in self._gates:
            raise ConfigurationError(
                f"no follower is called {follower!r}", advice=f"The followers are {', '.join(sorted(self._gates))}."
            )
        for each, gate in self._gates.items():
            if state is not TradingState.ACTIVE and name in (None, each):
                gate.tighten(state)
        self._call(lambda: None)
        self._refuse_when_stopped("nothing leaves, but this is not remembered over a restart")
        self._inbox.put((TradingStateChanged(follower=name, state=state),))
        self._call(lambda: None)
        return self._outside(timeout, name)

    def _has_kill_switch(self, follower: str) -> None:
        name = self._known(follower, self._gates)
        if not next(each for each in self._settings.followers if each.name == name).live:
            raise ConfigurationError(f"follower {follower!r} is on paper: there is nothing to kill")
        if not isinstance(self._brokers[name], KillSwitch):
            raise ConfigurationError(f"the broker of {follower!r} has no kill switch", advice="Use halt() or flatten().")

    def _may_be_killed(self, follower: AccountName) -> bool:
        switch = self._core_state().kill_switches.get(follower)
        return switch is not None and switch.may_be_on

    def _turn(self, follower: AccountName, on: bool, timeout: float) -> None:
        """Have the kill switch turned, and wait until it is known what became of that."""
        self._call(lambda: None)
        self._refuse_when_stopped("nothing is asked of the broker")
        with self._switched:
            self._switch_told.pop(follower, None)
        self._inbox.put((KillSwitchTurned(follower=follower, on=on),))
        self._call(lambda: None)
        with self._switched:
            self._switched.wait_for(lambda: follower in self._switch_told, timeout if self._threaded else 0.0)
            told = self._switch_told.get(follower)
        word = "on" if on else "off"
        if told is None:
            raise Unresolved(f"nobody knows yet whether the kill switch was turned {word}", follower=follower)
        if isinstance(told, KillSwitchAnswered) and told.outcome is Outcome.REFUSED:
            raise KillSwitchRefused(f"the kill switch was not turned {word}: {told.problem}", follower=follower)
        if told.on is not on:
            raise KillSwitchRefused(f"the request to turn the kill switch {word} had no effect", follower=follower)

    def _note_kill_switch(self, fact: KillSwitchTurned | KillSwitchAnswered | KillSwitchRead) -> None:
        state = self._core_state()
        self._set_gates(state)
        refused = isinstance(fact, KillSwitchAnswered) and fact.outcome is Outcome.REFUSED
        settled = not isinstance(fact, KillSwitchTurned) and not state.kill_switches[fact.follower].is_unknown
        if not isinstance(fact, KillSwitchTurned) and (refused or settled):
            with self._switched:
                self._switch_told[fact.follower] = fact
                self._switched.notify_all()

    def _refuse_when_stopped(self, known: str) -> None:
        if self._stopped or (self._machine is not None and self._machine.error is not None):
            raise StoreError(f"the engine has stopped: {known}")

    def _outside(self, timeout: float, name: AccountName | None = None) -> tuple[ClientOrderId, ...]:
        end = time.monotonic() + timeout
        found: list[ClientOrderId] = []
        for each, gate in self._gates.items():
            if name in (None, each):
                found += gate.wait(max(end - time.monotonic(), 0.0))
        return tuple(found)

    def _set_gates(self, state: State) -> None:
        for name, gate in self._gates.items():
            gate.allow(state.trading_state(name))

    def _committed(self, entries: Sequence[Entry]) -> None:
        if self._machine is not None and any(isinstance(entry.fact, TradingStateChanged) for entry in entries):
            self._set_gates(self._machine.kernel.core.state)
        for entry in entries:
            if isinstance(entry.fact, (KillSwitchTurned, KillSwitchAnswered, KillSwitchRead)):
                self._note_kill_switch(entry.fact)

    def _told(self, entries: Sequence[Entry]) -> None:
        """Tell the user, after the commands have been handed over: formatting would compete with sending them."""
        if isinstance(self._machine, Inline):
            self._seen += entries
        if logger.isEnabledFor(logging.INFO):
            self._log.put(entries)
        else:
            self._log.put([entry for entry in entries if isinstance(entry.fact, AlertRaised)])
        if self._on_alert is not None or self._on_event is not None:
            self._callbacks.put(entries)

    def _warn(self, alert: AlertRaised) -> None:
        self._log.put((alert,))
        self._callbacks.put((alert,))

    def _tell(self, told: Told) -> None:
        alert = told if isinstance(told, AlertRaised) else told.fact
        if self._on_alert is not None and isinstance(alert, AlertRaised):
            self._on_alert(alert)
        if self._on_event is not None and isinstance(told, Entry):
            self._on_event(told)

    def _dropping(self) -> None:
        self._inbox.put(
            (
                AlertRaised(
                    code="OBSERVER_DROPPED",
                    what="A callback or log handler is too slow: entries are kept from it.",
                    known="The journal has everything; copying goes on.",
                    advice="Return from on_event and on_alert quickly.",
                ),
            )
        )

    def _failed(self, error: BaseException) -> None:
        for gate in self._gates.values():
            gate.close()
        self._warn(
            AlertRaised(
                code="ENGINE_STOPPED",
                what=f"The engine gave up: {words(error)}",
                known="Nothing is sent any more. Orders that are open at the followers stay open.",
                advice="Look after open orders by hand, repair the cause, and start again on the same journal.",
            )
        )


def _is_in_use(state: State, follower: AccountName) -> bool:
    """Whether a follower holds something that was copied, or has orders open."""
    if any(stake.owned for key, stake in state.stakes.items() if key[1] == follower):
        return True
    mine = [state.trades[key] for key in state.open_keys() if key[2] == follower]
    return any(not order.state.is_over for trade in mine for order in trade.orders)


def _checks(names: Sequence[str]) -> frozenset[Check]:
    unknown = [name for name in names if name not in Check.__members__]
    if isinstance(names, str) or unknown:
        raise ConfigurationError(
            f"skip_checks names no check: {names!r}", advice=f"It is a list of {', '.join(Check.__members__)}."
        )
    return frozenset(Check[name] for name in names)


class _Terminated(BaseException):
    """SIGTERM arrived."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Make the first SIGTERM end :meth:`CopyEngine.run`, where signals can be handled at all (the main thread).

    Further ones do not cut the stopping short: it takes a bounded time.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    arrived = False

    def terminate(number: int, frame: FrameType | None) -> None:
        nonlocal arrived
        if not arrived:
            arrived = True
            raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read_only(path: str | Path, after: int) -> Iterator[Entry]:
    from dhan_copy.stores.sqlite import SqliteStore

    store = SqliteStore.open_readonly(path)
    try:
        yield from store.read(after)
    finally:
        store.close()


def _version() -> str:
    try:
        return version("dhan-copy")
    except PackageNotFoundError:
        return "unknown"
