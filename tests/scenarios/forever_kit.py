"""A leader's Forever order on any :class:`~tests.scenarios.kit.Stage`, and a follower's copy of it.

A single one buys at 90; a pair closes what he holds at 110, or at 70. The market stands at 100 and fills nothing by
itself.
"""

from __future__ import annotations

from decimal import Decimal

from attrs import define

from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import ForeverLeg, Leg, Product, Side, StopLimit
from dhan_copy.testing import NewOrder, SimulatedOrder
from dhan_copy.testing.forever import ForeverOrder
from tests.scenarios.kit import CALL, F, LEADER, Stage

ENTRY, TARGET, STOP = (StopLimit(Decimal(price), Decimal(price + by)) for price, by in ((90, 1), (110, -1), (70, -1)))
PAIR = (Leg.TARGET, Leg.STOP)


@define(eq=False)
class Forever:
    """One Forever order of the leader's."""

    stage: Stage
    order_id: BrokerOrderId
    legs: tuple[Leg, ...]
    earlier: frozenset[str]
    """What the follower had been given before."""

    @classmethod
    def place(cls, stage: Stage, units: int, *, pair: bool) -> Forever:
        """A pair for ``units`` that the leader bought before."""
        earlier = frozenset(order.order_id for order in stage.copies())
        side, terms = (Side.SELL, TARGET) if pair else (Side.BUY, ENTRY)
        new = NewOrder(key=CALL, side=side, quantity=units, terms=terms, product=Product.MARGIN)
        legs = stage.exchange.forever.place(LEADER, new, ForeverLeg(terms=STOP, quantity=units) if pair else None)
        return cls(stage, legs[0].order_id, tuple(leg.leg for leg in legs), earlier)

    # What the leader and his market do

    def leaders(self, leg: Leg) -> ForeverOrder:
        return next(each for each in self.waiting(LEADER) if each.leg is leg)

    def change(self, leg: Leg, *, units: int | None = None, trigger: int | None = None, price: int | None = None) -> None:
        """What is not named stays."""
        now = self.leaders(leg)
        assert isinstance(now.terms, StopLimit)
        terms = StopLimit(Decimal(trigger or now.terms.trigger), Decimal(price or now.terms.price))
        self.stage.exchange.forever.modify(LEADER, self.order_id, leg, quantity=units or now.quantity, terms=terms)

    def cancel(self) -> None:
        self.stage.exchange.forever.cancel(LEADER, self.order_id)

    def fire(self, account: str, leg: Leg) -> None:
        """Fire it in one account, wherever the price is."""
        [order_id] = {each.order_id for each in self.waiting(account)}
        self.stage.exchange.forever.reach(account, order_id, leg)

    def fire_both(self, leg: Leg) -> None:
        self.stage.exchange.set_price(CALL, self.leaders(leg).terms.trigger, available=0)

    def fill(self, account: str, units: int | None = None) -> None:
        self.stage.exchange.fill(account, self.appeared(account).order_id, units)

    # What they have

    def waiting(self, account: str = F) -> list[ForeverOrder]:
        return [leg for leg in self.stage.exchange.forever.orders(account) if leg.is_working]

    def appeared(self, account: str = F) -> SimulatedOrder:
        """What it placed when it fired."""
        [order] = [order for order in self.stage.exchange.orders(account) if order.platform == "FOVR"]
        return order

    def since(self) -> list[SimulatedOrder]:
        """What the follower has in its order book since the leader placed it."""
        return [order for order in self.stage.copies() if order.order_id not in self.earlier]

    # How far the engine is

    def is_copied(self) -> bool:
        """Whether the copy waits and its broker's id is known."""
        known = {leg.order_id for leg in self.waiting()}
        return len(self.waiting()) == len(self.legs) and self.stage.row(self.order_id)["broker_order_id"] in known

    def is_known_to_have_fired(self) -> bool:
        """Whether it is known what the leader's placed."""
        return any(told.report.leg_order_id is not None for told in self.stage.leader_reports(self.order_id))


def holding(stage: Stage, units: int) -> None:
    """The leader has bought so much, and the follower half of it."""
    order = stage.buy(units, product=Product.MARGIN)
    stage.until(lambda: stage.row(order)["done"] == units // 2 and stage.row(order)["filled"] == units)
