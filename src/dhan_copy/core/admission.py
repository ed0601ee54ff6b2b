"""Decide, once per leader order and follower, whether and how it is copied."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction

from typing_extensions import assert_never

from dhan_copy.core.admit_entry import Asked, Refused, Sized, admit_entry
from dhan_copy.core.after_market import session_of
from dhan_copy.core.changes import values_of
from dhan_copy.core.effective import effective, unclear_override
from dhan_copy.core.facts import Channel, CopyAdmitted, CopyDeclined, CopyMode
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import EXIT_LEGS, LEGS_MAY_FOLLOW, LINKED, is_exit_leg, leg_id, may_have, tree_of
from dhan_copy.core.requests import Intent, ReadMargin, ReadQuotes
from dhan_copy.core.settings import CopierSettings, FirstStart, FollowerRules, ProtectedMarket, StopMarketForm
from dhan_copy.core.state import State, entry_total, has_fired, waits
from dhan_copy.core.terms import protected_market
from dhan_copy.core.trade import StakeKey, TradeKey
from dhan_copy.model.ids import is_ours
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey, is_cut
from dhan_copy.model.order import Leg, Limit, OrderReport, OrderStatus, StopMarket, Variety
from dhan_copy.model.reason import ReasonCode


FRAME_MAY_FOLLOW = timedelta(seconds=5)
"""How long an order that only the book has shown waits for a frame with its lot, where nothing else knows it."""
LIST_MAY_FOLLOW = timedelta(seconds=20)
"""How long an order waits while the list of instruments is read or fetched for it; it must not be stale after that."""
LOOK_EVERY = timedelta(seconds=1)
NOTHING_YET = "an exit, and nothing is held yet"


def _lot_by(state: State, order: LeaderOrder) -> datetime:
    """Until when an order waits for its lot, which nothing names so far."""
    if state.settings.awaited(order.report.key):
        return order.first_seen_at + LIST_MAY_FOLLOW
    return order.first_seen_at + (FRAME_MAY_FOLLOW if order.channel is Channel.BOOK else timedelta(0))


def _symbol_by(state: State, order: LeaderOrder) -> datetime:
    """Until when an order waits for the rest of its symbol, which the list of instruments and the book have."""
    return order.first_seen_at + (LIST_MAY_FOLLOW if state.settings.awaited(order.report.key) else FRAME_MAY_FOLLOW)


def look_again_at(state: State, order: LeaderOrder, now: datetime) -> datetime:
    """When to look again at an order that waits for its lot, the rest of its symbol, or for news of its legs."""
    frame_by = order.first_seen_at + FRAME_MAY_FOLLOW
    key = order.report.key
    named = state.named(order).report
    if (instrument_facts(state, key) is None or is_cut(named.segment, named.symbol)) and (
        state.settings.awaited(key) or now >= frame_by
    ):
        return now + LOOK_EVERY
    return frame_by


def decide(
    state: State, key: TradeKey, rules: FollowerRules, now: datetime, *, patient: bool = True
) -> CopyAdmitted | CopyDeclined | ReadMargin | ReadQuotes | None:
    """The decision for a leader order. The first reason not to copy wins.

    None while the order is not confirmed, and for a moment while only a row of the book has shown it: rows carry
    neither lot nor kind nor source, and the frame that does may be on its way. A read that it waits for where a cap
    counts margin, or where it comes late and the price may have moved, while ``patient``.
    """
    leader, order_id, follower = key
    order = state.leader_order(key)
    report = order.report

    def declined(reason: ReasonCode, detail: str = "") -> CopyDeclined:
        return CopyDeclined(leader=leader, leader_order_id=order_id, follower=follower, reason=reason, detail=detail)

    if is_ours(report.client_order_id):
        return declined(ReasonCode.OWN_ORDER)
    if report.status is OrderStatus.REJECTED and report.filled_quantity == 0:
        return declined(ReasonCode.LEADER_REJECTED, report.reason)
    if not order.confirmed:
        return None
    if is_exit_leg(report):
        return _decide_leg(state, order, rules, now)
    if waits(report) and report.leg is not Leg.ENTRY and now < order.first_seen_at + LEGS_MAY_FOLLOW:
        return None
    refused = _unsupported(report, state.settings, rules) or _before_start(state, order, key)
    if refused is not None:
        return declined(refused.reason, refused.detail)
    units = report.expected_quantity
    if rules.mode is CopyMode.EXECUTION and not report.filled_quantity and not report.status.is_terminal:
        return None
    if units == 0:
        return declined(ReasonCode.LEADER_UNFILLED, f"it ended {report.status.value}")
    facts = instrument_facts(state, report.key)
    frame_may_follow = order.channel is Channel.BOOK and now < order.first_seen_at + FRAME_MAY_FOLLOW
    if facts is None and now < _lot_by(state, order):
        return None
    if facts is None:
        return declined(ReasonCode.INSTRUMENT_UNKNOWN, str(report.key))
    if report.quantity % facts.lot_units:
        return declined(ReasonCode.QUANTITY_OFF_LOT, f"{report.quantity} at a lot of {facts.lot_units}")
    if not _shows_its_legs(state, order):
        if now < order.first_seen_at + LEGS_MAY_FOLLOW:
            return None
        cover = report.variety is Variety.COVER
        return declined(ReasonCode.COVER_WITHOUT_STOP if cover else ReasonCode.BRACKET_UNKNOWN)
    closed = max(
        _closed_by_its_legs(state, order), _closed_by_nameless_legs(state, order), _closed_meanwhile(state, order, key)
    )
    if closed:
        return declined(ReasonCode.LEADER_CLOSED, f"{closed} of {report.filled_quantity}")

    stake_key = state.stake_key(key)
    turned = _turned(state, stake_key, rules)
    reverse = rules.reverse if turned is None else turned
    before = _position_before(state, order)
    exit_units, entry_units = _exit_and_entry(state, stake_key, report, units, before)
    bare = exit_units > 0 and entry_units == 0 and not _has_anything(state, stake_key, key)
    if bare and report.status.is_terminal:
        return declined(ReasonCode.NOTHING_OWNED)

    def admitted(
        ratio: Fraction,
        carry: Fraction,
        entry: int,
        reason: ReasonCode,
        detail: str = "",
        most: int | None = None,
        uncapped: Fraction | None = None,
        entry_declined: ReasonCode | None = None,
    ) -> CopyAdmitted:
        return CopyAdmitted(
            leader=leader, leader_order_id=order_id, follower=follower, live=rules.live, facts=facts,
            exit_quantity=exit_units, entry_quantity=entry, position_before=before, ratio=ratio, carry=carry,
            most_units=most, mode=rules.mode, protected=_recognised(state, report, facts),
            slice_units=slice_units(state, report.key, facts), reason=reason, detail=detail, reverse=reverse,
            uncapped=uncapped, entry_declined=entry_declined,
        )  # fmt: skip

    if entry_units == 0:
        # One that rests may yet close what the follower comes to hold; if it never does, the end of it says so.
        return admitted(Fraction(0), Fraction(0), 0, ReasonCode.COPIED, NOTHING_YET if bare else "")
    order = state.named(order)
    symbols, changed = (order.report.symbol, str(report.key)), values_of(state.changes)
    holds = effective(state.settings, changed, leader, rules, report.segment, *symbols)
    more_may_follow = frame_may_follow or (is_cut(report.segment, symbols[0]) and now < _symbol_by(state, order))
    unclear = unclear_override(state.settings, changed, rules, report.segment, *symbols)
    sized: Sized | Refused | ReadMargin | ReadQuotes | None = _not_this_way(report, rules, turned)
    if sized is not None:
        pass
    elif before is None and not report.product.is_delivery:
        sized = Refused(ReasonCode.LEADER_POSITION_UNKNOWN)
    elif unclear is not None and more_may_follow:
        return None
    elif unclear is not None:
        sized = Refused(ReasonCode.FILTERED, f"{unclear}: it begins with {symbols[0]}, and the rest is unknown")
    else:
        asked = Asked(order, facts, rules, holds, stake_key, entry_units, crossing=exit_units > 0)
        sized = admit_entry(state, asked, now, more_may_follow=more_may_follow, patient=patient)
    match sized:
        case Sized():
            return admitted(sized.ratio, sized.carry, entry_units, sized.reason, sized.detail, sized.most_units, sized.uncapped)
        case ReadMargin() | ReadQuotes() | None:
            return sized
    if exit_units and _has_anything(state, stake_key, key):
        why = f"exit only: {sized.reason.value}{_in_brackets(sized.detail)}"
        return admitted(Fraction(0), Fraction(0), 0, ReasonCode.COPIED, why, entry_declined=sized.reason)
    return declined(sized.reason, sized.detail)


def _decide_leg(state: State, order: LeaderOrder, rules: FollowerRules, now: datetime) -> CopyAdmitted | CopyDeclined | None:
    """A leg goes with its entry: it closes what that opens, and needs no leave of its own."""
    report = order.report
    tree = tree_of(report)
    entry = None if tree is None else state.trades.get((order.leader, tree, rules.name))
    reason, detail = ReasonCode.ENTRY_NOT_COPIED, ""
    if entry is None:
        if now < order.first_seen_at + LEGS_MAY_FOLLOW:
            return None
        reason = ReasonCode.UNKNOWN_PARENT
    elif entry.decision is None:
        return None
    elif entry.admitted is not None:
        return CopyAdmitted(
            leader=order.leader, leader_order_id=report.order_id, follower=rules.name, live=rules.live,
            facts=entry.admitted.facts, exit_quantity=report.quantity, entry_quantity=0, position_before=None,
            ratio=Fraction(0), carry=Fraction(0), slice_units=entry.admitted.slice_units,
        )  # fmt: skip
    else:
        detail = entry.decision.name
    return CopyDeclined(leader=order.leader, leader_order_id=report.order_id, follower=rules.name, reason=reason, detail=detail)


def _closed_by_its_legs(state: State, order: LeaderOrder) -> int:
    """By the fills of the legs themselves: once a linked order is taken apart, its position is a part of another."""
    report = order.report
    if tree_of(report) != report.order_id:
        return 0
    legs = (state.leader_orders.get((order.leader, leg_id(report.order_id, leg))) for leg in EXIT_LEGS)
    return min(report.filled_quantity, sum(leg.report.filled_quantity for leg in legs if leg is not None))


def _closed_by_nameless_legs(state: State, order: LeaderOrder) -> int:
    """By the fills of legs that were told of before anything showed whose they are, and that may be this entry's."""
    report = order.report
    if report.variety not in (Variety.BRACKET, Variety.COVER):
        return 0
    others = (other.report for (leader, _), other in state.leader_orders.items() if leader == order.leader)
    legs = (other for other in others if is_exit_leg(other) and tree_of(other) is None and may_have(report, other))
    return min(report.filled_quantity, sum(leg.filled_quantity for leg in legs))


