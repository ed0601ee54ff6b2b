"""How much worse than the leader's a follower's copies trade, and when that is too much."""

from __future__ import annotations

from fractions import Fraction

from dhan_copy.core.changes import values_of
from dhan_copy.core.effective import effective, overrides_in
from dhan_copy.core.facts import AlertRaised, SlippageMeasured, TradingState, TradingStateChanged
from dhan_copy.core.rules import SlippageLimit
from dhan_copy.core.settings import CopierSettings, FollowerRules
from dhan_copy.core.state import State
from dhan_copy.core.trade import TradeKey, is_own


def is_limited(settings: CopierSettings, state: State) -> bool:
    """Whether any level says anything of slippage."""
    levels = [settings.rules, *(leader.rules for leader in settings.leaders), *settings.overrides]
    for follower in settings.followers:
        levels += [follower.rules, *follower.overrides]
    changed = values_of(state.changes)
    levels += overrides_in(changed)
    said = [value for (_, name), value in changed.items() if name == "slippage"]
    return any(limit is not None for limit in (*(rules.slippage for rules in levels), *said))


def slippage_percent(state: State, key: TradeKey) -> Fraction | None:
    """By the average prices; positive is worse for the follower. None where a price is not known, or nothing filled."""
    report = state.leader_order(key).report
    done = [order for order in state.trades[key].orders if order.filled_quantity]
    if not done or not report.filled_quantity or not report.average_price:
        return None
    paid = Fraction(0)
    for order in done:
        if order.average_price is None:
            return None
        paid += Fraction(order.average_price) * order.filled_quantity
    turnover = Fraction(report.average_price) * sum(order.filled_quantity for order in done)
    return (paid - turnover) / turnover * 100 * state.side_of(state.trades[key]).sign


def limit_of(state: State, key: TradeKey, rules: FollowerRules) -> SlippageLimit | None:
    """What holds for one copy."""
    report = state.named(state.leader_order(key)).report
    symbols = (report.symbol, str(report.key))
    return effective(state.settings, values_of(state.changes), key[0], rules, report.segment, *symbols).slippage


def measured(state: State, key: TradeKey, limit: SlippageLimit) -> SlippageMeasured | None:
    """What a copy that is over came to, once; nothing for what the copier closed on its own account."""
    percent = None if key in state.measured or is_own(key[1]) else slippage_percent(state, key)
    if percent is None:
        return None
    return SlippageMeasured(
        leader=key[0], leader_order_id=key[1], follower=key[2], percent=percent, allowed=limit.worse_than.value
    )


def stopped_by_slippage(
    state: State, fact: SlippageMeasured, limit: SlippageLimit
) -> tuple[AlertRaised, TradingStateChanged] | None:
    """What too many such copies in a row call for, unless entries are stopped already."""
    row = state.slipped.get(fact.follower, 0)
    if row < limit.copies or state.trading_state(fact.follower) is not TradingState.ACTIVE:
        return None
    alert = AlertRaised(
        code="SLIPPAGE", what="a follower's copies trade much worse than the leader's orders",
        known=f"{row} in a row by more than {fact.allowed} %, the last by {float(fact.percent):.2f} %",
        advice="Its entries are stopped, exits go on. See executions(); resume() by its name lets it enter again, and counts anew.",
        account=fact.follower,
    )  # fmt: skip
    return alert, TradingStateChanged(follower=fact.follower, state=TradingState.REDUCING)
