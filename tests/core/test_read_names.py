"""A read can be told from its name, and names tell reads apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.read_names import name_of, read_named
from dhan_copy.core.requests import Query, Read, ReadFunds, ReadKillSwitch, ReadMargin, ReadOrders, ReadPositions, ReadQuotes
from dhan_copy.model.account import MarginOrder
from dhan_copy.model.ids import AccountName, ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Product, Side

A = AccountName("A")
TAGS = st.from_regex(r"[A-Za-z0-9_-]{1,30}", fullmatch=True)
ORDERS = st.builds(
    MarginOrder,
    segment=st.sampled_from(ExchangeSegment), security_id=st.integers(1, 10**8).map(str).map(SecurityId),
    side=st.sampled_from(Side), product=st.sampled_from(Product), quantity=st.integers(1, 10**6),
    price=st.decimals(0, 10**6, places=2),
)  # fmt: skip
READS: st.SearchStrategy[Read] = st.one_of(
    st.sampled_from([cls(account=A) for cls in (ReadOrders, ReadPositions, ReadFunds, ReadQuotes, ReadKillSwitch)]),
    st.builds(Query, follower=st.just(A), client_order_id=TAGS.map(ClientOrderId)),
    st.builds(ReadMargin, account=st.just(A), order=ORDERS),
)


@given(READS)
def test_a_name_tells_the_read(read: Read) -> None:
    assert read_named(A, name_of(read)) == read


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (ReadOrders(account=A), "ReadOrders"),
        (ReadFunds(account=A), "ReadFunds"),
        (Query(follower=A, client_order_id=ClientOrderId("c1")), "Query:c1"),
    ],
    ids=["orders", "funds", "query"],
)
def test_names_are_what_journals_hold(read: Read, name: str) -> None:
    assert name_of(read) == name


def test_a_name_that_is_never_given_is_no_read() -> None:
    assert read_named(A, "ReadMind") is None
