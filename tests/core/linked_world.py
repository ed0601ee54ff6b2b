"""A leader's linked orders in a :class:`World`: what his broker tells of the entry and of each leg."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from attrs import define, evolve, field

from dhan_copy.core.facts import Channel, LeaderReported
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Leg, Limit, OrderStatus, Product, Side, StopMarket, Variety
from tests.core.world import LEADER, TrueOrder, World

TARGET, STOP = Decimal("110.00"), Decimal("90.00")
PRODUCTS = {Variety.BRACKET: Product.BO, Variety.COVER: Product.CO}


@define(eq=False)
class Linked:
    """An entry and its legs as the leader's broker knows them. Legs that are for something have a report of their own,
    under the entry's id (super orders) or one of their own."""

    world: World
    variety: Variety
    entry: TrueOrder
    target: Decimal | None = TARGET
    stop: Decimal | None = STOP
    legs: dict[Leg, TrueOrder] = field(factory=dict)

    @classmethod
    def place(
        cls, world: World, lots: int, side: Side = Side.BUY, variety: Variety = Variety.SUPER, *, bracket: bool = True
    ) -> Linked:
        entry = world.place(side, lots, tell=False)
        linked = cls(world, variety, entry, None if variety is Variety.COVER else TARGET, STOP)
        entry.report = evolve(
            entry.report,
            variety=variety,
            product=PRODUCTS.get(variety, world.product),
            bracket=linked.bracket if bracket else None,
        )
        world.tell(entry, Channel.BOOK)
        return linked

    @property
    def bracket(self) -> Bracket:
        return Bracket(target=self.target, stop=self.stop)

    def leg(self, leg: Leg) -> TrueOrder:
        if leg not in self.legs:
            own = self.variety is Variety.SUPER
            entry = self.entry.report
            price = self.target if leg is Leg.TARGET else self.stop
            assert price is not None
            report = evolve(
                entry, order_id=entry.order_id if own else BrokerOrderId(f"{entry.order_id}-{leg.letter}"), leg=leg,
                parent_order_id=None if own else entry.order_id, bracket=None, quantity=entry.filled_quantity or entry.quantity,
                side=Side.SELL if entry.side is Side.BUY else Side.BUY, filled_quantity=0, average_price=None,
                status=OrderStatus.PENDING, terms=Limit(price) if leg is Leg.TARGET else StopMarket(price),
            )  # fmt: skip
            self.legs[leg] = TrueOrder(report)
            self.world.leader[f"{report.order_id}/{leg.value}"] = self.legs[leg]
        return self.legs[leg]

    def fill_entry(self, lots: int | None = None) -> None:
        left = self.entry.report.quantity - self.entry.report.filled_quantity
        self.world.fill(self.entry, left if lots is None else lots * self.world.lot)

    def show(self, leg: Leg) -> TrueOrder:
        """The broker tells of a leg for the first time."""
        order = self.leg(leg)
        self.tell(order)
        return order

    def tell(self, order: TrueOrder) -> None:
        self.world.feed(LeaderReported(leader=LEADER, report=order.report, channel=Channel.STREAM))

    def fill_leg(self, leg: Leg, lots: int | None = None, *, siblings: bool = True) -> None:
        """A leg fills; when all is closed the other is cancelled by the exchange."""
        order = self.leg(leg)
        units = order.report.quantity - order.report.filled_quantity if lots is None else lots * self.world.lot
        self.world.fill(order, units)
        if siblings and order.report.status is OrderStatus.TRADED:
            for other in (Leg.TARGET, Leg.STOP):
                if other is not leg and (other is Leg.STOP or self.target is not None):
                    self.cancel_leg(other)

    def cancel_leg(self, leg: Leg) -> None:
        self.world.cancel(self.leg(leg))

    def move(self, leg: Leg, price: Decimal) -> None:
        terms = Limit(price) if leg is Leg.TARGET else StopMarket(price)
        self.world.change(self.leg(leg), terms=terms)

    # At the follower

    def orders(self, follower: str, leg: Leg, *, live: bool = True) -> list[TrueOrder]:
        """The follower's orders for a part of this tree, told by their tags."""
        found = []
        for order in self.world.books[follower].values():
            tag = order.report.client_order_id or ""
            submit = next(r for r in self.world.requests() if r.client_order_id == tag)
            owner = getattr(submit, "leader_order_id")
            wanted = self.entry.report.order_id + ("" if leg is Leg.ENTRY else f"/{leg.value}")
            if owner == wanted and (order.is_open or not live):
                found.append(order)
        return found

    def open_units(self, follower: str) -> int:
        """What is open of this tree at a follower, by what its broker filled; signed."""
        parts = (order for leg in Leg for order in self.orders(follower, leg, live=False))
        return sum(order.sign * order.report.filled_quantity for order in parts)

    def live_units(self, follower: str, leg: Leg) -> int:
        return sum(order.report.leaves_quantity for order in self.orders(follower, leg))


def wait(world: World, seconds: int = 12, *, step: int = 4) -> None:
    """Let time pass, books being read as they are asked for."""
    until = world.now + timedelta(seconds=seconds)
    while world.now < until:
        world.tick(step)
