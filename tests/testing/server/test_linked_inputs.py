"""Bodies of requests about linked orders are read as Dhan reads them, and nothing else is let through."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import ForeverLeg, Leg, Limit, Market, StopLimit, StopMarket
from dhan_copy.testing.server.answers import DhanError
from dhan_copy.testing.server.dialect import Dialect
from dhan_copy.testing.server.linked_inputs import (
    SuperChange,
    read_forever_change,
    read_leg,
    read_new_forever,
    read_new_super,
    read_super_change,
)

SUPER: dict[str, object] = {
    "dhanClientId": "1", "transactionType": "BUY", "exchangeSegment": "NSE_EQ", "productType": "CNC",
    "orderType": "LIMIT", "securityId": "11536", "quantity": 5, "price": 100, "targetPrice": 110, "stopLossPrice": 90.5,
    "trailingJump": 2, "correlationId": "x",
}  # fmt: skip
FOREVER: dict[str, object] = {
    "dhanClientId": "1", "orderFlag": "OCO", "transactionType": "SELL", "exchangeSegment": "NSE_EQ",
    "productType": "CNC", "orderType": "LIMIT", "validity": "DAY", "securityId": "11536", "quantity": 5,
    "disclosedQuantity": 0, "price": 109, "triggerPrice": 110, "price1": 89, "triggerPrice1": 90, "quantity1": 4,
}  # fmt: skip
NOW = Bracket(target=Decimal(1), stop=Decimal("0.5"), trailing_jump=Decimal("0.1"))


def test_a_super_order() -> None:
    new = read_new_super(SUPER, "1", Dialect())
    assert new.bracket == Bracket(target=Decimal(110), stop=Decimal("90.5"), trailing_jump=Decimal(2))
    assert (new.entry.terms, new.entry.source, new.entry.tag) == (Limit(Decimal(100)), "P", "x")
    assert read_new_super({**SUPER, "orderType": "MARKET", "price": 0}, "1", Dialect()).entry.terms == Market()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"orderType": "MARKET"}, "Invalid Price for orderType"),
        ({"price": 0}, "Invalid Price for orderType"),
        ({"orderType": "STOP_LOSS"}, "orderType"),
        ({"targetPrice": 0}, "targetPrice"),
        ({"stopLossPrice": None}, "stopLossPrice"),
        ({"stopLossPrice": 0, "targetPrice": 0}, "stopLossPrice"),
        ({"trailingJump": -1}, "trailingJump"),
        ({"productType": "BO"}, "productType"),
        ({"quantity": 0}, "quantity"),
        ({"dhanClientId": "2"}, "dhanClientId"),
    ],
)
def test_what_a_super_order_must_not_be(changes: dict[str, object], words: str) -> None:
    with pytest.raises(DhanError, match=words) as refused:
        read_new_super({**SUPER, **changes}, "1", Dialect())
    assert refused.value.code == "DH-905"


def test_one_leg_is_enough_where_dhan_says_so() -> None:
    assert read_new_super({**SUPER, "targetPrice": 0}, "1", Dialect(super_needs_both=False)).bracket.target is None
    with pytest.raises(DhanError):
        read_new_super({**SUPER, "targetPrice": 0, "stopLossPrice": 0}, "1", Dialect(super_needs_both=False))
    with pytest.raises(DhanError):
        read_new_super({**SUPER, "stopLossPrice": 0}, "1", Dialect(super_needs_both=False))


def test_super_changes_name_one_leg() -> None:
    entry = {**SUPER, "legName": "ENTRY_LEG", "targetPrice": 0, "trailingJump": 0}
    assert read_super_change(entry, "1", NOW) == SuperChange(
        Leg.ENTRY, Bracket(target=Decimal(1), stop=Decimal("90.5")), 5, Limit(Decimal(100))
    )
    assert read_super_change({**entry, "stopLossPrice": 0}, "1", None).bracket is None
    target = {"legName": "TARGET_LEG", "targetPrice": 7}
    assert read_super_change(target, "1", NOW) == SuperChange(Leg.TARGET, Bracket(target=Decimal(7)))
    stop = {"legName": "STOP_LOSS_LEG", "stopLossPrice": 7}
    assert read_super_change(stop, "1", NOW) == SuperChange(Leg.STOP, Bracket(stop=Decimal(7)))
    for body in ({**target, "targetPrice": 0}, {"legName": "STOP_LOSS_LEG"}, {"legName": "NA"}, {}):
        with pytest.raises(DhanError):
            read_super_change(body, "1", NOW)


def test_a_forever_order() -> None:
    new = read_new_forever(FOREVER, "1")
    assert new.order.terms == StopLimit(Decimal(110), Decimal(109))
    assert new.stop == ForeverLeg(terms=StopLimit(Decimal(90), Decimal(89)), quantity=4)
    single = read_new_forever({**FOREVER, "orderFlag": "SINGLE", "orderType": "MARKET", "price": 0}, "1")
    assert (single.order.terms, single.stop) == (StopMarket(Decimal(110)), None)


@pytest.mark.parametrize(
    "changes",
    [
        {"orderFlag": None}, {"orderFlag": "BOTH"}, {"orderType": "STOP_LOSS"}, {"triggerPrice": 0}, {"price": 0},
        {"triggerPrice1": 0}, {"price1": 0}, {"quantity1": 0}, {"quantity": 0}, {"validity": "GTC"},
    ],
)  # fmt: skip
def test_what_a_forever_order_must_not_be(changes: dict[str, object]) -> None:
    with pytest.raises(DhanError):
        read_new_forever({**FOREVER, **changes}, "1")


@pytest.mark.parametrize("kind", ["LIMIT", "STOP_LOSS", "MARKET", "STOP_LOSS_MARKET"])
def test_a_forever_order_is_changed_with_any_of_four_types(kind: str) -> None:
    change = read_forever_change({**FOREVER, "legName": "STOP_LOSS_LEG", "orderType": kind}, "1")
    assert (change.leg, isinstance(change.terms, StopLimit)) == (Leg.STOP, kind in ("LIMIT", "STOP_LOSS"))
    for name in ("ENTRY_LEG", "NA", None):
        with pytest.raises(DhanError):
            read_forever_change({**FOREVER, "legName": name}, "1")


@given(name=st.none() | st.text() | st.integers())
def test_legs_have_three_names(name: object) -> None:
    with pytest.raises(DhanError):
        read_leg(name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=2)
)


@given(base=st.sampled_from([SUPER, FOREVER]), name=st.sampled_from([*SUPER, *FOREVER, "legName"]), value=JSON)
def test_no_value_is_too_odd_to_be_answered(base: dict[str, object], name: str, value: object) -> None:
    body = {"legName": "ENTRY_LEG", **base, name: value}
    for read in (
        lambda: read_new_super(body, "1", Dialect()), lambda: read_super_change(body, "1", NOW),
        lambda: read_new_forever(body, "1"), lambda: read_forever_change(body, "1"),
    ):  # fmt: skip
        try:
            read()
        except DhanError as refused:
            assert refused.code in ("DH-905", "DH-906")
