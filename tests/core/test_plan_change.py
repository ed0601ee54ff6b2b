"""An accepted cancel that does not show is looked for, and meanwhile the core asks for no step that would do nothing."""

from __future__ import annotations

from fractions import Fraction

from dhan_copy.core.facts import Fact, RequestAccepted
from dhan_copy.core.requests import Cancel, Modify, Query
from dhan_copy.model.order import Side
from tests.core.world import World


class Quiet(World):
    """The follower has no feed: what became of a cancel shows in reads alone."""

    def on_change(self, request: Modify | Cancel) -> list[Fact]:
        return [fact for fact in super().on_change(request) if isinstance(fact, RequestAccepted)]


def test_f20_a_cancel_that_does_not_show_is_looked_up_after_a_while() -> None:
    world = Quiet({"F": Fraction(1)})
    order = world.place(Side.BUY, 2)
    world.cancel(order)
    world.sent.clear()
    for _ in range(8):
        world.tick()
        assert world.last_step is not None and world.last_step.due is not None
        assert world.last_step.due > world.moment().monotonic, "asks to be stepped at once, with nothing to do"
    assert [type(command) for _, command in world.sent if isinstance(command, (Query, Cancel))] == [Query]
