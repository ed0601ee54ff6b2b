"""What the follower's orders filled may be told in any order: what is owned in the end is the same."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest
from attrs import evolve

from dhan_copy.core.facts import Fact, ReadFailed
from dhan_copy.core.requests import Query
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderStatus, Side
from tests.core.world import TrueOrder, World

F = AccountName("F")


class Mute(World):
    """The follower's broker answers no read while ``mute``: what is known comes from its stream."""

    mute = False

    def lookup(self, query: Query) -> Fact:
        failed = ReadFailed(account=F, what=f"Query:{query.client_order_id}", problem="no answer")
        return failed if self.mute else super().lookup(query)

    def book(self, account: str) -> list[Fact]:
        failed = ReadFailed(account=F, what="ReadOrders", problem="no answer")
        return [failed] if self.mute and account == "F" else super().book(account)


def fill_untold(world: World, order: TrueOrder) -> None:
    order.report = evolve(
        order.report, filled_quantity=order.report.quantity, status=OrderStatus.TRADED, updated_at=world.now
    )


@pytest.mark.parametrize("leader_first", [True, False])
@pytest.mark.parametrize("told_in", list(permutations(range(3))))
def test_f28_exits_whose_fills_are_told_before_the_entries_they_close_leave_nothing_behind(
    told_in: tuple[int, ...], leader_first: bool
) -> None:
    world = Mute({"F": Fraction(1)})
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.mute = True
    late: list[TrueOrder] = []
    for side, lots in ((Side.SELL, 2), (Side.BUY, 4)):
        world.tick(2)
        world.trade(side, lots)
        late += world.open_orders("F")
        for order in world.open_orders("F"):
            fill_untold(world, order)
    world.tick(2)
    resting = world.place(Side.SELL, 4)
    late += world.open_orders("F")
    for order in world.open_orders("F"):
        fill_untold(world, order)
    assert len(late) == 3, "an exit, an entry and an exit"
    if leader_first:
        world.fill(resting, resting.report.quantity)
    for number in told_in:
        world.tick(1)
        world.feed(world.follower_report("F", late[number]))
    world.mute = False
    if not leader_first:
        world.fill(resting, resting.report.quantity)
    settle(world)
    world.trade(Side.BUY, 3)
    settle(world)
    world.trade(Side.SELL, 3)
    settle(world)
    assert (world.leader_position(), world.net_position("F")) == (0, 0)


def settle(world: World) -> None:
    for _ in range(5):
        world.fill_everything("F")
        world.tick(10)
