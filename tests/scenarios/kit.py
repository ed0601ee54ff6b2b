"""What the scenario tests share: a leader and followers, on virtual time or over the real client and a socket.

A test says what the leader, the followers' hands and the market do, and looks at what the brokers have and were asked.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile
from functools import partial
from operator import ne
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from dhan_copy import AlertRaised, CopyEngine, DhanAccount, Entry, Follower, Leader, MemoryStore, Policy, RateLimits
from dhan_copy.config import Instruments
from dhan_copy.core.calendar import Calendar
from dhan_copy.core.facts import LeaderReported, OrderReported, RequestIssued
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.dhan.pace import pace_of
from dhan_copy.model.freeze import FreezeLimits
from dhan_copy.model.ids import BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import Limit, Market, OrderStatus, Product, Side, StopLimit, Terms, Validity
from dhan_copy.model.times import ist
from dhan_copy.testing import (
    DhanServer,
    FakeBroker,
    FakeLinkedBroker,
    FakeSource,
    Instrument,
    LoggedRequest,
    NewOrder,
    RequestKind,
    SimulatedExchange,
    SimulatedOrder,
    VirtualClock,
)
from dhan_copy.testing.reports import report_of

PATIENCE_SECONDS = 30.0
UNPACED = RateLimits(reads_per_second=10_000)
"""Sweeps are as short as tests are."""
LEADER, F, G = "L", "F", "G"
Price = Decimal | str | int

CALL = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("45471"))
SHARE = InstrumentKey(ExchangeSegment.NSE_EQ, SecurityId("11630"))
MARKER = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("45472"))
"""Only for orders that show how far the engine has got."""

INSTRUMENTS = (
    Instrument(
        key=CALL, facts=InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX), symbol="NIFTY 22500 CE",
        expiry="2030-12-26", option_type="CE", strike=Decimal(22500),
    ),
    Instrument(key=SHARE, facts=InstrumentFacts(1, Decimal("0.05"), InstrumentKind.EQUITY), symbol="NTPC"),
    Instrument(
        key=MARKER, facts=InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX), symbol="NIFTY 22550 CE",
        expiry="2030-12-26", option_type="CE", strike=Decimal(22550),
    ),
)  # fmt: skip

MORNING = ist(datetime(2026, 11, 20, 10, 0))
"""When every stage begins: no test runs into a midnight or a holiday of its own."""
FactT = TypeVar("FactT")


class MorningClock:
    """A clock that shows :data:`MORNING` when it is made, and goes as the machine's does."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        return MORNING + timedelta(seconds=time.monotonic() - self._began)

    def monotonic(self) -> float:
        return time.monotonic()


class DurableMemory(MemoryStore):
    """A journal in memory that says that it outlives the engine, as the test keeps it."""

    durable: ClassVar[bool] = True


def copied(entries: Iterable[Entry]) -> DurableMemory:
    """A copy of a journal."""
    store = DurableMemory()
    store.acquire("test")
    store.append(list(entries))
    store.close()
    return store


def before_any_request(entries: Iterable[Entry]) -> list[Entry]:
    """A journal as it was when nothing had been issued yet."""
    return list(takewhile(lambda entry: not isinstance(entry.fact, RequestIssued), entries))


def limit(price: Price) -> Limit:
    return Limit(Decimal(price))


def stop(trigger: Price, price: Price) -> StopLimit:
    return StopLimit(Decimal(trigger), Decimal(price))


