"""The leader's hands on his linked orders: he places them, trails them, takes legs back and squares them off."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import define

from dhan_copy.model.order import Leg, Limit, Market, OrderStatus, Product, Terms, Variety
from dhan_copy.testing.simulation.linked import LinkedDesk
from dhan_copy.testing.simulation.market import LISTINGS, Account, Exchange, Family, Listing, TrueOrder, price_of


@define(eq=False)
class LinkedTrader:
    """``share`` of the leader's new orders are linked."""

    random: Random
    exchange: Exchange
    desk: LinkedDesk
    account: Account
    share: float
    told_apart: bool
    """Whether every row names the entry of a leg: otherwise no two alike are open at once."""
    send: Callable[[TrueOrder], None] = lambda order: None
    close: Callable[[Listing, int, Terms, int], object] = lambda listing, sign, terms, quantity: None
    """Places a plain order."""
    entered: int = 0

    def has_a_mind_to(self, sent: int) -> bool:
        """Whether it is the turn of a linked order, after so many orders of any kind."""
        return self.entered < self.share * (sent + 1) and self.random.random() < 0.9

    def act(self) -> None:
        """Place a linked order, or square one off by a plain order."""
        held = [family for family in self.desk.families if family.position]
        if held and self.random.random() < 0.1:
            self.square_off(self.random.choice(held))
        else:
            self.enter(self.random.choice(LISTINGS))

    def held_apart(self, listing: Listing) -> int:
        """What he holds by linked orders, where he has that in mind: now and then he looks at the net position alone."""
        if self.random.random() < 0.1:
            return 0
        return sum(family.position for family in self.desk.families if family.entry.listing is listing)

    def goes_well_with(self, listing: Listing, sign: int) -> int:
        """The side of a new plain order: most of the time not against what he holds by linked orders."""
        held = sum(family.position for family in self.desk.families if family.entry.listing is listing)
        if not held or self.random.random() < 0.2:
            return sign
        return 1 if held > 0 else -1

    def enter(self, listing: Listing) -> None:
        random, price = self.random, self.exchange.prices[listing.key]
        sign = 1 if listing.product is Product.CNC else random.choice((1, -1))
        lots = random.randint(1, 8) if listing.lot > 1 else random.choice((1, 2, 5, 10, 40, 100))
        variety = Variety.SUPER
        if listing.product is Product.INTRADAY:
            variety = random.choice((Variety.SUPER, Variety.SUPER, Variety.BRACKET, Variety.BRACKET, Variety.COVER))
        if variety is not Variety.SUPER and not self.told_apart and self._has_one_like_it(listing, sign, variety):
            variety = Variety.SUPER
        terms: Terms = Market()
        if random.random() < 0.6:
            terms = Limit(price_of(max(20, price + random.randint(-4, 3) * sign)))
        target: int | None = random.randint(3, 12)
        stop: int | None = random.randint(3, 12)
        if variety is Variety.COVER:
            target = None
        elif random.random() < 0.2:
            target, stop = random.choice(((target, None), (None, stop)))
        jump = random.randint(1, 4) if stop is not None and variety is Variety.SUPER and random.random() < 0.3 else None
        order = self.desk.place(
            self.account, listing, sign, terms, lots * listing.lot, variety, target=target, stop=stop, jump=jump
        )
        self.entered += 1
        self.send(order)

    def modify(self, order: TrueOrder, *, away: int) -> None:
        """Move a leg, or an entry that has not traded; ``away`` is how far it is kept from where it might fill."""
        family = order.family
        assert family is not None
        price = self.exchange.prices[order.listing.key]
        if order.leg is Leg.ENTRY:
            if not order.filled and order.limit is not None:
                terms = Limit(price_of(max(20, price + (self.random.randint(-6, 1) - away) * order.sign)))
                lots = max(1, order.quantity // order.listing.lot + self.random.choice((-1, 0, 0, 1, 2)))
                self.exchange.modify(order, terms, lots * order.listing.lot, order.validity)
        elif order.leg is Leg.TARGET:
            self.desk.modify_leg(order, max(1, price - (self.random.randint(1, 9) + away) * order.sign))
        elif order.trigger is not None:
            self.desk.modify_leg(order, max(1, price + (self.random.randint(1, 9) + away) * order.sign))

    def square_off(self, family: Family) -> None:
        """Close by a plain order what a linked order holds; its legs are taken back before, or after, or forgotten."""
        dice = self.random.random()
        entry = family.entry
        if dice < 0.5:
            self._take_back(family)
        if family.position:
            self.close(entry.listing, -1 if family.position > 0 else 1, Market(), abs(family.position))
        if dice > 0.7:
            self._take_back(family)

    def _take_back(self, family: Family) -> None:
        for order in (family.entry, *family.legs.values()):
            self.exchange.end(order, OrderStatus.CANCELLED, "leader")

    def _has_one_like_it(self, listing: Listing, sign: int, variety: Variety) -> bool:
        return any(
            family.variety is variety and family.entry.listing.key == listing.key and family.entry.sign == sign
            and (family.entry.is_open or family.position)
            for family in self.desk.families
        )  # fmt: skip
