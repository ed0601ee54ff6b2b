"""What a follower has missed is entered at the user's word, and is a copy like any other afterwards."""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dhan_copy.core.drift import Term, drifts
from dhan_copy.core.facts import AlertRaised, CopyMode, Refusal, TradingState, TradingStateChanged
from dhan_copy.core.healing import HealPlan, heal_facts, heal_plan
from dhan_copy.model.order import Limit, Market, OrderStatus, Side
from tests.core.linked_world import wait
from tests.core.trading import UNRULY, Act, act, acts, come_to_rest, declared, flatten, lots, ratios
from tests.core.world import World

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "300"))
LOT = 75
HALF = Fraction(1, 2)
ORDERS, REVERSED = (CopyMode.ORDER, False), (CopyMode.EXECUTION, True)


def say(bench: World, state: TradingState) -> None:
    bench.feed(TradingStateChanged(follower=None, state=state))


def heal(bench: World, *, opening: bool = True) -> HealPlan:
    plan = heal_plan(bench.copier.state)
    bench.feed(*heal_facts(bench.copier.state, plan, bench.copier.position, opening=opening))
    return plan


def missing(bench: World) -> Fraction:
    return sum((row.difference for row in drifts(bench.copier.state)), Fraction(0))


def declined(lots: int = 4, side: Side = Side.BUY, **more: object) -> World:
    bench = World({"F": HALF}, **more)  # type: ignore[arg-type]
    say(bench, TradingState.REDUCING)
    bench.trade(side, lots)
    say(bench, TradingState.ACTIVE)
    wait(bench, 20)
    return bench


def rejected() -> World:
    bench = World({"F": HALF})
    bench.trade(Side.BUY, 4)
    bench.end_follower("F", bench.open_orders("F")[0], OrderStatus.REJECTED)
    wait(bench, 20)
    return bench


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("how", [ORDERS, REVERSED])
def test_what_was_declined_is_entered_and_leaves_with_the_leader(side: Side, how: tuple[CopyMode, bool]) -> None:
    bench = declined(side=side, mode=how[0], reverse=how[1])
    sign = side.sign * (-1 if how[1] else 1)
    [step] = heal(bench).openings
    assert step.units == 2 * LOT * sign
    [order] = bench.open_orders("F")
    assert (order.sign, order.report.quantity, order.report.terms) == (sign, 2 * LOT, Market())
    assert heal_plan(bench.copier.state).openings == (), "it is under way"
    assert {term for row in drifts(bench.copier.state) for term, _ in row.terms} == {Term.PENDING}
    bench.fill_everything("F")
    wait(bench, 20)
    assert missing(bench) == 0 and heal_plan(bench.copier.state).openings == () == heal_plan(bench.copier.state).steps
    bench.trade(side.opposite, 2)
    bench.fill_everything("F")
    assert bench.net_position("F") == LOT * sign
    bench.trade(side.opposite, 2)
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


def test_what_was_rejected_is_entered_once() -> None:
    bench = rejected()
    assert [step.units for step in heal(bench).openings] == [2 * LOT]
    bench.restart()
    bench.fill_everything("F")
    wait(bench, 100)
    assert (bench.net_position("F"), missing(bench), bench.open_orders("F")) == (2 * LOT, 0, [])


def test_without_being_asked_for_nothing_is_opened() -> None:
    bench = rejected()
    heal(bench, opening=False)
    assert bench.open_orders("F") == [] and missing(bench) == 2 * LOT


def test_what_is_refused_again_is_missed_again() -> None:
    bench = declined()
    bench.refuse["F"] = [(Refusal.OTHER, True)]
    heal(bench)
    wait(bench, 20)
    assert missing(bench) == 2 * LOT and [step.units for step in heal(bench).openings] == [2 * LOT]
    bench.fill_everything("F")
    assert missing(bench) == 0


def test_a_leader_that_leaves_meanwhile_takes_it_along() -> None:
    bench = declined()
    heal(bench)
    bench.trade(Side.SELL, 4)
    bench.fill_everything("F")
    wait(bench, 60)
    assert (bench.net_position("F"), bench.open_orders("F")) == (0, [])


def test_what_comes_in_between_plan_and_order_takes_it_back() -> None:
    bench = declined()
    plan = heal_plan(bench.copier.state)
    planned = tuple(heal_facts(bench.copier.state, plan, bench.copier.position, opening=True))
    bench.trade(Side.SELL, 2)
    bench.feed(*planned)
    assert bench.open_orders("F") == [] and missing(bench) == LOT
    assert [fact.code for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised)] == ["NOT_ENTERED"]
    assert [step.units for step in heal(bench).openings] == [LOT]
    bench.fill_everything("F")
    assert (bench.net_position("F"), missing(bench)) == (LOT, 0)


def test_the_plan_is_another_when_the_leader_has_closed_a_part() -> None:
    bench = declined()
    plan = heal_plan(bench.copier.state)
    bench.trade(Side.SELL, 2)
    assert heal_plan(bench.copier.state).hash != plan.hash
    assert [step.units for step in heal_plan(bench.copier.state).openings] == [LOT]


def test_what_is_not_to_be_had_is_not_listed() -> None:
    capped = World({"F": HALF}, max_lots=1)
    capped.trade(Side.BUY, 8)
    capped.fill_everything("F")
    by_hand = World({"F": HALF})
    by_hand.trade(Side.BUY, 4)
    by_hand.end_follower("F", by_hand.open_orders("F")[0], OrderStatus.CANCELLED)
    too_large = declined(8, max_lots=1)
    halted = declined()
    say(halted, TradingState.HALTED)
    gone = declined()
    gone.trade(Side.SELL, 4)
    working = declined()
    working.place(Side.BUY, 2, terms=Limit(Decimal(80)))
    for bench in (capped, by_hand, too_large, halted, gone, working):
        if bench is not working:
            wait(bench, 20)
        assert heal_plan(bench.copier.state).openings == ()


@settings(max_examples=EXAMPLES, deadline=None)
@given(script=acts((*UNRULY, "halt", "resume", "heal")), ratio=ratios, lot=lots, how=st.sampled_from([ORDERS, REVERSED]))
def test_whatever_is_healed_in_between_flat_leader_flat_follower(
    script: list[Act], ratio: Fraction, lot: int, how: tuple[CopyMode, bool]
) -> None:
    world = World({"F": ratio}, lot=lot, mode=how[0], reverse=how[1])
    turn, entered = (-1 if how[1] else 1), 0
    for what, buy, count, which in script:
        world.advance(1)
        if what == "heal":
            entered += len(heal(world).openings)
        elif what in ("halt", "resume"):
            say(world, TradingState.REDUCING if what == "halt" else TradingState.ACTIVE)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, False)
    say(world, TradingState.ACTIVE)
    world.refuse.clear()
    come_to_rest(world, False)
    for _ in range(2):  # what is closed first is entered by the next plan
        entered += len(heal(world).openings)
        come_to_rest(world, False)
    event(f"entered {min(entered, 2)} times")
    rows = list(drifts(world.copier.state))
    target, actual = ratio * world.leader_position() * turn, world.net_position("F")
    assert sum((row.target for row in rows), Fraction(0)) == target
    assert sum((units for row in rows for _, units in row.terms), Fraction(0)) == target - actual
    assert heal_plan(world.copier.state).openings == (), "what could be had is there"
    flatten(world)
    assert world.leader_position() == 0 and turn * world.net_position("F") == declared(world)
