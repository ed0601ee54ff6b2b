"""The fake broker and the real client against the local server pass; brokers that leave a leg wrong do not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs
import pytest

from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.dhan import DhanAccount
from dhan_copy.errors import Rejected
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Leg, OrderReport, Product
from dhan_copy.protocols import LinkedOrders
from dhan_copy.testing import DhanServer, FakeLinkedBroker, Rejection, RejectionWay, SimulatedExchange, leg_id
from dhan_copy.testing.conformance import LinkedHarness, LinkedOrdersConformance
from tests.testing.exchange_kit import FUTURE, exchange, instruments


class OnExchange:
    key = FUTURE
    lot_units = 200
    product = Product.INTRADAY
    price = Decimal(2000)
    tick = Decimal("0.1")

    def __init__(self, simulated: SimulatedExchange, account: str, broker: LinkedOrders) -> None:
        self.exchange = simulated
        self.account = account
        self.broker = broker
        simulated.set_price(FUTURE, 2100, available=0)

    def fill_leg(self, order_id: BrokerOrderId, leg: Leg, quantity: int) -> None:
        self.exchange.fill(self.account, leg_id(order_id, leg), quantity)

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
    return OnExchange(simulated, "F", FakeLinkedBroker(simulated, "F"))


class TestFakeLinkedBroker(LinkedOrdersConformance):
    def make_harness(self) -> LinkedHarness:
        return fake()


class TestDhanBroker(LinkedOrdersConformance):
    def make_harness(self) -> LinkedHarness:
        return OverRest()


class Wrapped:
    """A broker that passes everything on; faulty ones change one thing."""

    def __init__(self, inner: LinkedOrders) -> None:
        self.inner = inner

    def submit_super(self, request: Submit, bracket: Bracket) -> BrokerOrderId:
        return self.inner.submit_super(request, bracket)

    def modify_leg(self, request: Modify, bracket: Bracket | None) -> None:
        self.inner.modify_leg(request, bracket)

    def cancel_leg(self, request: Cancel) -> None:
        self.inner.cancel_leg(request)

    def linked(self) -> Sequence[OrderReport]:
        return self.inner.linked()


class ForgetsTheStop(Wrapped):
    def submit_super(self, request: Submit, bracket: Bracket) -> BrokerOrderId:
        return self.inner.submit_super(request, Bracket(target=bracket.target))


class HidesLegs(Wrapped):
    def linked(self) -> Sequence[OrderReport]:
        return [report for report in self.inner.linked() if report.leg is Leg.ENTRY]


class CancelsTheWrongLeg(Wrapped):
    def cancel_leg(self, request: Cancel) -> None:
        other = {Leg.TARGET: Leg.STOP, Leg.STOP: Leg.TARGET}
        self.inner.cancel_leg(attrs.evolve(request, leg=other.get(request.leg, request.leg)))


class TrailsForEver(Wrapped):
    def modify_leg(self, request: Modify, bracket: Bracket | None) -> None:
        if bracket is not None and bracket.trailing_jump is None and request.leg is Leg.STOP:
            return
        self.inner.modify_leg(request, bracket)


class SwallowsRefusals(Wrapped):
    def cancel_leg(self, request: Cancel) -> None:
        try:
            self.inner.cancel_leg(request)
        except Rejected:
            pass


@pytest.mark.parametrize("faulty", [ForgetsTheStop, HidesLegs, CancelsTheWrongLeg, TrailsForEver, SwallowsRefusals])
def test_a_faulty_broker_fails(faulty: type[Wrapped], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhan_copy.testing.conformance.checks.PATIENCE_SECONDS", 0.05)

    class Suite(LinkedOrdersConformance):
        def make_harness(self) -> LinkedHarness:
            harness = fake()
            harness.broker = faulty(harness.broker)
            return harness

    failures = 0
    for name in dir(Suite):
        if name.startswith("test_"):
            suite = Suite()
            suite.setup_method()
            try:
                getattr(suite, name)()
            except (AssertionError, KeyError, Rejected):
                failures += 1
            finally:
                suite.teardown_method()
    assert failures
