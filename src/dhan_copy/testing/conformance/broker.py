"""What every broker must do."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.errors import Rejected
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, client_order_id
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Limit, OrderReport, OrderStatus, Product, Side, Validity
from dhan_copy.protocols import Broker
from dhan_copy.testing.conformance.checks import eventually, raised

LEADER = AccountName("1000000001")


class BrokerHarness(Protocol):
    """A broker on an account of its own, and what only its other side can do."""

    broker: Broker
    key: InstrumentKey
    """What is traded."""
    lot_units: int
    product: Product
    price: Decimal
    """Rupees, on the tick: a buy at this price rests, and so does one at a tick or two below."""
    tick: Decimal

    def fill(self, order_id: BrokerOrderId, quantity: int) -> None:
        """Let ``quantity`` more units of a resting order fill."""
        ...

    def refuse_next(self, text: str) -> None:
        """Let the broker refuse the next request definitely, in these words."""
        ...

    def close(self) -> None: ...


class BrokerConformance:
    """Subclass it and say in :meth:`make_harness` how a broker is made."""

    def make_harness(self) -> BrokerHarness:
        """A harness on an account without orders."""
        raise NotImplementedError

    def setup_method(self) -> None:
        self.harness = self.make_harness()
        self.broker = self.harness.broker

    def teardown_method(self) -> None:
        self.harness.close()

    def submit_request(self, number: int = 0, lots: int = 2) -> Submit:
        """A buy that rests; another ``number`` is another order."""
        return Submit(
            follower=AccountName("F"),
            client_order_id=tag(number),
            attempt=1,
            leader=LEADER,
            leader_order_id=BrokerOrderId(str(number)),
            intent=Intent.ENTRY,
            segment=self.harness.key.segment,
            security_id=self.harness.key.security_id,
            side=Side.BUY,
            product=self.harness.product,
            validity=Validity.DAY,
            terms=Limit(self.harness.price),
            quantity=lots * self.harness.lot_units,
        )

    def test_an_account_without_orders_has_an_empty_book(self) -> None:
        assert list(self.broker.orders()) == []

    def test_an_order_is_found_by_its_tag_and_in_the_book(self) -> None:
        request = self.submit_request()
        order_id = self.broker.submit(request)
        assert isinstance(order_id, str) and order_id
        report = self.resting(request.client_order_id)
        assert report.order_id == order_id
        assert [r.order_id for r in self.broker.orders()] == [order_id]

    def test_an_order_says_what_was_asked(self) -> None:
        request = self.submit_request()
        self.broker.submit(request)
        for report in (self.resting(request.client_order_id), *self.broker.orders()):
            assert report.client_order_id == request.client_order_id
            assert report.key == self.harness.key
            assert (report.side, report.product, report.validity) == (Side.BUY, request.product, Validity.DAY)
            assert (report.quantity, report.filled_quantity) == (request.quantity, 0)
            assert report.terms == request.terms

    def test_every_order_keeps_its_own_tag(self) -> None:
        ids = {tag(number): self.broker.submit(self.submit_request(number)) for number in range(3)}
        for client_id, order_id in ids.items():
            assert self.resting(client_id).order_id == order_id
        assert {r.client_order_id: r.order_id for r in self.broker.orders()} == ids

    def test_an_unknown_tag_is_not_found(self) -> None:
        self.broker.submit(self.submit_request(0))
        assert self.broker.find(tag(999)) is None

    def test_modify_sets_the_total_quantity_and_the_price(self) -> None:
        submit = self.submit_request(lots=3)
        order_id = self.broker.submit(submit)
        self.resting(submit.client_order_id)
        price = self.harness.price - self.harness.tick
        self.broker.modify(self.modification(submit, order_id, lots=5, price=price))
        report = self.state(submit.client_order_id, lambda r: r.quantity == 5 * self.harness.lot_units, "the change")
        assert report.terms == Limit(price)
        assert report.order_id == order_id
        assert report.status.is_confirmed and not report.status.is_terminal

    def test_modify_counts_what_has_filled_in_the_total(self) -> None:
        submit = self.submit_request(lots=3)
        order_id = self.broker.submit(submit)
        self.filled(submit, order_id, lots=1)
        self.broker.modify(self.modification(submit, order_id, lots=2, price=self.harness.price))
        report = self.state(submit.client_order_id, lambda r: r.quantity == 2 * self.harness.lot_units, "the change")
        assert report.leaves_quantity == self.harness.lot_units

    def test_a_part_fill_shows_in_both_reads(self) -> None:
        submit = self.submit_request(lots=2)
        order_id = self.broker.submit(submit)
        report = self.filled(submit, order_id, lots=1)
        assert not report.status.is_terminal
        assert report.average_price is not None and report.average_price > 0
        (in_book,) = self.broker.orders()
        assert in_book.filled_quantity == report.filled_quantity

    def test_cancel_ends_an_order_without_a_fill(self) -> None:
        submit = self.submit_request()
        order_id = self.broker.submit(submit)
        self.resting(submit.client_order_id)
        self.broker.cancel(self.cancellation(submit, order_id))
        report = self.state(submit.client_order_id, lambda r: r.status.is_terminal, "the cancellation")
        assert report.status is OrderStatus.CANCELLED
        assert report.filled_quantity == 0

    def test_cancelling_a_filled_order_is_refused(self) -> None:
        submit = self.submit_request(lots=1)
        order_id = self.broker.submit(submit)
        self.filled(submit, order_id, lots=1)
        raised(Rejected, lambda: self.broker.cancel(self.cancellation(submit, order_id)))
        report = self.state(submit.client_order_id, lambda r: r.status.is_terminal, "the fill")
        assert report.status is OrderStatus.TRADED

    def test_modifying_a_filled_order_is_refused(self) -> None:
        submit = self.submit_request(lots=1)
        order_id = self.broker.submit(submit)
        self.filled(submit, order_id, lots=1)
        change = self.modification(submit, order_id, lots=2, price=self.harness.price)
        raised(Rejected, lambda: self.broker.modify(change))

    def test_cancelling_an_unknown_order_is_refused(self) -> None:
        request = self.cancellation(self.submit_request(), BrokerOrderId("999999999999"))
        raised(Rejected, lambda: self.broker.cancel(request))

    def test_a_refused_order_raises_with_the_brokers_words_and_leaves_nothing_open(self) -> None:
        self.harness.refuse_next("RMS: margin exceeds, by the conformance suite")
        error = raised(Rejected, lambda: self.broker.submit(self.submit_request(0)))
        assert "margin exceeds" in error.text
        assert isinstance(error.final, bool)
        assert all(report.leaves_quantity == 0 for report in self.broker.orders())
        self.broker.submit(self.submit_request(1))

    # Steps

    def modification(self, submit: Submit, order_id: BrokerOrderId, *, lots: int, price: Decimal) -> Modify:
        return Modify(
            follower=submit.follower,
            client_order_id=submit.client_order_id,
            attempt=2,
            broker_order_id=order_id,
            intent=Intent.ENTRY,
            validity=Validity.DAY,
            terms=Limit(price),
            quantity=lots * self.harness.lot_units,
        )

    def cancellation(self, submit: Submit, order_id: BrokerOrderId) -> Cancel:
        return Cancel(
            follower=submit.follower,
            client_order_id=submit.client_order_id,
            attempt=2,
            broker_order_id=order_id,
        )

    def resting(self, client_id: ClientOrderId) -> OrderReport:
        """The order, once it is past the broker."""
        return self.state(client_id, lambda report: report.status.is_confirmed, "the order")

    def filled(self, submit: Submit, order_id: BrokerOrderId, *, lots: int) -> OrderReport:
        self.resting(submit.client_order_id)
        quantity = lots * self.harness.lot_units
        self.harness.fill(order_id, quantity)
        return self.state(submit.client_order_id, lambda report: report.filled_quantity == quantity, "the fill")

    def state(self, client_id: ClientOrderId, wanted: Condition, what: str) -> OrderReport:
        def look() -> OrderReport | None:
            report = self.broker.find(client_id)
            return report if report is not None and wanted(report) else None

        return eventually(look, what)


class Condition(Protocol):
    def __call__(self, report: OrderReport) -> bool: ...


def tag(number: int) -> ClientOrderId:
    """The id that a copy of the leader's order ``number`` would have."""
    return client_order_id(LEADER, str(number), "F", "E", 0, 0)
