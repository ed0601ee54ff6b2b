"""Fold what a leader's broker says of his orders: what his fills open, close and give up for each follower."""

from __future__ import annotations

from datetime import datetime

from dhan_copy.core import feeds, intake
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import AlertRaised, Channel, LeaderReported
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import is_exit_leg, tree_of
from dhan_copy.core.losses import value_carried
from dhan_copy.core.requests import Intent
from dhan_copy.core.sizing import kept_after_exit
from dhan_copy.core.state import (
    LeaderKey,
    State,
    ahead_by,
    behind_by,
    entered_ahead,
    entry_share,
    entry_total,
    has_fired,
    obliged,
    split,
)
from dhan_copy.core.target import closed_by_entries, sold_ahead
from dhan_copy.core.trade import CopyTrade, PositionKey, StakeKey, TradeKey, leg_key, place_of
from dhan_copy.model.order import Leg, Validity
from dhan_copy.model.times import ist_date


def leader_reported(state: State, fact: LeaderReported, at: datetime, position: int) -> None:
    report = fact.report
    where = (fact.leader, report.order_id)
    known = state.leader_orders.get(where)
    feed = state.feeds.get(fact.leader)
    if feed is not None:
        streamed = fact.channel is Channel.STREAM
        state.follow_feed(fact.leader, feeds.told(feed) if streamed else feeds.read_instead(feed, known, report, at))
    order = intake.merge(known, fact, at)
    if known is not None and known.gone_at is not None and order.gone_at is None:
        state.alerts.discard(("FOREVER_GONE", fact.leader, report.order_id, ""))  # it may go once more
    filled_before = known.report.filled_quantity if known else 0
    _release_what_it_closes(state, order, filled_before, position)
    state.leader_orders[where] = order
    member(state.open_leader_orders, where, not order.report.status.is_terminal)
    member(state.disputed, where, order.disputed)
    for own in (report.leg_order_id, order.report.leg_order_id):
        if own is not None and own != order.report.parent_order_id:
            state.legs[fact.leader, own] = report.order_id
    if known is not None and tree_of(known.report) != tree_of(order.report):
        # It was copied as a plain order before anything showed that it has legs: they are plain exits.
        state.released[where] = None
    if report.instrument is not None:
        before = state.instruments.get(report.key)
        if before is None or before.tick is None or report.instrument.tick is not None:
            state.instruments[report.key] = report.instrument
    if order.report.symbol:
        state.symbols[report.key] = order.report.symbol
    _note_price(state, order, at)
    was, now = known.report if known is not None else order.report, order.report
    resized = now.quantity != was.quantity or now.status.is_terminal != was.status.is_terminal
    for follower in state.followers_of(fact.leader):
        key = (*where, follower)
        if key not in state.trades:
            trade = state.trades[key] = state.trade_of(key)
            state.open_trades.setdefault(trade.stake_key, {})[key] = None
        elif order.report.status.is_terminal and order.report.validity is Validity.IOC and not state.trades[key].orders:
            # Over before anything could be sent, though it came in several reports: what it filled is the size.
            state.trades[key] = evolve(state.trades[key], leader_was_over=True)
        state.touch(key, position)
        if resized:  # the exits beside it share what is left of his position
            state.touch_stake(state.trades[key].stake_key, position)
        if is_exit_leg(order.report) and order.report.parent_order_id is not None:
            state.touch((fact.leader, order.report.parent_order_id, follower), position)
    grown = order.report.filled_quantity - filled_before
    if grown > 0:
        _leader_filled(state, order, grown, position)


def forever_gone(state: State, fact: AlertRaised, at: datetime) -> None:
    """An alarm may say that a leader's Forever order is gone: what appears long after that was not placed by it."""
    if fact.code != "FOREVER_GONE" or fact.account is None or fact.leader_order_id is None:
        return
    where = (fact.account, fact.leader_order_id)
    order = state.leader_orders.get(where)
    if order is not None and order.gone_at is None and not has_fired(order.report):
        state.leader_orders[where] = evolve(order, gone_at=at)


