"""All that is known, folded from the journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from attrs import define, field, frozen
from typing_extensions import assert_never

from dhan_copy.core import circuit as circuits
from dhan_copy.core import feeds, intake, killing
from dhan_copy.core import trade as life
from dhan_copy.core.changes import given_text
from dhan_copy.core.circuit import Circuit
from dhan_copy.core.coded import Coded
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
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
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    PositionsReported,
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
from dhan_copy.core.feeds import Feed
from dhan_copy.core.killing import Switch
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.ledger import Stake
from dhan_copy.core.legs import EXIT_LEGS, entry_of, is_exit_leg, leg_id, tree_of
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.core.settings import CopierSettings, OverExit
from dhan_copy.core.shelf import Shelf
from dhan_copy.core.sizing import entry_size, kept_after_exit
from dhan_copy.core.trade import CopyTrade, FollowerOrder, PositionKey, StakeKey, TradeKey, is_child, is_own, place_of
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, client_order_id, id_parts, is_ours
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Leg, Market, OrderReport, OrderStatus, Product, Side, Validity, Variety
from dhan_copy.model.reason import ReasonCode

GONE = (ReasonCode.MANUAL, ReasonCode.CONVERTED, ReasonCode.EXPIRED, ReasonCode.GONE_OVERNIGHT)
"""Why copied units are no longer in an account that no order of ours has sold."""
LONGEST_RETRY = timedelta(seconds=60)
"""The longest pause before something that was refused is tried again."""

LeaderKey: TypeAlias = tuple[AccountName, BrokerOrderId]
TagKey: TypeAlias = tuple[AccountName, ClientOrderId]
MarginKey: TypeAlias = tuple[AccountName, InstrumentKey, Product, Side]
LEADER_ORDERS = Coded(LeaderOrder)
TRADES = Coded(CopyTrade)


@define
class Suspect:
    """A follower's net position that shows less than the ledgers: closed by hand, or a fill not seen yet."""

    missing: int
    side: int
    """+1 where longs are missing, -1 where shorts are."""
    since: datetime
    """When the first read that showed it began."""
    confirmed: bool = False
    """A later read shows the same, and the order book read between them knows of no fill that explains it: exits leave
    it out from here on."""
    book_read_at: datetime | None = None
    """The last book that was read after the absence window."""
    books: int = 0
    """How many were, and did not explain it: one alone may lag, or lack rows."""
    converted_to: Product | None = None
    """Another product of the instrument that holds as many more since the read that showed it first."""

    @property
    def proven(self) -> bool:
        return self.confirmed and self.books >= 2


@frozen
class Dealt:
    """Units bought less sold of an instrument today, and the rupees taken in less paid for it."""

    net: int = 0
    cash: Decimal = Decimal(0)
    unpriced: bool = False
    """A fill came without its price."""


