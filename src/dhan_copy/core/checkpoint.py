"""The state as text, so that recovery folds no more than what came after it.

A day begins with a whole checkpoint. Those that follow within the day add to it: they hold the orders that changed since
the one before, and everything else anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from attrs import frozen

from dhan_copy.core.circuit import Circuit
from dhan_copy.core.coded import Coded
from dhan_copy.core.facts import CheckpointWritten, MarginReported, Refusal, SettingChanged, TradingState
from dhan_copy.core.feeds import Feed
from dhan_copy.core.killing import Switch
from dhan_copy.core.ledger import Stake
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.fold import setting_changed
from dhan_copy.core.state import LEADER_ORDERS, TRADES, Dealt, LeaderKey, State, TagKey
from dhan_copy.core.trade import PositionKey, StakeKey, TradeKey
from dhan_copy.errors import StoreCorrupt
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Product, Side


@frozen(kw_only=True)
class Saved:
    """A state without the orders themselves. ``leader_orders`` and ``trades`` name those that the checkpoint holds, in
    its order, with the ids of each trade's own orders."""

    day: str
    engine_started_at: datetime | None = None
    started_at: tuple[tuple[AccountName, datetime], ...] = ()
    books_read: tuple[AccountName, ...] = ()
    positions_known: tuple[AccountName, ...] = ()
    brought_in: tuple[tuple[PositionKey, int], ...] = ()
    leader_fills: tuple[tuple[PositionKey, int], ...] = ()
    instruments: tuple[tuple[InstrumentKey, InstrumentFacts], ...] = ()
    symbols: tuple[tuple[InstrumentKey, str], ...] = ()
    stakes: tuple[tuple[StakeKey, Stake], ...] = ()
    open_trades: tuple[tuple[StakeKey, tuple[TradeKey, ...]], ...] = ()
    open_leader_orders: tuple[LeaderKey, ...] = ()
    disputed: tuple[LeaderKey, ...] = ()
    pairs: tuple[tuple[AccountName, AccountName], ...] = ()
    foreign: tuple[TagKey, ...] = ()
    released: tuple[LeaderKey, ...] = ()
    legs: tuple[tuple[LeaderKey, BrokerOrderId], ...] = ()
    unresolved: tuple[TagKey, ...] = ()
    funds: tuple[tuple[AccountName, Funds], ...] = ()
    since_funds: tuple[TradeKey, ...] = ()
    dealt: tuple[tuple[tuple[AccountName, InstrumentKey], Dealt], ...] = ()
    prices: tuple[tuple[InstrumentKey, Decimal, datetime], ...] = ()
    margins: tuple[MarginReported, ...] = ()
    entered: tuple[tuple[AccountName, InstrumentKey, Product, Side, int], ...] = ()
    changes: tuple[SettingChanged, ...] = ()
    trading: tuple[tuple[AccountName | None, TradingState], ...] = ()
    kill_switches: tuple[tuple[AccountName, Switch], ...] = ()
    blocked_until: tuple[tuple[AccountName, datetime, Refusal], ...] = ()
    slipped: tuple[tuple[AccountName, int], ...] = ()
    measured: tuple[TradeKey, ...] = ()
    circuits: tuple[tuple[AccountName, Circuit], ...] = ()
    feeds: tuple[tuple[AccountName, Feed], ...] = ()
    in_flight: tuple[tuple[AccountName, ClientOrderId, int], ...] = ()
    stepped_milliseconds: int = 0
    answered: tuple[tuple[AccountName, datetime], ...] = ()
    """Since the checkpoint before."""
    live: tuple[tuple[AccountName, bool], ...] = ()
    alerts: tuple[tuple[str, ...], ...] = ()
    leader_orders: tuple[LeaderKey, ...] = ()
    trades: tuple[tuple[TradeKey, tuple[tuple[ClientOrderId, BrokerOrderId | None], ...]], ...] = ()


_STATE = Coded(Saved)


