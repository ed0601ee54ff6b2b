"""Forever orders of the simulated accounts: what waits over days, what fires, and what a broker's list of them shows."""

from __future__ import annotations

from random import Random

from attrs import define, evolve, field

from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import ForeverLeg, Leg, Limit, OrderReport, OrderStatus, Product, StopLimit
from dhan_copy.testing.simulation.market import (
    LISTINGS,
    Account,
    Exchange,
    Forever,
    Listing,
    TrueOrder,
    price_of,
    ticks_of,
)
from dhan_copy.testing.simulation.timeline import Timeline

WAITED_FOR = tuple(
    listing for listing in LISTINGS
    if listing.product in (Product.CNC, Product.MARGIN) and listing.key.segment.value in ("NSE_EQ", "NSE_FNO")
)  # fmt: skip
"""What Dhan takes Forever orders of (protocol facts 1.11)."""
PROTECTION_TICKS = 20
REFUSED = 0.03
"""How often what one places when it fires is refused."""


@define(eq=False)
class ForeverDesk:
    """Keeps them until their price is reached. What no document says of Dhan is drawn once per run."""

    timeline: Timeline
    random: Random
    exchange: Exchange
    fired_is_listed_as: OrderStatus | None
    """None: the list leaves out what has fired."""
    announced: bool
    """Whether the order stream tells of what waits."""
    waiting: dict[TrueOrder, None] = field(factory=dict)

    def place(
        self, account: Account, listing: Listing, sign: int, legs: dict[Leg, ForeverLeg], *, tag: ClientOrderId | None = None
    ) -> TrueOrder:
        """One leg, or a pair whose target is the first."""
        first = next(iter(legs.values()))
        order = self.exchange.take(
            account, listing, sign, first.terms, first.quantity, tag=tag, status=OrderStatus.CONFIRM, silent=True
        )
        order.forever = Forever(dict(legs))
        for leg in legs:
            self._aim(order, leg)
        self.waiting[order] = None
        self.exchange.say(order)
        return order

    def modify(self, order: TrueOrder, leg: Leg, changed: ForeverLeg) -> None:
        """Change one leg; ``leg`` of a single one is whatever it is called."""
        forever = order.forever
        assert forever is not None
        name = leg if leg in forever.legs else next(iter(forever.legs))
        forever.legs[name] = changed
        self._aim(order, name)
        first = next(iter(forever.legs.values()))
        order.set_terms(first.terms)
        order.quantity = first.quantity
        order.modifications += 1
        self.exchange.say(order)

    def moved(self, key: InstrumentKey) -> None:
        """The price has moved: what it has reached fires, and now and then a little later."""
        price = self.exchange.prices[key]
        for order in list(self.waiting):
            forever = order.forever
            assert forever is not None
            if not order.waits or order.listing.key != key:
                continue
            for leg, above in forever.above.items():
                trigger = ticks_of(forever.legs[leg].terms.trigger)
                if price >= trigger if above else price <= trigger:
                    self._fire_soon(order, leg)
                    break

    def fire(self, order: TrueOrder, leg: Leg | None = None) -> None:
        """An ordinary order appears, with an id of its own (protocol facts 1.11); here it goes on as the same."""
        forever = order.forever
        if not order.waits or forever is None:
            return
        self.waiting.pop(order, None)
        leg = leg if leg in forever.legs else next(iter(forever.legs))
        assert leg is not None
        forever.fired = leg
        order.own_id = BrokerOrderId(f"{order.account.name}{self.exchange.number():06d}")
        order.account.fired[order.own_id] = order
        chosen = forever.legs[leg]
        market = price_of(self.exchange.prices[order.listing.key] + PROTECTION_TICKS * order.sign)
        order.set_terms(Limit(chosen.terms.price if isinstance(chosen.terms, StopLimit) else market))
        order.quantity, order.status, order.modifications = chosen.quantity, OrderStatus.TRANSIT, 0
        order.created_at = self.timeline.second()
        self.exchange.say(order)
        nothing_to_sell = order.product.is_delivery and order.sign < 0 and order.account.held(order.listing) < order.quantity
        refused = nothing_to_sell or self.random.random() < REFUSED
        happens = self.exchange.reject if refused else self.exchange.confirm
        self.timeline.after(self.random.uniform(0.01, 0.3), lambda: happens(order))

    def close_day(self) -> None:
        """What has fired or ended is forgotten; the rest stays."""
        self.waiting = {order: None for order in self.waiting if order.waits}

    def list_of(self, account: Account, until: float) -> list[OrderReport]:
        """What ``GET /forever/orders`` showed at a moment: no tag, and a row for each leg."""
        rows: list[OrderReport] = []
        for order in account.orders.values():
            if order.forever is not None and not order.ghost:
                rows += self._rows(order, until)
        return rows

    def frames_of(self, order: TrueOrder) -> list[OrderReport]:
        """What the stream tells of an order."""
        if not order.is_listed:
            return [order.report]
        return rows_of(order.report) if self.announced else []

    def _rows(self, order: TrueOrder, until: float) -> list[OrderReport]:
        forever, report = order.forever, order.as_of(until)
        assert forever is not None
        if report is None:
            return []
        if report.parent_order_id is None:
            return rows_of(report)
        if self.fired_is_listed_as is None:
            return []
        fired_at, waited = next((at, r) for at, r in reversed(order.versions) if r.parent_order_id is None)
        appeared = next(r for at, r in order.versions if at >= fired_at and r.parent_order_id is not None)
        return [
            evolve(
                row, updated_at=appeared.updated_at,
                status=self.fired_is_listed_as if row.leg in (forever.fired, Leg.ENTRY) else OrderStatus.CANCELLED,
            )
            for row in rows_of(waited)
        ]  # fmt: skip

    def _fire_soon(self, order: TrueOrder, leg: Leg) -> None:
        if self.random.random() < 0.8:
            self.fire(order, leg)
        else:
            self.timeline.after(self.random.uniform(0.0, 2.0), lambda: self.fire(order, leg))

    def _aim(self, order: TrueOrder, leg: Leg) -> None:
        """A pair's target and stop lie on known sides of the price; a single one on the other side of where it is now."""
        forever = order.forever
        assert forever is not None
        match leg:
            case Leg.TARGET:
                above = order.sign < 0
            case Leg.STOP:
                above = order.sign > 0
            case Leg.ENTRY:
                above = ticks_of(forever.legs[leg].terms.trigger) >= self.exchange.prices[order.listing.key]
        forever.above[leg] = above


def rows_of(report: OrderReport) -> list[OrderReport]:
    """A pair has a row for each leg, and both have its id."""
    second = report.second_leg
    if second is None:
        return [report]
    target = evolve(report, leg=Leg.TARGET, second_leg=None)
    return [target, evolve(target, leg=Leg.STOP, terms=second.terms, quantity=second.quantity)]
