"""One net position, what it cost and what it made, from fills alone."""

from __future__ import annotations

from decimal import Decimal

from attrs import define

from dhan_copy.model.order import Side


@define(kw_only=True)
class HeldPosition:
    """``carried`` units of earlier days plus today's buys less today's sells.

    ``open_value`` is what the open units cost (signed as the net quantity is), ``realised`` what closed units made.
    """

    carried: int = 0
    bought: int = 0
    bought_value: Decimal = Decimal(0)
    sold: int = 0
    sold_value: Decimal = Decimal(0)
    open_value: Decimal = Decimal(0)
    realised: Decimal = Decimal(0)

    @property
    def net(self) -> int:
        """Signed units, long when positive."""
        return self.carried + self.bought - self.sold

    @property
    def cost_price(self) -> Decimal:
        """Rupees per open unit; zero when flat."""
        return self.open_value / self.net if self.net else Decimal(0)

    def trade(self, side: Side, quantity: int, price: Decimal) -> None:
        """Fold one fill: it closes what is open the other way, and opens the rest."""
        cost = self.cost_price
        closed = min(quantity, max(0, -side.sign * self.net))
        if side is Side.BUY:
            self.bought += quantity
            self.bought_value += quantity * price
        else:
            self.sold += quantity
            self.sold_value += quantity * price
        self.realised += closed * (cost - price) * side.sign
        self.open_value += side.sign * (closed * cost + (quantity - closed) * price)
