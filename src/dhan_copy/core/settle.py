"""Close the books on a trade that has nothing left to do, and declare what will stay different."""

from __future__ import annotations

from fractions import Fraction

from dhan_copy.core.facts import DriftDeclared, TradeSettled
from dhan_copy.core.legs import is_exit_leg
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.plan_terms import is_stalled
from dhan_copy.core.requests import Intent
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import State, claim_left, entry_total, opened_instead, waits
from dhan_copy.core.supers import is_unexplained
from dhan_copy.core.target import balance_of, entry_pending, exit_wants
from dhan_copy.core.trade import CopyTrade, FollowerOrder, StakeKey, TradeKey, hands_first, is_own, place_of, shared_out
from dhan_copy.model.reason import ReasonCode


def is_over(state: State, key: TradeKey) -> TradeSettled | None:
    """The trade's end, once it can do no more."""
    trade = state.trades[key]
    if trade.settled or trade.decision is None or not _is_over(state, trade):
        return None
    return TradeSettled(leader=key[0], leader_order_id=key[1], follower=key[2], unsent=_why_unsent(state, trade))


def _why_unsent(state: State, trade: CopyTrade) -> ReasonCode | None:
    """Why a copy that was to be has come to nothing before any of it could leave. A leg that nothing was to be done by is
    as it should be."""
    admitted, report = trade.admitted, state.leader_order(trade.key).report
    if trade.orders or trade.declined is not None or admitted is None or is_own(trade.key[1]):
        return None
    if admitted.reason is ReasonCode.BELOW_ONE_LOT or _was_placed_before(state, trade):
        return None
    if not report.filled_quantity:
        return None if is_exit_leg(report) else ReasonCode.LEADER_UNFILLED
    if not admitted.entry_quantity:
        return ReasonCode.OPENED_BY_EXIT if opened_instead(state, trade) else ReasonCode.NOTHING_OWNED
    if trade.forgone or trade.closed:
        return ReasonCode.LEADER_CLOSED
    return ReasonCode.UNFILLED if entry_total(trade, trade.opened) else ReasonCode.BELOW_ONE_LOT


def _was_placed_before(state: State, trade: CopyTrade) -> bool:
    """Whether the follower's book showed it as placed by a journal that is lost."""
    leader, order_id, follower = trade.key
    return any(code == "PLACED_BEFORE" and (who, what) == (follower, order_id) for code, who, what, _ in state.alerts)


def is_left_over(state: State, key: TradeKey) -> bool:
    """Whether there is late news of an order that was over long ago, and nothing else is open but what waits, perhaps for
    months: what the follower holds beyond its share was declared against a position that the leader turns out not to have
    had, or no longer has."""
    trade = state.trades[key]
    if not trade.settled or trade.decision is None:
        return False
    if not all(_only_waits(state, other) for other in state.open_trades.get(trade.stake_key, ())):
        return False
    return _is_flat(state, trade.stake_key) or abs(balance_of(state, trade.stake_key)) > state.lot_of(trade)


def _only_waits(state: State, key: TradeKey) -> bool:
    report, orders = state.leader_order(key).report, state.trades[key].orders
    return waits(report) and not report.status.is_terminal and all(o.waits or o.state.is_over for o in orders)


def _is_flat(state: State, stake_key: StakeKey) -> bool:
    return not state.open_trades.get(stake_key) and state.position(place_of(stake_key)) == 0


def difference(state: State, key: TradeKey) -> DriftDeclared | None:
    """What a trade that is settled leaves different, if it is a lot or more."""
    trade = state.trades[key]
    stake_key = trade.stake_key
    if trade.over_exited_at is not None and state.open_trades.get(stake_key):
        return None  # its legs were ahead of the leader's: the last of them tells what stays
    lot = state.lot_of(trade)
    balance = balance_of(state, stake_key)
    # What rounding alone left over, up to a lot, is for the next order to make up; a flat leader has no next order.
    flat = _is_flat(state, stake_key)
    whole = trunc_to_lot(balance, lot) if flat or abs(balance) > lot or _differs(trade, lot) else 0
    if whole == 0:
        return None
    return DriftDeclared(
        leader=key[0], follower=key[2], key=stake_key[2], product=stake_key[3], tree=stake_key[4],
        quantity=Fraction(-whole), reason=reason_of(trade), leader_order_id=key[1], detail=_detail(trade),
    )  # fmt: skip