@define
class State:
    """What folding the journal gives. Only :func:`fold` and its parts change it."""

    settings: CopierSettings
    day: str = ""
    engine_started_at: datetime | None = None
    started_at: dict[AccountName, datetime] = field(factory=dict)
    books_read: set[AccountName] = field(factory=set)
    leader_orders: Shelf[LeaderKey, LeaderOrder] = field(factory=lambda: Shelf(LEADER_ORDERS.load))
    open_leader_orders: dict[LeaderKey, None] = field(factory=dict)
    disputed: dict[LeaderKey, None] = field(factory=dict)
    """Leader orders about which two channels disagree."""
    brought_in: dict[PositionKey, int] = field(factory=dict)
    """The leader's position before today's orders, so that position = brought in + today's fills."""
    positions_known: set[AccountName] = field(factory=set)
    released: dict[LeaderKey, None] = field(factory=dict)
    """Linked orders whose legs are plain exits since the leader traded against them by another order."""
    legs: dict[LeaderKey, BrokerOrderId] = field(factory=dict)
    """The ids here of exit legs that have ids of their own at the broker."""
    leader_fills: dict[PositionKey, int] = field(factory=dict)
    instruments: dict[InstrumentKey, InstrumentFacts] = field(factory=dict)
    symbols: dict[InstrumentKey, str] = field(factory=dict)
    """What an instrument is called in the orders of the leaders: what is closed without one of them has no other name."""
    trades: Shelf[TradeKey, CopyTrade] = field(factory=lambda: Shelf(TRADES.load))
    stakes: dict[StakeKey, Stake] = field(factory=dict)
    open_trades: dict[StakeKey, dict[TradeKey, None]] = field(factory=dict)
    """Trades that may still act, in the order in which they came."""
    pairs: set[tuple[AccountName, AccountName]] = field(factory=set)
    """Leaders and the followers that copied them when the engine was last started."""
    by_tag: dict[TagKey, TradeKey] = field(factory=dict)
    foreign: dict[TagKey, None] = field(factory=dict)
    """Our tags that a follower's book shows and this journal does not know."""
    by_broker_id: dict[tuple[AccountName, BrokerOrderId], ClientOrderId] = field(factory=dict)
    unresolved: dict[TagKey, None] = field(factory=dict)
    funds: dict[AccountName, Funds] = field(factory=dict)
    since_funds: dict[TradeKey, None] = field(factory=dict)
    """Copies that buy to open and that the figure of their account's funds does not count yet."""
    dealt: dict[tuple[AccountName, InstrumentKey], Dealt] = field(factory=dict)
    """What was copied today, by follower and instrument."""
    prices: dict[InstrumentKey, tuple[Decimal, datetime]] = field(factory=dict)
    """The newest price of an instrument that a leader's order has told, and when."""
    margins: dict[MarginKey, MarginReported] = field(factory=dict)
    """The last answer of each account's margin calculator."""
    entered: dict[MarginKey, int] = field(factory=dict)
    """Units that an account's entries have filled today."""
    changes: dict[tuple[AccountName | None, str], SettingChanged] = field(factory=dict)
    """Settings changed while the engine ran that hold now."""
    trading: dict[AccountName | None, TradingState] = field(factory=dict)
    kill_switches: dict[AccountName, Switch] = field(factory=dict)
    """Followers whose broker was asked today to close or open their account."""
    blocked_until: dict[AccountName, tuple[datetime, Refusal]] = field(factory=dict)
    token_refused: set[AccountName] = field(factory=set)
    """Accounts whose last read was refused for its token."""
    slipped: dict[AccountName, int] = field(factory=dict)
    """Copies in a row that traded worse than their limit allows, by follower."""
    measured: dict[TradeKey, None] = field(factory=dict)
    """Copies of today whose slippage has been counted."""
    circuits: dict[AccountName, Circuit] = field(factory=dict)
    """Followers whose last requests were rejected."""
    feeds: dict[AccountName, Feed] = field(factory=dict)
    positions_read_at: dict[AccountName, datetime] = field(factory=dict)
    book_read_at: dict[AccountName, datetime] = field(factory=dict)
    net_positions: dict[AccountName, dict[tuple[InstrumentKey, Product], int]] = field(factory=dict)
    suspects: dict[tuple[AccountName, InstrumentKey, Product], Suspect] = field(factory=dict)
    answered_at: dict[AccountName, deque[datetime]] = field(factory=dict)
    """When requests of today and of the last hour were answered: what the budgets are refilled from after a restart."""
    in_flight: dict[tuple[AccountName, ClientOrderId, int], None] = field(factory=dict)
    """Requests journaled and not answered, by id and attempt: an order can be over before its cancel is answered."""
    unsaved_answers: list[tuple[AccountName, datetime]] = field(factory=list)
    """Those among them that no checkpoint holds yet."""
    live: dict[AccountName, bool] = field(factory=dict)
    """Whether the follower's last copy was live or on paper."""
    alerts: set[tuple[str, ...]] = field(factory=set)
    touched: dict[TradeKey, int] = field(factory=dict)
    """Trades that facts have touched since the last plan, with the position of the fact."""

    def followers_of(self, leader: AccountName) -> Iterable[AccountName]:
        for rules in self.settings.followers:
            if rules.leaders is None or leader in rules.leaders:
                yield rules.name

    def leader_order(self, key: TradeKey) -> LeaderOrder:
        return self.leader_orders[key[0], key[1]]

    def stake_key(self, key: TradeKey) -> StakeKey:
        trade = self.trades.get(key)
        if trade is not None:
            return trade.stake_key
        report = self.leader_order(key).report
        return (key[0], key[2], report.key, report.product, self.tree_of(key[0], report))

    def place(self, leader: AccountName, report: OrderReport) -> PositionKey:
        """The leader's position that an order of his changes."""
        return (leader, report.key, report.product, self.tree_of(leader, report))

    def tree_of(self, leader: AccountName, report: OrderReport) -> BrokerOrderId | None:
        """The entry of the linked order that an order belongs to, unless that was taken apart."""
        tree = tree_of(report)
        return None if (leader, tree) in self.released else tree

    def stake(self, key: StakeKey) -> Stake:
        return self.stakes.get(key, _NOTHING)

    def position(self, where: PositionKey) -> int:
        """The leader's filled position, signed; what he brought in counts as nothing until it is known."""
        return self.brought_in.get(where, 0) + self.leader_fills.get(where, 0)

    def knows_position(self, leader: AccountName) -> bool:
        flat = any(rules.name == leader and rules.positions_known_flat for rules in self.settings.leaders)
        return flat or leader in self.positions_known

    def trading_state(self, follower: AccountName) -> TradingState:
        """The stricter of what was said for all followers and for this one, which is halted while the broker may have
        closed its account."""
        switch = self.kill_switches.get(follower)
        if switch is not None and switch.may_be_on:
            return TradingState.HALTED
        said = (self.trading.get(None, TradingState.ACTIVE), self.trading.get(follower, TradingState.ACTIVE))
        return max(said, key=STRICTNESS.index)

    def order_by_tag(self, follower: AccountName, tag: ClientOrderId) -> tuple[CopyTrade, FollowerOrder] | None:
        key = self.by_tag.get((follower, tag))
        if key is None:
            return None
        trade = self.trades[key]
        for order in trade.orders:
            if order.client_order_id == tag:
                return trade, order
        return None

    def order_of(self, follower: AccountName, report: OrderReport) -> tuple[CopyTrade, FollowerOrder] | None:
        """Our order that a report is about: by our tag, else by the broker's id."""
        tag = report.client_order_id
        found = None if tag is None else self.order_by_tag(follower, tag)
        if found is None:
            tag = self.by_broker_id.get((follower, report.order_id))
            found = None if tag is None else self.order_by_tag(follower, tag)
        return found

    def has_read_book(self, account: AccountName) -> bool:
        """Whether the account's order book has been read since the engine started."""
        read_at = self.book_read_at.get(account)
        return read_at is not None and (self.engine_started_at is None or read_at >= self.engine_started_at)

    def lot_of(self, trade: CopyTrade) -> int:
        if trade.admitted is not None:
            return trade.admitted.facts.lot_units
        facts = self.instruments.get(self.leader_order(trade.key).report.key)
        return facts.lot_units if facts is not None else 1

    def side_of(self, trade: CopyTrade) -> Side:
        """The side that the follower takes."""
        side = self.leader_order(trade.key).report.side
        return side if trade.turn > 0 else side.opposite

    def turned(self, where: StakeKey) -> bool | None:
        """Whether what a follower holds of an instrument and product, or is about to, was copied to the other side; None
        where that is nothing."""
        for key, stake in self.stakes.items():
            if key[:4] == where[:4] and (stake.long or stake.short):
                return stake.turned
        for key, trades in self.open_trades.items():
            if key[:4] == where[:4]:
                for admitted in (self.trades[trade].admitted for trade in trades):
                    if admitted is not None:
                        return admitted.reverse
        return None

    def claims(self, key: StakeKey, sign: int) -> int:
        """Units that are due to be closed by the open trades of one side (+1 buys, -1 sells)."""
        trades = (self.trades[k] for k in self.open_trades.get(key, ()))
        return sum(claim_left(t) for t in trades if t.claim and self.leader_order(t.key).report.side.sign == sign)

    def open_keys(self) -> list[TradeKey]:
        """Trades that may still act."""
        return [key for keys in self.open_trades.values() for key in keys]

    def waiting(self, follower: AccountName) -> list[tuple[TradeKey, FollowerOrder]]:
        """Our Forever orders at a follower that have not fired, as far as is known, and those that seem not to have
        arrived."""
        orders = ((key, order) for key in self.open_keys() if key[2] == follower for order in self.trades[key].orders)
        return [(key, o) for key, o in orders if o.waits and (o.state is OrderState.ABSENT or not o.state.is_over)]

    def legs_gone(self, read: BookRead) -> list[tuple[TradeKey, FollowerOrder]]:
        """Legs of our super orders that were taken back before they were for anything: their entry is listed, and they
        are not."""
        if not read.linked:
            return []
        mine = ((key, order) for key in self.open_keys() if key[2] == read.account for order in self.trades[key].orders)
        legs = ((key, o, o.broker_order_id) for key, o in mine if o.is_leg and not o.state.is_over)
        return [(key, o) for key, o, there in legs if there and entry_of(there) in read.linked and there not in read.linked]

    def note_answer(self, follower: AccountName, at: datetime) -> None:
        """A request was answered, or may have left: it has used a permit."""
        times = self.answered_at.get(follower)
        if times is None:
            most = max((rules.limits.per_day for rules in self.settings.followers), default=0)
            times = self.answered_at[follower] = deque(maxlen=most)
        times.append(at)
        self.unsaved_answers.append((follower, at))

    def saved(self) -> None:
        """A checkpoint holds everything that is known here."""
        self.leader_orders.saved()
        self.trades.saved()
        self.unsaved_answers = []

    def missing(self, key: StakeKey) -> int:
        """Units of this holding that are no longer in the account, it seems, and not booked yet: signed as they are
        held."""
        suspect = self.suspects.get(key[1:4])
        if suspect is None or not suspect.confirmed:
            return 0
        left = suspect.missing
        for other, stake in self.stakes.items():
            if other[1:4] == key[1:4]:
                share = min(left, stake.closable(-suspect.side * stake.turn))
                if other == key:
                    return share * suspect.side * stake.turn
                left -= share
        return 0

    def is_busy(self, follower: AccountName, key: InstrumentKey, product: Product) -> bool:
        """Whether a request for this instrument is under way or its outcome unknown."""
        stakes = (trades for where, trades in self.open_trades.items() if where[1:4] == (follower, key, product))
        return any(order.is_busy for trades in stakes for trade in trades for order in self.trades[trade].orders)

    def touch(self, key: TradeKey, position: int) -> None:
        self.touched[key] = position

    def touch_stake(self, key: StakeKey, position: int) -> None:
        for trade_key in self.open_trades.get(key, ()):
            self.touched[trade_key] = position


STRICTNESS = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.CLOSING, TradingState.HALTED)
_NOTHING = Stake()
NO_FEED = Feed()


def claim_left(trade: CopyTrade) -> int:
    """What the leader's fills still oblige the follower to exit with this trade."""
    if not trade.claim:
        return 0
    return max(0, trade.claim - trade.filled(Intent.EXIT))


def obliged(trade: CopyTrade, units: int) -> CopyTrade:
    """The trade with so much more to exit. An exit that has filled ahead of the leader's fills told so far has closed
    what is no longer owned: it is not taken off what is due from now on."""
    return evolve(trade, claim=max(trade.claim, trade.filled(Intent.EXIT)) + units)


def entry_total(trade: CopyTrade, leader_units: int) -> int:
    """What the entry part should total for so many of the leader's units, before anything is given up."""
    admitted = trade.admitted
    if admitted is None or admitted.ratio == 0:
        return 0
    if leader_units <= 0:
        return 0
    total = entry_size(admitted.carry, admitted.ratio, leader_units, admitted.facts.lot_units)
    return total if admitted.most_units is None else min(total, admitted.most_units)


