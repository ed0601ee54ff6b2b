"""All that is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from attrs import define, field, frozen

from dhan_copy.core.circuit import Circuit
from dhan_copy.core.coded import Coded
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import AlertRaised, BookRead, CopyAdmitted, MarginReported, Refusal, SettingChanged, TradingState
from dhan_copy.core.feeds import Feed
from dhan_copy.core.killing import Switch
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.ledger import Stake
from dhan_copy.core.legs import entry_of, is_exit_leg, tree_of
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Intent, Modify
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.shelf import Shelf
from dhan_copy.core.sizing import entry_size, trunc_to_lot
from dhan_copy.core.trade import CopyTrade, FollowerOrder, PositionKey, StakeKey, TradeKey, is_child, place_of
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import BY_CONTRACT, InstrumentFacts, InstrumentKey, is_cut
from dhan_copy.model.order import Leg, OrderReport, OrderStatus, Product, Side, Variety
from dhan_copy.model.reason import ReasonCode

CLOCKS_APART = timedelta(seconds=5)
"""What this machine's clock and the broker's may differ by."""
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
    """When the first read that showed it began, or a later fill of ours was seen."""
    confirmed: bool = False
    """A later read shows the same, and the order book read between them knows of no fill that explains it: exits leave
    it out from here on."""
    book_read_at: datetime | None = None
    """The last book that was read after the absence window."""
    books: int = 0
    """How many were, and did not explain it: one alone may lag, or lack rows."""
    converted_to: Product | None = None
    """Another product of the instrument that holds as many more since the read that showed it first."""
    first_at: datetime = field()
    """When the first read that showed it began, whatever has filled meanwhile."""
    closed_at: datetime | None = None
    """When an order of ours was last seen to have closed some of the rest since then."""
    closed: int = 0
    """How much such orders have closed."""

    @first_at.default
    def _as_it_begins(self) -> datetime:
        return self.since

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
    carried: int = 0
    """Units held over night, signed, for which no price of today is known yet: they count from the first that is."""


@define
class State:
    """What folding the journal gives. Only :mod:`dhan_copy.core.fold` and its parts change it."""

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
    looked_for: set[TradeKey] = field(factory=set)
    """Copies of Forever orders that the follower's list was looked at for since the engine started."""
    by_broker_id: dict[tuple[AccountName, BrokerOrderId], ClientOrderId] = field(factory=dict)
    unresolved: dict[TagKey, None] = field(factory=dict)
    funds: dict[AccountName, Funds] = field(factory=dict)
    since_funds: dict[TradeKey, None] = field(factory=dict)
    """Copies that buy to open and that the figure of their account's funds does not count yet."""
    dealt: dict[tuple[AccountName, InstrumentKey], Dealt] = field(factory=dict)
    """What was copied today or held over night, by follower and instrument."""
    marks: dict[InstrumentKey, tuple[Decimal, datetime]] = field(factory=dict)
    """The last price that a broker's quotes have shown today, and when that was read: loss limits alone look at it."""
    prices: dict[InstrumentKey, tuple[Decimal, datetime]] = field(factory=dict)
    """The newest price of an instrument that a leader's order has told, and when."""
    margins: dict[MarginKey, MarginReported] = field(factory=dict)
    """The last answer of each account's margin calculator."""
    entered: dict[MarginKey, int] = field(factory=dict)
    """Units that an account's entries have filled today."""
    changes: dict[tuple[AccountName | None, str], SettingChanged] = field(factory=dict)
    overruled: dict[tuple[AccountName | None, str], SettingChanged] = field(factory=dict)
    """Changes of earlier runs that no longer hold, and of which the journal does not say so yet."""
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
    stepped: timedelta = timedelta(0)
    """How far the clock was set forward today while engines ran."""
    answered_at: dict[AccountName, deque[datetime]] = field(factory=dict)
    """When requests of today and of the last hour were answered, by a clock that was not set forward today: what the
    budgets are refilled from after a restart."""
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

    def priced(self, key: InstrumentKey, facts: InstrumentFacts | None = None) -> InstrumentFacts | None:
        """What is known of an instrument, or ``facts``, with what a lot of it is worth today."""
        facts = self.instruments.get(key) if facts is None else facts
        if facts is None or key.segment not in BY_CONTRACT or not self.day:
            return facts
        rupees = self.settings.contract_sizes.rupees(key.segment, self.symbols.get(key, ""), date.fromisoformat(self.day))
        return evolve(facts, lot_rupees=rupees)

    def named(self, order: LeaderOrder) -> LeaderOrder:
        """The order with its whole symbol, where a frame has cut it and the list of instruments completes it."""
        report = order.report
        if not is_cut(report.segment, report.symbol):
            return order
        whole = self.settings.symbol(report.key)
        return evolve(order, report=evolve(report, symbol=whole)) if whole.startswith(report.symbol) else order

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
        trades = self.open_at(key)
        return sum(claim_left(t) for t in trades if t.claim and self.leader_order(t.key).report.side.sign == sign)

    def open_at(self, key: StakeKey) -> list[CopyTrade]:
        """Trades that may still act on a holding, in the order in which they came."""
        return [self.trades[trade] for trade in self.open_trades.get(key, ())]

    def open_keys(self) -> list[TradeKey]:
        """Trades that may still act."""
        return [key for keys in self.open_trades.values() for key in keys]

    def waiting(self, follower: AccountName) -> list[tuple[TradeKey, FollowerOrder]]:
        """Our Forever orders at a follower that have not fired, as far as is known, and those that seem not to have
        arrived."""
        orders = ((key, order) for key in self.open_keys() if key[2] == follower for order in self.trades[key].orders)
        return [(key, o) for key, o in orders if o.waits and (o.state is OrderState.ABSENT or not o.state.is_over)]

    def not_looked_for(self, follower: AccountName, read_at: datetime | None = None) -> list[CopyTrade]:
        """Copies of Forever orders of which nothing stands, and that a journal that is lost may have set; for a look begun
        at ``read_at`` without those of which a row may be that of another order, whose placement is unknown yet."""
        keys = (key for key in self.open_keys() if key[2] == follower and key not in self.looked_for)
        return [
            trade for key in keys
            if self.is_to_be_set(trade := self.trades[key]) and trade.admitted is not None
            and all(order.state.is_over for order in trade.orders) and self.predates_start(self.leader_order(key))
            and (read_at is None or not self._is_unknown_beside(trade, read_at))
        ]  # fmt: skip

    def is_to_be_set(self, trade: CopyTrade) -> bool:
        """Whether a copy is a Forever order, or what that would have placed."""
        return is_forever(self.leader_order(trade.key).report) and not trade.copies_fills

    def _is_unknown_beside(self, trade: CopyTrade, read_at: datetime) -> bool:
        """Whether a Forever order of ours in the same instrument may be at the broker or not, and will be known by a look."""
        unknown = (
            order
            for key, order in self.waiting(trade.key[2])
            if self.trades[key].stake_key[1:4] == trade.stake_key[1:4]
            and order.broker_order_id is None
            and order.state is not OrderState.ABSENT
        )
        window = self.settings.policy.absence_window
        return any(order.unresolved_at is None or read_at < order.unresolved_at + window for order in unknown)

    def predates_start(self, order: LeaderOrder) -> bool:
        """Whether the leader may have placed an order before the engine started: after it plainly, whatever the difference
        of the clocks, are others. The time of a Forever order that has fired is that of what it placed."""
        started, created = self.engine_started_at, order.report.created_at
        if started is None:
            return False
        return created is None or has_fired(order.report) or min(created - CLOCKS_APART, order.first_seen_at) <= started

    def entry_of_leg(self, follower: AccountName, leg: FollowerOrder) -> tuple[CopyTrade, FollowerOrder] | None:
        """The entry of the super order that an order is a leg of."""
        return None if leg.entry is None else self.order_by_tag(follower, leg.entry)

    def entry_was_cancelled(self, follower: AccountName, leg: FollowerOrder) -> bool:
        """Whether a leg that is gone now went with its entry, which we took back: all legs go with it (Dhan's page on super
        orders). One that a look still found once no book lags so far has outlived it."""
        found = self.entry_of_leg(follower, leg)
        if found is None or not found[1].was_cancelled_by_us:
            return False
        return found[1].over_at is None or not self.is_seen_since(follower, found[1].over_at)

    def is_seen_since(self, account: AccountName, at: datetime) -> bool:
        """Whether a look at the account's book shows what had happened by then, however late its rows are."""
        read_at = self.book_read_at.get(account)
        return read_at is not None and read_at >= at + self.settings.policy.absence_window

    def legs_gone(self, read: BookRead) -> list[tuple[TradeKey, FollowerOrder]]:
        """Legs of our super orders that were taken back before they were for anything: their entry is listed, and they
        are not."""
        if not read.linked:
            return []
        mine = ((key, order) for key in self.open_keys() if key[2] == read.account for order in self.trades[key].orders)
        legs = ((key, o, o.broker_order_id) for key, o in mine if o.is_leg and not o.state.is_over)
        return [(key, o) for key, o, there in legs if there and entry_of(there) in read.linked and there not in read.linked]

    def bare_entries(self, read: BookRead) -> list[tuple[TradeKey, FollowerOrder]]:
        """Entries of our super orders that are listed without a leg, and of which nobody knows whether they were changed:
        the list tells that by their legs."""
        if not read.linked:
            return []
        mine = ((key, order) for key in self.open_keys() if key[2] == read.account for order in self.trades[key].orders)
        listed = {entry_of(there) for there in read.linked if there != entry_of(there)}
        return [
            (key, order) for key, order in mine
            if order.linked is Leg.ENTRY and isinstance(order.unresolved, Modify) and order.unresolved_at is not None
            and read.read_at > order.unresolved_at and order.broker_order_id in read.linked
            and order.broker_order_id not in listed
        ]  # fmt: skip

    def note_answer(self, follower: AccountName, at: datetime) -> None:
        """A request was answered, or may have left: it has used a permit."""
        self.keep_answer(follower, at - self.stepped)

    def keep_answer(self, follower: AccountName, at: datetime) -> None:
        """The same, by the clock that :attr:`answered_at` goes by."""
        times = self.answered_at.get(follower)
        if times is None:
            most = max((rules.limits.per_day for rules in self.settings.followers), default=0)
            times = self.answered_at[follower] = deque(maxlen=most)
        if times and times[-1] > at:  # the clock was set back: those of before are no later than this one
            times = self.answered_at[follower] = deque((min(each, at) for each in times), times.maxlen)
        times.append(at)
        self.unsaved_answers.append((follower, at))

    # What several facts change

    def put(self, trade: CopyTrade) -> None:
        self.trades[trade.key] = trade

    def trade_of(self, key: TradeKey) -> CopyTrade:
        """The copy of a leader's order, or a new one."""
        return self.trades.get(key) or CopyTrade(key=key, stake_key=self.stake_key(key))

    def open(self, trade: CopyTrade, stake_key: StakeKey) -> CopyTrade:
        """The copy may act, or may act again."""
        trade = self.trades[trade.key] = evolve(trade, settled=False, unsent=None)
        self.open_trades.setdefault(stake_key, {})[trade.key] = None
        return trade

    def reopen(self, key: TradeKey, stake_key: StakeKey) -> None:
        """A leg whose entry fills after all protects it, even if it was thought over."""
        trade = self.trades.get(key)
        if trade is not None and trade.settled and trade.admitted is not None:
            self.open(trade, stake_key)

    def net_off(self, stake_key: StakeKey) -> None:
        """Copies that filled on both sides where the leader's fills closed one another: both sides shrink, the net stays."""
        stake = self.stake(stake_key)
        if stake.long and stake.short:
            stake = stake.netted_off()
        for key in self.open_trades.get(stake_key, ()) if stake.long and stake.short else ():
            trade = self.trades[key]
            units = min(trade.closing, stake.long, stake.short)
            if units:
                stake = stake.reattributed(units)
                self.trades[key] = evolve(trade, covers=trade.covers - units, covered=trade.covered + units)
        self.stakes[stake_key] = stake

    def follow_feed(self, account: AccountName, feed: Feed) -> None:
        before = self.feeds.get(account, NO_FEED).stale_since
        if feed.stale_since not in (None, before):
            self.alerts.discard(("STALE", account, "", ""))  # another outage than the last one
        self.feeds[account] = feed

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