def _note_price(state: State, order: LeaderOrder, at: datetime) -> None:
    """Every report of an order tells a price of its instrument; the newest counts."""
    report = order.report
    price = report.last_price or (report.average_price if report.filled_quantity else None)
    told_at = report.updated_at or at
    known = state.prices.get(report.key)
    if price is not None and (known is None or told_at >= known[1]):
        state.prices[report.key] = (price, told_at)
        if known is None or ist_date(known[1]).isoformat() < state.day:
            value_carried(state, (rules.name for rules in state.settings.followers), report.key, price, told_at)


def member(keys: dict[LeaderKey, None], key: LeaderKey, belongs: bool) -> None:
    if belongs:
        keys[key] = None
    else:
        keys.pop(key, None)


def _leader_filled(state: State, order: LeaderOrder, units: int, position: int) -> None:
    report = order.report
    where = state.place(order.leader, report)
    before = state.position(where)
    sign = report.side.sign
    state.leader_fills[where] = state.leader_fills.get(where, 0) + sign * units
    closing = min(units, abs(before)) if before * sign < 0 else 0
    opening = units - closing
    for follower in state.followers_of(order.leader):
        key = (order.leader, report.order_id, follower)
        stake_key = (order.leader, follower, *where[1:])
        if closing:
            if closing == abs(before):
                _take_along(state, key, stake_key, -sign)
            _leader_closed(state, key, stake_key, before, closing, opening)
            if where[3] is not None and closing == abs(before) and state.stake(stake_key).owned:
                # A stop that was cancelled before this fill was told may have been the exchange's to cancel: it is needed.
                state.reopen(leg_key((order.leader, where[3], follower), Leg.STOP), stake_key)
        if opening:
            _leader_opened(state, key, stake_key, opening, sign)
        state.touch_stake(stake_key, position)


def _release_what_it_closes(state: State, order: LeaderOrder, filled_before: int, position: int) -> None:
    """Linked orders that the leader trades against by another order are taken apart: what they hold is a part of what he
    holds by plain orders, and their legs are plain exits, so that nothing is closed twice. Of that order what it had filled
    before is counted in what he holds."""
    report = order.report
    if not order.confirmed or tree_of(report) is not None:
        return
    sign = report.side.sign
    place = (order.leader, report.key, report.product)
    trees = {where: units for where, units in state.leader_fills.items() if where[:3] == place and where[3] is not None}
    closable = max(0, -sign * state.position((*place, None)))
    units = report.expected_quantity - filled_before
    if units > closable and any(held * sign < 0 for held in trees.values()):
        for where in trees:
            _net(state, where)
            release(state, where, position)


def _net(state: State, where: PositionKey) -> None:
    """What a linked order that is taken apart has opened against what the leader held by plain orders has closed that: it is
    as if it had been a plain order all along."""
    leader, key, product, tree = where
    assert tree is not None
    plain = (leader, key, product, None)
    before, held = state.position(plain), state.position(where)
    closing = min(abs(before), abs(held)) if before * held < 0 else 0
    if not closing:
        return
    left = abs(held) - closing
    state.leader_fills[plain] = state.leader_fills.get(plain, 0) + (closing if held > 0 else -closing)
    state.leader_fills[where] += -closing if held > 0 else closing
    for follower in state.followers_of(leader):
        trade = state.trades.get((leader, tree, follower))
        if trade is None:
            continue
        old, new = (leader, follower, key, product, tree), (leader, follower, key, product, None)
        state.stakes[old] = state.stake(old).scaled_down(abs(held), left)
        undecided = trade.undecided * left / abs(held)
        state.put(evolve(trade, opened=max(0, trade.opened - closing), undecided=undecided))
        if trade.settled and trade.orders:
            state.open(state.trades[trade.key], old)  # what is different now is told
        _leader_closed(state, trade.key, new, before, closing, 0)


