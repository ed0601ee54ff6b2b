"""Arithmetic of sizes, against definitions by counting lots."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.sizing import disclosed_size, entry_size, kept_after_exit, trunc_to_lot

fractions = st.fractions(-2000, 2000, max_denominator=1000)
ratios = st.fractions(Fraction(1, 100), 20, max_denominator=100)
units = st.integers(0, 2000)
lots = st.sampled_from([1, 7, 25, 75])


def lots_within(size: Fraction | int, lot: int) -> int:
    """Whole lots counted one by one."""
    count = 0
    while (count + 1) * lot <= size:
        count += 1
    return count


@given(fractions, lots)
def test_truncates_to_whole_lots_towards_zero(size: Fraction, lot: int) -> None:
    sign = 1 if size >= 0 else -1
    assert trunc_to_lot(size, lot) == sign * lots_within(abs(size), lot) * lot


@given(fractions, ratios, units, lots)
def test_an_entry_is_the_carry_and_the_share_in_whole_lots(carry: Fraction, ratio: Fraction, leader: int, lot: int) -> None:
    assert entry_size(carry, ratio, leader, lot) == lots_within(carry + ratio * leader, lot) * lot


@given(fractions, st.integers(1, 2000), units, lots)
def test_what_stays_is_in_proportion_and_never_more_than_that(ideal: Fraction, before: int, closed: int, lot: int) -> None:
    after = max(0, before - closed)
    kept = kept_after_exit(ideal, before, after, lot)
    assert kept == lots_within(abs(ideal) * after / before, lot) * lot
    assert kept == 0 or after > 0, "a full close keeps nothing"


@given(fractions, st.integers(1, 2000), units, lots, st.fractions(0, 1000))
def test_what_was_entered_ahead_stays_beside_it(ideal: Fraction, before: int, closed: int, lot: int, ahead: Fraction) -> None:
    after = max(0, before - closed)
    assert kept_after_exit(ideal, before, after, lot, ahead) == lots_within(abs(ideal) * after / before + ahead, lot) * lot


@given(fractions, lots)
def test_nothing_stays_of_a_position_that_was_not_there(ideal: Fraction, lot: int) -> None:
    assert kept_after_exit(ideal, 0, 0, lot) == kept_after_exit(ideal, 0, 75, lot) == kept_after_exit(ideal, 75, -75, lot) == 0


@given(st.integers(-5, 500), units, st.integers(1, 2000), lots)
def test_p7_a_disclosed_quantity_keeps_dhans_rule_or_is_dropped(disclosed: int, leader: int, lots_of: int, lot: int) -> None:
    total = lots_of * lot
    shown = disclosed_size(disclosed, leader, total, lot)
    if disclosed <= 0 or leader == 0:
        assert shown == 0
        return
    possible = [size for size in range(lot, total + 1, lot) if 10 * size > 3 * total]
    in_proportion = [size for size in possible if size * leader <= disclosed * total]
    if shown:
        assert shown == max(in_proportion, default=min(possible)) or disclosed > leader
        assert shown in possible
    else:
        assert disclosed > leader, "everything can always be shown"


def test_p7_by_hand() -> None:
    assert disclosed_size(75, 150, 75, 75) == 75
    assert disclosed_size(50, 100, 200, 1) == 100
    assert disclosed_size(10, 100, 200, 1) == 61, "30 % of 200 is 60, and more than that is asked for"
