"""What each follower order should total now, in full, given the leader's order and the follower's own fills."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from dhan_copy.core.intake import SETTLED_AFTER
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import is_exit_leg
from dhan_copy.core.requests import Intent
from dhan_copy.core.sizing import kept_after_exit, trunc_to_lot
from dhan_copy.core.state import (
    State,
    behind_by,
    claim_left,
    entered_ahead,
    entry_share,
    entry_total,
    exit_ahead,
    exit_due,
    gone_ahead,
    share_of_position,
    split,
)
from dhan_copy.core.trade import CopyTrade, StakeKey, TradeKey, is_own, place_of
from dhan_copy.model.order import OrderReport, OrderStatus


Sides = dict[int, list[CopyTrade]]
"""Decided copies by the side of the leader's order: 1 buys, -1 sells."""


def entry_want(state: State, trade: CopyTrade) -> int:
    """What the follower's entry should total.

    A leader's cancelled order leaves nothing to wait for: what the follower has filled stays, its leaves go. An order
    that had already ended when it was decided (an IOC, or one missed while away) is sized from what it filled.
    """
    filled = trade.filled(Intent.ENTRY)
    report = state.leader_order(trade.key).report
    ended_unfilled = report.status.is_terminal and report.status is not OrderStatus.TRADED
    if trade.admitted is None or trade.declined is not None:
        return filled
    if ended_unfilled and not trade.leader_was_over and not trade.copies_fills:
        return filled
    return _entry_share(trade, report)


def _entry_share(trade: CopyTrade, report: OrderReport) -> int:
    """What the entry would total if nothing kept it back."""
    assert trade.admitted is not None
    units = _entry_units(trade, report)
    if trade.admitted.exit_quantity:
        # It crossed zero later than it seemed when it was split: the exit has claimed what closed beyond its part.
        units -= max(0, trade.closed - trade.admitted.exit_quantity)
    return max(0, entry_total(trade, units) - trade.forgone)


def _entry_units(trade: CopyTrade, report: OrderReport) -> int:
    """The entry part of the leader's order: in full while it lives, what it filled once it has ended, or where only fills
    are copied."""
    ended_unfilled = report.status.is_terminal and report.status is not OrderStatus.TRADED
    only_filled = ended_unfilled or trade.copies_fills
    return split(trade, report.filled_quantity if only_filled else report.quantity)[1]


def entry_leaves(trade: CopyTrade, report: OrderReport) -> int:
    """The leader's units of the entry part that may still fill."""
    if report.status.is_terminal or trade.copies_fills:
        return 0
    exit_units, entry_units = split(trade, report.quantity)
    return min(entry_units, exit_units + entry_units - report.filled_quantity)


def share_to_come(trade: CopyTrade, report: OrderReport) -> Fraction:
    """What the leader's units of the entry part that may still fill scale to."""
    if trade.admitted is None:
        return Fraction(0)
    opened = trade.opened + entry_leaves(trade, report)
    return entry_share(trade.admitted, opened) - entry_share(trade.admitted, trade.opened)


def entry_pending(state: State, trade: CopyTrade) -> int:
    """What the follower's entry is still expected to fill."""
    return _unfilled(trade, entry_want(state, trade))


def entry_room(state: State, trade: CopyTrade) -> int:
    """The same, for caps: while the leader's order lives he may add again what he has taken off it since it was decided."""
    want = entry_want(state, trade)
    if trade.admitted is None or trade.declined is not None or state.leader_order(trade.key).report.status.is_terminal:
        return _unfilled(trade, want)
    return _unfilled(trade, max(want, entry_total(trade, trade.admitted.entry_quantity) - trade.forgone))


def _unfilled(trade: CopyTrade, total: int) -> int:
    """What is still to fill of an entry that should come to ``total``: one that has ended is not placed anew."""
    if trade.may_be_sliced:
        return max(0, total - trade.filled(Intent.ENTRY) - trade.given_up())
    last = trade.last(Intent.ENTRY)
    if last is not None and last.state.is_over and not last.refused_for_now:
        return 0
    return max(0, total - trade.filled(Intent.ENTRY))


