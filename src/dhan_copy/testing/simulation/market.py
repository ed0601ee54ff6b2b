"""The truth: what orders the accounts have, what fills, and what each account holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from random import Random

from attrs import define, field, frozen

from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import (
    Limit,
    Market,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Terms,
    Validity,
)
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.timeline import Timeline

TICK = Decimal("0.05")
OVER = frozenset({OrderStatus.TRADED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


@frozen(eq=False)
class Listing:
    """An instrument in a product: what positions are kept by."""

    key: InstrumentKey
    product: Product
    facts: InstrumentFacts
    start_ticks: int

    @property
    def lot(self) -> int:
        return self.facts.lot_units


def _listing(segment: str, security: str, product: str, lot: int, kind: str, start_ticks: int) -> Listing:
    facts = InstrumentFacts(lot_units=lot, tick=TICK, kind=InstrumentKind(kind))
    return Listing(InstrumentKey(ExchangeSegment(segment), SecurityId(security)), Product(product), facts, start_ticks)


LISTINGS = (
    _listing("NSE_FNO", "45471", "INTRADAY", 75, "OPTIDX", 2000),
    _listing("NSE_FNO", "45471", "MARGIN", 75, "OPTIDX", 2000),
    _listing("NSE_FNO", "50110", "MARGIN", 25, "OPTIDX", 4000),
    _listing("NSE_EQ", "1333", "INTRADAY", 1, "EQUITY", 32000),
    _listing("NSE_EQ", "1333", "CNC", 1, "EQUITY", 32000),
    _listing("MCX_COMM", "436581", "MARGIN", 1, "FUTCOM", 120000),
)


def price_of(ticks: int) -> Decimal:
    return ticks * TICK


def ticks_of(price: Decimal) -> int:
    return int(price / TICK)


@define(eq=False)
class TrueOrder:
    """An order as its broker knows it. ``versions`` are what the broker has said of it, and when (seconds)."""

    account: Account
    order_id: BrokerOrderId
    listing: Listing
    sign: int
    validity: Validity
    terms: Terms
    quantity: int
    tag: ClientOrderId | None
    created_at: datetime
    updated_at: datetime
    status: OrderStatus = OrderStatus.TRANSIT
    filled: int = 0
    limit: int | None = None
    """In ticks; None is a market order."""
    trigger: int | None = None
    versions: list[tuple[float, OrderReport]] = field(factory=list)
    ended_by: str = ""
    modifications: int = 0
    ghost: bool = False
    """Taken by the broker, refused by its order management: it never shows in any book."""

    @property
    def is_open(self) -> bool:
        return self.status not in OVER

    @property
    def leaves(self) -> int:
        return self.quantity - self.filled if self.is_open else 0

    @property
    def report(self) -> OrderReport:
        return self.versions[-1][1]

    def as_of(self, when: float) -> OrderReport | None:
        """What a book said that shows the state of an earlier moment."""
        for since, report in reversed(self.versions):
            if since <= when:
                return report
        return None

    def set_terms(self, terms: Terms) -> None:
        self.terms = terms
        match terms:
            case Market():
                self.limit, self.trigger = None, None
            case Limit(price=price):
                self.limit, self.trigger = ticks_of(price), None
            case StopLimit(trigger=trigger, price=price):
                self.limit, self.trigger = ticks_of(price), ticks_of(trigger)
            case StopMarket(trigger=trigger):
                self.limit, self.trigger = None, ticks_of(trigger)


@define(eq=False)
class Account:
    """A broker account: its orders of the day and what it holds."""

    name: AccountName
    told: Callable[[TrueOrder], None]
    orders: dict[BrokerOrderId, TrueOrder] = field(factory=dict)
    by_tag: dict[ClientOrderId, TrueOrder] = field(factory=dict)
    net: dict[Listing, int] = field(factory=dict)
    at_open: dict[Listing, int] = field(factory=dict)
    """What was held when the day began."""

    def held(self, listing: Listing) -> int:
        return self.net.get(listing, 0)


class Exchange:
    """Moves prices and fills orders. It shares no arithmetic with the code under test."""

    def __init__(self, timeline: Timeline, random: Random, faults: Faults) -> None:
        self.timeline = timeline
        self.random = random
        self.faults = faults
        self.prices = {listing.key: listing.start_ticks for listing in LISTINGS}
        self.open: dict[InstrumentKey, dict[TrueOrder, None]] = {listing.key: {} for listing in LISTINGS}
        self.filled: Callable[[TrueOrder, int], None] = lambda order, units: None
        self._number = 0

    def number(self) -> int:
        self._number += 1
        return self._number

    def take(
        self, account: Account, listing: Listing, sign: int, terms: Terms, quantity: int, *,
        tag: ClientOrderId | None = None, validity: Validity = Validity.DAY, status: OrderStatus = OrderStatus.TRANSIT,
    ) -> TrueOrder:  # fmt: skip
        """A new order in an account's book."""
        second = self.timeline.second()
        order = TrueOrder(
            account, BrokerOrderId(f"{account.name}{self.number():06d}"), listing, sign, validity, terms, quantity, tag,
            second, second, status,
        )  # fmt: skip
        order.set_terms(terms)
        account.orders[order.order_id] = order
        if tag is not None:
            account.by_tag[tag] = order
        self.say(order)
        return order

    def confirm(self, order: TrueOrder) -> None:
        """The exchange has the order: it may fill from now on."""
        if not order.is_open:
            return
        order.status = OrderStatus.PENDING
        self.open[order.listing.key][order] = None
        self.say(order)
        self.timeline.after(self.random.uniform(0.02, 0.6), lambda: self.match(order))

    def reject(self, order: TrueOrder) -> None:
        self.end(order, OrderStatus.REJECTED, "broker")

    def end(self, order: TrueOrder, status: OrderStatus, by: str) -> None:
        if not order.is_open:
            return
        order.status, order.ended_by = status, by
        self.open[order.listing.key].pop(order, None)
        self.say(order)

    def modify(self, order: TrueOrder, terms: Terms, quantity: int, validity: Validity) -> None:
        order.set_terms(terms)
        order.quantity, order.validity = quantity, validity
        order.created_at = self.timeline.second()
        order.modifications += 1
        self.say(order)
        self.timeline.after(self.random.uniform(0.02, 0.6), lambda: self.match(order))

    def say(self, order: TrueOrder) -> None:
        """Tell the account's listeners the newest state."""
        order.updated_at = self.timeline.second()
        order.versions.append((self.timeline.now, self._report(order)))
        order.account.told(order)

    def _report(self, order: TrueOrder) -> OrderReport:
        listing = order.listing
        return OrderReport(
            account=order.account.name, order_id=order.order_id, segment=listing.key.segment,
            security_id=listing.key.security_id, side=Side.BUY if order.sign > 0 else Side.SELL,
            product=listing.product, validity=order.validity, terms=order.terms, quantity=order.quantity,
            filled_quantity=order.filled, average_price=price_of(self.prices[listing.key]) if order.filled else None,
            status=order.status, client_order_id=order.tag, instrument=listing.facts, created_at=order.created_at,
            updated_at=order.updated_at,
        )  # fmt: skip

    # Prices and fills

    def move(self, key: InstrumentKey) -> None:
        """One step of the price, and what it fills."""
        self.prices[key] = max(20, self.prices[key] + self.random.choice((-6, -3, -2, -1, 1, 2, 3, 6)))
        for order in list(self.open[key]):
            self.match(order)

    def match(self, order: TrueOrder) -> None:
        if order not in self.open[order.listing.key]:
            return
        price = self.prices[order.listing.key]
        if order.trigger is not None:
            if (price - order.trigger) * order.sign < 0:
                return
            order.trigger = None
            if isinstance(order.terms, StopLimit):
                order.terms = Limit(order.terms.price)
            self.say(order)
        if order.limit is None or (price - order.limit) * order.sign <= 0:
            self._fill_some(order)
        if order.validity is Validity.IOC:
            self.end(order, OrderStatus.CANCELLED, "exchange")

    def _fill_some(self, order: TrueOrder) -> None:
        lots = order.leaves // order.listing.lot
        units = order.leaves
        if lots > 1 and (self.random.random() < 0.1 or self.faults.strike("F38", 8)):
            units = self.random.randint(1, lots - 1) * order.listing.lot
        self.fill(order, units)
        if order.is_open:
            self.timeline.after(self.random.uniform(0.05, 4.0), lambda: self.match(order))

    def fill(self, order: TrueOrder, units: int) -> None:
        units = min(units, order.leaves)
        if units <= 0 or order not in self.open[order.listing.key]:
            return
        order.filled += units
        net = order.account.net
        net[order.listing] = net.get(order.listing, 0) + units * order.sign
        if isinstance(order.terms, Market):
            order.terms = Limit(price_of(self.prices[order.listing.key] + 20 * order.sign))
        if order.filled == order.quantity:
            order.status, order.ended_by = OrderStatus.TRADED, "exchange"
            self.open[order.listing.key].pop(order, None)
        else:
            order.status = OrderStatus.PART_TRADED
        self.filled(order, units)
        self.say(order)

    def close_day(self, account: Account) -> None:
        """Orders of the day expire, and what is not carried is squared off."""
        for order in account.orders.values():
            self.end(order, OrderStatus.EXPIRED, "exchange")

    def next_day(self, account: Account) -> None:
        account.orders.clear()
        account.by_tag.clear()
        for listing in account.net:
            if listing.product.ends_with_day:
                account.net[listing] = 0
        account.at_open = dict(account.net)
