"""What goes on while the power may fail: a store that is appended to, and an engine that copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Protocol

from dhan_copy.config import Follower, Leader
from dhan_copy.core.facts import AlertRaised, Entry, GapDetected, ReportUnreadable
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.engine import CopyEngine
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Side
from dhan_copy.model.times import ist
from dhan_copy.protocols import Store
from dhan_copy.testing.broker import FakeBroker
from dhan_copy.testing.playground import LeaderOrderHandle, Playground
from dhan_copy.testing.power.promises import Promises
from dhan_copy.testing.source import FakeSource

_ACCOUNT = AccountName("A")
_BEGIN = ist(datetime(2026, 9, 1, 10, 0))
_LEADER = "LEADER"
_RATIOS = {"F": Fraction(1), "G": Fraction(1, 2)}
_SYMBOLS = ("NIFTY 22500 CE", "BANKNIFTY FUT", "NIFTY 22400 PE")
_FAR_AWAY = 50
"""Rupees, where the market is at 100."""


Opening = Callable[[], Store]
"""Opens the journal; called again after it was closed."""


class Work(Protocol):
    """What outlives every power cut, and works on a journal until the next."""

    def live(self, opened: Opening) -> None:
        """Work on and on: only a :class:`~dhan_copy.testing.power.platter.Cut` ends it."""

    def rest(self, opened: Opening) -> None:
        """The last life, in which nothing fails; whatever is broken is noted in the promises."""


class Appending:
    """Batches of one to thirty entries, some with much raw text, so that the write-ahead log is emptied too; the journal
    is closed now and then."""

    def __init__(self, random: Random, promises: Promises) -> None:
        self._random = random
        self._promises = promises
        self._count = 0
        self._large = random.choice((0.0, 0.02, 0.3))

    def live(self, opened: Opening) -> None:
        while True:
            self._some(opened, self._random.choice((3, 30, 300, 300)))

    def rest(self, opened: Opening) -> None:
        self._some(opened, 3)

    def _some(self, opened: Opening, batches: int) -> None:
        store = opened()
        try:
            store.acquire("the power kit")
            for _ in range(batches):
                store.append(self._batch())
        finally:
            store.close()

    def _batch(self) -> list[Entry]:
        begin = len(self._promises.entries)
        return [self._entry(begin + number) for number in range(1, self._random.choice((1, 1, 1, 2, 5, 30)) + 1)]

    def _entry(self, position: int) -> Entry:
        self._count += 1
        at = _BEGIN + timedelta(seconds=self._count)
        if self._random.random() < self._large:
            raw = f"{self._count} " * self._random.randint(1, 20_000)
            return Entry(position, at, ReportUnreadable(account=_ACCOUNT, problem=str(self._count), raw=raw))
        return Entry(position, at, GapDetected(account=_ACCOUNT, cause=f"cause {self._count}"))


class Copying:
    """An engine that copies what a leader does, on an exchange that the power cut spares."""

    def __init__(self, random: Random, promises: Promises) -> None:
        self._random = random
        self._promises = promises
        self._lab = Playground({name: str(ratio) for name, ratio in _RATIOS.items()}, leader=_LEADER, start=_BEGIN)
        self._brokers = {name: _Broker(self._lab, name, promises) for name in _RATIOS}
        self._resting: list[LeaderOrderHandle] = []
        self._held: Counter[str] = Counter()

    def live(self, opened: Opening) -> None:
        with _Run(self._lab, self._brokers, opened) as run:
            while True:
                self._trade()
                run.look(3)

    def rest(self, opened: Opening) -> None:
        with _Run(self._lab, self._brokers, opened) as run:
            for order in self._resting:
                order.cancel()
            run.look(240)
            alarmed = {entry.fact.account for entry in run.engine.journal() if isinstance(entry.fact, AlertRaised)}
        for name, ratio in _RATIOS.items():
            self._judge(name, ratio, name in alarmed)

    def _trade(self) -> None:
        symbol = self._random.choice(_SYMBOLS)
        what = self._random.choice(("buy", "buy", "sell", "sell", "rest", "modify", "cancel"))
        if what == "sell" and self._held[symbol]:
            lots = self._random.choice((2, self._held[symbol]))
            self._held[symbol] -= lots
            self._lab.leader.sell(symbol, lots=lots)
        elif what == "rest":
            self._resting.append(self._lab.leader.buy(symbol, lots=4, price=_FAR_AWAY))
        elif what == "modify" and self._resting:
            self._random.choice(self._resting).modify(price=_FAR_AWAY + self._random.randint(1, 20))
        elif what == "cancel" and self._resting:
            self._resting.pop(self._random.randrange(len(self._resting))).cancel()
        else:
            lots = self._random.choice((2, 4))
            self._held[symbol] += lots
            self._lab.leader.buy(symbol, lots=lots)

    def _judge(self, follower: str, ratio: Fraction, alarmed: bool) -> None:
        """By what the brokers have: nothing twice, and what is missing has an alarm."""
        wrong = self._promises.broken
        tags = Counter(order.tag for order in self._lab.exchange.orders(follower))
        wrong += [f"{follower} has {count} orders of the id {tag}" for tag, count in tags.items() if count > 1]
        wanted, got = self._traded(_LEADER), self._traded(follower)
        for key, side in wanted.keys() | got.keys():
            if got[key, side] > wanted[key, side] * ratio:
                wrong.append(f"{follower} traded {got[key, side]} of {key}, {side}: too much for {ratio} of the leader's")
        # What the leader opened and closed unseen is netted off: sides may fall short of his, positions may not.
        short = {key for key, _ in wanted if _net(got, key) != _net(wanted, key) * ratio}
        self._promises.parked += bool(short)
        if short and not alarmed:
            wrong.append(f"{follower} does not hold what the leader holds of {short}, and there is no alarm")
        if not alarmed and any(not order.status.is_terminal for order in self._lab.exchange.orders(follower)):
            wrong.append(f"{follower} has an order that the leader took back, and no alarm")

    def _traded(self, account: str) -> Counter[tuple[InstrumentKey, Side]]:
        traded: Counter[tuple[InstrumentKey, Side]] = Counter()
        for order in self._lab.exchange.orders(account):
            traded[order.key, order.side] += order.filled_quantity
        return traded


def _net(traded: Mapping[tuple[InstrumentKey, Side], int], key: InstrumentKey) -> int:
    return traded.get((key, Side.BUY), 0) - traded.get((key, Side.SELL), 0)


class _Broker(FakeBroker):
    """Notes what arrives."""

    def __init__(self, lab: Playground, account: str, promises: Promises) -> None:
        super().__init__(lab.exchange, account)
        self._promises = promises

    def submit(self, request: Submit) -> BrokerOrderId:
        self._promises.handed_over.append(request)
        return super().submit(request)

    def modify(self, request: Modify) -> None:
        self._promises.handed_over.append(request)
        super().modify(request)

    def cancel(self, request: Cancel) -> None:
        self._promises.handed_over.append(request)
        super().cancel(request)


class _Run:
    """An engine from its start to its end, whatever ends it."""

    def __init__(self, lab: Playground, brokers: dict[str, _Broker], opened: Opening) -> None:
        self._clock = lab.clock
        self._sources = {name: FakeSource(lab.exchange, name) for name in (_LEADER, *brokers)}
        self._store = opened()
        self.engine = CopyEngine(
            leaders=[Leader(_LEADER, source=self._sources[_LEADER])],
            followers=[
                Follower(name, size=str(_RATIOS[name]), broker=broker, source=self._sources[name], live=True)
                for name, broker in brokers.items()
            ],
            store=self._store,
            clock=self._clock,
        )

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        for source in self._sources.values():
            source.close()
        self._store.close()

    def look(self, seconds: float) -> None:
        """Let time pass, with a step whenever the engine wants one."""
        end = self._clock.monotonic() + seconds
        self.engine.step()
        while (due := self.engine.due) is not None and due < end:
            self._clock.advance(max(due - self._clock.monotonic(), 0.01))
            self.engine.step()
        self._clock.advance(max(end - self._clock.monotonic(), 0.0))
        self.engine.step()
