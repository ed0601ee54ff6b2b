"""Which leg of which super order of a leader a report is about that does not come under its entry's id.

The list of super orders gives legs the id of their entry. In the order book, and in frames, they may have ids of their
own: frames name the entry as their parent, rows name nobody (protocol facts 1.10, 3.5; no such row or frame was ever
published). A leg that went by both would count its fills twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from attrs import define, field

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import AlertRaised, Channel, Fact, LeaderReported
from dhan_copy.core.legs import bracket_terms, is_exit_leg, is_implied, leg_by_terms, leg_id
from dhan_copy.core.state import State
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.listed import as_listed
from dhan_copy.model.order import Leg, Limit, OrderReport, StopLimit, StopMarket, Terms, Variety

_Id = tuple[AccountName, BrokerOrderId]


@define
class SuperLegs:
    """Gives legs with ids of their own their entry: the one that is named as their parent, or the only one whose leg they
    can be. What can be no leg's, or more than one's, changes nothing: where the list of super orders tells of such a leg
    it is known from there, and otherwise there is an alert. Remembered are only frames that wait for the order book, and
    rows that nothing explains."""

    held: dict[_Id, LeaderReported] = field(factory=dict)
    unexplained: dict[_Id, datetime] = field(factory=dict)
    """Since which look at the book."""

    def told(self, state: State, facts: Sequence[Fact]) -> Sequence[Fact]:
        """``facts`` with every such leg's parent, without those that have none, and a leg that the list shows beside its
        row once."""
        if not (self.held or any(_may_be_leg(state, fact) for fact in facts)):
            return facts
        again = {_id(fact) for fact in facts if isinstance(fact, LeaderReported) and _is_leg(fact.report)}
        held, self.held = self.held, {}
        return _Reading(state, [*facts, *(fact for where, fact in held.items() if where not in again)], self).told()

    def new_day(self) -> None:
        self.held.clear()
        self.unexplained.clear()


def _may_be_leg(state: State, fact: Fact) -> bool:
    if not isinstance(fact, LeaderReported):
        return False
    return _is_leg(fact.report) or fact.report.parent_order_id is not None or _id(fact) in state.legs


def _id(fact: LeaderReported) -> _Id:
    return fact.leader, fact.report.order_id


def _is_leg(report: OrderReport) -> bool:
    return report.variety is Variety.SUPER and is_exit_leg(report) and report.leg_order_id is None


@define
class _Reading:
    state: State
    facts: list[Fact]
    memory: SuperLegs
    entries: dict[_Id, OrderReport] = field(factory=dict)
    """Super orders as these facts tell of them."""
    listed: dict[tuple[_Id, Leg], OrderReport] = field(factory=dict)
    """Legs under the ids of their entries."""
    named: dict[_Id, tuple[BrokerOrderId, Leg]] = field(factory=dict)
    """Of legs with ids of their own what they are."""

    def told(self) -> list[Fact]:
        news = [fact for fact in self.facts if isinstance(fact, LeaderReported)]
        for fact in news:
            if fact.report.variety is Variety.SUPER and fact.report.leg is Leg.ENTRY and fact.report.parent_order_id is None:
                self.entries[_id(fact)] = fact.report
        for fact in news:
            part = self._named(fact)
            if part is not None:
                self.named[_id(fact)] = part
        nameless: dict[_Id, LeaderReported] = {}
        for fact in news:
            if _is_leg(fact.report) and _id(fact) not in self.named:
                if self._is_listed(fact):
                    self.listed[_id(fact), fact.report.leg] = fact.report
                else:
                    nameless[_id(fact)] = fact
        read = {fact.leader for fact in news if fact.channel is Channel.BOOK}
        seen = {where: fact for where, fact in nameless.items() if where[0] in read}
        self.named |= self._matched(seen) if seen else {}
        alerts = [alert for where, fact in seen.items() if where not in self.named for alert in self._park(where, fact)]
        result: list[Fact] = []
        for told in self.facts:
            if isinstance(told, LeaderReported):
                part = self.named.get(_id(told))
                if part is None and _id(told) in nameless:
                    if told.channel is Channel.STREAM:
                        self.memory.held[_id(told)] = told
                    continue
                told = told if part is None else _as_part(told, *part)
            result.append(told)
        for where in self.named:
            self.memory.unexplained.pop(where, None)
        return [*self._once(result), *alerts]

    def _named(self, fact: LeaderReported) -> tuple[BrokerOrderId, Leg] | None:
        """What a leg with an id of its own is, by its parent or by what was found before."""
        report, parent = fact.report, fact.report.parent_order_id
        known = self._known(fact.leader, self.state.legs.get(_id(fact)))
        if parent is None and known is not None and known.variety is Variety.SUPER and known.parent_order_id is not None:
            return known.parent_order_id, known.leg
        entry = None if parent is None else self._super(fact.leader, parent)
        if parent is None or report.order_id == parent or report.leg_order_id is not None:
            return None
        if _is_leg(report):
            return parent, report.leg
        if entry is None or entry.side is report.side or report.leg is not Leg.ENTRY:
            return None
        if known is not None and known.parent_order_id == parent:
            return parent, known.leg
        return parent, leg_by_terms(report.terms, self._terms(fact.leader, entry, Leg.TARGET))

    def _is_listed(self, fact: LeaderReported) -> bool:
        """Whether a leg comes under the id of its entry."""
        report = fact.report
        here = self._known(fact.leader, report.order_id)
        known = self._known(fact.leader, leg_id(report.order_id, report.leg))
        return _id(fact) in self.entries or (here is not None and here.leg is Leg.ENTRY) or known is not None

    def _matched(self, rows: dict[_Id, LeaderReported]) -> dict[_Id, tuple[BrokerOrderId, Leg]]:
        """Rows and the only leg that each can be, where no other can be that leg. One that was taken back before it filled
        gives way: that of an order of before may look like any other."""
        taken = {(where[0], place) for where, place in self.state.legs.items()}
        taken |= {(where[0], leg_id(*part)) for where, part in self.named.items()}
        claims = {
            where: [e for e in self._fitting(fact) if (fact.leader, leg_id(e.order_id, fact.report.leg)) not in taken]
            for where, fact in rows.items()
        }  # fmt: skip
        found = {}
        for where, fact in rows.items():
            if len(claims[where]) != 1:
                continue
            entry, leg = claims[where][0].order_id, fact.report.leg
            rivals = [
                other for at, other in rows.items()
                if at != where and at[0] == where[0] and other.report.leg is leg
                and any(one.order_id == entry for one in claims[at])
            ]  # fmt: skip
            if not any(_matters(other.report) or not _matters(fact.report) for other in rivals):
                found[where] = entry, leg
        return found

    def _park(self, where: _Id, fact: LeaderReported) -> Iterator[AlertRaised]:
        """Tell of what no list explains, unless it was first seen now: book and list are read one after the other."""
        if not _matters(fact.report) or any(self._is_told_of(fact.leader, e, fact.report.leg) for e in self._fitting(fact)):
            self.memory.unexplained.pop(where, None)
            return
        looked = [one.read_at for one in self.facts if isinstance(one, LeaderReported) and one.leader == fact.leader]
        read_at = max((at for at in looked if at is not None), default=None)
        if read_at is None or self.memory.unexplained.setdefault(where, read_at) >= read_at:
            return
        yield AlertRaised(
            code="LEG_UNKNOWN",
            what="an order is a leg of a super order, and of which one cannot be told",
            known=f"order {fact.report.order_id}, {fact.report.leg.value}, {fact.report.filled_quantity} filled",
            account=fact.leader, leader_order_id=fact.report.order_id,
            advice="It is not copied and not counted. Look whether leader and followers hold what they should.",
        )  # fmt: skip

    def _fitting(self, fact: LeaderReported) -> Iterator[OrderReport]:
        """Entries that may have this leg."""
        known = {where: order.report for where, order in self.state.leader_orders.items() if where[0] == fact.leader}
        news = {where: self._with_bracket(where, told) for where, told in self.entries.items() if where[0] == fact.leader}
        for entry in {**known, **news}.values():
            if entry.variety is Variety.SUPER and entry.leg is Leg.ENTRY and self._fits(fact.leader, entry, fact.report):
                yield entry

    def _fits(self, leader: AccountName, entry: OrderReport, leg: OrderReport) -> bool:
        if (entry.key, entry.product, entry.side.opposite) != (leg.key, leg.product, leg.side):
            return False
        if entry.status.is_terminal and not entry.filled_quantity:
            return False
        terms = self._terms(leader, entry, leg.leg)
        if terms is None and entry.bracket is not None:
            return False
        sizes = [entry.quantity, entry.filled_quantity, *(part.quantity for part in self._told_of(leader, entry, leg.leg))]
        return leg.quantity in sizes and (terms is None or any(_is_at(one, leg.terms) for one in terms))

    def _terms(self, leader: AccountName, entry: OrderReport, leg: Leg) -> list[Terms] | None:
        """Where a leg stands, or stood before these facts; None where nobody has told."""
        told: list[Terms] = [part.terms for part in self._told_of(leader, entry, leg)]
        implied = bracket_terms(entry, leg)
        return [*told, *([] if implied is None else [implied])] or None

    def _told_of(self, leader: AccountName, entry: OrderReport, leg: Leg) -> list[OrderReport]:
        reports = (self._known(leader, leg_id(entry.order_id, leg)), self.listed.get(((leader, entry.order_id), leg)))
        return [report for report in reports if report is not None]

    def _is_told_of(self, leader: AccountName, entry: OrderReport, leg: Leg) -> bool:
        """Whether the list of super orders, or a row that was found to be it, tells of a leg."""
        return entry.bracket is not None or any(not is_implied(one) for one in self._told_of(leader, entry, leg))

    def _super(self, leader: AccountName, order_id: BrokerOrderId) -> OrderReport | None:
        entry = self.entries.get((leader, order_id)) or self._known(leader, order_id)
        return entry if entry is not None and entry.variety is Variety.SUPER and entry.leg is Leg.ENTRY else None

    def _with_bracket(self, where: _Id, told: OrderReport) -> OrderReport:
        known = self._known(*where)
        return told if told.bracket is not None or known is None else evolve(told, bracket=known.bracket)

    def _known(self, leader: AccountName, order_id: BrokerOrderId | None) -> OrderReport | None:
        order = None if order_id is None else self.state.leader_orders.get((leader, order_id))
        return None if order is None else order.report

    def _once(self, facts: Sequence[Fact]) -> Iterator[Fact]:
        """A leg that the list shows besides its row by that row, with what only the list knows."""
        rows = {
            ((fact.leader, fact.report.parent_order_id), fact.report.leg): fact for fact in facts
            if isinstance(fact, LeaderReported) and fact.channel is Channel.BOOK and _id(fact) in self.named
        }  # fmt: skip
        for fact in facts:
            if not isinstance(fact, LeaderReported) or fact.channel is not Channel.BOOK:
                yield fact
            elif _id(fact) not in self.named:
                if not (_is_leg(fact.report) and (_id(fact), fact.report.leg) in rows):
                    yield fact
            else:
                where = ((fact.leader, self.named[_id(fact)][0]), fact.report.leg)
                other = self.listed.get(where) if rows[where] is fact else None
                yield (
                    fact
                    if other is None
                    else _as_part(evolve(fact, report=self._both(fact.report, other)), *self.named[_id(fact)])
                )

    def _both(self, row: OrderReport, other: OrderReport) -> OrderReport:
        return evolve(as_listed(row, other), order_id=row.order_id)


def _as_part(fact: LeaderReported, entry: BrokerOrderId, leg: Leg) -> LeaderReported:
    report = evolve(fact.report, parent_order_id=entry, leg=leg, variety=Variety.SUPER)
    return fact if report == fact.report else evolve(fact, report=report)


def _matters(report: OrderReport) -> bool:
    return report.filled_quantity > 0 or not report.status.is_terminal


def _is_at(stands: Terms, shown: Terms) -> bool:
    """Whether a leg is at a price, as far as both tell one: a stop that was touched shows no trigger any more."""
    if isinstance(stands, StopLimit | StopMarket):
        return not isinstance(shown, StopLimit | StopMarket) or stands.trigger == shown.trigger
    return not (isinstance(stands, Limit) and isinstance(shown, Limit)) or stands.price == shown.price
