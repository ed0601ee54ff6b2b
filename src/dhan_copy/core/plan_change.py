"""Bring an order that is live at the broker to what it should be, or take it back."""

from __future__ import annotations

from datetime import datetime, timedelta

from typing_extensions import assert_never

from dhan_copy.core import supers
from dhan_copy.core.facts import TradingState
from dhan_copy.core.intake import SETTLED_AFTER
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import is_exit_leg, leg_id
from dhan_copy.core.plan_draft import Draft
from dhan_copy.core.plan_limits import must_wait, position_checked, tell_if_unprotected
from dhan_copy.core.plan_terms import instruction, is_placed_anew, watch_what_is_behind
from dhan_copy.core.requests import Cancel, Intent, Modify, Query
from dhan_copy.core.settings import AtModificationCap
from dhan_copy.core.target import entry_want, is_taken_back
from dhan_copy.core.trade import CANCEL_GRACE, FollowerOrder, Instruction
from dhan_copy.core.waiting import one_leg
from dhan_copy.model.order import Leg

CANCEL_RETRY_LONGEST = timedelta(seconds=30)


def steer_leg(b: Draft, order: FollowerOrder, left: int) -> bool:
    """A leg of a super order: the broker keeps it at what is open of its own entry, and it stays as long as no less than
    that is wanted. Returns whether it does."""
    stays, entry = _may_stay(b, order, left), supers.entry_order(b.state, b.rules.name, order)
    if order.unresolved is not None or order.needs_look:
        _ask(b, order)
    elif order.outstanding is not None or order.broker_order_id is None:
        pass
    elif left > 0 and entry is not None and entry.state.is_over and is_placed_anew(b, order):
        watch_what_is_behind(b, order)
        _replace(b, order)
    elif not stays:
        if entry is None or not _is_on_its_way_out(b, entry):
            _cancel(b, order)
    elif not order.cancel_sent and left > 0:
        watch_what_is_behind(b, order)
        want = supers.leg_wanted(b.state, b.rules.name, order)
        if want is None or want == order.accepted or entry is None or not entry.state.is_over:
            return True  # while the entry works it is changed with it
        if not supers.trails_to(order, want) and _has_seen_it_trail(b, order, b.order):
            _modify(b, order, want)
    return stays and not order.cancel_sent


def _is_on_its_way_out(b: Draft, entry: FollowerOrder) -> bool:
    """Whether a cancel of a working entry is under way or about to be, which takes its legs with it."""
    if entry.state.is_over:
        return False
    if entry.cancel_accepted_at is not None and b.now < entry.cancel_accepted_at + CANCEL_GRACE:
        b.wake(entry.cancel_accepted_at + CANCEL_GRACE)
        return True
    if isinstance(entry.outstanding or entry.unresolved, Cancel):
        return True
    found = b.state.order_by_tag(b.rules.name, entry.client_order_id)
    closing = b.state.trading_state(b.rules.name) is TradingState.CLOSING
    goes = found is not None and (closing or entry_want(b.state, found[0]) <= found[0].filled(Intent.ENTRY))
    return goes and not (entry.cancel_sent or entry.tries or entry.is_busy or entry.broker_order_id is None)


def _may_stay(b: Draft, order: FollowerOrder, left: int) -> bool:
    stake_key = b.trade.stake_key
    if stake_key[4] is None or is_taken_back(b.state, stake_key, b.order):
        return False
    return left >= supers.kept_open(b.state, b.rules.name, order)


def steer_live(b: Draft, order: FollowerOrder, total: int) -> None:
    """An order that works, or may: to ``total`` units, what it has filled included; it is taken back where that is all."""
    if order.unresolved is not None or order.needs_look:
        if not _is_parked(b, order):
            _ask(b, order)
        return
    if order.outstanding is not None or order.broker_order_id is None or order.fired_at is not None:
        return
    if total <= order.filled_quantity:
        _cancel(b, order)
        return
    if order.cancel_sent:
        return
    watch_what_is_behind(b, order)
    if is_placed_anew(b, order):
        _replace(b, order)
        return
    want, leg = instruction(b, total, order.intent, order), Leg.ENTRY
    if want == order.accepted:
        return
    if order.waits and order.accepted is not None:
        want, leg = one_leg(order.accepted, want)
    if _too_large(order, total) and not _may_modify(b, order, want):
        # It must not stay larger than what is owned: what is still wanted is placed anew.
        _cancel(b, order)
        return
    if order.linked is None or not _moves_a_trailing_stop(order, want) or _has_seen_it_trail(b, order, _leaders_stop(b)):
        _modify(b, order, want, leg)


def _moves_a_trailing_stop(order: FollowerOrder, want: Instruction) -> bool:
    stands = None if order.accepted is None else order.accepted.bracket
    moves = stands is not None and want.bracket is not None and stands.stop != want.bracket.stop
    return moves and order.filled_quantity > 0


def _has_seen_it_trail(b: Draft, order: FollowerOrder, leaders: LeaderOrder | None) -> bool:
    """Whether where a trailing stop stands was read after the leader's was seen where he has it now."""
    bracket = None if order.accepted is None else order.accepted.bracket
    read_at = b.state.book_read_at.get(b.rules.name)
    if bracket is None or bracket.trailing_jump is None or leaders is None:
        return True
    settled_at = leaders.seen_at + SETTLED_AFTER
    if read_at is not None and read_at >= settled_at:
        return True
    b.book_awaited = True
    b.wake(max(b.now, settled_at) + b.policy.retry_after)
    return False


def _leaders_stop(b: Draft) -> LeaderOrder | None:
    return b.state.leader_orders.get((b.order.leader, leg_id(b.report.order_id, Leg.STOP)))


