"""Judges a copier by what its model broker saw. It calls nothing of the core, and never looks at its state."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field

from dhan_copy.core.facts import (
    BookRead,
    CopyAdmitted,
    CopyDeclined,
    DriftDeclared,
    EngineStarted,
    Entry,
    Fact,
    LeaderReported,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    RequestAccepted,
    RequestRejected,
    RequestWithheld,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.model.order import Market, OrderReport, OrderStatus
from dhan_copy.model.reason import ReasonCode
from dhan_copy.testing.simulation.ideal import Ideals
from dhan_copy.testing.simulation.market import LISTINGS, Account
from tests.core.slow_world import Asked
from tests.core.world import OVER, TrueOrder

if TYPE_CHECKING:
    from tests.core.judged_world import JudgedWorld

ABSENCE, ENTRY_AGE, TO_SEND = timedelta(seconds=90), timedelta(seconds=30), timedelta(seconds=5)
LISTING = LISTINGS[0]
Part = tuple[str, str, Intent]
"""The leader's order, the follower, and what the follower's order is for."""


@define
class Lost:
    """A placement of which nobody knows whether it has arrived, and the good reads since that did not show it."""

    at: datetime
    by_tag: int = 0
    in_book: int = 0

    @property
    def is_absent(self) -> bool:
        """Whether it is proven not to have arrived."""
        return self.by_tag >= 2 and self.in_book >= 2


@define(eq=False)
class Judge:
    """Each check names its invariant by number."""

    world: JudgedWorld
    rare: Counter[str] = field(factory=Counter)
    submits: dict[Part, list[Submit]] = field(factory=dict)
    parts: dict[str, Part] = field(factory=dict)
    reached: set[str] = field(factory=set)
    known: set[str] = field(factory=set)
    """Tags that some answer or report has told the core about."""
    told_fills: Counter[str] = field(factory=Counter)
    under_way: dict[str, Asked] = field(factory=dict)
    lost: dict[str, Lost] = field(factory=dict)
    lost_changes: dict[str, tuple[datetime, Modify | Cancel]] = field(factory=dict)
    absent: Counter[Part] = field(factory=Counter)
    refused_for_now: set[str] = field(factory=set)
    terms_refused: set[str] = field(factory=set)
    newest: dict[str, OrderReport] = field(factory=dict)
    """The newest version of each leader order that the core has been told."""
    trading: dict[str | None, TradingState] = field(factory=dict)
    decisions: dict[tuple[str, str], list[CopyAdmitted | CopyDeclined]] = field(factory=dict)
    arrivals: dict[str, list[datetime]] = field(factory=dict)
    modifications: Counter[str] = field(factory=Counter)
    ideals: Ideals = field(factory=Ideals)
    journaled_fills: Counter[str] = field(factory=Counter)

    def hold(self, invariant: int, holds: bool, what: str) -> None:
        assert holds, f"invariant {invariant}: {what}"

    # What the core is told

    def heard(self, fact: Fact, now: datetime) -> None:
        match fact:
            case LeaderReported(report=report):
                known = self.newest.get(report.order_id)
                if known is None or _newer(report, known):
                    self.newest[report.order_id] = report
                elif report != known:
                    self.rare["an older state after a newer one"] += 1
            case OrderReported(report=report) if report.client_order_id is not None:
                self._shown(report.client_order_id, fact)
            case RequestAccepted() | RequestRejected() | RequestWithheld():
                self._answered(fact)
            case OutcomeUnresolved():
                self._unknown(fact.client_order_id, now)
            case OrderNotFound() if fact.client_order_id in self.lost:
                lost = self.lost[fact.client_order_id]
                lost.by_tag += fact.read_at >= lost.at + ABSENCE
            case BookRead():
                for tag, lost in self.lost.items():
                    if self.parts[tag][1] == fact.account and tag not in fact.tags:
                        lost.in_book += fact.read_at >= lost.at + ABSENCE
            case EngineStarted():
                for tag in [*self.under_way, *(tag for tag, lost in self.lost.items() if not lost.is_absent)]:
                    self._unknown(tag, now)
            case TradingStateChanged():
                self.trading[fact.follower] = fact.state
            case _:
                pass

    def _shown(self, tag: str, fact: OrderReported) -> None:
        report = fact.report
        self.known.add(tag)
        self.told_fills[tag] = max(self.told_fills[tag], report.filled_quantity)
        if tag in self.lost:
            self.rare["a lost placement is found"] += 1
            del self.lost[tag]
        if isinstance(self.under_way.get(tag), Submit) or report.status in OVER:
            self.rare["a report before the answer"] += tag in self.under_way
            self.under_way.pop(tag, None)
        if tag in self.lost_changes:
            at, request = self.lost_changes[tag]
            shows = isinstance(request, Modify) and (report.quantity, report.terms) == (request.quantity, request.terms)
            if shows or report.status in OVER or (fact.read_at is not None and fact.read_at > at):
                del self.lost_changes[tag]

    def _answered(self, fact: RequestAccepted | RequestRejected | RequestWithheld) -> None:
        tag = fact.client_order_id
        self.under_way.pop(tag, None)
        if isinstance(fact, RequestAccepted):
            self.known.add(tag)
        elif isinstance(fact, RequestRejected):
            self.terms_refused.add(tag)
            if fact.attempt == 1 and not fact.final:
                self.refused_for_now.add(tag)

    def _unknown(self, tag: str, now: datetime) -> None:
        request = self.under_way.pop(tag, None)
        if tag in self.lost or isinstance(request, Submit):
            self.lost[tag] = Lost(now)
        elif request is not None:
            self.lost_changes[tag] = (now, request)

    # What the core says

    def journaled(self, entry: Entry) -> None:
        fact = entry.fact
        match fact:
            case LeaderReported(report=report):
                if report.order_id not in self.journaled_fills:
                    self.journaled_fills[report.order_id] = 0
                    self.ideals.first_seen(report, Account(report.account, _tell_nobody), LISTING, self.world.names)
                grown = report.filled_quantity - self.journaled_fills[report.order_id]
                if grown > 0:
                    self.journaled_fills[report.order_id] += grown
                    self.ideals.leader_filled(report, grown, LISTING, self.world.names)
            case CopyAdmitted() | CopyDeclined():
                made = self.decisions.setdefault((fact.leader_order_id, fact.follower), [])
                fresh = not made or (isinstance(fact, CopyDeclined) and isinstance(made[-1], CopyAdmitted))
                self.hold(3, fresh, f"{fact} after {made}")
                made.append(fact)
                if isinstance(fact, CopyAdmitted):
                    self.ideals.admitted(fact)
            case DriftDeclared():
                self.rare[f"drift {fact.reason.name}"] += 1
                self._by_hand(fact)
                self.ideals.declared(fact.follower, LISTING, None, fact.quantity)
            case _:
                pass

    def _by_hand(self, fact: DriftDeclared) -> None:
        """Nobody closes positions by hand: to say so is only right while some fill has not been told."""
        untold = [
            order for order in self.world.books[fact.follower].values()
            if order.report.filled_quantity > self.told_fills[order.report.client_order_id or ""]
        ]  # fmt: skip
        self.hold(4, fact.reason not in (ReasonCode.MANUAL, ReasonCode.CONVERTED) or bool(untold), f"{fact}, which nobody did")

    def asked(self, request: Asked, now: datetime) -> None:
        tag = request.client_order_id
        self.hold(11, tag not in self.under_way, f"{request} while {self.under_way.get(tag)} is under way")
        self.hold(8, tag not in self.lost_changes, f"{request} although {self.lost_changes.get(tag)} is unknown")
        match request:
            case Submit():
                self._placement(request, now)
            case Modify() | Cancel():
                self.hold(8, tag not in self.lost, f"{request}, of which nobody knows whether it was placed")
                self.hold(11, tag in self.known, f"{request} before its placement is known")
                true = self.world.books[request.follower].get(request.broker_order_id)
                self.hold(11, true is not None and true.report.client_order_id == tag, f"{request} names another order")
        if not isinstance(request, Cancel):
            self._allowed(request)
            self._sized(request)
        self.under_way[tag] = request

    def _placement(self, request: Submit, now: datetime) -> None:
        part = (request.leader_order_id, request.follower, request.intent)
        self.hold(14, request.leader_order_id not in self.world.looped, f"{request} copies an order of our own")
        before = self.submits.setdefault(part, [])
        self.hold(1, request.client_order_id not in self.parts, f"{request} uses an id twice")
        live = [order for order in self.world.placed(part) if order.is_open]
        most = self.world.limits.modifications_per_order
        spent = [order for order in live if self.modifications[order.report.client_order_id or ""] == most]
        self.hold(1, live == (spent if request.intent is Intent.EXIT else []), f"{request} beside a live one")
        if before:
            self._again(request, before)
        if request.intent is Intent.ENTRY:
            limit = request.not_after
            self.hold(21, limit is not None and limit <= now + TO_SEND, f"{request} may leave late")
            self._fresh(request, now)
        before.append(request)
        self.parts[request.client_order_id] = part

    def _again(self, request: Submit, before: list[Submit]) -> None:
        last = before[-1].client_order_id
        lost = self.lost.pop(last, None)
        if request.intent is Intent.ENTRY:
            self.hold(9, last in self.refused_for_now and not self.world.has(last), f"{request} enters again")
            self.rare["an entry refused for a while is sent"] += 1
        elif lost is not None:
            self.hold(8, lost.is_absent, f"{request} although {last} may have arrived: {lost}")
            self.absent[(request.leader_order_id, request.follower, request.intent)] += 1
            self.hold(9, max(self.absent.values()) == 1, f"{request} is sent a third time")
            self.rare["an exit is sent again after its absence is proven"] += 1
        else:
            self.rare["an exit is sent at the next generation"] += 1

    def _fresh(self, request: Submit, now: datetime) -> None:
        newest = self.newest[request.leader_order_id]
        assert newest.updated_at is not None
        momentary = newest.status in OVER or isinstance(newest.terms, Market)
        self.hold(21, not momentary or now - newest.updated_at <= ENTRY_AGE, f"{request} is late: {newest}")
        dead = newest.status in (OrderStatus.CANCELLED, OrderStatus.REJECTED) and not newest.filled_quantity
        self.hold(10, not dead, f"{request} although {newest.status}")

    def _allowed(self, request: Submit | Modify) -> None:
        said = (self.trading.get(None), self.trading.get(request.follower))
        self.hold(20, TradingState.HALTED not in said, f"{request} although halted")
        reducing = TradingState.REDUCING in said
        self.hold(20, not reducing or request.intent is Intent.EXIT, f"{request} although only exits may leave")
        self.rare["an exit while reducing"] += reducing

    def _sized(self, request: Submit | Modify) -> None:
        part = self.parts[request.client_order_id]
        newest = self.newest[part[0]]
        self.hold(10, request.terms == newest.terms, f"{request}, and the leader's order is {newest}")
        lot, most = self.world.lot, self.world.max_lots
        self.hold(6, request.quantity % lot == 0, f"{request} is not in lots of {lot}")
        self.hold(6, request.intent is Intent.EXIT or most is None or request.quantity <= most * lot, f"{request} is too large")
        told = self.told_fills[request.client_order_id]
        self.hold(6, request.quantity > told, f"{request} although {told} were filled")

    # What the broker sees

    def arrived(self, request: Asked, now: datetime, *, late: bool) -> None:
        tag = request.client_order_id
        if isinstance(request, Submit):
            self.hold(1, tag not in self.reached, f"{request} reached the broker twice")
            self.reached.add(tag)
        if late:
            self.rare["a lost request arrives late"] += 1
            return
        times = self.arrivals.setdefault(request.follower, [])
        times.append(now)
        for window in self.world.limits.windows:
            count = sum(at > now - timedelta(seconds=window.seconds) for at in times)
            self.hold(12, count <= window.limit, f"{count} requests in {window.seconds} s")
            self.rare["a window is full"] += count == window.limit
        if isinstance(request, Modify):
            self.modifications[tag] += 1
            most = self.world.limits.modifications_per_order
            self.hold(12, self.modifications[tag] <= most, f"{tag} was modified {self.modifications[tag]} times")
            self.rare["all modifications are used"] += self.modifications[tag] == most

    def filled(self, follower: str, order: TrueOrder, units: int) -> None:
        tag = order.report.client_order_id or ""
        closing = self.parts[tag][2] is Intent.EXIT
        name = next(name for name in self.world.names if name == follower)
        beyond = self.ideals.follower_filled(name, LISTING, None, units, order.sign, closing=closing)
        rivals = [
            other for other in self.world.books[follower].values()
            if other is not order and other.sign == order.sign and other.report.filled_quantity
        ]  # fmt: skip
        self.hold(5, not beyond or bool(rivals), f"{tag} closed {beyond} more than was there")
        self.rare["two exits race"] += beyond > 0


def _tell_nobody(order: object) -> None:
    """Nobody is told."""


def _newer(report: OrderReport, known: OrderReport) -> bool:
    if known.status in OVER or report.status in OVER:
        return known.status not in OVER
    assert report.updated_at is not None
    assert known.updated_at is not None
    return report.updated_at >= known.updated_at
