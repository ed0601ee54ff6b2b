"""Takes new orders into a book or says no, and keeps the log of everything that was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve

from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Leg, OrderStatus, Terms
from dhan_copy.protocols import Clock
from dhan_copy.testing.books import AccountBook
from dhan_copy.testing.market import Market
from dhan_copy.testing.orders import (
    ExchangeRefusal,
    LoggedRequest,
    NewOrder,
    Rejection,
    RejectionRule,
    RejectionWay,
    RequestKind,
    SimulatedOrder,
)
from dhan_copy.testing.rules import Rule, broken_rule, no_funds
from dhan_copy.testing.trading import Trading

PLATFORMS = {"P": "API", "N": "FAST"}
"""``orderPlatform`` by source letter, as recorded in September 2026; other sources had none."""


class Intake:
    """What every request of an account goes through."""

    def __init__(
        self,
        clock: Clock,
        market: Market,
        trading: Trading,
        requests: list[LoggedRequest],
        ways: Mapping[Rule, RejectionWay],
        attach: Callable[[AccountBook, SimulatedOrder], None],
    ) -> None:
        self.hold_in_transit = False
        self.rules: list[RejectionRule] = []
        self._clock = clock
        self._market = market
        self._trading = trading
        self._requests = requests
        self._ways = ways
        self._attach = attach

    def new_order(self, book: AccountBook, new: NewOrder) -> SimulatedOrder:
        """The order as it is before anybody has looked at it."""
        now = self._clock.now()
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
            reference_price=self._market.reference(new.key),
            created_at=now,
            ordered_at=now,
            updated_at=now,
            sequence=self._trading.numbers.sequence(),
        )

    def take(
        self,
        book: AccountBook,
        order: SimulatedOrder,
        asked: Terms | None,
        *,
        deferred: bool = False,
        logged: bool = True,
    ) -> SimulatedOrder:
        """Check an order, write it, and let it reach the exchange unless it waits in TRANSIT. ``asked`` are the terms
        of the request; one that the broker makes by itself is not ``logged``. Raises :class:`ExchangeRefusal` for a
        synchronous no."""
        no = self._rejection(book, order)
        refused = no is not None and no.way is RejectionWay.REFUSED
        order_id = None if refused else order.order_id
        if logged:
            self.log(book, RequestKind.PLACE, order.source, order.tag, order_id, no, order.quantity, asked)
        if no is not None and refused:
            raise ExchangeRefusal(no.text, no.code)
        book.visible_at[order.order_id] = self._clock.monotonic() + book.visibility_delay
        if no is not None and no.way is RejectionWay.ANSWERED:
            ended = evolve(order, status=OrderStatus.REJECTED, reason=no.text, rejected_in_answer=True)
            return self._trading.put(book, ended)
        if no is not None:
            book.rejected_later[order.order_id] = no
        waits = deferred or self.hold_in_transit
        self._trading.put(book, order, silent=not waits)
        self._attach(book, order)
        if not waits:
            self._trading.confirm(book, order)
        return book.orders[order.book_id]

    def funds_problem(self, book: AccountBook, order: SimulatedOrder) -> Rejection | None:
        missing = book.missing_funds(order, self._market.instrument)
        return no_funds(order, missing) if missing else None

    def log(
        self,
        book: AccountBook,
        kind: RequestKind,
        source: str,
        tag: str | None,
        order_id: BrokerOrderId | None,
        no: Rejection | None,
        quantity: int | None = None,
        terms: Terms | None = None,
        leg: Leg = Leg.ENTRY,
    ) -> None:
        """Note one request that reached the broker, refused or not."""
        self._requests.append(
            LoggedRequest(
                number=len(self._requests) + 1,
                at=self._clock.now(),
                monotonic=self._clock.monotonic(),
                account=book.name,
                kind=kind,
                source=source,
                tag=tag,
                order_id=order_id,
                quantity=quantity,
                terms=terms,
                problem=no.text if no else "",
                leg=leg,
            )
        )

    def _rejection(self, book: AccountBook, order: SimulatedOrder) -> Rejection | None:
        if book.killed:
            return Rejection("Kill Switch is active", "DH-906", RejectionWay.REFUSED)
        if book.next_rejections:
            return book.next_rejections.popleft()
        instrument = self._market.instrument(order.key)
        for rule in self.rules:
            own = rule(order, instrument)
            if own is not None:
                return own
        broken = broken_rule(order, instrument)
        if broken is not None:
            return evolve(broken[1], way=self._ways[broken[0]])
        no = self.funds_problem(book, order)
        return evolve(no, way=self._ways[Rule.FUNDS]) if no else None
