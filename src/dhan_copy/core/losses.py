"""What the day's copies have won or lost at a follower, and when that is too much."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from attrs import frozen

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import AlertRaised, TradingState, TradingStateChanged
from dhan_copy.core.settings import FollowerRules
from dhan_copy.core.state import STRICTNESS, Dealt, State
from dhan_copy.core.worth import worth
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.times import ist_date


@frozen
class DayResult:
    """Rupees, realised and unrealised together, on what was copied since the day began, and on what was held over night
    from the first price of the day. ``unknown`` are instruments that are not in it: nobody has named a price, or what a
    lot of a commodity or currency is worth. Of those nothing was dealt in yet of what has only been ``carried``."""

    rupees: Decimal
    unknown: tuple[InstrumentKey, ...] = ()
    carried: tuple[InstrumentKey, ...] = ()


def day_result(state: State, follower: AccountName) -> DayResult:
    """What the copies of today came to, by their average prices and the newest price that an order of a leader or a
    broker's quotes have told."""
    rupees, unknown, carried = Decimal(0), [], []
    for (name, key), dealt in state.dealt.items():
        if name != follower or not (dealt.net or dealt.cash or dealt.carried):
            continue
        if dealt.carried and not (dealt.net or dealt.cash):
            carried.append(key)
            continue
        told = last_told(state, key)
        points = dealt.cash + dealt.net * (told[0] if told is not None else Decimal(0))
        gained = worth(key.segment, 1, points, state.priced(key))
        if gained is None or dealt.unpriced or dealt.carried or (told is None and dealt.net):
            unknown.append(key)
            continue
        rupees += gained
    return DayResult(rupees, tuple(unknown), tuple(carried))


def carry(state: State) -> None:
    """A day has begun: what is held counts from the first price of it that is known."""
    for stake_key, stake in state.stakes.items():
        where = (stake_key[1], stake_key[2])
        dealt = state.dealt.get(where, Dealt())
        if stake.held:
            state.dealt[where] = evolve(dealt, carried=dealt.carried + stake.held)
    for follower, key in list(state.dealt):
        told = last_told(state, key)
        if told is not None:
            value_carried(state, (follower,), key, *told)


def value_carried(state: State, followers: Iterable[AccountName], key: InstrumentKey, price: Decimal, at: datetime) -> None:
    """Fold a price, told ``at``: if it is of today, what was held over night counts from it."""
    for follower in followers if ist_date(at).isoformat() == state.day else ():
        dealt = state.dealt.get((follower, key))
        if dealt is not None and dealt.carried:
            state.dealt[follower, key] = Dealt(dealt.net + dealt.carried, dealt.cash - dealt.carried * price, dealt.unpriced)


def closed_by_hand(state: State, follower: AccountName, key: InstrumentKey, units: int) -> None:
    """Fold that ``units``, signed as the account showed them, are gone without an order of ours: at the last price that
    is known."""
    dealt = state.dealt.get((follower, key), Dealt())
    told = last_told(state, key)
    if dealt.carried * units > 0:
        # Nobody has named a price today: they went for what they were worth.
        gone = units if abs(units) <= abs(dealt.carried) else dealt.carried
        dealt, units = evolve(dealt, carried=dealt.carried - gone), units - gone
    if units and told is None:
        dealt = Dealt(dealt.net - units, dealt.cash, True, dealt.carried)
    elif units and told is not None:
        dealt = evolve(dealt, net=dealt.net - units, cash=dealt.cash + units * told[0])
    state.dealt[follower, key] = dealt


def last_told(state: State, key: InstrumentKey) -> tuple[Decimal, datetime] | None:
    """The newest price of an instrument that an order of a leader or a broker's quotes have told, and when."""
    return max((one for one in (state.prices.get(key), state.marks.get(key)) if one), key=_told_at, default=None)


def _told_at(price: tuple[Decimal, datetime]) -> datetime:
    return price[1]


def stopped_by_loss(state: State, rules: FollowerRules, result: DayResult) -> tuple[AlertRaised, TradingStateChanged] | None:
    """What a loss limit calls for, once a day: a user who lets the follower go on has taken it upon himself."""
    limit = rules.loss_limit
    if limit is None or was_stopped_by_loss(state, rules.name) or result.rupees > -limit.rupees:
        return None
    alert = AlertRaised(
        code="LOSS_LIMIT", what="the day's loss limit of a follower was reached",
        known=f"{result.rupees} rupees on what was copied today, {limit.rupees} allowed",
        advice=f"It is {limit.then.value} now, until you resume it by its name; today it is not stopped again.",
        account=rules.name,
    )  # fmt: skip
    then = max(limit.then, state.trading.get(rules.name, TradingState.ACTIVE), key=STRICTNESS.index)
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
