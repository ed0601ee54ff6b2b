"""What a follower holds for a leader: identities that every booking keeps."""

from __future__ import annotations

from fractions import Fraction

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core.ledger import Stake
from dhan_copy.model.reason import ReasonCode

units = st.integers(0, 1000)
signs = st.sampled_from([1, -1])
fractions = st.fractions(-1000, 1000, max_denominator=100)
reasons = st.sampled_from([ReasonCode.REJECTED, ReasonCode.UNFILLED, ReasonCode.MANUAL])
stakes = st.builds(
    Stake,
    long=units,
    short=units,
    ideal=fractions,
    declared=st.lists(st.tuples(reasons, fractions.filter(bool)), unique_by=lambda one: one[0], max_size=3).map(tuple),
    manual=units,
    uncopied=fractions,
    to_net_off=units,
)


@settings(max_examples=40)
@given(stakes, signs, units, units)
def test_a_fill_moves_the_net_by_exactly_itself(stake: Stake, sign: int, closing: int, opening: int) -> None:
    filled = stake.filled(sign, closing, opening)
    assert filled.owned == stake.owned + sign * (closing + opening)
    assert filled.long >= 0
    assert filled.short >= 0
    assert filled.ideal == stake.ideal, "what the leader's fills scale to is not for the follower's to change"


@settings(max_examples=40)
@given(stakes, signs, units, units)
def test_what_has_been_closed_waits_no_longer_for_the_other_side(stake: Stake, sign: int, closing: int, opening: int) -> None:
    filled = stake.filled(sign, closing, opening)
    closed = min(closing, stake.closable(sign))
    left = stake.closable(sign) - closed
    assert filled.to_net_off == (min(stake.to_net_off, left) if closed else stake.to_net_off)


@settings(max_examples=40)
@given(stakes, signs, units, units)
def test_a_close_takes_from_the_other_side_as_far_as_there_is_something(
    stake: Stake, sign: int, closing: int, opening: int
) -> None:
    filled = stake.filled(sign, closing, opening)
    assert filled.closable(sign) == max(0, stake.closable(sign) - closing)


@settings(max_examples=40)
@given(stakes, reasons, fractions)
def test_a_declared_difference_moves_the_ideal_and_not_what_the_leader_scales_to(
    stake: Stake, reason: ReasonCode, quantity: Fraction
) -> None:
    declared = stake.with_declared(reason, quantity)
    assert declared.ideal == stake.ideal + quantity
    assert declared.scaled == stake.scaled
    assert declared.owned == stake.owned
    assert sum(q for _, q in declared.declared) == sum(q for _, q in stake.declared) + quantity
    assert len({r for r, _ in declared.declared}) == len(declared.declared)
    assert all(q for _, q in declared.declared), "a difference that has gone is not kept"


@settings(max_examples=40)
@given(stakes, fractions)
def test_the_leader_opens_more(stake: Stake, more: Fraction) -> None:
    assert stake.opened(more, more).scaled == stake.scaled + more
    assert stake.opened(more, more).owned == stake.owned


@settings(max_examples=40)
@given(stakes, st.integers(1, 1000), units)
def test_the_leader_closes_a_part_and_everything_shrinks_alike(stake: Stake, before: int, closed: int) -> None:
    left = max(0, before - closed)
    shrunk = stake.scaled_down(before, left)
    assert shrunk.scaled * before == stake.scaled * left
    assert shrunk.ideal * before == stake.ideal * left
    assert shrunk.uncopied * before == stake.uncopied * left
    assert shrunk.owned == stake.owned, "the follower's own orders have yet to follow"


@settings(max_examples=40)
@given(stakes, units)
def test_the_leader_beyond_flat_leaves_nothing(stake: Stake, beyond: int) -> None:
    nothing = stake.scaled_down(75, -beyond)
    assert (nothing.ideal, nothing.declared, nothing.uncopied, nothing.scaled) == (0, (), 0, 0)


@settings(max_examples=40)
@given(stakes, units)
def test_what_is_not_copied_scales_to_nothing(stake: Stake, left_out: int) -> None:
    assert stake.left_out(left_out).left_out(-left_out) == stake
    assert stake.left_out(left_out).scaled == stake.scaled


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([ReasonCode.FILTERED, ReasonCode.STALE]), st.integers(-500, 500)), max_size=6), units)
def test_what_is_explained_is_never_more_than_what_was_left_out(told: list[tuple[ReasonCode, int]], unknown: int) -> None:
    stake = Stake(uncopied=Fraction(unknown))
    for why, left_out in told:
        stake = stake.explained(left_out, why)
    assert sum(abs(quantity) for _, quantity in stake.whys) <= unknown and all(quantity > 0 for _, quantity in stake.whys)
    stake = stake.left_out(100, ReasonCode.FILTERED).opened(Fraction(50), Fraction(80))
    half = stake.scaled_down(2, 1)
    assert half.whys == tuple((why, quantity / 2) for why, quantity in stake.whys) and half.capped == 15
    assert (stake.scaled_down(2, 0).whys, stake.scaled_down(2, 0).capped) == ((), 0)


@settings(max_examples=40)
@given(stakes)
def test_netting_off_leaves_the_net_and_clears_what_was_due(stake: Stake) -> None:
    netted = stake.netted_off()
    gone = stake.long - netted.long
    assert gone == stake.short - netted.short == stake.to_net_off - netted.to_net_off
    assert min(netted.long, netted.short, netted.to_net_off) == 0


@settings(max_examples=40)
@given(st.integers(1, 1000), units, signs)
def test_late_evidence_gives_back_what_was_booked_as_closed_by_hand(owned: int, beyond: int, sign: int) -> None:
    """Our exit had filled after all: what it closed must not be taken off twice."""
    stake = Stake(long=owned if sign > 0 else 0, short=owned if sign < 0 else 0, ideal=Fraction(sign * owned))
    beyond = min(beyond, owned)
    by_hand = stake.closed_by_hand(sign * owned, sign * beyond)
    assert (by_hand.owned, by_hand.manual) == (0, owned)
    assert dict(by_hand.declared) == ({ReasonCode.MANUAL: -sign * beyond} if beyond else {})
    ours = by_hand.filled(-sign, owned, 0)
    assert ours.owned == -sign * owned
    given_back = ours.restored(-sign, owned)
    assert (given_back.owned, given_back.manual) == (0, 0)


@settings(max_examples=40)
@given(stakes)
def test_flat_is_nothing_of_either_side_and_nothing_due(stake: Stake) -> None:
    assert stake.is_flat is (stake.long == stake.short == 0 and stake.ideal == 0 and stake.uncopied == 0)
    assert evolve(stake, long=0, short=0, ideal=Fraction(0), uncopied=Fraction(0)).is_flat