def split(trade: CopyTrade, leader_units: int) -> tuple[int, int]:
    """The leader's units as (exit part, entry part): the exit part first, as it was split when decided."""
    admitted = trade.admitted
    if admitted is None:
        return 0, 0
    if admitted.entry_quantity == 0:
        return leader_units, 0
    exit_units = min(leader_units, admitted.exit_quantity)
    return exit_units, leader_units - exit_units


def fold(state: State, entry: Entry) -> None:
    """Fold one journal entry. Never refuses: a fact has already happened."""
    fact, at, position = entry.fact, entry.at, entry.position
    match fact:
        case EngineStarted():
            _engine_started(state, at, position)
        case DayOpened():
            _day_opened(state, fact, at, position)
        case SourceStarted():
            _source_started(state, fact.account, at)
        case ClockStepped():
            _clock_stepped(state, timedelta(milliseconds=fact.milliseconds))
        case LeaderReported():
            _leader_reported(state, fact, at, position)
        case OrderReported():
            _order_reported(state, fact, at, position)
        case BookRead() | OrderNotFound():
            _looked(state, fact, position)
        case PositionsReported():
            _positions_reported(state, fact, at, position)
        case FundsReported():
            _funds_reported(state, fact)
        case MarginReported():
            _margin_reported(state, fact, position)
        case CopyAdmitted():
            _admitted(state, fact, at, position)
        case CopyDeclined():
            key = (fact.leader, fact.leader_order_id, fact.follower)
            trade = evolve(_trade(state, key), declined=fact)
            if trade.admitted is None and not claim_left(trade):
                trade = evolve(trade, settled=True)
                state.open_trades.get(trade.stake_key, {}).pop(key, None)
            state.trades[key] = trade
            state.touch(key, position)
            _touch_undecided_legs(state, key, position)
        case TradeSettled():
            _close(state, state.trades[fact.leader, fact.leader_order_id, fact.follower], position)
        case SlippageMeasured():
            state.measured[fact.leader, fact.leader_order_id, fact.follower] = None
            state.slipped[fact.follower] = state.slipped.get(fact.follower, 0) + 1 if fact.is_beyond else 0
        case DriftDeclared():
            _drift_declared(state, fact, position)
        case CloseOrdered():
            _close_ordered(state, fact, at, position)
        case RequestIssued() | RequestAccepted() | RequestRejected() | OutcomeUnresolved() | RequestWithheld():
            _answered(state, fact, at, position)
        case TradingStateChanged():
            state.trading[fact.follower] = fact.state
            if fact.follower is None and fact.state is TradingState.ACTIVE:
                state.trading = {None: TradingState.ACTIVE}
            if fact.state is TradingState.ACTIVE:
                for name in list(state.slipped) if fact.follower is None else [fact.follower]:
                    state.slipped.pop(name, None)
                    state.alerts.discard(("SLIPPAGE", name, "", ""))
            for stake_key in state.open_trades:
                state.touch_stake(stake_key, position)
        case KillSwitchTurned() | KillSwitchAnswered() | KillSwitchRead():
            _kill_switch(state, fact, at, position)
        case SettingChanged():
            setting_changed(state, fact)
        case AlertRaised():
            state.alerts.add(alert_key(fact))
        case CheckpointWritten():
            state.saved()
        case GapDetected():
            feed = state.feeds.get(fact.account, NO_FEED)
            _feed(state, fact.account, feeds.connected(feed, at) if fact.connected else feeds.lost(feed, at))
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


def waits(report: OrderReport) -> bool:
    """Whether it is a Forever order that has not fired, as far as is known."""
    return report.variety is Variety.FOREVER and report.leg_order_id is None and not has_fired(report) and not is_child(report)


def has_fired(report: OrderReport) -> bool:
    """Whether a leader's Forever order has fired: what it placed is known, or its list says so."""
    said = report.status in (OrderStatus.TRIGGERED, OrderStatus.PART_TRADED, OrderStatus.TRADED)
    return report.variety is Variety.FOREVER and (report.leg_order_id is not None or (said and not is_child(report)))


def alert_key(fact: AlertRaised) -> tuple[str, ...]:
    return (fact.code, fact.account or "", fact.leader_order_id or "", fact.client_order_id or "")


def _feed(state: State, account: AccountName, feed: Feed) -> None:
    before = state.feeds.get(account, NO_FEED).stale_since
    if feed.stale_since not in (None, before):
        state.alerts.discard(("STALE", account, "", ""))  # another outage than the last one
    state.feeds[account] = feed


def _engine_started(state: State, at: datetime, position: int) -> None:
    """Requests without an answer may have left; the absence window of unknown outcomes starts again. No pause outlasts
    its longest, should the clock have been set back meanwhile."""
    for follower, _, _ in state.in_flight:
        state.note_answer(follower, at)
    state.in_flight.clear()
    for follower, (until, refusal) in state.blocked_until.items():
        state.blocked_until[follower] = (min(until, at + state.settings.policy.blocked_for), refusal)
    for follower, circuit in state.circuits.items():
        state.circuits[follower] = circuits.taken_over(circuit, at, state.settings.policy)
    for follower, switch in state.kill_switches.items():
        state.kill_switches[follower] = killing.taken_over(switch, at)
    state.engine_started_at = at
    state.book_read_at.clear()
    state.feeds.clear()
    for key in state.open_keys():
        trade = state.trades[key]
        for order in trade.orders:
            order = life.taken_over(order, at, LONGEST_RETRY)
            _put(state, trade := trade.with_order(order))
            if order.unresolved is not None:
                _put(state, trade := trade.with_order(life.unresolved(order, order.unresolved, at)))
            if order.outstanding is not None:
                _put(state, trade := trade.with_order(life.unresolved(order, order.outstanding, at)))
                state.unresolved[key[2], order.client_order_id] = None
        state.touch(key, position)
    known = state.pairs
    state.pairs = {(rules.name, follower) for rules in state.settings.leaders for follower in state.followers_of(rules.name)}
    for leader, follower in sorted(state.pairs - known):
        _added(state, leader, follower)


def _source_started(state: State, account: AccountName, at: datetime) -> None:
    if account in state.started_at:
        return
    state.started_at[account] = at
    for key in state.open_keys():
        if key[2] == account and state.trades[key].decision is None:
            state.trades[key] = evolve(state.trades[key], older=True)


def _added(state: State, leader: AccountName, follower: AccountName) -> None:
    """A follower that was not there before: every order of the day gets its answer for it, too."""
    others = [other for name, other in state.pairs if name == leader and other != follower]
    for where in [where for where in state.leader_orders if where[0] == leader]:
        if is_own(where[1]):
            continue
        key = (*where, follower)
        if key in state.trades:
            state.trades[key] = evolve(state.trades[key], older=True)
            continue
        report = state.leader_orders[where].report
        known = (state.trades.get((*where, other)) for other in others)
        closed = max((trade.closed for trade in known if trade is not None), default=0)
        opened = report.filled_quantity - closed
        trade = state.trades[key] = evolve(_trade(state, key), older=True, opened=opened, closed=closed)
        state.open_trades.setdefault(trade.stake_key, {})[key] = None
        state.stakes[trade.stake_key] = state.stake(trade.stake_key).left_out(opened * report.side.sign)


def _clock_stepped(state: State, by: timedelta) -> None:
    """Windows run on: an hour that never passed is no evidence of absence."""
    for key in state.open_keys():
        trade = state.trades[key]
        for order in trade.orders:
            _put(state, trade := trade.with_order(life.postponed(order, by)))
    for name, suspect in state.suspects.items():
        state.suspects[name] = Suspect(
            suspect.missing, suspect.side, suspect.since + by, suspect.confirmed, converted_to=suspect.converted_to
        )
    for follower, (until, refusal) in state.blocked_until.items():
        state.blocked_until[follower] = (until + by, refusal)
    for follower, circuit in state.circuits.items():
        state.circuits[follower] = circuits.postponed(circuit, by)
    for follower, switch in state.kill_switches.items():
        state.kill_switches[follower] = killing.postponed(switch, by)
    for account, feed in state.feeds.items():
        state.feeds[account] = feeds.postponed(feed, by)


