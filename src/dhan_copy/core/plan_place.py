"""Place an order for what is wanted and no live order covers, where it may be sent."""

from __future__ import annotations

from datetime import datetime, timedelta

from dhan_copy.core import supers
from dhan_copy.core.admit_entry import age_of, passes_at
from dhan_copy.core.after_market import BEFORE_THE_OPENING, is_queued, session_of
from dhan_copy.core.facts import TradingState
from dhan_copy.core.forever_rows import tag_if_alike
from dhan_copy.core.legs import is_exit_leg, tree_of
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.plan_draft import Draft
from dhan_copy.core.plan_limits import (
    LOOK_AGAIN,
    must_wait,
    position_checked,
    tell_if_unprotected,
)
from dhan_copy.core.plan_terms import instruction, is_refused_stop_market, refused_in_a_row, tell_of_refused_stop_market
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.core.settings import AtModificationCap
from dhan_copy.core.trade import FollowerOrder, Instruction
from dhan_copy.core.waiting import asks_to_wait, is_unclear
from dhan_copy.model.ids import ClientOrderId, client_order_id
from dhan_copy.model.order import Leg, Market, StopLimit, StopMarket
from dhan_copy.model.reason import ReasonCode

BOOK_WAITS_LONG = timedelta(seconds=30)
"""After this an entry that waits for a look at the book is looked at again without news: it may have become too old."""
_NOT_TAKEN = (OrderState.REJECTED, OrderState.WITHHELD)
MOST_GENERATIONS = 1295
"""What fits into a client_order_id, as of slices."""


def place(b: Draft, intent: Intent, slice: int, units: int, before: list[FollowerOrder]) -> None:
    """An order of ``units`` in a slice, after those ``before`` it there that have ended."""
    last = before[-1] if before else None
    if intent is Intent.ENTRY:
        if not _may_enter(b):
            return
    elif not _may_exit(b, before, units):
        return
    if is_unclear(b.report):
        b.wake(b.now + LOOK_AGAIN)
        return
    if must_wait(b, last if last is not None and last.state in _NOT_TAKEN else None, intent):
        return
    since = b.trade.over_exited_at or _first_due(b)
    if last is not None and last.over_at is not None:
        since = last.over_at
    if intent is Intent.EXIT and since is not None and not position_checked(b, since):
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
    want = instruction(b, units, intent)
    bracket = supers.bracket_for(b.state, b.trade, b.rules, want) if intent is Intent.ENTRY else None
    b.requests.append(
        Submit(
            follower=follower,
            client_order_id=tag,
            attempt=1,
            leader=leader,
            leader_order_id=order_id,
            intent=intent,
            segment=b.report.segment,
            security_id=b.report.security_id,
            side=b.side,
            product=b.report.product,
            validity=want.validity,
            terms=want.terms,
            quantity=want.quantity,
            disclosed_quantity=want.disclosed_quantity,
            leg=leg,
            forever=asks_to_wait(b.report),
            second_leg=want.second_leg,
            bracket=bracket,
            after_market=b.policy.amo_slot if queued else None,
            not_after=b.now + b.policy.send_within if intent is Intent.ENTRY else None,
            note=_note(b, want),
        )  # fmt: skip
    )


def _first_due(b: Draft) -> datetime | None:
    """When an exit first had something to close: a leg when its entry's copy first filled."""
    leader, _, follower = b.trade.key
    entry = tree_of(b.report) if is_exit_leg(b.report) else None
    opened = None if entry is None else b.state.trades.get((leader, entry, follower))
    seen = [] if opened is None else [order.fill_seen_at for order in opened.orders if order.fill_seen_at is not None]
    return min(seen, default=b.trade.admitted_at)


def _is_unknown_there(b: Draft, tag: ClientOrderId, intent: Intent, *, first: bool) -> bool:
    """Whether the order cannot have been placed by a journal that is lost: the follower's book would show it.

    That is read once after every start before an order from before it is placed for the first time.
    """
    if not b.rules.live:
        return True
    forever = b.state.is_to_be_set(b.trade)
    if forever and (b.rules.name, tag_if_alike(b.trade)) in b.state.foreign:
        b.alert(
            "PLACED_BEFORE", "the follower has a Forever order that may be the one that is to be set",
            "their list shows no tags, and this journal knows nothing of it",
            "None is set beside it, and what it does is not followed: look after it by hand.",
        )  # fmt: skip
        return False
    if (b.rules.name, tag) in b.state.foreign:
        b.alert(
            "PLACED_BEFORE", "an order that is to be placed is in the follower's book already", f"it is tagged {tag}",
            "It is not placed again, and what it does is not followed: look after it by hand, or start with rebuild=True.",
        )  # fmt: skip
        return False
    started = b.state.engine_started_at
    if started is None or not b.state.predates_start(b.order):
        return True
    if forever and (b.trade.key in b.state.looked_for or any(not order.state.is_over for order in b.trade.orders)):
        return True
    if not forever and (not first or b.state.has_read_book(b.rules.name)):
        return True
    b.book_awaited = True
    if intent is Intent.EXIT:
        b.keep_back(
            "because the follower's order book cannot be read",
            "It is sent once it can; close the position by hand if this lasts.",
        )
    elif forever:
        decided = b.trade.admitted_at
        since = started if decided is None or decided > b.now else max(started, decided)
        b.wake(_tell_of_what_is_not_looked_for(b, since))
    else:
        b.wake(max(started + BOOK_WAITS_LONG, b.now) + timedelta(seconds=1))
    return False


