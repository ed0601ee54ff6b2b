"""What each follower order should total now, in full, given the leader's order and the follower's own fills."""

from __future__ import annotations

from fractions import Fraction

from dhan_copy.core.requests import Intent
from dhan_copy.core.sizing import kept_after_exit, trunc_to_lot
from dhan_copy.core.state import State, claim_left, entry_total, split
from dhan_copy.core.trade import CopyTrade, StakeKey, TradeKey
from dhan_copy.model.order import OrderReport, OrderStatus


def entry_want(state: State, trade: CopyTrade) -> int:
    """What the follower's entry should total.

    A leader's cancelled order leaves nothing to wait for: what the follower has filled stays, its leaves go. An order
    that had already ended when it was decided (an IOC, or one missed while away) is sized from what it filled.
    """
    filled = trade.filled(Intent.ENTRY)
    report = state.leader_order(trade.key).report
    ended_unfilled = report.status.is_terminal and report.status is not OrderStatus.TRADED
    if trade.admitted is None or trade.declined is not None or (ended_unfilled and not trade.leader_was_over):
        return filled
    return max(0, entry_total(trade, _entry_units(trade, report)) - trade.forgone)


def _entry_units(trade: CopyTrade, report: OrderReport) -> int:
    """The entry part of the leader's order: in full while it lives, what it filled once it has ended."""
    ended_unfilled = report.status.is_terminal and report.status is not OrderStatus.TRADED
    return split(trade, report.filled_quantity if ended_unfilled else report.quantity)[1]


def entry_pending(state: State, trade: CopyTrade) -> int:
    """What the follower's entry is still expected to fill."""
    last = trade.last(Intent.ENTRY)
    if last is not None and last.state.is_over and not last.refused_for_now:
        return 0
    return max(0, entry_want(state, trade) - trade.filled(Intent.ENTRY))


def balance_of(state: State, stake_key: StakeKey) -> Fraction:
    """Ideal less owned, both counting what is still under way (signed): what rounding has left over."""
    stake = state.stake(stake_key)
    balance = stake.ideal - stake.owned
    if stake.owned:
        balance += state.claims(stake_key) * (1 if stake.owned > 0 else -1)
    for key in state.open_trades.get(stake_key, ()):
        trade = state.trades[key]
        if trade.admitted is None or not trade.admitted.ratio or trade.settled:
            continue
        report = state.leader_order(key).report
        coming = max(0, _entry_units(trade, report) - trade.opened)
        balance += (trade.admitted.ratio * coming - entry_pending(state, trade)) * report.side.sign
    return balance


def carry_of(state: State, stake_key: StakeKey, sign: int, lot_units: int) -> Fraction:
    """What earlier orders of this direction left over or took too much, in units of the direction; below one lot."""
    carry = balance_of(state, stake_key) * sign
    return carry - trunc_to_lot(carry, lot_units)


def exit_wants(state: State, stake_key: StakeKey) -> dict[TradeKey, int]:
    """What the exit of each open trade should total, clamped to what is owned.

    Three parts: what has filled, what the leader's fills claim, and what his resting exits would close. Resting exits
    share the position in the order in which they came; one that exceeds what is left (a target beside a stop) covers
    as much as the leader could still close with it, and everything once the leader himself has nothing left.
    """
    stake = state.stake(stake_key)
    trades = [t for t in (state.trades[k] for k in state.open_trades.get(stake_key, ())) if t.admitted is not None]
    owned = abs(stake.owned)
    direction = 1 if stake.owned >= 0 else -1
    leader, _, key, product = stake_key
    position = max(0, state.position(leader, key, product) * direction)
    claims = sum(claim_left(t) for t in trades)
    free = max(0, owned - claims)
    left, unshared = position, free
    wants: dict[TradeKey, int] = {}
    for trade in trades:
        report = state.leader_order(trade.key).report
        if report.side.sign == direction and stake.owned:
            if trade.filled(Intent.EXIT) or trade.claim:
                wants[trade.key] = trade.filled(Intent.EXIT)
            continue
        resting = _resting_exit(trade, report)
        take = 0
        if resting and resting <= left:
            keep = min(unshared, kept_after_exit(stake.ideal, position, left - resting, state.lot_of(trade)))
            take, unshared, left = unshared - keep, keep, left - resting
        elif resting and resting > position:
            take = free + claims - claim_left(trade)
        elif resting:
            take = max(0, free - kept_after_exit(stake.ideal, position, position - resting, state.lot_of(trade)))
        due = min(owned, claim_left(trade) + take - _opposing_entry_leaves(trade))
        if due > 0 or trade.filled(Intent.EXIT) or resting or trade.claim:
            wants[trade.key] = trade.filled(Intent.EXIT) + max(0, due)
    return wants


def _resting_exit(trade: CopyTrade, report: OrderReport) -> int:
    """The leader's units of this order that would still close."""
    if report.status.is_terminal:
        return 0
    exit_units = split(trade, report.quantity)[0]
    return max(0, exit_units - report.filled_quantity)


def _opposing_entry_leaves(trade: CopyTrade) -> int:
    """Leaves of an order decided as an entry that now meets a position on the other side: they exit by themselves."""
    if trade.admitted is None or trade.admitted.exit_quantity:
        return 0
    return trade.leaves(Intent.ENTRY)
