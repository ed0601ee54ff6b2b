"""A copy that can do no more is settled once, and what stays different is declared with its reason."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from dhan_copy.core.facts import AlertRaised, Channel, DriftDeclared, Refusal, TradeSettled
from dhan_copy.core.ledger import Stake
from dhan_copy.core.settings import Policy
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Limit, OrderStatus, Product, Side
from dhan_copy.model.reason import ReasonCode
from tests.core.world import KEY, LEADER, World


def declared(world: World) -> list[tuple[Fraction, ReasonCode]]:
    return [(f.quantity, f.reason) for f in world.facts(DriftDeclared) if isinstance(f, DriftDeclared)]


def test_a_copy_that_filled_in_full_is_settled_without_a_difference() -> None:
    world = World({"F": Fraction(1, 2)})
    world.trade(Side.BUY, 4)
    assert not world.facts(TradeSettled)
    world.fill_everything("F")
    assert len(world.facts(TradeSettled)) == 1
    assert declared(world) == []


def test_a_rejected_entry_is_declared_once_even_over_restarts() -> None:
    world = World({"F": Fraction(1, 2)})
    world.refuse["F"] = [(Refusal.FUNDS, True)]
    world.trade(Side.BUY, 4)
    expected = [(Fraction(-150), ReasonCode.REJECTED)]
    assert declared(world) == expected
    world.restart()
    world.restart()
    assert declared(world) == expected
    assert len(world.facts(TradeSettled)) == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(OrderStatus.CANCELLED, ReasonCode.HUMAN_CANCELLED), (OrderStatus.REJECTED, ReasonCode.REJECTED)]
)
def test_how_the_copy_ended_is_the_reason(status: OrderStatus, reason: ReasonCode) -> None:
    world = World({"F": Fraction(1, 2)})
    world.trade(Side.BUY, 4)
    world.end_follower("F", world.open_orders("F")[0], status)
    assert declared(world) == [(Fraction(-150), reason)]


def test_c2_what_a_cancelled_leader_had_filled_more_is_declared() -> None:
    world = World({"F": Fraction(1, 2)}, lot=1)
    order = world.place(Side.BUY, 100)
    world.fill(order, 30)
    world.fill_follower("F", world.open_orders("F")[0], 10)
    world.cancel(order)
    assert declared(world) == [(Fraction(-5), ReasonCode.UNFILLED)]


def test_c7_an_exit_cancelled_by_hand_stays_owned_and_is_declared() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.trade(Side.SELL, 2)
    world.end_follower("F", world.open_orders("F")[0], OrderStatus.CANCELLED)
    assert declared(world) == [(Fraction(150), ReasonCode.HUMAN_CANCELLED)]
    assert world.net_position("F") == 150
    assert not world.open_orders("F")


def test_a_position_that_outlives_the_leaders_is_told_once() -> None:
    world = World({"F": Fraction(1)})
    world.refuse["F"] = [(Refusal.FUNDS, True)]
    world.trade(Side.BUY, 1)
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    assert "LEFT_OVER" not in alerts(world), "he is in it, too"
    world.trade(Side.SELL, 3)
    world.end_follower("F", world.open_orders("F")[0], OrderStatus.CANCELLED)
    for _ in range(3):
        world.tick(31)
    assert world.net_position("F") == 150
    assert alerts(world).count("LEFT_OVER") == 1


def alerts(world: World) -> list[str]:
    return [fact.code for fact in world.facts(AlertRaised) if isinstance(fact, AlertRaised)]


def test_what_rounding_left_over_is_declared_only_when_no_next_order_can_make_it_up() -> None:
    world = World({"F": Fraction(1, 2)})
    order = world.place(Side.BUY, 2)
    world.fill_follower("F", world.open_orders("F")[0], 75)
    world.cancel(order)
    assert declared(world) == [(Fraction(75), ReasonCode.ORDER_TERMINAL)]


@pytest.mark.parametrize(("short", "quantity"), [(2, 1), (20, Fraction(7))])
def test_what_late_news_scales_away_is_declared_again(short: int, quantity: Fraction) -> None:
    """A book shows after minutes what he bought before he sold: until then he seems short of what nobody can be short of,
    and what the follower holds beside that was declared against it."""
    held = 1 if short == 2 else 70
    world = World({"F": Fraction(1, 2)}, lot=1, product=Product.CNC, leader_base=-short)
    order = world.place(Side.BUY, 2, tell=False)
    order.report = evolve(order.report, status=OrderStatus.TRADED, filled_quantity=2)
    stake = Stake(long=held, ideal=Fraction(held), declared=((ReasonCode.ORDER_TERMINAL, Fraction(held)),))
    world.copier.state.stakes[LEADER, AccountName("F"), KEY, Product.CNC, None] = stake
    world.manual["F"] = held
    world.advance(120)
    world.tell(order, Channel.BOOK)
    assert declared(world) == [(quantity, ReasonCode.STALE)]
    world.tell(order, Channel.BOOK)
    world.tick()
    assert len(declared(world)) == 1


def test_an_exit_that_has_used_its_requests_up_leaves_the_rest_to_the_next_exit() -> None:
    """What it may send no more is declared, and no part of the position is kept for it: a full exit closes all."""
    world = World({"F": Fraction(1)}, policy=Policy(requests_per_trade=1))
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    part = world.place(Side.SELL, 2)
    world.change(part, terms=Limit(Decimal(101)))
    world.change(part, quantity=3 * 75)
    assert "REQUEST_BUDGET" in {f.code for f in world.facts(AlertRaised) if isinstance(f, AlertRaised)}
    world.fill_everything("F")
    world.fill(part, 3 * 75)
    assert (world.leader_position(), world.net_position("F")) == (75, 2 * 75)
    assert declared(world) == [(Fraction(75), ReasonCode.ORDER_TERMINAL)]
    world.trade(Side.SELL, 1)
    world.fill_everything("F")
    assert (world.leader_position(), world.net_position("F")) == (0, 0)
