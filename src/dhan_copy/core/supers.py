"""Super orders at a follower: the copies of an entry and of its legs as one order of the broker's.

The broker then holds the legs, sizes them by what the entry fills, and takes one back when the other has closed
everything. Here each leg is an order of its leg's copy, which nobody had to place; a leg that has to be anything else
than what the broker makes of it is taken back, and an order of its own stands in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Fact, OrderReported
from dhan_copy.core.intake import SETTLED_AFTER
from dhan_copy.core.legs import EXIT_LEGS, entry_of, leg_by_terms, leg_id
from dhan_copy.core.requests import Query, ReadOrders
from dhan_copy.core.settings import FollowerRules, LinkedForm
from dhan_copy.core.state import State
from dhan_copy.core.target import entry_want
from dhan_copy.core.terms import aligned
from dhan_copy.core.trade import CopyTrade, FollowerOrder, Instruction, TradeKey, as_leg, leg_key
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import Leg, Limit, Market, OrderReport, Product, Side, StopLimit, StopMarket, Validity, Variety


def bracket_for(state: State, trade: CopyTrade, rules: FollowerRules, want: Instruction) -> Bracket | None:
    """The legs that an entry about to be placed takes with it as a super order; None where it is placed by itself, and its
    legs too. A super order is a DAY order at a limit or at the market, with a target beyond its price and a stop on the
    other side of it (Dhan's page on super orders), and whether its legs live on over night nobody wrote down: intraday
    alone is sure to be over when the day is."""
    wanted = rules.live and rules.super_orders and state.settings.policy.linked_form is LinkedForm.SUPER_ORDER
    if not wanted or not _is_one_order(state, trade, want) or not all(_is_untouched(state, trade, leg) for leg in EXIT_LEGS):
        return None
    bracket = bracket_of(state, trade, EXIT_LEGS)
    return bracket if bracket is not None and _is_around(bracket, want, state.leader_order(trade.key).report.side) else None


def _is_one_order(state: State, trade: CopyTrade, want: Instruction) -> bool:
    """Whether a super order can say all of it: the first and only order of an entry whose legs belong to it alone."""
    report, total = state.leader_order(trade.key).report, entry_want(state, trade)
    whole = trade.admitted is not None and total <= (trade.admitted.slice_units or total)
    kept_together = report.variety in (Variety.SUPER, Variety.BRACKET) and trade.stake_key[4] == trade.key[1]
    sayable = want.validity is Validity.DAY and not want.disclosed_quantity and isinstance(want.terms, Limit | Market)
    first = not any(order.filled_quantity or not order.state.is_over for order in trade.orders)
    of_a_day = report.product is Product.INTRADAY
    return kept_together and whole and sayable and first and of_a_day and not trade.copies_fills


def _is_around(bracket: Bracket, want: Instruction, side: Side) -> bool:
    if bracket.target is None or bracket.stop is None:
        return False
    price = want.terms.price if isinstance(want.terms, Limit) else None
    return price is None or (bracket.target - price) * side.sign > 0 < (price - bracket.stop) * side.sign


def _is_untouched(state: State, entry: CopyTrade, leg: Leg) -> bool:
    key = leg_key(entry.key, leg)
    trade, order = state.trades.get(key), state.leader_orders.get(key[:2])
    if trade is None or order is None or trade.declined is not None or trade.settled:
        return False
    standing = any(not known.state.is_over for known in trade.orders)
    return not standing and not order.report.status.is_terminal and not order.report.filled_quantity


def standing(state: State, entry: CopyTrade, order: FollowerOrder) -> Bracket | None:
    """What the legs of a working entry are to be. Those that are gone, or going, are said as they were: no change of the
    entry is for them, and the broker wants a price of each."""
    there = _legs_of(state, entry, order)
    legs = [leg for leg, found in there.items() if not found.state.is_over and not found.cancel_sent]
    wanted, stands = bracket_of(state, entry, legs), (order.accepted or order.asked).bracket
    if wanted is None or stands is None:
        return stands
    trails = order.filled_quantity > 0 and _trails_to(stands, wanted)  # it has begun to: by itself here as there
    if trails or wanted.stop is None:
        wanted = evolve(wanted, stop=stands.stop, trailing_jump=stands.trailing_jump)
    return wanted if wanted.target is not None else evolve(wanted, target=stands.target)


def _legs_of(state: State, entry: CopyTrade, order: FollowerOrder) -> dict[Leg, FollowerOrder]:
    """The legs of a super order: orders of their legs' copies."""
    trades = ((leg, state.trades.get(leg_key(entry.key, leg))) for leg in EXIT_LEGS)
    orders = ((leg, one) for leg, trade in trades if trade is not None for one in trade.orders)
    return {leg: one for leg, one in orders if one.entry == order.client_order_id}


def bracket_of(state: State, entry: CopyTrade, legs: Sequence[Leg]) -> Bracket | None:
    """Where the leader's legs stand, on the instrument's tick."""
    if entry.admitted is None:
        return None
    target = stop = None
    for leg in legs:
        order = state.leader_orders.get((entry.key[0], leg_id(entry.key[1], leg)))
        terms = None if order is None else _exit_terms(order.report, leg)
        at = None if order is None or terms is None else aligned(terms, order.report.side, entry.admitted.facts)
        if isinstance(at, Limit):
            target = at.price
        elif isinstance(at, StopMarket):
            stop = at.trigger
    if target is None and stop is None:
        return None
    leaders = state.leader_order(entry.key).report.bracket
    return Bracket(target=target, stop=stop, trailing_jump=None if leaders is None or stop is None else leaders.trailing_jump)


def _exit_terms(report: OrderReport, leg: Leg) -> Limit | StopMarket | None:
    """What a leg of a super order is at the price of the leader's; None where that has been touched."""
    if leg is Leg.STOP and isinstance(report.terms, StopLimit | StopMarket):
        return StopMarket(report.terms.trigger)
    return report.terms if leg is Leg.TARGET and isinstance(report.terms, Limit) else None


def entry_order(state: State, follower: AccountName, leg: FollowerOrder) -> FollowerOrder | None:
    """The entry of a leg's super order."""
    found = state.entry_of_leg(follower, leg)
    return None if found is None else found[1]


def id_at_broker(state: State, follower: AccountName, order: FollowerOrder) -> BrokerOrderId:
    """What the broker knows an order by in requests: a leg of a super order by its entry's id, whatever it was told as."""
    assert order.broker_order_id is not None
    entry = entry_order(state, follower, order)
    return entry_of(order.broker_order_id if entry is None else entry.broker_order_id or order.broker_order_id)


def kept_open(state: State, follower: AccountName, leg: FollowerOrder) -> int:
    """What the broker keeps a leg live for, as far as is known: what its entry has filled and no leg of it has closed."""
    found = state.entry_of_leg(follower, leg)
    if found is None:
        return 0
    return max(0, found[1].filled_quantity - sum(each.filled_quantity for each in _legs_of(state, *found).values()))


def modifications(state: State, follower: AccountName, order: FollowerOrder) -> int:
    """How often an order was modified; a super order is one, whichever part of it was changed."""
    if order.linked is None:
        return order.modifications
    found = state.order_by_tag(follower, order.entry or order.client_order_id)
    if found is None:
        return order.modifications
    return found[1].modifications + sum(leg.modifications for leg in _legs_of(state, *found).values())


def leg_wanted(state: State, follower: AccountName, leg: FollowerOrder) -> Instruction | None:
    """What a leg is to be: at the leader's price, and of the broker's own size."""
    found = state.entry_of_leg(follower, leg)
    if found is None or leg.linked is None or leg.accepted is None:
        return None
    bracket = bracket_of(state, found[0], (leg.linked,))
    return None if bracket is None else as_leg(bracket, leg.linked, leg.accepted.quantity)


def trails_to(leg: FollowerOrder, want: Instruction) -> bool:
    """Whether a trailing stop is as near to the leader's as its steps allow: both move by themselves."""
    return _trails_to(None if leg.accepted is None else leg.accepted.bracket, want.bracket)


def _trails_to(stands: Bracket | None, wanted: Bracket | None) -> bool:
    if stands is None or wanted is None or stands.stop is None or wanted.stop is None:
        return False
    jump = stands.trailing_jump
    return jump is not None and jump == wanted.trailing_jump and abs(stands.stop - wanted.stop) <= jump


def is_unexplained(state: State, follower: AccountName, order: FollowerOrder) -> bool:
    """Whether a leg was cancelled without our asking, and no later look has shown whether the other has closed
    everything: its fill may be told after the cancel that it led to, and a look may lag."""
    if not order.is_leg or not order.was_cancelled_by_hand or order.over_at is None:
        return False
    return not state.is_seen_since(follower, order.over_at)


def look_again_at(state: State, follower: AccountName, leg: FollowerOrder) -> datetime:
    """When a look may tell why a leg has gone: soon, or once no book lags so far."""
    assert leg.over_at is not None
    soon, read_at = leg.over_at + SETTLED_AFTER, state.book_read_at.get(follower)
    return soon if read_at is None or read_at < soon else leg.over_at + state.settings.policy.absence_window


def gone_with_the_other(state: State, key: TradeKey, leg: FollowerOrder) -> list[tuple[TradeKey, FollowerOrder]]:
    """Legs of the same super order that went without our asking, once it is known that its legs have closed everything:
    the broker has taken them back, whatever was asked of them meanwhile."""
    found = state.entry_of_leg(key[2], leg)
    if found is None or kept_open(state, key[2], leg):
        return []
    legs = _legs_of(state, *found).items()
    return [(leg_key(found[0].key, part), each) for part, each in legs if is_unexplained(state, key[2], each)]


def gone_with_the_entry(state: State, key: TradeKey, entry: FollowerOrder) -> list[tuple[TradeKey, FollowerOrder]]:
    """Legs whose end was told just before that of their entry, which we took back."""
    if not entry.was_cancelled_by_us or entry.over_at is None:
        return []
    since, legs = entry.over_at - SETTLED_AFTER, _legs_of(state, state.trades[key], entry).items()
    return [
        (leg_key(key, part), leg) for part, leg in legs if leg.was_cancelled_by_hand and leg.over_at and leg.over_at >= since
    ]


def has_any(state: State, account: AccountName) -> bool:
    """Whether an account has super orders of ours that may still do something."""
    trades = (state.trades[key] for key in state.open_keys() if key[2] == account)
    return any(order.linked is not None for trade in trades for order in trade.orders)


def with_list(state: State, read: Query | ReadOrders) -> Query | ReadOrders:
    """A look at a follower with the list of super orders, where he has any of ours."""
    account = read.follower if isinstance(read, Query) else read.account
    return evolve(read, linked=True) if not read.linked and has_any(state, account) else read


def told(state: State, facts: Sequence[Fact]) -> list[Fact]:
    """``facts`` with the legs of our super orders under the ids that they have here: the broker's list names them by their
    entry's id and tag (protocol facts 1.10), other reports may by ids of their own, and by their entry's as a parent's."""
    return [_named(state, fact) if isinstance(fact, OrderReported) else fact for fact in facts]


def _named(state: State, fact: OrderReported) -> OrderReported:
    report = fact.report
    if report.variety is not Variety.SUPER or report.leg_order_id is not None:
        return fact
    found = state.order_of(fact.follower, report)
    if found is None and report.parent_order_id is not None:
        found = state.order_of(fact.follower, evolve(report, order_id=report.parent_order_id))
    if found is None or found[1].linked is not Leg.ENTRY:
        return fact
    legs = _legs_of(state, *found)
    if report.leg is Leg.ENTRY and report.side is not state.side_of(found[0]):
        targets = [(leg.accepted or leg.asked).terms for part, leg in legs.items() if part is Leg.TARGET]
        report = evolve(report, leg=leg_by_terms(report.terms, targets))
    named = legs.get(report.leg)
    if named is None:
        return fact
    entry = found[1].broker_order_id or report.parent_order_id or report.order_id
    return evolve(fact, report=_as_leg(report, entry, named.client_order_id))


def _as_leg(report: OrderReport, entry: BrokerOrderId, tag: ClientOrderId) -> OrderReport:
    here = leg_id(entry, report.leg)
    return evolve(report, order_id=here, leg_order_id=report.order_id, parent_order_id=entry, client_order_id=tag)
