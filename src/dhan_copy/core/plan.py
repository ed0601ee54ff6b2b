"""Compare what is wanted with what is known, and name the next requests. Remembers nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain
from typing import TypeAlias

from attrs import frozen
from typing_extensions import assert_never

from dhan_copy.core import supers
from dhan_copy.core.admit_entry import age_of, has_passed
from dhan_copy.core.after_market import BEFORE_THE_OPENING, is_queued, session_of
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import AlertRaised, CopyDeclined, Fact, Refusal, TradingState
from dhan_copy.core.intake import SETTLED_AFTER
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import entry_of, is_exit_leg, leg_id, tree_of
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Cancel, Intent, Modify, Query, Request, Submit
from dhan_copy.core.settings import AtModificationCap, Behind, FollowerRules, StopMarketForm
from dhan_copy.core.sizing import disclosed_size
from dhan_copy.core.state import State
from dhan_copy.core.target import closes, entry_want, exit_wants, is_taken_back, may_be_taken_back
from dhan_copy.core.terms import aligned, copied_terms
from dhan_copy.core.trade import (
    CANCEL_GRACE,
    SLICES_APART,
    CopyTrade,
    FollowerOrder,
    Instruction,
    StakeKey,
    TradeKey,
)
from dhan_copy.core.waiting import asks_to_wait, is_unclear, one_leg, second_leg, terms_of, wanted
from dhan_copy.model.ids import ClientOrderId, client_order_id
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Leg, Limit, Market, OrderReport, OrderStatus, StopLimit, StopMarket, Terms, Validity, Variety
from dhan_copy.model.reason import ReasonCode

CANCEL_RETRY_LONGEST = timedelta(seconds=30)
LOOK_AGAIN = timedelta(seconds=10)
EXIT_WAITS_LONG = timedelta(seconds=30)
"""After this an exit that waits for a read of the positions raises an alarm."""
CLOCKS_APART = timedelta(seconds=5)
"""What this machine's clock and the broker's may differ by."""
_NOT_TAKEN = (OrderState.REJECTED, OrderState.WITHHELD)
MOST_GENERATIONS = MOST_SLICES = 1295
"""What fits into a client_order_id."""



@frozen(kw_only=True)
class Plan:
    """What one trade needs next. ``wake_at`` is when to look again without news."""

    requests: tuple[Request, ...] = ()
    queries: tuple[Query, ...] = ()
    facts: tuple[Fact, ...] = ()
    positions_since: datetime | None = None
    """An exit waits for a read of the account's positions begun after this."""
    book_awaited: bool = False
    """A placement waits for a read of the account's order book."""
    leader_book_awaited: bool = False
    """What became of a leg is to be seen in the leader's order book."""
    wake_at: datetime | None = None


Wants: TypeAlias = dict[StakeKey, dict[TradeKey, int]]
"""What the exits of each holding should total."""
NOTHING = Plan()


class _Builder:
    def __init__(self, state: State, trade: CopyTrade, rules: FollowerRules, now: datetime) -> None:
        self.state, self.trade, self.rules, self.now = state, trade, rules, now
        self.order = state.leader_order(trade.key)
        self.report = self.order.report
        self.side = self.report.side if trade.turn > 0 else self.report.side.opposite
        """The side of the follower's orders."""
        self.policy = state.settings.policy
        self.requests: list[Request] = []
        self.queries: list[Query] = []
        self.facts: list[Fact] = []
        self.positions_since: datetime | None = None
        self.book_awaited = False
        self.leader_book_awaited = False
        self.wake_at: datetime | None = None

    def wake(self, at: datetime) -> None:
        if self.wake_at is None or at < self.wake_at:
            self.wake_at = at

    def alert(self, code: str, what: str, known: str, advice: str, order: FollowerOrder | None = None) -> None:
        fact = AlertRaised(
            code=code, what=what, known=known, advice=advice, account=self.rules.name,
            leader_order_id=self.trade.key[1], client_order_id=order.client_order_id if order else None,
        )  # fmt: skip
        self.facts.append(fact)

    def build(self) -> Plan:
        if not (
            self.requests or self.queries or self.facts or self.positions_since or self.wake_at
            or self.book_awaited or self.leader_book_awaited
        ):  # fmt: skip
            return NOTHING
        return Plan(
            requests=tuple(self.requests),
            queries=tuple(self.queries),
            facts=tuple(self.facts),
            positions_since=self.positions_since,
            book_awaited=self.book_awaited,
            leader_book_awaited=self.leader_book_awaited,
            wake_at=self.wake_at,
        )