def _closed_meanwhile(state: State, order: LeaderOrder, key: TradeKey) -> int:
    """What it opened while it waited to be decided, for its legs, a lot or a price, and the leader does not hold any more: of
    a part of it he may hold as much by other orders."""
    trade = state.trade_of(key)
    if trade.opened and not trade.undecided:
        return trade.opened
    held = state.position(state.place(order.leader, order.report)) * order.report.side.sign
    return max(0, trade.opened - max(0, held))


def _recognised(state: State, report: OrderReport, facts: InstrumentFacts) -> Limit | None:
    if state.settings.policy.protected_market is ProtectedMarket.LIMIT:
        return None
    return protected_market(report, facts)


def slice_units(state: State, key: InstrumentKey, facts: InstrumentFacts) -> int | None:
    """Units of the largest order of an instrument that its exchange takes today; None where no limit is known."""
    return state.settings.freeze_limits.most_units(
        key.segment, date.fromisoformat(state.day), facts.lot_units, symbol=state.symbols.get(key, ""),
        security_id=key.security_id,
    )  # fmt: skip


def _shows_its_legs(state: State, order: LeaderOrder) -> bool:
    """Whether an order has no legs, or somebody has told of those that protect it."""
    report = order.report
    if report.variety not in LINKED:
        return True
    needed = (Leg.STOP,) if report.variety is Variety.COVER else EXIT_LEGS
    if any((order.leader, leg_id(report.order_id, leg)) in state.leader_orders for leg in needed):
        return True
    return report.bracket is not None and (report.variety is not Variety.COVER or report.bracket.stop is not None)


