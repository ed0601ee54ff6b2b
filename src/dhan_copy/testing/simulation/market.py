"""The truth: what orders the accounts have, what fills, and what each account holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from random import Random

from attrs import define, field, frozen

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import (
    ForeverLeg,
    Leg,
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
    Variety,
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
    """Of a leg of a follower's super order :func:`leg_name`."""
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
    family: Family | None = None
    """The linked order that it is a part of."""
    leg: Leg = Leg.ENTRY
    own_id: BrokerOrderId | None = None
    """What the broker calls a leg that does not share its entry's id."""
    taken_back: bool = False
    """A leg that ended while there was something left to protect."""
    forever: Forever | None = None
    """It is a Forever order; once it has fired, the order that appeared, whose id is its ``own_id``."""
    turn_at: float | None = None
    """When it is first in line, once its price was reached."""

    @property
    def is_open(self) -> bool:
        return self.status not in OVER

    @property
    def shown_tag(self) -> ClientOrderId | None:
        """What the broker's reports say: a leg of a super order has its entry's."""
        return None if self.tag is None else entry_of(self.tag)

    @property
    def is_native_leg(self) -> bool:
        """Whether a broker keeps it for the copier: a leg of a follower's super order."""
        return self.leg is not Leg.ENTRY and self.tag is not None

    @property
    def leaves(self) -> int:
        return self.quantity - self.filled if self.is_open else 0

    @property
    def is_listed(self) -> bool:
        """Whether it is a Forever order of which nothing has appeared: books do not show it, their list does."""
        return self.forever is not None and self.forever.fired is None

    @property
    def waits(self) -> bool:
        return self.is_listed and self.is_open

    @property
    def is_shown(self) -> bool:
        """Whether the broker has said anything of it: a leg that was never for anything is not in any book."""
        return bool(self.versions)

    @property
    def may_grow(self) -> bool:
        """Whether it is a leg whose entry may still fill."""
        return self.leg is not Leg.ENTRY and self.family is not None and self.family.entry.is_open

    @property
    def product(self) -> Product:
        """As the broker names it: positions of bracket and cover orders are intraday positions."""
        return _PRODUCTS.get(self.family.variety, self.listing.product) if self.family else self.listing.product

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
class Forever:
    """What a Forever order waits for: one price, or a target and a stop."""

    legs: dict[Leg, ForeverLeg]
    above: dict[Leg, bool] = field(factory=dict)
    """Whether the price has to come from below."""
    fired: Leg | None = None


_PRODUCTS = {Variety.BRACKET: Product.BO, Variety.COVER: Product.CO}


@define(eq=False)
class Family:
    """A super, bracket or cover order: an entry and the legs that close what it fills."""

    variety: Variety
    entry: TrueOrder
    legs: dict[Leg, TrueOrder] = field(factory=dict)
    changes: tuple[int | None, int | None] = (None, None)
    """A bracket order's target and stop as differences from the entry's price, in ticks."""
    jump: int | None = None
    """How far the price moves, in ticks, for the stop to follow by as much."""
    trails_from: int = 0

    @property
    def closed(self) -> int:
        return sum(leg.filled for leg in self.legs.values())

    @property
    def position(self) -> int:
        """What the account holds by it, signed."""
        return self.entry.sign * (self.entry.filled - self.closed)

    @property
    def bracket(self) -> Bracket | None:
        """Where the legs stand, without one that was taken back before it was for anything."""
        prices: dict[Leg, Decimal] = {}
        for leg, order in self.legs.items():
            if order.is_open or order.is_shown:
                terms = order.terms
                prices[leg] = terms.trigger if isinstance(terms, StopMarket) else getattr(terms, "price")
        if not prices:
            return None
        jump = None if self.jump is None or Leg.STOP not in prices else price_of(self.jump)
        return Bracket(target=prices.get(Leg.TARGET), stop=prices.get(Leg.STOP), trailing_jump=jump)


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
    fired: dict[BrokerOrderId, TrueOrder] = field(factory=dict)
    """What Forever orders placed, by the ids of what appeared."""

    def held(self, listing: Listing) -> int:
        return self.net.get(listing, 0)

    def order(self, order_id: BrokerOrderId) -> TrueOrder | None:
        """By the id that the broker's reports give."""
        return self.fired.get(order_id) or self.orders.get(order_id)