def plan(state: State, key: TradeKey, rules: FollowerRules, now: datetime, wants: Wants) -> Plan:
    """The next requests for one trade: at most one per follower order at a time. ``wants`` keeps what was reckoned for
    other trades; it must be empty whenever the state has changed."""
    trade = state.trades[key]
    b = _Builder(state, trade, rules, now)
    stake_key = trade.stake_key
    due = exit_total = trade.filled(Intent.EXIT)
    if closes(trade):
        if stake_key not in wants:
            wants[stake_key] = exit_wants(state, stake_key)
        due = exit_total = wants[stake_key].get(key, due)
        missing = state.missing(stake_key)
        if missing:
            exit_total = exit_wants(state, stake_key, missing=missing).get(key, trade.filled(Intent.EXIT))
            _look_again(b)
        if stake_key[4] is not None and may_be_taken_back(state, stake_key, b.order):
            _look_at_the_leaders_book(b, stake_key)
    _steer(b, Intent.EXIT, exit_total)
    entry_total = entry_want(state, trade)
    if trade.live(Intent.ENTRY) is not None and state.trading_state(rules.name) is TradingState.CLOSING:
        entry_total = trade.filled(Intent.ENTRY)
    _steer(b, Intent.ENTRY, entry_total, hold=_exit_comes_first(state, trade, due))
    return b.build()


def _look_again(b: _Builder) -> None:
    """What is missing from the account keeps an exit back until its cause is known: the positions are read sooner."""
    read_at = b.state.positions_read_at.get(b.rules.name)
    if read_at is None or b.now >= read_at + LOOK_AGAIN:
        b.positions_since = b.now
    else:
        b.wake(read_at + LOOK_AGAIN)


def _look_at_the_leaders_book(b: _Builder, stake_key: StakeKey) -> None:
    if not is_taken_back(b.state, stake_key, b.order):
        b.leader_book_awaited = True
        b.wake(max(b.now, b.order.seen_at + SETTLED_AFTER) + b.policy.retry_after)


def _exit_comes_first(state: State, trade: CopyTrade, exit_total: int) -> bool:
    """Whether the entry part of an order that crosses zero still waits for what it crosses to be gone."""
    if trade.admitted is None or not trade.admitted.exit_quantity:
        return False
    if trade.live(Intent.EXIT) is not None or exit_total > trade.filled(Intent.EXIT):
        return True
    side = state.leader_order(trade.key).report.side
    for key in state.open_trades.get(state.stake_key(trade.key), ()):
        report = state.leader_order(key).report
        if report.side is not side and report.status.is_terminal and state.trades[key].leaves(Intent.ENTRY):
            return True
    return False