def share_of_position(state: State, stake_key: StakeKey) -> Fraction:
    """The follower's units for each of the leader's: what it should own of what he holds."""
    position = abs(state.position(place_of(stake_key)))
    return abs(state.stake(stake_key).ideal) / position if position else Fraction(0)


def exit_due(trade: CopyTrade, share: Fraction) -> Fraction:
    """What the leader's fills of an exit come to, at so many of the follower's units for each of his."""
    return max(Fraction(trade.claim), share * trade.closed)


def exit_ahead(state: State, trade: CopyTrade, share: Fraction) -> int:
    """Whole lots that an exit has filled beyond that, while the leader's order lives; legs are for all that is open."""
    report = state.leader_order(trade.key).report
    if not share or report.status.is_terminal or is_exit_leg(report):
        return 0
    return trunc_to_lot(max(Fraction(0), trade.filled(Intent.EXIT) - exit_due(trade, share)), state.lot_of(trade))


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


def entry_share(admitted: CopyAdmitted, leader_units: int) -> Fraction:
    """What so many of the leader's units scale to, exactly and without the carry. Of what he adds to his order after it was
    decided, no more than the largest entry that was allowed then: a cap cuts off the rest."""
    share = admitted.ratio * leader_units
    if admitted.most_units is None or leader_units <= admitted.entry_quantity:
        return share
    return min(share, max(admitted.most_units - admitted.carry, admitted.ratio * admitted.entry_quantity))


