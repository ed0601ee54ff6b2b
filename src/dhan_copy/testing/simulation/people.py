"""Who trades by hand: the leader, and somebody with access to a follower's account."""

from __future__ import annotations

from random import Random

from attrs import define, field

from dhan_copy.model.ids import PREFIX, ClientOrderId
from dhan_copy.model.order import Leg, Limit, Market, OrderStatus, Product, StopLimit, Terms, Validity
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.forever_trader import ForeverTrader
from dhan_copy.testing.simulation.linked_trader import LinkedTrader
from dhan_copy.testing.simulation.market import LISTINGS, Account, Exchange, Listing, TrueOrder, price_of
from dhan_copy.testing.simulation.timeline import Timeline

MODIFICATION_CAP = 25


@define(eq=False)
class LeaderTrader:
    """Trades like somebody with several ideas at once: entries, ladders, exits, targets beside stops, reversals."""

    timeline: Timeline
    random: Random
    faults: Faults
    exchange: Exchange
    account: Account
    linked: LinkedTrader | None = None
    forever: ForeverTrader | None = None
    placed: int = 0
    sent: int = 0
    """Since the beginning; ``placed`` begins anew with every day."""

    def act(self) -> None:
        """Do one thing."""
        dice = self.random.random()
        resting = [
            order
            for order in self.account.orders.values()
            if order.is_open and order.is_shown and order.status is not OrderStatus.TRANSIT
        ]
        if resting and dice < 0.25:
            self.modify(self.random.choice(resting))
            return
        if resting and dice < 0.36 or sum(order.leg is Leg.ENTRY for order in resting) > 25:
            self.exchange.end(self.random.choice(resting), OrderStatus.CANCELLED, "leader")
            return
        if self.linked is not None and self.linked.has_a_mind_to(self.sent):
            self.linked.act()
            return
        if self.forever is not None and self.forever.has_a_mind_to(self.sent):
            self.forever.act()
            return
        listing = self.random.choice(LISTINGS)
        held = self.account.held(listing) - (self.linked.held_apart(listing) if self.linked is not None else 0)
        exits = [order for order in resting if order.listing is listing and order.sign * held < 0]
        if not held or dice < 0.6:
            self.enter(listing, held)
        elif exits or dice < 0.8:
            self.close(listing, held, self.random.choice((1.0, 1.0, 0.5, 0.3)))
        elif dice < 0.92:
            self.protect(listing, held)
        else:
            self.close(listing, held, 1.0 if listing.product is Product.CNC else self.random.choice((1.5, 2.0)))

    def flatten(self) -> None:
        """Take everything back and close everything."""
        self.withdraw()
        for listing in LISTINGS:
            held = self.account.held(listing)
            if held and not (listing.product is Product.CNC and self.random.random() < 0.7):
                self.place(listing, -1 if held > 0 else 1, Market(), abs(held))

    def withdraw(self) -> None:
        """Take everything back and keep the positions."""
        if self.forever is not None:
            self.forever.take_back()
        for order in [one for one in self.account.orders.values() if not one.waits]:
            self.exchange.end(order, OrderStatus.CANCELLED, "leader")

    def place(self, listing: Listing, sign: int, terms: Terms, quantity: int, validity: Validity = Validity.DAY) -> TrueOrder:
        tag = None
        if self.random.random() < 0.004:
            # Somebody else's copier serves this account: its orders are not the leader's own.
            tag = ClientOrderId(f"{PREFIX}{'A' * 15}{f'{self.placed + 1:05d}'.translate(_LETTERS)}-E0000")
        order = self.exchange.take(self.account, listing, sign, terms, quantity, tag=tag, validity=validity)
        self.send(order)
        return order

    def send(self, order: TrueOrder) -> None:
        """The broker passes an order on, or refuses it."""
        self.count()
        decided = self.random.uniform(0.01, 0.3)
        if self.random.random() < 0.03:
            self.timeline.after(self.random.choice((decided, 3.0)), lambda: self.exchange.reject(order))
        else:
            self.timeline.after(decided, lambda: self.exchange.confirm(order))

    def count(self) -> None:
        self.placed += 1
        self.sent += 1

    def enter(self, listing: Listing, held: int) -> None:
        sign = 1 if listing.product is Product.CNC else (1 if held > 0 else -1 if held < 0 else self.random.choice((1, -1)))
        if not held and listing.product is not Product.CNC and self.linked is not None:
            sign = self.linked.goes_well_with(listing, sign)
        lots = self.random.randint(1, 8) if listing.lot > 1 else self.random.choice((1, 2, 5, 10, 40, 100))
        price = self.exchange.prices[listing.key]
        dice = self.random.random()
        quantity = lots * listing.lot
        if dice < 0.3:
            self.place(listing, sign, Market(), quantity)
        elif dice < 0.4:
            self.place(listing, sign, self._limit(price + self.random.randint(-2, 4) * sign), quantity, Validity.IOC)
        elif dice < 0.5:
            self.place(listing, sign, self._stop(price + 5 * sign, sign), quantity)
        else:
            for step in range(self.random.choice((1, 1, 1, 3))):
                self.place(listing, sign, self._limit(price + (self.random.randint(-6, 2) - 4 * step) * sign), quantity)

    def close(self, listing: Listing, held: int, part: float) -> None:
        """Close a part of what is held, or more than all of it."""
        sign = -1 if held > 0 else 1
        lots = max(1, int(abs(held) // listing.lot * part))
        price = self.exchange.prices[listing.key]
        terms: Terms = Market() if self.random.random() < 0.5 else self._limit(price + self.random.randint(-5, 3) * sign)
        self.place(listing, sign, terms, lots * listing.lot)

    def protect(self, listing: Listing, held: int) -> None:
        """A target and a stop as two plain orders, each for everything that is held."""
        sign = -1 if held > 0 else 1
        price = self.exchange.prices[listing.key]
        self.place(listing, sign, self._limit(price - 8 * sign), abs(held))
        self.place(listing, sign, self._stop(price + 8 * sign, sign), abs(held))

    def modify(self, order: TrueOrder) -> None:
        if not self.faults.strike("F39"):
            self._modify_once(order, away=0)
            return
        at_once = self.random.random() < 0.5
        for number in range(MODIFICATION_CAP + 10):
            when = 0.0 if at_once else number * self.random.uniform(0.5, 1.5)
            self.timeline.after(when, lambda: self._modify_once(order, away=40))

    def _modify_once(self, order: TrueOrder, *, away: int) -> None:
        """``away`` is how far a limit is moved from where it might fill, in ticks."""
        most = MODIFICATION_CAP + (15 if self.faults.rates.get("F39") else -5)
        if not order.is_open or order.modifications >= most:
            return
        if order.family is not None and self.linked is not None:
            self.linked.modify(order, away=away)
            return
        if order.waits and self.forever is not None:
            self.forever.modify(order, away=away)
            return
        lot = order.listing.lot
        quantity = order.quantity
        if self.random.random() < 0.4:
            lots = max(1, order.quantity // lot + self.random.choice((-3, -2, -1, 1, 2, 4)))
            quantity = max(lots * lot, order.filled + lot)
        price = self.exchange.prices[order.listing.key]
        terms: Terms = self._limit(price + (self.random.randint(-8, 1) - away) * order.sign)
        if order.trigger is not None:
            terms = self._stop(price + self.random.randint(3, 9) * order.sign, order.sign)
        self.exchange.modify(order, terms, quantity, order.validity)

    def _limit(self, ticks: int) -> Limit:
        return Limit(price_of(max(1, ticks)))

    def _stop(self, trigger: int, sign: int) -> StopLimit:
        return StopLimit(price_of(max(10, trigger)), price_of(max(10, trigger + 4 * sign)))


_LETTERS = str.maketrans("0123456789", "BCDEFGHIJK")


@define(eq=False)
class Meddler:
    """Trades, cancels and squares off in a follower's account."""

    random: Random
    exchange: Exchange
    account: Account
    own: dict[Listing, int] = field(factory=dict)
    """What was bought or sold by hand today, signed."""
    spoilt: set[Listing] = field(factory=set)
    """Where an order of the copier was live, or on its way, while somebody squared off: both may have closed the same."""
    squared: dict[Listing, float] = field(factory=dict)
    """When that was last done."""
    closed: dict[Listing, int] = field(factory=dict)
    """What squaring off bought or sold, signed."""

    def act(self) -> str:
        """Do one thing; returns what."""
        live = [order for order in self.account.orders.values() if order.leaves and order.tag is not None]
        dice = self.random.random()
        if live and dice < 0.5:
            self.exchange.end(self.random.choice(live), OrderStatus.CANCELLED, "hand")
            return "cancel"
        if dice < 0.75:
            held = [listing for listing in LISTINGS if self.account.held(listing) and not self.own.get(listing)]
            if held:
                self._square_off(self.random.choice(held), live)
                return "square off"
        listing = self.random.choice(LISTINGS)
        held_by_copier = self.account.held(listing) - self.own.get(listing, 0)
        sign = 1 if held_by_copier >= 0 else -1
        if self.own.get(listing, 0) * sign >= 0 and not listing.product.is_delivery and listing not in self.squared:
            self._trade(listing, sign * listing.lot)
        return "trade"

    def _square_off(self, listing: Listing, live: list[TrueOrder]) -> None:
        if any(order.listing is listing for order in live):
            self.spoilt.add(listing)
        self.squared[listing] = self.exchange.timeline.now
        self.closed[listing] = self.closed.get(listing, 0) - self.account.held(listing)
        self._trade(listing, -self.account.held(listing), mine=False)

    def _trade(self, listing: Listing, units: int, mine: bool = True) -> None:
        if not units:
            return
        order = self.exchange.take(
            self.account, listing, 1 if units > 0 else -1, Market(), abs(units), status=OrderStatus.PENDING
        )
        self.exchange.open[listing.key][order] = None
        self.exchange.fill(order, abs(units))
        if mine:
            self.own[listing] = self.own.get(listing, 0) + units

    def next_day(self) -> None:
        self.own = {listing: units for listing, units in self.own.items() if not listing.product.ends_with_day}
        self.spoilt = {listing for listing in self.spoilt if not listing.product.ends_with_day}
        self.closed = {listing: units for listing, units in self.closed.items() if not listing.product.ends_with_day}
        self.squared = {listing: at for listing, at in self.squared.items() if not listing.product.ends_with_day}
