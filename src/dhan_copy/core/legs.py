"""A leader's linked orders as trees: the entry, and each of its exit legs as an order of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import define, field

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Channel, Fact, LeaderReported, PositionsReported
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.account import Position
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import Leg, Limit, OrderReport, OrderStatus, Product, Side, StopMarket, Terms, Variety

LINKED = (Variety.SUPER, Variety.BRACKET, Variety.COVER)
EXIT_LEGS = (Leg.TARGET, Leg.STOP)
LEGS_MAY_FOLLOW = timedelta(seconds=5)
"""How long a linked order waits for news of the rest of it: legs stand in another list than their entry, and a book may
lack rows."""


def leg_id(entry: str, leg: Leg) -> BrokerOrderId:
    """What a leg goes by here: ``"<entry>/TARGET"``, ``"<entry>/STOP"``, and the entry by its id alone. Dhan gives the
    legs of a super order the entry's id (protocol facts 1.10), those of bracket and cover orders ids of their own."""
    return BrokerOrderId(entry if leg is Leg.ENTRY else f"{entry}/{leg.value}")


def parts_of(listed: OrderReport) -> Iterator[BrokerOrderId]:
    """What a report out of the list of super orders tells of that is there: itself, and the legs of an entry that stand."""
    yield leg_id(listed.order_id, listed.leg)
    if listed.bracket is not None:
        prices = {Leg.TARGET: listed.bracket.target, Leg.STOP: listed.bracket.stop}
        yield from (leg_id(listed.order_id, leg) for leg, price in prices.items() if price is not None)


def entry_of(order_id: BrokerOrderId) -> BrokerOrderId:
    """The broker's id of what goes by ``order_id`` here: legs of a super order have their entry's."""
    return BrokerOrderId(order_id.partition("/")[0])


def tree_of(report: OrderReport) -> BrokerOrderId | None:
    """The entry of the linked order that an order is a part of; None for every other order, and for a leg whose entry
    nobody has named."""
    if report.variety not in LINKED:
        return None
    return report.order_id if report.leg is Leg.ENTRY else report.parent_order_id


def is_exit_leg(report: OrderReport) -> bool:
    return report.variety in LINKED and report.leg is not Leg.ENTRY


def leg_by_terms(terms: Terms, targets: Sequence[Terms] | None) -> Leg:
    """Which leg a report without a leg's number is of, by where the target may stand (None where nobody knows): what a stop
    places once it is touched has no trigger."""
    return Leg.TARGET if isinstance(terms, Limit) and (targets is None or terms in targets) else Leg.STOP


def is_implied(report: OrderReport) -> bool:
    """Whether a leg is known by its entry's bracket alone."""
    return is_exit_leg(report) and report.leg_order_id is None


def pooled(product: Product) -> Product:
    """The product that bracket and cover orders are copied in: they are intraday orders with legs (Dhan's risk policy,
    protocol facts 1.9)."""
    return Product.INTRADAY if product in (Product.BO, Product.CO) else product


class Orders(Protocol):
    """Leaders' orders as they are known."""

    def get(self, key: tuple[AccountName, BrokerOrderId], /) -> LeaderOrder | None: ...
    def items(self) -> Iterable[tuple[tuple[AccountName, BrokerOrderId], LeaderOrder]]: ...