def balance_of(state: State, stake_key: StakeKey, sign: int | None = None) -> Fraction:
    """Ideal less owned, both counting what is still under way, and not what exits have filled before the leader (signed): what
    rounding has left over. With ``sign``, only entries of that side count as under way: the other side has a carry of its own."""
    stake = state.stake(stake_key)
    balance = stake.ideal - stake.owned + state.claims(stake_key, -1) - state.claims(stake_key, 1)
    early, rate = 0, share_of_position(state, stake_key)
    for trade in state.open_at(stake_key):
        report = state.leader_order(trade.key).report
        early += exit_ahead(state, trade, rate) * report.side.sign
        if trade.admitted is None or not trade.admitted.ratio or trade.settled:
            continue
        if sign is not None and report.side.sign != sign:
            # Its own rounding is no other side's, but what it is late with has been reckoned with.
            late = behind_by(state, trade, -sign) + _to_close(state, [trade])
            balance -= late * report.side.sign
            continue
        # What a copy has given up is no other's to make up: it is declared when the leader's order is over.
        share = _entry_share(trade, report) if trade.declined is not None else entry_want(state, trade)
        left = max(0, share - trade.filled(Intent.ENTRY))
        balance += (share_to_come(trade, report) - left - gone_ahead(trade)) * report.side.sign
    if early * balance >= 0:
        return balance  # other fills of the leader's have been reckoned with it
    return balance + early if abs(early) <= abs(balance) else Fraction(0)


def carry_of(state: State, stake_key: StakeKey, sign: int, lot_units: int) -> Fraction:
    """What earlier orders of this side left over or took too much, in units of the side; at most one lot. What a follower
    has entered before the leader, on the other side, is neither."""
    carry = balance_of(state, stake_key, sign) * sign - entered_ahead(state, stake_key, -sign)
    return max(Fraction(-lot_units), min(Fraction(lot_units), carry))


def closes(trade: CopyTrade) -> bool:
    """Whether any part of a trade is an exit."""
    admitted = trade.admitted
    if admitted is None:
        return False
    if admitted.exit_quantity or not admitted.entry_quantity or trade.claim:
        return True
    return any(order.intent is Intent.EXIT for order in trade.orders)


def exit_wants(state: State, stake_key: StakeKey, *, missing: int = 0) -> dict[TradeKey, int]:
    """What the exit of each open trade should total: reckoned with what is still to come, clamped to what is owned less
    what is ``missing`` from the account (signed as it was held).

    Three parts: what has filled, what the leader's fills claim, and what his resting exits would close. Resting exits
    share the position in the order in which they came; one that exceeds what is left (a target beside a stop) covers
    as much as the leader could still close with it, and everything once the leader himself has nothing left. The legs
    of a linked order share nothing: each is for all that its own entry holds.
    """
    if stake_key[4] is not None:
        return _leg_wants(state, stake_key, missing)
    sides = _by_side(state, stake_key)
    wants: dict[TradeKey, int] = {}
    for sign, trades in sides.items():
        if trades:
            wants.update(_exit_wants_of_side(state, stake_key, sides, sign, missing))
    return wants


def _by_side(state: State, stake_key: StakeKey) -> Sides:
    sides: Sides = {1: [], -1: []}
    for trade in state.open_at(stake_key):
        if trade.admitted is not None:
            sides[state.leader_order(trade.key).report.side.sign].append(trade)
    return sides