def _day_opened(state: State, fact: DayOpened, at: datetime, position: int) -> None:
    """Yesterday's orders are over but for Forever orders, what the broker squares off is gone, and the rest is brought
    into today."""
    if state.day:
        waiting, copies = _over_night(state, at, [(one.leader, one.order_id) for one in fact.queued])
        ledgers = (*state.stakes, *state.open_trades)
        trees = dict.fromkeys((*state.leader_fills, *(place_of(key) for key in ledgers)))
        for where in [where for where in trees if where[3] is not None and not where[2].ends_with_day]:
            _release(state, where, 0)  # legs end with their day; what they have not closed is a holding like any other
        for where in {*state.brought_in, *state.leader_fills}:
            carried = 0 if where[2].ends_with_day else state.position(where)
            state.brought_in[where] = carried
        state.brought_in = {where: units for where, units in state.brought_in.items() if units}
        state.leader_fills.clear()
        state.stakes = {
            key: evolve(stake, manual=0)
            for key, stake in state.stakes.items()
            if not key[3].ends_with_day and not stake.is_flat
        }
        for orders in (state.leader_orders, state.open_leader_orders, state.disputed, state.trades, state.open_trades):
            orders.clear()
        for known in (state.by_tag, state.by_broker_id, state.unresolved, state.foreign, state.released, state.legs):
            known.clear()
        _still_there(state, waiting, copies)
        _forget_answers(state, at)
        for seen in (state.suspects, state.net_positions, state.touched, state.dealt):
            seen.clear()
        for stake_key in state.open_trades:
            state.touch_stake(stake_key, position)
        state.alerts.clear()
        state.funds.clear()
        state.since_funds.clear()
        state.blocked_until.clear()
        state.circuits.clear()
        state.slipped.clear()
        state.measured.clear()
        state.kill_switches.clear()  # Dhan's holds for the trading day (documentation of v2, "Trader's Control")
        state.entered.clear()
        if not fact.continuous:
            state.positions_known.clear()
    state.day = fact.day


def _over_night(state: State, at: datetime, queued: Iterable[LeaderKey]) -> tuple[list[LeaderOrder], list[CopyTrade]]:
    """Forever orders that wait and after-market orders that are ``queued``, the leaders' and our own, with every decision
    about them: they are neither copied again nor forgotten. What a Forever order placed when it fired was an order of the
    day."""
    copies: dict[TradeKey, CopyTrade] = {}
    orders: dict[LeaderKey, LeaderOrder] = {}
    for key in state.open_keys():
        trade = state.trades[key]
        if any(order.waits and not order.state.is_over for order in trade.orders):
            orders[key[:2]] = state.leader_order(key)
    for where in state.open_leader_orders:
        if waits(state.leader_orders[where].report):
            orders[where] = state.leader_orders[where]
    for where in queued:
        if where in state.leader_orders:
            orders[where] = state.leader_orders[where]
    followers = {rules.name for rules in state.settings.followers} | {follower for _, _, follower in state.open_keys()}
    for where in orders:
        for follower in followers:
            copy = state.trades.get((*where, follower))
            if copy is not None:
                stays = waits(orders[where].report) is False and orders[where].report.variety is Variety.AFTER_MARKET
                ended = copy.orders if stays else tuple(life.ended_with_day(order, at) for order in copy.orders)
                copies[copy.key] = evolve(copy, orders=ended, requests=0)
    return list(orders.values()), list(copies.values())


def _still_there(state: State, waiting: Iterable[LeaderOrder], copies: Iterable[CopyTrade]) -> None:
    for known in waiting:
        where = (known.leader, known.report.order_id)
        state.leader_orders[where] = known
        _member(state.open_leader_orders, where, not known.report.status.is_terminal)
    for trade in copies:
        state.trades[trade.key] = trade
        if not trade.settled:
            state.open_trades.setdefault(trade.stake_key, {})[trade.key] = None
        for order in trade.orders:
            state.by_tag[trade.key[2], order.client_order_id] = trade.key
            if order.broker_order_id is not None:
                state.by_broker_id[trade.key[2], order.broker_order_id] = order.client_order_id
            if order.unresolved is not None:
                state.unresolved[trade.key[2], order.client_order_id] = None


def _forget_answers(state: State, now: datetime) -> None:
    """What the broker still counts in a window goes on counting over midnight."""
    windows = [window.seconds for rules in state.settings.followers for window in rules.limits.windows]
    oldest = now - timedelta(seconds=max(windows, default=0.0))
    answers, state.answered_at, state.unsaved_answers = state.answered_at, {}, []
    for follower, times in answers.items():
        for answered in times:
            if answered >= oldest:
                state.note_answer(follower, answered)


def _leader_reported(state: State, fact: LeaderReported, at: datetime, position: int) -> None:
    report = fact.report
    where = (fact.leader, report.order_id)
    known = state.leader_orders.get(where)
    feed = state.feeds.get(fact.leader)
    if feed is not None:
        streamed = fact.channel is Channel.STREAM
        _feed(state, fact.leader, feeds.told(feed) if streamed else feeds.read_instead(feed, known, report, at))
    order = intake.merge(known, fact, at)
    state.leader_orders[where] = order
    _member(state.open_leader_orders, where, not order.report.status.is_terminal)
    _member(state.disputed, where, order.disputed)
    if order.report.leg_order_id not in (None, order.report.parent_order_id):
        state.legs[fact.leader, order.report.leg_order_id] = report.order_id
    if known is not None and tree_of(known.report) != tree_of(order.report):
        # It was copied as a plain order before anything showed that it has legs: they are plain exits.
        state.released[where] = None
    _release_what_it_closes(state, order, position)
    if report.instrument is not None:
        before = state.instruments.get(report.key)
        if before is None or before.tick is None or report.instrument.tick is not None:
            state.instruments[report.key] = report.instrument
    if order.report.symbol:
        state.symbols[report.key] = order.report.symbol
    _note_price(state, order, at)
    for follower in state.followers_of(fact.leader):
        key = (*where, follower)
        if key not in state.trades:
            trade = state.trades[key] = _trade(state, key)
            state.open_trades.setdefault(trade.stake_key, {})[key] = None
        elif order.report.status.is_terminal and order.report.validity is Validity.IOC and not state.trades[key].orders:
            # Over before anything could be sent, though it came in several reports: what it filled is the size.
            state.trades[key] = evolve(state.trades[key], leader_was_over=True)
        state.touch(key, position)
        if is_exit_leg(order.report) and order.report.parent_order_id is not None:
            state.touch((fact.leader, order.report.parent_order_id, follower), position)
    grown = order.report.filled_quantity - (known.report.filled_quantity if known else 0)
    if grown > 0:
        _leader_filled(state, order, grown, position)


def _note_price(state: State, order: LeaderOrder, at: datetime) -> None:
    """Every report of an order tells a price of its instrument; the newest counts."""
    report = order.report
    price = report.last_price or (report.average_price if report.filled_quantity else None)
    told_at = report.updated_at or at
    known = state.prices.get(report.key)
    if price is not None and (known is None or told_at >= known[1]):
        state.prices[report.key] = (price, told_at)


def _member(keys: dict[LeaderKey, None], key: LeaderKey, belongs: bool) -> None:
    if belongs:
        keys[key] = None
    else:
        keys.pop(key, None)


def _trade(state: State, key: TradeKey) -> CopyTrade:
    return state.trades.get(key) or CopyTrade(key=key, stake_key=state.stake_key(key))


