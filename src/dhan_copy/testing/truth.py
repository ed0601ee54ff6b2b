"""What is so at the simulated broker: the questions that an oracle may ask."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dhan_copy.model.account import Funds, Holding, Margin, MarginOrder, Position
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, Product
from dhan_copy.protocols import Clock
from dhan_copy.testing.announcer import Announcer
from dhan_copy.testing.books import AccountBook
from dhan_copy.testing.margins import margin_of
from dhan_copy.testing.market import Market
from dhan_copy.testing.orders import Instrument, LoggedRequest, SimulatedOrder, Trade
from dhan_copy.testing.positions import HeldPosition


class BrokerTruth:
    """The state of the exchange, to read. An account that was never opened is a KeyError."""

    def __init__(self, clock: Clock, accounts: Sequence[str], instruments: Sequence[Instrument]) -> None:
        self.clock = clock
        self._announcer = Announcer()
        self._market = Market()
        self._books = {AccountName(name): AccountBook(AccountName(name)) for name in accounts}
        self._requests: list[LoggedRequest] = []
        for instrument in instruments:
            self._market.describe(instrument)

    @property
    def accounts(self) -> tuple[AccountName, ...]:
        return tuple(self._books)

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """Every place, modify and cancel that reached the broker, oldest first, refused ones too."""
        return tuple(self._requests)

    def instrument(self, key: InstrumentKey) -> Instrument:
        """What is known of an instrument; one that nobody described has lot 1 and tick 0.05."""
        return self._market.instrument(key)

    def instruments(self) -> tuple[Instrument, ...]:
        """Every instrument that somebody described."""
        return self._market.all()

    def knows(self, key: InstrumentKey) -> bool:
        """Whether somebody described the instrument."""
        return self._market.knows(key)

    def last_price(self, key: InstrumentKey) -> Decimal | None:
        """The last price, or the reference price where none was set."""
        return self._market.reference(key)

    def order(self, account: str, order_id: str) -> SimulatedOrder:
        """One order, or the leg that :func:`~dhan_copy.testing.orders.leg_id` names; KeyError where there is none."""
        return self._book(account).orders[BrokerOrderId(order_id)]

    def orders(self, account: str) -> tuple[SimulatedOrder, ...]:
        """The account's whole book, oldest first, whether the broker shows it yet or not. A leg of a super order is in
        it with its entry's id while it is for something."""
        with self._announcer.turn():
            return self._book(account).all()

    def visible_orders(self, account: str) -> tuple[SimulatedOrder, ...]:
        """What the broker's order book shows now."""
        with self._announcer.turn():
            return self._book(account).visible(self.clock.monotonic())

    def tagged(self, account: str, tag: str) -> tuple[SimulatedOrder, ...]:
        """The orders that carry ``tag``, shown or not; legs are part of their order."""
        return tuple(order for order in self.orders(account) if order.tag == tag and order.leg is Leg.ENTRY)

    def trades(self, account: str) -> tuple[Trade, ...]:
        """The day's fills, oldest first."""
        with self._announcer.turn():
            return tuple(self._book(account).trades)

    def position(self, account: str, key: InstrumentKey, product: Product) -> int:
        """Signed net units, long when positive."""
        return self._book(account).net(key, product)

    def held(self, account: str) -> tuple[tuple[InstrumentKey, Product, HeldPosition], ...]:
        """Every position of the account with its buys, sells and cost; flat ones of today included."""
        with self._announcer.turn():
            return tuple((key, product, held) for (key, product), held in self._book(account).held.items())

    def positions(self, account: str) -> tuple[Position, ...]:
        """Every position of the account; flat ones of today included."""
        held = self.held(account)
        return tuple(Position(key.segment, key.security_id, product, position.net) for key, product, position in held)

    def holdings(self, account: str) -> tuple[Holding, ...]:
        return self._book(account).holdings

    def funds(self, account: str) -> Funds:
        """What is left to trade with, and the total of the morning."""
        with self._announcer.turn():
            return self._book(account).funds(self.instrument)

    def margin(self, account: str, orders: Sequence[MarginOrder]) -> Margin:
        """What orders would block, and what is left to trade with."""
        with self._announcer.turn():
            available = self._book(account).funds(self.instrument).available
            return margin_of(orders, available, self.instrument, self._market.reference)

    def _book(self, account: str) -> AccountBook:
        return self._books[AccountName(account)]
