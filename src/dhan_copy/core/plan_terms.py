"""What an order of the follower's is to say: price, size, validity, legs."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import assert_never

from dhan_copy.core import supers
from dhan_copy.core.facts import TradingState
from dhan_copy.core.legs import is_exit_leg
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.plan_draft import Draft
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import Behind, StopMarketForm
from dhan_copy.core.sizing import disclosed_size
from dhan_copy.core.state import State
from dhan_copy.core.terms import aligned, copied_terms
from dhan_copy.core.trade import CopyTrade, FollowerOrder, Instruction
from dhan_copy.core.waiting import second_leg, terms_of, wanted
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, StopMarket, Terms, Validity, Variety
from dhan_copy.model.reason import ReasonCode


def instruction(b: Draft, units: int, intent: Intent, order: FollowerOrder | None = None) -> Instruction:
    """What an order of so many units is to say; ``order`` is the one that stands."""
    report, admitted = b.report, b.trade.admitted
    assert admitted is not None
    if _takes_back(b.trade, intent):
        return Instruction(terms=Market(), validity=Validity.DAY, quantity=units)
    moved = None if order is not None and order.waits else _moved(b.state, b.trade, intent, behind=_is_behind(b))
    want = Instruction(
        terms=moved or _kept(b) or _copied(b.state, b.trade, admitted.facts),
        validity=report.validity,
        quantity=units,
        disclosed_quantity=0 if isinstance(moved, Market) else _disclosed(report, units, admitted.facts),
        second_leg=second_leg(report, units, admitted.facts, intent),
        bracket=supers.standing(b.state, b.trade, order) if order is not None and order.linked is not None else None,
    )
    forever = order is not None and moved is None and report.variety is Variety.FOREVER
    return wanted(report, order, units, want) if forever and order is not None else want


def refused_in_a_row(b: Draft, exits: Sequence[FollowerOrder]) -> int:
    """How many of the last orders of a slice were refused, or ended, for what would be asked now."""
    return _alike(exits, _asks(b.state, b.trade, behind=_is_behind(b)))


def is_stalled(state: State, trade: CopyTrade, exits: Sequence[FollowerOrder]) -> bool:
    """Whether a slice of an exit is not tried again, at whichever time it was last."""
    times = (_alike(exits, _asks(state, trade, behind=behind)) for behind in (False, True))
    return any(many >= state.settings.policy.stalled_after for many in times)


def _alike(exits: Sequence[FollowerOrder], asks: tuple[Terms, Terms | None] | None) -> int:
    many = 0
    for order in reversed(exits):
        if order.was_cancelled_by_us:
            continue
        said = order.accepted or order.asked
        theirs = said.terms, None if said.second_leg is None else said.second_leg.terms
        useful = order.state in (OrderState.FILLED, OrderState.WITHHELD) or order.refused_for_now
        if useful or not order.state.is_over or (asks is not None and theirs != asks):
            break
        many += 1
    return many


def _asks(state: State, trade: CopyTrade, *, behind: bool) -> tuple[Terms, Terms | None] | None:
    """The terms that an exit placed now would have, and those of its second leg."""
    if trade.admitted is None:
        return None
    if _takes_back(trade, Intent.EXIT):
        return Market(), None
    report, facts = state.leader_order(trade.key).report, trade.admitted.facts
    beside = second_leg(report, report.quantity, facts, Intent.EXIT)
    terms = _moved(state, trade, Intent.EXIT, behind=behind) or _copied(state, trade, facts)
    return terms, None if beside is None else beside.terms


def _takes_back(trade: CopyTrade, intent: Intent) -> bool:
    """Whether an order closes what the legs of this entry closed twice: nothing of the leader's says at which price."""
    return intent is Intent.EXIT and trade.over_exited_at is not None


def _is_behind(b: Draft) -> bool:
    """Whether what the leader's order was to fill has filled long ago."""
    filled_at = b.order.last_filled_at
    return _has_filled(b.report) and filled_at is not None and b.now >= filled_at + b.policy.behind_after


def _has_filled(report: OrderReport) -> bool:
    """All of it, or what he did not take back; of a leg that is cancelled another may close the rest."""
    return report.status is OrderStatus.TRADED or (report.status.is_terminal and not is_exit_leg(report))


