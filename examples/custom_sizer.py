"""A sizer of your own, tried on the simulated exchange: no account, no network, no waiting.

    python examples/custom_sizer.py

A sizer is any object with ``size(order, accounts)``. It is asked once for each entry of the leader, and what it
answers stays with that order: later changes of the order, and the exits from it, keep the proportion.
"""

from __future__ import annotations

import sys

from attrs import frozen

from dhan_copy import Playground, Ratio, SizingError
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.order import Limit, Side, StopLimit
from dhan_copy.protocols import Accounts


@frozen
class HalfAboveBudget:
    """Copies in full up to ``budget`` rupees an order and half beyond it, and never sells options short."""

    budget: int

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        report = order.report
        if report.symbol.endswith((" CE", " PE")) and report.side is Side.SELL:
            raise SizingError("options are not sold short here")
        if not isinstance(report.terms, (Limit, StopLimit)):
            raise SizingError("an order without a price has no value to compare with the budget")
        return Ratio("1") if report.quantity * report.terms.price <= self.budget else Ratio("1/2")


def main() -> int:
    lab = Playground(followers={"CAREFUL": HalfAboveBudget(budget=20_000), "SAME": "1"})
    lab.leader.buy("NIFTY 22500 CE", lots=2, price=90)  # 150 units, 13,500 rupees
    large = lab.leader.buy("NIFTY 22600 CE", lots=4, price=90)  # 300 units, 27,000 rupees
    lab.leader.sell("NIFTY 22700 PE", lots=1, price=110)
    lab.leader.buy("NIFTY FUT", lots=1)
    lab.step()
    print(lab.decisions(), end="\n\n")

    lab.price("NIFTY 22500 CE", 90)  # everybody's order trades
    lab.step()
    lab.leader.sell("NIFTY 22500 CE", lots=2, price=90)  # closes it; no sizer is asked about exits
    large.modify(lots=6)  # the ratio is the entry's: CAREFUL goes from 150 to 225 units
    lab.step()
    print(lab.orders(), end="\n\n")
    print(lab.explain(large))
    return 0


if __name__ == "__main__":
    sys.exit(main())
