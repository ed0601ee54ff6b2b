"""The fake broker answers as Dhan does, and fails as the test says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.errors import (
    AuthenticationError,
    CancellationRejected,
    InsufficientFunds,
    ModificationRejected,
    OrderStateChanged,
    PlacementRejected,
    PriceRejected,
    RateLimited,
    ReadError,
    Rejected,
    RequestTimedOut,
    Unresolved,
)
from dhan_copy.model.account import Holding, Position
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import Limit, OrderStatus, Product, Side, Terms, Validity
from dhan_copy.protocols import AccountReader, Broker
from dhan_copy.testing import Call, FakeBroker, Fault, Rejection, RejectionWay
from dhan_copy.testing.broker import refusal
from tests.testing.exchange_kit import SHARE, exchange

TAG = ClientOrderId("dc1-tag")


def submit(tag: ClientOrderId = TAG, quantity: int = 10, terms: Terms | None = None) -> Submit:
    return Submit(
        follower=AccountName("F"), client_order_id=tag, attempt=1, leader=AccountName("L"),
        leader_order_id=BrokerOrderId("1"), intent=Intent.ENTRY, segment=SHARE.segment,
        security_id=SHARE.security_id, side=Side.BUY, product=Product.CNC, validity=Validity.DAY,
        terms=terms or Limit(Decimal(400)), quantity=quantity,
    )  # fmt: skip


def modify(order_id: str, quantity: int) -> Modify:
    return Modify(
        follower=AccountName("F"), client_order_id=TAG, attempt=2, broker_order_id=BrokerOrderId(order_id),
        intent=Intent.ENTRY, validity=Validity.DAY, terms=Limit(Decimal(401)), quantity=quantity,
    )  # fmt: skip


def cancel(order_id: str) -> Cancel:
    return Cancel(follower=AccountName("F"), client_order_id=TAG, attempt=3, broker_order_id=BrokerOrderId(order_id))


def broker() -> FakeBroker:
    return FakeBroker(exchange(), "F")


def test_it_is_a_broker_that_reads_accounts() -> None:
    fake: Broker = broker()
    assert isinstance(fake, AccountReader)


def test_a_day_in_the_life_of_an_order() -> None:
    fake = broker()
    order_id = fake.submit(submit())
    found = fake.find(TAG)
    assert found is not None
    assert (found.order_id, found.client_order_id, found.source) == (order_id, TAG, "P")
    fake.modify(modify(order_id, 20))
    assert [(o.quantity, o.terms) for o in fake.orders()] == [(20, Limit(Decimal(401)))]
    fake.exchange.fill("F", order_id, 5)
    fake.cancel(cancel(order_id))
    assert [(o.status, o.filled_quantity) for o in fake.orders()] == [(OrderStatus.CANCELLED, 5)]
    assert fake.positions() == (Position(SHARE.segment, SHARE.security_id, Product.CNC, 5),)
    fake.exchange.set_holdings("F", [Holding(SHARE.security_id, 3)])
    assert fake.holdings() == (Holding(SHARE.security_id, 3),)
    assert fake.funds().available == 10_000_000
    assert fake.find(ClientOrderId("other")) is None


def test_an_answer_that_is_lost_leaves_an_order_behind() -> None:
    fake = broker()
    fake.fail_next(Fault.ANSWER_LOST)
    with pytest.raises(Unresolved):
        fake.submit(submit())
    assert [order.tag for order in fake.exchange.orders("F")] == [TAG]
    fake.submit(submit(ClientOrderId("second")))


def test_an_answer_that_is_lost_may_have_been_a_refusal() -> None:
    fake = broker()
    fake.fail_next(Fault.ANSWER_LOST, on=Call.CANCEL)
    with pytest.raises(Unresolved):
        fake.cancel(cancel("1"))


def test_a_request_that_never_arrived_left_nothing() -> None:
    fake = broker()
    fake.fail_next(Fault.NEVER_ARRIVED, count=2)
    for _ in range(2):
        with pytest.raises(Unresolved):
            fake.submit(submit())
    assert fake.exchange.requests == ()


def test_a_late_request_is_executed_after_its_timeout() -> None:
    fake = broker()
    fake.fail_next(Fault.ARRIVES_LATE, count=2)
    with pytest.raises(RequestTimedOut):
        fake.submit(submit())
    with pytest.raises(RequestTimedOut):
        fake.cancel(cancel("1"))
    assert fake.exchange.orders("F") == ()
    assert fake.deliver_late() == 2
    assert fake.deliver_late() == 0
    assert len(fake.exchange.tagged("F", TAG)) == 1


def test_any_rejection_can_be_asked_for() -> None:
    fake = broker()
    fake.fail_next(Fault.REJECTED, error=AuthenticationError, text="Invalid Token")
    with pytest.raises(AuthenticationError, match="Invalid Token"):
        fake.submit(submit())
    fake.fail_next(Fault.RATE_LIMITED)
    with pytest.raises(RateLimited) as limited:
        fake.submit(submit())
    assert not limited.value.final
    assert fake.exchange.requests == ()


def test_a_fault_waits_for_the_call_it_is_meant_for() -> None:
    fake = broker()
    fake.fail_next(Fault.NEVER_ARRIVED, on=Call.CANCEL)
    order_id = fake.submit(submit())
    with pytest.raises(Unresolved):
        fake.cancel(cancel(order_id))
    fake.cancel(cancel(order_id))
    with pytest.raises(ValueError):
        fake.fail_next(Fault.READ_FAILED, on=Call.SUBMIT)


def test_the_book_may_show_an_order_late() -> None:
    fake = broker()
    fake.fail_next(Fault.LATE_IN_BOOK, seconds=30)
    first = fake.submit(submit())
    second = fake.submit(submit(ClientOrderId("second")))
    assert [order.order_id for order in fake.orders()] == [second]
    assert fake.find(TAG) is None
    fake.exchange.clock.advance(30)  # type: ignore[attr-defined]
    assert [order.order_id for order in fake.orders()] == [first, second]


def test_reads_fail_when_told() -> None:
    fake = broker()
    for call, read in (
        (Call.FIND, lambda: fake.find(TAG)),
        (Call.ORDERS, fake.orders),
        (Call.ACCOUNT, fake.funds),
        (Call.ACCOUNT, fake.positions),
        (Call.ACCOUNT, fake.holdings),
    ):
        fake.fail_next(Fault.READ_FAILED, on=call)
        with pytest.raises(ReadError):
            read()
        read()


def test_faults_can_be_taken_back() -> None:
    fake = broker()
    fake.fail_next(Fault.NEVER_ARRIVED, count=100)
    fake.heal()
    fake.submit(submit())


def test_the_three_ways_of_a_rejection() -> None:
    fake = broker()
    for way in (RejectionWay.REFUSED, RejectionWay.ANSWERED):
        fake.exchange.reject_next("F", Rejection("no", way=way))
        with pytest.raises(PlacementRejected):
            fake.submit(submit())
    fake.exchange.reject_next("F", Rejection("RMS:no", way=RejectionWay.LATER))
    order_id = fake.submit(submit())
    assert [o.reason for o in fake.orders() if o.order_id == order_id] == ["RMS:no"]


def test_refusals_of_a_changed_order() -> None:
    fake = broker()
    order_id = fake.submit(submit())
    fake.exchange.fill("F", order_id, 5)
    with pytest.raises(ModificationRejected):
        fake.modify(modify(order_id, 4))
    fake.exchange.fill("F", order_id)
    with pytest.raises(OrderStateChanged):
        fake.modify(modify(order_id, 20))
    with pytest.raises(OrderStateChanged):
        fake.cancel(cancel(order_id))
    with pytest.raises(CancellationRejected):
        fake.cancel(cancel("unknown"))


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("DH-906", "RMS:1:You have insufficient funds. Please add Rs.1 to trade.", InsufficientFunds),
        ("DH-906", "Trigger Price should be greater than Price", PriceRejected),
        ("DH-901", "", AuthenticationError),
        ("DH-906", "Invalid Token", AuthenticationError),
        ("DH-904", "", RateLimited),
        ("DH-905", "anything else", PlacementRejected),
    ],
)
def test_words_and_codes_choose_the_error(code: str, text: str, kind: type[Rejected]) -> None:
    error = refusal(PlacementRejected, code, text, TAG)
    assert type(error) is kind
    assert (error.code, error.text) == (code, text)
