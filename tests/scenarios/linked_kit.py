"""A leader's entry with the legs that close it, on any :class:`~tests.scenarios.kit.Stage`, and a follower's copies of it.

He enters at 90, takes his gain at 110 and his loss at 70; the market stands at 100 and fills nothing by itself.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import define, evolve

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import Leg, Limit, Side, StopLimit, StopMarket, Variety
from dhan_copy.testing import NewOrder, SimulatedOrder
from tests.scenarios.kit import CALL, F, LEADER, Stage

PRICE, TARGET, STOP = Decimal(90), Decimal(110), Decimal(70)
LEGS = (Leg.TARGET, Leg.STOP)
FORMS = (Variety.SUPER, Variety.BRACKET, Variety.COVER)


@define(eq=False)
class Tree:
    """One linked order of the leader's."""

    stage: Stage
    variety: Variety
    order_id: str

    @classmethod
    def place(cls, stage: Stage, units: int, variety: Variety = Variety.SUPER, *, jump: Decimal | None = None) -> Tree:
        new = NewOrder(key=CALL, side=Side.BUY, quantity=units, terms=Limit(PRICE))
        linked = stage.exchange.linked
        match variety:
            case Variety.REGULAR:
                placed = stage.exchange.place(LEADER, new)
            case Variety.SUPER:
                placed = linked.place_super(LEADER, new, Bracket(target=TARGET, stop=STOP, trailing_jump=jump))
            case Variety.BRACKET:
                placed = linked.place_bracket(LEADER, new, profit=TARGET - PRICE, stop=PRICE - STOP)
            case _:
                placed = linked.place_cover(LEADER, new, STOP)
        return cls(stage, variety, placed.order_id)

    @property
    def legs(self) -> tuple[Leg, ...]:
        match self.variety:
            case Variety.REGULAR:
                return ()
            case Variety.COVER:
                return (Leg.STOP,)
            case _:
                return LEGS

    # What the leader and his market do

    def leaders(self, leg: Leg) -> SimulatedOrder:
        """His entry, or a leg of it."""
        if leg is Leg.ENTRY:
            return self.stage.leaders(self.order_id)
        return next(order for order in self.stage.exchange.linked.legs(LEADER, self.order_id) if order.leg is leg)

    def fill(self, leg: Leg, units: int | None = None) -> None:
        self.stage.exchange.fill(LEADER, self.leaders(leg).book_id, units)

    def move(self, leg: Leg, price: Decimal) -> None:
        """He moves a leg, as the app lets him; one of a super order with its entry, while that has not traded."""
        if self.variety is Variety.SUPER:
            bracket = self.leaders(Leg.ENTRY).bracket
            assert bracket is not None
            bracket = evolve(bracket, target=price) if leg is Leg.TARGET else evolve(bracket, stop=price)
            waits = not self.leaders(Leg.ENTRY).status.is_terminal
            self.stage.exchange.linked.modify(LEADER, self.order_id, Leg.ENTRY if waits else leg, bracket)
        else:
            order = self.leaders(leg)
            terms = evolve(order.terms, **{"price" if leg is Leg.TARGET else "trigger": price})
            self.stage.modify(order.order_id, terms=terms)

    def cancel(self, leg: Leg) -> None:
        if self.variety is Variety.SUPER:
            self.stage.exchange.linked.cancel(LEADER, self.order_id, leg)
        else:
            self.stage.cancel(self.leaders(leg).order_id)

    # What the follower has

    def copies(self, leg: Leg, follower: str = F) -> list[SimulatedOrder]:
        """The follower's orders for a part of it, as the engine says which they are."""
        wanted = self.order_id + ("" if leg is Leg.ENTRY else f"/{leg.value}")
        rows = [row for row in self.stage.engine.orders() if row["leader_order_id"] == wanted and row["follower"] == follower]
        known = {row["broker_order_id"] for row in rows}
        return [order for order in self.stage.copies(follower) if order.book_id in known and order.quantity]

    def copy(self, leg: Leg, follower: str = F) -> SimulatedOrder | None:
        """The one that is open, if any is."""
        live = [order for order in self.copies(leg, follower) if not order.status.is_terminal]
        assert len(live) <= 1, f"two are open for {leg.value}"
        return live[0] if live else None

    def live(self, follower: str = F) -> list[int]:
        """What is open of each leg: target, stop."""
        found = [self.copy(leg, follower) for leg in LEGS]
        return [0 if order is None else order.leaves_quantity for order in found]

    def price(self, leg: Leg, follower: str = F) -> Decimal | None:
        """Where the follower's leg stands: its price, or the trigger."""
        order = self.copy(leg, follower)
        if order is None:
            return None
        return order.terms.trigger if isinstance(order.terms, StopLimit | StopMarket) else order.price

    def fill_copy(self, leg: Leg, units: int | None = None, follower: str = F) -> None:
        order = self.copy(leg, follower)
        assert order is not None
        self.stage.exchange.fill(follower, order.book_id, units)

    def protects(self, units: int, follower: str = F) -> bool:
        """Whether every leg is live for exactly so much."""
        live = self.live(follower)
        return [live[LEGS.index(leg)] for leg in self.legs] == [units] * len(self.legs)


def entered(stage: Stage, variety: Variety = Variety.SUPER, *, units: int = 300, **more: Any) -> Tree:
    """An entry that has filled at both, at half the size, as the engine knows, and legs that are in place."""
    tree = Tree.place(stage, units, variety, **more)
    stage.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.fill_copy(Leg.ENTRY)
    stage.until(lambda: stage.row(tree.order_id)["done"] == units // 2)
    tree.fill(Leg.ENTRY)
    stage.until(lambda: tree.protects(units // 2) and stage.row(tree.order_id)["filled"] == units)
    return tree