def _steer(b: _Builder, intent: Intent, total: int, *, hold: bool = False) -> None:
    """Bring the orders of an intent to ``total``, fills included: one order, or as many slices as it takes. What is live
    comes first, so that nothing is placed for what an order still covers."""
    left = total - b.trade.filled(intent)
    slices = b.trade.lanes(intent)
    shares: list[tuple[FollowerOrder, int]] = []
    ended: list[tuple[int, list[FollowerOrder]]] = []
    for number, orders in slices.items():
        live = next((order for order in reversed(orders) if not order.state.is_over), None)
        for order in orders:
            if order is not live and not order.state.is_over:
                # Given up before, yet there: its successor does the work.
                _steer_live(b, order, order.filled_quantity)
        if live is not None and live.is_leg:
            stays = _steer_leg(b, live, left)
            left = max(0, left - supers.kept_open(b.state, b.rules.name, live)) if stays else 0  # one that goes goes first
        elif live is not None:
            shares.append((live, max(0, min(left, live.may_fill))))
            left -= shares[-1][1]
        elif intent is Intent.ENTRY and not _is_replaced(b, orders[-1]):
            left -= orders[-1].given_up
        else:
            ended.append((number, orders))
    for live, share in shares:
        room = _room(b, live)
        more = max(0, left if room is None else min(left, room - share))
        left -= more
        _steer_live(b, live, live.filled_quantity + share + more)
    if left <= 0 or hold or b.trade.admitted is None:
        return
    most = b.trade.admitted.slice_units
    number = max(slices, default=_first_slice(b, intent) - SLICES_APART) + SLICES_APART
    end = MOST_SLICES + 1 if not slices or intent is Intent.EXIT or b.trade.may_be_sliced else number
    for number, orders in chain(ended, ((new, []) for new in range(number, end, SLICES_APART))):
        if left <= 0:
            break
        share = left if most is None else min(left, most)
        _place(b, intent, number, share, orders)
        left -= share


def _first_slice(b: _Builder, intent: Intent) -> int:
    admitted = b.trade.admitted
    goes_first = Intent.EXIT if admitted is not None and admitted.exit_quantity else Intent.ENTRY
    return 0 if intent is goes_first else 1


def _slice_units(b: _Builder) -> int | None:
    return None if b.trade.admitted is None else b.trade.admitted.slice_units


def _room(b: _Builder, order: FollowerOrder) -> int | None:
    """How much an order can be for beyond what it has filled; None for any number. An exit whose modifications are used
    up is completed by another."""
    if order.intent is Intent.EXIT and order.modifications >= b.rules.limits.modifications_per_order:
        return order.unfilled
    most = _slice_units(b)
    return None if most is None else most - order.filled_quantity


def _steer_leg(b: _Builder, order: FollowerOrder, left: int) -> bool:
    """A leg of a super order: the broker keeps it at what is open of its own entry, and it stays as long as no less than
    that is wanted. Returns whether it does."""
    stays, entry = _may_stay(b, order, left), supers.entry_order(b.state, b.rules.name, order)
    if order.unresolved is not None or order.needs_look:
        _ask(b, order)
    elif order.outstanding is not None or order.broker_order_id is None:
        pass
    elif not stays:
        if entry is None or not _is_on_its_way_out(b, entry):
            _cancel(b, order)
    elif not order.cancel_sent and left > 0:
        _watch_what_is_behind(b, order)
        want = supers.leg_wanted(b.state, b.rules.name, order)
        if want is None or want == order.accepted or entry is None or not entry.state.is_over:
            return True  # while the entry works it is changed with it
        if not supers.trails_to(order, want) and _has_seen_it_trail(b, order, b.order):
            _modify(b, order, want)
    return stays and not order.cancel_sent


def _is_on_its_way_out(b: _Builder, entry: FollowerOrder) -> bool:
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


def _may_stay(b: _Builder, order: FollowerOrder, left: int) -> bool:
    stake_key = b.trade.stake_key
    if stake_key[4] is None or is_taken_back(b.state, stake_key, b.order):
        return False
    return left >= supers.kept_open(b.state, b.rules.name, order)


def _has_seen_it_trail(b: _Builder, order: FollowerOrder, leaders: LeaderOrder | None) -> bool:
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


def _ask(b: _Builder, order: FollowerOrder) -> None:
    tag = order.client_order_id if order.entry is None else order.entry
    b.queries.append(Query(follower=b.rules.name, client_order_id=tag, linked=order.linked is not None))


