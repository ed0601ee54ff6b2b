"""Changes orders: confirms, triggers and fills them, and books what follows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from attrs import evolve

from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg
from dhan_copy.model.order import Market as MarketOrder
from dhan_copy.model.order import OrderStatus, Side, StopMarket, Terms, Validity
from dhan_copy.protocols import Clock
from dhan_copy.testing.announcer import Announcer
from dhan_copy.testing.books import AccountBook
from dhan_copy.testing.market import Market
from dhan_copy.testing.matching import after_trigger, is_marketable, protected_limit
from dhan_copy.testing.numbering import Numbering
from dhan_copy.testing.orders import SimulatedOrder, Trade


class Trading:
    """The only writer of order books and positions."""

    def __init__(
        self,
        clock: Clock,
        market: Market,
        announcer: Announcer,
        *,
        protect_api_market: bool,
        stop_market_drops_trigger: bool,
    ) -> None:
        self.numbers = Numbering(clock)
        self.watch: Callable[[AccountBook, SimulatedOrder], None] = lambda book, order: None
        """Told each time that an order filled, was modified or ended."""
        self.tell_super_legs: Callable[[], bool] = lambda: True
        self._clock = clock
        self._market = market
        self._announcer = announcer
        self._protect_api_market = protect_api_market
        self._stop_market_drops_trigger = stop_market_drops_trigger

    def accepted_terms(self, key: InstrumentKey, side: Side, terms: Terms, source: str) -> Terms:
        """What Dhan makes of the terms of a request: an API market order is price-protected."""
        if source != "P":
            return terms
        if isinstance(terms, StopMarket) and self._stop_market_drops_trigger:
            terms = MarketOrder()
        last = self._market.reference(key)
        if isinstance(terms, MarketOrder) and self._protect_api_market and last is not None:
            return protected_limit(side, last, self._market.instrument(key).tick)
        return terms

    def put(self, book: AccountBook, order: SimulatedOrder, *, silent: bool = False) -> SimulatedOrder:
        """Write an order as it is now, and announce it."""
        order = evolve(order, updated_at=self._clock.now(), reference_price=self._market.reference(order.key))
        book.orders[order.book_id] = order
        if not silent:
            self._tell(order)
        return order

    def confirm(self, book: AccountBook, order: SimulatedOrder) -> None:
        """Let a TRANSIT order reach the exchange and trade, or meet the rejection that awaits it."""
        rejection = book.rejected_later.pop(order.order_id, None)
        if rejection is not None:
            self.end(book, order, OrderStatus.REJECTED, rejection.text)
        elif order.after_market:
            self.put(book, evolve(order, status=OrderStatus.PENDING, reason="CONFIRMED"))
        else:
            self.open(book, order)

    def open(self, book: AccountBook, order: SimulatedOrder) -> None:
        """Hand an order to the exchange."""
        order = self.put(book, self.at_exchange(order))
        self.watch(book, order)
        self.incoming(book, book.orders[order.book_id])

    def incoming(self, book: AccountBook, order: SimulatedOrder) -> None:
        """Trade a new or changed order at the last price as far as it goes; what is left of an IOC is cancelled."""
        last = self._market.last(order.key)
        if last is not None:
            self.trigger(book, order, last)
            order = book.orders[order.book_id]
            if is_marketable(order.terms, order.side, last):
                self.take(book, order, last)
        order = book.orders[order.book_id]
        if order.validity is Validity.IOC and not order.status.is_terminal:
            self.end(book, order, OrderStatus.CANCELLED, "CONFIRMED")

    def trigger(self, book: AccountBook, order: SimulatedOrder, last: Decimal) -> bool:
        """Turn a stop that ``last`` reaches into a limit or market order: its trigger is gone, and only the stop of a
        linked order has a state for that (Dhan: TRIGGERED)."""
        terms = after_trigger(order.terms, order.side, last)
        if terms == order.terms:
            return False
        if order.leg is Leg.ENTRY:
            self.put(book, evolve(order, terms=self.accepted_terms(order.key, order.side, terms, order.source)))
        else:
            status = OrderStatus.TRIGGERED if order.status is OrderStatus.PENDING else order.status
            self.put(book, evolve(order, terms=terms, status=status, triggered_quantity=order.quantity))
        return True

    def take(self, book: AccountBook, order: SimulatedOrder, price: Decimal) -> None:
        """Fill as much as there is to trade."""
        units = self._market.take(order.key, order.side, order.leaves_quantity)
        if units:
            self.fill(book, order, units, price)

    def fill(self, book: AccountBook, order: SimulatedOrder, units: int, price: Decimal) -> SimulatedOrder:
        """Fill ``units`` at ``price``."""
        if order.exchange_at is None:
            order = self.at_exchange(order)
        filled = order.filled_quantity + units
        done = filled == order.quantity and not book.may_grow(order)
        order = evolve(
            order,
            filled_quantity=filled,
            traded_value=order.traded_value + units * price,
            last_trade_price=price,
            status=OrderStatus.TRADED if done else OrderStatus.PART_TRADED,
            reason="TRADE CONFIRMED",
            triggered_quantity=0 if order.leg is Leg.ENTRY else max(order.triggered_quantity, filled),
        )
        self.book_trade(book, order, units, price)
        order = self.put(book, order)
        self.watch(book, order)
        return book.orders[order.book_id]

    def changed(self, book: AccountBook, order: SimulatedOrder) -> SimulatedOrder:
        """Write a modified order, announce it as MODIFIED and then as it is, and trade what can trade."""
        if order.quantity == order.filled_quantity and not book.may_grow(order):
            order = evolve(order, status=OrderStatus.TRADED)
        order = self.put(book, order, silent=True)
        self._tell(evolve(order, status=OrderStatus.MODIFIED))
        self._tell(order)
        self.watch(book, order)
        order = book.orders[order.book_id]
        if order.exchange_at is not None and not order.recorded and not order.status.is_terminal:
            self.incoming(book, order)
        return book.orders[order.book_id]

    def end(self, book: AccountBook, order: SimulatedOrder, status: OrderStatus, reason: str) -> SimulatedOrder:
        """End an order: what is open of it never trades. A leg that is for nothing yet goes without a word."""
        book.rejected_later.pop(order.order_id, None)
        order = self.put(book, evolve(order, status=status, reason=reason), silent=not order.quantity)
        self.watch(book, order)
        return book.orders[order.book_id]

    def record(self, book: AccountBook, order: SimulatedOrder) -> SimulatedOrder:
        """Write an order as it was recorded; a fill beyond what was known moves the position.

        Recordings may be told again or out of order: fills never shrink, and an older state changes nothing else.
        """
        order = evolve(order, recorded=True)
        before = book.orders.get(order.book_id)
        known = before.filled_quantity if before else 0
        if order.filled_quantity > known:
            price = order.last_trade_price or order.average_price or order.price or Decimal(0)
            self.book_trade(book, order, order.filled_quantity - known, price)
        if before is not None:
            order = _newest(before, order)
        book.orders[order.book_id] = order
        return order

    def book_trade(self, book: AccountBook, order: SimulatedOrder, units: int, price: Decimal) -> None:
        """Write a trade row and move the position."""
        trade_id, now = self.numbers.trade_id(), self._clock.now()
        book.trades.append(Trade(trade_id=trade_id, order=order, quantity=units, price=price, at=now))
        book.position(order.key, order.product).trade(order.side, units, price)

    def _tell(self, order: SimulatedOrder) -> None:
        if self.tell_super_legs() or not order.is_super or order.leg is Leg.ENTRY:
            self._announcer.announce(order)

    def at_exchange(self, order: SimulatedOrder) -> SimulatedOrder:
        """The order as it is once it has a number of the exchange."""
        number, now = self.numbers.exchange_order_id(), self._clock.now()
        return evolve(order, status=OrderStatus.PENDING, reason="CONFIRMED", exchange_order_id=number, exchange_at=now)


def _newest(before: SimulatedOrder, told: SimulatedOrder) -> SimulatedOrder:
    more = told if told.filled_quantity > before.filled_quantity else before
    behind = told.updated_at < before.updated_at and more is before
    newest = before if not told.status.is_terminal and (before.status.is_terminal or behind) else told
    part = newest.status is OrderStatus.PENDING and more.filled_quantity > 0
    return evolve(
        newest,
        filled_quantity=more.filled_quantity,
        traded_value=more.traded_value,
        last_trade_price=more.last_trade_price,
        status=OrderStatus.PART_TRADED if part else newest.status,
    )