def _in_brackets(detail: str) -> str:
    return f" ({detail})" if detail else ""


def _unsupported(report: OrderReport, settings: CopierSettings, rules: FollowerRules) -> Refused | None:
    match report.variety:
        case Variety.SUPER | Variety.BRACKET | Variety.COVER if rules.reverse:
            return Refused(ReasonCode.REVERSE_LINKED)
        case Variety.REGULAR | Variety.SUPER | Variety.BRACKET | Variety.COVER:
            pass
        case Variety.AFTER_MARKET:
            unsent = _after_market_unsupported(report, settings, rules)
            if unsent is not None:
                return unsent
        case Variety.FOREVER:
            return _forever_unsupported(report, rules)
        case _:
            assert_never(report.variety)
    if rules.mode is CopyMode.EXECUTION:
        return None  # what is sent goes near the price of his fill, whatever triggered that
    if isinstance(report.terms, StopMarket) and settings.policy.stop_market is StopMarketForm.REFUSE:
        return Refused(ReasonCode.STOP_MARKET_REFUSED)
    return None


def _after_market_unsupported(report: OrderReport, settings: CopierSettings, rules: FollowerRules) -> Refused | None:
    if rules.mode is CopyMode.EXECUTION:
        return None  # it has gone to the exchange when it fills
    if settings.policy.amo_slot is None:
        return Refused(ReasonCode.AMO_SLOT_UNKNOWN)
    if session_of(settings.calendar, report) is None:
        return Refused(ReasonCode.AMO_SESSION_UNKNOWN, f"placed {report.created_at or 'nobody knows when'}")
    return None


