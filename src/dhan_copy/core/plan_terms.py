"""What an order of the follower's is to say: price, size, validity, legs."""

from __future__ import annotations

from typing_extensions import assert_never

from dhan_copy.core import supers
from dhan_copy.core.facts import CopyDeclined
from dhan_copy.core.legs import is_exit_leg
from dhan_copy.core.plan_draft import Draft
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import Behind, StopMarketForm
from dhan_copy.core.sizing import disclosed_size
from dhan_copy.core.terms import aligned, copied_terms
from dhan_copy.core.trade import FollowerOrder, Instruction
from dhan_copy.core.waiting import second_leg, terms_of, wanted
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, StopMarket, Terms, Validity, Variety
from dhan_copy.model.reason import ReasonCode


def instruction(b: Draft, units: int, intent: Intent, order: FollowerOrder | None = None) -> Instruction:
    """What an order of so many units is to say; ``order`` is the one that stands."""
    report, admitted = b.report, b.trade.admitted
    assert admitted is not None
    if _takes_back(b, intent):
        return Instruction(terms=Market(), validity=Validity.DAY, quantity=units)
    chased = None if order is not None and order.waits else _chasing(b, admitted.facts)
    want = Instruction(
        terms=chased or _terms(b, admitted.facts),
        validity=report.validity,
        quantity=units,
        disclosed_quantity=_disclosed(report, units, admitted.facts),
        second_leg=second_leg(report, units, admitted.facts, intent),
        bracket=supers.standing(b.state, b.trade, order) if order is not None and order.linked is not None else None,
    )
    forever = order is not None and chased is None and report.variety is Variety.FOREVER
    return wanted(report, order, units, want) if forever and order is not None else want


def _takes_back(b: Draft, intent: Intent) -> bool:
    """Whether an order closes what the legs of this entry closed twice: nothing of the leader's says at which price."""
    return intent is Intent.EXIT and b.trade.over_exited_at is not None


def _is_behind(b: Draft) -> bool:
    """Whether the leader's order filled long ago."""
    filled_at = b.order.last_filled_at
    return b.report.status is OrderStatus.TRADED and filled_at is not None and b.now >= filled_at + b.policy.behind_after


def _chasing(b: Draft, facts: InstrumentFacts) -> Terms | None:
    """The limit for an order that is to trade near the price that the leader got: it copies his fills, or he has left it
    behind."""
    price = b.report.average_price
    follows = b.trade.copies_fills or (b.policy.behind is Behind.CHASE and _is_behind(b))
    if price is None or not follows:
        return None
    worse = price * b.policy.chase_within.value / 100 * b.side.sign
    return aligned(Limit(price + worse), b.side, facts) if price + worse > 0 else None


def watch_what_is_behind(b: Draft, order: FollowerOrder) -> None:
    """Tell of an order that still rests when the leader's has filled, and look again when its time has come."""
    filled_at = b.order.last_filled_at
    if b.report.status is not OrderStatus.TRADED or filled_at is None:
        return
    if not _is_behind(b):
        b.wake(filled_at + b.policy.behind_after)
        return
    match b.policy.behind:
        case Behind.WAIT:
            advice = "It stays as it is: move or cancel it by hand, or set behind=Behind.CHASE."
        case Behind.CHASE:
            advice = f"It is moved to within {b.policy.chase_within.value} % of the leader's price."
        case Behind.CANCEL:
            advice = "An entry is given up, an exit waits."
            if order.intent is Intent.ENTRY:
                leader, order_id, follower = b.trade.key
                reason, age = ReasonCode.LEFT_BEHIND, (b.now - filled_at).total_seconds()
                declined = CopyDeclined(
                    leader=leader, leader_order_id=order_id, follower=follower, reason=reason, detail=f"{age:.0f} s before"
                )
                b.facts.append(declined)
        case _:
            assert_never(b.policy.behind)
    known = f"{order.leaves_quantity} of {order.leaves_quantity + order.filled_quantity} rest since the leader's fill at {filled_at}"
    b.alert("BEHIND", "the leader's order has filled and the follower's still rests", known, advice, order)


def is_refused_stop_market(b: Draft) -> bool:
    """Whether the leader made a stop-market order of one that had been admitted, and those are refused."""
    plain = not is_exit_leg(b.report) and b.report.variety is not Variety.FOREVER and not b.trade.copies_fills
    refused = b.policy.stop_market is StopMarketForm.REFUSE and plain
    return refused and isinstance(b.report.terms, StopMarket)


def tell_of_refused_stop_market(b: Draft, advice: str, order: FollowerOrder | None = None) -> None:
    b.alert(
        "STOP_MARKET_REFUSED", "the leader made it a stop-market order, and those are refused", str(b.report.terms),
        advice, order,
    )  # fmt: skip


def _terms(b: Draft, facts: InstrumentFacts) -> Terms:
    report = b.report
    if b.side is not report.side:
        return Market()  # at a price of the leader's the other side would trade too soon or never
    last = b.trade.orders[-1] if b.trade.orders else None
    if last is not None and is_refused_stop_market(b):
        tell_of_refused_stop_market(b, "The follower's order keeps its terms; change it by hand if that is wrong.", last)
        return (last.accepted or last.asked).terms
    if report.variety is Variety.FOREVER:
        return terms_of(report, facts)
    if b.trade.admitted is not None and b.trade.admitted.protected == report.terms:
        return Market()
    return copied_terms(report.terms, report.side, report.segment, facts, b.policy)


def _disclosed(report: OrderReport, units: int, facts: InstrumentFacts) -> int:
    return disclosed_size(report.disclosed_quantity, report.quantity, units, facts.lot_units)
