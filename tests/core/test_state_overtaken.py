"""What the follower's orders filled may be told in any order: what is owned in the end is the same."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core.facts import Fact, ReadFailed
from dhan_copy.core.ledger import Stake
from dhan_copy.core.requests import Query
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderStatus, Side
from tests.core.world import TrueOrder, World

F = AccountName("F")
LOT = 75


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
    order.report = evolve(order.report, filled_quantity=order.report.quantity, status=OrderStatus.TRADED, updated_at=world.now)


@pytest.mark.parametrize("leader_first", [True, False])
@pytest.mark.parametrize("told_in", list(permutations(range(2))))
def test_f28_what_is_not_known_to_be_there_is_not_sold_and_fills_told_out_of_order_leave_nothing_behind(
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
    assert len(late) == 2 and not world.open_orders("F"), "an exit of all that is known to be there, and an entry"
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


Script = list[tuple[str, int, int]]


def played(script: Script) -> Iterator[Stake]:
    """What is held after each act: what is done, to which of the open orders, and for how many lots."""
    world = World({"F": Fraction(1)})
    for act, which, lots in script:
        orders = world.open_orders("F") if act == "follower fills" else [o for o in world.leader.values() if o.is_open]
        order = orders[which % len(orders)] if orders else None
        left = min(lots * LOT, order.report.quantity - order.report.filled_quantity) if order is not None else 0
        if act in ("buy", "sell"):
            world.place(Side.BUY if act == "buy" else Side.SELL, lots)
        elif order is not None and act == "cancel":
            world.cancel(order)
        elif order is not None and left and act == "leader fills":
            world.fill(order, left)
        elif order is not None and left:
            world.fill_follower("F", order, left)
        yield from world.copier.state.stakes.values()


acts = st.tuples(
    st.sampled_from(["buy", "sell", "leader fills", "follower fills", "cancel"]), st.integers(0, 5), st.integers(1, 4)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(acts, min_size=4, max_size=14))
def test_what_waits_to_be_set_off_against_the_other_side_is_still_held(script: Script) -> None:
    for stake in played(script):
        assert stake.to_net_off <= max(stake.long, stake.short)


@pytest.mark.parametrize(
    "script",
    [
        [
            ("buy", 0, 4), ("follower fills", 0, 4), ("buy", 0, 2), ("sell", 0, 1), ("leader fills", 1, 1),
            ("leader fills", 2, 1), ("follower fills", 1, 2),
        ],
        [
            ("sell", 0, 4), ("follower fills", 0, 2), ("cancel", 0, 1), ("buy", 0, 1), ("sell", 0, 4), ("follower fills", 1, 4),
            ("leader fills", 1, 4), ("leader fills", 0, 1), ("follower fills", 0, 1),
        ],
    ],
)  # fmt: skip
def test_an_entry_whose_fills_have_closed_something_already_waits_for_no_other_side(script: Script) -> None:
    *_, stake = played(script)
    assert stake.to_net_off == 0


def test_what_was_closed_twice_in_a_race_and_given_back_is_not_set_off_against_later_positions() -> None:
    """The exits of a target and a stop both filled: the short that came of it would close what is bought next. Once it
    has been closed itself, it must not."""
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 4)
    settle(world)
    target, stop = world.place(Side.SELL, 4), world.place(Side.SELL, 4)
    for order in world.open_orders("F"):
        world.fill_follower("F", order, order.report.quantity)
    assert world.net_position("F") == -4 * LOT
    world.fill(target, target.report.quantity)
    world.cancel(stop)
    settle(world)
    world.trade(Side.SELL, 4)
    settle(world)
    world.trade(Side.BUY, 4)
    settle(world)
    assert (world.leader_position(), world.net_position("F")) == (0, 0)

    world.trade(Side.BUY, 10)
    settle(world)
    world.trade(Side.SELL, 10)
    (exit_order,) = world.open_orders("F")
    world.trade(Side.SELL, 6)
    (entry,) = [order for order in world.open_orders("F") if order is not exit_order]
    world.fill_follower("F", entry, entry.report.quantity)
    settle(world)
    assert (world.leader_position(), world.net_position("F")) == (-6 * LOT, -6 * LOT)