class Stage:
    """A leader, followers that copy him, and the exchange on which all of them trade: both instruments stand at 100."""

    exchange: SimulatedExchange
    engine: CopyEngine

    def __init__(self, ratios: Mapping[str, str]) -> None:
        self.followers = tuple(ratios)
        self.entries: list[Entry] = []
        self.alerts: list[AlertRaised] = []

    def open_market(self) -> None:
        for instrument in INSTRUMENTS:
            self.exchange.add_instrument(instrument)
            self.exchange.set_price(instrument.key, 100)

    # What the leader does

    def buy(self, units: int, terms: Terms = Market(), **more: Any) -> BrokerOrderId:
        """The leader buys ``units``; ``more`` are fields of a ``NewOrder``."""
        return self.place(Side.BUY, units, terms, **more)

    def sell(self, units: int, terms: Terms = Market(), **more: Any) -> BrokerOrderId:
        return self.place(Side.SELL, units, terms, **more)

    def place(
        self, side: Side, units: int, terms: Terms, *, account: str = LEADER, key: InstrumentKey = CALL, **more: Any
    ) -> BrokerOrderId:
        new = NewOrder(key=key, side=side, quantity=units, terms=terms, **more)
        return self.exchange.place(account, new).order_id

    def modify(
        self,
        order_id: str,
        *,
        units: int | None = None,
        terms: Terms | None = None,
        validity: Validity | None = None,
    ) -> None:
        """The leader changes his order; what is not named stays."""
        now = self.exchange.order(LEADER, order_id)
        self.exchange.modify(
            LEADER,
            order_id,
            quantity=now.quantity if units is None else units,
            terms=now.terms if terms is None else terms,
            validity=now.validity if validity is None else validity,
            disclosed_quantity=now.disclosed_quantity,
        )

    def cancel(self, order_id: str) -> None:
        self.exchange.cancel(LEADER, order_id)

    # What the brokers have and were asked

    def leaders(self, order_id: str) -> SimulatedOrder:
        return self.exchange.order(LEADER, order_id)

    def copies(self, follower: str = F) -> list[SimulatedOrder]:
        """What the engine has placed there, oldest first."""
        return [o for o in self.exchange.orders(follower) if o.source == "P" and o.key != MARKER]

    def copy(self, follower: str = F) -> SimulatedOrder:
        """The only copy there."""
        (only,) = self.copies(follower)
        return only

    def requests(self, kind: RequestKind | None = None, follower: str = F) -> list[LoggedRequest]:
        """What the engine asked of the follower's broker, refused or not."""
        keys = {order.order_id: order.key for order in self.exchange.orders(follower)}
        return [
            request
            for request in self.exchange.requests
            if request.account == follower
            and request.source == "P"
            and kind in (None, request.kind)
            and (request.order_id is None or keys.get(request.order_id) != MARKER)
        ]

    def modifications(self, follower: str = F) -> list[tuple[int | None, Terms | None]]:
        """The totals and terms that the engine asked for."""
        return [(request.quantity, request.terms) for request in self.requests(RequestKind.MODIFY, follower)]

    def net(self, account: str = F, key: InstrumentKey = CALL, product: Product = Product.INTRADAY) -> int:
        return self.exchange.position(account, key, product)

    # What the engine says

    def facts(self, kind: type[FactT]) -> list[FactT]:
        return [entry.fact for entry in list(self.entries) if isinstance(entry.fact, kind)]

    def leader_reports(self, order_id: str) -> list[LeaderReported]:
        """What the engine has heard of a leader order."""
        return [fact for fact in self.facts(LeaderReported) if fact.report.order_id == order_id]

    def codes(self, follower: str = F) -> list[object]:
        """The decision for each leader order."""
        markers = {order.order_id for order in self.exchange.orders(LEADER) if order.key == MARKER}
        rows = self.engine.decisions().to_dicts()
        return [r["code"] for r in rows if r["follower"] == follower and r["leader_order_id"] not in markers]

    def row(self, order_id: str, follower: str = F) -> dict[str, object]:
        """The last row that the engine shows for a leader order at a follower; empty while it shows none."""
        table = self.engine.orders()
        rows = [r for r in table if r["leader_order_id"] == order_id and r["follower"] == follower]
        return dict(rows[-1]) if rows else dict.fromkeys(table.columns)

    def status(self, account: str) -> dict[str, object]:
        (row,) = [row for row in self.engine.status() if row["account"] == account]
        return dict(row)

    def drift(self, follower: str = F, key: InstrumentKey = CALL) -> dict[str, object] | None:
        rows = [r for r in self.engine.drift() if r["follower"] == follower and r["instrument"] == str(key)]
        return dict(rows[0]) if rows else None

    def story(self) -> str:
        """What a failed test should show."""
        tables = (self.engine.status(), self.engine.decisions(), self.engine.orders())
        lines = ["it never came to hold", *(repr(table) for table in tables)]
        return "\n".join([*lines, *(f"{entry.position} {entry.fact}"[:400] for entry in list(self.entries)[-40:])])

    # Going on

    def until(self, condition: Callable[[], object]) -> None:
        """Go on until ``condition`` holds."""
        raise NotImplementedError

    def settle(self) -> None:
        """Go on until all that has happened so far has been seen and acted upon."""
        raise NotImplementedError

    def withhold_news(self, account: str) -> None:
        """Keep what happens to the account's orders from the engine until :meth:`release_news`."""
        raise NotImplementedError

    def release_news(self, account: str) -> None:
        raise NotImplementedError

    def reconnect(self, account: str) -> None:
        """Lose the connection that tells of the account's orders, and get it back: what was missed is read."""
        raise NotImplementedError

    def close(self) -> None:
        self.engine.stop()


