"""What folding the journal gives: holdings by fills, what the leader brought in, what a human did, a new day."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    DriftDeclared,
    Entry,
    Fact,
    FundsReported,
    GapDetected,
    LeaderReported,
    Moment,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    PositionsReported,
    ReadFailed,
    ReportUnreadable,
    RequestAccepted,
    RequestRejected,
    RequestWithheld,
    SourceStarted,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.ledger import Stake
from dhan_copy.core.requests import Cancel, Query, ReadOrders, ReadPositions
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules, RateLimits
from dhan_copy.core.fold import fold
from dhan_copy.core.state import State
from dhan_copy.model.account import Position
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Market, OrderStatus, Product, Side
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.size import Ratio
from dhan_copy.testing.strategies import facts
from tests.core.bench import Bench
from tests.core.make import START, TAG, after, leader_reported, report
from tests.core.slow_world import SlowWorld
from tests.core.trading import declared
from tests.core.world import KEY, LEADER, SECURITY, SEGMENT, World

F, G = AccountName("F"), AccountName("G")


def stake(world: World, product: Product = Product.INTRADAY) -> Stake:
    return world.copier.state.stake((LEADER, F, KEY, product, None))


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
    strictness = [TradingState.ACTIVE, TradingState.REDUCING, TradingState.CLOSING, TradingState.HALTED]
    for follower in (F, G):
        assert state.trading_state(follower) is max(everybody, own[follower], key=strictness.index)


def test_a_report_of_an_order_that_is_not_ours_changes_nothing() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 1)
    before = (stake(world), world.copier.position)
    order = world.open_orders("F")[0]
    by_hand = evolve(
        order.report, order_id=BrokerOrderId("M1"), client_order_id=None, filled_quantity=75, status=OrderStatus.TRADED
    )
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


def test_x8_what_was_closed_by_hand_comes_off_the_ledger_once_nothing_else_explains_it() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.manual["F"] = -150
    world.advance(1)
    world.trade(Side.SELL, 2)
    for _ in range(15):
        world.tick(10)
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
    assert world.copier.state.position((LEADER, KEY, product, None)) == 2 * kept
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
    before = world.copier.state.position((LEADER, KEY, Product.MARGIN, None))
    world.tell(order)
    order.report = evolve(order.report, status=OrderStatus.EXPIRED, updated_at=world.now + timedelta(seconds=1))
    world.tell(order)
    assert world.copier.state.position((LEADER, KEY, Product.MARGIN, None)) == before == 150
    assert len(world.requests()) == 1


# Facts that nobody asked for are folded or left, and never refused


def test_an_answer_about_an_order_that_nobody_knows_changes_nothing() -> None:
    state = State(settings=CopierSettings(leaders=(), followers=()))
    about = {"follower": F, "client_order_id": TAG, "attempt": 1}
    facts: list[Fact] = [
        RequestAccepted(**about, broker_order_id=BrokerOrderId("9")),  # type: ignore[arg-type]
        OutcomeUnresolved(**about, problem="timed out"),  # type: ignore[arg-type]
        OrderNotFound(follower=F, client_order_id=TAG, read_at=START),
        OrderReported(follower=F, report=report(client_order_id=TAG), channel=Channel.BOOK, read_at=START),
    ]
    for number, fact in enumerate(facts, start=1):
        fold(state, Entry(number, START, fact))
    empty = State(settings=state.settings)
    assert {name: getattr(state, name) for name in FIELDS} == {name: getattr(empty, name) for name in FIELDS}


FIELDS = ("trades", "stakes", "by_tag", "by_broker_id", "unresolved", "leader_orders", "answered_at")


outside = facts(
    LeaderReported, OrderReported, BookRead, OrderNotFound, PositionsReported, FundsReported, GapDetected, ReadFailed,
    ReportUnreadable, RequestAccepted, RequestRejected, OutcomeUnresolved, RequestWithheld, TradingStateChanged, SourceStarted,
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(outside, max_size=6))
def test_nothing_that_comes_from_outside_is_refused(told: list[Fact]) -> None:
    """Whatever a broker may say of whomever, and however little sense it makes."""
    world = World({"F": Fraction(1)})
    for fact in told:
        for name in ("leader", "follower", "account"):
            if hasattr(fact, name) and getattr(fact, name) is not None:
                account = AccountName("F") if name == "follower" else LEADER
                fact = evolve(fact, **{name: account})  # type: ignore[arg-type]
        world.advance(1)
        world.copier.step(world.moment(), [fact])


def test_a_lot_is_learnt_once_and_its_tick_may_follow() -> None:
    state = State(settings=CopierSettings(leaders=(), followers=()))
    without = InstrumentFacts(75)
    complete = InstrumentFacts(75, Decimal("0.05"))
    for number, known in enumerate([without, complete, without], start=1):
        told = report(instrument=known, updated_at=after(number))
        fold(state, Entry(number, START, leader_reported(told)))
    assert state.instruments == {KEY: complete}


# The leader's position


def test_an_instrument_that_is_not_listed_is_flat() -> None:
    """He sold what he had brought in before his position was read for the first time."""
    bench = Bench(leader_holds=None)
    sold = report(side=Side.SELL, quantity=75, filled_quantity=75, status=OrderStatus.TRADED, updated_at=after(1))
    bench.tell(sold)
    bench.wait(1)
    bench.step(PositionsReported(account=LEADER, read_at=bench.now, positions=()))
    assert bench.copier.state.position((LEADER, KEY, Product.INTRADAY, None)) == 0


def test_d1_after_a_night_off_his_position_is_read_again() -> None:
    bench = Bench(leader_holds=150)
    bench.wait(86400)
    bench.restart()
    assert not bench.copier.state.knows_position(LEADER)
    running = Bench(leader_holds=150)
    running.wait(86400)
    running.step()
    assert running.copier.state.knows_position(LEADER)


# Late evidence


def test_f32_a_fill_after_a_copy_was_settled_opens_its_books_again() -> None:
    """The broker took it after the placement had been proven absent, and it fills."""
    world = SlowWorld({"F": Fraction(1)})
    world.heal()
    world.trade(Side.BUY, 2)
    world.deliver(0, "late")
    for _ in range(6):
        world.advance(31)
        world.feed()
        world.heal_reads()
    assert not world.copier.state.unresolved
    assert declared(world) == -150, "the entry was given up"
    world.arrive(0)
    world.told_at_once = True
    world.sweep()
    world.fill_everything("F")
    assert "LATE_EVIDENCE" in [f.code for f in world.facts(AlertRaised) if isinstance(f, AlertRaised)]
    assert world.net_position("F") == stake(world).owned == 150
    assert declared(world) == 0
    world.trade(Side.SELL, 2)
    world.tick(2)
    world.fill_everything("F")
    assert world.net_position("F") == 0


def test_x8_an_exit_that_had_filled_after_all_is_not_booked_twice() -> None:
    """The position was already gone when it was read, because our own exit had filled: its report comes late, and while
    a request of ours is under way nobody else is blamed."""
    world = SlowWorld({"F": Fraction(1)})
    world.heal()
    world.trade(Side.BUY, 2)
    world.heal()
    world.told_at_once = True
    world.fill_everything("F")
    world.tick(2)
    world.told_at_once = False
    world.trade(Side.SELL, 2)
    for _ in range(4):
        world.advance(2)
        world.feed()
        world.heal()
    order = world.open_orders("F")[0]
    order.report = evolve(order.report, filled_quantity=150, status=OrderStatus.TRADED, updated_at=world.now)
    for _ in range(3):
        world.advance(50)
        held = Position(segment=SEGMENT, security_id=SECURITY, product=Product.INTRADAY, net_quantity=0)
        world.feed(BookRead(account=F, read_at=world.now))
        world.advance(1)
        world.feed(PositionsReported(account=F, read_at=world.now, positions=(held,)))
    assert (stake(world).owned, stake(world).manual) == (150, 0)
    world.feed(world.follower_report("F", order))
    assert (stake(world).owned, stake(world).manual) == (0, 0)


def test_x7_an_entry_that_filled_before_its_cancel_arrived_is_closed_by_the_exit_that_overtook_it() -> None:
    world = SlowWorld({"F": Fraction(1)})
    world.heal()
    world.trade(Side.BUY, 2)
    world.heal()
    world.trade(Side.SELL, 2)
    assert [type(command) for command in world.pending if not isinstance(command, (Query, ReadOrders, ReadPositions))] == [
        Cancel
    ]
    world.advance(1)
    world.fill_follower("F", world.open_orders("F")[0], 150)
    world.heal()
    world.told_at_once = True
    world.tick(2)
    world.fill_everything("F")
    assert (world.net_position("F"), stake(world).owned, declared(world)) == (0, 0, 0)


@pytest.mark.parametrize("ahead_lots", [0, 1, 6, 7])
def test_an_exit_that_fills_ahead_of_the_leaders_closes_everything_with_him(ahead_lots: int) -> None:
    world = World({"F": Fraction(7, 5)})
    world.trade(Side.BUY, 5)
    world.fill_everything("F")
    exit_order = world.place(Side.SELL, 5, terms=Market())
    world.tick(2)
    world.fill_follower("F", world.open_orders("F")[0], ahead_lots * world.lot)
    world.fill(exit_order, 5 * world.lot)
    world.fill_everything("F")
    assert (world.net_position("F"), declared(world)) == (0, 0)


# Several leaders of one follower


def test_each_leaders_holding_is_its_own() -> None:
    """One is long and the other short: what was closed by hand comes off the side that the account still showed."""
    m = AccountName("M")
    followers = (
        FollowerRules(name=F, sizer=Ratio(1), live=True),
        FollowerRules(name=G, sizer=Ratio(1), live=True, leaders=frozenset({m})),
    )
    copier = Copier(CopierSettings(leaders=(LeaderRules(name=LEADER), LeaderRules(name=m)), followers=followers))
    assert list(copier.state.followers_of(LEADER)) == [F]
    assert list(copier.state.followers_of(m)) == [F, G]
    at = (LEADER, F, KEY, Product.INTRADAY, None), (m, F, KEY, Product.INTRADAY, None)
    copier.state.stakes = {at[0]: Stake(long=150, ideal=Fraction(150)), at[1]: Stake(short=75, ideal=Fraction(-75))}
    for seconds in range(1, 6):
        flat = PositionsReported(account=F, read_at=after(60 * seconds), positions=())
        book = BookRead(account=F, read_at=after(60 * seconds + 1))
        copier.step(Moment(after(60 * seconds + 1), 60 * seconds + 1), [flat, book])
    assert (copier.state.stake(at[0]).owned, copier.state.stake(at[1]).owned) == (75, -75)
    assert copier.state.stake(at[0]).manual == 75


def test_f46_what_the_broker_still_counts_in_the_hour_outlives_midnight() -> None:
    world = World({"F": Fraction(1)}, product=Product.MARGIN, limits=RateLimits())
    counts = []
    for day, hour, minute in ((20, 22, 30), (20, 23, 50)):
        world.now = datetime(2026, 11, day, hour, minute, tzinfo=world.now.tzinfo)
        world.trade(Side.BUY, 1)
        world.tick(2)
        counts.append(len(world.copier.state.answered_at[F]))
    world.now = datetime(2026, 11, 21, 0, 10, tzinfo=world.now.tzinfo)
    world.feed()
    assert world.copier.state.day == "2026-11-21"
    assert len(world.copier.state.answered_at[F]) == counts[1] - counts[0] > 0
    world.now = datetime(2026, 11, 22, 9, 0, tzinfo=world.now.tzinfo)
    world.feed()
    assert not world.copier.state.answered_at
