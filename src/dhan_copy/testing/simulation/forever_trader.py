"""The leader's hands on his Forever orders: he places single ones and pairs, moves their prices and takes them back."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import define

from dhan_copy.model.order import ForeverLeg, Leg, OrderStatus, Product, StopLimit, StopMarket
from dhan_copy.testing.simulation.forever import WAITED_FOR, ForeverDesk
from dhan_copy.testing.simulation.market import Account, Exchange, Listing, TrueOrder, price_of


@define(eq=False)
class ForeverTrader:
    """``share`` of the leader's new orders are Forever orders."""

    random: Random
    exchange: Exchange
    desk: ForeverDesk
    account: Account
    share: float
    keeps: float
    """Of those that wait when he takes everything back, how many he leaves to wait over night."""
    sent: Callable[[], None] = lambda: None
    entered: int = 0

    def has_a_mind_to(self, sent: int) -> bool:
        """Whether it is the turn of a Forever order, after so many orders of any kind."""
        return self.entered < self.share * (sent + 1) and self.random.random() < 0.9

    def act(self) -> None:
        """Place one: an exit for some of what is held, or an entry."""
        random = self.random
        listing = random.choice(WAITED_FOR)
        held = self.account.held(listing)
        lots = random.randint(1, 3) if listing.lot > 1 else random.choice((1, 2, 10, 40))
        sign = 1 if listing.product is Product.CNC else random.choice((1, -1))
        if held and random.random() < 0.6:
            sign = -1 if held > 0 else 1
            lots = max(1, abs(held) // listing.lot // random.choice((1, 1, 2)))
        elif held:
            sign = 1 if held > 0 else -1
        legs = (Leg.TARGET, Leg.STOP) if random.random() < 0.4 else (Leg.ENTRY,)
        market = random.random() < 0.2
        self.desk.place(
            self.account, listing, sign, {leg: self._leg(listing, sign, leg, lots * listing.lot, market) for leg in legs}
        )
        self.entered += 1
        self.sent()

    def modify(self, order: TrueOrder, *, away: int) -> None:
        """Move one of its prices; ``away`` is how far from where it might fire."""
        forever = order.forever
        assert forever is not None
        leg = self.random.choice(list(forever.legs))
        units = forever.legs[leg].quantity
        if len(forever.legs) == 1 and self.random.random() < 0.4:
            units = max(1, units // order.listing.lot + self.random.choice((-1, 1, 2))) * order.listing.lot
        market = isinstance(forever.legs[leg].terms, StopMarket)
        self.desk.modify(order, leg, self._leg(order.listing, order.sign, leg, units, market, away))

    def take_back(self) -> None:
        """When he takes everything back, he leaves some of what waits."""
        for order in list(self.desk.waiting):
            if order.account is self.account and self.random.random() >= self.keeps:
                self.exchange.end(order, OrderStatus.CANCELLED, "leader")

    def _leg(self, listing: Listing, sign: int, leg: Leg, units: int, market: bool, away: int = 0) -> ForeverLeg:
        """A target is where it is better than now, a stop where it is worse, a single one on either side."""
        side = {Leg.TARGET: -sign, Leg.STOP: sign, Leg.ENTRY: self.random.choice((1, -1))}[leg]
        trigger = max(20, self.exchange.prices[listing.key] + (self.random.randint(1, 9) + away) * side)
        terms = StopMarket(price_of(trigger))
        if market:
            return ForeverLeg(terms=terms, quantity=units)
        return ForeverLeg(terms=StopLimit(terms.trigger, price_of(trigger + self.random.randint(-1, 4) * sign)), quantity=units)