def _forever_unsupported(report: OrderReport, rules: FollowerRules) -> Refused | None:
    fired = has_fired(report) or report.parent_order_id is not None
    if not fired and not waits(report):
        return Refused(ReasonCode.UNKNOWN_PARENT)
    if rules.mode is CopyMode.EXECUTION:
        return None  # its fills are copied, and no copy of it waits
    if fired:
        return Refused(ReasonCode.FOREVER_CHILD, f"order {report.leg_order_id or report.order_id}")
    if rules.live and not rules.forever_orders:
        return Refused(ReasonCode.FOREVER_UNSUPPORTED)
    return None if report.leg is Leg.ENTRY else Refused(ReasonCode.FOREVER_LEG_UNKNOWN)


def _turned(state: State, stake_key: StakeKey, rules: FollowerRules) -> bool | None:
    """Whether what there is was copied to the other side: it is closed as it was opened, whatever is set by now."""
    plain = state.stakes.get((*stake_key[:4], None))
    if not rules.reverse and (plain is None or not plain.turned):
        return False
    return state.turned(stake_key)


def _not_this_way(report: OrderReport, rules: FollowerRules, turned: bool | None) -> Refused | None:
    """Why an entry is not copied to the side that the follower takes."""
    if turned is not None and turned is not rules.reverse:
        return Refused(ReasonCode.HELD_OTHER_WAY)
    if rules.reverse and report.product.is_delivery:
        return Refused(ReasonCode.REVERSE_DELIVERY, report.product.value)
    if rules.reverse and report.variety is Variety.FOREVER:
        return Refused(ReasonCode.REVERSE_LINKED)
    return None


def _before_start(state: State, order: LeaderOrder, key: TradeKey) -> Refused | None:
    if state.settings.policy.first_start is FirstStart.ADOPT:
        return None
    if state.trades[key].older:
        return Refused(ReasonCode.OLDER_THAN_START, "the follower was added after it")
    placed = order.report.created_at
    began = state.started_at.get(order.leader)
    if began is not None and order.leader not in state.books_read and placed is not None and placed < began:
        return Refused(ReasonCode.OLDER_THAN_START, f"placed {placed}, copying began {began}")
    return None


def instrument_facts(state: State, key: InstrumentKey) -> InstrumentFacts | None:
    """Lot and tick: from a frame, else from what the journal has seen, else from the user's scrip master."""
    known, supplied = state.instruments.get(key), None
    if known is None or (known.tick is None and key.segment.is_equity):
        supplied = state.settings.instruments(key)
    found = supplied or known or (InstrumentFacts(lot_units=1) if key.segment.is_equity else None)
    return None if found is None else state.priced(key, found)


def _position_before(state: State, order: LeaderOrder) -> int | None:
    """The leader's filled position without this order's own fills; None while it is unknown."""
    report = order.report
    place = state.place(order.leader, report)
    if place[3] is None and not state.knows_position(order.leader):
        return None
    return state.position(place) - report.side.sign * report.filled_quantity


def _exit_and_entry(state: State, stake_key: StakeKey, report: OrderReport, units: int, before: int | None) -> tuple[int, int]:
    """The leader's units as (exit, entry)."""
    sign = report.side.sign
    if stake_key[4] is not None:
        return 0, units
    if report.product.is_delivery:
        return (units, 0) if sign < 0 else (0, units)
    if before is None:
        return (units, 0) if state.stake(stake_key).owned * sign < 0 else (0, units)
    if before * sign >= 0:
        return 0, units
    closing = min(units, abs(before))
    return closing, units - closing


def _has_anything(state: State, stake_key: StakeKey, but: TradeKey) -> bool:
    """Whether the follower owns some of it, or may still come to own some."""
    if state.stake(stake_key).owned:
        return True
    trades = (t for t in state.open_at(stake_key) if t.key != but)
    return any(t.leaves(Intent.ENTRY) or entry_total(t, t.opened) > t.filled(Intent.ENTRY) for t in trades)
