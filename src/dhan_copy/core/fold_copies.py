"""Fold decisions about copies, their end, and what they leave different."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Channel, CloseOrdered, CopyAdmitted, DriftDeclared, OpenOrdered
from dhan_copy.core.fold_leaders import close_otherwise
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import EXIT_LEGS
from dhan_copy.core.losses import closed_by_hand
from dhan_copy.core.requests import Intent
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import State, claim_left, entry_share, entry_total
from dhan_copy.core.trade import CopyTrade, StakeKey, TradeKey, is_own, leg_key
from dhan_copy.model.order import Market, OrderReport, OrderStatus, Side, Validity
from dhan_copy.model.reason import ReasonCode

GONE = (ReasonCode.MANUAL, ReasonCode.CONVERTED, ReasonCode.EXPIRED, ReasonCode.GONE_OVERNIGHT)
"""Why copied units are no longer in an account that no order of ours has sold."""


def admitted(state: State, fact: CopyAdmitted, at: datetime, position: int) -> None:
    key = (fact.leader, fact.leader_order_id, fact.follower)
    trade = state.trade_of(key)
    report = state.leader_order(key).report
    state.trades[key] = evolve(trade, admitted=fact, admitted_at=at, leader_was_over=report.status.is_terminal)
    state.instruments.setdefault(report.key, fact.facts)
    state.live[fact.follower] = fact.live
    held = state.stake(trade.stake_key)
    if held.turned is not fact.reverse and not held.long and not held.short:
        state.stakes[trade.stake_key] = evolve(held, turned=fact.reverse)
    if fact.ratio and (report.side is Side.BUY) is not fact.reverse and fact.follower in state.funds:
        state.since_funds[key] = None
    if is_own(fact.leader_order_id):
        pass  # what it opens was taken in with the order
    elif fact.ratio and trade.opened:
        stake_key = state.stake_key(key)
        stake = state.stake(stake_key).left_out(-trade.undecided * report.side.sign)
        scaled = entry_share(fact, trade.opened) * trade.undecided / trade.opened
        state.stakes[stake_key] = stake.opened(scaled * report.side.sign, fact.asked * trade.undecided * report.side.sign)
        state.trades[key] = evolve(state.trades[key], undecided=Fraction(0), forgone=_closed_before(state.trades[key], scaled))
    elif fact.entry_declined is not None:
        explain_left_out(state, state.trades[key], fact.entry_declined)
    state.touch(key, position)
    touch_undecided_legs(state, key, position)


def _closed_before(trade: CopyTrade, share: Fraction) -> int:
    """Units of the entry that the leader had closed before it was decided: of what he held then ``share`` was left."""
    assert trade.admitted is not None
    whole = entry_share(trade.admitted, trade.opened)
    if share == whole:
        return 0
    left = trunc_to_lot(trade.admitted.carry + share, trade.admitted.facts.lot_units)
    return max(0, entry_total(trade, trade.opened) - max(0, left))


def explain_left_out(state: State, trade: CopyTrade, reason: ReasonCode) -> None:
    """What a leader's order opened before its answer was known, and he still holds, is left out for this reason."""
    if trade.undecided and trade.stake_key in state.stakes:
        units = trade.undecided * state.leader_order(trade.key).report.side.sign
        state.stakes[trade.stake_key] = state.stake(trade.stake_key).explained(units, reason)


def touch_undecided_legs(state: State, entry: TradeKey, position: int) -> None:
    """A leg that was looked at before its entry was decided waits for that, and nothing else may ever happen to it."""
    for leg in EXIT_LEGS:
        trade = state.trades.get(leg_key(entry, leg))
        if trade is not None and trade.decision is None:
            state.touch(trade.key, position)