def release(state: State, where: PositionKey, position: int) -> None:
    """Merge the ledgers of a linked order into those of plain orders."""
    leader, key, product, tree = where
    assert tree is not None
    plain = (leader, key, product, None)
    state.leader_fills[plain] = state.leader_fills.get(plain, 0) + state.leader_fills.pop(where, 0)
    state.released[leader, tree] = None
    ledgers = (*state.stakes, *state.open_trades)
    for follower in dict.fromkeys((*state.followers_of(leader), *(k[1] for k in ledgers if place_of(k) == where))):
        old = (leader, follower, key, product, tree)
        new = (leader, follower, key, product, None)
        turned = state.turned(new)
        if old in state.stakes:
            state.stakes[new] = state.stake(new).merged(state.stakes.pop(old))
        if turned is not None and turned is not state.stake(new).turned:
            # What held nothing may remember the side of an earlier holding: it is that of what is there.
            state.stakes[new] = evolve(state.stake(new), turned=turned)
        moved = state.open_trades.pop(old, {})
        state.open_trades.setdefault(new, {}).update(moved)
        for copied in {*moved, *(leg_key((leader, tree, follower), leg) for leg in Leg)}:
            if copied in state.trades:
                state.trades[copied] = evolve(state.trades[copied], stake_key=new)
        state.net_off(new)
        state.touch_stake(new, position)


def _leader_opened(state: State, key: TradeKey, stake_key: StakeKey, opening: int, sign: int) -> None:
    """The leader opened more: as far as the order was decided to be an entry, the follower should too."""
    trade = state.trades[key]
    copied = 0
    if trade.admitted is not None and trade.admitted.ratio:
        entry_part = split(trade, state.leader_order(key).report.filled_quantity)[1]
        copied = min(opening, max(0, entry_part - trade.opened))
    stake = state.stake(stake_key).left_out((opening - copied) * sign, trade.why_left_out)
    if copied and trade.admitted is not None:
        scaled = entry_share(trade.admitted, trade.opened + copied) - entry_share(trade.admitted, trade.opened)
        stake = stake.opened(scaled * sign, trade.admitted.asked * copied * sign)
    state.stakes[stake_key] = stake
    if trade.decision is not None:
        state.trades[key] = evolve(trade, opened=trade.opened + copied)
    else:  # what it opened is brought in by the decision
        state.trades[key] = evolve(trade, opened=trade.opened + opening, undecided=trade.undecided + opening)


def _leader_closed(state: State, key: TradeKey, stake_key: StakeKey, before: int, closing: int, opening: int) -> None:
    """The leader closed a part of his position: what is beyond the kept part is given up where it has not filled yet,
    and claimed from what is owned where it has."""
    direction = 1 if before > 0 else -1
    state.trades[key] = evolve(state.trades[key], closed=state.trades[key].closed + closing)
    stake = state.stake(stake_key)
    after = abs(before) - closing
    lot = state.instruments[stake_key[2]].lot_units if stake_key[2] in state.instruments else 1
    kept = kept_after_exit(stake.ideal, abs(before), after, lot, entered_ahead(state, stake_key, direction))
    behind = _behind(state, key, stake_key, direction)
    all_there = _to_be_closed(state, stake_key, direction, behind)
    excess = max(0, min(all_there, all_there + _sold_ahead(state, key, stake_key, before, after) - kept))
    covered = min(excess, _covered_by_entry(state, state.trades[key], opening))
    if covered:
        state.trades[key] = evolve(state.trades[key], covers=state.trades[key].covers + covered)
        excess -= covered
    excess -= _give_up(state, key, behind, excess)
    state.stakes[stake_key] = stake.scaled_down(abs(before), after)
    for other in state.open_at(stake_key):
        if other.undecided and state.leader_order(other.key).report.side.sign == direction:
            state.trades[other.key] = evolve(other, undecided=other.undecided * after / abs(before))
    state.net_off(stake_key)
    if excess:
        trade = state.trades[key]
        state.open(obliged(trade, excess), stake_key)