class Exchange:
    """Moves prices and fills orders. It shares no arithmetic with the code under test."""

    def __init__(self, timeline: Timeline, random: Random, faults: Faults) -> None:
        self.timeline = timeline
        self.random = random
        self.faults = faults
        self.prices = {listing.key: listing.start_ticks for listing in LISTINGS}
        self.open: dict[InstrumentKey, dict[TrueOrder, None]] = {listing.key: {} for listing in LISTINGS}
        self.filled: Callable[[TrueOrder, int], None] = lambda order, units: None
        self.follow: Callable[[TrueOrder], None] = lambda order: None
        """Called when an order that belongs with others has filled or ended."""
        self.moved: Callable[[InstrumentKey], None] = lambda key: None
        self.line_seconds: Callable[[TrueOrder], float] = lambda order: 0.0
        """How long an order stands in line when its price is reached."""
        self._number = 0

    def number(self) -> int:
        self._number += 1
        return self._number

    def take(
        self, account: Account, listing: Listing, sign: int, terms: Terms, quantity: int, *,
        tag: ClientOrderId | None = None, validity: Validity = Validity.DAY, status: OrderStatus = OrderStatus.TRANSIT,
        silent: bool = False,
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
        if not silent:
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
        family = order.family
        order.taken_back = family is not None and order is not family.entry and (family.position != 0 or family.entry.is_open)
        self.open[order.listing.key].pop(order, None)
        if order.is_shown:
            self.say(order)
        if order.family is not None:
            self.follow(order)

    def modify(self, order: TrueOrder, terms: Terms, quantity: int, validity: Validity) -> None:
        order.set_terms(terms)
        order.quantity, order.validity, order.turn_at = quantity, validity, None
        order.created_at = self.timeline.second()
        order.modifications += 1
        self.say(order)
        self.timeline.after(self.random.uniform(0.02, 0.6), lambda: self.match(order))

    def say(self, order: TrueOrder) -> None:
        """Tell the account's listeners the newest state."""
        order.updated_at = self.timeline.second()
        self.note(order)
        order.account.told(order)

    def note(self, order: TrueOrder) -> None:
        """From now on books show the order as it is."""
        order.versions.append((self.timeline.now, self._report(order)))

    def _report(self, order: TrueOrder) -> OrderReport:
        listing, family, forever = order.listing, order.family, order.forever
        if forever is not None:
            return self._forever_report(order, forever)
        is_leg = order.leg is not Leg.ENTRY
        return OrderReport(
            account=order.account.name, order_id=_named(order), segment=listing.key.segment,
            security_id=listing.key.security_id, side=Side.BUY if order.sign > 0 else Side.SELL,
            product=order.product, validity=order.validity, terms=order.terms, quantity=order.quantity or order.report.quantity,
            filled_quantity=order.filled, average_price=price_of(self.prices[listing.key]) if order.filled else None,
            status=order.status, client_order_id=order.shown_tag, instrument=listing.facts, created_at=order.created_at,
            updated_at=order.updated_at, leg=order.leg, variety=Variety.REGULAR if family is None else family.variety,
            parent_order_id=family.entry.order_id if family is not None and order.own_id is not None else None,
            bracket=None if family is None or is_leg else family.bracket,
        )  # fmt: skip

    def _forever_report(self, order: TrueOrder, forever: Forever) -> OrderReport:
        """What waits has no fills; what has appeared names what it came from, and no tag (protocol facts 1.11)."""
        listing, appeared = order.listing, forever.fired is not None
        return OrderReport(
            account=order.account.name, order_id=_named(order), segment=listing.key.segment,
            security_id=listing.key.security_id, side=Side.BUY if order.sign > 0 else Side.SELL, product=order.product,
            validity=order.validity, terms=order.terms, quantity=order.quantity, filled_quantity=order.filled,
            average_price=price_of(self.prices[listing.key]) if order.filled else None, status=order.status,
            instrument=listing.facts, created_at=order.created_at, updated_at=order.updated_at, variety=Variety.FOREVER,
            parent_order_id=order.order_id if appeared else None,
            second_leg=None if appeared or len(forever.legs) == 1 else forever.legs[Leg.STOP],
        )  # fmt: skip

    # Prices and fills

    def move(self, key: InstrumentKey) -> None:
        """One step of the price, and what it fills."""
        self.prices[key] = max(20, self.prices[key] + self.random.choice((-6, -3, -2, -1, 1, 2, 3, 6)))
        self.moved(key)
        for order in list(self.open[key]):
            self.match(order)

    def match(self, order: TrueOrder) -> None:
        if order not in self.open[order.listing.key]:
            return
        price = self.prices[order.listing.key]
        if order.trigger is not None:
            if (price - order.trigger) * order.sign < 0 or self._stands_in_line(order):
                return
            order.trigger = None
            if isinstance(order.terms, StopLimit):
                order.terms = Limit(order.terms.price)
            self.say(order)
        if (order.limit is None or (price - order.limit) * order.sign <= 0) and not self._stands_in_line(order):
            self._fill_some(order)
        if order.validity is Validity.IOC:
            self.end(order, OrderStatus.CANCELLED, "exchange")

    def _stands_in_line(self, order: TrueOrder) -> bool:
        if order.validity is Validity.IOC or not self.faults.on:
            return False
        if order.turn_at is None:
            seconds = self.line_seconds(order)
            order.turn_at = self.timeline.now + seconds
            if seconds:
                self.timeline.after(seconds, lambda: self.match(order))
        return self.timeline.now < order.turn_at

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
        done = order.filled == order.quantity
        if done:
            self.open[order.listing.key].pop(order, None)
        if done and not order.may_grow:
            order.status, order.ended_by = OrderStatus.TRADED, "exchange"
        else:
            order.status = OrderStatus.PART_TRADED
        self.filled(order, units)
        self.say(order)
        if order.family is not None:
            self.follow(order)

    def close_day(self, account: Account) -> None:
        """Orders of the day expire, and what is not carried is squared off; Forever orders wait on."""
        for order in [one for one in account.orders.values() if not one.waits]:
            self.end(order, OrderStatus.EXPIRED, "exchange")

    def next_day(self, account: Account) -> None:
        account.orders = {order_id: order for order_id, order in account.orders.items() if order.waits}
        account.by_tag = {tag: order for tag, order in account.by_tag.items() if order.waits}
        account.fired.clear()
        for listing in account.net:
            if listing.product.ends_with_day:
                account.net[listing] = 0
        account.at_open = dict(account.net)


def leg_name(entry: ClientOrderId, leg: Leg) -> ClientOrderId:
    """How a leg of a follower's super order is called here: it has no tag of its own."""
    return ClientOrderId(f"{entry}/{leg.value}")


def entry_of(name: ClientOrderId) -> ClientOrderId:
    """The tag of the super order that a leg belongs to; of every other order its own."""
    return ClientOrderId(name.partition("/")[0])


def _named(order: TrueOrder) -> BrokerOrderId:
    """The id that the broker's own reports give."""
    if order.own_id is not None or order.family is None:
        return order.own_id or order.order_id
    return order.family.entry.order_id
