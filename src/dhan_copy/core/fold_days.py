"""Fold the start of an engine, of an account and of a day, and what a clock does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction

from dhan_copy.core import circuit as circuits, feeds, killing, leader as leaders, trade as life
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import DayOpened
from dhan_copy.core.fold_leaders import member, release
from dhan_copy.core.forever_rows import tag_if_alike
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.losses import carry
from dhan_copy.core.state import LONGEST_RETRY, LeaderKey, State, waits
from dhan_copy.core.trade import CopyTrade, TradeKey, is_own, place_of
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderStatus, Variety


def engine_started(state: State, at: datetime, position: int) -> None:
    """Requests without an answer may have left; the absence window of unknown outcomes starts again. No pause outlasts
    its longest, should the clock have been set back meanwhile."""
    for follower, _, _ in state.in_flight:
        state.note_answer(follower, at)
    state.in_flight.clear()
    for follower, (until, refusal) in state.blocked_until.items():
        state.blocked_until[follower] = (min(until, at + state.settings.policy.blocked_for), refusal)
    for follower, circuit in state.circuits.items():
        state.circuits[follower] = circuits.taken_over(circuit, at, state.settings.policy)
    for follower, switch in state.kill_switches.items():
        state.kill_switches[follower] = killing.taken_over(switch, at)
    for where in dict.fromkeys((*state.open_leader_orders, *(key[:2] for key in state.open_keys()))):
        his = state.leader_orders.get(where)
        if his is not None and (after := leaders.taken_over(his, at)) is not his:
            state.leader_orders[where] = after
    state.engine_started_at = at
    state.book_read_at.clear()
    state.looked_for.clear()
    state.feeds.clear()
    for key in state.open_keys():
        trade = state.trades[key]
        for order in trade.orders:
            order = life.taken_over(order, at, LONGEST_RETRY)
            state.put(trade := trade.with_order(order))
            if order.unresolved is not None:
                state.put(trade := trade.with_order(life.unresolved(order, order.unresolved, at)))
            if order.outstanding is not None:
                state.put(trade := trade.with_order(life.unresolved(order, order.outstanding, at)))
                state.unresolved[key[2], order.client_order_id] = None
        state.touch(key, position)
    known = state.pairs
    state.pairs = {(rules.name, follower) for rules in state.settings.leaders for follower in state.followers_of(rules.name)}
    for leader, follower in sorted(state.pairs - known):
        _added(state, leader, follower)


def source_started(state: State, account: AccountName, at: datetime) -> None:
    if account in state.started_at:
        return
    state.started_at[account] = at
    for key in state.open_keys():
        if key[2] == account and state.trades[key].decision is None:
            state.trades[key] = evolve(state.trades[key], older=True)


def _added(state: State, leader: AccountName, follower: AccountName) -> None:
    """A follower that was not there before: every order of the day gets its answer for it, too."""
    others = [other for name, other in state.pairs if name == leader and other != follower]
    for where in [where for where in state.leader_orders if where[0] == leader]:
        if is_own(where[1]):
            continue
        key = (*where, follower)
        if key in state.trades:
            state.trades[key] = evolve(state.trades[key], older=True)
            continue
        report = state.leader_orders[where].report
        known = (state.trades.get((*where, other)) for other in others)
        closed = max((trade.closed for trade in known if trade is not None), default=0)
        opened = report.filled_quantity - closed
        trade = state.trades[key] = evolve(
            state.trade_of(key), older=True, opened=opened, undecided=Fraction(opened), closed=closed
        )
        state.open_trades.setdefault(trade.stake_key, {})[key] = None
        state.stakes[trade.stake_key] = state.stake(trade.stake_key).left_out(opened * report.side.sign)


def clock_stepped(state: State, by: timedelta) -> None:
    """Windows run on: an hour that never passed is no evidence of absence."""
    state.stepped += by
    for key in state.open_keys():
        trade = state.trades[key]
        for order in trade.orders:
            state.put(trade := trade.with_order(life.postponed(order, by)))
    for name, suspect in state.suspects.items():
        state.suspects[name] = evolve(
            suspect, since=suspect.since + by, first_at=suspect.first_at + by, book_read_at=None, books=0,
            closed_at=None if suspect.closed_at is None else suspect.closed_at + by,
        )  # fmt: skip
    for follower, (until, refusal) in state.blocked_until.items():
        state.blocked_until[follower] = (until + by, refusal)
    for follower, circuit in state.circuits.items():
        state.circuits[follower] = circuits.postponed(circuit, by)
    for follower, switch in state.kill_switches.items():
        state.kill_switches[follower] = killing.postponed(switch, by)
    for account, feed in state.feeds.items():
        state.feeds[account] = feeds.postponed(feed, by)


def day_opened(state: State, fact: DayOpened, at: datetime, position: int) -> None:
    """Yesterday's orders are over but for Forever orders, what the broker squares off is gone, and the rest is brought
    into today."""
    if state.day:
        waiting, copies = _over_night(state, at, [(one.leader, one.order_id) for one in fact.queued])
        kept_back = [place for t in copies if (place := (t.key[2], tag_if_alike(t))) in state.foreign]
        ledgers = (*state.stakes, *state.open_trades)
        trees = dict.fromkeys((*state.leader_fills, *(place_of(key) for key in ledgers)))
        for where in [where for where in trees if where[3] is not None and not where[2].ends_with_day]:
            release(state, where, 0)  # legs end with their day; what they have not closed is a holding like any other
        for where in {**state.brought_in, **state.leader_fills}:
            carried = 0 if where[2].ends_with_day else state.position(where)
            state.brought_in[where] = carried
        state.brought_in = {where: units for where, units in state.brought_in.items() if units}
        state.leader_fills.clear()
        state.stakes = {
            key: evolve(stake.netted(), manual=0)
            for key, stake in state.stakes.items()
            if not key[3].ends_with_day and not stake.is_flat
        }
        for orders in (state.leader_orders, state.open_leader_orders, state.disputed, state.trades, state.open_trades):
            orders.clear()
        for known in (state.by_tag, state.by_broker_id, state.unresolved, state.foreign, state.released, state.legs):
            known.clear()
        _still_there(state, waiting, copies)
        state.foreign.update(dict.fromkeys(kept_back))
        state.looked_for.intersection_update(trade.key for trade in copies)
        _forget_answers(state, at)
        for seen in (state.suspects, state.net_positions, state.touched, state.dealt, state.marks):
            seen.clear()
        for stake_key in state.open_trades:
            state.touch_stake(stake_key, position)
        state.alerts.clear()
        state.funds.clear()
        state.since_funds.clear()
        state.blocked_until.clear()
        state.circuits.clear()
        state.slipped.clear()
        state.measured.clear()
        state.kill_switches.clear()  # Dhan's holds for the trading day (documentation of v2, "Trader's Control")
        state.entered.clear()
        if not fact.continuous:
            state.positions_known.clear()
    state.day = fact.day
    carry(state)


def _over_night(state: State, at: datetime, queued: Iterable[LeaderKey]) -> tuple[list[LeaderOrder], list[CopyTrade]]:
    """Forever orders that wait and after-market orders that are ``queued``, the leaders' and our own, with every decision
    about them: they are neither copied again nor forgotten. What a Forever order placed when it fired was an order of the
    day."""
    copies: dict[TradeKey, CopyTrade] = {}
    orders: dict[LeaderKey, LeaderOrder] = {}
    for key in state.open_keys():
        trade = state.trades[key]
        if any(order.waits and not order.state.is_over for order in trade.orders):
            orders[key[:2]] = state.leader_order(key)
    for where in state.open_leader_orders:
        if waits(state.leader_orders[where].report):
            orders[where] = state.leader_orders[where]
    for where in queued:
        if where in state.leader_orders:
            orders[where] = state.leader_orders[where]
    # In an order of its own: sets have another one in every process, and the same seed is to give the same run.
    followers = dict.fromkeys((*(rules.name for rules in state.settings.followers), *(key[2] for key in state.trades)))
    for where in orders:
        for follower in followers:
            copy = state.trades.get((*where, follower))
            if copy is not None:
                stays = waits(orders[where].report) is False and orders[where].report.variety is Variety.AFTER_MARKET
                ended = copy.orders if stays else tuple(life.ended_with_day(order, at) for order in copy.orders)
                copies[copy.key] = evolve(copy, orders=ended, requests=0)
    return [_ended_with_day(known) for known in orders.values()], list(copies.values())


def _ended_with_day(known: LeaderOrder) -> LeaderOrder:
    """A leader's order as it is on the next day: what a Forever order placed has ended, and no book shows it any more."""
    report = known.report
    if report.variety is not Variety.FOREVER or report.leg_order_id is None or report.status.is_terminal:
        return known
    return evolve(known, report=evolve(report, status=OrderStatus.EXPIRED))