def _leader_filled(state: State, order: LeaderOrder, units: int, position: int) -> None:
    report = order.report
    where = state.place(order.leader, report)
    before = state.position(where)
    sign = report.side.sign
    state.leader_fills[where] = state.leader_fills.get(where, 0) + sign * units
    closing = min(units, abs(before)) if before * sign < 0 else 0
    opening = units - closing
    for follower in state.followers_of(order.leader):
        key = (order.leader, report.order_id, follower)
        stake_key = (order.leader, follower, *where[1:])
        if closing:
            _leader_closed(state, key, stake_key, before, closing, opening)
            if where[3] is not None and closing == abs(before) and state.stake(stake_key).owned:
                # A stop that was cancelled before this fill was told may have been the exchange's to cancel: it is needed.
                _reopen(state, (order.leader, leg_id(where[3], Leg.STOP), follower), stake_key)
        if opening:
            _leader_opened(state, key, stake_key, opening, sign)
        state.touch_stake(stake_key, position)


def _release_what_it_closes(state: State, order: LeaderOrder, position: int) -> None:
    """Linked orders that the leader trades against by another order are taken apart: what they hold is a part of what he
    holds by plain orders, and their legs are plain exits, so that nothing is closed twice."""
    report = order.report
    if not order.confirmed or tree_of(report) is not None:
        return
    sign = report.side.sign
    place = (order.leader, report.key, report.product)
    trees = {where: units for where, units in state.leader_fills.items() if where[:3] == place and where[3] is not None}
    closable = max(0, -sign * state.position((*place, None)))
    units = report.filled_quantity if report.status.is_terminal else report.quantity
    if units > closable and any(held * sign < 0 for held in trees.values()):
        for where in trees:
            _release(state, where, position)


def _release(state: State, where: PositionKey, position: int) -> None:
    """Merge the ledgers of a linked order into those of plain orders."""
    leader, key, product, tree = where
    assert tree is not None
    plain = (leader, key, product, None)
    state.leader_fills[plain] = state.leader_fills.get(plain, 0) + state.leader_fills.pop(where, 0)
    state.released[leader, tree] = None
    ledgers = {*state.stakes, *state.open_trades}
    for follower in dict.fromkeys((*state.followers_of(leader), *(k[1] for k in ledgers if place_of(k) == where))):
        old = (leader, follower, key, product, tree)
        new = (leader, follower, key, product, None)
        if old in state.stakes:
            state.stakes[new] = state.stake(new).merged(state.stakes.pop(old))
        moved = state.open_trades.pop(old, {})
        state.open_trades.setdefault(new, {}).update(moved)
        for leg in Leg:
            trade = state.trades.get((leader, leg_id(tree, leg), follower))
            if trade is not None:
                state.trades[trade.key] = evolve(trade, stake_key=new)
        state.touch_stake(new, position)


def _leader_opened(state: State, key: TradeKey, stake_key: StakeKey, opening: int, sign: int) -> None:
    """The leader opened more: as far as the order was decided to be an entry, the follower should too."""
    trade = state.trades[key]
    copied = 0
    if trade.admitted is not None and trade.admitted.ratio:
        entry_part = split(trade, state.leader_order(key).report.filled_quantity)[1]
        copied = min(opening, max(0, entry_part - trade.opened))
    stake = state.stake(stake_key).left_out((opening - copied) * sign)
    if copied and trade.admitted is not None:
        stake = stake.opened(trade.admitted.ratio * copied * sign)
    state.stakes[stake_key] = stake
    # Undecided yet: what it opened is brought in by the decision.
    state.trades[key] = evolve(trade, opened=trade.opened + (copied if trade.decision is not None else opening))


def _leader_closed(
    state: State, key: TradeKey, stake_key: StakeKey, before: int, closing: int, opening: int
) -> None:
    """The leader closed a part of his position: what is beyond the kept part is given up where it has not filled yet,
    and claimed from what is owned where it has."""
    direction = 1 if before > 0 else -1
    state.trades[key] = evolve(state.trades[key], closed=state.trades[key].closed + closing)
    stake = state.stake(stake_key)
    behind = [
        (other, late)
        for other in (state.trades[k] for k in state.open_trades.get(stake_key, ()) if k != key)
        if (late := behind_by(state, other, direction)) > 0
    ]
    free = stake.closable(-direction) - state.claims(stake_key, -direction)
    after = abs(before) - closing
    lot = state.instruments[stake_key[2]].lot_units if stake_key[2] in state.instruments else 1
    kept = kept_after_exit(stake.ideal, abs(before), after, lot)
    excess = max(0, free + sum(late for _, late in behind) - kept)
    covered = min(excess, _covered_by_entry(state, state.trades[key], opening))
    if covered:
        state.trades[key] = evolve(state.trades[key], covers=state.trades[key].covers + covered)
        excess -= covered
    for other, late in reversed(behind):
        given_up = min(late, excess)
        excess -= given_up
        if given_up:
            state.trades[other.key] = evolve(other, forgone=other.forgone + given_up, forgone_to=key)
    state.stakes[stake_key] = stake.scaled_down(abs(before), after)
    _net_off(state, stake_key)
    if excess:
        trade = state.trades[key]
        state.trades[key] = evolve(obliged(trade, excess), settled=False)
        state.open_trades.setdefault(stake_key, {})[key] = None


def _covered_by_entry(state: State, trade: CopyTrade, opening: int) -> int:
    """What an order decided as an entry will close with its own copy, now that the leader's fills of it closed."""
    if trade.admitted is None or not trade.admitted.ratio or trade.admitted.exit_quantity:
        return 0
    filled = split(trade, state.leader_order(trade.key).report.filled_quantity)[1]
    share = entry_total(trade, filled) - entry_total(trade, trade.opened + opening) - trade.covers
    placed = trade.last(Intent.ENTRY) is not None
    coming = trade.leaves(Intent.ENTRY) if placed else entry_total(trade, filled)
    return max(0, min(share, coming + trade.filled(Intent.ENTRY)))


def _net_off(state: State, stake_key: StakeKey) -> None:
    """Copies that filled on both sides where the leader's fills closed one another: both sides shrink, the net stays."""
    stake = state.stake(stake_key)
    if stake.long and stake.short:
        stake = stake.netted_off()
    for key in state.open_trades.get(stake_key, ()) if stake.long and stake.short else ():
        trade = state.trades[key]
        units = min(trade.covers, trade.filled(Intent.ENTRY), stake.long, stake.short)
        if units:
            stake = stake.reattributed(units)
            state.trades[key] = evolve(trade, covers=trade.covers - units)
    state.stakes[stake_key] = stake


def behind_by(state: State, trade: CopyTrade, direction: int) -> int:
    """How far the follower's entry lags what the leader has filled of it."""
    if trade.admitted is None or trade.settled or not trade.admitted.ratio:
        return 0
    if state.leader_order(trade.key).report.side.sign != direction:
        return 0
    lag = entry_total(trade, trade.opened) - trade.forgone - trade.filled(Intent.ENTRY)
    if trade.may_be_sliced:
        return max(0, lag - trade.given_up())
    if trade.live(Intent.ENTRY) is None and trade.last(Intent.ENTRY) is not None:
        return 0
    return max(0, lag)


def _admitted(state: State, fact: CopyAdmitted, at: datetime, position: int) -> None:
    key = (fact.leader, fact.leader_order_id, fact.follower)
    trade = _trade(state, key)
    report = state.leader_order(key).report
    state.trades[key] = evolve(trade, admitted=fact, admitted_at=at, leader_was_over=report.status.is_terminal)
    state.instruments.setdefault(report.key, fact.facts)
    state.live[fact.follower] = fact.live
    held = state.stake(trade.stake_key)
    if held.turned is not fact.reverse and not held.long and not held.short:
        state.stakes[trade.stake_key] = evolve(held, turned=fact.reverse)
    if fact.ratio and (report.side is Side.BUY) is not fact.reverse and fact.follower in state.funds:
        state.since_funds[key] = None
    if fact.ratio and trade.opened:
        stake_key = state.stake_key(key)
        stake = state.stake(stake_key).left_out(-trade.opened * report.side.sign)
        state.stakes[stake_key] = stake.opened(fact.ratio * trade.opened * report.side.sign)
    state.touch(key, position)
    _touch_undecided_legs(state, key, position)


