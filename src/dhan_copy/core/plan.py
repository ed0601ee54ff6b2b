"""Compare what is wanted with what is known, and name the next requests. Remembers nothing."""

from __future__ import annotations

from datetime import datetime
from itertools import chain

from dhan_copy.core import supers
from dhan_copy.core.facts import TradingState
from dhan_copy.core.intake import SETTLED_AFTER
from dhan_copy.core.plan_change import steer_leg, steer_live
from dhan_copy.core.plan_draft import Draft, Plan, Wants
from dhan_copy.core.plan_limits import LOOK_AGAIN, tell_if_unprotected
from dhan_copy.core.plan_place import is_replaced, place
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import FollowerRules
from dhan_copy.core.settle import is_given_up
from dhan_copy.core.state import State
from dhan_copy.core.target import closes, entry_want, exit_wants, is_taken_back, may_be_taken_back
from dhan_copy.core.trade import (
    SLICES_APART,
    CopyTrade,
    FollowerOrder,
    Lane,
    StakeKey,
    TradeKey,
    hands_first,
    place_of,
    shared_out,
)
from dhan_copy.model.order import OrderStatus
from dhan_copy.model.reason import ReasonCode

MOST_SLICES = 1295
"""What fits into a client_order_id."""


def plan(state: State, key: TradeKey, rules: FollowerRules, now: datetime, wants: Wants) -> Plan:
    """The next requests for one trade: at most one per follower order at a time. ``wants`` keeps what was reckoned for
    other trades; it must be empty whenever the state has changed."""
    trade = state.trades[key]
    b = Draft(state, trade, rules, now)
    stake_key = trade.stake_key
    due = exit_total = trade.filled(Intent.EXIT)
    if closes(trade):
        if stake_key not in wants:
            wants[stake_key] = exit_wants(state, stake_key)
        due = exit_total = wants[stake_key].get(key, due)
        missing = state.missing(stake_key)
        if missing:
            exit_total = exit_wants(state, stake_key, missing=missing).get(key, trade.filled(Intent.EXIT))
            if exit_total < due:
                _tell_of_what_is_missing(b, stake_key)
            _look_again(b)
        exit_total = _beside_what_goes(b, wants[stake_key], exit_total)
        if stake_key[4] is not None and may_be_taken_back(state, stake_key, b.order):
            _look_at_the_leaders_book(b, stake_key)
    _steer(b, Intent.EXIT, exit_total)
    _steer(b, Intent.ENTRY, _entry_total(b), hold=_exit_comes_first(state, trade, due))
    return b.build()


def _beside_what_goes(b: Draft, wants: dict[TradeKey, int], total: int) -> int:
    """The exit, as far as exits of other orders that are to go, or to shrink, cannot close the same: they may fill until they
    have. What it covers already stays, and what is free goes to those that came first."""
    state, trade, sign = b.state, b.trade, b.report.side.sign
    filled, covered = trade.filled(Intent.EXIT), trade.leaves(Intent.EXIT)
    if total <= filled + covered:
        return total
    live: dict[TradeKey, int] = {}
    left: dict[TradeKey, int] = {}
    for other in state.open_at(trade.stake_key):
        if state.leader_order(other.key).report.side.sign == sign:
            live[other.key] = other.raised(Intent.EXIT)
            left[other.key] = max(0, wants.get(other.key, 0) - other.filled(Intent.EXIT))
    left[trade.key] = total - filled
    # A target beside a stop is for the same: together they may be for more than there is, once each is what it should be.
    room = max(state.stake(trade.stake_key).closable(sign), sum(left.values())) - sum(live.values())
    for key in live:
        if key == trade.key:
            break
        room -= max(0, min(left[key] - live[key], room))
    covered = max(covered, live.get(trade.key, 0))
    most = filled + covered + max(0, min(left[trade.key] - covered, room))
    if total <= most or is_given_up(state, trade):
        return total
    tell_if_unprotected(b, total - most)
    b.keep_back(
        "for another to be gone that may close the same",
        "It is sent once that one is over: cancel the other, or close the position, by hand if this lasts.",
    )
    return most


def _entry_total(b: Draft) -> int:
    """What the entry should total. Where entries are stopped one that works is taken back, and does not come again."""
    live, trading = b.trade.live(Intent.ENTRY), b.state.trading_state(b.rules.name)
    if live is None or trading is TradingState.ACTIVE:
        return entry_want(b.state, b.trade)
    if live.linked is not None and trading is TradingState.HALTED:
        # Its legs would go with it, and none could be placed for what has filled: only with the leader's.
        his_went = b.report.status.is_terminal and b.report.status is not OrderStatus.TRADED
        return live.filled_quantity + (0 if his_went or not live.filled_quantity else live.leaves_quantity)
    if b.trade.declined is None:
        b.decline(ReasonCode.NOT_ACTIVE, trading.value)
    return b.trade.filled(Intent.ENTRY)


