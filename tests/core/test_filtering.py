"""Yes, no and unknown: combined as logic has it, and every refusal names who refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import Channel
from dhan_copy.core.filtering import AllOf, AnyOf, Filter, Not, Verdict
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.instrument import InstrumentFacts
from tests.core.make import LEADER, START
from tests.core.make import REPORT as RESTING

ORDER = LeaderOrder(leader=LEADER, report=RESTING, first_seen_at=START, seen_at=START, channel=Channel.STREAM)
FACTS = InstrumentFacts(75)


class Says(Filter):
    def __init__(self, passes: bool | None, name: str = "it") -> None:
        self.passes, self.name = passes, name

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        return Verdict(self.passes, self.name)


def judged(one: Filter) -> bool | None:
    return one.judge(ORDER, FACTS).passes


answers = st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5)


@given(answers)
def test_p10_all_of_is_no_when_one_is_no_and_any_of_yes_when_one_is_yes(said: Sequence[bool | None]) -> None:
    parts = [Says(one) for one in said]
    assert judged(AllOf(*parts)) == (False if False in said else None if None in said else True)
    assert judged(AnyOf(*parts)) == (True if True in said else None if None in said else False)


@given(st.recursive(st.sampled_from([True, False, None]), lambda inner: st.tuples(st.sampled_from("&|"), inner, inner)))
def test_p10_the_opposite_of_an_opposite_and_of_a_combination(tree: object) -> None:
    def build(one: object) -> Filter:
        if isinstance(one, tuple):
            left, right = build(one[1]), build(one[2])
            return left & right if one[0] == "&" else left | right
        assert one is None or isinstance(one, bool)
        return Says(one)

    def opposite(one: object) -> Filter:
        if isinstance(one, tuple):
            left, right = opposite(one[1]), opposite(one[2])
            return left | right if one[0] == "&" else left & right
        return Not(build(one))

    whole = build(tree)
    assert judged(~~whole) == judged(whole)
    assert judged(~whole) == judged(opposite(tree)), "de Morgan"
    assert judged(~whole) == (None if judged(whole) is None else not judged(whole))


def test_p10_a_refusal_names_the_filter_that_refused() -> None:
    yes, no, unknown = Says(True, "yes"), Says(False, "no"), Says(None, "unknown")
    assert (yes & unknown & no).judge(ORDER, FACTS) == Verdict(False, "no")
    assert (yes & unknown).judge(ORDER, FACTS) == Verdict(None, "unknown")
    assert (no | unknown).judge(ORDER, FACTS) == Verdict(None, "no; unknown")
    assert (~yes).judge(ORDER, FACTS) == Verdict(False, "not (yes)")


def test_combinations_are_flat_values() -> None:
    a, b, c = Says(True), Says(True), Says(True)
    assert (a & b) & c == a & (b & c) == AllOf(a, b, c)
    assert (a | b) | c == a | (b | c) == AnyOf(a, b, c)
    assert hash(AllOf(a, b)) == hash(AllOf(a, b))


def test_only_filters_can_be_combined() -> None:
    for wrong in (lambda: Says(True) & "NSE_FNO", lambda: Says(True) | None, lambda: AllOf(), lambda: AnyOf(3)):
        with pytest.raises((TypeError, ValueError), match="filters"):
            wrong()