def _steer_live(b: _Builder, order: FollowerOrder, total: int) -> None:
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
    _watch_what_is_behind(b, order)
    want, leg = _instruction(b, total, order.intent, order), Leg.ENTRY
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


def _leaders_stop(b: _Builder) -> LeaderOrder | None:
    return b.state.leader_orders.get((b.order.leader, leg_id(b.report.order_id, Leg.STOP)))


def _is_parked(b: _Builder, order: FollowerOrder) -> bool:
    """Whether it is a Forever order of which the lists do not say what became of it: a human has been told, and every
    sweep reads them again."""
    told = ((code, b.rules.name, "", order.client_order_id) for code in ("FOREVER_DOUBTFUL", "FOREVER_GONE"))
    return order.waits and any(alert in b.state.alerts for alert in told)


def _modify(b: _Builder, order: FollowerOrder, want: Instruction, leg: Leg = Leg.ENTRY) -> None:
    trading, intent = b.state.trading_state(b.rules.name), order.intent
    if trading is not TradingState.ACTIVE and (legs := _of_its_legs(order, want)) is not None:
        want, intent = legs, Intent.EXIT
    if want == order.refused:
        b.alert(
            "MODIFICATION_REFUSED", "the broker refuses the leader's modification", f"{order.code} {order.text}",
            "The order stands as it was; cancel or change it by hand if that is wrong.", order,
        )  # fmt: skip
        return
    stopped = trading is not TradingState.ACTIVE and intent is Intent.ENTRY
    if trading is TradingState.HALTED or stopped:
        if intent is Intent.ENTRY and order.accepted is not None and want.quantity < order.accepted.quantity:
            _cancel(b, order)
        return
    if supers.modifications(b.state, b.rules.name, order) >= b.rules.limits.modifications_per_order:
        _at_cap(b, order)
        return
    if _must_wait(b, order, intent):
        return
    grows = order.accepted is not None and want.most > order.accepted.most
    if order.intent is Intent.EXIT and grows and not _position_checked(b, b.order.seen_at):
        return
    assert order.broker_order_id is not None
    b.requests.append(
        Modify(
            follower=b.rules.name, client_order_id=order.client_order_id, attempt=order.attempts + 1,
            broker_order_id=entry_of(order.broker_order_id), intent=intent, validity=want.validity, terms=want.terms,
            quantity=want.quantity, disclosed_quantity=want.disclosed_quantity, leg=order.linked or leg, forever=order.waits,
            second_leg=want.second_leg, linked=order.linked is not None, bracket=want.bracket,
            not_after=b.now + b.policy.send_within if intent is Intent.ENTRY else None,
        )  # fmt: skip
    )


def _of_its_legs(order: FollowerOrder, want: Instruction) -> Instruction | None:
    """The part of an entry's change that its legs need: they protect what has filled, and are changed with it."""
    stands = order.accepted
    if order.linked is not Leg.ENTRY or stands is None or not order.filled_quantity or want.quantity < stands.quantity:
        return None
    return None if want.bracket in (None, stands.bracket) else evolve(stands, bracket=want.bracket)


def _too_large(order: FollowerOrder, total: int) -> bool:
    return order.intent is Intent.EXIT and order.accepted is not None and total < order.accepted.most


def _may_modify(b: _Builder, order: FollowerOrder, want: Instruction) -> bool:
    """Whether the order could still be changed to ``want``."""
    return (
        want != order.refused
        and order.modifications < b.rules.limits.modifications_per_order
        and b.trade.requests < _budget(b)
        and b.state.trading_state(b.rules.name) is not TradingState.HALTED
    )


def _at_cap(b: _Builder, order: FollowerOrder) -> None:
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


def _replace(b: _Builder, order: FollowerOrder) -> None:
    """Take an order back for another in its place: an exit only where that could be sent after the cancel."""
    if order.intent is Intent.ENTRY or not _must_wait(b, order, Intent.EXIT, requests=2):
        _cancel(b, order)