def _tell_of_what_is_not_looked_for(b: Draft, since: datetime) -> datetime:
    """When to tell that an entry waits which no age ends; at once if it is time."""
    late = since + b.policy.absence_window + BOOK_WAITS_LONG
    if b.now >= late:
        b.alert(
            "FOREVER_DOUBTFUL", "a Forever order is not set: it cannot be told whether the follower has it already",
            "the list could not be read, or an order in it is not known yet",
            "It is set once a list is read that shows nothing like it. Look at the account if this lasts.",
        )  # fmt: skip
    return max(late, b.now) + timedelta(seconds=1)


def _note(b: Draft, want: Instruction) -> str:
    notes = []
    if b.report.disclosed_quantity and not want.disclosed_quantity and not isinstance(want.terms, Market):
        notes.append("disclosed quantity dropped: more than 30 % of this quantity cannot be disclosed in whole lots")
    if isinstance(b.report.terms, StopMarket) and isinstance(want.terms, StopLimit):
        notes.append("a stop-limit for the leader's stop-market order: Dhan drops the trigger of those from its API")
    return "; ".join(notes)


def _may_enter(b: Draft) -> bool:
    """An entry that has not left yet goes only while it is fresh and allowed."""
    reason: ReasonCode | None = None
    detail = ""
    until = passes_at(b.order, b.now, b.state.settings, copies_fills=b.trade.copies_fills)
    if b.state.trading_state(b.rules.name) is not TradingState.ACTIVE:
        reason = ReasonCode.NOT_ACTIVE
    elif until is not None and b.now > until:
        reason, detail = ReasonCode.STALE, f"{age_of(b.order, b.now).total_seconds():.0f} s old when it could be sent"
    elif is_refused_stop_market(b):
        reason = ReasonCode.STOP_MARKET_REFUSED
    if reason is not None:
        b.decline(reason, detail)
        return False
    if until is not None:
        b.wake(until + timedelta(seconds=1))  # whatever keeps it back for longer
    return True


def is_replaced(b: Draft, last: FollowerOrder) -> bool:
    """Whether a finished entry is placed anew: one that the broker did not want just then, or that could not be modified
    any more. No other ever is."""
    return last.refused_for_now or (
        b.policy.at_modification_cap is AtModificationCap.REPLACE
        and last.was_cancelled_by_us
        and supers.modifications(b.state, b.rules.name, last) >= b.rules.limits.modifications_per_order
    )


def _may_exit(b: Draft, before: list[FollowerOrder], units: int) -> bool:
    """Whether an exit goes now. What will never go is told in a halt too: the trade may be over before that ends."""
    if not _is_to_exit(b, before):
        return False
    tell_if_unprotected(b, units)
    return b.state.trading_state(b.rules.name) is not TradingState.HALTED


def _is_to_exit(b: Draft, before: list[FollowerOrder]) -> bool:
    """A finished exit that is still wanted is sent again, unless a human took it back or it is plainly useless."""
    if is_refused_stop_market(b):
        tell_of_refused_stop_market(b, "It is not placed while it is one; protect the position by hand.")
        return False
    if not before:
        return True
    last = before[-1]
    if supers.is_unexplained(b.state, b.rules.name, last):
        later = supers.look_again_at(b.state, b.rules.name, last)
        b.book_awaited = later <= b.now
        b.wake(max(later, b.now + b.policy.retry_after))
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
    if refused_in_a_row(b, before) >= b.policy.stalled_after:
        until = "Nothing more is tried" if b.report.status.is_terminal else "It is not tried before the leader moves his"
        b.alert(
            "STALLED", "an exit is refused or ends again and again", f"{last.code} {last.text}",
            f"{until}: close the position by hand.", last,
        )  # fmt: skip
        return False
    return True