def dump(state: State, *, whole: bool) -> CheckpointWritten:
    """What changed since the last checkpoint; ``whole`` says that none is needed before it."""
    trades = [state.trades[key] for key in state.trades.changed]
    saved = Saved(
        day=state.day,
        engine_started_at=state.engine_started_at,
        started_at=tuple(state.started_at.items()),
        books_read=tuple(sorted(state.books_read)),
        positions_known=tuple(sorted(state.positions_known)),
        brought_in=tuple(state.brought_in.items()),
        leader_fills=tuple(state.leader_fills.items()),
        instruments=tuple(state.instruments.items()),
        symbols=tuple(state.symbols.items()),
        stakes=tuple(state.stakes.items()),
        open_trades=tuple((key, tuple(trades)) for key, trades in state.open_trades.items()),
        open_leader_orders=tuple(state.open_leader_orders),
        disputed=tuple(state.disputed),
        pairs=tuple(sorted(state.pairs)),
        foreign=tuple(state.foreign),
        released=tuple(state.released),
        legs=tuple(state.legs.items()),
        unresolved=tuple(state.unresolved),
        funds=tuple(state.funds.items()),
        since_funds=tuple(state.since_funds),
        dealt=tuple(state.dealt.items()),
        prices=tuple((key, price, at) for key, (price, at) in state.prices.items()),
        margins=tuple(state.margins.values()),
        entered=tuple((*where, units) for where, units in state.entered.items()),
        changes=(*state.changes.values(), *state.overruled.values()),
        trading=tuple(state.trading.items()),
        kill_switches=tuple(state.kill_switches.items()),
        blocked_until=tuple((account, until, why) for account, (until, why) in state.blocked_until.items()),
        slipped=tuple(state.slipped.items()),
        measured=tuple(state.measured),
        circuits=tuple(state.circuits.items()),
        feeds=tuple(state.feeds.items()),
        in_flight=tuple(state.in_flight),
        stepped_milliseconds=state.stepped // timedelta(milliseconds=1),
        answered=tuple(state.unsaved_answers),
        live=tuple(state.live.items()),
        alerts=tuple(sorted(state.alerts)),
        leader_orders=tuple(state.leader_orders.changed),
        trades=tuple((t.key, tuple((o.client_order_id, o.broker_order_id) for o in t.orders)) for t in trades),
    )
    return CheckpointWritten(
        whole=whole,
        state=_STATE.dump(saved),
        leader_orders=tuple(LEADER_ORDERS.dump(state.leader_orders[key]) for key in state.leader_orders.changed),
        trades=tuple(TRADES.dump(trade) for trade in trades),
    )


def load(before: State | None, fact: CheckpointWritten, settings: CopierSettings) -> State:
    """The state that was dumped; ``before`` is that of the checkpoint before, which is used up, unless this one is
    whole. Raises :class:`~dhan_copy.errors.StoreError` for text that :func:`dump` does not write."""
    saved = _STATE.load(fact.state)
    if (len(saved.leader_orders), len(saved.trades)) != (len(fact.leader_orders), len(fact.trades)):
        raise StoreCorrupt("a checkpoint does not hold the orders that it names")
    state = State(settings=settings)
    if before is not None and not fact.whole:
        state.leader_orders, state.trades = before.leader_orders, before.trades
        state.by_tag, state.by_broker_id, state.answered_at = before.by_tag, before.by_broker_id, before.answered_at
    state.day = saved.day
    state.engine_started_at = saved.engine_started_at
    state.started_at = dict(saved.started_at)
    state.books_read = set(saved.books_read)
    state.positions_known = set(saved.positions_known)
    state.brought_in = dict(saved.brought_in)
    state.leader_fills = dict(saved.leader_fills)
    state.instruments = dict(saved.instruments)
    state.symbols = dict(saved.symbols)
    state.stakes = dict(saved.stakes)
    state.open_trades = {key: dict.fromkeys(trades) for key, trades in saved.open_trades}
    state.open_leader_orders = dict.fromkeys(saved.open_leader_orders)
    state.disputed = dict.fromkeys(saved.disputed)
    state.pairs = set(saved.pairs)
    state.foreign = dict.fromkeys(saved.foreign)
    state.released = dict.fromkeys(saved.released)
    state.legs = dict(saved.legs)
    state.unresolved = dict.fromkeys(saved.unresolved)
    state.funds = dict(saved.funds)
    state.since_funds = dict.fromkeys(saved.since_funds)
    state.dealt = dict(saved.dealt)
    state.prices = {key: (price, at) for key, price, at in saved.prices}
    for told in saved.margins:
        order = told.order
        state.margins[told.account, InstrumentKey(order.segment, order.security_id), order.product, order.side] = told
    state.entered = {(account, key, product, side): units for account, key, product, side, units in saved.entered}
    for changed in saved.changes:
        setting_changed(state, changed)
    state.trading = dict(saved.trading)
    state.kill_switches = dict(saved.kill_switches)
    state.blocked_until = {account: (until, why) for account, until, why in saved.blocked_until}
    state.slipped = dict(saved.slipped)
    state.measured = dict.fromkeys(saved.measured)
    state.circuits = dict(saved.circuits)
    state.feeds = dict(saved.feeds)
    state.in_flight = dict.fromkeys(saved.in_flight)
    state.stepped = timedelta(milliseconds=saved.stepped_milliseconds)
    for account, at in saved.answered:
        state.keep_answer(account, at)
    state.live = dict(saved.live)
    state.alerts = set(saved.alerts)
    for leader_key, text in zip(saved.leader_orders, fact.leader_orders):
        state.leader_orders.put_text(leader_key, text)
    for (key, orders), text in zip(saved.trades, fact.trades):
        state.trades.put_text(key, text)
        for tag, broker_order_id in orders:
            state.by_tag[key[2], tag] = key
            if broker_order_id is not None:
                state.by_broker_id[key[2], broker_order_id] = tag
    state.saved()
    return state
