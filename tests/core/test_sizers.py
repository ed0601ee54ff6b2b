"""Z1: same quantity, ratio, fixed quantity and lots, in proportion to money, by risk, and a function of your own."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import Channel
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.errors import FundsUnknown, SizingError, StopUnknown
from dhan_copy.model.account import Funds
from dhan_copy.protocols import Accounts, PositionSizer
from dhan_copy.core.sizers import (
    CapitalProportional,
    EquityProportional,
    FixedLots,
    FreeMarginProportional,
    Money,
    OwnFunction,
    PercentAtRisk,
    Quantity,
    Ratio,
    SameQuantity,
)
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Limit, Market, Side
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


# The sizers that know more of the accounts

KNOWN = InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX)


def money(available: object, total: object = 1, used: object = None) -> Funds:
    return Funds(*(None if each is None else Decimal(str(each)) for each in (available, total, used)))  # type: ignore[arg-type]


@given(st.integers(1, 100), st.sampled_from([1, 25, 75]))
def test_z1_fixed_lots_are_lots_of_the_instrument(lots: int, lot: int) -> None:
    accounts = Accounts(None, None, instrument=InstrumentFacts(lot))
    assert FixedLots(lots).size(ORDER, accounts) == Quantity(lots * lot)


def test_z1_fixed_lots_without_a_lot_decline() -> None:
    unknown = evolve(ORDER, report=evolve(ORDER.report, instrument=None))
    with pytest.raises(SizingError, match="the lot of .* is unknown"):
        FixedLots(1).size(unknown, Accounts(None, None))
    for wrong in (0, -1, 1.5, "1"):
        with pytest.raises((ValueError, TypeError)):
            FixedLots(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sizer", "ratio"),
    [(CapitalProportional(), "1/5"), (EquityProportional(), "3/8"), (FreeMarginProportional(), "1/4")],
)
def test_z1_each_proportion_is_of_its_own_figure(sizer: PositionSizer, ratio: str) -> None:
    accounts = Accounts(leader=money(200, 500, 40), follower=money(50, 100, 40))
    assert sizer.size(ORDER, accounts) == Ratio(ratio)


@pytest.mark.parametrize("whose", ["leader", "follower"])
def test_z5_equity_is_unknown_where_the_broker_does_not_say_what_is_in_use(whose: str) -> None:
    accounts = evolve(Accounts(money(1, 1, 1), money(1, 1, 1)), **{whose: money(1, 1)})
    with pytest.raises(FundsUnknown, match=f"the {whose}'s funds are unknown"):
        EquityProportional().size(ORDER, accounts)


def entry(side: Side = Side.BUY, price: str = "100", **changes: object) -> LeaderOrder:
    told = evolve(ORDER.report, side=side, terms=Limit(Decimal(price)), segment=ExchangeSegment.NSE_FNO, **changes)
    return evolve(ORDER, report=told)


@given(
    st.sampled_from(Side),
    st.decimals("0.01", "100", places=2),
    st.integers(1, 10**8),
    st.integers(1, 1999),
    st.sampled_from(Money),
)
def test_z1_percent_at_risk_loses_no_more_than_that_at_the_stop(
    side: Side, percent: Decimal, rupees: int, ticks: int, of: Money
) -> None:
    stop = Decimal(100) - side.sign * ticks * Decimal("0.05")
    funds = {Money.TOTAL: money(1, rupees, 1), Money.AVAILABLE: money(rupees, 1, 1), Money.EQUITY: money(1, 1, rupees - 1)}[of]
    accounts = Accounts(None, funds, instrument=KNOWN, stop=stop)
    risk, loss = rupees * percent / 100, abs(100 - stop)
    try:
        units = PercentAtRisk(percent, of=of).size(entry(side), accounts).units
    except SizingError:
        assert loss > risk, "not even one unit"
        return
    assert units * loss <= risk < (units + 1) * loss


@pytest.mark.parametrize(
    ("order", "stop", "error", "said"),
    [
        (entry(), None, StopUnknown, "has no stop"),
        (entry(), "100", StopUnknown, "does not limit the loss"),
        (entry(), "101", StopUnknown, "does not limit the loss of a BUY"),
        (entry(Side.SELL), "99", StopUnknown, "does not limit the loss of a SELL"),
        (evolve(entry(), report=evolve(entry().report, terms=Market())), "99", SizingError, "price .* is unknown"),
        (evolve(entry(), report=evolve(entry().report, segment=ExchangeSegment.MCX_COMM)), "99", SizingError, "in contracts"),
    ],
)
def test_z1_a_risk_that_cannot_be_told_declines(order: LeaderOrder, stop: str | None, error: type, said: str) -> None:
    accounts = Accounts(None, money(1, 10**6), stop=None if stop is None else Decimal(stop))
    with pytest.raises(error, match=said):
        PercentAtRisk(1).size(order, accounts)


def test_z5_percent_at_risk_needs_the_followers_money_alone() -> None:
    assert PercentAtRisk(1).size(entry(), Accounts(None, money(1, 10**5), stop=Decimal(90))) == Quantity(100)
    with pytest.raises(FundsUnknown):
        PercentAtRisk(1).size(entry(), Accounts(money(1, 10**5), None, stop=Decimal(90)))


@pytest.mark.parametrize("percent", [0, -1, 101, 0.5, "NaN"])
def test_a_percent_that_makes_no_sense_is_refused(percent: object) -> None:
    with pytest.raises((ValueError, TypeError), match="'percent' must be|no number|not exact"):
        PercentAtRisk(percent)  # type: ignore[arg-type]


def test_a_figure_of_the_funds_is_taken_by_its_name() -> None:
    assert PercentAtRisk(1, of="EQUITY").of is Money.EQUITY
    with pytest.raises(ValueError, match="'equity' is no Money: it must be one of TOTAL, EQUITY, AVAILABLE"):
        PercentAtRisk(1, of="equity")


def test_z1_a_function_of_ones_own() -> None:
    def by_side(order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity:
        return Ratio("1/2") if order.report.side is Side.BUY else Quantity(75)

    assert OwnFunction(by_side).size(entry(Side.BUY), Accounts(None, None)) == Ratio("1/2")
    assert OwnFunction(by_side).size(entry(Side.SELL), Accounts(None, None)) == Quantity(75)
    assert not OwnFunction(by_side).needs_funds and OwnFunction(by_side, needs_funds=True).needs_funds
