"""What keeps a request back for now: refusals, a blocked account, used-up requests, an unread position."""

from __future__ import annotations

from datetime import datetime, timedelta

from dhan_copy.core.facts import Refusal, TradingState
from dhan_copy.core.plan_draft import Draft
from dhan_copy.core.requests import Intent
from dhan_copy.core.trade import FollowerOrder

LOOK_AGAIN = timedelta(seconds=10)


def budget(b: Draft) -> int:
    """Requests that the trade may send: as many for each of its slices."""
    slices = len({order.slice for order in b.trade.orders})
    return b.policy.requests_per_trade * max(1, slices)


def must_wait(b: Draft, order: FollowerOrder | None, intent: Intent, *, requests: int = 1) -> bool:
    """Whether a refusal, a blocked account or the trade's budget keeps so many requests back for now; none are counted
    where an exit becomes smaller, which is as good as its cancel."""
    waits = _must_wait(b, order, intent, requests)
    b.exit_waits |= waits and intent is Intent.EXIT
    return waits


def _must_wait(b: Draft, order: FollowerOrder | None, intent: Intent, requests: int) -> bool:
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
    if requests and b.trade.requests + requests > budget(b):
        b.alert(
            "REQUEST_BUDGET", "the request budget of this trade is used up", f"{b.trade.requests} of {budget(b)} used",
            "Nothing more is sent for it but cancels and what makes an exit smaller; look at both accounts by hand.",
        )  # fmt: skip
        return True
    return False


def tell_if_unprotected(b: Draft, units: int) -> None:
    """Say that so much of what is held is without an exit that is due, where a halt or the used-up budget keeps it back."""
    if b.state.trading_state(b.rules.name) is TradingState.HALTED:
        why = "the follower is halted"
        advice = "It is sent once the follower is resumed or reduced, for exits go then; until that, close by hand or watch it."
    elif b.trade.requests >= budget(b):
        why, advice = "the request budget of this trade is used up", "Nothing more is sent for it: close it by hand."
    else:
        return
    b.alert(
        "UNPROTECTED", "an exit of what is held is due and is kept back", f"{units} of {b.report.key}: {why}", advice
    )  # fmt: skip


def position_checked(b: Draft, since: datetime) -> bool:
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
    b.keep_back(
        "because the account's positions cannot be read", "It is sent once they can; close the position by hand if this lasts."
    )
    return False