def split(trade: CopyTrade, leader_units: int) -> tuple[int, int]:
    """The leader's units as (exit part, entry part): the exit part first, as it was split when decided."""
    admitted = trade.admitted
    if admitted is None:
        return 0, 0
    if admitted.entry_quantity == 0:
        return leader_units, 0
    exit_units = min(leader_units, admitted.exit_quantity)
    return exit_units, leader_units - exit_units


def waits(report: OrderReport) -> bool:
    """Whether it is a Forever order that has not fired, as far as is known."""
    return is_forever(report) and not has_fired(report)


def is_forever(report: OrderReport) -> bool:
    """Whether it is a Forever order, that waits or has fired, and not what one has placed that nobody names."""
    return report.variety is Variety.FOREVER and (report.leg_order_id is not None or not is_child(report))


def has_fired(report: OrderReport) -> bool:
    """Whether a leader's Forever order has fired: what it placed is known, or its list says so."""
    said = report.status in (OrderStatus.TRIGGERED, OrderStatus.PART_TRADED, OrderStatus.TRADED)
    return report.variety is Variety.FOREVER and (report.leg_order_id is not None or (said and not is_child(report)))


def alert_key(fact: AlertRaised) -> tuple[str, ...]:
    return (fact.code, fact.account or "", fact.leader_order_id or "", fact.client_order_id or "")


