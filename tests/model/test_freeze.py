"""The largest order of an instrument on a day: the most special limit, the newest that has begun, in whole lots."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.freeze import FreezeLimit, FreezeLimits, underlying_of
from dhan_copy.model.instrument import ExchangeSegment

NFO, MCX = ExchangeSegment.NSE_FNO, ExchangeSegment.MCX_COMM
DAY = date(2026, 6, 1)
NAMES = ("NIFTY", "BANKNIFTY", "45471", "*")


def limit(name: str, since: date = DAY, units: int | None = 1800, segment: ExchangeSegment = NFO) -> FreezeLimit:
    return FreezeLimit(segment=segment, name=name, since=since, units=units, source="a test")


some_limits = st.lists(
    st.builds(
        limit,
        st.sampled_from(NAMES),
        st.dates(DAY - timedelta(days=3), DAY + timedelta(days=3)),
        st.integers(1, 9),
        st.sampled_from([NFO, MCX]),
    ),
    max_size=8,
    unique_by=lambda each: (each.segment, each.name, each.since),
)


def first(limits: list[FreezeLimit], segment: ExchangeSegment, underlying: str, security_id: str) -> FreezeLimit | None:
    for name in (security_id, underlying, "*"):
        begun = [each for each in limits if (each.segment, each.name) == (segment, name) and each.since <= DAY]
        if begun:
            return max(begun, key=lambda each: each.since)
    return None


@given(some_limits, some_limits, st.sampled_from(["NIFTY", "BANKNIFTY", "FINNIFTY"]), st.sampled_from(["45471", "1"]))
def test_the_users_own_then_the_most_special_then_the_newest_that_has_begun(
    published: list[FreezeLimit], own: list[FreezeLimit], underlying: str, security_id: str
) -> None:
    known = FreezeLimits(published, over=FreezeLimits(own))
    expected = first(own, NFO, underlying, security_id) or first(published, NFO, underlying, security_id)
    assert known.limit(NFO, DAY, underlying=underlying, security_id=security_id) == expected


@given(st.integers(1, 200), st.integers(1, 10_000))
def test_the_largest_order_is_whole_lots_and_one_more_lot_is_above_the_limit(lot: int, units: int) -> None:
    most = limit("NIFTY", units=units).whole_lots(lot)
    assert most is not None and most % lot == 0 and most >= lot
    assert most == lot or most <= units < most + lot


@pytest.mark.parametrize("name", ["NIFTY", "BANKNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "BAJAJ-AUTO", "M&M"])
@pytest.mark.parametrize("rest", ["-Nov2026-26100-CE", "-Nov2026-FUT"])
def test_p12_frames_cut_a_symbol_after_15_characters_and_the_underlying_stays(name: str, rest: str) -> None:
    assert underlying_of(f"{name}{rest}") == underlying_of(f"{name}{rest}"[:15]) == name


def test_p12_the_limit_of_an_order_is_found_by_its_symbol() -> None:
    known = FreezeLimits([limit("NIFTY", units=1800), limit("BANKNIFTY", units=600)])
    assert known.most_units(NFO, DAY, 65, symbol="NIFTY-Mar2025-2") == 27 * 65
    assert known.most_units(NFO, DAY, 35, symbol="BANKNIFTY-Jun2026-55000-CE") == 17 * 35
    assert known.most_units(NFO, DAY, 200, symbol="BSE-Sep2026-FUT") is None
    assert known.most_units(ExchangeSegment.BSE_FNO, DAY, 65, symbol="NIFTY-Mar2025-2") is None
    assert known.most_units(NFO, DAY - timedelta(days=1), 65, symbol="NIFTY-Mar2025-2") is None


def test_z6_the_limit_of_a_commodity_is_in_lots() -> None:
    known = FreezeLimits([FreezeLimit(segment=MCX, name="CRUDEOIL", since=DAY, lots=100, source="a test")])
    assert known.most_units(MCX, DAY, 1, symbol="CRUDEOIL") == 100
    assert known.most_units(MCX, DAY, 1, symbol="CRUDEOIL-19Oct2026-FUT") == 100


@pytest.mark.parametrize(
    ("symbol", "underlying"),
    [
        ("NIFTY-Mar2025-22550-PE", "NIFTY"),
        ("NIFTY-Mar2025-2", "NIFTY"),
        ("BAJAJ-AUTO-Sep2026-FUT", "BAJAJ-AUTO"),
        ("BAJAJ-AUTO", "BAJAJ-AUTO"),
        ("M&M-Sep2026-3000-CE", "M&M"),
        ("CRUDEOIL", "CRUDEOIL"),
        ("CRUDEOIL-19Oct2026-FUT", "CRUDEOIL"),
        (" nifty ", "NIFTY"),
        ("", ""),
    ],
)
def test_the_underlying_of_a_symbol(symbol: str, underlying: str) -> None:
    assert underlying_of(symbol) == underlying


def test_no_limit_can_be_said_and_two_units_cannot() -> None:
    assert (
        FreezeLimits([limit("NIFTY")], over=FreezeLimits([limit("NIFTY", units=None)])).most_units(NFO, DAY, 65, symbol="NIFTY")
        is None
    )
    with pytest.raises(ValueError, match="not both"):
        FreezeLimit(segment=NFO, name="NIFTY", since=DAY, units=1, lots=1, source="a test")


def test_limits_tell_how_many_they_are() -> None:
    assert repr(FreezeLimits([limit("NIFTY")])) == "FreezeLimits(1 limits)"
    assert repr(FreezeLimits(over=FreezeLimits([limit("*")]))) == "FreezeLimits(0 limits, 1 of the user's own)"
