"""Z1: same quantity, ratio, fixed quantity, capital-proportional."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import Channel
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.errors import SizingError
from dhan_copy.model.account import Funds
from dhan_copy.protocols import Accounts
from dhan_copy.sizers import CapitalProportional, Quantity, Ratio, SameQuantity
from tests.runtime.fakes import LEADER, START, report

ORDER = LeaderOrder(leader=LEADER, report=report(), first_seen_at=START, seen_at=START, channel=Channel.STREAM)
RUPEES = st.decimals(min_value="0.01", max_value="100000000", places=2)


def funds(total: Decimal | str) -> Funds:
    return Funds(available=Decimal(1), total=Decimal(total))


def test_z1_same_quantity_is_ratio_one() -> None:
    assert SameQuantity().size(ORDER, Accounts(None, None)) == Ratio(1)


def test_z1_a_ratio_and_a_fixed_quantity_say_themselves() -> None:
    assert Ratio("1/3").size(ORDER, Accounts(None, None)) == Ratio("1/3")
    assert Quantity(75).size(ORDER, Accounts(None, None)) == Quantity(75)


@given(RUPEES, RUPEES)
def test_z1_capital_proportional_is_the_followers_total_over_the_leaders(follower: Decimal, leader: Decimal) -> None:
    exact = Fraction(follower) / Fraction(leader)
    try:
        ratio = CapitalProportional().size(ORDER, Accounts(leader=funds(leader), follower=funds(follower))).value
    except SizingError:
        assert exact < Fraction(1, 1_000_000)
        return
    assert ratio.denominator <= 1_000_000
    assert abs(ratio - exact) <= Fraction(1, 1_000_000)
    if exact.denominator <= 1_000_000:
        assert ratio == exact


@pytest.mark.parametrize(
    ("leader", "follower", "said"),
    [
        (None, funds("100"), "leader's funds are unknown"),
        (funds("100"), None, "follower's funds are unknown"),
        (funds("0"), funds("100"), "leader's funds are 0"),
        (funds("100"), funds("0"), "follower's funds are 0"),
        (funds("100"), funds("-5"), "follower's funds are -5"),
        (funds("100"), funds("NaN"), "follower's funds are NaN"),
        (funds("Infinity"), funds("100"), "leader's funds are Infinity"),
        (funds("100000000"), funds("0.01"), "less than a millionth"),
    ],
)
def test_z5_unknown_or_zero_funds_decline_with_a_reason(leader: Funds | None, follower: Funds | None, said: str) -> None:
    with pytest.raises(SizingError, match=said):
        CapitalProportional().size(ORDER, Accounts(leader=leader, follower=follower))


def test_it_asks_for_funds_to_be_read() -> None:
    assert CapitalProportional.needs_funds
