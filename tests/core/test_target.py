"""What each follower order should total: entries by the leader's order, exits by what his fills oblige to."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core.target import balance_of, carry_of, closes, entry_want, exit_wants
from dhan_copy.core.trade import CopyTrade
from dhan_copy.model.order import Product, Side
from tests.core.trading import UNRULY, Act, act, acts, ratios
from tests.core.world import KEY, LEADER, TrueOrder, World

STAKE = (LEADER, "F", KEY, Product.INTRADAY, None)


def trade_of(world: World, order: TrueOrder) -> CopyTrade:
    return world.copier.state.trades[LEADER, order.report.order_id, "F"]  # type: ignore[index]


def wants(world: World) -> dict[str, int]:
    """By the leader's order."""
    return {key[1]: want for key, want in exit_wants(world.copier.state, STAKE).items()}  # type: ignore[arg-type]


def holding(ratio: Fraction, lots: int) -> World:
    """The leader has bought so many lots, and the follower his share."""
    world = World({"F": ratio})
    world.trade(Side.BUY, lots)
    world.fill_everything("F")
    return world


def test_an_entry_wants_its_share_while_the_leader_lives_and_its_fills_once_he_cancelled() -> None:
    world = World({"F": Fraction(1, 2)})
    order = world.place(Side.BUY, 4)
    assert entry_want(world.copier.state, trade_of(world, order)) == 150
    world.fill_follower("F", world.open_orders("F")[0], 75)
    world.cancel(order)
    assert entry_want(world.copier.state, trade_of(world, order)) == 75


def test_x11_a_target_and_a_stop_may_each_cover_everything() -> None:
    world = holding(Fraction(1, 2), 4)
    target, stop = world.place(Side.SELL, 4), world.place(Side.SELL, 4)
    assert wants(world) == {target.report.order_id: 150, stop.report.order_id: 150}


def test_two_exits_that_share_the_position_share_what_is_owned() -> None:
    world = holding(Fraction(1, 2), 4)
    first, second = world.place(Side.SELL, 2), world.place(Side.SELL, 2)
    assert wants(world) == {first.report.order_id: 75, second.report.order_id: 75}


def test_once_the_target_filled_at_the_leader_the_stop_covers_what_is_still_owned() -> None:
    world = holding(Fraction(1, 2), 4)
    target, stop = world.place(Side.SELL, 4), world.place(Side.SELL, 4)
    world.fill(target, 300)
    assert wants(world) == {target.report.order_id: 150, stop.report.order_id: 150}
    world.fill_everything("F")
    assert world.net_position("F") == 0


def test_what_an_order_decided_as_an_entry_is_about_to_close_is_not_sold_twice_when_some_of_it_is_gone() -> None:
    world = World({"F": Fraction(1)})
    entry = world.place(Side.SELL, 2)
    world.trade(Side.BUY, 4)
    bought = next(order for order in world.open_orders("F") if order.report.side is Side.BUY)
    world.fill_follower("F", bought, 300)
    world.fill(entry, 150)
    closing = world.trade(Side.SELL, 2)
    assert world.leader_position() == 0
    assert wants(world)[closing.report.order_id] > 0
    missing = exit_wants(world.copier.state, STAKE, missing=150)  # type: ignore[arg-type]
    assert missing[LEADER, closing.report.order_id, "F"] == 0, "150 are left, and the entry sells them"  # type: ignore[index]


def test_an_exit_is_not_for_what_an_entry_beside_it_is_about_to_close() -> None:
    world = World({"F": Fraction(1)})
    entry = world.place(Side.SELL, 5)
    world.trade(Side.BUY, 11)
    sold, bought = sorted(world.open_orders("F"), key=lambda order: order.report.quantity)
    world.fill_follower("F", bought, 825)
    exit_order = world.place(Side.SELL, 1)
    world.fill(entry, 375)
    for filled in (0, 75, 300):
        world.fill_follower("F", sold, filled)
        assert wants(world) == {exit_order.report.order_id: 75}
    world.fill(exit_order, 75)
    world.fill_everything("F")
    assert world.net_position("F") == world.leader_position() == 375


def test_an_exit_wants_no_more_than_is_owned() -> None:
    world = World({"F": Fraction(1, 2)})
    world.trade(Side.BUY, 4)
    world.fill_follower("F", world.open_orders("F")[0], 75)
    exit_order = world.place(Side.SELL, 4)
    assert wants(world) == {exit_order.report.order_id: 75}


def test_exits_are_for_no_more_together_than_is_there_while_an_entry_lags() -> None:
    world = holding(Fraction(1), 2)
    first = world.trade(Side.SELL, 2)
    world.trade(Side.BUY, 4)
    second = world.place(Side.SELL, 4)
    assert wants(world) == {first.report.order_id: 150, second.report.order_id: 0}, "150 are there, and the first sells them"
    bought = next(order for order in world.open_orders("F") if order.report.side is Side.BUY)
    world.fill_follower("F", bought, 300)
    assert wants(world) == {first.report.order_id: 150, second.report.order_id: 300}


def test_x3_what_one_exit_fills_before_the_leader_moves_nothing_from_one_that_shares_with_it() -> None:
    world = holding(Fraction(2), 4)
    first, second = world.place(Side.SELL, 2), world.place(Side.SELL, 2)
    due = {first.report.order_id: 300, second.report.order_id: 300}
    sold = world.open_orders("F")[1]
    for _ in range(3):
        world.fill_follower("F", sold, 75)
        assert wants(world) == due
    world.fill(second, 75)
    assert wants(world) == due
    world.fill(first, 150)
    assert wants(world) == due