def _cancel(b: _Builder, order: FollowerOrder) -> None:
    if order.cancel_accepted_at is not None:
        if b.now < order.cancel_accepted_at + CANCEL_GRACE:
            b.wake(order.cancel_accepted_at + CANCEL_GRACE)
        else:
            _ask(b, order)
        return
    assert order.broker_order_id is not None
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
            follower=b.rules.name, client_order_id=order.client_order_id, attempt=order.attempts + 1,
            broker_order_id=entry_of(order.broker_order_id), forever=order.waits, linked=order.linked is not None,
            leg=order.linked or Leg.ENTRY,
        )  # fmt: skip
    )


def _budget(b: _Builder) -> int:
    """Requests that the trade may send: as many for each of its slices."""
    slices = len({order.slice for order in b.trade.orders})
    return b.policy.requests_per_trade * max(1, slices)


def _must_wait(b: _Builder, order: FollowerOrder | None, intent: Intent, *, requests: int = 1) -> bool:
    """Whether a refusal, a blocked account or the trade's budget keeps so many requests back for now."""
    if order is not None and order.retry_at is not None and order.retry_at > b.now:
        b.wake(order.retry_at)
        return True
    blocked = b.state.blocked_until.get(b.rules.name)
    if blocked is not None:
        until, refusal = blocked
        if intent is Intent.EXIT and refusal is not Refusal.RATE_LIMIT:
            # Exits probe a blocked account sooner: protection must not wait for a timer.
            until = min(until, until - b.policy.blocked_for + 5 * b.policy.retry_after)
        if until > b.now:
            b.wake(until)
            return True
    if b.trade.requests + requests > _budget(b):
        b.alert(
            "REQUEST_BUDGET", "the request budget of this trade is used up", f"{b.trade.requests} requests sent",
            "Nothing more is sent for it but cancels; look at both accounts by hand.",
        )  # fmt: skip
        return True
    return False


def _place(b: _Builder, intent: Intent, slice: int, units: int, before: list[FollowerOrder]) -> None:
    last = before[-1] if before else None
    if intent is Intent.ENTRY:
        if not _may_enter(b):
            return
    elif not _may_exit(b, before):
        return
    if is_unclear(b.report):
        b.wake(b.now + LOOK_AGAIN)
        return
    if _must_wait(b, last if last is not None and last.state in _NOT_TAKEN else None, intent):
        return
    since = b.trade.over_exited_at or _first_due(b)
    if last is not None and last.over_at is not None:
        since = last.over_at
    if intent is Intent.EXIT and since is not None and not _position_checked(b, since):
        return
    if last is not None and last.generation >= MOST_GENERATIONS:
        b.alert(
            "STALLED", "an order is refused again and again", f"{last.code} {last.text}",
            "Nothing more is tried; act by hand in the follower's account.", last,
        )  # fmt: skip
        return
    admitted = b.trade.admitted
    assert admitted is not None
    leader, order_id, follower = b.trade.key
    generation = 0 if last is None else last.generation + 1
    leg = b.report.leg if is_exit_leg(b.report) else Leg.ENTRY
    tag = client_order_id(leader, order_id, follower, leg.letter, slice, generation)
    if not _is_unknown_there(b, tag, intent, first=last is None):
        return
    queued = is_queued(b.state.settings.calendar, b.report, b.now)
    session = session_of(b.state.settings.calendar, b.report) if queued else None
    if session is not None and b.now >= session.opens - BEFORE_THE_OPENING:
        b.wake(session.opens)
        return
    want = _instruction(b, units, intent)
    bracket = supers.bracket_for(b.state, b.trade, b.rules, want) if intent is Intent.ENTRY else None
    b.requests.append(
        Submit(
            follower=follower,
            client_order_id=tag, attempt=1, leader=leader, leader_order_id=order_id, intent=intent, segment=b.report.segment,
            security_id=b.report.security_id, side=b.side, product=b.report.product, validity=want.validity,
            terms=want.terms, quantity=want.quantity, disclosed_quantity=want.disclosed_quantity, leg=leg,
            forever=asks_to_wait(b.report), second_leg=want.second_leg, bracket=bracket,
            after_market=b.policy.amo_slot if queued else None,
            not_after=b.now + b.policy.send_within if intent is Intent.ENTRY else None, note=_note(b, want),
        )  # fmt: skip
    )


