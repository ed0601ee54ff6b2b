"""What an accepted cancel, or a request that nobody knows the end of, asks for while nothing shows."""

from __future__ import annotations

from fractions import Fraction

from dhan_copy.core.facts import BookRead, Fact, OutcomeUnresolved, RequestAccepted
from dhan_copy.core.requests import Cancel, Modify, Query
from dhan_copy.model.order import OrderStatus, Side
from tests.core.bench import Bench
from tests.core.make import FOLLOWER, TAG, report
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


def test_what_no_evidence_settles_is_told_of_once_more() -> None:
    """Lookups fail, and a book alone proves nothing."""
    bench = Bench()
    [entry] = bench.tell(report(status=OrderStatus.PENDING))
    bench.step(OutcomeUnresolved(follower=FOLLOWER, client_order_id=TAG, attempt=entry.attempt, problem="timeout"))
    window = bench.copier.settings.policy.absence_window.total_seconds()
    for seconds, told in ((window, 1), (window - 2, 1), (3, 2), (window, 2)):
        bench.wait(seconds)
        bench.step(BookRead(account=FOLLOWER, read_at=bench.moment().wall))
        assert bench.alerts() == ["UNRESOLVED", "STILL_UNRESOLVED"][:told]
