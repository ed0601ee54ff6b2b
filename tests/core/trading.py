"""What a leader and an unruly follower may do, as acts that Hypothesis can draw."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from dhan_copy.core.facts import Refusal, RequestIssued
from dhan_copy.core.requests import Submit
from dhan_copy.model.order import Market, OrderStatus, Side
from tests.core.world import TrueOrder, World

KINDS = ("place", "trade", "fill", "cancel", "reject")
UNRULY = (*KINDS, "modify", "follower_fill", "follower_fill", "follower_end", "follower_end_by_hand", "refuse", "restart")

Act = tuple[str, bool, int, int]
"""What happens, buying or selling, lots, and which of the open orders it happens to."""

ratios = st.builds(Fraction, st.sampled_from([1, 2, 3, 7]), st.sampled_from([1, 2, 3, 5, 10]))
lots = st.sampled_from([1, 25, 75])


def acts(kinds: tuple[str, ...], most: int = 14) -> st.SearchStrategy[list[Act]]:
    one = st.tuples(st.sampled_from(kinds), st.booleans(), st.integers(1, 6), st.integers(0, 5))
    return st.lists(one, min_size=1, max_size=most)


def declared(world: World) -> Fraction:
    """What the engine says will stay different."""
    stakes = [stake for key, stake in world.copier.state.stakes.items() if key[1] == "F"]
    return sum((quantity for stake in stakes for _, quantity in stake.declared), Fraction(0))


def uncopied(world: World) -> Fraction:
    """The leader's units from orders that went beyond what they were decided as (two exits for one position)."""
    return sum((stake.uncopied for key, stake in world.copier.state.stakes.items() if key[1] == "F"), Fraction(0))


def come_to_rest(world: World, obedient: bool) -> None:
    for order in list(world.leader.values()):
        if order.is_open and obedient:
            world.fill(order, order.report.quantity - order.report.filled_quantity)
            follow(world)
        elif order.is_open:
            world.cancel(order)
    for _ in range(8):
        world.fill_everything("F")
        world.tick(31)


def flatten(world: World) -> None:
    """The leader closes everything at the market, and the follower's exits fill."""
    world.refuse.clear()
    position = world.leader_position()
    if position:
        world.advance(1)
        order = world.place(Side.SELL if position > 0 else Side.BUY, abs(position) // world.lot, terms=Market())
        world.fill(order, abs(position))
    for _ in range(8):
        world.fill_everything("F")
        world.tick(31)


def act(world: World, what: str, side: Side, count: int, which: int, obedient: bool) -> None:
    mine = [order for order in world.leader.values() if order.is_open]
    theirs = world.open_orders("F")
    order = mine[which % len(mine)] if mine else None
    theirs_one = theirs[which % len(theirs)] if theirs else None
    match what:
        case "place" | "trade" if obedient and mine:
            pass
        case "place":
            world.place(side, count)
        case "trade":
            world.trade(side, count)
        case "restart":
            world.restart()
        case "refuse":
            world.refuse.setdefault("F", []).append((Refusal.OTHER, True))
        case "fill" if order and obedient:
            world.fill(order, order.report.quantity - order.report.filled_quantity)
        case "fill" if order:
            world.fill(order, min(count, lots_left(world, order)) * world.lot)
        case "modify" if order:
            world.change(order, quantity=order.report.filled_quantity + count * world.lot)
        case "cancel" if order:
            world.cancel(order)
        case "reject" if order and order.report.filled_quantity == 0:
            world.change(order, status=OrderStatus.REJECTED)
        case "follower_fill" if theirs_one:
            world.fill_follower("F", theirs_one, min(count, lots_left(world, theirs_one)) * world.lot)
        case "follower_end" if theirs_one:
            world.end_follower("F", theirs_one, OrderStatus.REJECTED)
        case "follower_end_by_hand" if theirs_one:
            world.end_follower("F", theirs_one, OrderStatus.CANCELLED)


def lots_left(world: World, order: TrueOrder) -> int:
    return (order.report.quantity - order.report.filled_quantity) // world.lot


def follow(world: World) -> None:
    """An obedient market: once the leader's order is done, so are its copies."""
    whose: dict[str, str] = {}
    for fact in world.facts(RequestIssued):
        if isinstance(fact, RequestIssued) and isinstance(fact.request, Submit):
            whose[fact.request.client_order_id] = fact.request.leader_order_id
    for order in world.open_orders("F"):
        leader = world.leader[whose[order.report.client_order_id or ""]]
        if not leader.is_open and order.is_open:
            world.fill_follower("F", order, order.report.quantity - order.report.filled_quantity)