def _first_due(b: _Builder) -> datetime | None:
    """When an exit first had something to close: a leg when its entry's copy first filled."""
    leader, _, follower = b.trade.key
    entry = tree_of(b.report) if is_exit_leg(b.report) else None
    opened = None if entry is None else b.state.trades.get((leader, entry, follower))
    seen = [] if opened is None else [order.fill_seen_at for order in opened.orders if order.fill_seen_at is not None]
    return min(seen, default=b.trade.admitted_at)


def _is_unknown_there(b: _Builder, tag: ClientOrderId, intent: Intent, *, first: bool) -> bool:
    """Whether the order cannot have been placed by a journal that is lost: the follower's book would show it.

    That is read once after every start before an order from before it is placed for the first time.
    """
    if not b.rules.live:
        return True
    if (b.rules.name, tag) in b.state.foreign:
        b.alert(
            "PLACED_BEFORE", "an order that is to be placed is in the follower's book already", f"it is tagged {tag}",
            "It is not placed again, and what it does is not followed: look after it by hand, or start with rebuild=True.",
        )  # fmt: skip
        return False
    started = b.state.engine_started_at
    if not first or started is None or b.state.has_read_book(b.rules.name) or _is_newer(b.order, started):
        return True
    b.book_awaited = True
    if intent is Intent.EXIT and b.now - started > EXIT_WAITS_LONG:
        b.alert(
            "EXIT_WAITS", "an exit waits because the follower's order book cannot be read", f"since {started}",
            "It is sent once it can; close the position by hand if this lasts.",
        )  # fmt: skip
    else:
        b.wake(max(started + EXIT_WAITS_LONG, b.now) + timedelta(seconds=1))
    return False


def _is_newer(order: LeaderOrder, started: datetime) -> bool:
    """Whether the leader placed the order after the start, plainly, whatever the difference of the clocks."""
    created = order.report.created_at
    return created is not None and min(created - CLOCKS_APART, order.first_seen_at) > started


def _note(b: _Builder, want: Instruction) -> str:
    notes = []
    if b.report.disclosed_quantity and not want.disclosed_quantity:
        notes.append("disclosed quantity dropped: more than 30 % of this quantity cannot be disclosed in whole lots")
    if isinstance(b.report.terms, StopMarket) and isinstance(want.terms, StopLimit):
        notes.append("a stop-limit for the leader's stop-market order: Dhan drops the trigger of those from its API")
    return "; ".join(notes)


def _may_enter(b: _Builder) -> bool:
    """An entry that has not left yet goes only while it is fresh and allowed."""
    leader, order_id, follower = b.trade.key
    reason: ReasonCode | None = None
    detail = ""
    if b.state.trading_state(b.rules.name) is not TradingState.ACTIVE:
        reason = ReasonCode.NOT_ACTIVE
    elif has_passed(b.order, b.now, b.state.settings, copies_fills=b.trade.copies_fills):
        reason, detail = ReasonCode.STALE, f"{age_of(b.order, b.now).total_seconds():.0f} s old when it could be sent"
    elif _is_refused_stop_market(b):
        reason = ReasonCode.STOP_MARKET_REFUSED
    if reason is not None:
        b.facts.append(
            CopyDeclined(leader=leader, leader_order_id=order_id, follower=follower, reason=reason, detail=detail)
        )
        return False
    return True


