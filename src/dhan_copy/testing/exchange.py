"""A deterministic exchange and broker for several accounts: the prices and fills are what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from attrs import evolve

from dhan_copy.model.account import Holding
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import OrderStatus, Product, Terms, Validity
from dhan_copy.protocols import Clock
from dhan_copy.testing.books import AccountBook
from dhan_copy.testing.matching import is_marketable, priority
from dhan_copy.testing.orders import (
    ExchangeRefusal,
    Instrument,
    LoggedRequest,
    NewOrder,
    OrderEvent,
    Rejection,
    RejectionRule,
    RejectionWay,
    RequestKind,
    SimulatedOrder,
)
from dhan_copy.testing.positions import HeldPosition
from dhan_copy.testing.rules import DEFAULT_WAYS, Rule, broken_rule, modification_problem, no_funds, state_problem
from dhan_copy.testing.trading import Trading
from dhan_copy.testing.truth import BrokerTruth

PLATFORMS = {"P": "API", "N": "FAST"}
"""``orderPlatform`` by source letter, as recorded in September 2026; other sources had none."""


class SimulatedExchange(BrokerTruth):
    """Order books, positions and funds of several accounts, over one market per instrument.

    Nothing happens by itself: orders trade when one is placed or changed, when :meth:`set_price` moves the market
    and when :meth:`fill` says so. An incoming order trades at the last price, a resting one at its own limit; until a
    price is set nothing trades. Every change is told to the listeners after it is in the book, in order. Safe to use
    from several threads.

    ``protect_api_market``: an API (source ``P``) market order becomes a limit at the last price +-1 %, as at Dhan
    since March 2026. ``stop_market_drops_trigger``: an API stop-market order trades at once, as reported of Dhan.
    ``ways`` says for each rule in which of Dhan's three ways it says no.
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
    ) -> None:
        super().__init__(clock, accounts, instruments)
        self.hold_in_transit = False
        """While true, placed orders stay in TRANSIT until :meth:`confirm`."""
        self.rules: list[RejectionRule] = []
        """Further rules of the test's own, asked for every placement; the first rejection counts."""
        self._ways = {**DEFAULT_WAYS, **(ways or {})}
        self._trading = Trading(
            clock,
            self._market,
            self._announcer,
            protect_api_market=protect_api_market,
            stop_market_drops_trigger=stop_market_drops_trigger,
        )

    # What the test sets up

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

    def set_position(
        self, account: str, key: InstrumentKey, product: Product, net: int, price: Decimal = Decimal(0)
    ) -> None:
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
            order = self._new_order(book, new)
            no = self._rejection(book, order)
            refused = no is not None and no.way is RejectionWay.REFUSED
            self._log(
                book, RequestKind.PLACE, new.source, new.tag, None if refused else order.order_id, no,
                new.quantity, new.terms,
            )  # fmt: skip
            if no is not None and refused:
                raise ExchangeRefusal(no.text, no.code)
            book.visible_at[order.order_id] = self.clock.monotonic() + book.visibility_delay
            if no is not None and no.way is RejectionWay.ANSWERED:
                ended = evolve(order, status=OrderStatus.REJECTED, reason=no.text, rejected_in_answer=True)
                return self._trading.put(book, ended)
            if no is not None:
                book.rejected_later[order.order_id] = no
            waits = deferred or self.hold_in_transit
            self._trading.put(book, order, silent=not waits)
            return order if waits else self.confirm(account, order.order_id)

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
            no = state_problem(order)
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
                no = modification_problem(order, self.instrument(order.key)) or self._funds_problem(book, order)
            self._log(
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
            self._log(book, RequestKind.CANCEL, source, order.tag if order else None, BrokerOrderId(order_id), no)
            if order is None or no is not None:
                raise ExchangeRefusal(no.text if no else "", no.code if no else "")
            return self._trading.end(book, order, OrderStatus.CANCELLED, "CONFIRMED")

    # What the market does

    def set_price(self, key: InstrumentKey, price: Decimal | str | int, available: int | None = None) -> None:
        """Move the last price: resting orders trade at their own limits by price and time, then stops trigger.

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
            for book, order in sorted(resting, key=lambda each: (each[1].trigger is not None, priority(each[1]))):
                if is_marketable(order.terms, order.side, last):
                    self._trading.take(book, order, order.price or last)
                elif order.trigger is not None:
                    self._trading.incoming(book, order)

    def fill(
        self, account: str, order_id: str, quantity: int | None = None, price: Decimal | str | int | None = None
    ) -> SimulatedOrder:
        """Trade ``quantity`` (default: all that is open) of a working order at ``price`` (default: its limit, else the
        last price). Raises ValueError for an order that cannot fill so, KeyError where there is none."""
        with self._announcer.turn():
            order = self.confirm(account, order_id)
            units = order.leaves_quantity if quantity is None else quantity
            at = Decimal(price) if price is not None else order.price or self.last_price(order.key)
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
        """End the session: working orders expire; INTRADAY, CO and BO positions are squared off."""
        with self._announcer.turn():
            for book in self._books.values():
                for order in book.live():
                    if order.exchange_at is not None:
                        self._trading.end(book, order, OrderStatus.EXPIRED, "Order expired")
                book.square_off()

    def new_day(self) -> None:
        """Begin a day: ended orders and trades leave the books, CNC positions of shares become holdings."""
        with self._announcer.turn():
            for book in self._books.values():
                book.new_day(lambda key: self.instrument(key).symbol)

    # Inside

    def _end(self, account: str, order_id: str, status: OrderStatus, text: str) -> SimulatedOrder:
        with self._announcer.turn():
            order = self.order(account, order_id)
            no = state_problem(order)
            if no is not None:
                raise ValueError(f"order {order_id}: {no.text}")
            return self._trading.end(self._book(account), order, status, text)

    def _new_order(self, book: AccountBook, new: NewOrder) -> SimulatedOrder:
        now = self.clock.now()
        return SimulatedOrder(
            account=book.name,
            order_id=self._trading.numbers.order_id(),
            tag=new.tag,
            key=new.key,
            side=new.side,
            product=new.product,
            validity=new.validity,
            terms=self._trading.accepted_terms(new.key, new.side, new.terms, new.source),
            quantity=new.quantity,
            disclosed_quantity=new.disclosed_quantity,
            status=OrderStatus.TRANSIT,
            after_market=new.after_market,
            source=new.source,
            platform=PLATFORMS.get(new.source),
            reference_price=self.last_price(new.key),
            created_at=now,
            ordered_at=now,
            updated_at=now,
            sequence=self._trading.numbers.sequence(),
        )

    def _rejection(self, book: AccountBook, order: SimulatedOrder) -> Rejection | None:
        if book.next_rejections:
            return book.next_rejections.popleft()
        instrument = self.instrument(order.key)
        for rule in self.rules:
            own = rule(order, instrument)
            if own is not None:
                return own
        broken = broken_rule(order, instrument)
        if broken is not None:
            return evolve(broken[1], way=self._ways[broken[0]])
        no = self._funds_problem(book, order)
        return evolve(no, way=self._ways[Rule.FUNDS]) if no else None

    def _funds_problem(self, book: AccountBook, order: SimulatedOrder) -> Rejection | None:
        missing = book.missing_funds(order, self.instrument)
        return no_funds(order, missing) if missing else None

    def _log(
        self,
        book: AccountBook,
        kind: RequestKind,
        source: str,
        tag: str | None,
        order_id: BrokerOrderId | None,
        no: Rejection | None,
        quantity: int | None = None,
        terms: Terms | None = None,
    ) -> None:
        self._requests.append(
            LoggedRequest(
                number=len(self._requests) + 1,
                at=self.clock.now(),
                monotonic=self.clock.monotonic(),
                account=book.name,
                kind=kind,
                source=source,
                tag=tag,
                order_id=order_id,
                quantity=quantity,
                terms=terms,
                problem=no.text if no else "",
            )
        )