def behind_by(state: State, trade: CopyTrade, direction: int) -> int:
    """How far the follower's entry lags what the leader has filled of it."""
    if trade.admitted is None or trade.settled or not trade.admitted.ratio:
        return 0
    if trade.declined is not None and trade.live(Intent.ENTRY) is None:
        return 0  # nothing of it comes any more
    if state.leader_order(trade.key).report.side.sign != direction:
        return 0
    lag = entry_total(trade, trade.opened) - trade.forgone - trade.entered
    if trade.may_be_sliced:
        return max(0, lag - trade.given_up())
    last = trade.last(Intent.ENTRY)
    if trade.live(Intent.ENTRY) is None and last is not None and not last.refused_for_now:
        return 0
    return max(0, lag)


def ahead_by(state: State, trade: CopyTrade, direction: int) -> Fraction:
    """How far the follower's entry is ahead of what the leader has filled of it, and may still fill: exactly, as what one of
    several orders rounds off another makes up."""
    if trade.admitted is None or trade.settled or trade.closed > trade.admitted.exit_quantity:
        return Fraction(0)
    report = state.leader_order(trade.key).report
    if report.status.is_terminal or report.side.sign != direction:
        return Fraction(0)
    filled = trade.filled(Intent.ENTRY)
    if filled < entry_total(trade, trade.opened) - trade.forgone:
        return Fraction(0)
    return filled - (entry_share(trade.admitted, trade.opened) - trade.forgone) - gone_ahead(trade)


def gone_ahead(trade: CopyTrade) -> Fraction:
    """What the entry had filled ahead of the leader when he closed all that he held, and he may still fill."""
    if trade.admitted is None or not trade.gone_along:
        return Fraction(0)
    return max(Fraction(0), trade.gone_along - entry_share(trade.admitted, trade.opened) + trade.forgone)


def entered_ahead(state: State, stake_key: StakeKey, direction: int) -> Fraction:
    """What the follower has entered ahead of the leader's orders that may still fill."""
    return max(Fraction(0), sum((ahead_by(state, trade, direction) for trade in state.open_at(stake_key)), Fraction(0)))


def opened_instead(state: State, trade: CopyTrade) -> int:
    """The leader's units, of those that are not copied and that he still holds, which this order has opened though it was to
    close."""
    if trade.why_left_out is not ReasonCode.OPENED_BY_EXIT:
        return 0
    report, stake = state.leader_order(trade.key).report, state.stake(trade.stake_key)
    held = state.position(place_of(trade.stake_key)) * report.side.sign
    left_out = sum(units for why, units in stake.whys if why is ReasonCode.OPENED_BY_EXIT) * report.side.sign
    return max(0, min(report.filled_quantity - trade.closed - trade.opened, int(left_out), held))