def _is_replaced(b: _Builder, last: FollowerOrder) -> bool:
    """Whether a finished entry is placed anew: one that the broker did not want just then, or that could not be modified
    any more. No other ever is."""
    return last.refused_for_now or (
        b.policy.at_modification_cap is AtModificationCap.REPLACE
        and last.state is OrderState.CANCELLED
        and last.cancel_sent
        and supers.modifications(b.state, b.rules.name, last) >= b.rules.limits.modifications_per_order
    )


def _may_exit(b: _Builder, before: list[FollowerOrder]) -> bool:
    """A finished exit that is still wanted is sent again, unless a human took it back or it is plainly useless."""
    if b.state.trading_state(b.rules.name) is TradingState.HALTED:
        return False
    if _is_refused_stop_market(b):
        _tell_of_refused_stop_market(b, "It is not placed while it is one; protect the position by hand.")
        return False
    if not before:
        return True
    last = before[-1]
    if supers.is_unexplained(b.state, b.rules.name, last):
        b.book_awaited = True
        b.wake(b.now + b.policy.retry_after)
        return False
    if last.was_cancelled_by_hand:
        b.alert(
            "EXIT_CANCELLED_BY_HAND", "an exit was cancelled by hand", f"{last.filled_quantity} of it had filled",
            "It is respected and not sent again; close the rest by hand.", last,
        )  # fmt: skip
        return False
    if sum(order.state is OrderState.ABSENT for order in before) > 1:
        b.alert(
            "EXIT_LOST", "an exit was lost twice", "both attempts were proven not to have reached the broker",
            "Close the position by hand.", last,
        )  # fmt: skip
        return False
    trailing = 0
    for order in reversed(before):
        if order.state in (OrderState.FILLED, OrderState.WITHHELD) or order.refused_for_now:
            break
        trailing += not order.was_cancelled_by_us
    if trailing >= b.policy.stalled_after:
        b.alert(
            "STALLED", "an exit is refused or ends again and again", f"{last.code} {last.text}",
            "Nothing more is tried; close the position by hand.", last,
        )  # fmt: skip
        return False
    return True


def _position_checked(b: _Builder, since: datetime) -> bool:
    """Whether the account's net position was read after this exit became due, and what it lacks is left out."""
    if not b.rules.reads_positions or not b.rules.live:
        return True
    name = (b.rules.name, b.report.key, b.report.product)
    suspect = b.state.suspects.get(name)
    read_at = b.state.positions_read_at.get(b.rules.name)
    started_at = b.state.engine_started_at
    if since > b.now and started_at is not None:
        since = started_at  # it was in a process before this one, and the clock has been set back meanwhile
    if (suspect is None or suspect.confirmed) and read_at is not None and read_at >= since:
        return True
    b.positions_since = since if suspect is None else b.now
    if b.now - since > EXIT_WAITS_LONG:
        b.alert(
            "EXIT_WAITS", "an exit waits because the account's positions cannot be read", f"since {since}",
            "It is sent once they can; close the position by hand if this lasts.",
        )  # fmt: skip
    else:
        b.wake(since + EXIT_WAITS_LONG + timedelta(seconds=1))
    return False


def _instruction(b: _Builder, units: int, intent: Intent, order: FollowerOrder | None = None) -> Instruction:
    report, admitted = b.report, b.trade.admitted
    assert admitted is not None
    if _takes_back(b, intent):
        return Instruction(terms=Market(), validity=Validity.DAY, quantity=units)
    chased = None if order is not None and order.waits else _chasing(b, admitted.facts)
    want = Instruction(
        terms=chased or _terms(b, admitted.facts),
        validity=report.validity,
        quantity=units,
        disclosed_quantity=_disclosed(report, units, admitted.facts),
        second_leg=second_leg(report, units, admitted.facts, intent),
        bracket=supers.standing(b.state, b.trade, order) if order is not None and order.linked is not None else None,
    )
    forever = order is not None and chased is None and report.variety is Variety.FOREVER
    return wanted(report, order, units, want) if forever and order is not None else want