def _differs(trade: CopyTrade, lot_units: int) -> bool:
    """Whether less was filled than the follower's share of what the leader filled, or a lot more."""
    if trade.admitted is None or trade.declined is not None or claim_left(trade):
        return True
    more = trade.entered - (entry_total(trade, trade.opened) - trade.forgone)
    return more < 0 or more >= lot_units or trade.covers > trade.closing


def _is_over(state: State, trade: CopyTrade) -> bool:
    if any(not order.state.is_over or order.is_busy for order in trade.orders):
        return False
    report = state.leader_order(trade.key).report
    tree = trade.stake_key[4]
    if is_exit_leg(report) and (trade.key[0], tree, trade.key[2]) in state.open_trades.get(trade.stake_key, ()):
        return False  # what its entry may still fill has to be protected
    if trade.admitted is None:
        return claim_left(trade) > 0 or report.status.is_terminal
    if not report.status.is_terminal:
        return False
    given_up = is_given_up(state, trade)
    if entry_pending(state, trade) and trade.declined is None and not given_up:
        return False
    if not trade.claim and trade.admitted.entry_quantity and not trade.admitted.exit_quantity:
        return True
    owed = exit_wants(state, state.stake_key(trade.key)).get(trade.key, 0) - trade.filled(Intent.EXIT)
    return owed <= 0 or given_up


def is_given_up(state: State, trade: CopyTrade) -> bool:
    """Whether what is still due will not be tried again."""
    if trade.requests >= state.settings.policy.requests_per_trade:
        return True
    if any(is_unexplained(state, trade.key[2], order) for order in trade.orders):
        return False
    lanes = trade.lanes(Intent.EXIT)
    unfilled = [orders for orders in lanes.values() if orders[-1].state is not OrderState.FILLED]
    if not unfilled or all(_is_lane_given_up(state, trade, orders) for orders in unfilled):
        return bool(unfilled)
    if trade.admitted is None:
        return False
    # What is left is not shifted to other slices where those that it falls to have been given up.
    owed = exit_wants(state, state.stake_key(trade.key)).get(trade.key, 0) - trade.filled(Intent.EXIT)
    shares = list(shared_out(owed, hands_first(lanes.items()), trade.admitted.slice_units, sliced=len(lanes) > 1))
    falls_to_all = owed > 0 and sum(share for *_, share in shares) == owed
    return falls_to_all and all(_is_lane_given_up(state, trade, orders) for _, orders, _ in shares)


def _is_lane_given_up(state: State, trade: CopyTrade, exits: list[FollowerOrder]) -> bool:
    absent = sum(order.state is OrderState.ABSENT for order in exits)
    return exits[-1].was_cancelled_by_hand or absent > 1 or is_stalled(state, trade, exits)


_REASONS = {
    OrderState.REJECTED: ReasonCode.REJECTED,
    OrderState.WITHHELD: ReasonCode.WITHHELD,
    OrderState.ABSENT: ReasonCode.NEVER_PLACED,
    OrderState.EXPIRED: ReasonCode.DAY_END,
    OrderState.FILLED: ReasonCode.ORDER_TERMINAL,
}


def _last(trade: CopyTrade) -> FollowerOrder | None:
    return trade.orders[-1] if trade.orders else None


def reason_of(trade: CopyTrade) -> ReasonCode:
    """Why a copy leaves a difference."""
    last = _last(trade)
    if last is None and trade.declined is not None:
        return trade.declined.reason
    if trade.admitted is not None and is_own(trade.key[1]) and (last is None or last.state is OrderState.FILLED):
        return trade.admitted.reason
    if last is None:
        return ReasonCode.UNFILLED
    if any(orders[-1].was_cancelled_by_hand for orders in trade.lanes(last.intent).values()):
        return ReasonCode.HUMAN_CANCELLED
    return _REASONS.get(last.state, ReasonCode.UNFILLED)


def _detail(trade: CopyTrade) -> str:
    last = _last(trade)
    return "" if last is None else f"{last.state.value} with {last.filled_quantity} filled {last.code} {last.text}".strip()