def is_placed_anew(b: Draft, order: FollowerOrder) -> bool:
    """Whether an exit that was left behind is to be moved and cannot be: a leg of a super order, or a Forever order that
    waits, is taken back for an order of its own."""
    halted = b.state.trading_state(b.rules.name) is TradingState.HALTED
    if order.intent is not Intent.EXIT or not (order.is_leg or order.waits) or halted:
        return False
    return _is_behind(b) and _moved(b.state, b.trade, order.intent, behind=True) is not None


def _moved(state: State, trade: CopyTrade, intent: Intent, *, behind: bool) -> Terms | None:
    """What an order is to be that copies the leader's fills, or that he has left ``behind``: a limit near the price that
    he got, or the market."""
    policy, side, admitted = state.settings.policy, state.side_of(trade), trade.admitted
    if behind and policy.behind is Behind.CLOSE and intent is Intent.EXIT:
        return Market()
    price = state.leader_order(trade.key).report.average_price
    if price is None or admitted is None or not (trade.copies_fills or (behind and policy.behind is Behind.CHASE)):
        return None
    worse = price * policy.chase_within.value / 100 * side.sign
    return aligned(Limit(price + worse), side, admitted.facts) if price + worse > 0 else None


def watch_what_is_behind(b: Draft, order: FollowerOrder) -> None:
    """Tell of an order that still rests when the leader's has filled, and look again when its time has come."""
    filled_at = b.order.last_filled_at
    if not _has_filled(b.report) or filled_at is None:
        return
    if not _is_behind(b):
        b.wake(filled_at + b.policy.behind_after)
        return
    match b.policy.behind:
        case Behind.WAIT:
            advice = "It stays as it is: move or cancel it by hand, or set behind=Behind.CHASE or CLOSE."
        case Behind.CHASE if order.waits and order.intent is Intent.ENTRY:
            advice = "A Forever order that waits to enter is not moved: cancel it by hand, or wait."
        case Behind.CHASE:
            advice = f"It is moved to within {b.policy.chase_within.value} % of the leader's price."
        case Behind.CLOSE if order.intent is Intent.EXIT:
            advice = "What is due is closed at the market."
        case Behind.CANCEL | Behind.CLOSE:
            advice = "An exit waits." if order.intent is Intent.EXIT else "The entry is given up."
            if order.intent is Intent.ENTRY:
                b.decline(ReasonCode.LEFT_BEHIND, f"{(b.now - filled_at).total_seconds():.0f} s before")
        case _:
            assert_never(b.policy.behind)
    if order.generation and _is_told(b):
        return  # of the order whose place it took
    known = f"{order.leaves_quantity} of {order.leaves_quantity + order.filled_quantity} rest since the leader's fill at {filled_at}"
    b.alert("BEHIND", "the leader's order has filled and the follower's still rests", known, advice, order)


def _is_told(b: Draft) -> bool:
    this = ("BEHIND", b.rules.name, b.trade.key[1])
    return any(alert[:3] == this for alert in b.state.alerts)


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


def _kept(b: Draft) -> Terms | None:
    """The terms of an order that the leader made a stop-market order of, where those are refused."""
    last = b.trade.orders[-1] if b.trade.orders else None
    if last is None or not is_refused_stop_market(b):
        return None
    tell_of_refused_stop_market(b, "The follower's order keeps its terms; change it by hand if that is wrong.", last)
    return (last.accepted or last.asked).terms


def _copied(state: State, trade: CopyTrade, facts: InstrumentFacts) -> Terms:
    report = state.leader_order(trade.key).report
    if state.side_of(trade) is not report.side:
        return Market()  # at a price of the leader's the other side would trade too soon or never
    if report.variety is Variety.FOREVER:
        return terms_of(report, facts)
    if trade.admitted is not None and trade.admitted.protected == report.terms:
        return Market()
    return copied_terms(report.terms, report.side, report.segment, facts, state.settings.policy)


def _disclosed(report: OrderReport, units: int, facts: InstrumentFacts) -> int:
    return disclosed_size(report.disclosed_quantity, report.quantity, units, facts.lot_units)
