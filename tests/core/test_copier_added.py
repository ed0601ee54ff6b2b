"""A follower that is added later copies what begins after that, and nothing older."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from dhan_copy.core.facts import CheckpointWritten, CopyAdmitted, CopyDeclined, EngineStarted, SourceStarted
from dhan_copy.core.settings import Policy
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Leg, Side
from tests.core.linked_world import Linked, wait
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


def test_f51_legs_that_were_told_after_the_checkpoint_are_decided_with_their_entry_of_before_it() -> None:
    """They are looked at before it is, and again once it has its answer."""
    world = World({"F": Fraction(1)}, policy=Policy(checkpoint_after=5))
    linked = Linked.place(world, 2)
    wait(world, 40)
    world.advance(1)
    at = [entry.position for entry in world.journal if isinstance(entry.fact, CheckpointWritten)][-1]
    linked.move(Leg.TARGET, Decimal(111))
    checkpoints = [entry for entry in world.journal if isinstance(entry.fact, CheckpointWritten)]
    assert checkpoints[-1].position == at and world.journal[-1].position > at
    world.ratios["G"] = Fraction(1)
    world.books["G"] = {}
    world.copier = world.fresh()
    world.copier.restore([*checkpoints, *world.journal[at:]])
    world.feed(EngineStarted(version="test", epoch=2), SourceStarted(account=AccountName("G")))
    wait(world, 8)
    declined = [fact for fact in world.facts(CopyDeclined) if isinstance(fact, CopyDeclined) and fact.follower == "G"]
    entry = linked.entry.report.order_id
    assert {fact.leader_order_id: fact.reason.name for fact in declined} == {
        entry: "OLDER_THAN_START", f"{entry}/TARGET": "ENTRY_NOT_COPIED", f"{entry}/STOP": "ENTRY_NOT_COPIED",
    }  # fmt: skip