def _touch_undecided_legs(state: State, entry: TradeKey, position: int) -> None:
    """A leg that was looked at before its entry was decided waits for that, and nothing else may ever happen to it."""
    for leg in EXIT_LEGS:
        trade = state.trades.get((entry[0], leg_id(entry[1], leg), entry[2]))
        if trade is not None and trade.decision is None:
            state.touch(trade.key, position)


def _put(state: State, trade: CopyTrade) -> None:
    state.trades[trade.key] = trade


def _answered(
    state: State,
    fact: RequestIssued | RequestAccepted | RequestRejected | OutcomeUnresolved | RequestWithheld,
    at: datetime,
    position: int,
) -> None:
    if isinstance(fact, RequestIssued):
        issued = fact.request
        state.in_flight[issued.follower, issued.client_order_id, issued.attempt] = None
        _issued(state, fact, at, position)
        return
    state.in_flight.pop((fact.follower, fact.client_order_id, fact.attempt), None)
    found = state.order_by_tag(fact.follower, fact.client_order_id)
    if found is None:
        return
    trade, order = found
    state.touch(trade.key, position)
    if not isinstance(fact, RequestWithheld):
        state.note_answer(fact.follower, at)
    if isinstance(fact, RequestAccepted):
        _works(state, fact.follower, at)
    request = life.request_of(order, fact.attempt)
    if request is None:
        return
    match fact:
        case RequestAccepted() if isinstance(request, Submit):
            order = life.accepted(order, request, fact.broker_order_id, at)
            state.by_broker_id[fact.follower, fact.broker_order_id] = order.client_order_id
        case RequestAccepted():
            order = life.accepted(order, request, None, at)
        case RequestRejected():
            order = life.rejected(order, request, fact, at, _retry_at(state, trade, order, at))
            if circuits.counts(request, fact):
                _count_rejection(state, fact.follower, f"{fact.code} {fact.text}".strip(), at)
            if fact.refusal in (Refusal.RATE_LIMIT, Refusal.AUTHENTICATION, Refusal.IP):
                pause = state.settings.policy.retry_after if fact.refusal is Refusal.RATE_LIMIT else state.settings.policy.blocked_for
                state.blocked_until[fact.follower] = (at + pause, fact.refusal)
                trade = evolve(trade, requests=trade.requests - 1)
        case OutcomeUnresolved():
            order = life.unresolved(order, request, at)
            state.unresolved[fact.follower, fact.client_order_id] = None
        case RequestWithheld():
            order = life.withheld(order, request, fact, at, at + state.settings.policy.retry_after)
            if fact.follower in state.circuits:
                state.circuits[fact.follower] = circuits.withheld(state.circuits[fact.follower], fact.client_order_id)
            trade = evolve(trade, requests=trade.requests - 1)
        case _:
            assert_never(fact)
    if not order.is_busy:
        state.unresolved.pop((fact.follower, fact.client_order_id), None)
    _put(state, trade.with_order(order))
    _legs_follow(state, trade.key, order)
    state.touch_stake(state.stake_key(trade.key), position)


def _legs_follow(state: State, key: TradeKey, entry: FollowerOrder) -> None:
    """What happens to the entry of a super order happens to its legs."""
    for leg in EXIT_LEGS if entry.linked is Leg.ENTRY else ():
        trade = state.trades.get((key[0], leg_id(key[1], leg), key[2]))
        for known in () if trade is None else trade.orders:
            if trade is not None and known.entry == entry.client_order_id:
                after = life.with_entry(known, entry)
                _put(state, trade := trade.with_order(after))
                if after.broker_order_id is not None:
                    state.by_broker_id[key[2], after.broker_order_id] = after.client_order_id


def _works(state: State, follower: AccountName, at: datetime) -> None:
    """The account's requests are taken: what blocked it is over, and worth an alert when it comes again."""
    blocked = state.blocked_until.get(follower)
    if blocked is not None and (blocked[1] is not Refusal.RATE_LIMIT or blocked[0] <= at):
        del state.blocked_until[follower]
    for refusal in (Refusal.AUTHENTICATION, Refusal.IP):
        state.alerts.discard((f"BLOCKED_{refusal.value}", follower, "", ""))


def _count_rejection(state: State, follower: AccountName, words: str, at: datetime) -> None:
    state.circuits[follower] = circuits.rejected(state.circuits.get(follower), words, at, state.settings.policy)


def _close_circuit(state: State, follower: AccountName, position: int) -> None:
    """Orders are taken again: what waited may leave."""
    del state.circuits[follower]
    state.alerts.discard(("CIRCUIT_OPEN", follower, "", ""))
    for stake_key in state.open_trades:
        if stake_key[1] == follower:
            state.touch_stake(stake_key, position)


def _retry_at(state: State, trade: CopyTrade, order: FollowerOrder, at: datetime) -> datetime:
    """Later after every refusal in a row: of this order, and of those before it that were refused for now."""
    refused = order.tries
    for earlier in reversed(trade.orders):
        if earlier.intent is order.intent and earlier.client_order_id != order.client_order_id:
            if not earlier.refused_for_now:
                break
            refused += 1
    pause: timedelta = state.settings.policy.retry_after * (1 << min(refused, 10))
    return at + min(pause, LONGEST_RETRY)


def _issued(state: State, fact: RequestIssued, at: datetime, position: int) -> None:
    request = fact.request
    found = state.order_by_tag(request.follower, request.client_order_id)
    if found is not None:
        trade, order = found
        order = life.issued(order, fact, at, order.slice, order.generation)
    else:
        assert isinstance(request, Submit)
        key = (request.leader, request.leader_order_id, request.follower)
        trade = state.trades[key]
        parts = id_parts(request.client_order_id)
        order = life.issued(None, fact, at, parts.slice if parts else 0, parts.generation if parts else 0)
        state.by_tag[request.follower, request.client_order_id] = key
        _legs_issued(state, request, order)
    _put(state, evolve(trade.with_order(order), requests=trade.requests + 1))
    circuit = state.circuits.get(request.follower)
    if circuit is not None:
        state.circuits[request.follower] = circuits.issued(circuit, request, at, state.settings.policy)


def _legs_issued(state: State, request: Submit, entry: FollowerOrder) -> None:
    """The legs of a super order are orders of their legs' copies: nothing is sent for them."""
    for leg in EXIT_LEGS:
        asked = None if request.bracket is None else life.as_leg(request.bracket, leg, request.quantity)
        key = (request.leader, leg_id(request.leader_order_id, leg), request.follower)
        trade = state.trades.get(key)
        if asked is None or trade is None:
            continue
        generation = max((order.generation + 1 for order in trade.lanes(Intent.EXIT).get(0, ())), default=0)
        tag = client_order_id(*key, leg.letter, 0, generation)
        order = FollowerOrder(
            client_order_id=tag, slice=0, generation=generation, intent=Intent.EXIT, issued_at=entry.issued_at, asked=asked,
            linked=leg, entry=entry.client_order_id,
        )  # fmt: skip
        _put(state, trade.with_order(order))
        state.by_tag[request.follower, tag] = key


