"""Rows of the list of super orders: recorded, documented, and whatever cannot be read without a guess."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan.linked_rows import parse_super_book, parse_super_row
from dhan_copy.dhan.rows import parse_order_row
from dhan_copy.errors import UnreadableReport
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.listed import with_linked
from dhan_copy.model.order import Leg, Limit, OrderStatus, Side, StopMarket, Variety

ITEMS = json.loads((Path(__file__).parent.parent / "data" / "rest_rows.json").read_text())["items"]
RECORDED, DOCUMENTED = (item["row"] for item in ITEMS if item["kind"] == "super_order_row")


def leg(name: str, **changes: object) -> dict[str, object]:
    plain = {
        "orderId": "5925022734212",
        "legName": name,
        "transactionType": "SELL",
        "totalQuatity": 10,
        "remainingQuantity": 10,
        "triggeredQuantity": 0,
        "price": 1400 if name == "STOP_LOSS_LEG" else 1550,
        "orderStatus": "PENDING",
        "trailingJump": 0,
    }
    return {key: value for key, value in {**plain, **changes}.items() if value is not ...}


def row(*legs: dict[str, object], **changes: object) -> dict[str, object]:
    whole = {**deepcopy(DOCUMENTED), "orderStatus": "TRADED", "filledQty": 10, "remainingQuantity": 0, **changes}
    if legs:
        whole["legDetails"] = list(legs)
    return {key: value for key, value in whole.items() if value is not ...}


def test_the_documented_sample_has_an_entry_and_no_leg_that_is_for_anything() -> None:
    [entry] = parse_super_row(DOCUMENTED)
    assert entry == evolve(parse_order_row(DOCUMENTED), bracket=entry.bracket)
    assert entry.bracket == Bracket(target=Decimal(1550), stop=Decimal(1400), trailing_jump=Decimal(10))
    assert (entry.variety, entry.leg, entry.average_price) == (Variety.SUPER, Leg.ENTRY, None)
    bare = [leg("STOP_LOSS_LEG", totalQuatity=..., remainingQuantity=..., triggeredQuantity=...)]
    assert len(parse_super_row({**DOCUMENTED, "legDetails": bare})) == 1


def test_the_recorded_row_has_average_price_zero_although_it_traded() -> None:
    recorded = {**DOCUMENTED, **RECORDED, "quantity": 65, "orderId": "5925022734212"}
    recorded["legDetails"] = [
        leg(each["legName"], totalQuatity=65, remainingQuantity=65, **each) for each in RECORDED["legDetails"]
    ]
    entry, target, stop = parse_super_row(recorded)
    assert (entry.status, entry.filled_quantity, entry.average_price) == (OrderStatus.TRADED, 65, None)
    assert entry.bracket == Bracket(target=Decimal("54.95"), stop=Decimal("11.0"))
    assert (target.leg, target.terms, target.quantity, target.side) == (
        Leg.TARGET, Limit(Decimal("54.95")), 65, Side.SELL,
    )  # fmt: skip
    assert (stop.leg, stop.terms, stop.leaves_quantity) == (Leg.STOP, StopMarket(Decimal("11.0")), 65)
    assert {each.order_id for each in (entry, target, stop)} == {"5925022734212"}
    assert {each.bracket for each in (target, stop)} == {None}


@pytest.mark.parametrize(
    ("changes", "filled"),
    [
        ({}, 0),
        ({"orderStatus": "PART_TRADED", "remainingQuantity": 4, "triggeredQuantity": 10}, 6),
        ({"orderStatus": "PART_TRADED", "remainingQuantity": 4}, 6),
        ({"orderStatus": "TRADED", "remainingQuantity": 0, "triggeredQuantity": 10}, 10),
        ({"orderStatus": "TRADED", "remainingQuantity": 0}, 10),
        ({"orderStatus": "TRIGGERED", "triggeredQuantity": 10}, 0),
        ({"orderStatus": "TRIGGERED", "triggeredQuantity": 10, "remainingQuantity": 7}, 3),
        # Nothing remains of a leg that was cancelled, and nothing of it traded.
        ({"orderStatus": "CANCELLED", "remainingQuantity": 0}, 0),
        ({"orderStatus": "CANCELLED", "remainingQuantity": 0, "triggeredQuantity": 3}, 3),
        ({"orderStatus": "CANCELLED", "remainingQuantity": 7, "triggeredQuantity": 10}, 3),
    ],
)
def test_l3_what_a_leg_has_filled(changes: dict[str, object], filled: int) -> None:
    _, stop = parse_super_row(row(leg("STOP_LOSS_LEG", **changes)))
    assert (stop.quantity, stop.filled_quantity) == (10, filled)


@pytest.mark.parametrize(
    ("changes", "filled"),
    [
        ({}, 0),
        ({"orderStatus": "PART_TRADED", "remainingQuantity": 6, "triggeredQuantity": 4}, 4),
        ({"orderStatus": "TRADED", "remainingQuantity": 0, "triggeredQuantity": 10}, 10),
    ],
)
def test_l3_the_total_that_the_sample_leaves_out_of_a_target_is_what_remains_and_what_was_triggered(
    changes: dict[str, object], filled: int
) -> None:
    entry, target, stop = parse_super_row(row(leg("TARGET_LEG", totalQuatity=..., **changes), leg("STOP_LOSS_LEG")))
    assert (target.quantity, target.filled_quantity, stop.quantity) == (10, filled, 10)
    assert entry.bracket == Bracket(target=Decimal(1550), stop=Decimal(1400))


def test_a_leg_taken_back_before_it_was_for_anything_is_not_in_the_bracket() -> None:
    gone = leg("TARGET_LEG", totalQuatity=0, remainingQuantity=0, orderStatus="CANCELLED")
    entry, stop = parse_super_row(row(gone, leg("STOP_LOSS_LEG")))
    assert (entry.bracket, stop.leg) == (Bracket(stop=Decimal(1400)), Leg.STOP)
    both = parse_super_row(row(gone, {**gone, "legName": "STOP_LOSS_LEG"}))
    assert [report.bracket for report in both] == [None]
    [none] = parse_super_row(row(legDetails=[]))
    assert none.bracket is None


def test_l5_a_leg_that_went_because_the_other_filled_stays_in_the_bracket() -> None:
    filled = leg("TARGET_LEG", orderStatus="TRADED", remainingQuantity=0, triggeredQuantity=10)
    entry, target, stop = parse_super_row(row(filled, leg("STOP_LOSS_LEG", orderStatus="CANCELLED")))
    assert entry.bracket == Bracket(target=Decimal(1550), stop=Decimal(1400))
    assert (target.status, stop.status) == (OrderStatus.TRADED, OrderStatus.CANCELLED)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (row(legDetails=...), "legDetails"),
        (row(legDetails="none"), "legDetails"),
        (row(legDetails=[1]), "legDetails"),
        (row(legName="TARGET_LEG"), "legName"),
        (row(leg("ENTRY_LEG")), "legName"),
        (row(leg("THIRD_LEG")), "legName"),
        (row(leg("STOP_LOSS_LEG"), leg("STOP_LOSS_LEG")), "legDetails"),
        (row(leg("STOP_LOSS_LEG", price=0)), "price"),
        (row(leg("STOP_LOSS_LEG", price=...)), "price"),
        (row(leg("STOP_LOSS_LEG", trailingJump="x")), "trailingJump"),
        (row(leg("STOP_LOSS_LEG", transactionType="BUY")), "transactionType"),
        (row(leg("STOP_LOSS_LEG", orderId="1")), "orderId"),
        (row(leg("STOP_LOSS_LEG", orderStatus="ASLEEP")), "orderStatus"),
        (row(leg("STOP_LOSS_LEG", totalQuatity=..., remainingQuantity=...)), "totalQuatity"),
        (row(leg("STOP_LOSS_LEG", totalQuatity=..., triggeredQuantity=...)), "totalQuatity"),
        (row(leg("STOP_LOSS_LEG", totalQuatity=..., orderStatus="PART_TRADED", remainingQuantity=4)), "totalQuatity"),
        (row(leg("STOP_LOSS_LEG", totalQuatity=..., orderStatus="TRIGGERED", triggeredQuantity=10)), "totalQuatity"),
        (row(leg("STOP_LOSS_LEG", totalQuatity=...), filledQty=9), "totalQuatity"),
        (row(leg("STOP_LOSS_LEG", remainingQuantity=...)), "remainingQuantity"),
        (row(leg("STOP_LOSS_LEG", remainingQuantity=11)), "remainingQuantity"),
        (row(leg("STOP_LOSS_LEG", triggeredQuantity=11)), "triggeredQuantity"),
        (row(quantity=...), "quantity"),
    ],
)
def test_what_cannot_be_read_hides_nothing_of_the_order(changed: dict[str, object], field: str) -> None:
    with pytest.raises(UnreadableReport) as caught:
        parse_super_row(changed)
    assert caught.value.field_name == field
    reports, [failure] = parse_super_book([DOCUMENTED, changed])
    assert [report.leg for report in reports] == [Leg.ENTRY]
    assert field in failure.problem


@given(
    total=st.integers(1, 50),
    remaining=st.integers(0, 50),
    triggered=st.integers(0, 50),
    status=st.sampled_from(OrderStatus),
)
def test_a_leg_never_fills_more_than_it_is_for(total: int, remaining: int, triggered: int, status: OrderStatus) -> None:
    numbers = {"totalQuatity": total, "remainingQuantity": remaining, "triggeredQuantity": triggered}
    try:
        _, read = parse_super_row(row(leg("TARGET_LEG", orderStatus=status.value, **numbers)))
    except UnreadableReport:
        assert remaining > total or triggered > total
        return
    assert read.quantity == total
    assert 0 <= read.filled_quantity <= total - remaining


class TestMerging:
    BOOK = parse_order_row({**DOCUMENTED, "filledQty": 4, "averageTradedPrice": 37.05, "legName": "NA"})
    OTHER = evolve(BOOK, order_id="7")

    def test_the_book_has_the_price_and_the_list_the_bracket(self) -> None:
        listed = parse_super_row(row(leg("TARGET_LEG"), leg("STOP_LOSS_LEG"), filledQty=4))
        entry, other, target, stop = with_linked([self.BOOK, self.OTHER], listed)
        assert (entry.average_price, entry.variety) == (Decimal("37.05"), Variety.SUPER)
        assert entry.bracket == Bracket(target=Decimal(1550), stop=Decimal(1400))
        assert (other, target, stop) == (self.OTHER, listed[1], listed[2])

    def test_the_one_with_more_fills_tells_the_rest(self) -> None:
        listed = parse_super_row(row())
        [entry] = with_linked([self.BOOK], listed[:1])
        assert (entry.filled_quantity, entry.status, entry.average_price) == (10, OrderStatus.TRADED, Decimal("37.05"))
