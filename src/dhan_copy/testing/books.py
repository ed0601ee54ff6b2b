"""What one account has at its broker: orders, trades, positions, holdings and money."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal

from dhan_copy.model.account import Funds, Holding
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, Product, Side
from dhan_copy.testing.orders import Instrument, Rejection, SimulatedOrder, Trade
from dhan_copy.testing.positions import HeldPosition

PLENTY = Decimal("10000000.00")
"""What an account whose funds nobody set shows; such an account is never refused for want of funds."""


class AccountBook:
    """The broker's books of one account; the exchange alone changes them."""

    def __init__(self, name: AccountName) -> None:
        self.name = name
        self.orders: dict[BrokerOrderId, SimulatedOrder] = {}
        self.trades: list[Trade] = []
        self.held: dict[tuple[InstrumentKey, Product], HeldPosition] = {}
        self.holdings: tuple[Holding, ...] = ()
        self.money: Decimal | None = None
        """Rupees before anything is in use; None where nobody set it."""
        self.morning_total = PLENTY
        self.next_rejections: deque[Rejection] = deque()
        self.rejected_later: dict[BrokerOrderId, Rejection] = {}
        self.killed = False
        """Whether the account's kill switch is on."""
        self.visibility_delay = 0.0
        self.visible_at: dict[BrokerOrderId, float] = {}
        self.families: dict[BrokerOrderId, dict[Leg, BrokerOrderId]] = {}
        """By the entry's id, the book ids of its exit legs."""

    def position(self, key: InstrumentKey, product: Product) -> HeldPosition:
        return self.held.setdefault((key, product), HeldPosition())

    def net(self, key: InstrumentKey, product: Product) -> int:
        """Signed units, long when positive."""
        held = self.held.get((key, product))
        return held.net if held else 0

    def live(self) -> list[SimulatedOrder]:
        return [order for order in self.orders.values() if not order.status.is_terminal]

    def legs(self, entry_id: BrokerOrderId) -> list[SimulatedOrder]:
        """The exit legs of an entry as they are now."""
        return [self.orders[book_id] for book_id in self.families.get(entry_id, {}).values()]

    def may_grow(self, order: SimulatedOrder) -> bool:
        """Whether it is a leg whose entry can still fill, which would make the leg larger."""
        entry = None if order.leg is Leg.ENTRY else self.orders.get(order.entry_id)
        return entry is not None and not entry.status.is_terminal

    def all(self) -> tuple[SimulatedOrder, ...]:
        """Every order; a leg only while its quantity is above zero."""
        return tuple(order for order in self.orders.values() if order.quantity)

    def visible(self, monotonic: float) -> tuple[SimulatedOrder, ...]:
        """What the order book shows at that time."""
        return tuple(order for order in self.all() if self.visible_at.get(order.order_id, 0.0) <= monotonic)

    def funds(self, instrument: Callable[[InstrumentKey], Instrument]) -> Funds:
        if self.money is None:
            return Funds(PLENTY, PLENTY, Decimal(0))
        in_use = self.in_use(instrument)
        # Realised profit is money again: what is in use is margin alone.
        return Funds(self.money - in_use, self.morning_total, in_use + sum(held.realised for held in self.held.values()))

    def missing_funds(self, order: SimulatedOrder, instrument: Callable[[InstrumentKey], Instrument]) -> Decimal:
        """Rupees that the account lacks for ``order`` as it says; zero for one that takes no more than is taken now."""
        if self.money is None:
            return Decimal(0)
        before, after = self.in_use(instrument), self.in_use(instrument, order)
        return max(Decimal(0), after - self.money) if after > before else Decimal(0)

    def in_use(self, instrument: Callable[[InstrumentKey], Instrument], order: SimulatedOrder | None = None) -> Decimal:
        """Rupees taken by open positions at cost, and by the most that working orders (with ``order`` as it says)
        could open beyond them: an order that only closes takes nothing. Realised profit gives money back."""
        taken = Decimal(0)
        for (key, _), held in self.held.items():
            taken += abs(held.open_value) * instrument(key).margin_rate - held.realised
        working: dict[tuple[InstrumentKey, Product], list[SimulatedOrder]] = {}
        entries = [each for each in self.live() if each.leg is Leg.ENTRY]
        counted = [each for each in entries if order is None or each.order_id != order.order_id]
        for each in counted if order is None else [*counted, order]:
            working.setdefault((each.key, each.product), []).append(each)
        for (key, product), orders in working.items():
            net = self.net(key, product)
            buys = sum(each.leaves_quantity for each in orders if each.side is Side.BUY)
            sells = sum(each.leaves_quantity for each in orders if each.side is Side.SELL)
            opening = max(abs(net), abs(net + buys), abs(net - sells)) - abs(net)
            price = max(each.price or each.reference_price or Decimal(0) for each in orders)
            taken += opening * price * instrument(key).margin_rate
        return taken

    def hold(self, key: InstrumentKey, net: int, symbol: str) -> None:
        """Add ``net`` shares to the holdings (a delivery sale takes away)."""
        kept = {holding.security_id: holding for holding in self.holdings}
        before = kept.get(key.security_id)
        kept[key.security_id] = Holding(key.security_id, (before.quantity if before else 0) + net, symbol)
        self.holdings = tuple(holding for holding in kept.values() if holding.quantity)

    def square_off(self) -> None:
        """End the positions of products that the broker does not carry over night."""
        self.held = {at: held for at, held in self.held.items() if not at[1].ends_with_day}

    def new_day(self, symbol: Callable[[InstrumentKey], str]) -> None:
        """Forget yesterday's orders and trades; carry positions, CNC shares as holdings."""
        kept = {order.entry_id for order in self.live()} | {order.book_id for order in self.live()}
        self.orders = {book_id: order for book_id, order in self.orders.items() if book_id in kept}
        self.families = {entry: legs for entry, legs in self.families.items() if entry in self.orders}
        self.trades.clear()
        self.killed = False
        before, self.held = self.held, {}
        for (key, product), held in before.items():
            if product is Product.CNC and key.segment.is_equity:
                self.hold(key, held.net, symbol(key))
            elif held.net:
                self.held[key, product] = HeldPosition(carried=held.net, open_value=held.open_value)
