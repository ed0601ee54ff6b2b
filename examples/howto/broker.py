"""A broker of your own: what another API says becomes orders, reports and errors of this library.

``Venue`` stands for the API of somebody else, with words of its own; ``VenueBroker`` is what you would write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from dhan_copy import CopyEngine, Follower, Leader, MemoryStore, Playground, Rejected, Unresolved
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.errors import CancellationRejected, ModificationRejected, PlacementRejected, ReadError
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import ExchangeSegment, instrument_key
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, Product, Side, Terms, Validity

Answer = TypeVar("Answer")


class Refused(Exception):
    """The venue's own error: it has done nothing."""


class Venue:
    """Somebody else's API. Orders rest until :meth:`trade`; a price of 0 is a market order, which trades at 100."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.says_no: str | None = None

    def place(self, ref: str, scrip: str, buy: bool, qty: int, price: str) -> str:
        if self.says_no is not None:
            words, self.says_no = self.says_no, None
            raise Refused(words)
        no = f"V{len(self.rows) + 1}"
        row = {"no": no, "ref": ref, "scrip": scrip, "bs": "B" if buy else "S", "qty": qty, "done": 0, "avg": None}
        self.rows[no] = {**row, "price": price, "state": "OPEN"}
        if price == "0":
            self.trade(no, qty, "100")
        return no

    def amend(self, no: str, qty: int, price: str) -> None:
        self._open(no).update(qty=qty, price=price)
        self.trade(no, 0, "0")

    def kill(self, no: str) -> None:
        self._open(no).update(state="KILLED")

    def book(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.rows.values()]

    def trade(self, no: str, qty: int, price: str) -> None:
        row = self.rows[no]
        if qty:
            row.update(done=row["done"] + qty, avg=price)
        if row["done"] == row["qty"]:
            row.update(state="DONE")

    def _open(self, no: str) -> dict[str, Any]:
        if no not in self.rows or self.rows[no]["state"] != "OPEN":
            raise Refused(f"{no} is not open")
        return self.rows[no]


STATUS = {"OPEN": OrderStatus.PENDING, "DONE": OrderStatus.TRADED, "KILLED": OrderStatus.CANCELLED}


class VenueBroker:
    """Implements :class:`~dhan_copy.protocols.Broker`; nothing is inherited."""

    def __init__(self, venue: Venue, account: str) -> None:
        self._venue = venue
        self._account = AccountName(account)

    def submit(self, request: Submit) -> BrokerOrderId:
        price, scrip = self._price(request.terms), f"{request.segment.name}:{request.security_id}"
        buy, ref = request.side is Side.BUY, request.client_order_id  # our id must come back with the order
        return BrokerOrderId(
            self._asked(PlacementRejected, lambda: self._venue.place(ref, scrip, buy, request.quantity, price))
        )

    def modify(self, request: Modify) -> None:
        """``quantity`` is the order's new total, with what has filled."""
        price = self._price(request.terms)
        self._asked(ModificationRejected, lambda: self._venue.amend(request.broker_order_id, request.quantity, price))

    def cancel(self, request: Cancel) -> None:
        self._asked(CancellationRejected, lambda: self._venue.kill(request.broker_order_id))

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """None only where the read succeeded and did not show it."""
        return next((report for report in self.orders() if report.client_order_id == client_order_id), None)

    def orders(self) -> Sequence[OrderReport]:
        try:
            rows = self._venue.book()
        except OSError as error:
            raise ReadError(f"the venue's book could not be read: {error}") from error
        return [self._report(row) for row in rows]

    def _report(self, row: dict[str, Any]) -> OrderReport:
        segment, _, security_id = row["scrip"].partition(":")
        key = instrument_key(ExchangeSegment[segment], security_id)
        return OrderReport(
            account=self._account,
            order_id=BrokerOrderId(row["no"]),
            client_order_id=ClientOrderId(row["ref"]),
            segment=key.segment,
            security_id=key.security_id,
            side=Side.BUY if row["bs"] == "B" else Side.SELL,
            product=Product.INTRADAY,
            validity=Validity.DAY,
            terms=Market() if row["price"] == "0" else Limit(Decimal(row["price"])),
            quantity=row["qty"],
            filled_quantity=row["done"],
            average_price=None if row["avg"] is None else Decimal(row["avg"]),
            status=STATUS[row["state"]],  # an unknown state is a KeyError: never a default
        )

    def _price(self, terms: Terms) -> str:
        match terms:
            case Market():
                return "0"
            case Limit():
                return str(terms.price)
        raise PlacementRejected("the venue takes market and limit orders only")  # certain: nothing was sent

    def _asked(self, refusal: type[Rejected], ask: Callable[[], Answer]) -> Answer:
        """The venue's own no is certain. A connection that breaks proves nothing: the order may exist."""
        try:
            return ask()
        except Refused as no:
            raise refusal("the venue refused", text=str(no)) from no
        except OSError as error:
            raise Unresolved(f"no answer of the venue: {error}") from error


class Kept(MemoryStore):
    """For this example only; a live follower needs a file, such as store="copies.db"."""

    durable = True


def main() -> None:
    lab, venue = Playground({"F": "1"}), Venue()  # its leader trades on the simulated exchange
    engine = CopyEngine(
        [Leader("LEADER", source=lab.sources["LEADER"])],
        [Follower("F", size="1/2", broker=VenueBroker(venue, "F"), live=True)],
        store=Kept(), clock=lab.clock,
    )  # fmt: skip
    engine.step()
    order = lab.leader.buy("NIFTY 22500 CE", lots=4, price=90)
    engine.step()
    order.modify(lots=2, price=91)
    engine.step()
    print(engine.orders())
    (row,) = venue.book()
    assert (row["qty"], row["price"], row["state"]) == (75, "91", "OPEN")
    engine.stop()


if __name__ == "__main__":
    main()
