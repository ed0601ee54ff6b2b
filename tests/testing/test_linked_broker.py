"""The fake broker that takes super and Forever orders answers as Dhan does, and fails as the test says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.errors import (
    CancellationRejected,
    ModificationRejected,
    OrderStateChanged,
    PlacementRejected,
    ReadError,
    Rejected,
    Unresolved,
)
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import (
    ForeverLeg,
    Leg,
    Limit,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    Terms,
    Validity,
    Variety,
)
from dhan_copy.protocols import ForeverOrders, LinkedOrders
from dhan_copy.testing import FakeBroker, FakeLinkedBroker, FakeSource, Fault, Rejection, RejectionWay, leg_id
from tests.testing.exchange_kit import SHARE, exchange

TAG = ClientOrderId("dc1-tag")
WHOLE = Bracket(target=Decimal(410), stop=Decimal(390), trailing_jump=Decimal(2))
ABOVE, BELOW = StopLimit(Decimal(410), Decimal(409)), StopLimit(Decimal(390), Decimal(389))
STOP = ForeverLeg(terms=BELOW, quantity=7)


def submit(terms: Terms = Limit(Decimal(400)), side: Side = Side.BUY, product: Product = Product.CNC) -> Submit:
    return Submit(
        follower=AccountName("F"), client_order_id=TAG, attempt=1, leader=AccountName("L"),
        leader_order_id=BrokerOrderId("1"), intent=Intent.ENTRY, segment=SHARE.segment,
        security_id=SHARE.security_id, side=side, product=product, validity=Validity.DAY, terms=terms, quantity=10,
    )  # fmt: skip


def modify(order_id: str, leg: Leg, terms: Terms = Limit(Decimal(401))) -> Modify:
    return Modify(
        follower=AccountName("F"), client_order_id=TAG, attempt=2, broker_order_id=BrokerOrderId(order_id),
        intent=Intent.ENTRY, validity=Validity.DAY, terms=terms, quantity=20, leg=leg,
    )  # fmt: skip


def cancel(order_id: str, leg: Leg = Leg.ENTRY) -> Cancel:
    return Cancel(follower=AccountName("F"), client_order_id=TAG, attempt=3, broker_order_id=BrokerOrderId(order_id), leg=leg)


def broker() -> FakeLinkedBroker:
    return FakeLinkedBroker(exchange(), "F")


def legs(reports: tuple[OrderReport, ...]) -> list[tuple[Leg, OrderStatus]]:
    return [(report.leg, report.status) for report in reports]


def test_only_this_one_takes_them() -> None:
    linked: LinkedOrders = broker()
    forever: ForeverOrders = broker()
    assert isinstance(linked, LinkedOrders) and isinstance(forever, ForeverOrders)
    plain = FakeBroker(exchange(), "F")
    assert not isinstance(plain, LinkedOrders) and not isinstance(plain, ForeverOrders)


def test_l1_l6_l7_a_day_in_the_life_of_a_super_order() -> None:
    fake = broker()
    order_id = fake.submit_super(submit(), WHOLE)
    fake.modify_leg(modify(order_id, Leg.ENTRY), Bracket(target=Decimal(412)))
    [entry] = fake.linked()
    assert (entry.quantity, entry.terms, entry.source) == (20, Limit(Decimal(401)), "P")
    assert entry.bracket == Bracket(target=Decimal(412), stop=Decimal(390))
    fake.exchange.fill("F", order_id)
    with pytest.raises(OrderStateChanged):
        fake.cancel_leg(cancel(order_id))
    fake.modify_leg(modify(order_id, Leg.STOP), Bracket(stop=Decimal(395)))
    fake.cancel_leg(cancel(order_id, Leg.TARGET))
    fake.exchange.fill("F", leg_id(order_id, Leg.STOP))
    assert legs(tuple(fake.linked())) == [
        (Leg.ENTRY, OrderStatus.CLOSED), (Leg.TARGET, OrderStatus.CANCELLED), (Leg.STOP, OrderStatus.TRADED),
    ]  # fmt: skip
    found = fake.find(TAG)
    assert found is not None and (found.leg, found.status) == (Leg.ENTRY, OrderStatus.TRADED)


def test_l10_a_day_in_the_life_of_a_forever_order() -> None:
    fake = broker()
    order_id = fake.submit_forever(submit(ABOVE, Side.SELL), STOP)
    fake.modify_forever(modify(order_id, Leg.STOP, StopLimit(Decimal(391), Decimal(390))), oco=True)
    fake.modify_forever(modify(order_id, Leg.ENTRY, ABOVE), oco=False)
    assert [(r.leg, r.quantity, r.variety, r.client_order_id) for r in fake.forever()] == [
        (Leg.TARGET, 20, Variety.FOREVER, None), (Leg.STOP, 20, Variety.FOREVER, None),
    ]  # fmt: skip
    fake.cancel_forever(cancel(order_id))
    assert {report.status for report in fake.forever()} == {OrderStatus.CANCELLED}


CALLS: dict[str, tuple[Callable[[FakeLinkedBroker, str, str], object], type[Rejected]]] = {
    "submit super": (lambda fake, _, __: fake.submit_super(submit(), WHOLE), PlacementRejected),
    "modify leg": (lambda fake, super_id, _: fake.modify_leg(modify(super_id, Leg.ENTRY), WHOLE), ModificationRejected),
    "cancel leg": (lambda fake, super_id, _: fake.cancel_leg(cancel(super_id)), CancellationRejected),
    "submit forever": (lambda fake, _, __: fake.submit_forever(submit(ABOVE, Side.SELL), STOP), PlacementRejected),
    "modify forever": (
        lambda fake, _, other: fake.modify_forever(modify(other, Leg.STOP, BELOW), oco=True), ModificationRejected,
    ),
    "cancel forever": (lambda fake, _, other: fake.cancel_forever(cancel(other)), CancellationRejected),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("fault", "executed"), [(Fault.ANSWER_LOST, True), (Fault.NEVER_ARRIVED, False)])
def test_faults_befall_these_too(name: str, fault: Fault, executed: bool) -> None:
    fake = broker()
    ids = (fake.submit_super(submit(), WHOLE), fake.submit_forever(submit(ABOVE, Side.SELL), STOP))
    before = len(fake.exchange.requests)
    fake.fail_next(fault)
    with pytest.raises(Unresolved):
        CALLS[name][0](fake, *ids)
    assert len(fake.exchange.requests) - before == executed
    fake.fail_next(Fault.REJECTED, error=CALLS[name][1])
    with pytest.raises(CALLS[name][1]):
        CALLS[name][0](fake, *ids)


def test_what_is_refused() -> None:
    fake = broker()
    fake.exchange.reject_next("F", Rejection("RMS:no", way=RejectionWay.ANSWERED))
    with pytest.raises(PlacementRejected):
        fake.submit_super(submit(), WHOLE)
    with pytest.raises(PlacementRejected):
        fake.submit_super(submit(product=Product.BO), WHOLE)
    with pytest.raises(Rejected):
        fake.submit_forever(submit())
    with pytest.raises(ModificationRejected):
        fake.modify_forever(modify("1", Leg.ENTRY), oco=False)
    for read in (fake.linked, fake.forever):
        fake.fail_next(Fault.READ_FAILED)
        with pytest.raises(ReadError):
            read()


def test_l1_l10_a_source_shows_brackets_and_forever_orders_where_asked() -> None:
    fake = broker()
    order_id = fake.submit_super(submit(), WHOLE)
    fake.submit_forever(submit(ABOVE, Side.SELL))
    plain, linked, forever = (
        FakeSource(fake.exchange, "F", linked=on, forever=also).snapshot()
        for on, also in ((False, False), (True, False), (False, True))
    )
    assert [(report.order_id, report.bracket) for report in plain] == [(order_id, None)]
    assert [(report.order_id, report.bracket) for report in linked] == [(order_id, WHOLE)]
    assert [(report.variety, report.bracket) for report in forever] == [
        (Variety.SUPER, None), (Variety.FOREVER, None),
    ]  # fmt: skip
