"""What each follower order should total: entries by the leader's order, exits by what his fills oblige to."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings

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


def test_an_entry_wants_its_share_while_the_leader_lives_and_its_fills_once_he_cancelled() -> None:
    world = World({"F": Fraction(1, 2)})
    order = world.place(Side.BUY, 4)
    assert entry_want(world.copier.state, trade_of(world, order)) == 150
    world.fill_follower("F", world.open_orders("F")[0], 75)
    world.cancel(order)
    assert entry_want(world.copier.state, trade_of(world, order)) == 75


def test_x11_a_target_and_a_stop_may_each_cover_everything() -> None:
    world = World({"F": Fraction(1, 2)})
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    target, stop = world.place(Side.SELL, 4), world.place(Side.SELL, 4)
    assert wants(world) == {target.report.order_id: 150, stop.report.order_id: 150}


def test_two_exits_that_share_the_position_share_what_is_owned() -> None:
    world = World({"F": Fraction(1, 2)})
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    first, second = world.place(Side.SELL, 2), world.place(Side.SELL, 2)
    assert wants(world) == {first.report.order_id: 75, second.report.order_id: 75}


def test_once_the_target_filled_at_the_leader_the_stop_covers_what_is_still_owned() -> None:
    world = World({"F": Fraction(1, 2)})
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
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


def test_an_exit_wants_no_more_than_is_owned() -> None:
    world = World({"F": Fraction(1, 2)})
    world.trade(Side.BUY, 4)
    world.fill_follower("F", world.open_orders("F")[0], 75)
    exit_order = world.place(Side.SELL, 4)
    assert wants(world) == {exit_order.report.order_id: 75}


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
