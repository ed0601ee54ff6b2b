"""What folding the journal gives: holdings by fills, what the leader brought in, what a human did, a new day."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import DriftDeclared, Entry, OrderReported, PositionsReported, TradingState, TradingStateChanged
from dhan_copy.core.ledger import Stake
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.state import State, fold
from dhan_copy.model.account import Position
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import OrderStatus, Product, Side
from dhan_copy.model.reason import ReasonCode
from tests.core.make import START
from tests.core.world import KEY, LEADER, SECURITY, SEGMENT, World

F, G = AccountName("F"), AccountName("G")


def stake(world: World, product: Product = Product.INTRADAY) -> Stake:
    return world.copier.state.stake((LEADER, F, KEY, product))


@given(
    said=st.lists(
        st.tuples(st.sampled_from([None, F, G]), st.sampled_from(TradingState)),
        max_size=8,
    )
)
def test_the_stricter_of_what_was_said_for_all_and_for_one_holds(
    said: list[tuple[AccountName | None, TradingState]],
) -> None:
    state = State(settings=CopierSettings(leaders=(), followers=()))
    everybody, own = TradingState.ACTIVE, {F: TradingState.ACTIVE, G: TradingState.ACTIVE}
    for number, (follower, trading) in enumerate(said, start=1):
        fold(state, Entry(number, START, TradingStateChanged(follower=follower, state=trading)))
        if follower is not None:
            own[follower] = trading
        else:
            everybody = trading
            if trading is TradingState.ACTIVE:
                own = {F: TradingState.ACTIVE, G: TradingState.ACTIVE}
    strictness = [TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED]
    for follower in (F, G):
        assert state.trading_state(follower) is max(everybody, own[follower], key=strictness.index)


def test_a_report_of_an_order_that_is_not_ours_changes_nothing() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 1)
    before = (stake(world), world.copier.position)
    order = world.open_orders("F")[0]
    by_hand = evolve(order.report, order_id=BrokerOrderId("M1"), client_order_id=None, filled_quantity=75, status=OrderStatus.TRADED)
    world.feed(OrderReported(follower=F, report=by_hand, channel=world.follower_report("F", order).channel))
    assert (stake(world), world.copier.position) == before


def test_x9_what_the_leader_held_before_is_neither_owned_nor_closed() -> None:
    world = World({"F": Fraction(1)}, leader_base=300)
    world.trade(Side.SELL, 2)
    assert not world.requests()
    world.trade(Side.BUY, 1)
    world.fill_everything("F")
    assert stake(world).owned == 75
    world.trade(Side.SELL, 3)
    world.fill_everything("F")
    assert (world.leader_position(), world.net_position("F")) == (0, 0)


def test_x8_what_was_closed_by_hand_comes_off_the_ledger_after_two_equal_reads() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.manual["F"] = -150
    world.advance(1)
    world.trade(Side.SELL, 2)
    for _ in range(5):
        world.tick(2)
    manual = [f for f in world.facts(DriftDeclared) if isinstance(f, DriftDeclared) and f.reason is ReasonCode.MANUAL]
    assert len(manual) == 1
    assert (stake(world).owned, world.net_position("F")) == (0, 0)
    assert not world.open_orders("F")


def test_a_position_that_lags_the_fills_is_not_taken_for_a_hand() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.advance(1)
    flat = Position(segment=SEGMENT, security_id=SECURITY, product=Product.INTRADAY, net_quantity=0)
    world.feed(PositionsReported(account=F, read_at=world.now, positions=(flat,)))
    world.tick(2)
    world.trade(Side.SELL, 2)
    for _ in range(5):
        world.tick(2)
        world.fill_everything("F")
    assert not world.facts(DriftDeclared)
    assert world.net_position("F") == 0


@pytest.mark.parametrize(("product", "kept"), [(Product.INTRADAY, 0), (Product.MARGIN, 75), (Product.CNC, 75)])
def test_d2_what_the_broker_squares_off_is_gone_in_the_morning(product: Product, kept: int) -> None:
    world = World({"F": Fraction(1, 2)}, product=product)
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.now = datetime(2026, 11, 21, 9, 0, tzinfo=world.now.tzinfo)
    world.feed()
    assert stake(world, product).owned == kept
    assert world.copier.state.position(LEADER, KEY, product) == 2 * kept
    assert not world.copier.state.trades


def test_d1_what_a_day_leaves_open_is_declared_before_it_is_forgotten() -> None:
    world = World({"F": Fraction(1)}, product=Product.MARGIN)
    world.trade(Side.BUY, 2)
    world.now = datetime(2026, 11, 21, 9, 0, tzinfo=world.now.tzinfo)
    world.feed()
    drifts = [(f.quantity, f.reason) for f in world.facts(DriftDeclared) if isinstance(f, DriftDeclared)]
    assert drifts == [(Fraction(-150), ReasonCode.DAY_END)]
    assert stake(world, Product.MARGIN).owned == 0


def test_d1_a_book_that_still_shows_yesterday_changes_nothing() -> None:
    world = World({"F": Fraction(1)}, product=Product.MARGIN)
    order = world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.now = datetime(2026, 11, 21, 0, 0, 5, tzinfo=world.now.tzinfo)
    world.feed()
    before = world.copier.state.position(LEADER, KEY, Product.MARGIN)
    world.tell(order)
    order.report = evolve(order.report, status=OrderStatus.EXPIRED, updated_at=world.now + timedelta(seconds=1))
    world.tell(order)
    assert world.copier.state.position(LEADER, KEY, Product.MARGIN) == before == 150
    assert len(world.requests()) == 1
