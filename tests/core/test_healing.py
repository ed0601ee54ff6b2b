"""What followers hold beyond their share is closed by plan and hash, and nothing is opened."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import DriftDeclared
from dhan_copy.core.healing import heal_facts, heal_plan
from dhan_copy.model.order import Limit, OrderStatus, Side
from dhan_copy.model.reason import ReasonCode
from tests.core.linked_world import wait
from tests.core.world import World

LOT = 75


def ahead(filled: int = 2, kept: int = 0) -> World:
    """A follower that has filled more than the leader, who cancelled."""
    bench = World({"F": Fraction(1, 2)})
    if kept:
        bench.trade(Side.BUY, 2 * kept)
        bench.fill_everything("F")
    order = bench.place(Side.BUY, 4, terms=Limit(Decimal(90)))
    bench.fill_follower("F", bench.open_orders("F")[0], filled * LOT)
    bench.cancel(order)
    wait(bench, 20)
    return bench


def test_what_is_beyond_the_share_is_planned_and_closed() -> None:
    bench = ahead(2, kept=3)
    plan = heal_plan(bench.copier.state)
    assert [(step.holding[1], step.units) for step in plan.steps] == [("F", 2 * LOT)]
    bench.feed(*heal_facts(bench.copier.state, plan, bench.copier.position))
    [order] = bench.open_orders("F")
    assert (order.report.side, order.report.quantity) == (Side.SELL, 2 * LOT)
    assert heal_plan(bench.copier.state).steps == (), "what is under way counts as done"
    bench.fill_everything("F")
    wait(bench, 20)
    assert bench.net_position("F") == 3 * LOT
    sums: dict[ReasonCode, Fraction] = {}
    for fact in bench.facts(DriftDeclared):
        assert isinstance(fact, DriftDeclared)
        sums[fact.reason] = sums.get(fact.reason, Fraction(0)) + fact.quantity
    assert sum(sums.values()) == 0 and sums[ReasonCode.HEALED] == -2 * LOT
    bench.trade(Side.SELL, 6)
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


def test_what_a_follower_lacks_it_goes_on_lacking() -> None:
    bench = World({"F": Fraction(1, 2)})
    bench.trade(Side.BUY, 4)
    bench.end_follower("F", bench.open_orders("F")[0], OrderStatus.REJECTED)
    wait(bench, 20)
    assert heal_plan(bench.copier.state).steps == ()


@given(st.integers(1, 2), st.integers(0, 4), st.booleans())
def test_a_plan_is_another_when_what_it_is_for_has_changed(filled: int, kept: int, more: bool) -> None:
    bench = ahead(filled, kept)
    plan = heal_plan(bench.copier.state)
    if more:
        bench.trade(Side.BUY, 2)
        bench.fill_everything("F")
    assert (heal_plan(bench.copier.state).hash == plan.hash) is not more
