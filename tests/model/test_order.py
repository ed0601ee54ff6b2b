"""Orders and reports: illegal values cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import (
    ForeverLeg,
    Leg,
    Limit,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Terms,
    Validity,
)

REPORT = OrderReport(
    account=AccountName("1000000001"), order_id=BrokerOrderId("112111182045"), segment=ExchangeSegment.NSE_FNO,
    security_id=SecurityId("45471"), side=Side.BUY, product=Product.INTRADAY, validity=Validity.DAY,
    terms=Limit(Decimal("100.05")), quantity=150, status=OrderStatus.PENDING,
)  # fmt: skip
OVER = {"TRADED", "REJECTED", "CANCELLED", "EXPIRED", "CLOSED"}
WITH_A_PRICE: list[Callable[[Decimal], Terms]] = [
    Limit,
    StopMarket,
    lambda price: StopLimit(trigger=price, price=Decimal(100)),
    lambda price: StopLimit(trigger=Decimal(100), price=price),
]


@pytest.mark.parametrize("make", WITH_A_PRICE)
@given(price=st.decimals(max_value=0) | st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")]))
def test_a_price_is_a_number_above_zero(make: Callable[[Decimal], Terms], price: Decimal) -> None:
    with pytest.raises(ValueError, match="must be above zero"):
        make(price)


@pytest.mark.parametrize("status", OrderStatus)
def test_what_is_over_and_what_is_confirmed(status: OrderStatus) -> None:
    assert status.is_terminal is (status.value in OVER)
    assert status.is_confirmed is (status.value not in ("TRANSIT", "REJECTED"))


@pytest.mark.parametrize("product", Product)
def test_what_is_delivery_and_what_ends_with_the_day(product: Product) -> None:
    assert product.is_delivery is (product.value in ("CNC", "MTF"))
    assert product.ends_with_day is (product.value in ("INTRADAY", "CO", "BO"))


def test_long_is_positive() -> None:
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


def test_legs_read_by_their_letter() -> None:
    assert [leg.letter for leg in Leg] == ["E", "T", "S"]


@given(quantity=st.integers(1, 10**6), filled=st.integers(0, 10**6), status=st.sampled_from(OrderStatus))
def test_what_is_left(quantity: int, filled: int, status: OrderStatus) -> None:
    report = attrs.evolve(REPORT, quantity=quantity, filled_quantity=min(filled, quantity), status=status)
    left = report.leaves_quantity
    assert report.expected_quantity == (report.filled_quantity if report.status.is_terminal else report.quantity)
    assert left == 0 if report.status.value in OVER else left + report.filled_quantity == report.quantity
    assert report.key == InstrumentKey(report.segment, report.security_id)


@given(quantity=st.integers(1, 10**6), beyond=st.integers(1, 100), status=st.sampled_from(OrderStatus))
def test_no_more_than_ordered_can_be_filled(quantity: int, beyond: int, status: OrderStatus) -> None:
    with pytest.raises(ValueError, match="is above quantity"):
        attrs.evolve(REPORT, quantity=quantity, filled_quantity=quantity + beyond, status=status)


@pytest.mark.parametrize(
    ("field", "value"),
    [("quantity", 0), ("filled_quantity", -1), ("disclosed_quantity", -1), ("order_id", ""), ("security_id", "")],
)
def test_other_impossible_values_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        attrs.evolve(REPORT, **{field: value})


def test_the_frame_as_it_came_is_kept_but_neither_shown_nor_compared() -> None:
    secret = attrs.evolve(REPORT, raw='{"token":"access-token"}')
    assert secret.raw == '{"token":"access-token"}'
    assert secret == REPORT
    assert "access-token" not in repr(secret)


@pytest.mark.parametrize("terms", [StopLimit(Decimal(99), Decimal(98)), StopMarket(Decimal(99))])
def test_a_second_leg_waits_for_a_price(terms: StopLimit | StopMarket) -> None:
    assert ForeverLeg(terms=terms, quantity=1).terms.trigger == 99


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_second_leg_is_for_something(quantity: int) -> None:
    with pytest.raises(ValueError, match="quantity"):
        ForeverLeg(terms=StopMarket(Decimal(99)), quantity=quantity)