class Lab(Stage):
    """The simulated exchange on virtual time: an engine without threads, stepped."""

    def __init__(
        self,
        ratios: Mapping[str, str],
        *,
        policy: Policy = Policy(),
        limits: Mapping[str, RateLimits] = {},
        how: Mapping[str, Any] = {},
        start: datetime = MORNING,
        calendar: Calendar | None = None,
        instruments: Instruments | None = None,
        freeze_limits: FreezeLimits | None = None,
        prepare: Callable[[SimulatedExchange], object] = lambda exchange: None,
    ) -> None:
        super().__init__(ratios)
        self.clock = VirtualClock(start)
        self.exchange = SimulatedExchange(self.clock, [LEADER, *ratios])
        self.open_market()
        prepare(self.exchange)
        self.brokers = {name: FakeLinkedBroker(self.exchange, name) for name in ratios}
        self.sources: dict[str, FakeSource] = {}
        self.store = DurableMemory()

        def again() -> CopyEngine:
            self.sources = {
                name: FakeSource(self.exchange, name, linked=True, forever=name == LEADER) for name in (LEADER, *ratios)
            }
            return CopyEngine(
                leaders=[Leader(LEADER, source=self.sources[LEADER])],
                followers=[
                    Follower(
                        name, size=size, broker=self.brokers[name], source=self.sources[name], live=True,
                        limits=limits.get(name, RateLimits()), **how,
                    )
                    for name, size in ratios.items()
                ],
                store=self.store,
                policy=policy,
                calendar=calendar,
                instruments=instruments,
                freeze_limits=freeze_limits,
                clock=self.clock,
                on_event=self.entries.append,
                on_alert=self.alerts.append,
            )  # fmt: skip

        self.again = again
        self.engine = again()
        self.step()

    def step(self) -> None:
        self.engine.step()

    def restart(self, old: Iterable[Entry] | None = None) -> None:
        """Stop the engine and start another on the same journal, or on an ``old`` copy of it."""
        self.engine.stop()
        if old is not None:
            self.store = copied(old)
        self.engine = self.again()
        self.step()

    def advance(self, seconds: float) -> None:
        """Let time pass, with a step whenever the engine wants one."""
        end = self.clock.monotonic() + seconds
        while (due := self.engine.due) is not None and due < end:
            self.clock.advance(max(due - self.clock.monotonic(), 0.01))
            self.engine.step()
        self.clock.advance(max(end - self.clock.monotonic(), 0.0))
        self.engine.step()

    def until(self, condition: Callable[[], object]) -> None:
        self.step()
        for _ in range(300):
            if condition():
                return
            self.advance(1)
        raise AssertionError(self.story())

    def settle(self) -> None:
        self.step()

    def withhold_news(self, account: str) -> None:
        self.sources[account].withhold()

    def release_news(self, account: str) -> None:
        self.sources[account].release()

    def reconnect(self, account: str) -> None:
        self.sources[account].release(())
        self.sources[account].reconnect()


