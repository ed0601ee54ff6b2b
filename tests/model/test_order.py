"""Orders and what a broker says of them: impossible values cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
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
    account=AccountName("1000000001"),
    order_id=BrokerOrderId("112111182045"),
    segment=ExchangeSegment.NSE_FNO,
    security_id=SecurityId("52175"),
    side=Side.BUY,
    product=Product.INTRADAY,
    validity=Validity.DAY,
    terms=Market(),
    quantity=150,
    filled_quantity=30,
    status=OrderStatus.PART_TRADED,
)


def test_signed_quantities_are_long_when_positive() -> None:
    assert Side.BUY.sign == 1 and Side.SELL.sign == -1


def test_delivery_products_cannot_be_sold_short() -> None:
    assert {product.name for product in Product if product.is_delivery} == {"CNC", "MTF"}


def test_products_that_the_broker_squares_off() -> None:
    assert {product.name for product in Product if product.ends_with_day} == {"INTRADAY", "CO", "BO"}


def test_an_order_ends_in_one_of_five_ways() -> None:
    ended = {status.name for status in OrderStatus if status.is_terminal}
    assert ended == {"TRADED", "REJECTED", "CANCELLED", "EXPIRED", "CLOSED"}


def test_transit_and_rejected_are_not_confirmed() -> None:
    assert {status.name for status in OrderStatus if not status.is_confirmed} == {"TRANSIT", "REJECTED"}


def test_legs_have_letters() -> None:
    assert [leg.letter for leg in Leg] == ["E", "T", "S"]


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(
    "make",
    [
        Limit,
        StopMarket,
        lambda price: StopLimit(price, Decimal(1)),
        lambda price: StopLimit(Decimal(1), price),
    ],
)
def test_prices_are_above_zero(make: Callable[[Decimal], Terms], price: str) -> None:
    with pytest.raises(ValueError, match="must be above zero"):
        make(Decimal(price))


def test_leaves_are_what_can_still_fill() -> None:
    assert REPORT.leaves_quantity == 120
    assert evolve(REPORT, status=OrderStatus.CANCELLED).leaves_quantity == 0


def test_a_report_is_about_an_instrument() -> None:
    assert REPORT.key == InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("52175"))


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 0},
        {"filled_quantity": -1},
        {"filled_quantity": 151},
        {"order_id": BrokerOrderId("")},
        {"security_id": SecurityId("")},
        {"disclosed_quantity": -1},
    ],
)
def test_an_impossible_report_cannot_be_made(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        evolve(REPORT, **changes)  # type: ignore[arg-type]


def test_the_frame_takes_no_part_in_comparison_or_repr() -> None:
    framed = evolve(REPORT, raw='{"secret": 1}')
    assert framed == REPORT and hash(framed) == hash(REPORT)
    assert "secret" not in repr(framed)
