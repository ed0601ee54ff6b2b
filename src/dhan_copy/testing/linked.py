"""Takes super, bracket and cover orders of the simulated accounts, and what is asked of their legs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from attrs import evolve

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, Limit, OrderStatus, Product, Terms
from dhan_copy.protocols import Clock
from dhan_copy.testing.announcer import Announcer
from dhan_copy.testing.books import AccountBook
from dhan_copy.testing.intake import Intake
from dhan_copy.testing.legs import Legs, bracket_at, exit_terms
from dhan_copy.testing.market import Market
from dhan_copy.testing.orders import ExchangeRefusal, NewOrder, Rejection, RequestKind, SimulatedOrder, leg_id
from dhan_copy.testing.rules import misplaced_leg, modification_problem, state_problem
from dhan_copy.testing.trading import Trading
from dhan_copy.testing.unwritten import Unwritten

SUPER_PRODUCTS = (Product.CNC, Product.INTRADAY, Product.MARGIN, Product.MTF)


class LinkedDesk:
    """Entries with legs, as accounts ask for them (``exchange.linked``).

    What is refused raises :class:`~dhan_copy.testing.orders.ExchangeRefusal` and changes nothing. Orders and fills of
    legs are in the exchange's own books: a bracket or cover order's leg by its id, a super order's by
    :func:`~dhan_copy.testing.orders.leg_id`.
    """

    def __init__(
        self,
        clock: Clock,
        market: Market,
        announcer: Announcer,
        trading: Trading,
        intake: Intake,
        legs: Legs,
        book: Callable[[str], AccountBook],
        unwritten: Unwritten,
    ) -> None:
        self._clock = clock
        self._market = market
        self._announcer = announcer
        self._trading = trading
        self._intake = intake
        self._legs = legs
        self._book = book
        self._unwritten = unwritten

    # What the test sets up

    @property
    def hold(self) -> bool:
        """While true, what one leg fills has no effect on the other until :meth:`settle`: both can fill."""
        return self._legs.hold

    @hold.setter
    def hold(self, on: bool) -> None:
        self._legs.hold = on

    def settle(self) -> None:
        """Let every fill of a leg take effect on the other now."""
        with self._announcer.turn():
            self._legs.settle()

    @property
    def due(self) -> float | None:
        """When, on the monotonic clock, the next leg shrinks or goes by itself: at the first request, price or look
        into the books from then on. None where nothing waits."""
        return self._legs.due

    # What is so

    def legs(self, account: str, order_id: str) -> tuple[SimulatedOrder, ...]:
        """The exit legs of an entry, target first; of a super order also those that are for nothing yet."""
        with self._announcer.turn():
            return tuple(self._book(account).legs(BrokerOrderId(order_id)))

    def supers(self, account: str) -> tuple[SimulatedOrder, ...]:
        """The entries of the super orders that the broker shows now, oldest first."""
        with self._announcer.turn():
            shown = self._book(account).visible(self._clock.monotonic())
            return tuple(order for order in shown if order.is_super and order.leg is Leg.ENTRY)

    # What accounts ask for

    def place_super(self, account: str, new: NewOrder, bracket: Bracket, *, deferred: bool = False) -> SimulatedOrder:
        """Place a super order: ``new`` is its entry, and its legs share its id."""
        if new.product not in SUPER_PRODUCTS:
            raise ExchangeRefusal("Invalid productType", "DH-905")
        if new.after_market:
            raise ExchangeRefusal("Super orders are taken in market hours only", "DH-905")
        with self._announcer.turn():
            book = self._book(account)
            entry = evolve(self._intake.new_order(book, new), is_super=True, bracket=bracket)
            no = misplaced_leg(new.side, self._price_of(entry, new.terms), bracket)
            if no is not None:
                self._intake.log(book, RequestKind.PLACE, new.source, new.tag, None, no, new.quantity, new.terms)
                raise ExchangeRefusal(no.text, no.code)
            return self._intake.take(book, entry, new.terms, deferred=deferred)

    def place_bracket(
        self, account: str, new: NewOrder, *, profit: Decimal | None = None, stop: Decimal | None = None
    ) -> SimulatedOrder:
        """Place a bracket order, as the app can: ``profit`` and ``stop`` are differences from the entry's price in
        rupees (Dhan's boProfitValue, boStopLossValue). Its legs are orders of their own and appear as it fills."""
        with self._announcer.turn():
            book = self._book(account)
            entry = self._intake.new_order(book, evolve(new, product=Product.BO))
            price, changes = entry.price or entry.reference_price, [each for each in (profit, stop) if each is not None]
            if not changes or min(changes) <= 0 or (price is not None and max(changes) >= price):
                raise ExchangeRefusal("Invalid target or stop loss value", "DH-905")
            entry = evolve(entry, profit_change=profit, stop_change=stop)
            return self._intake.take(book, evolve(entry, bracket=bracket_at(entry)), new.terms)

    def place_cover(self, account: str, new: NewOrder, stop: Decimal) -> SimulatedOrder:
        """Place a cover order, as the app can: an entry, and a stop that is an order of its own."""
        with self._announcer.turn():
            book = self._book(account)
            entry = self._intake.new_order(book, evolve(new, product=Product.CO))
            return self._intake.take(book, evolve(entry, bracket=Bracket(stop=stop)), new.terms)

    def modify(
        self,
        account: str,
        order_id: str,
        leg: Leg,
        bracket: Bracket | None = None,
        *,
        quantity: int | None = None,
        terms: Terms | None = None,
        source: str = "N",
    ) -> SimulatedOrder:
        """Change a super order by one leg. For the ENTRY: ``quantity`` (the total), ``terms``, and ``bracket``, of
        which a leg that is None stays as it is; for TARGET the bracket's target; for STOP its stop and its jump (None
        ends trailing)."""
        with self._announcer.turn():
            book = self._book(account)
            order = book.orders.get(leg_id(order_id, leg))
            entry = book.orders.get(BrokerOrderId(order_id))
            if entry is not None and not entry.is_super:
                entry = order = None
            no = state_problem(order)
            if order is not None and entry is not None and no is None:
                if leg is Leg.ENTRY:
                    order = self._changed_entry(order, bracket, quantity, terms, source)
                    no = self._entry_problem(book, order, terms)
                else:
                    no = self._leg_problem(entry, order, bracket)
            tag = entry.tag if entry else None
            self._intake.log(book, RequestKind.MODIFY, source, tag, BrokerOrderId(order_id), no, quantity, terms, leg)
            if order is None or entry is None or no is not None:
                raise ExchangeRefusal(no.text if no else "", no.code if no else "")
            if leg is Leg.ENTRY:
                return self._change_entry(book, entry, order)
            return self._change_leg(book, entry, order, bracket)

    def cancel(self, account: str, order_id: str, leg: Leg, *, source: str = "N") -> SimulatedOrder:
        """Take one leg of a super order back, for good; the ENTRY takes its legs with it while it has not traded, and
        is refused from then on, which leaves them working."""
        with self._announcer.turn():
            book = self._book(account)
            order = book.orders.get(leg_id(order_id, leg))
            if order is not None and not order.is_super:
                order = None
            no = state_problem(order)
            tag = order.tag if order else None
            self._intake.log(book, RequestKind.CANCEL, source, tag, BrokerOrderId(order_id), no, leg=leg)
            if order is None or no is not None:
                raise ExchangeRefusal(no.text if no else "", no.code if no else "")
            return self.end_super(book, order)

    # For the exchange

    def end_super(self, book: AccountBook, order: SimulatedOrder) -> SimulatedOrder:
        """Cancel a working entry or leg of a super order."""
        keeps = self._unwritten.cancelled_entry_keeps_exits and order.filled_quantity > 0
        if order.leg is Leg.ENTRY and not keeps:
            for each in book.legs(order.order_id):
                if not each.status.is_terminal:
                    self._legs.end(book, each)
        return self._trading.end(book, order, OrderStatus.CANCELLED, "CONFIRMED")

    def trail(self, key: InstrumentKey, last: Decimal, books: list[AccountBook]) -> None:
        """Let the stops follow a price."""
        for book in books:
            self._legs.trail(book, key, last)

    # Inside

    def _changed_entry(
        self, entry: SimulatedOrder, wanted: Bracket | None, quantity: int | None, terms: Terms | None, source: str
    ) -> SimulatedOrder:
        now, bracket = entry.bracket, entry.bracket
        if wanted is not None and now is not None:
            bracket = evolve(wanted, target=wanted.target or now.target, stop=wanted.stop or now.stop)
        return evolve(
            entry,
            quantity=entry.quantity if quantity is None else quantity,
            terms=entry.terms if terms is None else self._trading.accepted_terms(entry.key, entry.side, terms, source),
            bracket=bracket,
            modifications=entry.modifications + 1,
            ordered_at=self._clock.now(),
            sequence=self._trading.numbers.sequence(),
            reason="CONFIRMED",
        )

    def _price_of(self, entry: SimulatedOrder, asked: Terms | None) -> Decimal | None:
        """What the legs of an entry are held against: its limit, or the last price where it asks for none."""
        return asked.price if isinstance(asked, Limit) else self._market.reference(entry.key)

    def _entry_problem(self, book: AccountBook, changed: SimulatedOrder, asked: Terms | None) -> Rejection | None:
        no = modification_problem(changed, self._market.instrument(changed.key))
        if no is None and asked is not None and not changed.filled_quantity:
            no = misplaced_leg(changed.side, self._price_of(changed, asked), changed.bracket)
        if no is not None:
            return no
        before = book.orders[changed.book_id].bracket
        for leg in book.legs(changed.order_id):
            if leg.status.is_terminal and exit_terms(changed.bracket, leg.leg) != exit_terms(before, leg.leg):
                return Rejection(f"{leg.leg.value.capitalize()} leg is {leg.status.value.lower()}")
        return self._intake.funds_problem(book, changed)

    def _leg_problem(self, entry: SimulatedOrder, leg: SimulatedOrder, bracket: Bracket | None) -> Rejection | None:
        terms = exit_terms(bracket, leg.leg)
        if terms is None:
            return Rejection("Missing required fields, bad values for parameters: price of the leg", "DH-905")
        if not entry.status.is_terminal and not self._unwritten.exits_change_before_the_entry_traded:
            return Rejection("Entry order is not traded: modify ENTRY_LEG")
        if leg.leg is Leg.STOP and leg.trigger is None:
            return Rejection("Order is already triggered")
        instrument = self._market.instrument(leg.key)
        one_lot = evolve(leg, terms=terms, quantity=instrument.facts.lot_units, filled_quantity=0)
        return modification_problem(evolve(one_lot, modifications=entry.modifications + 1), instrument)

    def _change_entry(self, book: AccountBook, before: SimulatedOrder, entry: SimulatedOrder) -> SimulatedOrder:
        book.orders[entry.book_id] = entry
        self._legs.add(book, entry)
        for leg in book.legs(entry.order_id):
            terms = exit_terms(entry.bracket, leg.leg)
            if not leg.status.is_terminal and terms is not None and terms != exit_terms(before.bracket, leg.leg):
                self._reprice(book, leg, terms)
        return self._trading.changed(book, book.orders[entry.book_id])

    def _change_leg(
        self, book: AccountBook, entry: SimulatedOrder, leg: SimulatedOrder, bracket: Bracket | None
    ) -> SimulatedOrder:
        now, terms = entry.bracket, exit_terms(bracket, leg.leg)
        assert now is not None and bracket is not None and terms is not None
        if leg.leg is Leg.STOP:
            now = evolve(now, stop=bracket.stop, trailing_jump=bracket.trailing_jump)
        book.orders[entry.book_id] = evolve(entry, bracket=now, modifications=entry.modifications + 1)
        self._reprice(book, leg, terms)
        return book.orders[leg.book_id]

    def _reprice(self, book: AccountBook, leg: SimulatedOrder, terms: Terms) -> None:
        """A leg that has no quantity yet waits with its new price, one at the exchange is modified there."""
        leg = evolve(
            leg,
            terms=terms,
            trails_from=None if leg.trails_from is None else self._market.reference(leg.key),
            ordered_at=self._clock.now(),
            sequence=self._trading.numbers.sequence(),
        )
        if leg.exchange_at is None:
            self._legs.move(book, leg)
        else:
            self._trading.changed(book, leg)
