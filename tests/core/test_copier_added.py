"""A follower that is added later copies what begins after that, and nothing older."""

from __future__ import annotations

from fractions import Fraction

from dhan_copy.core.facts import CopyAdmitted, EngineStarted, SourceStarted
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Side
from tests.core.world import World


def test_f51_a_follower_added_at_a_restart_is_not_given_the_orders_of_before() -> None:
    world = World({"F": Fraction(1)})
    order = world.place(Side.BUY, 2)
    world.advance(1)
    world.ratios["G"] = Fraction(1)
    world.books["G"] = {}
    world.copier = world.fresh()
    world.copier.restore(world.journal)
    world.feed(EngineStarted(version="test", epoch=2), SourceStarted(account=AccountName("G")))
    world.sweep()
    world.fill(order, 75)
    assert world.books["G"] == {}
    assert {fact.follower for fact in world.facts(CopyAdmitted) if isinstance(fact, CopyAdmitted)} == {"F"}
    world.trade(Side.BUY, 1)
    assert len(world.books["G"]) == 1
