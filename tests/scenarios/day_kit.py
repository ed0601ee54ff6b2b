"""What the scenarios of restarts, days and sizes share: a leader and followers on virtual time, whose engine is replaced.

The exchange is the truth; it outlives every engine, as the journal does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from dhan_copy import AlertRaised, CopyEngine, Follower, Leader, Playground, Policy, RateLimits
from dhan_copy.core.facts import Entry
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.model.account import Funds, Holding, Position
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import OrderReport, Product
from dhan_copy.model.times import ist
from dhan_copy.protocols import Lease, PositionSizer, Store
from dhan_copy.testing import FakeBroker, FakeSource, SimulatedExchange, SimulatedOrder
from tests.scenarios.kit import DurableMemory

LEADER, F, G = "LEADER", "F", "G"
CE = "NIFTY 22500 CE"
NOON = ist(datetime(2026, 9, 1, 12, 0))
FactT = TypeVar("FactT")


class Died(BaseException):
    """The process was killed here."""


class TrippedStore:
    """A journal that calls ``before`` and ``after`` around each commit."""

    durable = True

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.before: Callable[[Sequence[Entry]], None] = lambda entries: None
        self.after: Callable[[Sequence[Entry]], None] = lambda entries: None

    def append(self, entries: Sequence[Entry]) -> int:
        self.before(entries)
        position = self.inner.append(entries)
        self.after(entries)
        return position

    def read(self, after: int = 0) -> Iterator[Entry]:
        return self.inner.read(after)

    def checkpoints(self) -> Iterator[Entry]:
        return self.inner.checkpoints()

    def acquire(self, owner: str) -> Lease:
        return self.inner.acquire(owner)

    def close(self) -> None:
        self.inner.close()


class TrippedBroker:
    """A broker that calls ``before`` and ``after`` around each request."""

    def __init__(self, inner: FakeBroker) -> None:
        self.inner = inner
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def submit(self, request: Submit) -> BrokerOrderId:
        self.before()
        order_id = self.inner.submit(request)
        self.after()
        return order_id

    def modify(self, request: Modify) -> None:
        self.before()
        self.inner.modify(request)
        self.after()

    def cancel(self, request: Cancel) -> None:
        self.before()
        self.inner.cancel(request)
        self.after()

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return self.inner.find(client_order_id)

    def orders(self) -> Sequence[OrderReport]:
        return self.inner.orders()

    def funds(self) -> Funds:
        return self.inner.funds()

    def positions(self) -> Sequence[Position]:
        return self.inner.positions()

    def holdings(self) -> Sequence[Holding]:
        return self.inner.holdings()


class Day:
    """A leader, followers and an exchange; ``engine`` copies, on the journal ``store``, until it is replaced."""

    def __init__(
        self,
        sizes: Mapping[str, PositionSizer | str],
        *,
        live: bool = True,
        store: Store | str | None = None,
        policy: Policy = Policy(),
        limits: RateLimits = RateLimits(),
        start: datetime = NOON,
    ) -> None:
        self.lab = Playground(sizes, leader=LEADER, start=start)
        self.leader = self.lab.leader
        self.exchange: SimulatedExchange = self.lab.exchange
        self.clock = self.lab.clock
        self.brokers = {name: TrippedBroker(broker) for name, broker in self.lab.brokers.items()}
        self.sources: dict[str, FakeSource] = {}
        self.store: Store | str = DurableMemory() if store is None else store
        self._sizes, self._live, self._policy, self._limits = sizes, live, policy, limits
        self.rebuild = False
        self.engine = self._started()

    def _started(self) -> CopyEngine:
        self.sources = {name: FakeSource(self.exchange, name) for name in (LEADER, *self._sizes)}
        return CopyEngine(
            leaders=[Leader(LEADER, source=self.sources[LEADER])],
            followers=[
                Follower(
                    name, size=size, broker=self.brokers[name], source=self.sources[name], live=self._live,
                    limits=self._limits,
                )
                for name, size in self._sizes.items()
            ],
            store=self.store,
            policy=self._policy,
            rebuild=self.rebuild,
            clock=self.clock,
        )  # fmt: skip

    def step(self) -> None:
        self.engine.step()

    def advance(self, seconds: float) -> None:
        """Let time pass, with a step whenever the engine wants one."""
        end = self.clock.monotonic() + seconds
        while (due := self.engine.due) is not None and due < end:
            self.clock.advance(max(due - self.clock.monotonic(), 0.01))
            self.engine.step()
        self.clock.advance(max(end - self.clock.monotonic(), 0.0))
        self.engine.step()

    def advance_clock(self, seconds: float) -> None:
        """Let time pass while nobody looks."""
        self.clock.advance(seconds)

    def wait_until(self, moment: datetime) -> None:
        """Let time pass at once, and step."""
        self.clock.advance((moment - self.clock.now()).total_seconds())
        self.engine.step()

    def restart(self) -> None:
        """Stop the engine as a user does, and start another one on the same journal."""
        self.engine.stop()
        self.engine = self._started()

    def start_on(self, store: Store | str, *, rebuild: bool = False) -> None:
        """Stop the engine, and start another one on another journal."""
        self.engine.stop()
        self.store, self.rebuild = store, rebuild
        self.engine = self._started()

    def die(self) -> None:
        """Leave the engine as ``kill -9`` does: nothing is journaled any more, and the system frees its locks."""
        assert not isinstance(self.store, str)
        for source in self.sources.values():
            source.close()
        self.store.close()
        self.engine = self._started()

    # What the brokers have

    def copies(self, follower: str = F) -> list[SimulatedOrder]:
        """The orders that the engine placed there, oldest first."""
        return [order for order in self.exchange.orders(follower) if order.source == "P"]

    def held(self, account: str = F, symbol: str = CE, product: Product = Product.INTRADAY) -> int:
        return self.exchange.position(account, self.key(symbol), product)

    def asked(self, follower: str = F) -> int:
        """How many requests the follower's broker got from the engine."""
        return sum(request.account == follower and request.source == "P" for request in self.exchange.requests)

    def key(self, symbol: str) -> InstrumentKey:
        return self.lab.instrument(symbol)

    def price(self, price: Decimal | str | int, symbol: str = CE) -> None:
        self.lab.price(symbol, price)

    # What the engine says

    def facts(self, kind: type[FactT]) -> list[FactT]:
        return [entry.fact for entry in self.engine.journal() if isinstance(entry.fact, kind)]

    def codes(self, follower: str = F) -> list[object]:
        return [row["code"] for row in self.engine.decisions() if row["follower"] == follower]

    def cells(self, column: str, follower: str = F) -> list[object]:
        """A column of the engine's orders."""
        return [row[column] for row in self.engine.orders() if row["follower"] == follower]

    def alarms(self) -> list[str]:
        return [alert.code for alert in self.facts(AlertRaised)]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what threads do."""
    ticking = threading.Event()
    for _ in range(6000):
        if condition():
            return
        ticking.wait(0.01)
    raise AssertionError("it never came to hold")
