"""What rows of a broker's list of Forever orders say together, and which of them an order may have come from.

The list gives a pair a row for each leg. One that has fired says TRADED, CANCELLED for the other leg of a pair, and has
no fills: what trades is told of the order that appears (protocol facts 1.11).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Fact, LeaderReported, OrderReported
from dhan_copy.core.state import has_fired
from dhan_copy.core.trade import CopyTrade, Instruction, is_child
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, client_order_id
from dhan_copy.model.order import (
    ForeverLeg,
    Leg,
    Limit,
    OrderReport,
    OrderStatus,
    StopLimit,
    StopMarket,
    Terms,
    Variety,
)

FIRED = (OrderStatus.TRADED, OrderStatus.PART_TRADED, OrderStatus.TRIGGERED)
Report = LeaderReported | OrderReported
Legs = Sequence[tuple[Terms, int]]


def is_news(fact: Fact) -> bool:
    """Whether a fact tells of a Forever order, or of what one placed."""
    return type(fact) in (LeaderReported, OrderReported) and fact.report.variety is Variety.FOREVER  # type: ignore[union-attr]


def account_of(fact: Report) -> AccountName:
    return fact.leader if isinstance(fact, LeaderReported) else fact.follower


def in_pairs(facts: Sequence[Fact]) -> list[Fact]:
    """``facts`` with both rows of a pair as one, in the place of the first, whose legs are the order's own and the second."""
    rows: dict[tuple[type, AccountName, BrokerOrderId], dict[Leg, tuple[int, Report]]] = {}
    for place, fact in enumerate(facts):
        if isinstance(fact, Report) and is_news(fact) and not is_child(fact.report):
            rows.setdefault((type(fact), account_of(fact), fact.report.order_id), {})[fact.report.leg] = place, fact
    told: list[Fact | None] = list(facts)
    for legs in rows.values():
        if Leg.TARGET in legs and Leg.STOP in legs:
            (first, target), (other, stop) = legs[Leg.TARGET], legs[Leg.STOP]
            told[first], told[other] = evolve(target, report=_pair(target.report, stop.report)), None
    return [fact for fact in told if fact is not None]


def _pair(target: OrderReport, stop: OrderReport) -> OrderReport:
    times = [at for at in (target.updated_at, stop.updated_at) if at is not None]
    return evolve(
        target, leg=Leg.ENTRY, second_leg=_as_second(stop), status=_together(target.status, stop.status),
        updated_at=max(times, default=None), raw="\n".join(raw for raw in (target.raw, stop.raw) if raw),
    )  # fmt: skip


def _as_second(stop: OrderReport) -> ForeverLeg:
    assert isinstance(stop.terms, StopLimit | StopMarket)
    return ForeverLeg(terms=stop.terms, quantity=stop.quantity)


def _together(one: OrderStatus, other: OrderStatus) -> OrderStatus:
    """The state of a pair: both legs are cancelled together, so one that is alone in that has not ended the other."""
    if one in FIRED or other in FIRED:
        return OrderStatus.TRIGGERED
    if OrderStatus.REJECTED in (one, other):
        return OrderStatus.REJECTED
    return other if one.is_terminal else one


def completed(report: OrderReport, known: OrderReport | None) -> OrderReport | None:
    """A row of the list with what is known of the leg that it does not tell of; None for one that says nothing for
    certain: whether a leg of a pair was taken back, or went because the other fired."""
    status = OrderStatus.TRIGGERED if report.status in FIRED else report.status
    if report.leg is Leg.ENTRY:
        return report if status is report.status else evolve(report, status=status)
    if known is None or known.second_leg is None:
        return evolve(report, status=status) if report.leg is Leg.TARGET else None
    if status in (OrderStatus.TRIGGERED, OrderStatus.REJECTED):
        return evolve(known, status=status, updated_at=report.updated_at)
    if status.is_terminal:
        return None
    if report.leg is Leg.TARGET:
        return evolve(report, leg=Leg.ENTRY, second_leg=known.second_leg)
    return evolve(report, leg=Leg.ENTRY, terms=known.terms, quantity=known.quantity, second_leg=_as_second(report))


def legs_of(order: OrderReport | Instruction) -> Legs:
    second = order.second_leg
    return [(order.terms, order.quantity), *([] if second is None else [(second.terms, second.quantity)])]


def may_have_placed(legs: Legs, child: OrderReport) -> bool:
    """Whether one of the legs has the quantity and price of an order that appeared when one fired; what a market leg
    places is shown with a price of the broker's own (price protection, protocol facts 1.7)."""
    price = child.terms.price if isinstance(child.terms, Limit) else None
    return any(
        quantity == child.quantity
        and (isinstance(terms, StopMarket) or (isinstance(terms, StopLimit) and terms.price == price))
        for terms, quantity in legs
    )


def fired_terms(waiting: OrderReport, child: OrderReport) -> Terms:
    """The terms of the leg that fired; those of ``child`` where it stands at none of them, for it was changed since."""
    price = child.terms.price if isinstance(child.terms, Limit) else child.last_price
    for terms, _ in legs_of(waiting):
        if isinstance(terms, StopLimit) and terms.price == price:
            return terms
    markets = [terms for terms, _ in legs_of(waiting) if isinstance(terms, StopMarket)]
    if not markets:
        return child.terms
    return min(markets, key=lambda terms: Decimal(0) if price is None else abs(terms.trigger - price))


def tag_if_alike(trade: CopyTrade) -> ClientOrderId:
    """What a row of a follower's list goes by that looks like the copy of a leader's Forever order and is none that the
    journal knows: the tag of the order that would be sent next."""
    before = (order.generation for order in trade.orders if order.slice == 0)
    return client_order_id(*trade.key, Leg.ENTRY.letter, 0, max(before, default=-1) + 1)


def looks_like_copy(row: OrderReport, leaders: OrderReport) -> bool:
    """Whether an unknown row may be a copy of the leader's Forever order that waits, or what one has placed: it came after
    his, in the same instrument. How large it was nobody knows without its journal, nor where it stood, for he may have
    moved his since. What was taken back before it did anything is none, and one that has fired is known by what it placed."""
    if not is_alike(row, leaders):
        return False
    if row.status.is_terminal and not (is_child(row) and row.filled_quantity):
        return False
    if row.status in FIRED and not is_child(row):
        return False
    return has_fired(leaders) or not is_later(leaders, row)  # then his time is that of what it placed


def is_alike(one: OrderReport, other: OrderReport) -> bool:
    return (one.key, one.side, one.product) == (other.key, other.side, other.product)


def is_later(waited: OrderReport, other: OrderReport) -> bool:
    """Whether a Forever order was placed after another order, by the broker's own clock."""
    return waited.created_at is not None and other.created_at is not None and waited.created_at > other.created_at


def is_as_asked(asked: Instruction, row: OrderReport) -> bool:
    """Whether a row of the list is what was asked for, as far as it shows."""
    same = (row.terms, row.quantity) == (asked.terms, asked.quantity)
    return same and (row.second_leg == asked.second_leg or (row.leg is Leg.TARGET and asked.second_leg is not None))
