"""One account behind its network: requests and reads go out one at a time, and some of them go wrong."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain
from random import Random

from dhan_copy.core.facts import (
    BookRead,
    Channel,
    Fact,
    LeaderReported,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    PositionsReported,
    ReadFailed,
    Refusal,
    RequestAccepted,
    RequestRejected,
    TradingState,
)
from dhan_copy.core.legs import parts_of
from dhan_copy.core.requests import (
    Cancel,
    Command,
    Intent,
    Modify,
    Query,
    ReadFunds,
    ReadKillSwitch,
    ReadMargin,
    ReadOrders,
    ReadPositions,
    ReadQuotes,
    Submit,
    TurnKillSwitch,
    all_of,
)
from dhan_copy.model.account import Position
from dhan_copy.model.ids import BrokerOrderId, is_ours
from dhan_copy.model.order import OrderReport, Product
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.forever import ForeverDesk
from dhan_copy.testing.simulation.host import Host, withheld
from dhan_copy.testing.simulation.linked import in_book
from dhan_copy.testing.simulation.market import Account, Listing, TrueOrder
from dhan_copy.testing.simulation.supers import SuperDesk
from dhan_copy.testing.simulation.timeline import Timeline

TIMEOUT_SECONDS = 10.0
LONGEST_LAG_SECONDS = 30.0
LATEST_ARRIVAL_SECONDS = 60.0
FULL_BOOK_EVERY = 8
FULL_BOOK_SECONDS = 120.0
"""Rows that have not changed for a while are left out of most reads, for speed; not for longer than this, for nobody may
have been there to hear of their last change."""

Request = Submit | Modify | Cancel
Answer = Callable[[], Fact]
Carry = Callable[[Request, bool], tuple[BrokerOrderId | None, tuple[Refusal, str, bool] | None]]
"""Executes a request that has arrived (late or not): the broker's id, or why it refused and whether finally."""


