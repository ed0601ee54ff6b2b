"""The fake broker and the real client against the local server pass; brokers that lie do not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs
import pytest

from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.dhan import DhanAccount
from dhan_copy.errors import Rejected
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.order import OrderReport, Product
from dhan_copy.protocols import Broker
from dhan_copy.testing import DhanServer, FakeBroker, Rejection, RejectionWay, SimulatedExchange
from dhan_copy.testing.conformance import BrokerConformance, BrokerHarness
from tests.testing.exchange_kit import FUTURE, exchange, instruments


class OnExchange:
    """What the harness of any broker on the simulated exchange has."""

    key = FUTURE
    lot_units = 200
    product = Product.INTRADAY
    price = Decimal(2000)
    tick = Decimal("0.1")

    def __init__(self, simulated: SimulatedExchange, account: str, broker: Broker) -> None:
        self.exchange = simulated
        self.account = account
        self.broker = broker
        simulated.set_funds(account, Decimal(10**9))
        simulated.set_price(FUTURE, 2100)

    def fill(self, order_id: BrokerOrderId, quantity: int) -> None:
        self.exchange.fill(self.account, order_id, quantity)

    def refuse_next(self, text: str) -> None:
        self.exchange.reject_next(self.account, Rejection(text, way=RejectionWay.REFUSED))

    def close(self) -> None:
        pass


class OverRest(OnExchange):
    """Dhan's client over HTTP to a server of its own."""

    def __init__(self) -> None:
        self.server = DhanServer(1, instruments=instruments())
        self.server.start()
        (account,) = self.server.accounts
        broker = DhanAccount(account.client_id, account.access_token, base_url=self.server.rest_url).broker()
        super().__init__(self.server.exchange, account.client_id, broker)

    def close(self) -> None:
        self.server.stop()


def fake() -> OnExchange:
    simulated = exchange("F")
    return OnExchange(simulated, "F", FakeBroker(simulated, "F"))


class TestFakeBroker(BrokerConformance):
    def make_harness(self) -> BrokerHarness:
        return fake()


class TestDhanBroker(BrokerConformance):
    def make_harness(self) -> BrokerHarness:
        return OverRest()


class Wrapped:
    """A broker that passes everything on; faulty ones change one thing."""

    def __init__(self, inner: Broker) -> None:
        self.inner = inner

    def submit(self, request: Submit) -> BrokerOrderId:
        return self.inner.submit(request)

    def modify(self, request: Modify) -> None:
        self.inner.modify(request)

    def cancel(self, request: Cancel) -> None:
        self.inner.cancel(request)

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return self.inner.find(client_order_id)

    def orders(self) -> Sequence[OrderReport]:
        return self.inner.orders()


class LosesTags(Wrapped):
    def orders(self) -> Sequence[OrderReport]:
        return [attrs.evolve(report, client_order_id=None) for report in self.inner.orders()]


class ModifiesTheRest(Wrapped):
    """Takes the quantity for what is left, not for the total."""

    def modify(self, request: Modify) -> None:
        found = self.inner.find(request.client_order_id)
        assert found is not None
        self.inner.modify(attrs.evolve(request, quantity=request.quantity + found.filled_quantity))


class IgnoresPrices(Wrapped):
    def modify(self, request: Modify) -> None:
        found = self.inner.find(request.client_order_id)
        assert found is not None
        self.inner.modify(attrs.evolve(request, terms=found.terms))


class SwallowsRefusals(Wrapped):
    def cancel(self, request: Cancel) -> None:
        try:
            self.inner.cancel(request)
        except Rejected:
            pass


class Speechless(Wrapped):
    def submit(self, request: Submit) -> BrokerOrderId:
        try:
            return self.inner.submit(request)
        except Rejected:
            raise Rejected("no") from None


class FindsAnything(Wrapped):
    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return self.inner.find(client_order_id) or next(iter(self.inner.orders()), None)


class ShowsTheOldest(Wrapped):
    def orders(self) -> Sequence[OrderReport]:
        return self.inner.orders()[:1]


class ForgetsFills(Wrapped):
    def orders(self) -> Sequence[OrderReport]:
        return [attrs.evolve(report, filled_quantity=0) for report in self.inner.orders()]


class CancelsNothing(Wrapped):
    def cancel(self, request: Cancel) -> None:
        pass


def failures(kind: type[Wrapped], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the checks that such a broker does not pass."""
    monkeypatch.setattr("dhan_copy.testing.conformance.checks.PATIENCE_SECONDS", 0.05)

    class Suite(BrokerConformance):
        def make_harness(self) -> BrokerHarness:
            harness = fake()
            harness.broker = kind(harness.broker)
            return harness

    failed = set()
    for name in dir(Suite):
        if name.startswith("test_"):
            suite = Suite()
            suite.setup_method()
            try:
                getattr(suite, name)()
            except Exception:
                failed.add(name)
            suite.teardown_method()
    return failed


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (LosesTags, "test_every_order_keeps_its_own_tag"),
        (ModifiesTheRest, "test_modify_counts_what_has_filled_in_the_total"),
        (IgnoresPrices, "test_modify_sets_the_total_quantity_and_the_price"),
        (SwallowsRefusals, "test_cancelling_a_filled_order_is_refused"),
        (Speechless, "test_a_refused_order_raises_with_the_brokers_words_and_leaves_nothing_open"),
        (FindsAnything, "test_an_unknown_tag_is_not_found"),
        (ShowsTheOldest, "test_every_order_keeps_its_own_tag"),
        (ForgetsFills, "test_a_part_fill_shows_in_both_reads"),
        (CancelsNothing, "test_cancel_ends_an_order_without_a_fill"),
    ],
)
def test_a_faulty_broker_is_found(kind: type[Wrapped], check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check in failures(kind, monkeypatch)


def test_a_sound_broker_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failures(Wrapped, monkeypatch) == set()


def test_the_suite_asks_how_a_broker_is_made() -> None:
    with pytest.raises(NotImplementedError):
        BrokerConformance().make_harness()
