"""Super orders of the simulated followers: what their broker takes, what it lets be changed, and what it shows of them."""

from __future__ import annotations

from functools import partial

from attrs import define, evolve

from dhan_copy.core.facts import Refusal
from dhan_copy.core.legs import leg_id
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import Leg, Limit, OrderReport, StopMarket, Terms, Variety
from dhan_copy.testing.simulation.linked import LinkedDesk
from dhan_copy.testing.simulation.market import Account, Family, Listing, TrueOrder, ticks_of

Refused = tuple[Refusal, str, bool]
_OVER = (Refusal.ORDER_STATE, "Order Has Traded Please Refresh Order Book", True)
_MISPLACED = (Refusal.OTHER, "RMS: target and stop loss must lie on either side of the price", True)


@define(eq=False)
class SuperDesk:
    """The legs are kept by ``desk``; ``legs_in_book`` says whether this run's broker shows them in the order book too, and
    not only in the list of super orders (protocol facts 1.10)."""

    desk: LinkedDesk
    legs_in_book: bool

    def place(self, account: Account, listing: Listing, request: Submit, terms: Terms) -> TrueOrder | Refused:
        """A new super order; ``terms`` are what the broker has made of those that were asked for."""
        assert request.bracket is not None
        sign, bracket = request.side.sign, request.bracket
        asked = request.terms.price if isinstance(request.terms, Limit) else None
        price = self.desk.exchange.prices[listing.key] if asked is None else ticks_of(asked)
        if _is_misplaced(bracket, price, sign):
            return _MISPLACED
        base = ticks_of(terms.price) if isinstance(terms, Limit) else price
        target, stop, jump = (
            None if at is None else ticks_of(at) for at in (bracket.target, bracket.stop, bracket.trailing_jump)
        )
        return self.desk.place(
            account, listing, sign, terms, request.quantity, Variety.SUPER, jump=jump, tag=request.client_order_id,
            target=None if target is None else (target - base) * sign, stop=None if stop is None else (base - stop) * sign,
        )  # fmt: skip

    def named(self, account: Account, request: Modify | Cancel) -> TrueOrder | None:
        """The part of a super order that a request is about."""
        order = account.orders.get(leg_id(request.broker_order_id, request.leg))
        return None if order is None or order.family is None else order

    def modify(self, order: TrueOrder, request: Modify) -> Refused | None:
        """Change the entry with its legs while it works, and a leg by its name afterwards."""
        family, bracket = order.family, request.bracket
        assert family is not None
        if order is family.entry:
            return self._modify_entry(family, request)
        if family.entry.is_open:
            return (Refusal.ORDER_STATE, "Entry order is not traded: modify ENTRY_LEG", True)
        at = None if bracket is None else bracket.target if order.leg is Leg.TARGET else bracket.stop
        if bracket is None or at is None:
            return (Refusal.OTHER, "Missing required fields, bad values for parameters", True)
        if order.leg is Leg.STOP:
            if order.trigger is None:
                return (Refusal.ORDER_STATE, "Order is already triggered", True)
            self._trail(family, bracket)
        self.desk.modify_leg(order, ticks_of(at))
        return None

    def row(self, order: TrueOrder, report: OrderReport, *, listed: bool) -> OrderReport | None:
        """What a look shows of a part of a super order, with the list of super orders or without it."""
        if order.is_native_leg:
            return report if listed or self.legs_in_book else None
        return report if listed else evolve(report, bracket=None)

    def _modify_entry(self, family: Family, request: Modify) -> Refused | None:
        exchange, entry = self.desk.exchange, family.entry
        if request.quantity <= entry.filled:
            return (Refusal.ORDER_STATE, "Quantity below what has traded", True)
        wanted = {} if request.bracket is None else {Leg.TARGET: request.bracket.target, Leg.STOP: request.bracket.stop}
        moved: list[tuple[TrueOrder, Terms]] = []
        stands = {leg: order.limit if leg is Leg.TARGET else order.trigger for leg, order in family.legs.items()}
        for leg, at in wanted.items():
            if at is None or leg not in family.legs or stands[leg] == ticks_of(at):
                continue
            order = family.legs[leg]
            if not order.is_open:
                return (Refusal.ORDER_STATE, f"{leg.value} leg is over", True)
            moved.append((order, Limit(at) if leg is Leg.TARGET else StopMarket(at)))
            stands[leg] = ticks_of(at)
        limit = ticks_of(request.terms.price) if isinstance(request.terms, Limit) else None
        if (
            limit is not None
            and not entry.filled
            and _lie_wrong(stands.get(Leg.TARGET), stands.get(Leg.STOP), limit, entry.sign)
        ):
            return _MISPLACED
        if request.bracket is not None and request.bracket.stop is not None:
            self._trail(family, request.bracket)
        for order, terms in moved:
            order.set_terms(terms)
            if order.is_shown:
                exchange.say(order)
                self.desk.timeline.after(self.desk.random.uniform(0.02, 0.6), partial(exchange.match, order))
        exchange.modify(entry, request.terms, request.quantity, request.validity)
        return None

    def _trail(self, family: Family, bracket: Bracket) -> None:
        before, family.jump = family.jump, None if bracket.trailing_jump is None else ticks_of(bracket.trailing_jump)
        if family.jump != before:
            family.trails_from = self.desk.exchange.prices[family.entry.listing.key]


def _is_misplaced(bracket: Bracket, price: int, sign: int) -> bool:
    target, stop = (None if at is None else ticks_of(at) for at in (bracket.target, bracket.stop))
    return _lie_wrong(target, stop, price, sign)


def _lie_wrong(target: int | None, stop: int | None, price: int, sign: int) -> bool:
    return (target is not None and (target - price) * sign <= 0) or (stop is not None and (price - stop) * sign <= 0)
