"""What the day's copies have won or lost at a follower, and when that is too much."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from attrs import frozen

from dhan_copy.core.facts import AlertRaised, TradingStateChanged
from dhan_copy.core.settings import FollowerRules
from dhan_copy.core.state import STRICTNESS, State
from dhan_copy.core.worth import worth
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentKey


@frozen
class DayResult:
    """Rupees, realised and unrealised together, on what was copied since the day began. ``unknown`` are instruments that
    are not in it: nobody has named a price, or what a lot of a commodity or currency is worth."""

    rupees: Decimal
    unknown: tuple[InstrumentKey, ...] = ()


def day_result(state: State, follower: AccountName) -> DayResult:
    """What the copies of today came to, by their average prices and the newest price that an order of a leader or a
    broker's quotes have told."""
    rupees, unknown = Decimal(0), []
    for (name, key), dealt in state.dealt.items():
        if name != follower or not (dealt.net or dealt.cash):
            continue
        told = max((one for one in (state.prices.get(key), state.marks.get(key)) if one), key=_told_at, default=None)
        points = dealt.cash + dealt.net * (told[0] if told is not None else Decimal(0))
        gained = worth(key.segment, 1, points, state.priced(key))
        if gained is None or dealt.unpriced or (told is None and dealt.net):
            unknown.append(key)
            continue
        rupees += gained
    return DayResult(rupees, tuple(unknown))


def _told_at(price: tuple[Decimal, datetime]) -> datetime:
    return price[1]


def stopped_by_loss(
    state: State, rules: FollowerRules, result: DayResult
) -> tuple[AlertRaised, TradingStateChanged] | None:
    """What a loss limit calls for, once a day: a user who lets the follower go on has taken it upon himself."""
    limit = rules.loss_limit
    if limit is None or was_stopped_by_loss(state, rules.name) or result.rupees > -limit.rupees:
        return None
    alert = AlertRaised(
        code="LOSS_LIMIT", what="the day's loss limit of a follower was reached",
        known=f"{result.rupees} rupees on what was copied today, {limit.rupees} allowed",
        advice=f"It is {limit.then.value} now, until you resume it; today it is not stopped again.", account=rules.name,
    )  # fmt: skip
    then = max(limit.then, state.trading_state(rules.name), key=STRICTNESS.index)
    return alert, TradingStateChanged(follower=rules.name, state=then)


def was_stopped_by_loss(state: State, follower: AccountName) -> bool:
    """Whether the follower has reached its loss limit today."""
    return ("LOSS_LIMIT", follower, "", "") in state.alerts


def unjudged(follower: AccountName, result: DayResult) -> AlertRaised | None:
    """The alert for what a loss limit cannot see."""
    if not result.unknown:
        return None
    return AlertRaised(
        code="LOSS_UNKNOWN", what="a loss limit cannot count everything that was copied",
        known=f"no price or no size for {', '.join(map(str, result.unknown))}",
        advice="Watch these by hand: they are left out of the day's result.", account=follower,
    )  # fmt: skip