def _exit_wants_of_side(state: State, stake_key: StakeKey, sides: Sides, sign: int, missing: int) -> dict[TradeKey, int]:
    stake, trades = state.stake(stake_key), sides[sign]
    owned = max(0, stake.closable(sign) - max(0, -sign * missing))
    # What is there is not sold twice: by an exit, and by an entry that turned out to close.
    of_late = by_entries = 0
    if missing:
        owned = max(0, owned - sum(_entry_closes(t) for t in trades))
    else:
        of_late = _filled_before(state, stake_key, sides, -sign)
        by_entries = _to_close(state, trades) + _filled_before(state, stake_key, sides, sign)
    position = max(0, -sign * state.position(place_of(stake_key)))
    due_claims = _claims_less(trades, max(0, -sign * missing), owned)
    claims = sum(due_claims.values())
    ours = sum(claim for key, claim in due_claims.items() if is_own(key[1]))
    free = max(0, owned + sum(behind_by(state, t, -sign) for t in sides[-sign]) - of_late - claims - by_entries)
    unclaimed = there = max(0, owned - claims - by_entries)
    ahead = entered_ahead(state, stake_key, -sign)
    share, sold = share_of_position(state, stake_key), sold_ahead(state, trades, stake.ideal, position, position)
    left, unshared, part = position, free + sum(sold.values()), 0
    wants: dict[TradeKey, int] = {}
    for trade in trades:
        resting, lot = _resting_exit(trade, state.leader_order(trade.key).report, out=position == 0), state.lot_of(trade)
        take = 0
        if resting and resting <= left:
            keep = min(unshared, _kept(stake.ideal, position, left - resting, ahead, lot))
            part += unshared - keep - sold[trade.key]
            unshared, left, take = keep, left - resting, max(0, min(part, there))
            part, there = part - take, there - take
        elif resting and resting > position:
            take = max(min(free, unclaimed), min(free + claims - ours - due_claims[trade.key], _covered(trade)))
        elif resting:
            take = max(0, min(free - _kept(stake.ideal, position, position - resting, ahead, lot), unclaimed))
        if resting and _has_done(trade, share, resting, lot):
            take = 0
        due = min(owned, due_claims[trade.key] + take - closing_entry_leaves(trade))
        if due > 0 or resting or trade.claim or trade.filled(Intent.EXIT):
            wants[trade.key] = trade.filled(Intent.EXIT) + max(0, due)
    return wants


def _kept(ideal: Fraction, position: int, left: int, ahead: Fraction, lot_units: int) -> int:
    """What exits leave that leave so much of the leader's position: with what the follower has entered ahead of him, as long
    as he holds anything."""
    return kept_after_exit(ideal, position, left, lot_units, ahead) if left > 0 else 0


def sold_ahead(state: State, exits: Iterable[CopyTrade], ideal: Fraction, position: int, left: int) -> dict[TradeKey, int]:
    """What the exits of one side have filled before the leader's, and his orders may still close: by exit, whole lots, of
    those that share what is ``left`` of the leader's ``position`` in the order in which they came. One that exceeds it is
    beside them, as a stop is beside a target. ``ideal`` is what the follower should own of the position."""
    found: dict[TradeKey, int] = {}
    for trade in exits:
        resting, lot = _resting_exit(trade, state.leader_order(trade.key).report, out=False), state.lot_of(trade)
        if 0 < resting <= left:
            still = kept_after_exit(ideal, position, left, lot) - kept_after_exit(ideal, position, left - resting, lot)
            found[trade.key] = min(exit_ahead(state, trade, abs(ideal) / position), still)
            left -= resting
    return found


def _covered(trade: CopyTrade) -> int:
    """What an exit covers, or did when it was taken back: it may keep what others of the leader's are due to close, and
    grows by none of that."""
    last = trade.last(Intent.EXIT)
    return trade.leaves(Intent.EXIT) or (0 if last is None else last.unfilled)


def _has_done(trade: CopyTrade, share: Fraction, resting: int, lot_units: int) -> bool:
    """Whether an exit has filled, before the leader, all that his order may still close: what is entered meanwhile is not
    for it."""
    filled, due = trade.filled(Intent.EXIT), exit_due(trade, share)
    return share > 0 and filled > due and filled >= trunc_to_lot(due + share * resting, lot_units) and not _covered(trade)


def _claims_less(trades: list[CopyTrade], missing: int, owned: int) -> dict[TradeKey, int]:
    """What the leader's fills oblige each trade to close, less what somebody seems to have closed already: that was what
    was due first, and nothing that fills later takes its place. All together no more than what is ``owned``: two exits that
    both filled for the same have closed what a third was due to."""
    claims = {}
    for trade in trades:
        claim = claim_left(trade)
        gone = min(missing, claim)
        missing -= gone
        claims[trade.key] = min(claim - gone, owned)
        owned -= claims[trade.key]
    return claims


