"""The short day that is copied: what leader and market do, step by step, and when a step has been copied."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from attrs import frozen

from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import Limit, Market, OrderStatus, Product, Side, Terms, Validity
from dhan_copy.testing.orders import Instrument, NewOrder, SimulatedOrder
from dhan_copy.testing.server import DhanServer

LEADER = "1000000001"
RATIOS = {"1000000002": Fraction(1), "1000000003": Fraction(1, 2)}
"""The followers and what part of the leader's quantities they copy."""

OPTION = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("68456"))
SHARE = InstrumentKey(ExchangeSegment.NSE_EQ, SecurityId("1333"))
FUTURE = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("52175"))
FACTS = {
    OPTION: InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX),
    SHARE: InstrumentFacts(1, Decimal("0.05"), InstrumentKind.EQUITY),
    FUTURE: InstrumentFacts(50, Decimal("0.05"), InstrumentKind.FUTIDX),
}
"""In each of them the leader buys at most once and sells at most once: so the followers' orders tell whose copies
they are, whatever their tags say."""


def copied_units(key: InstrumentKey, units: int, follower: str) -> int:
    """The follower's part of so many of the leader's units, in whole lots."""
    lot = FACTS[key].lot_units
    return int(units * RATIOS[follower] / lot) * lot


@frozen
class Step:
    """``act`` is done once, whoever is alive; ``is_copied`` tells from the brokers' books when nothing is left to do."""

    name: str
    act: Callable[[], object]
    is_copied: Callable[[], bool]


class Day:
    """One day at one server: an entry at market, a limit order that is modified and cancelled, one that fills in two
    parts, an exit of a half and an exit of everything."""

    def __init__(self, server: DhanServer) -> None:
        self._exchange = server.exchange
        self._ids: dict[str, str] = {}
        for key, facts in FACTS.items():
            self._exchange.add_instrument(Instrument(key=key, facts=facts, symbol=f"S{key.security_id}"))
            self._exchange.set_price(key, Decimal(100))
        self._ends = (
            self._filled(OPTION, Side.BUY, 300),
            self._filled(OPTION, Side.SELL, 150),
            self._filled(FUTURE, Side.BUY, 200),
            self._filled(FUTURE, Side.SELL, 200),
            self._gone(SHARE),
        )
        self.steps: tuple[Step, ...] = (
            Step("entry at market", lambda: self._place("entry", OPTION, Side.BUY, 300), self._filled(OPTION, Side.BUY, 300)),
            Step(
                "limit order",
                lambda: self._place("resting", SHARE, Side.BUY, 21, Limit(Decimal(90))),
                self._rests(SHARE, 21, Decimal(90)),
            ),
            Step("modified", lambda: self._modify("resting", 32, Decimal("91.5")), self._rests(SHARE, 32, Decimal("91.5"))),
            Step("cancelled", lambda: self._exchange.cancel(LEADER, self._ids["resting"]), self._gone(SHARE)),
            Step(
                "second limit order",
                lambda: self._place("parts", FUTURE, Side.BUY, 200, Limit(Decimal(95))),
                self._rests(FUTURE, 200, Decimal(95)),
            ),
            Step("a part fills", lambda: self._exchange.fill(LEADER, self._ids["parts"], 100), lambda: True),
            Step(
                "the rest fills",
                lambda: self._exchange.set_price(FUTURE, Decimal(95)),
                self._filled(FUTURE, Side.BUY, 200),
            ),
            Step("half exit", lambda: self._place("half", OPTION, Side.SELL, 150), self._filled(OPTION, Side.SELL, 150)),
            Step("exit", lambda: self._place("exit", FUTURE, Side.SELL, 200), self._filled(FUTURE, Side.SELL, 200)),
        )

    def is_copied(self) -> bool:
        """Whether the whole day has been copied, with nothing missing."""
        return all(done() for done in self._ends)

    def _place(self, name: str, key: InstrumentKey, side: Side, units: int, terms: Terms = Market()) -> None:
        new = NewOrder(key=key, side=side, quantity=units, terms=terms, product=Product.INTRADAY)
        self._ids[name] = self._exchange.place(LEADER, new).order_id

    def _modify(self, name: str, units: int, price: Decimal) -> None:
        self._exchange.modify(LEADER, self._ids[name], quantity=units, terms=Limit(price), validity=Validity.DAY)

    def _copies(self, key: InstrumentKey, side: Side, follower: str) -> list[SimulatedOrder]:
        return [order for order in self._exchange.orders(follower) if (order.key, order.side) == (key, side)]

    def _filled(self, key: InstrumentKey, side: Side, units: int) -> Callable[[], bool]:
        return lambda: all(
            sum(copy.filled_quantity for copy in self._copies(key, side, follower)) == copied_units(key, units, follower)
            for follower in RATIOS
        )

    def _rests(self, key: InstrumentKey, units: int, price: Decimal) -> Callable[[], bool]:
        return lambda: all(
            any(
                (copy.leaves_quantity, copy.price) == (copied_units(key, units, follower), price)
                for copy in self._copies(key, Side.BUY, follower)
            )
            for follower in RATIOS
        )

    def _gone(self, key: InstrumentKey) -> Callable[[], bool]:
        return lambda: all(
            any(copy.status is OrderStatus.CANCELLED for copy in self._copies(key, Side.BUY, follower)) for follower in RATIOS
        )
