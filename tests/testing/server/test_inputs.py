"""Bodies of order requests are read as Dhan reads them (the cases over HTTP are in test_rest)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.order import Limit, Market, StopLimit, StopMarket, Terms, Validity
from dhan_copy.testing.server.answers import DhanError
from dhan_copy.testing.server.inputs import Change, read_change, read_new_order

BODY: dict[str, object] = {
    "dhanClientId": "1", "transactionType": "BUY", "exchangeSegment": "NSE_EQ", "productType": "CNC",
    "orderType": "LIMIT", "validity": "DAY", "securityId": "11536", "quantity": 5, "price": 10.05,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("MARKET", Market()),
        ("LIMIT", Limit(Decimal("10.05"))),
        ("STOP_LOSS", StopLimit(Decimal(10), Decimal("10.05"))),
        ("STOP_LOSS_MARKET", StopMarket(Decimal(10))),
    ],
)
def test_terms_follow_from_the_order_type(kind: str, terms: Terms) -> None:
    body = {**BODY, "orderType": kind, "triggerPrice": 10}
    assert read_new_order(body, "1").terms == terms
    assert read_change(body, "1") == Change(5, terms, Validity.DAY, 0)


@pytest.mark.parametrize("value", [None, "", [], {}, True, 1.5, -1])
@pytest.mark.parametrize(
    "name", ["transactionType", "exchangeSegment", "productType", "orderType", "validity", "securityId", "quantity"]
)
def test_what_is_missing_or_wrong_is_refused(name: str, value: object) -> None:
    with pytest.raises(DhanError) as refused:
        read_new_order({**BODY, name: value}, "1")
    assert refused.value.code == "DH-905"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=2)
)


@given(st.sampled_from([*BODY, "triggerPrice", "disclosedQuantity", "correlationId", "afterMarketOrder"]), JSON)
def test_any_value_is_read_or_refused(name: str, value: object) -> None:
    for read in (read_new_order, read_change):
        try:
            read({**BODY, name: value}, "1")
        except DhanError as refused:
            assert refused.code in ("DH-905", "DH-906")


def test_another_clients_id_is_refused() -> None:
    with pytest.raises(DhanError):
        read_new_order({**BODY, "dhanClientId": "2"}, "1")
    with pytest.raises(DhanError):
        read_change({**BODY, "dhanClientId": "2"}, "1")