def _still_there(state: State, waiting: Iterable[LeaderOrder], copies: Iterable[CopyTrade]) -> None:
    for known in waiting:
        where = (known.leader, known.report.order_id)
        state.leader_orders[where] = known
        member(state.open_leader_orders, where, not known.report.status.is_terminal)
    for trade in copies:
        state.trades[trade.key] = trade
        if not trade.settled:
            state.open_trades.setdefault(trade.stake_key, {})[trade.key] = None
        for order in trade.orders:
            state.by_tag[trade.key[2], order.client_order_id] = trade.key
            if order.broker_order_id is not None:
                state.by_broker_id[trade.key[2], order.broker_order_id] = order.client_order_id
            if order.unresolved is not None:
                state.unresolved[trade.key[2], order.client_order_id] = None


def _forget_answers(state: State, now: datetime) -> None:
    """What the broker still counts in a window goes on counting over midnight."""
    windows = [window.seconds for rules in state.settings.followers for window in rules.limits.windows]
    oldest = now - timedelta(seconds=max(windows, default=0.0))
    answers, state.answered_at, state.unsaved_answers = state.answered_at, {}, []
    stepped, state.stepped = state.stepped, timedelta(0)
    for follower, times in answers.items():
        for answered in times:
            if answered + stepped >= oldest:
                state.note_answer(follower, answered + stepped)