def _order_reported(state: State, fact: OrderReported, at: datetime, position: int) -> None:
    if fact.channel is Channel.STREAM and fact.follower in state.feeds:
        _feed(state, fact.follower, feeds.told(state.feeds[fact.follower]))
    found = state.order_of(fact.follower, fact.report)
    if found is None:
        tag = fact.report.client_order_id
        if tag is not None and is_ours(tag):
            state.foreign[fact.follower, tag] = None
        return
    trade, known = found
    order = life.reported(known, fact, at)
    if order.is_leg and order.state is OrderState.CANCELLED and _entry_was_cancelled(state, trade.key, order):
        order = evolve(order, cancel_sent=True)
    state.by_broker_id[fact.follower, fact.report.order_id] = order.client_order_id
    circuit = state.circuits.get(fact.follower)
    if order.state is OrderState.REJECTED and known.state is not OrderState.REJECTED:
        _count_rejection(state, fact.follower, order.text, at)
    elif circuit is not None and circuits.is_closed_by(circuit, fact.report.status, order.issued_at):
        _close_circuit(state, fact.follower, position)
    if not order.is_busy:
        state.unresolved.pop((fact.follower, order.client_order_id), None)
    trade = trade.with_order(order)
    stake_key = state.stake_key(trade.key)
    grown = order.filled_quantity - known.filled_quantity
    if trade.settled and (grown > 0 or not order.state.is_over):
        trade = evolve(trade, settled=False)
        state.open_trades.setdefault(stake_key, {})[trade.key] = None
    _put(state, trade)
    _legs_follow(state, trade.key, order)
    if grown > 0:
        _deal(state, trade, known, order)
        _follower_filled(state, trade, order, grown, stake_key, at)
    state.touch(trade.key, position)
    state.touch_stake(stake_key, position)


def _entry_was_cancelled(state: State, key: TradeKey, leg: FollowerOrder) -> bool:
    """Whether we took back the entry of a leg's super order: all its legs go with it (Dhan's page on super orders)."""
    found = None if leg.entry is None else state.order_by_tag(key[2], leg.entry)
    return found is not None and found[1].cancel_sent


def _deal(state: State, trade: CopyTrade, before: FollowerOrder, after: FollowerOrder) -> None:
    """Count a fill: an order's average price is that of all its fills."""
    where = (trade.key[2], trade.stake_key[2])
    dealt = state.dealt.get(where, Dealt())
    sign = state.side_of(trade).sign
    units = sign * (after.filled_quantity - before.filled_quantity)
    if after.average_price is None:
        state.dealt[where] = Dealt(dealt.net + units, dealt.cash, unpriced=True)
        return
    paid = after.average_price * after.filled_quantity - (before.average_price or Decimal(0)) * before.filled_quantity
    state.dealt[where] = Dealt(dealt.net + units, dealt.cash - sign * paid, dealt.unpriced)


def _follower_filled(
    state: State, trade: CopyTrade, order: FollowerOrder, units: int, stake_key: StakeKey, at: datetime
) -> None:
    sign = state.side_of(trade).sign * state.stake(stake_key).turn
    suspect = state.suspects.get(stake_key[1:4])
    if suspect is not None:
        # This fill may be what was missing: the suspicion begins anew, and until the next read nothing is sold twice.
        state.suspects[stake_key[1:4]] = Suspect(
            suspect.missing, suspect.side, at, suspect.confirmed, converted_to=suspect.converted_to
        )
    stake = state.stake(stake_key)
    if order.intent is Intent.EXIT:
        _closed_for_others(state, trade, units, stake_key)
        beyond = max(0, units - stake.closable(sign))
        stake = stake.filled(sign, units, 0)
        if beyond and stake.manual:
            beyond -= (restored := min(beyond, stake.manual))
            stake = stake.restored(sign, restored)
        # Closed before what it closes was told, or twice in a race: it goes off against the next that opens, or is
        # taken back by the entry.
        if beyond and stake_key[4] is not None and state.settings.policy.over_exit is OverExit.CLOSE:
            _over_exited(state, (trade.key[0], stake_key[4], trade.key[2]), beyond, stake_key, at)
        else:
            stake = evolve(stake, to_net_off=stake.to_net_off + beyond)
    else:
        # Decided as an entry, but the leader's fills closed with it: so does the copy.
        closing = min(units, claim_left(trade))
        if closing:
            trade = evolve(trade, claim=trade.claim - closing)
            state.trades[trade.key] = trade
        stake = stake.filled(sign, closing, units - closing)
        for leg in EXIT_LEGS if stake_key[4] is not None else ():
            _reopen(state, (trade.key[0], leg_id(trade.key[1], leg), trade.key[2]), stake_key)
        where = (stake_key[1], stake_key[2], stake_key[3], state.side_of(trade))
        state.entered[where] = state.entered.get(where, 0) + units
    state.stakes[stake_key] = stake
    _net_off(state, stake_key)
    exit_key = trade.forgone_to
    if order.intent is Intent.ENTRY and trade.forgone and exit_key is not None and exit_key in state.trades:
        exit_units, entry_units = split(trade, state.leader_order(trade.key).report.quantity)
        beyond = trade.filled(Intent.ENTRY) - max(0, entry_total(trade, entry_units) - trade.forgone)
        if beyond > 0:
            # The cancel came too late: what filled meanwhile is closed by the exit that overtook the entry.
            late = min(beyond, trade.forgone)
            state.trades[trade.key] = evolve(trade, forgone=trade.forgone - late)
            closer = state.trades[exit_key]
            state.trades[exit_key] = evolve(obliged(closer, late), settled=False)
            state.open_trades.setdefault(stake_key, {})[exit_key] = None


def _over_exited(state: State, entry: TradeKey, units: int, stake_key: StakeKey, at: datetime) -> None:
    trade = state.trades[entry]
    state.trades[entry] = evolve(obliged(trade, units), over_exited_at=at, settled=False)
    state.open_trades.setdefault(stake_key, {})[entry] = None


def _reopen(state: State, key: TradeKey, stake_key: StakeKey) -> None:
    """A leg whose entry fills after all protects it, even if it was thought over."""
    trade = state.trades.get(key)
    if trade is not None and trade.settled and trade.admitted is not None:
        state.trades[key] = evolve(trade, settled=False)
        state.open_trades.setdefault(stake_key, {})[key] = None


def _closed_for_others(state: State, trade: CopyTrade, units: int, stake_key: StakeKey) -> None:
    """A leg that fills before the leader's does closes what another leg of its tree is due to close."""
    if stake_key[4] is None:
        return
    left = trade.filled(Intent.EXIT) - max(trade.claim, trade.filled(Intent.EXIT) - units)
    for key in state.open_trades.get(stake_key, ()):
        other = state.trades[key]
        leg = key != trade.key and is_exit_leg(state.leader_order(key).report)
        taken = min(left, claim_left(other)) if leg else 0
        if taken > 0:
            left -= taken
            state.trades[key] = evolve(other, claim=other.claim - taken)


def _funds_reported(state: State, fact: FundsReported) -> None:
    """The figure counts every order that the broker had when he was asked."""
    state.funds[fact.account] = fact.funds
    for key in [key for key in state.since_funds if key[2] == fact.account]:
        trade = state.trades[key]
        last = trade.last(Intent.ENTRY)
        to_come = last is None and trade.declined is None and not trade.settled
        if not to_come and (last is None or (last.issued_at <= fact.read_at and not last.is_busy)):
            del state.since_funds[key]


def _margin_reported(state: State, fact: MarginReported, position: int) -> None:
    asked = fact.order
    key = InstrumentKey(asked.segment, asked.security_id)
    state.margins[fact.account, key, asked.product, asked.side] = fact
    for stake_key in state.open_trades:
        if stake_key[1:4] == (fact.account, key, asked.product):
            state.touch_stake(stake_key, position)


def setting_changed(state: State, fact: SettingChanged) -> None:
    """A change holds for what it was made of: what the engine is given anew counts more."""
    where = (fact.account, fact.setting)
    if given_text(state.settings, fact.account, fact.setting) == fact.given:
        state.changes[where] = fact
    else:
        state.changes.pop(where, None)