@define
class Trees:
    """What is known of linked orders, for reading news about them. ``legs`` holds the ids here of exit legs that have
    ids of their own at the broker, ``nameless`` since when rows of legs have been seen without their entries,
    ``taken`` the row of each leg that was told of now."""

    orders: Orders
    legs: Mapping[tuple[AccountName, BrokerOrderId], BrokerOrderId]
    nameless: dict[tuple[AccountName, BrokerOrderId], datetime]
    taken: dict[tuple[AccountName, BrokerOrderId], BrokerOrderId] = field(factory=dict)

    def told(self, facts: Sequence[Fact], now: datetime) -> list[Fact]:
        """``facts`` with every leg under its id here, after the entry that implies it where no report of the leg itself
        is among them; products as they are copied. A row of the order book that could be no entry's leg is left out while
        its entry may follow: a book may lack rows, and shows them again."""
        named = [one for fact in facts if (one := self._named(fact, facts, now)) is not None]
        reported = {(fact.leader, fact.report.order_id) for fact in named if isinstance(fact, LeaderReported)}
        result: list[Fact] = []
        for fact in named:
            result.append(fact)
            if isinstance(fact, LeaderReported) and fact.report.variety in LINKED and fact.report.leg is Leg.ENTRY:
                legs = self._implied(fact)
                result.extend(leg for leg in legs if (leg.leader, leg.report.order_id) not in reported)
        return result

    def awaited(self, now: datetime) -> list[AccountName]:
        """The leaders whose books may yet show the entries of legs that were left out."""
        since = self.nameless.items()
        return list(dict.fromkeys(leader for (leader, _), first in since if now < first + LEGS_MAY_FOLLOW))

    def _named(self, fact: Fact, facts: Sequence[Fact], now: datetime) -> Fact | None:
        if isinstance(fact, PositionsReported):
            return evolve(fact, positions=_pooled(fact.positions))
        if not isinstance(fact, LeaderReported):
            return fact
        report = fact.report
        if report.product is not pooled(report.product):
            report = evolve(report, product=pooled(report.product))
        if is_exit_leg(report) and report.leg_order_id is None:
            entry = self._entry(fact, facts)
            if entry is not None:
                self.nameless.pop((fact.leader, report.order_id), None)
                own = leg_id(entry, report.leg)
                self.taken[fact.leader, own] = report.order_id
                report = evolve(report, order_id=own, leg_order_id=report.order_id, parent_order_id=entry)
            elif self._may_be_named(fact, now):
                return None
        return fact if report is fact.report else evolve(fact, report=report)

    def _may_be_named(self, fact: LeaderReported, now: datetime) -> bool:
        """Fills are told at once: positions that are read with the book have them."""
        where = (fact.leader, fact.report.order_id)
        if fact.channel is not Channel.BOOK or fact.report.filled_quantity or self.orders.get(where) is not None:
            return False
        return now < self.nameless.setdefault(where, now) + LEGS_MAY_FOLLOW

    def _entry(self, fact: LeaderReported, facts: Sequence[Fact]) -> BrokerOrderId | None:
        """The entry of a leg: as the report says, as another said, or the one that lacks this leg. Rows of the order
        book do not name it for bracket and cover orders; entries that it could be one of are alike."""
        report = fact.report
        if report.parent_order_id is not None:
            return report.parent_order_id
        if report.variety is Variety.SUPER:
            return report.order_id
        known = self.orders.get((fact.leader, self.legs.get((fact.leader, report.order_id), report.order_id)))
        if known is not None:
            return known.report.parent_order_id
        entries = [other for other in self._entries(fact, facts) if self._lacks(fact.leader, other, report)]
        if not entries:
            return None
        # The newest of those that it fits best.
        # A modification moves an order's own time, so that an entry may seem younger than its leg (protocol facts 1.3).
        placed = _placed(report)
        return max(
            entries, key=lambda e: (self._fits(fact.leader, e, report), _placed(e) <= placed, _placed(e), e.order_id)
        ).order_id

    def _entries(self, fact: LeaderReported, facts: Sequence[Fact]) -> Iterator[OrderReport]:
        known = (order.report for (leader, _), order in self.orders.items() if leader == fact.leader)
        news = (other.report for other in facts if isinstance(other, LeaderReported) and other.leader == fact.leader)
        leg = fact.report
        for entry in (*known, *news):
            if may_have(entry, leg):
                yield entry

    def _lacks(self, leader: AccountName, entry: OrderReport, leg: OrderReport) -> bool:
        where = (leader, leg_id(entry.order_id, leg.leg))
        if self.taken.get(where, leg.order_id) != leg.order_id:
            return False
        known = self.orders.get(where)
        return known is None or is_implied(known.report)

    def _fits(self, leader: AccountName, entry: OrderReport, leg: OrderReport) -> bool:
        known = self.orders.get((leader, leg_id(entry.order_id, leg.leg)))
        terms = bracket_terms(entry, leg.leg) if known is None else known.report.terms
        unnamed = known is None and entry.bracket is None
        return leg.quantity in (entry.quantity, entry.filled_quantity) and (unnamed or terms == leg.terms)

    def _implied(self, fact: LeaderReported) -> Iterator[LeaderReported]:
        """The legs of an entry as its bracket has them, until reports of their own come: they protect from the first
        fill on, the follower's included. An entry that ended without a fill takes them with it."""
        entry = fact.report
        over = entry.status.is_terminal and not entry.filled_quantity
        for leg in EXIT_LEGS:
            known = self.orders.get((fact.leader, leg_id(entry.order_id, leg)))
            if known is not None and (not is_implied(known.report) or known.report.status.is_terminal):
                continue
            terms = bracket_terms(entry, leg)
            gone = over or (terms is None and entry.bracket is not None)
            if known is None and (gone or terms is None):
                continue
            quantity = max(entry.quantity, 1 if known is None else known.report.filled_quantity)
            shown = known.report if known is not None else _leg(entry, leg, terms)
            report = evolve(
                shown, terms=terms or shown.terms, quantity=quantity, updated_at=entry.updated_at,
                status=OrderStatus.CANCELLED if gone else OrderStatus.PENDING,
            )  # fmt: skip
            if known is None or report != known.report:
                yield evolve(fact, report=report)


def _placed(entry: OrderReport) -> float:
    return 0.0 if entry.created_at is None else entry.created_at.timestamp()


def may_have(entry: OrderReport, leg: OrderReport) -> bool:
    """Whether this is an entry that can have this leg, by what is known of both."""
    if entry.variety is not leg.variety or entry.leg is not Leg.ENTRY or entry.key != leg.key or entry.side is leg.side:
        return False
    ended_unfilled = entry.status.is_terminal and not entry.filled_quantity
    return not ended_unfilled and leg.quantity <= entry.quantity


def bracket_terms(entry: OrderReport, leg: Leg) -> Limit | StopMarket | None:
    """Where an entry's bracket has a leg; None without one, or without that leg."""
    if entry.bracket is None:
        return None
    price = entry.bracket.target if leg is Leg.TARGET else entry.bracket.stop
    if price is None:
        return None
    return Limit(price) if leg is Leg.TARGET else StopMarket(price)


def _leg(entry: OrderReport, leg: Leg, terms: Limit | StopMarket | None) -> OrderReport:
    assert terms is not None
    return evolve(
        entry, order_id=leg_id(entry.order_id, leg), parent_order_id=entry.order_id, leg=leg, terms=terms, bracket=None,
        side=Side.SELL if entry.side is Side.BUY else Side.BUY, filled_quantity=0, average_price=None,
        exchange_order_id=None, disclosed_quantity=0, status=OrderStatus.PENDING, reason="", raw="",
    )  # fmt: skip


def _pooled(positions: Sequence[Position]) -> tuple[Position, ...]:
    if not any(position.product is not pooled(position.product) for position in positions):
        return tuple(positions)
    net: dict[tuple[object, Product], Position] = {}
    for position in positions:
        where = (position.key, pooled(position.product))
        before = net[where].net_quantity if where in net else 0
        net[where] = evolve(position, product=where[1], net_quantity=before + position.net_quantity)
    return tuple(net.values())