class Started(Stage):
    """An engine on threads of its own."""

    def until(self, condition: Callable[[], object]) -> None:
        ticking = threading.Event()
        for _ in range(int(PATIENCE_SECONDS / 0.01)):
            if condition():
                return
            ticking.wait(0.01)
        raise AssertionError(self.story())

    def ready(self) -> None:
        """Wait until the engine has read the leader's book and what he holds."""

        def known() -> bool:
            status = self.engine.status()[0]
            return status["health"] == "OK" and status["book_read_at"] is not None

        self.until(known)

    def read_anew(self, *accounts: str) -> None:
        """Until a look at each account has ended that began after this; one may be under way."""
        for _ in range(2):
            ended = self._read_at(accounts)
            self.until(lambda: all(map(ne, self._read_at(accounts), ended)))

    def _read_at(self, accounts: Sequence[str]) -> list[object]:
        at = {row["account"]: row["book_read_at"] for row in self.engine.status()}
        return [at[account] for account in accounts]

    def settle(self) -> None:
        # What was told first is taken first, and requests of one kind leave in the order in which they were decided:
        # once a later order has been copied and its fills are known, everything before it has been seen; once that
        # has happened again, everything has been done that followed from it.
        for _ in range(2):
            marker = self.place(Side.BUY, 150, limit(1), key=MARKER)
            for follower in self.followers:
                self.until(lambda: self._open_marker(follower) is not None)
                copy = self._open_marker(follower)
                assert copy is not None
                self.exchange.fill(follower, copy.order_id)
                self.until(lambda: any(f.report.order_id == copy.order_id for f in self.facts(OrderReported)))
            self.exchange.fill(LEADER, marker)

    def _open_marker(self, follower: str) -> SimulatedOrder | None:
        orders = self.exchange.orders(follower)
        return next((o for o in orders if o.key == MARKER and o.status is OrderStatus.PENDING), None)


class GatedBroker(FakeBroker):
    """A fake broker that can be told to take its time: requests wait, executed or not, until ``go_on``."""

    def __init__(self, exchange: SimulatedExchange, account: str) -> None:
        super().__init__(exchange, account)
        self.go_on = threading.Event()
        self.go_on.set()
        self.inside = 0
        self.most_inside = 0

    def submit(self, request: Submit) -> BrokerOrderId:
        self._wait()
        try:
            return super().submit(request)
        finally:
            self.inside -= 1

    def modify(self, request: Modify) -> None:
        self._wait()
        try:
            super().modify(request)
        finally:
            self.inside -= 1

    def cancel(self, request: Cancel) -> None:
        self._wait()
        try:
            super().cancel(request)
        finally:
            self.inside -= 1

    def _wait(self) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        assert self.go_on.wait(PATIENCE_SECONDS)


class Slow(Started):
    """The simulated exchange, and followers' brokers that answer when they are told to."""

    def __init__(self, ratios: Mapping[str, str], *, policy: Policy = Policy()) -> None:
        super().__init__(ratios)
        self.exchange = SimulatedExchange(MorningClock(), [LEADER, *ratios])
        self.open_market()
        self.brokers = {name: GatedBroker(self.exchange, name) for name in ratios}
        self.sources = {name: FakeSource(self.exchange, name, linked=True) for name in (LEADER, *ratios)}
        self.engine = CopyEngine(
            leaders=[Leader(LEADER, source=self.sources[LEADER])],
            followers=[
                Follower(name, size=size, broker=self.brokers[name], source=self.sources[name], live=True)
                for name, size in ratios.items()
            ],
            store=DurableMemory(),
            policy=policy,
            clock=self.exchange.clock,
            on_event=self.entries.append,
            on_alert=self.alerts.append,
        )  # fmt: skip
        self.engine.start()
        self.ready()

    def tell_again(self, order_id: str) -> None:
        """Have the leader's source say once more what it has said of an order."""
        order = self.leaders(order_id)
        self.sources[LEADER].push(report_of(order, self.exchange.instrument(order.key)))

    def close(self) -> None:
        for broker in self.brokers.values():
            broker.go_on.set()
        super().close()


