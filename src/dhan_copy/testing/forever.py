"""Keeps the Forever orders (GTT) of the simulated accounts over days, and fires them when their price is reached."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from attrs import evolve, frozen

from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import ForeverLeg, Leg, Limit, OrderStatus, Product, Side, StopLimit, StopMarket, Validity
from dhan_copy.model.order import Market as MarketOrder
from dhan_copy.protocols import Clock
from dhan_copy.testing.announcer import Announcer
from dhan_copy.testing.books import AccountBook
from dhan_copy.testing.intake import Intake
from dhan_copy.testing.market import Market
from dhan_copy.testing.orders import ExchangeRefusal, NewOrder, Rejection, RequestKind, SimulatedOrder
from dhan_copy.testing.rules import MODIFICATIONS_PER_ORDER
from dhan_copy.testing.trading import Trading
from dhan_copy.testing.unwritten import Unwritten

FOREVER_PRODUCTS = (Product.CNC, Product.MTF, Product.MARGIN)
"""The page names CNC and MTF; a MARGIN order of a future was recorded in September 2026."""
PLATFORM = "FOVR"
NO_TAG = "NR"
"""What stands in place of a tag on the order that appears when one fires."""


@frozen(kw_only=True)
class ForeverOrder:
    """One leg of a Forever order as the broker knows it now; a single one has an ENTRY alone, a pair shares its id."""

    account: AccountName
    order_id: BrokerOrderId
    tag: str | None
    key: InstrumentKey
    side: Side
    product: Product
    validity: Validity
    leg: Leg
    terms: StopLimit | StopMarket
    quantity: int
    disclosed_quantity: int = 0
    status: OrderStatus = OrderStatus.CONFIRM
    source: str
    above: bool | None = None
    """Whether the price has to come from below; None until a price is known."""
    fired_id: BrokerOrderId | None = None
    """The order that appeared when it fired."""
    modifications: int = 0
    created_at: datetime
    updated_at: datetime

    @property
    def is_working(self) -> bool:
        return self.status is OrderStatus.CONFIRM


class ForeverDesk:
    """What accounts ask for about Forever orders (``exchange.forever``). What is refused raises
    :class:`~dhan_copy.testing.orders.ExchangeRefusal` and changes nothing."""

    def __init__(
        self,
        clock: Clock,
        market: Market,
        announcer: Announcer,
        trading: Trading,
        intake: Intake,
        book: Callable[[str], AccountBook],
        unwritten: Unwritten,
    ) -> None:
        self._clock = clock
        self._market = market
        self._announcer = announcer
        self._trading = trading
        self._intake = intake
        self._book = book
        self._unwritten = unwritten
        self._orders: dict[tuple[AccountName, BrokerOrderId], tuple[ForeverOrder, ...]] = {}

    def orders(self, account: str) -> tuple[ForeverOrder, ...]:
        """Every leg of every Forever order that the list shows, oldest first, target before stop."""
        with self._announcer.turn():
            visible, now = self._book(account).visible_at, self._clock.monotonic()
            return tuple(
                leg
                for (owner, order_id), legs in self._orders.items()
                for leg in legs
                if owner == account and visible.get(order_id, 0.0) <= now and self._is_listed(leg)
            )

    def place(self, account: str, new: NewOrder, stop: ForeverLeg | None = None) -> tuple[ForeverOrder, ...]:
        """Place one that fires at ``new.terms``; with ``stop`` a pair of which ``new`` is the target."""
        with self._announcer.turn():
            book = self._book(account)
            no = self._problem(new, stop)
            order_id = self._trading.numbers.order_id()
            self._intake.log(
                book, RequestKind.PLACE, new.source, new.tag, None if no else order_id, no, new.quantity, new.terms
            )
            if no is not None or not isinstance(new.terms, StopLimit | StopMarket):
                raise ExchangeRefusal(no.text if no else "", no.code if no else "")
            now = self._clock.now()
            first = ForeverOrder(
                account=book.name,
                order_id=order_id,
                tag=new.tag,
                key=new.key,
                side=new.side,
                product=new.product,
                validity=new.validity,
                leg=Leg.ENTRY if stop is None else Leg.TARGET,
                terms=new.terms,
                quantity=new.quantity,
                disclosed_quantity=new.disclosed_quantity,
                source=new.source,
                created_at=now,
                updated_at=now,
            )
            legs: tuple[ForeverOrder, ...] = (first,)
            if stop is not None:
                legs = (first, evolve(first, leg=Leg.STOP, terms=stop.terms, quantity=stop.quantity))
            book.visible_at[order_id] = self._clock.monotonic() + book.visibility_delay
            return self._write(book.name, order_id, tuple(self._aimed(leg) for leg in legs))

    def modify(
        self,
        account: str,
        order_id: str,
        leg: Leg = Leg.ENTRY,
        *,
        quantity: int,
        terms: StopLimit | StopMarket,
        disclosed_quantity: int = 0,
        source: str = "N",
    ) -> ForeverOrder:
        """Change one leg; of a single order ENTRY and TARGET name the same."""
        with self._announcer.turn():
            book, legs = self._book(account), self._legs(account, order_id)
            chosen = next((each for each in legs if each.leg is leg or (len(legs) == 1 and leg is Leg.TARGET)), None)
            no = _state_problem(chosen)
            if chosen is not None and chosen.modifications >= MODIFICATIONS_PER_ORDER:
                no = no or Rejection(f"Order can be modified {MODIFICATIONS_PER_ORDER} times only")
            self._intake.log(
                book, RequestKind.MODIFY, source, chosen.tag if chosen else None, BrokerOrderId(order_id), no,
                quantity, terms, leg,
            )  # fmt: skip
            if chosen is None or no is not None:
                raise ExchangeRefusal(no.text if no else "", no.code if no else "")
            changed = evolve(
                chosen,
                quantity=quantity,
                terms=terms,
                disclosed_quantity=disclosed_quantity,
                above=None,
                modifications=chosen.modifications + 1,
            )
            changed = self._aimed(changed)
            self._write(book.name, BrokerOrderId(order_id), tuple(changed if each is chosen else each for each in legs))
            return changed

    def cancel(self, account: str, order_id: str, *, source: str = "N") -> tuple[ForeverOrder, ...]:
        """Take one back with all its legs."""
        with self._announcer.turn():
            book, legs = self._book(account), self._legs(account, order_id)
            working = next((each for each in legs if each.is_working), legs[0] if legs else None)
            no = _state_problem(working)
            tag = working.tag if working else None
            self._intake.log(book, RequestKind.CANCEL, source, tag, BrokerOrderId(order_id), no)
            if no is not None:
                raise ExchangeRefusal(no.text, no.code)
            ended = tuple(evolve(each, status=OrderStatus.CANCELLED) if each.is_working else each for each in legs)
            return self._write(book.name, BrokerOrderId(order_id), ended)

    # What the market does

    def reach(self, account: str, order_id: str, leg: Leg = Leg.ENTRY) -> None:
        """Let one leg fire in this account alone, wherever the price is: brokers need not see it at the same moment.
        Raises ValueError for a leg that does not wait."""
        with self._announcer.turn():
            book = self._book(account)
            fires = next((each for each in self._legs(account, order_id) if each.leg is leg and each.is_working), None)
            if fires is None:
                raise ValueError(f"{order_id} of {account} has no {leg.value} that waits")
            self._fire(book, fires.order_id, fires)

    # For the exchange

    def fire(self, key: InstrumentKey, last: Decimal, books: list[AccountBook]) -> None:
        """Place what ``last`` reaches, as an ordinary order with an id of its own; the other leg of a pair goes."""
        named = {book.name: book for book in books}
        for (account, order_id), legs in list(self._orders.items()):
            if account not in named or legs[0].key != key:
                continue
            for leg in legs:
                if leg.is_working and _reached(leg, last):
                    self._fire(named[account], order_id, leg)
                    break
            else:
                if any(leg.is_working and leg.above is None for leg in legs):
                    self._orders[account, order_id] = tuple(_aimed_from(leg, last) for leg in legs)

    def new_day(self) -> None:
        """Forget those that have ended."""
        self._orders = {at: legs for at, legs in self._orders.items() if any(leg.is_working for leg in legs)}

    # Inside

    def _legs(self, account: str, order_id: str) -> tuple[ForeverOrder, ...]:
        return self._orders.get((AccountName(account), BrokerOrderId(order_id)), ())

    def _is_listed(self, leg: ForeverOrder) -> bool:
        return leg.fired_id is None or self._unwritten.fired_forever is not None

    def _aimed(self, leg: ForeverOrder) -> ForeverOrder:
        return _aimed_from(leg, self._market.reference(leg.key))

    def _problem(self, new: NewOrder, stop: ForeverLeg | None) -> Rejection | None:
        if new.product not in FOREVER_PRODUCTS:
            return Rejection(f"Invalid productType {new.product.value}", "DH-905")
        if not isinstance(new.terms, StopLimit | StopMarket):
            return Rejection("Invalid Trigger Price for orderType", "DH-905")
        lot = self._market.instrument(new.key).facts.lot_units
        if new.quantity % lot or (stop is not None and stop.quantity % lot):
            return Rejection(f"Quantity must be a multiple of lot size {lot}", "DH-905")
        if stop is not None and type(stop.terms) is not type(new.terms):
            return Rejection("Both legs have one orderType", "DH-905")
        return None

    def _write(self, account: AccountName, order_id: BrokerOrderId, legs: tuple[ForeverOrder, ...]) -> tuple[ForeverOrder, ...]:
        before = self._orders.get((account, order_id), (None,) * len(legs))
        legs = tuple(
            leg if leg == old else evolve(leg, updated_at=self._clock.now()) for leg, old in zip(legs, before, strict=True)
        )
        self._orders[account, order_id] = legs
        if self._unwritten.forever_parents_announced:
            for leg, old in zip(legs, before, strict=True):
                if leg != old:
                    self._announcer.announce(as_order(leg))
        return legs

    def _fire(self, book: AccountBook, order_id: BrokerOrderId, fired: ForeverOrder) -> None:
        new = NewOrder(
            key=fired.key,
            side=fired.side,
            quantity=fired.quantity,
            terms=Limit(fired.terms.price) if isinstance(fired.terms, StopLimit) else MarketOrder(),
            product=fired.product,
            validity=fired.validity,
            disclosed_quantity=fired.disclosed_quantity,
            source="P",
        )
        child = evolve(self._intake.new_order(book, new), tag=NO_TAG, platform=PLATFORM, parent_order_id=order_id)
        status = self._unwritten.fired_forever or OrderStatus.TRADED
        legs = tuple(
            evolve(leg, status=status, fired_id=child.order_id)
            if leg.leg is fired.leg
            else evolve(leg, status=OrderStatus.CANCELLED)
            for leg in self._orders[book.name, order_id]
        )
        self._write(book.name, order_id, legs)
        try:
            self._intake.take(book, child, None, logged=False)
        except ExchangeRefusal:
            rejected = tuple(evolve(leg, status=OrderStatus.REJECTED) if leg.fired_id else leg for leg in legs)
            self._write(book.name, order_id, rejected)


def as_order(leg: ForeverOrder, *, tagged: bool = True) -> SimulatedOrder:
    """A leg of a Forever order in the form in which other orders are announced and shown."""
    return SimulatedOrder(
        account=leg.account,
        order_id=leg.order_id,
        tag=leg.tag if tagged else None,
        key=leg.key,
        side=leg.side,
        product=leg.product,
        validity=leg.validity,
        terms=leg.terms,
        quantity=leg.quantity,
        disclosed_quantity=leg.disclosed_quantity,
        status=leg.status,
        source=leg.source,
        platform=PLATFORM,
        leg=leg.leg,
        created_at=leg.created_at,
        ordered_at=leg.created_at,
        updated_at=leg.updated_at,
    )


def _aimed_from(leg: ForeverOrder, price: Decimal | None) -> ForeverOrder:
    """A pair's target and stop lie on known sides of the price; a single one on the other side of where it is now."""
    match leg.leg:
        case Leg.TARGET:
            above = leg.side is Side.SELL
        case Leg.STOP:
            above = leg.side is Side.BUY
        case Leg.ENTRY:
            if price is None or leg.above is not None:
                return leg
            above = leg.terms.trigger >= price
    return evolve(leg, above=above)


def _reached(leg: ForeverOrder, last: Decimal) -> bool:
    if leg.above is None:
        return last == leg.terms.trigger
    return last >= leg.terms.trigger if leg.above else last <= leg.terms.trigger


def _state_problem(leg: ForeverOrder | None) -> Rejection | None:
    if leg is None:
        return Rejection("Invalid order id")
    if leg.is_working:
        return None
    fired = leg.fired_id is not None
    return Rejection("Order Has Traded Please Refresh Order Book" if fired else "Order is already cancelled")