def _look_again(b: Draft) -> None:
    """What is missing from the account keeps an exit back until its cause is known: the positions are read sooner."""
    read_at = b.state.positions_read_at.get(b.rules.name)
    if read_at is None or b.now >= read_at + LOOK_AGAIN:
        b.positions_since = b.now
    else:
        b.wake(read_at + LOOK_AGAIN)


def _tell_of_what_is_missing(b: Draft, stake_key: StakeKey) -> None:
    """Reads that are good say soon what closed it, unless something else in the instrument stays unknown."""
    late = b.state.suspects[stake_key[1:4]].since + 2 * b.policy.absence_window
    if b.now < late:
        b.wake(late)
    else:
        b.keep_back(
            "for the account holds less than was copied, and what closed the rest is not known",
            "It is sent, or left out, once other orders in the instrument are known: look at the account, and close by hand.",
        )


def _look_at_the_leaders_book(b: Draft, stake_key: StakeKey) -> None:
    if not is_taken_back(b.state, stake_key, b.order):
        b.leader_book_awaited = True
        b.wake(max(b.now, b.order.seen_at + SETTLED_AFTER) + b.policy.retry_after)


def _exit_comes_first(state: State, trade: CopyTrade, exit_total: int) -> bool:
    """Whether the entry part of an order that crosses zero still waits for what it crosses to be gone."""
    if trade.admitted is None or not trade.admitted.exit_quantity:
        return False
    if trade.live(Intent.EXIT) is not None or exit_total > trade.filled(Intent.EXIT):
        return True
    crossing = state.leader_order(trade.key).report
    side, exit_left = crossing.side, max(0, trade.admitted.exit_quantity - crossing.filled_quantity)
    if not crossing.status.is_terminal and -side.sign * state.position(place_of(trade.stake_key)) > exit_left:
        return True  # he has added to it since: as it stands, the entry part of his order would close
    for other in state.open_at(state.stake_key(trade.key)):
        report = state.leader_order(other.key).report
        if report.side is not side and report.status.is_terminal and other.leaves(Intent.ENTRY):
            return True
    return False


def _steer(b: Draft, intent: Intent, total: int, *, hold: bool = False) -> None:
    """Bring the orders of an intent to ``total``, fills included: one order, or as many slices as it takes. What is live
    comes first, so that nothing is placed for what an order still covers."""
    left = total - b.trade.filled(intent)
    slices = b.trade.lanes(intent)
    shares: list[tuple[FollowerOrder, int]] = []
    ended: list[Lane] = []
    for number, orders in slices.items():
        live = next((order for order in reversed(orders) if not order.state.is_over), None)
        for order in orders:
            if order is not live and not order.state.is_over:
                # Given up before, yet there: its successor does the work.
                steer_live(b, order, order.filled_quantity)
        if live is not None and live.is_leg:
            stays = steer_leg(b, live, left)
            left = max(0, left - supers.kept_open(b.state, b.rules.name, live)) if stays else 0  # one that goes goes first
        elif live is not None:
            shares.append((live, max(0, min(left, live.may_fill))))
            left -= shares[-1][1]
        elif intent is Intent.ENTRY and not is_replaced(b, orders[-1]):
            left -= orders[-1].given_up
        else:
            ended.append((number, orders))
    for live, share in shares:
        room = _room(b, live)
        more = max(0, left if room is None else min(left, room - share))
        left -= more
        steer_live(b, live, live.filled_quantity + share + more)
    if left <= 0 or hold or b.trade.admitted is None:
        return
    most = b.trade.admitted.slice_units
    number = max(slices, default=_first_slice(b, intent) - SLICES_APART) + SLICES_APART
    end = MOST_SLICES + 1 if not slices or intent is Intent.EXIT or b.trade.may_be_sliced else number
    new = ((number, list[FollowerOrder]()) for number in range(number, end, SLICES_APART))
    for number, orders, share in shared_out(left, chain(hands_first(ended), new), most, sliced=len(slices) > 1):
        place(b, intent, number, share, orders)


def _first_slice(b: Draft, intent: Intent) -> int:
    admitted = b.trade.admitted
    goes_first = Intent.EXIT if admitted is not None and admitted.exit_quantity else Intent.ENTRY
    return 0 if intent is goes_first else 1


def _room(b: Draft, order: FollowerOrder) -> int | None:
    """How much an order can be for beyond what it has filled; None for any number. An exit whose modifications are used
    up is completed by another."""
    if order.intent is Intent.EXIT and order.modifications >= b.rules.limits.modifications_per_order:
        return order.unfilled
    most = None if b.trade.admitted is None else b.trade.admitted.slice_units
    return None if most is None else most - order.filled_quantity
