"""What followers hold beyond their share is closed by plan and hash, and nothing is opened."""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dhan_copy.core.closing import excess
from dhan_copy.core.facts import AlertRaised, CloseOrdered, DriftDeclared, Refusal, TradingState, TradingStateChanged
from dhan_copy.core.healing import heal_facts, heal_plan
from dhan_copy.core.settings import Heal, Policy
from dhan_copy.model.order import Limit, OrderStatus, Side
from dhan_copy.model.reason import ReasonCode
from tests.core.linked_world import wait
from tests.core.trading import UNRULY, Act, act, acts, come_to_rest, lots, ratios
from tests.core.world import World

LOT = 75


BY_ITSELF = Policy(heal=Heal.CLOSE)


def ahead(filled: int = 2, kept: int = 0, policy: Policy = Policy(), pause: float = 20) -> World:
    """A follower that has filled more than the leader, who cancelled."""
    bench = World({"F": Fraction(1, 2)}, policy=policy)
    if kept:
        bench.trade(Side.BUY, 2 * kept)
        bench.fill_everything("F")
    order = bench.place(Side.BUY, 4, terms=Limit(Decimal(90)))
    bench.fill_follower("F", bench.open_orders("F")[0], filled * LOT)
    bench.cancel(order)
    wait(bench, pause)
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


@pytest.mark.parametrize("how", ["exit", "flatten", "policy", "twice"])
def test_never_more_is_closed_than_is_held_whatever_comes_before_the_users_word(how: str) -> None:
    bench = ahead(2, kept=3, policy=BY_ITSELF if how == "policy" else Policy(), pause=1)
    plan = heal_plan(bench.copier.state)
    planned = tuple(heal_facts(bench.copier.state, plan, bench.copier.position))
    match how:
        case "exit":
            bench.trade(Side.SELL, 6)
        case "flatten":
            bench.feed(TradingStateChanged(follower=None, state=TradingState.CLOSING))
        case "policy":
            while not bench.open_orders("F"):
                wait(bench, 5)
        case _:
            bench.feed(*planned)
    most = bench.net_position("F") if how in ("exit", "flatten") else 2 * LOT
    bench.feed(*planned)
    assert sum(order.report.quantity for order in bench.open_orders("F")) == most
    assert "NOT_CLOSED" in [fact.code for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised)]


def healed(bench: World) -> list[int]:
    return [fact.quantity for fact in bench.facts(CloseOrdered) if isinstance(fact, CloseOrdered)]


def test_by_default_nothing_is_closed_without_a_word() -> None:
    bench = ahead()
    wait(bench, 300)
    assert bench.net_position("F") == 2 * LOT and healed(bench) == []


def test_by_policy_what_is_beyond_the_share_is_closed_once_the_books_say_so_again() -> None:
    bench = ahead(2, kept=3, policy=BY_ITSELF, pause=0)
    assert healed(bench) == [], "the books have not been read since"
    wait(bench, 60)
    assert healed(bench) == [2 * LOT]
    bench.fill_everything("F")
    wait(bench, 200)
    bench.restart()
    wait(bench, 200)
    assert healed(bench) == [2 * LOT] and bench.net_position("F") == 3 * LOT
    bench.trade(Side.SELL, 6)
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


def test_by_policy_the_followers_own_position_is_not_touched() -> None:
    bench = ahead(policy=BY_ITSELF, pause=0)
    bench.manual["F"] = 10 * LOT
    for _ in range(5):
        wait(bench, 60)
        bench.fill_everything("F")
    assert bench.net_position("F") == 10 * LOT and healed(bench) == [2 * LOT]


def test_by_policy_what_somebody_has_closed_meanwhile_is_not_closed_again() -> None:
    bench = ahead(policy=BY_ITSELF, pause=0)
    bench.manual["F"] = -2 * LOT
    for _ in range(10):
        wait(bench, 60)
        bench.fill_everything("F")
    assert bench.net_position("F") == 0 and healed(bench) == []


@pytest.mark.parametrize("restarted", [False, True])
def test_by_policy_what_the_broker_refused_is_left_to_the_user(restarted: bool) -> None:
    bench = ahead(policy=BY_ITSELF, pause=0)
    bench.refuse["F"] = [(Refusal.OTHER, True)] * 50
    wait(bench, 200)
    assert healed(bench) == [2 * LOT]
    bench.refuse.clear()
    if restarted:
        bench.restart()
    wait(bench, 200)
    if bench.open_orders("F"):
        bench.fill_everything("F")  # it was only late
        wait(bench, 100)
    assert healed(bench) == [2 * LOT]


def test_by_policy_an_exit_that_was_cancelled_by_hand_stays_cancelled() -> None:
    bench = World({"F": Fraction(1, 2)}, policy=BY_ITSELF)
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    bench.trade(Side.SELL, 4)
    bench.end_follower("F", bench.open_orders("F")[0], OrderStatus.CANCELLED)
    wait(bench, 300)
    assert heal_plan(bench.copier.state).steps and healed(bench) == []
    assert bench.net_position("F") == 2 * LOT


def test_by_policy_nothing_is_closed_beside_an_order_that_works() -> None:
    bench = ahead(policy=BY_ITSELF, pause=0)
    resting = bench.place(Side.BUY, 2, terms=Limit(Decimal(80)))
    wait(bench, 200)
    assert healed(bench) == []
    bench.cancel(resting)
    wait(bench, 60)
    assert healed(bench) == [2 * LOT]


def test_by_policy_a_follower_that_is_halted_closes_nothing_until_it_is_resumed() -> None:
    bench = ahead(policy=BY_ITSELF, pause=0)
    bench.feed(TradingStateChanged(follower=None, state=TradingState.HALTED))
    wait(bench, 200)
    assert healed(bench) == []
    bench.feed(TradingStateChanged(follower=None, state=TradingState.ACTIVE))
    wait(bench, 60)
    assert healed(bench) == [2 * LOT]


EAGER = ("place", "follower_fill", "cancel", *UNRULY, "follower_fill", "cancel")


@settings(max_examples=int(os.environ.get("DHAN_COPY_EXAMPLES", "300")), deadline=None)
@given(script=acts(EAGER), ratio=ratios, lot=lots)
def test_by_policy_nothing_but_what_is_beyond_the_share_is_closed(script: list[Act], ratio: Fraction, lot: int) -> None:
    """At rest a follower holds no more than a lot beyond his share, unless a hand kept it, or ended such a close."""
    world = World({"F": ratio}, lot=lot, policy=BY_ITSELF)
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, False)
    world.refuse.clear()
    come_to_rest(world, False)
    for _ in range(3):
        wait(world, 40)
        world.fill_everything("F")
    before, closes = world.net_position("F"), healed(world)
    wait(world, 200)
    assert (world.net_position("F"), healed(world), world.open_orders("F")) == (before, closes, []), "at rest"
    event(f"closed {len(closes)} times")
    by_hand = [fact for fact in world.facts(DriftDeclared) if getattr(fact, "reason", None) is ReasonCode.HUMAN_CANCELLED]
    failed = closes and any(order.by_hand for order in world.books["F"].values())
    if not by_hand and not failed:
        assert excess(world.copier.state) == {}
        wanted, held = ratio * world.leader_position(), world.net_position("F")
        beyond = abs(held) - abs(wanted) if wanted * held > 0 else abs(held)
        assert beyond <= lot, f"{held} held, {wanted} wanted"
