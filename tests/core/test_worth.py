"""What units are worth: unknown where Dhan counts contracts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.worth import limit_of, price_of, worth
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import Limit, Market, OrderStatus, StopLimit, StopMarket
from tests.core.make import REPORT as RESTING

BY_CONTRACT = (ExchangeSegment.MCX_COMM, ExchangeSegment.NSE_CURRENCY, ExchangeSegment.BSE_CURRENCY)


@pytest.mark.parametrize("segment", ExchangeSegment)
def test_z6_contracts_of_unknown_size_have_no_known_worth(segment: ExchangeSegment) -> None:
    assert worth(segment, 150, Decimal("0.05")) == (None if segment in BY_CONTRACT else Decimal("7.50"))


@given(
    segment=st.sampled_from(BY_CONTRACT), lot=st.sampled_from([1, 1000]), lots=st.integers(1, 1000),
    rupees=st.integers(1, 5000), price=st.decimals("0.0025", "100000", places=4),
)  # fmt: skip
def test_z6_contracts_of_known_size_are_worth_their_lots(
    segment: ExchangeSegment, lot: int, lots: int, rupees: int, price: Decimal
) -> None:
    facts = InstrumentFacts(lot, lot_rupees=rupees)
    assert worth(segment, lots * lot, price, facts) == lots * rupees * price
    assert worth(segment, lots * lot, price, InstrumentFacts(lot)) is None


def test_the_price_is_what_was_paid_else_the_limit_else_the_last_one() -> None:
    last, average = Decimal(101), Decimal(99)
    limit = evolve(RESTING, terms=Limit(Decimal(100)), last_price=last, average_price=average)
    assert price_of(limit) == 100, "an average before anything has filled says nothing"
    assert price_of(evolve(limit, filled_quantity=75, status=OrderStatus.PART_TRADED)) == 99
    assert price_of(evolve(limit, terms=Market())) == 101
    assert price_of(evolve(limit, terms=Market(), last_price=None)) is None


def test_a_stop_limit_has_a_limit_and_a_stop_market_none() -> None:
    assert limit_of(StopLimit(Decimal(101), Decimal(102))) == 102
    assert limit_of(StopMarket(Decimal(101))) is None
