"""Keeps the exit legs of an entry to what is open: they grow with its fills, and shrink or go with each other's."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from attrs import evolve

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, Limit, OrderStatus, Product, Side, StopLimit, StopMarket
from dhan_copy.protocols import Clock
from dhan_copy.testing.books import AccountBook
from dhan_copy.testing.orders import NOT_AT_EXCHANGE, SimulatedOrder
from dhan_copy.testing.trading import Trading
from dhan_copy.testing.unwritten import Unwritten

EXITS = (Leg.TARGET, Leg.STOP)


class Legs:
    """The legs of every super, bracket and cover order. A leg is for what the entry has filled and the other leg has
    not; what one leg fills takes effect on the other at once, after ``unwritten.leg_delay_seconds``, or, while
    ``hold`` is true, at :meth:`settle` alone."""

    def __init__(self, trading: Trading, clock: Clock, unwritten: Unwritten) -> None:
        self.hold = False
        self._trading = trading
        self._clock = clock
        self._unwritten = unwritten
        self._waiting: dict[tuple[str, BrokerOrderId], tuple[float, AccountBook]] = {}
        trading.watch = self.changed
        trading.tell_super_legs = lambda: unwritten.super_legs_announced

    @property
    def due(self) -> float | None:
        """When, on the monotonic clock, the next leg shrinks or goes; None where nothing waits."""
        return min((at for at, _ in self._waiting.values()), default=None)

    def attach(self, book: AccountBook, entry: SimulatedOrder) -> None:
        """Give a new super order its legs: they are for nothing yet."""
        if entry.is_super:
            self.add(book, entry)

    def add(self, book: AccountBook, entry: SimulatedOrder) -> None:
        """Give ``entry`` the legs of its bracket that it does not have."""
        family = book.families.setdefault(entry.order_id, {})
        for leg in EXITS:
            terms = exit_terms(entry.bracket, leg)
            if terms is None or leg in family:
                continue
            order = evolve(
                entry,
                order_id=entry.order_id if entry.is_super else self._trading.numbers.order_id(),
                parent_order_id=None if entry.is_super else entry.order_id,
                tag=entry.tag if entry.is_super else None,
                exchange_order_id=NOT_AT_EXCHANGE,
                exchange_at=None,
                leg=leg,
                side=Side.SELL if entry.side is Side.BUY else Side.BUY,
                terms=terms,
                quantity=entry.quantity if entry.product is Product.CO else 0,
                disclosed_quantity=0,
                filled_quantity=0,
                traded_value=Decimal(0),
                last_trade_price=None,
                status=OrderStatus.PENDING,
                reason="CONFIRMED",
                bracket=None,
                profit_change=None,
                stop_change=None,
                modifications=0,
            )
            family[leg] = order.book_id
            self._trading.put(book, order, silent=not order.quantity)

    def changed(self, book: AccountBook, order: SimulatedOrder) -> None:
        """An order filled, was modified or ended: let what belongs to it follow."""
        if order.has_legs:
            self._follow_entry(book, order)
        elif order.leg is not Leg.ENTRY:
            self._note_price(book, order)
        else:
            return
        if self.hold or self._unwritten.leg_delay_seconds:
            at = self._clock.monotonic() + self._unwritten.leg_delay_seconds
            self._waiting.setdefault((book.name, order.entry_id), (at, book))
        else:
            self._settle(book, order.entry_id)

    def settle(self, *, only_due: bool = False) -> None:
        """Let every fill of a leg take effect on the other leg; with ``only_due`` those whose time has come."""
        if only_due and self.hold:
            return
        now = self._clock.monotonic()
        for key, (at, book) in list(self._waiting.items()):
            if at <= now or not only_due:
                self._waiting.pop(key, None)
                self._settle(book, key[1])

    def end(self, book: AccountBook, leg: SimulatedOrder, status: OrderStatus = OrderStatus.CANCELLED) -> None:
        """Take a leg out of the market: one that has filled counts as traded in full, for no more than that."""
        if leg.filled_quantity and leg.filled_quantity >= leg.quantity:
            self._trading.put(book, evolve(leg, status=OrderStatus.TRADED, quantity=leg.filled_quantity))
        else:
            self._trading.put(book, evolve(leg, status=status, reason="CONFIRMED"), silent=not leg.quantity)

    def trail(self, book: AccountBook, key: InstrumentKey, last: Decimal) -> None:
        """Move the stops that trail by every whole jump that the price has made."""
        for stop in book.live():
            if stop.key != key or stop.leg is not Leg.STOP or stop.trails_from is None:
                continue
            entry = book.orders.get(stop.entry_id)
            jump = entry.bracket.trailing_jump if entry is not None and entry.bracket is not None else None
            if jump is None or not isinstance(stop.terms, StopMarket):
                continue
            sign = -stop.side.sign
            jumps = ((last - stop.trails_from) * sign / jump).to_integral_value(rounding=ROUND_FLOOR)
            if jumps > 0:
                moved = sign * jumps * jump
                terms = StopMarket(stop.terms.trigger + moved)
                self.move(book, evolve(stop, terms=terms, trails_from=stop.trails_from + moved))

    def move(self, book: AccountBook, leg: SimulatedOrder) -> None:
        """Write a leg at its new price, and note it on the entry."""
        self._trading.put(book, leg, silent=not leg.quantity)
        self._note_price(book, leg)

    def _follow_entry(self, book: AccountBook, entry: SimulatedOrder) -> None:
        if entry.product is Product.BO and not book.families.get(entry.order_id):
            entry = evolve(entry, bracket=bracket_at(entry))
            book.orders[entry.book_id] = entry
        shown = entry.product is Product.CO and self._unwritten.cover_stop_from_the_start
        if entry.filled_quantity or (shown and not entry.status.is_terminal):
            self.add(book, entry)
        grown = []
        for leg in book.legs(entry.order_id):
            more = entry.filled_quantity - leg.covers
            if leg.status.is_terminal or more <= 0:
                continue
            leg = leg if leg.covers else self._trading.at_exchange(leg)
            leg = evolve(
                leg,
                quantity=(leg.quantity if leg.covers else 0) + more,
                covers=entry.filled_quantity,
                sequence=self._trading.numbers.sequence(),
                trails_from=leg.trails_from or entry.last_trade_price,
            )
            grown.append(self._trading.put(book, leg).book_id)
        for book_id in grown:
            leg = book.orders[book_id]
            if not leg.status.is_terminal:
                self._trading.incoming(book, leg)

    def _settle(self, book: AccountBook, entry_id: BrokerOrderId) -> None:
        entry = book.orders.get(entry_id)
        if entry is None:
            return
        for book_id in list(book.families.get(entry_id, {}).values()):
            leg = book.orders[book_id]
            if leg.status.is_terminal:
                continue
            others = sum(other.filled_quantity for other in book.legs(entry_id) if other.book_id != book_id)
            want = max(entry.filled_quantity - others, leg.filled_quantity)
            if entry.status.is_terminal and want == leg.filled_quantity:
                expired = entry.status is OrderStatus.EXPIRED and not entry.filled_quantity
                status = OrderStatus.EXPIRED if expired else OrderStatus.CANCELLED
                self.end(book, evolve(leg, quantity=want) if leg.filled_quantity else leg, status)
            elif leg.covers and want != leg.quantity:
                self._trading.put(book, evolve(leg, quantity=want), silent=not want)

    def _note_price(self, book: AccountBook, leg: SimulatedOrder) -> None:
        entry = book.orders.get(leg.entry_id)
        bracket = entry.bracket if entry is not None else None
        if entry is None or bracket is None:
            return
        if leg.leg is Leg.TARGET and isinstance(leg.terms, Limit):
            bracket = evolve(bracket, target=leg.terms.price)
        elif leg.leg is Leg.STOP and isinstance(leg.terms, StopMarket | StopLimit):
            bracket = evolve(bracket, stop=leg.terms.trigger)
        book.orders[entry.book_id] = evolve(entry, bracket=bracket)


def exit_terms(bracket: Bracket | None, leg: Leg) -> Limit | StopMarket | None:
    """A target is a limit; a stop trades at the market once its price is touched."""
    if bracket is None:
        return None
    if leg is Leg.TARGET:
        return None if bracket.target is None else Limit(bracket.target)
    return None if bracket.stop is None else StopMarket(bracket.stop)


def bracket_at(entry: SimulatedOrder) -> Bracket | None:
    """Where a bracket order's legs stand: its values are differences from the entry's price, which is its limit, or
    for a market order what it traded at; None before that is known."""
    price = entry.price or entry.average_price
    if price is None:
        return None
    sign = entry.side.sign
    return Bracket(
        target=None if entry.profit_change is None else price + sign * entry.profit_change,
        stop=None if entry.stop_change is None else price - sign * entry.stop_change,
    )
