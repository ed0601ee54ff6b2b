"""Fold what a follower's broker says of our orders there: their fills, and what those close."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from dhan_copy.core import circuit as circuits, feeds, supers, trade as life
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Channel, OrderReported
from dhan_copy.core.fold_requests import close_circuit, count_rejection, entry_follows, legs_follow
from dhan_copy.core.legs import EXIT_LEGS, is_exit_leg
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.losses import closed_by_hand, value_carried
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import OverExit
from dhan_copy.core.state import CLOCKS_APART, Dealt, State, Suspect, claim_left, entry_total, obliged, split
from dhan_copy.core.trade import CopyTrade, FollowerOrder, StakeKey, TradeKey, leg_key
from dhan_copy.model.ids import is_ours
from dhan_copy.model.order import Leg


def order_reported(state: State, fact: OrderReported, at: datetime, position: int) -> None:
    if fact.channel is Channel.STREAM and fact.follower in state.feeds:
        state.follow_feed(fact.follower, feeds.told(state.feeds[fact.follower]))
    found = state.order_of(fact.follower, fact.report)
    if found is None:
        tag = fact.report.client_order_id
        if tag is not None and is_ours(tag):
            state.foreign[fact.follower, tag] = None
        return
    trade, known = found
    order = life.reported(known, fact, at)
    if order.is_leg and order.state is OrderState.CANCELLED and state.entry_was_cancelled(fact.follower, order):
        order = evolve(order, cancel_sent=True)
    state.by_broker_id[fact.follower, fact.report.order_id] = order.client_order_id
    circuit = state.circuits.get(fact.follower)
    if order.state is OrderState.REJECTED and known.state is not OrderState.REJECTED:
        count_rejection(state, fact.follower, order.text, at)
    elif circuit is not None and circuits.is_closed_by(circuit, fact.report.status, order.issued_at):
        close_circuit(state, fact.follower, position)
    if not order.is_busy:
        state.unresolved.pop((fact.follower, order.client_order_id), None)
    trade = trade.with_order(order)
    stake_key = state.stake_key(trade.key)
    grown = order.filled_quantity - known.filled_quantity
    if trade.settled and (grown > 0 or not order.state.is_over):
        trade = state.open(trade, stake_key)
    state.put(trade)
    ended = order.state.is_over and not known.state.is_over
    legs_follow(state, trade.key, order, life.in_doubt(known) if ended else ())
    if order.is_leg and order is not known:
        entry_follows(state, fact.follower, order)
        _taken_back(state, supers.gone_with_the_other(state, trade.key, order))
        trade = state.trades[trade.key]
    elif order.linked is Leg.ENTRY and ended:
        _taken_back(state, supers.gone_with_the_entry(state, trade.key, order))
    if grown > 0:
        _deal(state, trade, known, order, at)
        _follower_filled(state, trade, order, grown, stake_key, at)
    state.touch(trade.key, position)
    state.touch_stake(stake_key, position)


def _taken_back(state: State, legs: list[tuple[TradeKey, FollowerOrder]]) -> None:
    """Legs that are gone through what was asked of another part of their super order."""
    for key, leg in legs:
        state.put(state.trades[key].with_order(evolve(leg, cancel_sent=True)))


def _deal(state: State, trade: CopyTrade, before: FollowerOrder, after: FollowerOrder, at: datetime) -> None:
    """Count a fill: an order's average price is that of all its fills."""
    where = (trade.key[2], trade.stake_key[2])
    if after.average_price is not None:
        value_carried(state, where[:1], where[1], after.average_price, at)
    dealt = state.dealt.get(where, Dealt())
    sign = state.side_of(trade).sign
    units = sign * (after.filled_quantity - before.filled_quantity)
    if after.average_price is None:
        state.dealt[where] = evolve(dealt, net=dealt.net + units, unpriced=True)
        return
    paid = after.average_price * after.filled_quantity - (before.average_price or Decimal(0)) * before.filled_quantity
    state.dealt[where] = evolve(dealt, net=dealt.net + units, cash=dealt.cash - sign * paid)


