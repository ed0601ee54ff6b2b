"""A deterministic exchange and broker for several accounts: the prices and fills are what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from attrs import evolve

from dhan_copy.model.account import Holding
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, OrderStatus, Product, Terms, Validity
from dhan_copy.protocols import Clock
from dhan_copy.testing.books import AccountBook
from dhan_copy.testing.forever import ForeverDesk
from dhan_copy.testing.intake import Intake
from dhan_copy.testing.legs import Legs
from dhan_copy.testing.linked import LinkedDesk
from dhan_copy.testing.matching import is_marketable, priority
from dhan_copy.testing.orders import (
    ExchangeRefusal,
    Instrument,
    NewOrder,
    OrderEvent,
    Rejection,
    RejectionRule,
    RejectionWay,
    RequestKind,
    SimulatedOrder,
)
from dhan_copy.testing.positions import HeldPosition
from dhan_copy.testing.rules import DEFAULT_WAYS, Rule, modification_problem, state_problem
from dhan_copy.testing.trading import Trading
from dhan_copy.testing.truth import BrokerTruth
from dhan_copy.testing.unwritten import Unwritten


class SimulatedExchange(BrokerTruth):
    """Order books, positions and funds of several accounts, over one market per instrument.

    Nothing happens by itself: orders trade when one is placed or changed, when :meth:`set_price` moves the market
    and when :meth:`fill` says so. An incoming order trades at the last price, a resting one at its own limit; until a
    price is set nothing trades. Every change is told to the listeners after it is in the book, in order. Safe to use
    from several threads.

    ``protect_api_market``: an API (source ``P``) market order becomes a limit at the last price +-1 %, as at Dhan
    since March 2026. ``stop_market_drops_trigger``: an API stop-market order trades at once, as reported of Dhan.
    ``ways`` says for each rule in which of Dhan's three ways it says no; ``unwritten`` what nobody wrote down of
    linked orders.
    """

    def __init__(
        self,
        clock: Clock,
        accounts: Sequence[str] = (),
        *,
        instruments: Sequence[Instrument] = (),
        protect_api_market: bool = True,
        stop_market_drops_trigger: bool = False,
        ways: Mapping[Rule, RejectionWay] | None = None,
        unwritten: Unwritten | None = None,
    ) -> None:
        super().__init__(clock, accounts, instruments)
        self.unwritten = Unwritten() if unwritten is None else unwritten
        self._trading = Trading(
            clock,
            self._market,
            self._announcer,
            protect_api_market=protect_api_market,
            stop_market_drops_trigger=stop_market_drops_trigger,
        )
        legs = Legs(self._trading, clock, self.unwritten)
        self._announcer.before = lambda: legs.settle(only_due=True)
        self._intake = Intake(clock, self._market, self._trading, self._requests, {**DEFAULT_WAYS, **(ways or {})}, legs.attach)
        self.linked = LinkedDesk(
            clock, self._market, self._announcer, self._trading, self._intake, legs, self._book, self.unwritten
        )
        """Super, bracket and cover orders."""
        self.forever = ForeverDesk(
            clock, self._market, self._announcer, self._trading, self._intake, self._book, self.unwritten
        )
        """Forever orders (GTT)."""

    # What the test sets up

    @property
    def hold_in_transit(self) -> bool:
        """While true, placed orders stay in TRANSIT until :meth:`confirm`."""
        return self._intake.hold_in_transit

    @hold_in_transit.setter
    def hold_in_transit(self, on: bool) -> None:
        self._intake.hold_in_transit = on

    @property
    def rules(self) -> list[RejectionRule]:
        """Further rules of the test's own, asked for every placement; the first rejection counts."""
        return self._intake.rules

    def add_account(self, name: str) -> AccountName:
        """Open an account; opening it twice changes nothing."""
        account = AccountName(name)
        with self._announcer.turn():
            self._books.setdefault(account, AccountBook(account))
        return account

    def add_instrument(self, instrument: Instrument) -> None:
        """Describe an instrument, in place of what was known of it."""
        with self._announcer.turn():
            self._market.describe(instrument)

    def set_funds(self, account: str, available: Decimal, total: Decimal | None = None) -> None:
        """Give the account ``available`` rupees to trade with from here on; orders beyond them are rejected."""
        with self._announcer.turn():
            book = self._book(account)
            book.money = available + book.in_use(self.instrument)
            book.morning_total = available if total is None else total

    def set_position(self, account: str, key: InstrumentKey, product: Product, net: int, price: Decimal = Decimal(0)) -> None:
        """Replace a position by ``net`` units (signed), as carried over or traded by hand."""
        with self._announcer.turn():
            self._book(account).held[key, product] = HeldPosition(carried=net, open_value=net * price)

    def set_holdings(self, account: str, holdings: Sequence[Holding]) -> None:
        """Replace the shares in the account's demat."""
        with self._announcer.turn():
            self._book(account).holdings = tuple(holdings)

    def reject_next(self, account: str, rejection: Rejection, count: int = 1) -> None:
        """Reject the next ``count`` placements of the account, whatever they say."""
        with self._announcer.turn():
            self._book(account).next_rejections.extend([rejection] * count)

    def delay_visibility(self, account: str, seconds: float) -> None:
        """Show orders placed from now on only ``seconds`` later in the order book and by tag; 0 ends it."""
        with self._announcer.turn():
            self._book(account).visibility_delay = seconds

    def set_reference(self, key: InstrumentKey, price: Decimal) -> None:
        """Name a reference price that trades nothing, used until a last price is set."""
        with self._announcer.turn():
            self._market.refer(key, price)

    def listen(self, listener: Callable[[OrderEvent], None], account: str | None = None) -> Callable[[], None]:
        """Tell ``listener`` every change (of one account, or all); returns the function that ends it.

        Listeners run one at a time in the thread that made the change: they should only take note.
        """
        return self._announcer.listen(None if account is None else AccountName(account), listener)

    # What accounts ask for

    def place(self, account: str, new: NewOrder, *, deferred: bool = False) -> SimulatedOrder:
        """Take an order: it is checked, confirmed and traded as far as the market goes.

        With ``deferred`` it stays in TRANSIT until :meth:`confirm`, as it does while Dhan's answer travels. Raises
        :class:`ExchangeRefusal` for a synchronous no; other rejections are orders in the book.
        """
        with self._announcer.turn():
            book = self._book(account)
            return self._intake.take(book, self._intake.new_order(book, new), new.terms, deferred=deferred)

    def confirm(self, account: str, order_id: str) -> SimulatedOrder:
        """Let an order in TRANSIT reach the exchange, or be rejected on the way; changes nothing otherwise."""
        with self._announcer.turn():
            order = self.order(account, order_id)
            if order.status is OrderStatus.TRANSIT:
                self._trading.confirm(self._book(account), order)
            return self.order(account, order_id)

    def modify(
        self,
        account: str,
        order_id: str,
        *,
        quantity: int,
        terms: Terms,
        validity: Validity = Validity.DAY,
        disclosed_quantity: int = 0,
        source: str = "N",
    ) -> SimulatedOrder:
        """Change a working order; ``quantity`` is its new TOTAL. Announced as MODIFIED, then as what it is.

        Raises :class:`ExchangeRefusal` when the order has ended, for a total below the fills, for a broken rule, for
        want of funds and from the 26th modification on.
        """
        with self._announcer.turn():
            book = self._book(account)
            order = book.orders.get(BrokerOrderId(order_id))
            no = state_problem(order) or _not_this_way(order, quantity)
            if order is not None and no is None:
                order = evolve(
                    order,
                    quantity=quantity,
                    terms=self._trading.accepted_terms(order.key, order.side, terms, source),
                    validity=validity,
                    disclosed_quantity=disclosed_quantity,
                    modifications=order.modifications + 1,
                    ordered_at=self.clock.now(),
                    sequence=self._trading.numbers.sequence(),
                    reason="CONFIRMED",
                )
                no = modification_problem(order, self.instrument(order.key)) or self._intake.funds_problem(book, order)
            self._intake.log(
                book, RequestKind.MODIFY, source, order.tag if order else None, BrokerOrderId(order_id), no,
                quantity, terms,
            )  # fmt: skip
            if order is None or no is not None:
                raise ExchangeRefusal(no.text if no else "", no.code if no else "")
            return self._trading.changed(book, order)

    def cancel(self, account: str, order_id: str, *, source: str = "N") -> SimulatedOrder:
        """Take a working order back. Raises :class:`ExchangeRefusal` when it has ended or does not exist."""
        with self._announcer.turn():
            book = self._book(account)
            order = book.orders.get(BrokerOrderId(order_id))
            no = state_problem(order)
            tag = order.tag if order else None
            self._intake.log(book, RequestKind.CANCEL, source, tag, BrokerOrderId(order_id), no)
            if order is None or no is not None:
                raise ExchangeRefusal(no.text if no else "", no.code if no else "")
            if order.is_super:
                return self.linked.end_super(book, order)
            return self._trading.end(book, order, OrderStatus.CANCELLED, "CONFIRMED")

    def turn_kill_switch(self, account: str, on: bool) -> None:
        """Close the account to orders until the next day, or open it. Raises :class:`ExchangeRefusal` while a position
        or an order is open (documentation of v2, "Trader's Control"); its words, and those for an order, are ours."""
        with self._announcer.turn():
            book = self._book(account)
            if on and any(held.net for held in book.held.values()):
                raise ExchangeRefusal("Kill Switch cannot be activated: positions are open", "DH-906")
            if on and book.live():
                raise ExchangeRefusal("Kill Switch cannot be activated: orders are pending", "DH-906")
            book.killed = on

    def is_killed(self, account: str) -> bool:
        """Whether the account's kill switch is on."""
        return self._book(account).killed

    # What the market does

    def set_price(self, key: InstrumentKey, price: Decimal | str | int, available: int | None = None) -> None:
        """Move the last price: resting orders trade at their own limits by price and time, then stops trigger, then
        Forever orders fire and the stops that trail move.

        ``available`` units can trade on each side until the next price (None: without limit).
        """
        last = Decimal(price)
        with self._announcer.turn():
            self._market.move(key, last, available)
            resting = [
                (book, order)
                for book in self._books.values()
                for order in book.live()
                if order.key == key and order.exchange_at is not None and not order.recorded
            ]
            for book, listed in sorted(resting, key=lambda each: (each[1].trigger is not None, priority(each[1]))):
                order = book.orders[listed.book_id]
                if not order.leaves_quantity:
                    continue  # a leg whose sibling has just filled
                if is_marketable(order.terms, order.side, last):
                    self._trading.take(book, order, order.price or last)
                elif order.trigger is not None:
                    self._trading.incoming(book, order)
            books = list(self._books.values())
            self.forever.fire(key, last, books)
            self.linked.trail(key, last, books)

    def fill(
        self, account: str, order_id: str, quantity: int | None = None, price: Decimal | str | int | None = None
    ) -> SimulatedOrder:
        """Trade ``quantity`` (default: all that is open) of a working order at ``price`` (default: its limit, else the
        last price, or the trigger of a stop). Raises ValueError for an order that cannot fill so, KeyError where there
        is none."""
        with self._announcer.turn():
            order = self.confirm(account, order_id)
            units = order.leaves_quantity if quantity is None else quantity
            at = Decimal(price) if price is not None else order.price or self.last_price(order.key) or order.trigger
            if not 0 < units <= order.leaves_quantity:
                raise ValueError(f"order {order_id} has {order.leaves_quantity} open units, not {units}")
            if at is None:
                raise ValueError(f"order {order_id} has no limit and {order.key} no price: name one")
            return self._trading.fill(self._book(account), order, units, at)

    def reject(self, account: str, order_id: str, text: str = "EXCH:Rejected by the exchange") -> SimulatedOrder:
        """End a working order as the exchange rejects it. Raises ValueError when it has ended."""
        return self._end(account, order_id, OrderStatus.REJECTED, text)

    def expire(self, account: str, order_id: str) -> SimulatedOrder:
        """End a working order as the end of its validity does. Raises ValueError when it has ended."""
        return self._end(account, order_id, OrderStatus.EXPIRED, "Order expired")

    def record(self, order: SimulatedOrder) -> SimulatedOrder:
        """Put an order into the book as somebody recorded it; positions follow from its fills, which never shrink.

        Prices never fill it, and it is announced to nobody.
        """
        self.add_account(order.account)
        with self._announcer.turn():
            return self._trading.record(self._book(order.account), order)

    def release_after_market(self) -> None:
        """Open the session: after-market orders go to the exchange."""
        with self._announcer.turn():
            for book in self._books.values():
                for order in book.live():
                    if order.after_market and order.exchange_at is None:
                        self._trading.open(book, order)

    def end_day(self) -> None:
        """End the session: working orders and legs expire, Forever orders stay; INTRADAY, CO and BO positions are
        squared off."""
        with self._announcer.turn():
            for book in self._books.values():
                for listed in book.live():
                    order = book.orders[listed.book_id]
                    if order.exchange_at is not None and not order.status.is_terminal:
                        self._trading.end(book, order, OrderStatus.EXPIRED, "Order expired")
            self.linked.settle()
            for book in self._books.values():
                book.square_off()

    def new_day(self) -> None:
        """Begin a day: ended orders and trades leave the books, CNC positions of shares become holdings."""
        with self._announcer.turn():
            for book in self._books.values():
                book.new_day(lambda key: self.instrument(key).symbol)
            self.forever.new_day()

    # Inside

    def _end(self, account: str, order_id: str, status: OrderStatus, text: str) -> SimulatedOrder:
        with self._announcer.turn():
            order = self.order(account, order_id)
            no = state_problem(order)
            if no is not None:
                raise ValueError(f"order {order_id}: {no.text}")
            return self._trading.end(self._book(account), order, status, text)


def _not_this_way(order: SimulatedOrder | None, quantity: int) -> Rejection | None:
    """What a plain modification cannot do to linked orders; the words are ours."""
    if order is not None and order.is_super:
        return Rejection("Super orders are modified by leg")
    if order is not None and order.leg is not Leg.ENTRY and quantity != order.quantity:
        return Rejection("Quantity of a leg cannot be modified")
    return None
