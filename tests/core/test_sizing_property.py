"""Random trading by the leader: the follower is never a lot or more off what the leader's fills scale to."""

from __future__ import annotations

import os
from fractions import Fraction

from hypothesis import example, given, settings

from dhan_copy.model.order import Side
from tests.core.trading import KINDS, UNRULY, Act, act, acts, come_to_rest, declared, flatten, follow, lots, ratios, uncopied
from tests.core.world import World

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "1000"))

# Entries of both sides at once, whose fills at the leader closed one another: what chance seldom finds.
BOTH_SIDES_REST: list[Act] = [
    ("place", False, 6, 0), ("place", True, 3, 5), ("cancel", True, 3, 5), ("trade", True, 2, 5), ("fill", True, 3, 1),
    ("follower_fill", False, 1, 2),
]  # fmt: skip
BOTH_SIDES_TRADE: list[Act] = [
    ("place", True, 2, 4), ("trade", False, 2, 4), ("fill", True, 6, 0), ("trade", False, 2, 4), ("follower_fill", True, 6, 2),
]  # fmt: skip
REFUSED_AND_CROSSED: list[Act] = [
    ("refuse", False, 5, 4), ("place", False, 5, 5), ("trade", True, 3, 0), ("follower_fill", False, 4, 5),
    ("fill", False, 5, 5),
]  # fmt: skip
REJECTED_AFTER_A_FILL: list[Act] = [
    ("place", True, 6, 1), ("follower_fill", False, 5, 1), ("reject", True, 4, 1), ("trade", False, 6, 0),
]  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None)
@given(script=acts(KINDS), ratio=ratios, lot=lots)
def test_z2_orders_one_after_another_stay_within_a_lot(script: list[Act], ratio: Fraction, lot: int) -> None:
    check(script, ratio, lot, obedient=True)


@settings(max_examples=EXAMPLES, deadline=None)
@given(script=acts(UNRULY), ratio=ratios, lot=lots)
@example(script=BOTH_SIDES_REST, ratio=Fraction(1), lot=75)
@example(script=BOTH_SIDES_TRADE, ratio=Fraction(1), lot=75)
@example(script=REFUSED_AND_CROSSED, ratio=Fraction(1, 2), lot=75)
@example(script=REJECTED_AFTER_A_FILL, ratio=Fraction(1, 2), lot=75)
def test_z2_differences_of_an_unruly_follower_are_declared(script: list[Act], ratio: Fraction, lot: int) -> None:
    check(script, ratio, lot, obedient=False)


def check(script: list[Act], ratio: Fraction, lot: int, *, obedient: bool) -> None:
    world = World({"F": ratio}, lot=lot)
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient)
        if obedient:
            follow(world)
    come_to_rest(world, obedient)
    off = world.net_position("F") - ratio * (world.leader_position() - uncopied(world))
    if obedient:
        assert abs(off) < lot, f"off {off}, lot {lot}"
        assert declared(world) == 0, "nothing was refused or cut"
    else:
        assert abs(off - declared(world)) <= lot, f"off {off}, declared {declared(world)}, lot {lot}"
    flatten(world)
    assert world.leader_position() == 0
    assert world.net_position("F") == declared(world), "flat leader, flat follower"
    if obedient:
        assert world.net_position("F") == 0