def _has_filled_since(order: FollowerOrder, suspect: Suspect) -> bool:
    """Whether a fill cannot be what a read showed to be missing before it."""
    filled_at = order.filled_at
    return order.issued_at > suspect.first_at or (filled_at is not None and filled_at > suspect.first_at + CLOCKS_APART)


def _follower_filled(
    state: State, trade: CopyTrade, order: FollowerOrder, units: int, stake_key: StakeKey, at: datetime
) -> None:
    sign = state.side_of(trade).sign * state.stake(stake_key).turn
    suspect = state.suspects.get(stake_key[1:4])
    if suspect is not None:
        # This fill may be what was missing: the suspicion begins anew, and until the next read nothing is sold twice.
        suspect = evolve(suspect, since=at, book_read_at=None, books=0)
        if state.side_of(trade).sign != suspect.side and _has_filled_since(order, suspect):
            suspect = evolve(suspect, closed_at=at, closed=suspect.closed + units)
        state.suspects[stake_key[1:4]] = suspect
    stake = state.stake(stake_key)
    if order.intent is Intent.EXIT:
        _closed_for_others(state, trade, units, stake_key)
        beyond = max(0, units - stake.closable(sign))
        stake = stake.filled(sign, units, 0)
        if beyond and stake.manual:
            beyond -= (restored := min(beyond, stake.manual))
            stake = stake.restored(sign, restored)
            closed_by_hand(state, *stake_key[1:3], state.side_of(trade).sign * restored)
        # Closed before what it closes was told, or twice in a race: it goes off against the next that opens, or is
        # taken back by the entry.
        entry = None if stake_key[4] is None else state.trades.get((trade.key[0], stake_key[4], trade.key[2]))
        if beyond and entry is not None and state.settings.policy.over_exit is OverExit.CLOSE:
            state.open(evolve(obliged(entry, beyond), over_exited_at=at), stake_key)
        else:
            stake = evolve(stake, to_net_off=stake.to_net_off + beyond)
    else:
        # Decided as an entry, but the leader's fills closed with it: so does the copy.
        closing = min(units, claim_left(trade))
        if closing:
            trade = evolve(trade, claim=trade.claim - closing)
            state.trades[trade.key] = trade
        stake = stake.filled(sign, closing, units - closing)
        for leg in EXIT_LEGS if stake_key[4] is not None else ():
            state.reopen(leg_key(trade.key, leg), stake_key)
        where = (stake_key[1], stake_key[2], stake_key[3], state.side_of(trade))
        state.entered[where] = state.entered.get(where, 0) + units
    state.stakes[stake_key] = stake
    state.net_off(stake_key)
    exit_key = trade.forgone_to
    if order.intent is Intent.ENTRY and trade.forgone and exit_key is not None and exit_key in state.trades:
        exit_units, entry_units = split(trade, state.leader_order(trade.key).report.quantity)
        beyond = trade.filled(Intent.ENTRY) - max(0, entry_total(trade, entry_units) - trade.forgone)
        if beyond > 0:
            # The cancel came too late: what filled meanwhile is closed by the exit that overtook the entry.
            late = min(beyond, trade.forgone)
            state.trades[trade.key] = evolve(trade, forgone=trade.forgone - late)
            closer = state.trades[exit_key]
            state.open(obliged(closer, late), stake_key)


def _closed_for_others(state: State, trade: CopyTrade, units: int, stake_key: StakeKey) -> None:
    """A leg that fills before the leader's does closes what another leg of its tree is due to close."""
    if stake_key[4] is None:
        return
    left = trade.filled(Intent.EXIT) - max(trade.claim, trade.filled(Intent.EXIT) - units)
    for key in state.open_trades.get(stake_key, ()):
        other = state.trades[key]
        leg = key != trade.key and is_exit_leg(state.leader_order(key).report)
        taken = min(left, claim_left(other)) if leg else 0
        if taken > 0:
            left -= taken
            state.trades[key] = evolve(other, claim=other.claim - taken)