def _takes_back(b: _Builder, intent: Intent) -> bool:
    """Whether an order closes what the legs of this entry closed twice: nothing of the leader's says at which price."""
    return intent is Intent.EXIT and b.trade.over_exited_at is not None


def _is_behind(b: _Builder) -> bool:
    """Whether the leader's order filled long ago."""
    filled_at = b.order.last_filled_at
    return b.report.status is OrderStatus.TRADED and filled_at is not None and b.now >= filled_at + b.policy.behind_after


def _chasing(b: _Builder, facts: InstrumentFacts) -> Terms | None:
    """The limit for an order that is to trade near the price that the leader got: it copies his fills, or he has left it
    behind."""
    price = b.report.average_price
    follows = b.trade.copies_fills or (b.policy.behind is Behind.CHASE and _is_behind(b))
    if price is None or not follows:
        return None
    worse = price * b.policy.chase_within.value / 100 * b.side.sign
    return aligned(Limit(price + worse), b.side, facts) if price + worse > 0 else None


def _watch_what_is_behind(b: _Builder, order: FollowerOrder) -> None:
    """Tell of an order that still rests when the leader's has filled, and look again when its time has come."""
    filled_at = b.order.last_filled_at
    if b.report.status is not OrderStatus.TRADED or filled_at is None:
        return
    if not _is_behind(b):
        b.wake(filled_at + b.policy.behind_after)
        return
    match b.policy.behind:
        case Behind.WAIT:
            advice = "It stays as it is: move or cancel it by hand, or set behind=Behind.CHASE."
        case Behind.CHASE:
            advice = f"It is moved to within {b.policy.chase_within.value} % of the leader's price."
        case Behind.CANCEL:
            advice = "An entry is given up, an exit waits."
            if order.intent is Intent.ENTRY:
                leader, order_id, follower = b.trade.key
                reason, age = ReasonCode.LEFT_BEHIND, (b.now - filled_at).total_seconds()
                declined = CopyDeclined(
                    leader=leader, leader_order_id=order_id, follower=follower, reason=reason, detail=f"{age:.0f} s before"
                )
                b.facts.append(declined)
        case _:
            assert_never(b.policy.behind)
    known = f"{order.leaves_quantity} of {order.leaves_quantity + order.filled_quantity} rest since the leader's fill at {filled_at}"
    b.alert("BEHIND", "the leader's order has filled and the follower's still rests", known, advice, order)


def _is_refused_stop_market(b: _Builder) -> bool:
    """Whether the leader made a stop-market order of one that had been admitted, and those are refused."""
    plain = not is_exit_leg(b.report) and b.report.variety is not Variety.FOREVER and not b.trade.copies_fills
    refused = b.policy.stop_market is StopMarketForm.REFUSE and plain
    return refused and isinstance(b.report.terms, StopMarket)


def _tell_of_refused_stop_market(b: _Builder, advice: str, order: FollowerOrder | None = None) -> None:
    b.alert(
        "STOP_MARKET_REFUSED", "the leader made it a stop-market order, and those are refused", str(b.report.terms),
        advice, order,
    )  # fmt: skip


def _terms(b: _Builder, facts: InstrumentFacts) -> Terms:
    report = b.report
    if b.side is not report.side:
        return Market()  # at a price of the leader's the other side would trade too soon or never
    last = b.trade.orders[-1] if b.trade.orders else None
    if last is not None and _is_refused_stop_market(b):
        _tell_of_refused_stop_market(b, "The follower's order keeps its terms; change it by hand if that is wrong.", last)
        return (last.accepted or last.asked).terms
    if report.variety is Variety.FOREVER:
        return terms_of(report, facts)
    if b.trade.admitted is not None and b.trade.admitted.protected == report.terms:
        return Market()
    return copied_terms(report.terms, report.side, report.segment, facts, b.policy)


def _disclosed(report: OrderReport, units: int, facts: InstrumentFacts) -> int:
    return disclosed_size(report.disclosed_quantity, report.quantity, units, facts.lot_units)