Late = list[tuple[CopyTrade, int]]
"""Entries that lag the leader's fills of them, and by how much."""


def _behind(state: State, key: TradeKey, stake_key: StakeKey, direction: int) -> Late:
    others = (other for other in state.open_at(stake_key) if other.key != key)
    return [(other, late) for other in others if (late := behind_by(state, other, direction)) > 0]


def _to_be_closed(state: State, stake_key: StakeKey, direction: int, behind: Late) -> int:
    """What is held on a side, or late there, that nothing is for yet."""
    free = max(0, state.stake(stake_key).closable(-direction) - state.claims(stake_key, -direction))
    return max(0, free + sum(late for _, late in behind) - closed_by_entries(state, stake_key, -direction))


def _give_up(state: State, key: TradeKey, behind: Late, most: int) -> int:
    """What is at no broker first, then what was placed last."""
    left = most
    for other, late in sorted(reversed(behind), key=lambda one: one[0].live(Intent.ENTRY) is not None):
        given_up = min(late, left)
        left -= given_up
        if given_up:
            state.trades[other.key] = evolve(other, forgone=other.forgone + given_up, forgone_to=key)
    return most - left


def close_otherwise(state: State, key: TradeKey, stake_key: StakeKey, units: int, position: int) -> None:
    """An entry has ended before it had closed what the leader's fills of it did: that is given up where it is late, and else
    an exit is due for it."""
    direction = -state.leader_order(key).report.side.sign
    behind = _behind(state, key, stake_key, direction)
    excess = min(units, _to_be_closed(state, stake_key, direction, behind))
    excess -= _give_up(state, key, behind, excess)
    if excess:
        state.open(obliged(state.trades[key], excess), stake_key)
    state.touch_stake(stake_key, position)


def _sold_ahead(state: State, key: TradeKey, stake_key: StakeKey, before: int, after: int) -> int:
    """What other exits that share what is left have filled before the leader's: it is not there any more, and a part of what
    is kept."""
    trades = state.open_at(stake_key)
    exits = (t for t in trades if t.admitted is not None and state.leader_order(t.key).report.side.sign * before < 0)
    sold = sold_ahead(state, exits, state.stake(stake_key).ideal, abs(before), after)
    return sum(units for other, units in sold.items() if other != key)


def _take_along(state: State, key: TradeKey, stake_key: StakeKey, direction: int) -> None:
    """What takes the leader out takes along what the follower has entered ahead of his orders, but for those that he placed
    after one that crosses zero."""
    admitted, since = state.trades[key].admitted, state.trades[key].admitted_at
    crosses = admitted is not None and admitted.exit_quantity and admitted.entry_quantity
    for other in state.open_at(stake_key):
        if not (crosses and since is not None and other.admitted_at is not None and other.admitted_at > since):
            if ahead_by(state, other, direction) > 0:
                state.trades[other.key] = evolve(other, gone_along=other.filled(Intent.ENTRY))


def _covered_by_entry(state: State, trade: CopyTrade, opening: int) -> int:
    """What an order decided as an entry will close with its own copy, now that the leader's fills of it closed; and of one
    that crosses zero, what its entry part has filled beyond what is left to enter."""
    if trade.admitted is None or not trade.admitted.ratio:
        return 0
    if trade.admitted.exit_quantity:
        units = state.leader_order(trade.key).report.expected_quantity
        share = entry_total(trade, units - max(trade.admitted.exit_quantity, trade.closed))
        return max(0, trade.entered - share)
    filled = split(trade, state.leader_order(trade.key).report.filled_quantity)[1]
    share = entry_total(trade, filled) - entry_total(trade, trade.opened + opening)
    last = trade.last(Intent.ENTRY)
    placed = last is not None and not last.refused_for_now
    coming = trade.leaves(Intent.ENTRY) if placed else entry_total(trade, filled)
    return max(0, min(share, coming + trade.filled(Intent.ENTRY)) - trade.covers - trade.covered)