class Wire(Started):
    """The real ``dhanhq`` client and a real socket against the local Dhan server, with the journal in a file."""

    def __init__(
        self,
        ratios: Mapping[str, str],
        directory: Path,
        *,
        policy: Policy = Policy(),
        limits: Mapping[str, RateLimits] = {},
        how: Mapping[str, Any] = {},
        calendar: Calendar | None = None,
        freeze_limits: FreezeLimits | None = None,
        timeout_seconds: float = 10.0,
        silence_seconds: float = 60.0,
        prepare: Callable[[SimulatedExchange], object] = lambda exchange: None,
        lines: Mapping[str, Callable[[DhanServer], Mapping[str, Any]]] = {},
        instruments: Callable[[DhanServer], Instruments] = lambda server: {each.key: each.facts for each in INSTRUMENTS},
    ) -> None:
        """``lines`` says what else than the server's own addresses an account is given; its socket is not waited for."""
        super().__init__(ratios)
        names = (LEADER, *ratios)
        self.tokens = {name: f"local-token-of-{name}" for name in names}
        """What each account's token callable answers."""
        self.server = DhanServer(list(self.tokens.items()), clock=MorningClock())
        self.exchange = self.server.exchange
        self.open_market()
        prepare(self.exchange)
        self.server.set_limits(())
        self.server.start()
        accounts = {
            account.client_id: DhanAccount(
                account.client_id,
                partial(self.tokens.__getitem__, account.client_id),
                **{
                    "base_url": self.server.rest_url,
                    "feed_url": self.server.feed_url,
                    "timeout_seconds": timeout_seconds,
                    **(lines[account.client_id](self.server) if account.client_id in lines else {}),
                },
            )
            for account in self.server.accounts
        }
        self.paces = [pace_of(self.server.rest_url, name) for name in names]
        for pace in self.paces:
            pace.per_second = UNPACED.reads_per_second

        def again(*, rebuild: bool = False) -> CopyEngine:
            return CopyEngine(
                leaders=[
                    Leader(
                        accounts[LEADER],
                        source=accounts[LEADER].feed(
                            ping_seconds=silence_seconds / 3, silence_seconds=silence_seconds, linked=True, forever=True
                        ),
                    )
                ],
                followers=[
                    Follower(accounts[name], size=size, live=True, limits=limits.get(name, UNPACED), **how)
                    for name, size in ratios.items()
                ],
                store=directory / "journal.db",
                policy=policy,
                calendar=calendar,
                instruments=instruments(self.server),
                freeze_limits=freeze_limits,
                clock=self.exchange.clock,
                rebuild=rebuild,
                on_event=self.entries.append,
                on_alert=self.alerts.append,
            )

        self.again = again
        """Makes another engine for the same accounts, on the same file."""
        try:
            self.engine = again()
            self.engine.start()
            for name in [name for name in names if name not in lines]:
                assert self.server.wait_for_sockets(1, name, PATIENCE_SECONDS)
            self.ready()
        except BaseException:
            self.server.stop()
            raise

    def bodies(self, method: str, follower: str = F) -> list[dict[str, object]]:
        """The JSON of the order requests that arrived from a follower."""
        markers = {order.order_id for order in self.exchange.orders(follower) if order.key == MARKER}
        return [
            body
            for request in self.server.requests(follower)
            if request.method == method and request.path.rsplit("/", 1)[-1] not in markers
            for body in [json.loads(request.body) if request.body else {}]
            if body.get("securityId") != MARKER.security_id
        ]

    def paths(self, method: str, follower: str = F) -> list[str]:
        return [request.path for request in self.server.requests(follower) if request.method == method]

    def withhold_news(self, account: str) -> None:
        assert self.server.pause_sockets(account) == 1

    def release_news(self, account: str) -> None:
        assert self.server.resume_sockets(account) == 1

    def reconnect(self, account: str) -> None:
        assert self.server.drop_sockets(account) == 1

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.server.stop()


def exactly(value: object) -> Fraction:
    """A cell of a table as an exact number."""
    assert isinstance(value, int | Decimal | Fraction), value
    return Fraction(value)
