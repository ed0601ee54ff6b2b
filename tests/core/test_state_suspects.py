"""A position that shows less than the ledger is closed by hand only when nothing of ours explains it."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from attrs import evolve

from dhan_copy.core.facts import BookRead, DriftDeclared, Entry, PositionsReported
from dhan_copy.core.ledger import Stake
from dhan_copy.core.requests import ReadOrders, ReadPositions
from dhan_copy.core.fold import fold
from dhan_copy.model.account import Position
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderStatus, Product, Side
from tests.core.world import KEY, START, TrueOrder, World

F = AccountName("F")


def resting_exit() -> tuple[World, TrueOrder]:
    """A follower with four lots, and the exit of all of them resting."""
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    world.tick(2)
    world.place(Side.SELL, 4)
    world.tick(2)
    (exit_order,) = world.open_orders("F")
    return world, exit_order


def fill_untold(world: World, order: TrueOrder, units: int) -> None:
    filled = order.report.filled_quantity + units
    order.report = evolve(order.report, filled_quantity=filled, status=OrderStatus.PART_TRADED, updated_at=world.now)


def stake_of(world: World) -> Stake:
    (stake,) = world.copier.state.stakes.values()
    return stake


def read(world: World, what: ReadPositions | ReadOrders) -> None:
    world.advance(1)
    world.feed(*world.answer(what))


def test_f38_two_fills_that_the_positions_show_first_are_not_taken_for_one_closed_by_hand() -> None:
    world, exit_order = resting_exit()
    for _ in range(3):
        fill_untold(world, exit_order, world.lot)
        read(world, ReadPositions(account=F))
        read(world, ReadOrders(account=F))
    assert world.facts(DriftDeclared) == []
    world.fill_follower("F", exit_order, exit_order.report.quantity - exit_order.report.filled_quantity)
    assert world.net_position("F") == 0


def test_f41_what_is_gone_in_two_reads_with_the_book_between_is_not_sold_and_booked_when_it_lasts() -> None:
    """Books lag by half a minute and requests by one: longer than that, only a hand explains it."""
    world, exit_order = resting_exit()
    world.manual["F"] = -world.lot
    read(world, ReadPositions(account=F))
    read(world, ReadOrders(account=F))
    read(world, ReadPositions(account=F))
    assert (exit_order.report.quantity, world.facts(DriftDeclared)) == (3 * world.lot, [])
    for _ in range(10):
        world.advance(9)
        read(world, ReadOrders(account=F))
        read(world, ReadPositions(account=F))
    assert [drift.quantity for drift in world.facts(DriftDeclared) if isinstance(drift, DriftDeclared)] == [-world.lot]
    assert exit_order.report.quantity == 3 * world.lot


def test_f41_a_position_that_was_only_told_late_is_sold_once_it_shows() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    world.manual["F"] = -world.lot
    world.advance(1)
    world.place(Side.SELL, 4)
    for _ in range(4):
        world.tick(3)
    (exit_order,) = world.open_orders("F")
    assert exit_order.report.quantity == 3 * world.lot
    world.manual["F"] = 0
    for _ in range(4):
        world.tick(30)
    assert exit_order.report.quantity == 4 * world.lot
    assert world.facts(DriftDeclared) == []


def test_x10_an_order_that_crosses_zero_opens_nothing_while_it_is_unknown_who_closed_what_it_crosses() -> None:
    """The entry part would be taken for the close of what somebody had closed already."""
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.manual["F"] = -2 * world.lot
    world.advance(1)
    world.trade(Side.SELL, 3)
    for _ in range(30):
        world.tick(10)
        world.fill_everything("F")
    ours = world.net_position("F") - world.manual["F"]
    assert stake_of(world).owned == ours - 2 * world.lot
    assert stake_of(world).manual == 2 * world.lot


def test_x8_longs_that_are_gone_are_not_sold_although_shorts_hide_it_in_the_net() -> None:
    """An entry of the other side fills while the exit waits: net of both the account seems to have all there is."""
    copier = World({"F": Fraction(1)}).copier
    leader, follower = AccountName("L"), AccountName("F")
    at = (leader, follower, KEY, Product.INTRADAY, None)
    copier.state.stakes = {at: Stake(long=150, short=150, ideal=Fraction(0))}
    state = copier.state
    for seconds in (1, 2, 3):
        now = START + timedelta(seconds=20 * seconds)
        short = Position(segment=KEY.segment, security_id=KEY.security_id, product=Product.INTRADAY, net_quantity=-150)
        state.book_read_at[follower] = now - timedelta(seconds=1)
        fold(state, Entry(100 + seconds, now, PositionsReported(account=follower, read_at=now, positions=(short,))))
    assert state.missing(at) == 150
    over = Position(segment=KEY.segment, security_id=KEY.security_id, product=Product.INTRADAY, net_quantity=150)
    fold(state, Entry(104, now, PositionsReported(account=follower, read_at=now, positions=(over,))))
    assert state.suspects[at[1:4]].side == -1


def test_f26_one_book_that_lacks_a_row_does_not_prove_a_hand() -> None:
    """Our exit has filled; nobody told, and the first book after the absence window is cut short."""
    world, exit_order = resting_exit()
    fill_untold(world, exit_order, world.lot)
    read(world, ReadPositions(account=F))
    world.feed(BookRead(account=F, read_at=world.now, tags=()))
    world.advance(200)
    read(world, ReadPositions(account=F))
    world.advance(1)
    world.feed(BookRead(account=F, read_at=world.now, tags=()))
    read(world, ReadPositions(account=F))
    assert world.facts(DriftDeclared) == []
    read(world, ReadOrders(account=F))
    read(world, ReadPositions(account=F))
    assert world.facts(DriftDeclared) == [] and stake_of(world).owned == 3 * world.lot