def _leg_wants(state: State, stake_key: StakeKey, missing: int) -> dict[TradeKey, int]:
    """What each leg of a linked order should total: what it has filled and all that is open, until nothing is. A leg that
    the leader took back closes what his own fills of it closed, and no more; the entry takes back what its legs closed
    twice."""
    stake = state.stake(stake_key)
    trades = [(trade, state.leader_order(trade.key)) for trade in state.open_at(stake_key)]
    claimed = {1: 0, -1: 0}
    for trade, order in trades:
        if is_own(trade.key[1]):
            claimed[order.report.side.sign] += claim_left(trade)
    wants: dict[TradeKey, int] = {}
    for trade, order in trades:
        if trade.admitted is None:
            continue
        key, sign = trade.key, order.report.side.sign
        open_units = max(0, stake.closable(sign) - max(0, -sign * missing))
        if not is_exit_leg(order.report) or is_taken_back(state, stake_key, order):
            open_units = min(open_units, claim_left(trade))
        elif order.leader not in state.book_read_at and may_be_taken_back(state, stake_key, order):
            # A process before this one may have seen that it was: his book is read before the copy comes again or grows.
            open_units = min(open_units, max(claim_left(trade), trade.leaves(Intent.EXIT)))
        else:
            open_units = max(0, open_units - claimed[sign])
        wants[key] = trade.filled(Intent.EXIT) + open_units
    return wants


def is_taken_back(state: State, stake_key: StakeKey, order: LeaderOrder) -> bool:
    """Whether the leader took a leg back while it had something to protect. When one leg has closed everything the
    exchange cancels the other, and its cancel may be told first: it counts once a later look at his book shows the rest
    still open."""
    return may_be_taken_back(state, stake_key, order) and _looked_since(state, order)


def may_be_taken_back(state: State, stake_key: StakeKey, order: LeaderOrder) -> bool:
    report = order.report
    if not report.status.is_terminal or report.status is OrderStatus.TRADED:
        return False
    if -report.side.sign * state.position(place_of(stake_key)) > 0:
        return True  # on its other side he is when both of his legs have filled: then he is out, and more than that
    entry = state.leader_orders.get((order.leader, stake_key[4])) if stake_key[4] is not None else None
    return entry is not None and not entry.report.status.is_terminal


def _looked_since(state: State, order: LeaderOrder) -> bool:
    read_at = state.book_read_at.get(order.leader)
    return read_at is not None and read_at >= order.seen_at + SETTLED_AFTER


def _resting_exit(trade: CopyTrade, report: OrderReport, *, out: bool) -> int:
    """The leader's units of this order that would still close; those of a leg that was cancelled because he is ``out``
    count for the follower that is not."""
    if out and is_exit_leg(report) and report.status is OrderStatus.CANCELLED:
        return report.quantity - report.filled_quantity
    if report.status.is_terminal or trade.copies_fills:
        return 0
    exit_units = split(trade, report.quantity)[0]
    return max(0, exit_units - report.filled_quantity)


def closed_by_entries(state: State, stake_key: StakeKey, sign: int) -> int:
    """What entries of the side ``sign`` close of what is held on the other, or late there: what of them turned out to and is
    still to come, or has filled before it; and what is held until late entries of that side come, which it is to close."""
    sides = _by_side(state, stake_key)
    before = sum(_filled_before(state, stake_key, sides, each) for each in sides)
    return _to_close(state, sides[sign]) + before


def _to_close(state: State, trades: list[CopyTrade]) -> int:
    return sum(min(t.covers - t.closing, _to_come(state, t)) for t in trades if t.covers)


def _filled_before(state: State, stake_key: StakeKey, sides: Sides, sign: int) -> int:
    """What is held until late entries of the side ``sign`` come, that it is to close."""
    stake = state.stake(stake_key)
    held = min(stake.to_net_off, stake.closable(sign)) + sum(t.closing for t in sides[-sign])
    return min(held, sum(behind_by(state, t, sign) for t in sides[sign])) if held else 0


def _to_come(state: State, trade: CopyTrade) -> int:
    """What an entry may still fill, placed or not."""
    return max(trade.leaves(Intent.ENTRY), entry_pending(state, trade))


def closing_entry_leaves(trade: CopyTrade) -> int:
    """Leaves of an order decided as an entry that will close what the trade's claim is for."""
    if not trade.claim or trade.admitted is None or trade.admitted.exit_quantity:
        return 0
    return trade.leaves(Intent.ENTRY)


def _entry_closes(trade: CopyTrade) -> int:
    """What the live leaves of an order decided as an entry will close."""
    if trade.admitted is None or trade.admitted.exit_quantity:
        return 0
    return min(trade.leaves(Intent.ENTRY), trade.covers + claim_left(trade))
