"""The exit legs of a leader's linked orders, each as an order of its own."""

from __future__ import annotations

from typing import TypeVar

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Fact, LeaderReported
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Leg, OrderReport, Variety

FactT = TypeVar("FactT", bound=Fact)


def leg_id(order_id: str, leg: Leg) -> BrokerOrderId:
    """What a super order's leg goes by here: ``"<id>/TARGET"``, ``"<id>/STOP"``, and the entry by the id alone. Dhan
    names the leg beside the id, which all of them share (protocol facts 1.10)."""
    return BrokerOrderId(order_id if leg is Leg.ENTRY else f"{order_id}/{leg.value}")


def apart(fact: FactT) -> FactT:
    """A report of a super order's exit leg under an id of its own, with the entry as its parent; any other fact as it
    is. Bracket and cover orders' legs have ids of their own."""
    if not isinstance(fact, LeaderReported) or fact.report.leg is Leg.ENTRY or fact.report.variety is not Variety.SUPER:
        return fact
    report = fact.report
    if report.parent_order_id is not None:
        return fact
    own = evolve(report, order_id=leg_id(report.order_id, report.leg), parent_order_id=report.order_id)
    return evolve(fact, report=own)


def entry_of(report: OrderReport) -> BrokerOrderId | None:
    """The entry that an exit leg belongs to, where that is known."""
    return None if report.leg is Leg.ENTRY or report.variety is Variety.FOREVER else report.parent_order_id
