"""Positions and holdings become one net position per instrument and product."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.requests import Query, ReadFunds, ReadOrders
from dhan_copy.model.account import Holding, Position
from dhan_copy.model.ids import AccountName, SecurityId
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Product
from dhan_copy.runtime.reads import account_of, account_read, failed, merged
from tests.runtime.fakes import FOLLOWER, START, ReadingBroker, tag

IDS = st.sampled_from([SecurityId("1333"), SecurityId("500180"), SecurityId("50001")])
POSITIONS = st.lists(
    st.builds(Position, st.sampled_from(ExchangeSegment), IDS, st.sampled_from(Product), st.integers(-500, 500))
)
HOLDINGS = st.lists(st.builds(Holding, IDS, st.integers(0, 500)))


@given(POSITIONS, HOLDINGS)
def test_sums_per_instrument_and_product_with_holdings_as_cnc_of_both_exchanges(
    positions: list[Position], holdings: list[Holding]
) -> None:
    expected: Counter[tuple[ExchangeSegment, str, Product]] = Counter()
    for position in positions:
        expected[position.segment, position.security_id, position.product] += position.net_quantity
    for holding in holdings:
        expected[ExchangeSegment.NSE_EQ, holding.security_id, Product.CNC] += holding.quantity
        expected[ExchangeSegment.BSE_EQ, holding.security_id, Product.CNC] += holding.quantity
    result = merged(positions, holdings)
    found = {(p.segment, str(p.security_id), p.product): p.net_quantity for p in result}
    assert len(found) == len(result)
    assert {key: n for key, n in found.items() if n} == {key: n for key, n in expected.items() if n}


def test_a_failure_names_the_account_and_the_read() -> None:
    assert account_of(Query(follower=AccountName("Q"), client_order_id=tag())) == "Q"
    told = failed(ReadOrders(account=FOLLOWER), "why")
    assert (told.account, told.what, told.problem) == (FOLLOWER, "ReadOrders", "why")


def test_funds_that_are_none_are_a_failure() -> None:
    broker = ReadingBroker()
    broker.money = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        account_read(broker, ReadFunds(account=FOLLOWER), START)
