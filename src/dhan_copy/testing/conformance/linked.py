"""What every broker must do that takes an entry together with the legs that close it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol

from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.errors import Rejected
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, Limit, Market, OrderReport, OrderStatus, Product, Side, Terms, Validity
from dhan_copy.protocols import LinkedOrders
from dhan_copy.testing.conformance.broker import LEADER, tag
from dhan_copy.testing.conformance.checks import eventually, raised

Reports = Mapping[Leg, OrderReport]


class LinkedHarness(Protocol):
    """A broker on an account of its own, and what only its other side can do."""

    broker: LinkedOrders
    key: InstrumentKey
    """What is traded."""
    lot_units: int
    product: Product
    price: Decimal
    """Rupees, on the tick: a buy at this price rests, and so does one at a tick or two below."""
    tick: Decimal

    def fill_leg(self, order_id: BrokerOrderId, leg: Leg, quantity: int) -> None:
        """Let ``quantity`` more units of the entry or of a leg fill."""
        ...

    def refuse_next(self, text: str) -> None:
        """Let the broker refuse the next request definitely, in these words."""
        ...

    def close(self) -> None: ...


class LinkedOrdersConformance:
    """Subclass it and say in :meth:`make_harness` how a broker is made."""

    def make_harness(self) -> LinkedHarness:
        """A harness on an account without orders."""
        raise NotImplementedError

    def setup_method(self) -> None:
        self.harness = self.make_harness()
        self.broker = self.harness.broker
        self.lot = self.harness.lot_units
        price, tick = self.harness.price, self.harness.tick
        self.bracket = Bracket(target=price + 200 * tick, stop=price - 200 * tick)

    def teardown_method(self) -> None:
        self.harness.close()

    def test_an_account_without_orders_has_none(self) -> None:
        assert list(self.broker.linked()) == []

    def test_an_entry_says_what_was_asked_and_which_legs_it_has(self) -> None:
        order_id = self.placed()
        entry = self.reports(order_id)[Leg.ENTRY]
        assert entry.bracket == self.bracket
        assert (entry.client_order_id, entry.key, entry.side) == (tag(0), self.harness.key, Side.BUY)
        assert (entry.quantity, entry.filled_quantity, entry.terms) == (4 * self.lot, 0, Limit(self.harness.price))

    def test_a_market_entry_is_taken(self) -> None:
        far = Bracket(target=self.harness.price * 2, stop=self.harness.price / 2)
        order_id = self.broker.submit_super(self.submit_request(terms=Market()), far)
        assert self.until(order_id, lambda reports: Leg.ENTRY in reports, "the order")[Leg.ENTRY].bracket == far

    def test_no_leg_is_for_anything_before_the_entry_fills(self) -> None:
        order_id = self.placed()
        live = {leg: report.leaves_quantity for leg, report in self.reports(order_id).items() if leg is not Leg.ENTRY}
        assert not any(live.values())

    def test_legs_are_for_what_the_entry_has_filled_and_the_other_leg_has_not(self) -> None:
        order_id = self.placed()
        self.fill(order_id, Leg.ENTRY, lots=2)
        self.expect(order_id, {Leg.TARGET: 2, Leg.STOP: 2})
        self.fill(order_id, Leg.TARGET, lots=1)
        self.expect(order_id, {Leg.TARGET: 1, Leg.STOP: 1})
        self.fill(order_id, Leg.ENTRY, lots=2)
        reports = self.expect(order_id, {Leg.TARGET: 3, Leg.STOP: 3})
        assert {report.side for leg, report in reports.items() if leg is not Leg.ENTRY} == {Side.SELL}

    def test_one_leg_that_fills_cancels_the_other(self) -> None:
        order_id = self.placed()
        self.fill(order_id, Leg.ENTRY, lots=4)
        self.fill(order_id, Leg.STOP, lots=4)
        reports = self.expect(order_id, {Leg.TARGET: 0, Leg.STOP: 0})
        assert reports[Leg.STOP].filled_quantity == 4 * self.lot
        assert reports[Leg.TARGET].status is OrderStatus.CANCELLED
        assert reports[Leg.ENTRY].status.is_terminal

    def test_the_entry_is_changed_with_its_legs_while_it_works(self) -> None:
        order_id = self.placed()
        price, tick = self.harness.price - self.harness.tick, self.harness.tick
        wanted = Bracket(target=price + 100 * tick, stop=price - 100 * tick, trailing_jump=10 * tick)
        self.broker.modify_leg(self.modification(order_id, Leg.ENTRY, lots=6, price=price), wanted)
        entry = self.until(order_id, lambda reports: reports[Leg.ENTRY].quantity == 6 * self.lot, "the change")[Leg.ENTRY]
        assert (entry.terms, entry.bracket) == (Limit(price), wanted)

    def test_an_entry_that_has_filled_is_neither_changed_nor_cancelled_and_its_exits_stay(self) -> None:
        order_id = self.placed()
        self.fill(order_id, Leg.ENTRY, lots=4)
        change = self.modification(order_id, Leg.ENTRY, lots=6, price=self.harness.price)
        raised(Rejected, lambda: self.broker.modify_leg(change, self.bracket))
        raised(Rejected, lambda: self.broker.cancel_leg(self.cancellation(order_id, Leg.ENTRY)))
        self.expect(order_id, {Leg.TARGET: 4, Leg.STOP: 4})

    def test_exits_are_changed_once_the_entry_has_filled(self) -> None:
        order_id, tick = self.placed(), self.harness.tick
        self.fill(order_id, Leg.ENTRY, lots=4)
        assert self.bracket.target is not None and self.bracket.stop is not None
        trailing = Bracket(target=self.bracket.target + tick, stop=self.bracket.stop + tick, trailing_jump=10 * tick)
        for wanted in (trailing, self.bracket):
            for leg in (Leg.TARGET, Leg.STOP):
                request = self.modification(order_id, leg, lots=4, price=self.harness.price)
                self.broker.modify_leg(request, wanted)
            self.until(order_id, lambda reports: reports[Leg.ENTRY].bracket == wanted, "the change")

    def test_an_entry_takes_its_legs_with_it(self) -> None:
        order_id = self.placed()
        self.broker.cancel_leg(self.cancellation(order_id, Leg.ENTRY))
        reports = self.until(order_id, lambda found: found[Leg.ENTRY].status.is_terminal, "the cancellation")
        assert reports[Leg.ENTRY].status is OrderStatus.CANCELLED
        assert not any(report.leaves_quantity for report in reports.values())

    def test_a_leg_that_was_cancelled_stays_so_and_the_other_is_as_it_was(self) -> None:
        order_id = self.placed()
        self.fill(order_id, Leg.ENTRY, lots=4)
        self.broker.cancel_leg(self.cancellation(order_id, Leg.TARGET))
        self.expect(order_id, {Leg.TARGET: 0, Leg.STOP: 4})
        change = self.modification(order_id, Leg.TARGET, lots=4, price=self.harness.price)
        raised(Rejected, lambda: self.broker.modify_leg(change, self.bracket))
        raised(Rejected, lambda: self.broker.cancel_leg(self.cancellation(order_id, Leg.TARGET)))

    def test_a_refused_order_raises_with_the_brokers_words_and_leaves_nothing_open(self) -> None:
        self.harness.refuse_next("RMS: margin exceeds, by the conformance suite")
        error = raised(Rejected, lambda: self.broker.submit_super(self.submit_request(), self.bracket))
        assert "margin exceeds" in error.text
        assert not any(report.leaves_quantity for report in self.broker.linked())

    def test_an_order_that_nobody_knows_is_neither_changed_nor_cancelled(self) -> None:
        nobody = BrokerOrderId("999999999999")
        change = self.modification(nobody, Leg.ENTRY, lots=1, price=self.harness.price)
        raised(Rejected, lambda: self.broker.modify_leg(change, self.bracket))
        raised(Rejected, lambda: self.broker.cancel_leg(self.cancellation(nobody, Leg.STOP)))

    # Steps

    def placed(self) -> BrokerOrderId:
        """An entry for four lots that rests."""
        order_id = self.broker.submit_super(self.submit_request(), self.bracket)
        self.until(order_id, lambda found: Leg.ENTRY in found and found[Leg.ENTRY].status.is_confirmed, "the order")
        return order_id

    def fill(self, order_id: BrokerOrderId, leg: Leg, *, lots: int) -> None:
        before = self.reports(order_id)[leg].filled_quantity
        self.harness.fill_leg(order_id, leg, lots * self.lot)
        self.until(order_id, lambda found: found[leg].filled_quantity == before + lots * self.lot, "the fill")

    def expect(self, order_id: BrokerOrderId, lots: Mapping[Leg, int]) -> Reports:
        """Wait until the legs have as many lots open as ``lots`` says."""

        def so(found: Reports) -> bool:
            return all(leg in found and found[leg].leaves_quantity == count * self.lot for leg, count in lots.items())

        return self.until(order_id, so, f"legs for {dict(lots)} lots")

    def reports(self, order_id: BrokerOrderId) -> Reports:
        """By leg, what the broker says of one order."""
        found = [report for report in self.broker.linked() if report.order_id == order_id]
        assert len({report.leg for report in found}) == len(found)
        return {report.leg: report for report in found}

    def until(self, order_id: BrokerOrderId, wanted: Callable[[Reports], bool], what: str) -> Reports:
        def look() -> Reports | None:
            found = self.reports(order_id)
            return found if found and wanted(found) else None

        return eventually(look, what)

    def submit_request(self, terms: Terms | None = None) -> Submit:
        return Submit(
            follower=LEADER,
            client_order_id=tag(0),
            attempt=1,
            leader=LEADER,
            leader_order_id=BrokerOrderId("0"),
            intent=Intent.ENTRY,
            segment=self.harness.key.segment,
            security_id=self.harness.key.security_id,
            side=Side.BUY,
            product=self.harness.product,
            validity=Validity.DAY,
            terms=terms or Limit(self.harness.price),
            quantity=4 * self.lot,
        )

    def modification(self, order_id: BrokerOrderId, leg: Leg, *, lots: int, price: Decimal) -> Modify:
        return Modify(
            follower=LEADER,
            client_order_id=tag(0),
            attempt=2,
            broker_order_id=order_id,
            intent=Intent.ENTRY if leg is Leg.ENTRY else Intent.EXIT,
            validity=Validity.DAY,
            terms=Limit(price),
            quantity=lots * self.lot,
            leg=leg,
        )

    def cancellation(self, order_id: BrokerOrderId, leg: Leg) -> Cancel:
        return Cancel(follower=LEADER, client_order_id=tag(0), attempt=2, broker_order_id=order_id, leg=leg)