def _is_parked(b: Draft, order: FollowerOrder) -> bool:
    """Whether it is a Forever order of which the lists do not say what became of it: a human has been told, and every
    sweep reads them again."""
    told = ((code, b.rules.name, b.trade.key[1], order.client_order_id) for code in ("FOREVER_DOUBTFUL", "FOREVER_GONE"))
    return order.waits and any(alert in b.state.alerts for alert in told)


def _ask(b: Draft, order: FollowerOrder) -> None:
    tag = order.client_order_id if order.entry is None else order.entry
    b.queries.append(Query(follower=b.rules.name, client_order_id=tag, linked=order.linked is not None))
    if order.unresolved_at is not None:
        _tell_when_it_takes_long(b, order, order.unresolved_at)


def _tell_when_it_takes_long(b: Draft, order: FollowerOrder, since: datetime) -> None:
    """What is unknown was told of when it became so; here the evidence that should have settled it stays away."""
    late = since + 2 * b.policy.absence_window
    if b.now < late:
        b.wake(late)
        return
    what, advice = "an entry", "It is not sent again. Look into the account, and do by hand what is missing."
    if order.intent is Intent.EXIT:
        what = "an exit"
        advice = "Look into the account. Once it is proven lost it is sent again: halt the follower before you close by hand."
    b.alert(
        "STILL_UNRESOLVED", f"what became of a request about {what} is still unknown",
        f"since {since}: neither the order book nor a lookup by its id has settled it",
        advice, order,
    )  # fmt: skip


def _modify(b: Draft, order: FollowerOrder, want: Instruction, leg: Leg = Leg.ENTRY) -> None:
    if want == order.refused:
        b.alert(
            "MODIFICATION_REFUSED", "the broker refuses the leader's modification", f"{order.code} {order.text}",
            "The order stands as it was; cancel or change it by hand if that is wrong.", order,
        )  # fmt: skip
        return
    grows = 0 if order.accepted is None else max(0, want.most - order.accepted.most)
    if order.intent is Intent.EXIT and grows:
        tell_if_unprotected(b, grows)
    if b.state.trading_state(b.rules.name) is TradingState.HALTED:
        return
    if supers.modifications(b.state, b.rules.name, order) >= b.rules.limits.modifications_per_order:
        _at_cap(b, order)
        return
    shrinks = _too_large(order, want.most)
    if must_wait(b, order, order.intent, requests=0 if shrinks else 1):
        return
    if order.intent is Intent.EXIT and grows and not position_checked(b, b.order.seen_at):
        return
    b.requests.append(
        Modify(
            follower=b.rules.name,
            client_order_id=order.client_order_id,
            attempt=order.attempts + 1,
            broker_order_id=supers.id_at_broker(b.state, b.rules.name, order),
            intent=order.intent,
            validity=want.validity,
            terms=want.terms,
            quantity=want.quantity,
            disclosed_quantity=want.disclosed_quantity,
            leg=order.linked or leg,
            forever=order.waits,
            second_leg=want.second_leg,
            linked=order.linked is not None,
            bracket=want.bracket,
            not_after=b.now + b.policy.send_within if order.intent is Intent.ENTRY else None,
        )  # fmt: skip
    )


def _too_large(order: FollowerOrder, total: int) -> bool:
    return order.intent is Intent.EXIT and order.accepted is not None and total < order.accepted.most


def _may_modify(b: Draft, order: FollowerOrder, want: Instruction) -> bool:
    """Whether the order could still be changed to ``want``."""
    return (
        want != order.refused
        and order.modifications < b.rules.limits.modifications_per_order
        and b.state.trading_state(b.rules.name) is not TradingState.HALTED
    )


def _at_cap(b: Draft, order: FollowerOrder) -> None:
    if is_exit_leg(b.report):
        _replace(b, order)  # what protects a position has to follow
        return
    match b.policy.at_modification_cap:
        case AtModificationCap.KEEP:
            b.alert(
                "MODIFICATION_CAP", "the order's modifications are used up", f"{order.modifications} modifications sent",
                "The order stands as it was; cancel and replace it by hand, or set at_modification_cap=REPLACE.", order,
            )  # fmt: skip
        case AtModificationCap.REPLACE:
            _replace(b, order)
        case _:
            assert_never(b.policy.at_modification_cap)


def _replace(b: Draft, order: FollowerOrder) -> None:
    """Take an order back for another in its place: an exit only where that could be sent after the cancel."""
    if order.intent is Intent.ENTRY or not must_wait(b, order, Intent.EXIT, requests=2):
        _cancel(b, order)


def _cancel(b: Draft, order: FollowerOrder) -> None:
    if order.cancel_accepted_at is not None:
        if b.now < order.cancel_accepted_at + CANCEL_GRACE:
            b.wake(order.cancel_accepted_at + CANCEL_GRACE)
        else:
            _ask(b, order)
        return
    if order.retry_at is not None and order.retry_at > b.now:
        b.wake(min(order.retry_at, b.now + CANCEL_RETRY_LONGEST))
        return
    if order.tries >= b.policy.stalled_after:
        b.alert(
            "STALLED", "a cancel is refused again and again", f"{order.code} {order.text}",
            "It is still tried; cancel the order by hand if it stays.", order,
        )  # fmt: skip
    b.requests.append(
        Cancel(
            follower=b.rules.name,
            client_order_id=order.client_order_id,
            attempt=order.attempts + 1,
            broker_order_id=supers.id_at_broker(b.state, b.rules.name, order),
            forever=order.waits,
            linked=order.linked is not None,
            leg=order.linked or Leg.ENTRY,
        )  # fmt: skip
    )