def close(state: State, trade: CopyTrade, unsent: ReasonCode | None, position: int) -> None:
    """A trade that can do no more is no longer among the open ones."""
    stake_key = trade.stake_key
    stake = state.stake(stake_key)
    opened = stake.closable(-state.leader_order(trade.key).report.side.sign)
    netting = min(trade.closing, opened)
    if netting:
        state.stakes[stake_key] = evolve(stake, to_net_off=stake.to_net_off + netting)
    last, left = trade.last(Intent.ENTRY), trade.covers - trade.closing
    covers = left if last is not None and last.was_cancelled_by_hand else 0  # nobody else's to do
    closed = evolve(trade, settled=True, unsent=unsent, covers=covers, covered=trade.covered + netting)
    state.trades[trade.key] = closed
    state.open_trades.get(stake_key, {}).pop(trade.key, None)
    if left > covers:
        close_otherwise(state, trade.key, stake_key, left, position)
    if stake_key[4] == trade.key[1]:
        state.touch_stake(stake_key, position)  # its legs have nothing more to wait for


def close_ordered(state: State, fact: CloseOrdered, at: datetime, position: int) -> None:
    """An order of the copier's own is an exit like any other: of an order that stands where a leader's does, and that is
    over, so that nothing is waited for."""
    stake_key = (fact.leader, fact.follower, fact.key, fact.product, fact.tree)
    key = _own_order(state, fact, stake_key, at)
    state.trades[key] = CopyTrade(key=key, stake_key=stake_key, claim=fact.quantity, closed=fact.quantity)
    state.touch_stake(stake_key, position)


def open_ordered(state: State, fact: OpenOrdered, at: datetime, position: int) -> None:
    """An entry of the copier's own, likewise: what it is for has been opened by the leader long ago."""
    stake_key = (fact.leader, fact.follower, fact.key, fact.product, None)
    key = _own_order(state, fact, stake_key, at)
    state.stakes[stake_key] = state.stake(stake_key).taken_in(fact.uncopied, fact.scaled)
    state.trades[key] = CopyTrade(key=key, stake_key=stake_key, opened=fact.quantity)
    state.touch_stake(stake_key, position)


def _own_order(state: State, fact: CloseOrdered | OpenOrdered, stake_key: StakeKey, at: datetime) -> TradeKey:
    report = OrderReport(
        account=fact.leader, order_id=fact.order_id, segment=fact.key.segment, security_id=fact.key.security_id,
        side=fact.side, product=fact.product, validity=Validity.DAY, terms=Market(), quantity=fact.quantity,
        filled_quantity=fact.quantity, status=OrderStatus.TRADED, created_at=at, updated_at=at,
    )  # fmt: skip
    order = LeaderOrder(leader=fact.leader, report=report, first_seen_at=at, seen_at=at, channel=Channel.BOOK, confirmed=True)
    state.leader_orders[fact.leader, fact.order_id] = order
    key = (fact.leader, fact.order_id, fact.follower)
    state.open_trades.setdefault(stake_key, {})[key] = None
    return key


def drift_declared(state: State, fact: DriftDeclared, position: int) -> None:
    stake_key = (fact.leader, fact.follower, fact.key, fact.product, fact.tree)
    stake = state.stake(stake_key)
    if fact.reason in GONE:
        units = int(-fact.quantity)
        direction = 1 if units > 0 else -1
        left = abs(units)
        for key in list(state.open_trades.get(stake_key, ())):
            trade = state.trades[key]
            closes = state.leader_order(key).report.side.sign == -direction
            taken = min(left, claim_left(trade)) if closes else 0
            if taken:
                left -= taken
                state.trades[key] = evolve(trade, claim=trade.claim - taken)
        state.stakes[stake_key] = stake.closed_by_hand(units, left * direction, fact.reason)
        closed_by_hand(state, fact.follower, fact.key, units * stake.turn)
        state.suspects.pop((fact.follower, fact.key, fact.product), None)
    else:
        stake = state.stakes[stake_key] = stake.with_declared(fact.reason, fact.quantity)
        if fact.leader_order_id is not None:
            key = (fact.leader, fact.leader_order_id, fact.follower)
            settled = state.trades.get(key)
            sign = state.leader_order(key).report.side.sign if settled is not None else 0
            if settled is not None and fact.quantity * sign > 0:
                # More filled than the leader's order came to: no exit of his is for it, and here it has closed the other side.
                units = min(int(abs(fact.quantity)), stake.long, stake.short, settled.filled(Intent.ENTRY))
                state.stakes[stake_key] = stake.reattributed(units)
            if settled is not None:
                state.trades[key] = evolve(settled, claim=settled.claim - claim_left(settled))
    state.touch_stake(stake_key, position)
