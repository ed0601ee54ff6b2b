"""What the copy of a Forever order is to be: while both wait, once one has fired, and once both have."""

from __future__ import annotations

from fractions import Fraction

from dhan_copy.core.evolving import evolve
from dhan_copy.core.requests import Intent
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import has_fired, waits
from dhan_copy.core.terms import aligned
from dhan_copy.core.trade import FollowerOrder, Instruction
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import (
    ForeverLeg,
    Leg,
    Limit,
    Market,
    OrderReport,
    Side,
    StopLimit,
    StopMarket,
    Terms,
    Variety,
)


def asks_to_wait(report: OrderReport) -> bool:
    """Whether a copy of the leader's order is to be a Forever order: once his has fired there is nothing to wait for."""
    return waits(report)


def is_unclear(report: OrderReport) -> bool:
    """Whether the leader's has fired and nothing is known yet of what it placed."""
    return report.variety is Variety.FOREVER and has_fired(report) and report.leg_order_id is None


def terms_of(report: OrderReport, facts: InstrumentFacts) -> Terms:
    """The leader's terms on the tick. The triggers of Forever orders are the broker's to keep, and Dhan does."""
    terms = aligned(report.terms, report.side, facts)
    if not has_fired(report):
        return terms
    match terms:
        case StopLimit(price=price):
            return Limit(price)
        case StopMarket():
            return Market()
        case Limit() | Market():
            return terms


def second_leg(report: OrderReport, units: int, facts: InstrumentFacts, intent: Intent) -> ForeverLeg | None:
    """The leg beside the one that is for ``units``, as large to that as the leader's are to one another; of an exit none
    is for more than is to be closed."""
    leg = report.second_leg
    if leg is None:
        return None
    lot = facts.lot_units
    scaled = max(lot, trunc_to_lot(Fraction(units * leg.quantity, report.quantity), lot))
    quantity = min(scaled, units) if intent is Intent.EXIT or leg.quantity == report.quantity else scaled
    return ForeverLeg(terms=_waiting(leg.terms, report.side, facts), quantity=quantity)


def _waiting(terms: StopLimit | StopMarket, side: Side, facts: InstrumentFacts) -> StopLimit | StopMarket:
    on_tick = aligned(terms, side, facts)
    assert isinstance(on_tick, StopLimit | StopMarket)
    return on_tick


def wanted(report: OrderReport, order: FollowerOrder, total: int, ordinary: Instruction) -> Instruction:
    """What a copy that is there should be. One that still waits when the leader's has fired fires by itself at the same
    price, and one that has fired first is not taken back: both may only shrink."""
    stands = order.accepted or order.asked
    fired = has_fired(report)
    if order.waits and not fired:
        return ordinary
    if order.waits is fired or is_unclear(report):
        leg = stands.second_leg
        smaller = None if leg is None else evolve(leg, quantity=min(leg.quantity, total))
        return evolve(stands, quantity=min(stands.quantity, total), second_leg=smaller)
    if isinstance(report.terms, StopLimit | StopMarket):
        return evolve(stands, quantity=total)  # both stand as they were placed
    return ordinary


def one_leg(stands: Instruction, want: Instruction) -> tuple[Instruction, Leg]:
    """As much of a change as one request can make, and the leg that it names."""
    if want.second_leg is None or stands.second_leg is None:
        return want, Leg.ENTRY
    if evolve(want, second_leg=stands.second_leg) != stands:
        return evolve(want, second_leg=stands.second_leg), Leg.TARGET
    return want, Leg.STOP
