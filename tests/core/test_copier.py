"""Facts in, entries and commands out: what holds whatever the leader, the brokers and the line do."""

from __future__ import annotations

import os
from fractions import Fraction

from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import EngineStarted, LeaderReported, OrderReported, RequestIssued
from dhan_copy.core.state import State
from dhan_copy.model.order import Side
from tests.core.slow_world import SlowWorld
from tests.core.trading import UNRULY, Act, act, acts, declared, flatten, lots, ratios, uncopied
from tests.core.world import World

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "40"))

READ_AGAIN = {"settings", "touched", "suspects", "positions_read_at", "book_read_at", "net_positions"}
"""What a restart forgets, because reading it again costs nothing."""


def known(state: State) -> dict[str, object]:
    """What the journal must bring back."""
    values = {name: getattr(state, name) for name in (f.name for f in fields(State)) if name not in READ_AGAIN}
    values["open_trades"] = {key: list(trades) for key, trades in state.open_trades.items() if trades}
    values["stakes"] = {key: stake for key, stake in state.stakes.items() if stake != type(stake)()}
    return values


def restored(world: World) -> Copier:
    copier = world.fresh()
    copier.restore(world.journal)
    return copier


@settings(max_examples=EXAMPLES)
@given(script=acts(UNRULY), ratio=ratios, lot=lots)
def test_t4_the_journal_brings_the_state_back_and_sends_nothing(script: list[Act], ratio: Fraction, lot: int) -> None:
    world = World({"F": ratio}, lot=lot)
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
        copier = restored(world)
        step = copier.step(world.moment(), [EngineStarted(version="test", epoch=2)])
        assert [type(entry.fact) for entry in step.entries] == [EngineStarted]
        assert not {type(command).__name__ for command in step.commands} & {"Submit", "Modify", "Cancel"}
        assert known(copier.state) == known(world.copier.state)


@settings(max_examples=EXAMPLES)
@given(script=acts(UNRULY), ratio=ratios, lot=lots, again=st.integers(1, 6))
def test_t8_what_was_told_before_sends_nothing_and_is_not_kept(script: list[Act], ratio: Fraction, lot: int, again: int) -> None:
    world = World({"F": ratio}, lot=lot)
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
        told = [entry.fact for entry in world.journal if isinstance(entry.fact, (LeaderReported, OrderReported))]
        world.feed()
        before = len(world.journal)
        world.feed(*told[-again:][::-1])
        assert world.journal[before:] == []


BAD_LINE = (
    "place", "trade", "fill", "fill", "modify", "cancel", "follower_fill", "follower_fill", "follower_end_by_hand",
    "answer", "answer", "answer", "answer", "silent", "lose", "late", "withhold", "arrive", "tell", "tell", "crash", "wait",
)  # fmt: skip


@settings(max_examples=3 * EXAMPLES)
@given(script=acts(BAD_LINE, most=25), ratio=ratios)
def test_never_two_requests_for_an_order_nor_two_entries_for_a_leader_order(script: list[Act], ratio: Fraction) -> None:
    """The rules are checked at every journal row; then the line heals, and the follower is where the leader is."""
    world = SlowWorld({"F": ratio}, lot=75)
    world.heal()
    for what, buy, count, which in script:
        world.advance(1)
        if what in ("answer", "silent", "lose", "late", "withhold"):
            world.deliver(which, what)
        elif what == "arrive":
            world.arrive(which)
        elif what == "tell":
            world.tell_one(which)
        elif what == "crash":
            world.crash(which)
        elif what == "wait":
            world.advance(7 * count)
            world.feed()
        else:
            act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
    come_to_rest(world)
    assert not world.copier.state.unresolved
    assert not any(order.is_busy for trade in world.copier.state.trades.values() for order in trade.orders)
    off = world.net_position("F") - ratio * (world.leader_position() - uncopied(world))
    assert abs(off - declared(world)) <= world.lot, f"off {off}, declared {declared(world)}"
    flatten(world)
    assert world.leader_position() == 0
    assert world.net_position("F") == declared(world)


def test_what_waits_for_a_lost_order_goes_on_once_that_is_proven_absent() -> None:
    """The leader turned from long to short, and the entry that the short would cross never arrived."""
    world = SlowWorld({"F": Fraction(1)}, lot=75)
    world.heal()
    world.trade(Side.BUY, 1)
    world.deliver(0, "lose")
    world.trade(Side.SELL, 6)
    come_to_rest(world)
    assert world.net_position("F") == 0
    assert declared(world) == 375, "the short is stale by now, and that is on record"


def come_to_rest(world: SlowWorld) -> None:
    for order in list(world.leader.values()):
        if order.is_open:
            world.cancel(order)
    world.heal()
    world.told_at_once = True
    for _ in range(12):
        world.fill_everything("F")
        world.sweep()
        world.tick(31)