def test_x3_a_lot_that_rounding_gave_to_the_first_exit_is_not_sold_once_more_by_the_next() -> None:
    """At a half, of four lots two: the first of two exits of a lot takes one, the second none, whoever fills first."""
    world = holding(Fraction(1, 2), 4)
    first, second = world.place(Side.SELL, 1), world.place(Side.SELL, 1)
    assert wants(world) == {first.report.order_id: 75, second.report.order_id: 0}
    world.fill_everything("F")
    world.fill(second, 75)
    world.fill(first, 75)
    assert world.net_position("F") == 75 and not world.open_orders("F")


def test_x3_what_was_sold_beyond_what_an_order_may_still_close_is_taken_off_the_exits_beside_it() -> None:
    world = holding(Fraction(1), 7)
    first, second = world.place(Side.SELL, 2), world.place(Side.SELL, 4)
    world.fill_follower("F", world.open_orders("F")[1], 225)
    world.change(second, quantity=75)
    world.fill(first, 150)
    world.fill(second, 75)
    world.fill_everything("F")
    assert (world.leader_position(), world.net_position("F")) == (300, 300)


def test_an_exit_that_he_makes_smaller_again_is_at_once_shared_with_those_beside_it() -> None:
    """His copy lags: what is there is for the first, and nothing is left to close twice until the entry fills."""
    world = holding(Fraction(2), 3)
    more = world.place(Side.BUY, 2)
    first, *_ = (world.place(Side.SELL, 1) for _ in range(3))
    world.fill(more, 150)
    world.change(first, quantity=450)
    world.change(first, quantity=225)
    live = [order.report.quantity for order in world.open_orders("F") if order.report.side is Side.SELL]
    assert (world.net_position("F"), live) == (450, [450])


def test_claims_of_several_exits_are_together_for_no_more_than_is_there() -> None:
    """He holds 5, and orders to sell 3, 1 and 2 rest; the last two fill, and at the follower the first."""
    world = holding(Fraction(1), 5)
    _, *filled = (world.place(Side.SELL, lots) for lots in (3, 1, 2))
    for order in filled:
        world.fill(order, order.report.quantity)
    world.fill_follower("F", world.open_orders("F")[0], 225)
    live = [order.report.quantity for order in world.open_orders("F")]
    assert (world.net_position("F"), live) == (150, [75, 75])


def test_x3_what_a_target_fills_before_the_leader_is_not_sold_again_by_the_stop_beside_it() -> None:
    world = holding(Fraction(1), 4)
    target, stop = world.place(Side.SELL, 4), world.place(Side.SELL, 4)
    world.fill_follower("F", world.open_orders("F")[0], 150)
    world.fill(stop, 150)
    assert trade_of(world, stop).claim == 0, "the leader holds two lots, and so does he"
    assert wants(world) == {target.report.order_id: 300, stop.report.order_id: 150}


def test_x3_an_exit_that_has_filled_all_its_whole_lots_before_the_leader_sells_nothing_of_what_is_entered_next() -> None:
    world = holding(Fraction(1, 3), 4)
    exit_order = world.place(Side.SELL, 4)
    world.fill_everything("F")
    world.place(Side.BUY, 30)
    world.fill_everything("F")
    assert world.net_position("F") == 750
    assert wants(world)[exit_order.report.order_id] == 75, "a third of four lots is one; the leader has filled none yet"


def test_the_carry_is_what_rounding_left_over_and_at_most_a_lot() -> None:
    world = World({"F": Fraction(1, 3)})
    world.trade(Side.BUY, 1)
    assert balance_of(world.copier.state, STAKE) == 25  # type: ignore[arg-type]
    assert carry_of(world.copier.state, STAKE, 1, 75) == 25  # type: ignore[arg-type]
    assert carry_of(world.copier.state, STAKE, -1, 75) == -25  # type: ignore[arg-type]
    world.trade(Side.BUY, 1)
    world.trade(Side.BUY, 1)
    world.fill_everything("F")
    assert world.net_position("F") == 75
    assert balance_of(world.copier.state, STAKE) == 0  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(
    ratio=st.integers(1, 3),
    exits=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    kept=st.integers(0, 3),
    fills=st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(1, 6)), max_size=16),
)
def test_x3_what_exits_that_share_a_position_come_to_does_not_depend_on_who_fills_first(
    ratio: int, exits: list[int], kept: int, fills: list[tuple[bool, int, int]]
) -> None:
    world = holding(Fraction(ratio), sum(exits) + kept)
    orders = [world.place(Side.SELL, lots) for lots in exits]
    due = {order.report.order_id: order.report.quantity * ratio for order in orders}
    copies = {order.report.order_id: copy for order, copy in zip(orders, world.open_orders("F"), strict=True)}
    for leader_fills, which, lots in fills:
        order = orders[which % len(orders)]
        filled = order if leader_fills else copies[order.report.order_id]
        units = min(75 * lots, filled.report.quantity - filled.report.filled_quantity)
        if units and leader_fills:
            world.fill(order, units)
        elif units:
            world.fill_follower("F", filled, units)
        assert {**due, **wants(world)} == due
    assert all(copy.report.quantity == due[order_id] for order_id, copy in copies.items())


@settings(max_examples=60, deadline=None)
@given(script=acts(UNRULY), ratio=ratios)
def test_only_what_closes_wants_an_exit(script: list[Act], ratio: Fraction) -> None:
    world = World({"F": ratio})
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
        state = world.copier.state
        for stake_key in state.open_trades:
            for key, want in exit_wants(state, stake_key).items():
                assert closes(state.trades[key]), (key, want)
