"""A follower that is added later copies what begins after that, and nothing older."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dhan_copy.core.facts import CheckpointWritten, CopyAdmitted, CopyDeclined, EngineStarted, SourceStarted
from dhan_copy.core.settings import Policy
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Side
from tests.core.world import World


@pytest.mark.parametrize("from_a_checkpoint", [False, True])
def test_f51_a_follower_added_at_a_restart_is_not_given_the_orders_of_before(from_a_checkpoint: bool) -> None:
    world = World({"F": Fraction(1)}, policy=Policy(checkpoint_after=1 if from_a_checkpoint else 1_000))
    world.trade(Side.BUY, 1)
    order = world.place(Side.BUY, 2)
    world.advance(1)
    world.ratios["G"] = Fraction(1)
    world.books["G"] = {}
    world.copier = world.fresh()
    checkpoints = [entry for entry in world.journal if isinstance(entry.fact, CheckpointWritten)]
    assert bool(checkpoints) is from_a_checkpoint
    world.copier.restore([*checkpoints, *world.journal[checkpoints[-1].position if checkpoints else 0 :]])
    world.feed(EngineStarted(version="test", epoch=2), SourceStarted(account=AccountName("G")))
    world.sweep()
    world.fill(order, 75)
    assert world.books["G"] == {}
    assert {fact.follower for fact in world.facts(CopyAdmitted) if isinstance(fact, CopyAdmitted)} == {"F"}
    declined = [fact for fact in world.facts(CopyDeclined) if isinstance(fact, CopyDeclined)]
    assert [(fact.follower, fact.reason.name) for fact in declined] == [("G", "OLDER_THAN_START")] * 2
    world.trade(Side.BUY, 1)
    assert len(world.books["G"]) == 1
