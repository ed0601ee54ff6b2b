"""A follower that is not live: the same decisions, nothing sent, filled when and as far as the leader is."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import CopyAdmitted
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.model.order import Product, Side
from tests.core.world import KEY, LEADER, World


def owned(world: World) -> int:
    return world.copier.state.stake((LEADER, "F", KEY, Product.INTRADAY, None)).owned  # type: ignore[arg-type]


def paper(ratio: Fraction = Fraction(1, 2)) -> World:
    return World({"F": ratio}, live=False)


def test_k6_nothing_is_sent_and_exits_show_too() -> None:
    world = paper()
    world.trade(Side.BUY, 4)
    assert owned(world) == 150
    world.trade(Side.SELL, 4)
    assert owned(world) == 0
    assert not [c for _, c in world.sent if isinstance(c, (Submit, Modify, Cancel))]


def test_it_fills_as_far_as_the_leader_does() -> None:
    world = paper()
    order = world.place(Side.BUY, 4)
    assert owned(world) == 0
    world.fill(order, 150)
    assert owned(world) == 75
    world.cancel(order)
    assert owned(world) == 75
    (trade,) = world.copier.state.trades.values()
    assert [o.state.value for o in trade.orders] == ["CANCELLED"]


def decisions(world: World) -> list[tuple[object, ...]]:
    return [
        (f.exit_quantity, f.entry_quantity, f.position_before, f.ratio, f.carry, f.reason)
        for f in world.facts(CopyAdmitted)
        if isinstance(f, CopyAdmitted)
    ]


@given(script=st.lists(st.tuples(st.booleans(), st.integers(1, 5)), min_size=1, max_size=6))
def test_k6_the_decisions_are_those_of_a_live_follower_whose_orders_fill(script: list[tuple[bool, int]]) -> None:
    worlds = [World({"F": Fraction(1, 2)}, live=live) for live in (True, False)]
    for world in worlds:
        for buy, lots in script:
            world.trade(Side.BUY if buy else Side.SELL, lots)
            world.fill_everything("F")
    live, dry = worlds
    assert decisions(live) == decisions(dry)
    assert live.net_position("F") == owned(dry)