def _looked(state: State, fact: BookRead | OrderNotFound, position: int) -> None:
    state.token_refused.discard(fact.account if isinstance(fact, BookRead) else fact.follower)
    if isinstance(fact, BookRead):
        state.books_read.add(fact.account)
        awaited = not state.has_read_book(fact.account)
        state.book_read_at[fact.account] = fact.read_at
        _unlisted(state, fact, position)
        for key, leg in state.legs_gone(fact):
            _put(state, state.trades[key].with_order(evolve(leg, state=OrderState.CANCELLED, over_at=fact.read_at)))
            state.touch_stake(state.trades[key].stake_key, position)
        if awaited:
            for stake_key in state.open_trades:
                if stake_key[1] == fact.account:
                    state.touch_stake(stake_key, position)
        follower = fact.account
        shown = set(fact.tags)
        tags = [tag for who, tag in state.unresolved if who == follower and tag not in shown]
    else:
        follower = fact.follower
        tags = [fact.client_order_id]
    for tag in tags:
        found = state.order_by_tag(follower, tag)
        if found is None:
            continue
        trade, order = found
        since = order.unresolved_at
        if since is None:
            continue
        order = life.missed(order, fact, since + state.settings.policy.absence_window)
        _put(state, trade.with_order(order))
        _legs_follow(state, trade.key, order)
        state.touch(trade.key, position)
        if not order.is_busy:
            state.unresolved.pop((follower, tag), None)
            state.touch_stake(trade.stake_key, position)  # what waited for it waits no longer


def _unlisted(state: State, fact: BookRead, position: int) -> None:
    for key, order in state.waiting(fact.account) if fact.forever is not None else ():
        after = life.unlisted(order, fact)
        if after is not order:
            _put(state, state.trades[key].with_order(after))
            state.touch_stake(state.trades[key].stake_key, position)


def _positions_reported(state: State, fact: PositionsReported, at: datetime, position: int) -> None:
    net = {(p.key, p.product): p.net_quantity for p in fact.positions}
    leaders = {rules.name for rules in state.settings.leaders}
    if fact.account in leaders:
        for where in {*state.brought_in, *state.leader_fills}:
            if where[0] == fact.account:
                net.setdefault(where[1:3], 0)
        for (key, product), quantity in net.items():
            legs = sum(units for where, units in state.leader_fills.items() if where[:3] == (fact.account, key, product))
            state.brought_in[fact.account, key, product, None] = quantity - legs
        state.positions_known.add(fact.account)
        return
    before = state.net_positions.get(fact.account)
    state.positions_read_at[fact.account] = fact.read_at
    state.net_positions[fact.account] = net
    held: dict[tuple[InstrumentKey, Product], tuple[int, int]] = {}
    for (_, follower, key, product, _), stake in state.stakes.items():
        if follower == fact.account:
            long, short = held.get((key, product), (0, 0))
            mine = (stake.short, stake.long) if stake.turned else (stake.long, stake.short)
            held[key, product] = (long + mine[0], short + mine[1])
    for (key, product), (long, short) in held.items():
        less = long - short - net.get((key, product), 0)
        # The other side is the user's own, however much of it there is.
        missing = min(less, long) if less > 0 else min(-less, short)
        name = (fact.account, key, product)
        if missing:
            state.suspects[name] = _suspect(state, name, missing, 1 if less > 0 else -1, fact.read_at, before)
        else:
            state.suspects.pop(name, None)
    for stake_key in state.open_trades:
        if stake_key[1] == fact.account:
            state.touch_stake(stake_key, position)


def _suspect(
    state: State,
    name: tuple[AccountName, InstrumentKey, Product],
    missing: int,
    side: int,
    read_at: datetime,
    before: Mapping[tuple[InstrumentKey, Product], int] | None,
) -> Suspect:
    known = state.suspects.get(name)
    if known is None or (known.missing, known.side) != (missing, side):
        return Suspect(missing, side, read_at, converted_to=_converted_to(state, name, missing * side, before))
    book = state.book_read_at.get(name[0])
    confirmed = known.confirmed or (book is not None and known.since < book <= read_at)
    late = book is not None and min(book, read_at) - known.since >= state.settings.policy.absence_window
    if not late or book == known.book_read_at or state.is_busy(*name):
        return Suspect(missing, side, known.since, confirmed, known.book_read_at, known.books, known.converted_to)
    return Suspect(missing, side, known.since, confirmed, book, known.books + 1, known.converted_to)


def _converted_to(
    state: State,
    name: tuple[AccountName, InstrumentKey, Product],
    units: int,
    before: Mapping[tuple[InstrumentKey, Product], int] | None,
) -> Product | None:
    """The product that holds exactly so many more than at the read before, or than was copied where there was none: by
    one read, for fills of our own take time to be told."""
    account, key, product = name
    for other in Product:
        now = state.net_positions[account].get((key, other), 0)
        owned = sum(stake.owned for where, stake in state.stakes.items() if where[1:4] == (account, key, other))
        had = owned if before is None else before.get((key, other), 0)
        if other is not product and now - had == units and now != owned:
            return other
    return None


def _close(state: State, trade: CopyTrade, position: int) -> None:
    """A trade that can do no more is no longer among the open ones."""
    stake_key = trade.stake_key
    stake = state.stake(stake_key)
    opened = stake.closable(-state.leader_order(trade.key).report.side.sign)
    netting = min(trade.covers, trade.filled(Intent.ENTRY), opened)
    if netting:
        state.stakes[stake_key] = evolve(stake, to_net_off=stake.to_net_off + netting)
    state.trades[trade.key] = evolve(trade, settled=True, covers=0)
    state.open_trades.get(stake_key, {}).pop(trade.key, None)
    if stake_key[4] == trade.key[1]:
        state.touch_stake(stake_key, position)  # its legs have nothing more to wait for


def _close_ordered(state: State, fact: CloseOrdered, at: datetime, position: int) -> None:
    """An order of the copier's own is an exit like any other: of an order that stands where a leader's does, and that is
    over, so that nothing is waited for."""
    report = OrderReport(
        account=fact.leader, order_id=fact.order_id, segment=fact.key.segment, security_id=fact.key.security_id,
        side=fact.side, product=fact.product, validity=Validity.DAY, terms=Market(), quantity=fact.quantity,
        filled_quantity=fact.quantity, status=OrderStatus.TRADED, created_at=at, updated_at=at,
    )  # fmt: skip
    order = LeaderOrder(
        leader=fact.leader, report=report, first_seen_at=at, seen_at=at, channel=Channel.BOOK, confirmed=True
    )
    state.leader_orders[fact.leader, fact.order_id] = order
    key = (fact.leader, fact.order_id, fact.follower)
    stake_key = (fact.leader, fact.follower, fact.key, fact.product, fact.tree)
    state.trades[key] = CopyTrade(key=key, stake_key=stake_key, claim=fact.quantity, closed=fact.quantity)
    state.open_trades.setdefault(stake_key, {})[key] = None
    state.touch_stake(stake_key, position)


def _drift_declared(state: State, fact: DriftDeclared, position: int) -> None:
    stake_key = (fact.leader, fact.follower, fact.key, fact.product, fact.tree)
    stake = state.stake(stake_key)
    if fact.reason in GONE:
        units = int(-fact.quantity)
        direction = 1 if units > 0 else -1
        left = abs(units)
        for key in list(state.open_trades.get(stake_key, ())):
            trade = state.trades[key]
            closes = state.leader_order(key).report.side.sign == -direction
            taken = min(left, claim_left(trade)) if closes else 0
            if taken:
                left -= taken
                state.trades[key] = evolve(trade, claim=trade.claim - taken)
        state.stakes[stake_key] = stake.closed_by_hand(units, left * direction, fact.reason)
        state.suspects.pop((fact.follower, fact.key, fact.product), None)
    else:
        state.stakes[stake_key] = stake.with_declared(fact.reason, fact.quantity)
        if fact.leader_order_id is not None:
            key = (fact.leader, fact.leader_order_id, fact.follower)
            settled = state.trades.get(key)
            if settled is not None:
                state.trades[key] = evolve(settled, claim=settled.claim - claim_left(settled))
    state.touch_stake(stake_key, position)


