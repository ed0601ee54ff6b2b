"""Fold journal entries into what is known."""

from __future__ import annotations

from datetime import datetime, timedelta

from typing_extensions import assert_never

from dhan_copy.core import feeds, killing
from dhan_copy.core.changes import given_text
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    CheckpointWritten,
    ClockStepped,
    CloseOrdered,
    CopyAdmitted,
    CopyDeclined,
    DayOpened,
    DriftDeclared,
    EngineStarted,
    Entry,
    FundsReported,
    GapDetected,
    KillSwitchAnswered,
    KillSwitchRead,
    KillSwitchTurned,
    LeaderReported,
    MarginReported,
    OpenOrdered,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    PositionsReported,
    QuotesReported,
    ReadFailed,
    Refusal,
    ReportUnreadable,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
    SettingChanged,
    SlippageMeasured,
    SourceStarted,
    TradeSettled,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.fold_copies import (
    admitted,
    close,
    close_ordered,
    drift_declared,
    explain_left_out,
    open_ordered,
    touch_undecided_legs,
)
from dhan_copy.core.fold_days import clock_stepped, day_opened, engine_started, source_started
from dhan_copy.core.fold_leaders import forever_gone, leader_reported
from dhan_copy.core.fold_orders import order_reported
from dhan_copy.core.fold_reads import funds_reported, looked, margin_reported, positions_reported
from dhan_copy.core.fold_requests import answered
from dhan_copy.core.losses import value_carried
from dhan_copy.core.state import NO_FEED, State, alert_key, claim_left
from dhan_copy.model.ids import AccountName


def fold(state: State, entry: Entry) -> None:
    """Fold one journal entry. Never refuses: a fact has already happened."""
    fact, at, position = entry.fact, entry.at, entry.position
    match fact:
        case EngineStarted():
            engine_started(state, at, position)
        case DayOpened():
            day_opened(state, fact, at, position)
        case SourceStarted():
            source_started(state, fact.account, at)
        case ClockStepped():
            clock_stepped(state, timedelta(milliseconds=fact.milliseconds))
        case LeaderReported():
            leader_reported(state, fact, at, position)
        case OrderReported():
            order_reported(state, fact, at, position)
        case BookRead() | OrderNotFound():
            looked(state, fact, position)
        case PositionsReported():
            positions_reported(state, fact, at, position)
        case FundsReported():
            funds_reported(state, fact)
        case QuotesReported():
            for quote in fact.quotes:
                marked = state.marks.get(quote.key)
                if marked is None or marked[1] <= fact.read_at:
                    state.marks[quote.key] = (quote.price, fact.read_at)
                    names = (rules.name for rules in state.settings.followers)
                    value_carried(state, names, quote.key, quote.price, fact.read_at)
        case MarginReported():
            margin_reported(state, fact, position)
        case CopyAdmitted():
            admitted(state, fact, at, position)
        case CopyDeclined():
            key = (fact.leader, fact.leader_order_id, fact.follower)
            trade = evolve(state.trade_of(key), declined=fact)
            if trade.admitted is None and not claim_left(trade):
                trade = evolve(trade, settled=True)
                state.open_trades.get(trade.stake_key, {}).pop(key, None)
            state.trades[key] = trade
            if trade.admitted is None:
                explain_left_out(state, trade, fact.reason)
            state.touch(key, position)
            touch_undecided_legs(state, key, position)
        case TradeSettled():
            close(state, state.trades[fact.leader, fact.leader_order_id, fact.follower], fact.unsent, position)
        case SlippageMeasured():
            state.measured[fact.leader, fact.leader_order_id, fact.follower] = None
            state.slipped[fact.follower] = state.slipped.get(fact.follower, 0) + 1 if fact.is_beyond else 0
        case DriftDeclared():
            drift_declared(state, fact, position)
        case CloseOrdered():
            close_ordered(state, fact, at, position)
        case OpenOrdered():
            open_ordered(state, fact, at, position)
        case RequestIssued() | RequestAccepted() | RequestRejected() | OutcomeUnresolved() | RequestWithheld():
            answered(state, fact, at, position)
        case TradingStateChanged():
            state.trading[fact.follower] = fact.state  # what was said of one by name holds until that is said otherwise
            if fact.follower is not None and fact.state is TradingState.ACTIVE:
                state.slipped.pop(fact.follower, None)
                state.alerts.discard(("SLIPPAGE", fact.follower, "", ""))
            # What a halt kept back goes now, and is worth an alert when another keeps it back again.
            state.alerts = {
                key for key in state.alerts
                if key[0] != "UNPROTECTED" or state.trading_state(AccountName(key[1])) is TradingState.HALTED
            }  # fmt: skip
            for stake_key in state.open_trades:
                state.touch_stake(stake_key, position)
        case KillSwitchTurned() | KillSwitchAnswered() | KillSwitchRead():
            _kill_switch(state, fact, at, position)
        case SettingChanged():
            setting_changed(state, fact)
        case AlertRaised():
            state.alerts.add(alert_key(fact))
            forever_gone(state, fact, at)
        case CheckpointWritten():
            state.saved()
        case GapDetected():
            feed = state.feeds.get(fact.account, NO_FEED)
            state.follow_feed(fact.account, feeds.connected(feed, at) if fact.connected else feeds.lost(feed, at))
        case ReadFailed():
            if fact.refusal is Refusal.AUTHENTICATION:
                state.token_refused.add(fact.account)
        case ReportUnreadable():
            pass
        case _:
            assert_never(fact)


def _kill_switch(
    state: State, fact: KillSwitchTurned | KillSwitchAnswered | KillSwitchRead, at: datetime, position: int
) -> None:
    known = state.kill_switches.get(fact.follower)
    match fact:
        case KillSwitchTurned():
            switch = killing.turned(known, fact.on)
            state.alerts = {key for key in state.alerts if key[:2] not in _of_kill_switch(fact.follower)}
        case KillSwitchAnswered():
            switch = killing.answered(known, fact, at)
        case KillSwitchRead():
            switch = killing.read(known, fact, state.settings.policy.absence_window)
    state.kill_switches[fact.follower] = switch
    for stake_key in state.open_trades:
        if stake_key[1] == fact.follower:
            state.touch_stake(stake_key, position)


def _of_kill_switch(follower: AccountName) -> tuple[tuple[str, str], ...]:
    """Alerts that may come again for the next request."""
    return tuple((f"KILL_SWITCH_{what}", follower) for what in ("REFUSED", "UNKNOWN", "LOST"))


def setting_changed(state: State, fact: SettingChanged) -> None:
    """A change holds for what it was made of: what the engine is given anew counts more."""
    where = (fact.account, fact.setting)
    state.changes.pop(where, None)
    state.overruled.pop(where, None)
    if fact.value:
        holds = given_text(state.settings, fact.account, fact.setting) == fact.given
        (state.changes if holds else state.overruled)[where] = fact
