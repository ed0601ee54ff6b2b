"""The instruments, their last prices and how much can trade there: only the test moves them."""

from __future__ import annotations

from decimal import Decimal

from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Side
from dhan_copy.testing.orders import Instrument, plain_instrument


class Market:
    """One price per instrument, shared by all accounts."""

    def __init__(self) -> None:
        self._instruments: dict[InstrumentKey, Instrument] = {}
        self._last: dict[InstrumentKey, Decimal] = {}
        self._references: dict[InstrumentKey, Decimal] = {}
        self._available: dict[tuple[InstrumentKey, Side], int] = {}

    def describe(self, instrument: Instrument) -> None:
        self._instruments[instrument.key] = instrument

    def knows(self, key: InstrumentKey) -> bool:
        return key in self._instruments

    def all(self) -> tuple[Instrument, ...]:
        """Every instrument that was described."""
        return tuple(self._instruments.values())

    def instrument(self, key: InstrumentKey) -> Instrument:
        """What was said of the instrument, else lot 1 and tick 0.05."""
        return self._instruments.get(key) or plain_instrument(key)

    def move(self, key: InstrumentKey, price: Decimal, available: int | None) -> None:
        """Set the last price and the units that can trade on each side until the next one (None: no limit)."""
        self._last[key] = price
        for side in Side:
            self._available.pop((key, side), None)
            if available is not None:
                self._available[key, side] = available

    def refer(self, key: InstrumentKey, price: Decimal) -> None:
        """Name a price that trades nothing and serves until a last price is set."""
        self._references[key] = price

    def last(self, key: InstrumentKey) -> Decimal | None:
        """The price at which orders trade now; None: nothing trades."""
        return self._last.get(key)

    def reference(self, key: InstrumentKey) -> Decimal | None:
        """The last price, or the one referred to."""
        return self._last.get(key, self._references.get(key))

    def take(self, key: InstrumentKey, side: Side, units: int) -> int:
        """Use up to ``units`` of what can trade on that side; returns how many there were."""
        available = self._available.get((key, side))
        if available is None:
            return units
        taken = min(units, available)
        self._available[key, side] = available - taken
        return taken
