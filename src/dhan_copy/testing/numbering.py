"""Order, exchange and trade numbers from counters, in Dhan's shape."""

from __future__ import annotations

from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.times import ist_date
from dhan_copy.protocols import Clock


class Numbering:
    """Dhan's order number contains the IST date as YYMMDD: ``32226090368506`` is of 3 September 2026."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._orders = self._confirmed = self._trades = self._changes = 0

    def order_id(self) -> BrokerOrderId:
        self._orders += 1
        return BrokerOrderId(f"322{ist_date(self._clock.now()):%y%m%d}{self._orders:06d}")

    def exchange_order_id(self) -> str:
        self._confirmed += 1
        return f"20{self._confirmed:014d}"

    def trade_id(self) -> str:
        self._trades += 1
        return str(169310 + self._trades)

    def sequence(self) -> int:
        """Counts changes: the time priority of an order."""
        self._changes += 1
        return self._changes
