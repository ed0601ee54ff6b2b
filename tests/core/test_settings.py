"""Settings: Dhan's limits by default, and nothing that contradicts itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import get_args, get_origin, get_type_hints

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import TradingState
from dhan_copy.core.rules import Percent
from dhan_copy.core.settings import (
    CopierSettings,
    FollowerRules,
    LeaderRules,
    LossLimit,
    Policy,
    RateLimits,
    RateWindow,
    Ticks,
)
from dhan_copy.errors import ConfigurationError
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


@pytest.mark.parametrize(("limit", "seconds"), [(0, 1.0), (1, 0.0), (1, -1.0), (1, float("inf")), (1, float("nan"))])
def test_a_window_has_a_limit_and_a_length(limit: int, seconds: float) -> None:
    with pytest.raises(ValueError):
        RateWindow(limit, seconds)


MAY_BE_ZERO = {"entry_age", "stale_after", "fills_apart", "behind_after", "entries_stop_before_square_off"}
"""After these something is judged or told; all other times are pauses, between which there must be something."""
HINTS = get_type_hints(Policy)
WRONG: tuple[object, ...] = (0, -1, 0.5, True, "", "30 s", "close", timedelta(seconds=-5), Decimal(1), object())


@pytest.mark.parametrize("name", [one.name for one in fields(Policy)])
@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_policy_value_of_the_wrong_type_or_sign_is_refused(name: str, number: int) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}: must ") as caught:
        Policy(**{name: WRONG[number]})
    assert "not" in str(caught.value)


@pytest.mark.parametrize("name", [name for name, hint in HINTS.items() if timedelta in (hint, *get_args(hint))])
def test_a_pause_is_longer_than_nothing(name: str) -> None:
    if name in MAY_BE_ZERO:
        assert getattr(Policy(**{name: timedelta(0)}), name) == timedelta(0)
    else:
        with pytest.raises(ConfigurationError, match=f"{name}: must be above zero, not 0 s"):
            Policy(**{name: timedelta(0)})
    with pytest.raises(ConfigurationError, match=f"{name}: must be at most 366 days"):
        Policy(**{name: timedelta.max})


def _kinds() -> list[tuple[str, type[Enum]]]:
    single = [(name, hint) for name, hint in HINTS.items() if get_origin(hint) is not Mapping]
    every = [(name, kind) for name, hint in single for kind in (hint, *get_args(hint))]
    return [(name, kind) for name, kind in every if isinstance(kind, type) and issubclass(kind, Enum)]


@pytest.mark.parametrize(("name", "kind"), _kinds(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_choice_is_also_taken_by_its_name(name: str, kind: type[Enum]) -> None:
    for one in kind:
        assert Policy(**{name: one.name}) == Policy(**{name: one})
        assert getattr(Policy(**{name: one.name}), name) is one
    with pytest.raises(ConfigurationError, match=f"{name}: must be one of {', '.join(kind.__members__)}, not 'NONE'"):
        Policy(**{name: "NONE"})


@pytest.mark.parametrize(
    "offsets", [{"NSE_EQ": Ticks(1)}, {ExchangeSegment.NSE_EQ: 1}, [Ticks(1)]], ids=["key", "value", "list"]
)
def test_offsets_are_parts_or_ticks_by_segment(offsets: object) -> None:
    with pytest.raises(ConfigurationError, match="stop_market_offsets: must "):
        Policy(stop_market_offsets=offsets)  # type: ignore[arg-type]
    good = {ExchangeSegment.NSE_EQ: Ticks(1), ExchangeSegment.MCX_COMM: Percent("2")}
    assert Policy(stop_market_offsets=good).stop_market_offsets == good


@pytest.mark.parametrize("rupees", ["NaN", "inf", "0", -5, 0.5, "5,000"])
def test_a_loss_limit_is_a_number_above_zero(rupees: object) -> None:
    with pytest.raises((ValueError, TypeError), match="number|not exact|> 0"):
        LossLimit(rupees)  # type: ignore[arg-type]


def test_a_loss_limit_takes_the_state_by_its_name() -> None:
    assert LossLimit("5000", "HALTED") == LossLimit(Decimal(5000), TradingState.HALTED)  # type: ignore[arg-type]


@pytest.mark.parametrize("then", [TradingState.ACTIVE, "ACTIVE"])
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
