"""Settings: Dhan's limits by default, and nothing that contradicts itself."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import TradingState
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules, LossLimit, Policy, RateLimits, RateWindow
from dhan_copy.model.ids import AccountName, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.size import Ratio


def test_the_defaults_are_dhans_limits() -> None:
    limits = RateLimits()
    assert [(window.limit, window.seconds) for window in limits.windows] == [(10, 1), (250, 60), (1000, 3600)]
    assert (limits.per_day, limits.modifications_per_order, limits.reads_per_second) == (7000, 25, 20)
    assert (limits.entry_share, limits.reserve) == (Fraction(4, 5), 0)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 40))
def test_a_reserve_leaves_something_of_every_window(limit: int, per_day: int, reserve: int) -> None:
    windows = (RateWindow(limit, 1.0),)
    if reserve < min(limit, per_day):
        assert RateLimits(windows=windows, per_day=per_day, reserve=reserve).reserve == reserve
    else:
        with pytest.raises(ValueError, match="leaves nothing"):
            RateLimits(windows=windows, per_day=per_day, reserve=reserve)


@pytest.mark.parametrize("share", [Fraction(0), Fraction(-1, 2), Fraction(11, 10)])
def test_the_share_of_entries_is_a_part_of_the_whole(share: Fraction) -> None:
    with pytest.raises(ValueError, match="entry_share"):
        RateLimits(entry_share=share)
    assert RateLimits(entry_share=Fraction(1)).entry_share == 1


@pytest.mark.parametrize("name", ["per_day", "modifications_per_order", "reads_per_second"], ids=lambda name: str(name))
def test_limits_are_at_least_one(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        RateLimits(**{name: 0})


@pytest.mark.parametrize(("limit", "seconds"), [(0, 1.0), (1, 0.0), (1, -1.0)])
def test_a_window_has_a_limit_and_a_length(limit: int, seconds: float) -> None:
    with pytest.raises(ValueError):
        RateWindow(limit, seconds)


@pytest.mark.parametrize("name", ["requests_per_trade", "stalled_after"])
def test_budgets_are_at_least_one(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Policy(**{name: 0})


@pytest.mark.parametrize("then", [TradingState.ACTIVE, "CLOSING"])
def test_a_loss_limit_stops_something(then: TradingState) -> None:
    with pytest.raises(ValueError, match="one of REDUCING, CLOSING, HALTED, not "):
        LossLimit(Decimal(1), then)


def test_a_cap_in_lots_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="max_lots"):
        FollowerRules(name=AccountName("F"), sizer=Ratio(1), max_lots=0)


def test_a_follower_is_not_live_and_follows_everybody_by_default() -> None:
    rules = FollowerRules(name=AccountName("F"), sizer=Ratio(Decimal("0.5")))
    assert rules.live is False and rules.leaders is None and rules.max_lots is None


def test_without_a_scrip_master_no_instrument_is_known() -> None:
    settings = CopierSettings(
        leaders=(LeaderRules(name=AccountName("L")),),
        followers=(FollowerRules(name=AccountName("F"), sizer=Ratio(1)),),
    )
    assert settings.instruments(InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("1"))) is None