class Desk:
    """The worker of one account."""

    def __init__(
        self, timeline: Timeline, random: Random, faults: Faults, host: Host, account: Account, carry: Carry | None
    ) -> None:
        self.timeline, self.random, self.faults, self.host, self.account = timeline, random, faults, host, account
        self.carry = carry
        """None for a leader: he takes no requests."""
        self.on_lost: Callable[[Request], None] = lambda request: None
        self.apart: Callable[[Account], dict[tuple[Listing, Product], int]] = lambda account: {}
        """What the account holds under products other than those that its orders are kept by."""
        self.parents_in_book = True
        """Whether rows of the order book name the entry of a bracket or cover order's leg."""
        self.supers: SuperDesk | None = None
        """Where a follower's broker keeps super orders."""
        self.forever: ForeverDesk | None = None
        """Lists the account's Forever orders."""
        self.latency_seconds = random.choice((0.005, 0.03, 0.2))
        self.lag_until = 0.0
        self.lag_seconds = 0.0
        self.out_until = 0.0
        self.out_how = ""
        self._jobs: list[tuple[int, int, Command, float | None]] = []
        self._count = 0
        self._busy = False
        self._reads = 0
        self._shown_in_full = 0.0

    def put(self, command: Command) -> None:
        if not isinstance(command, (Submit, Modify, Cancel)):
            asked = all_of(command)
            if any(asked == all_of(queued) for _, _, queued, _ in self._jobs):
                return
        self._count += 1
        deadline = None
        if isinstance(command, (Submit, Modify)) and command.not_after is not None:
            deadline = self.timeline.now + (command.not_after - self.host.clock.now()).total_seconds()
        heapq.heappush(self._jobs, (_urgency(command), self._count, command, deadline))
        self._next()

    def forget(self) -> None:
        """The process is gone, and its queue with it."""
        self._jobs.clear()
        self._busy = False

    def heal(self) -> None:
        self.lag_until = self.out_until = 0.0

    def _next(self) -> None:
        if self._busy or not self._jobs:
            return
        self._busy = True
        life = self.host.life
        wait = max(0.0, self.host.stalled_until - self.timeline.now)
        if wait:
            # In short naps, for it may go on sooner than it seems.
            self.timeline.after(min(wait, 5.0), lambda: self._resume(life))
        else:
            self._perform()

    def _resume(self, life: int) -> None:
        if life == self.host.life:
            self._busy = False
            self._next()

    def _perform(self) -> None:
        _, _, command, deadline = heapq.heappop(self._jobs)
        if isinstance(command, (Submit, Modify, Cancel)):
            self._send(command, deadline)
        else:
            self._read(command)

    def _answer(self, seconds: float, answer: Callable[[], tuple[Fact, ...]], then: Command | None = None) -> None:
        """Hand over what ``answer`` gives when it comes; the next job may go after it."""
        life = self.host.life

        def come() -> None:
            facts = answer()
            if life != self.host.life:
                return
            self.host.put(*facts)
            self._busy = False
            if then is not None:
                self._busy = True
                self._read(then)
            else:
                self._next()

        self.timeline.after(seconds, come)

    # Requests

    def _send(self, request: Request, deadline: float | None) -> None:
        problem = self._objection(request, deadline)
        if problem:
            fact = withheld(request, problem)
            self._answer(0.0, lambda: (fact,))
            return
        assert self.carry is not None
        there = self.latency_seconds * self.random.uniform(0.5, 2.0)
        back = self.latency_seconds * self.random.uniform(0.5, 2.0)
        fate = self._fate(request)
        if fate in ("429", "401", "IP"):
            refusal = {"429": Refusal.RATE_LIMIT, "401": Refusal.AUTHENTICATION, "IP": Refusal.IP}[fate]
            refused = rejected(request, refusal, fate, False)
            self._answer(there + back, lambda: (refused,))
            return
        if fate in ("lost", "late", "answer lost", "5xx"):
            self._lose(request, fate, there)
            return
        carry = self.carry
        outcome: list[Fact] = []

        def arrive() -> None:
            outcome.append(self._outcome(request, carry(request, False)))

        self.timeline.after(there, arrive)
        self._answer(there + back, lambda: tuple(outcome))

    def _lose(self, request: Request, fate: str, there: float) -> None:
        carry = self.carry
        assert carry is not None
        gives_up = TIMEOUT_SECONDS if fate != "5xx" and self.random.random() < 0.7 else self.random.uniform(0.05, 1.0)
        if fate == "late":
            gives_up = TIMEOUT_SECONDS
            arrives = gives_up + self.random.uniform(0.5, LATEST_ARRIVAL_SECONDS)
            if self.timeline.day() == self.timeline.day(arrives):  # no exchange takes what was sent before its last close
                self.timeline.after(arrives, lambda: void(carry(request, True)))
        elif fate == "answer lost" or (fate == "5xx" and self.random.random() < 0.5):
            self.timeline.after(min(there, gives_up), lambda: void(carry(request, False)))
        fact = OutcomeUnresolved(
            follower=request.follower, client_order_id=request.client_order_id, attempt=request.attempt, problem=fate
        )

        def give_up() -> tuple[Fact, ...]:
            self.on_lost(request)
            return (fact,)

        self._answer(gives_up, give_up)

    def _objection(self, request: Request, deadline: float | None) -> str:
        """What the gate of the runtime asks just before the write."""
        state = self.host.allowed(request.follower)
        if isinstance(request, Cancel):
            return ""
        if state is TradingState.HALTED or (state is TradingState.REDUCING and request.intent is Intent.ENTRY):
            return f"{state.value} before it was sent"
        late = deadline is not None and self.timeline.now > deadline
        if request.not_after is not None and (late or self.host.clock.now() > request.not_after):
            return "too late"
        return ""

    def _fate(self, request: Request) -> str:
        strike = self.faults.strike
        if self.timeline.now < self.out_until:
            return self.out_how
        if strike("F35"):
            self.out_how = self.random.choice(("5xx", "401", "IP"))
            self.out_until = self.timeline.now + self.random.uniform(1.0, 90.0)
            return self.out_how
        if strike("F34"):
            return "429"
        if isinstance(request, Modify) and strike("F39"):
            return self.random.choice(("lost", "late", "answer lost"))
        if strike("F30"):
            return "lost"
        if strike("F31"):
            return "answer lost"
        if strike("F32"):
            return "late"
        return ""

    def _outcome(self, request: Request, said: tuple[BrokerOrderId | None, tuple[Refusal, str, bool] | None]) -> Fact:
        order_id, refusal = said
        if refusal is not None:
            return rejected(request, *refusal)
        assert order_id is not None
        return RequestAccepted(
            follower=request.follower, client_order_id=request.client_order_id, attempt=request.attempt,
            broker_order_id=order_id,
        )  # fmt: skip

    # Reads

    def _read(self, read: Command) -> None:
        read_at = self.host.clock.now()
        there = self.latency_seconds * self.random.uniform(0.5, 2.0)
        back = self.latency_seconds * self.random.uniform(0.5, 2.0)
        then = ReadOrders(account=read.follower, forever=read.forever, linked=read.linked) if isinstance(read, Query) else None
        name = type(read).__name__ + (f":{read.client_order_id}" if isinstance(read, Query) else "")
        if self.faults.strike("F26") or (self.timeline.now < self.out_until and self.out_how != "IP"):
            failed = ReadFailed(account=self.account.name, what=name, problem="the read failed")
            self._answer(there + back, lambda: (failed,), then)
            return
        if self.faults.strike("F36"):
            if isinstance(read, Query) and self.random.random() < 0.3:
                other = ReadFailed(account=self.account.name, what=name, problem="it showed another order")
                self._answer(there + back, lambda: (other,), then)
                return
            self.lag_seconds = self.random.uniform(1.0, LONGEST_LAG_SECONDS)
            self.lag_until = self.timeline.now + self.random.uniform(1.0, 60.0)
        shown: list[Fact] = []
        self.timeline.after(there, lambda: shown.extend(self._look(read, read_at)))
        self._answer(there + back, lambda: tuple(shown), then)

    def _look(self, read: Command, read_at: datetime) -> tuple[Fact, ...]:
        match read:
            case Query():
                order = self.account.by_tag.get(read.client_order_id)
                hidden = order is None or order.ghost or order.forever is not None
                report = None if order is None or hidden else order.as_of(self._shown_until())
                if report is not None and order is not None:
                    report = self._row(order, report, listed=False)
                if report is None:
                    return (OrderNotFound(follower=read.follower, client_order_id=read.client_order_id, read_at=read_at),)
                return (OrderReported(follower=read.follower, report=report, channel=Channel.BOOK, read_at=read_at),)
            case ReadOrders():
                return self.book(read_at, listed=read.linked, forever=read.forever)
            case ReadPositions():
                positions = self._positions(read_at)
                return (*self.book(read_at, lagging=False), positions) if self.carry is None else (positions,)
            case (
                ReadFunds() | ReadMargin() | ReadQuotes() | ReadKillSwitch() | TurnKillSwitch() | Submit() | Modify() | Cancel()
            ):
                raise AssertionError(f"not asked in the simulation: {read}")

    def _shown_until(self) -> float:
        """The moment that books show: now, or earlier while they lag."""
        return self.timeline.now - (self.lag_seconds if self.timeline.now < self.lag_until else 0.0)

    def _row(self, order: TrueOrder, report: OrderReport, *, listed: bool) -> OrderReport | None:
        return report if self.supers is None or order.family is None else self.supers.row(order, report, listed=listed)

    def whole(self, read_at: datetime) -> tuple[Fact, ...]:
        """All that the account shows, with nothing left out."""
        self._shown_in_full = -FULL_BOOK_SECONDS
        rows = self.book(read_at, lagging=False)
        return (*rows, self._positions(read_at)) if self.carry is None else rows

    def book(self, read_at: datetime, *, lagging: bool = True, listed: bool = False, forever: bool = False) -> tuple[Fact, ...]:
        """Every row, then that the book was read; ``listed``, with the list of super orders, which may fail by itself; with
        ``forever``, and of a leader, with the list of Forever orders."""
        self._reads += 1
        unlisted = listed and self.faults.strike("F26")
        until = self._shown_until() if lagging else self.timeline.now
        # The list is read after the book: what it still shows as waiting had not fired then.
        earlier = 0.0 if self.forever is None else self.random.uniform(0.0, self.latency_seconds / 2)
        book_until = until - earlier
        truncated = lagging and self.carry is None and self.faults.strike("F26")
        everything = self._reads % FULL_BOOK_EVERY == 0 or self.timeline.now - self._shown_in_full >= FULL_BOOK_SECONDS
        if everything:
            self._shown_in_full = self.timeline.now
        settled = self.timeline.second() - timedelta(seconds=150)
        name = self.account.name
        rows: list[Fact] = []
        tags = []
        supers: list[OrderReport] = []
        for order in self.account.orders.values():
            if order.ghost or order.is_listed:
                continue
            # What a Forever order placed is known by its row alone.
            if not everything and order.updated_at < settled and not order.is_open and order.forever is None:
                if is_ours(order.tag) and order.shown_tag is not None:
                    tags.append(order.shown_tag)
                continue
            report = order.as_of(book_until)
            if order.forever is not None and report is not None and report.parent_order_id is None:
                continue  # it had not fired then
            if report is not None:
                if listed and not unlisted and order.family is not None:
                    supers.append(report)
                report = self._row(order, report, listed=listed and not unlisted)
            if report is None or (truncated and self.random.random() < 0.3):
                continue
            if is_ours(report.client_order_id) and report.client_order_id is not None:
                tags.append(report.client_order_id)
            if self.carry is None:
                if report.parent_order_id is not None and order.forever is None and self.faults.strike("F40"):
                    continue
                row = in_book(report, parents=self.parents_in_book)
                rows.append(LeaderReported(leader=name, report=row, channel=Channel.BOOK, read_at=read_at))
            else:
                row = in_book(report, parents=True)
                rows.append(OrderReported(follower=name, report=row, channel=Channel.BOOK, read_at=read_at))
        # Where one list fails the next is not read.
        waiting = self._forever_rows(until) if (forever and not unlisted) or self.carry is None else None
        for row in waiting or ():
            if self.carry is None:
                rows.append(LeaderReported(leader=name, report=row, channel=Channel.BOOK, read_at=read_at))
            else:
                rows.append(OrderReported(follower=name, report=row, channel=Channel.BOOK, read_at=read_at))
        wait = None if waiting is None else tuple(dict.fromkeys(row.order_id for row in waiting))
        shown = tuple(chain.from_iterable(map(parts_of, supers))) if listed and not unlisted else None
        book = (*rows, BookRead(account=name, read_at=read_at, tags=tuple(tags), forever=wait, linked=shown))
        return (*book, ReadFailed(account=name, what="ReadOrders", problem="no list of super orders")) if unlisted else book

    def _forever_rows(self, until: float) -> list[OrderReport] | None:
        """None where their list could not be read, or nobody has any."""
        if self.forever is None or self.faults.strike("F26"):
            return None
        return self.forever.list_of(self.account, until)

    def catch_up(self) -> None:
        """What a leader's feed does after a gap: book and positions in one batch."""
        read_at = self.host.clock.now()
        if self.faults.strike("F26"):
            self.host.put(ReadFailed(account=self.account.name, what="ReadOrders", problem="the read failed"))
            return
        self.host.put(*self.book(read_at, lagging=False), self._positions(read_at))

    def _positions(self, read_at: datetime) -> PositionsReported:
        apart = self.apart(self.account)
        net = {(listing, listing.product): units for listing, units in self.account.net.items()} | apart
        for (listing, _), units in apart.items():
            net[listing, listing.product] = net.get((listing, listing.product), 0) - units
        held = tuple(
            Position(listing.key.segment, listing.key.security_id, product, units)
            for (listing, product), units in net.items()
            if units
        )
        return PositionsReported(account=self.account.name, read_at=read_at, positions=held)


def rejected(request: Request, refusal: Refusal, text: str, final: bool) -> RequestRejected:
    return RequestRejected(
        follower=request.follower, client_order_id=request.client_order_id, attempt=request.attempt,
        refusal=refusal, code="DH-906", text=text, final=final,
    )  # fmt: skip


def void(_: object) -> None:
    """For what nobody is told."""


def _urgency(command: Command) -> int:
    match command:
        case Cancel():
            return 0
        case Submit() | Modify():
            return 1 if command.intent is Intent.EXIT else 2
        case TurnKillSwitch():
            return 2
        case ReadPositions() | ReadMargin() | ReadKillSwitch():
            return 3
        case Query():
            return 4
        case ReadOrders() | ReadFunds() | ReadQuotes():
            return 5
