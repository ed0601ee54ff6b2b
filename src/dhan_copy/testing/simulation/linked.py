"""Super, bracket and cover orders of the simulated accounts: what their exchange does, and what it leaves unsaid."""

from __future__ import annotations

from random import Random

from attrs import define, evolve, field

from dhan_copy.core.legs import leg_id
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, Limit, Market, OrderReport, OrderStatus, Product, StopMarket, Terms, Validity, Variety
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.market import Account, Exchange, Family, Listing, TrueOrder, leg_name, price_of
from dhan_copy.testing.simulation.timeline import Timeline

EXITS = (Leg.TARGET, Leg.STOP)
TOUCHED_TICKS = 2
FIRST_IN_LINE = 0.2
"""How often a leader's target fills where the followers', in line behind it, do not."""
LAST_TRADES = 0.3


@define(eq=False)
class LinkedDesk:
    """Keeps the legs of every linked order to what is open, as slowly as this run's exchange does: meanwhile both may
    fill. What no document says of Dhan is drawn once per run."""

    timeline: Timeline
    random: Random
    faults: Faults
    exchange: Exchange
    delay_seconds: float
    """Before what one leg filled takes effect on the other."""
    cancelled_entry_keeps_exits: bool
    """Whether legs go on working for what their entry filled before it was cancelled."""
    super_legs_announced: bool
    """Whether the order stream tells of the legs of super orders."""
    cover_stop_from_the_start: bool
    """Whether a cover order's stop is shown before its entry has filled."""
    families: list[Family] = field(factory=list)
    """Of today."""

    def place(
        self, account: Account, listing: Listing, sign: int, terms: Terms, quantity: int, variety: Variety, *,
        target: int | None, stop: int | None, jump: int | None = None, tag: ClientOrderId | None = None,
    ) -> TrueOrder:  # fmt: skip
        """An entry whose target and stop lie so many ticks from its price."""
        entry = self.exchange.take(account, listing, sign, terms, quantity, tag=tag, silent=True)
        family = entry.family = Family(variety, entry, changes=(target, stop), jump=jump)
        self.families.append(family)
        if variety is not Variety.BRACKET or entry.limit is not None:
            self._give_legs(family, entry.limit or self.exchange.prices[listing.key])
        self.exchange.say(entry)
        if variety is Variety.COVER and self.cover_stop_from_the_start:
            for leg in family.legs.values():
                leg.quantity = quantity
                self.exchange.say(leg)
        return entry

    def follow(self, order: TrueOrder) -> None:
        """An order of a family filled or ended."""
        family = order.family
        assert family is not None
        entry = family.entry
        if order is entry and entry.filled and not family.legs:
            self._give_legs(family, entry.limit or self.exchange.prices[entry.listing.key])
        if order is not entry and order.filled and self.faults.strike("F40", 20):
            self._race(family, order)
        if order is entry or not self.delay_seconds:
            self._settle(family)
        else:
            self.timeline.after(self.random.uniform(0.0, self.delay_seconds), lambda: self._settle(family))

    def moved(self, key: InstrumentKey) -> None:
        """The price has moved: stops that trail follow it, and a target that is touched may fill by being first in line."""
        self.trail(key)
        price = self.exchange.prices[key]
        for family in self.families:
            target = family.legs.get(Leg.TARGET)
            if target is None or target.listing.key != key or target.limit is None or not self._works(target):
                continue
            if 0 < (target.limit - price) * family.entry.sign <= TOUCHED_TICKS and self.random.random() < FIRST_IN_LINE:
                self.exchange.fill(target, target.leaves)

    def fill_some(self, account: Account) -> None:
        """Some legs of the account fill where nobody else's do: the last trades of the day."""
        for family in self.families:
            working = [leg for leg in family.legs.values() if leg.account is account and self._works(leg)]
            if working and self.random.random() < LAST_TRADES:
                leg = self.random.choice(working)
                leg.trigger = None
                self.exchange.fill(leg, leg.leaves)

    def trail(self, key: InstrumentKey) -> None:
        """Let stops follow the price by whole jumps."""
        price = self.exchange.prices[key]
        for family in self.families:
            stop = family.legs.get(Leg.STOP)
            if stop is None or family.jump is None or stop.listing.key != key or stop.trigger is None or not stop.leaves:
                continue
            jumps = (price - family.trails_from) * family.entry.sign // family.jump
            if jumps <= 0:
                continue
            family.trails_from += jumps * family.jump * family.entry.sign
            stop.set_terms(StopMarket(price_of(stop.trigger + jumps * family.jump * family.entry.sign)))
            self.exchange.say(stop)
            self.exchange.note(family.entry)

    def modify_leg(self, leg: TrueOrder, ticks: int) -> None:
        """Move a target or a stop that waits."""
        assert leg.family is not None
        terms = Limit(price_of(ticks)) if leg.leg is Leg.TARGET else StopMarket(price_of(ticks))
        if leg.is_shown:
            self.exchange.modify(leg, terms, leg.quantity, leg.validity)
        else:
            leg.set_terms(terms)
        self.exchange.note(leg.family.entry)

    def apart(self, account: Account) -> dict[tuple[Listing, Product], int]:
        """What the account holds by bracket and cover orders: the broker shows it under products of their own."""
        held: dict[tuple[Listing, Product], int] = {}
        for family in self.families:
            entry = family.entry
            if entry.account is account and entry.product is not entry.listing.product:
                place = (entry.listing, entry.product)
                held[place] = held.get(place, 0) + family.position
        return held

    def next_day(self) -> None:
        self.families.clear()

    def _give_legs(self, family: Family, price: int) -> None:
        entry = family.entry
        family.trails_from = price
        for leg, change in zip(EXITS, family.changes, strict=True):
            if change is None:
                continue
            away = entry.sign if leg is Leg.TARGET else -entry.sign
            tag = None if entry.tag is None else leg_name(entry.tag, leg)
            order = TrueOrder(
                entry.account, leg_id(entry.order_id, leg), entry.listing, -entry.sign, Validity.DAY, Market(), 0, tag,
                entry.created_at, entry.updated_at, OrderStatus.PENDING, family=family, leg=leg,
            )  # fmt: skip
            if family.variety is not Variety.SUPER:
                order.own_id = BrokerOrderId(f"{entry.account.name}{self.exchange.number():06d}")
            at = price_of(max(1, price + away * change))
            order.set_terms(Limit(at) if leg is Leg.TARGET else StopMarket(at))
            entry.account.orders[order.order_id] = order
            family.legs[leg] = order

    def _settle(self, family: Family) -> None:
        entry = family.entry
        for leg in list(family.legs.values()):
            if not leg.is_open:
                continue
            others = family.closed - leg.filled
            want = max(entry.filled - others, leg.filled)
            taken_back = entry.status is OrderStatus.CANCELLED and not self.cancelled_entry_keeps_exits
            if not entry.is_open and (want == leg.filled or taken_back):
                self._end(leg, want, entry.status)
            elif want > leg.filled and (want != leg.quantity or not self._works(leg)):
                self._resize(leg, want)
            elif want == leg.filled and self._works(leg):
                self._rest(leg, want)

    def _works(self, leg: TrueOrder) -> bool:
        return leg in self.exchange.open[leg.listing.key]

    def _end(self, leg: TrueOrder, want: int, entry: OrderStatus) -> None:
        if leg.filled and want == leg.filled:
            leg.quantity, leg.status, leg.ended_by = leg.filled, OrderStatus.TRADED, "exchange"
            self.exchange.open[leg.listing.key].pop(leg, None)
            self.exchange.say(leg)
        else:
            status = OrderStatus.EXPIRED if entry is OrderStatus.EXPIRED else OrderStatus.CANCELLED
            self.exchange.end(leg, status, "exchange")
            if leg.family is not None and not leg.is_shown:
                self.exchange.note(leg.family.entry)

    def _resize(self, leg: TrueOrder, want: int) -> None:
        leg.quantity = want
        if not leg.is_shown:
            leg.created_at = self.timeline.second()
        self.exchange.open[leg.listing.key][leg] = None
        self.exchange.say(leg)
        self.timeline.after(self.random.uniform(0.02, 0.6), lambda: self.exchange.match(leg))

    def _rest(self, leg: TrueOrder, want: int) -> None:
        """Nothing is left for it at present."""
        leg.quantity = want
        self.exchange.open[leg.listing.key].pop(leg, None)
        if want:
            self.exchange.say(leg)

    def _race(self, family: Family, order: TrueOrder) -> None:
        """The other leg fills in the same moment, or the exchange takes it away."""
        other = next((leg for leg in family.legs.values() if leg is not order and leg.leaves and leg.is_shown), None)
        if other is None:
            return
        if self.random.random() < 0.3:
            self.exchange.end(other, OrderStatus.CANCELLED, "broker")
            return
        fill_at_once(self.exchange, self.random, other)


def fill_at_once(exchange: Exchange, random: Random, order: TrueOrder) -> None:
    """Fill an order, or a part of it, wherever the price is."""
    lots = order.leaves // order.listing.lot
    units = order.leaves if lots < 2 or random.random() < 0.6 else random.randint(1, lots - 1) * order.listing.lot
    order.trigger = None
    exchange.fill(order, units)


def on_stream(report: OrderReport) -> OrderReport:
    """What a frame says: nothing of the legs of an entry (protocol facts 1.10)."""
    return report if report.bracket is None else evolve(report, bracket=None)


def in_book(report: OrderReport, *, parents: bool) -> OrderReport:
    """What a row says: nothing of the stop of a cover order, nothing of what a Forever order came from (protocol facts
    1.11), and not always which entry a leg belongs to."""
    if report.variety is Variety.COVER and report.bracket is not None:
        report = evolve(report, bracket=None)
    if report.parent_order_id is not None and (not parents or report.variety is Variety.FOREVER):
        report = evolve(report, parent_order_id=None)
    return report
