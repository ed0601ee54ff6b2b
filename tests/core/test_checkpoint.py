"""A checkpoint, with those of its day before it, says all that the journal up to there has told."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core import checkpoint
from dhan_copy.core.facts import (
    CheckpointWritten,
    EngineStarted,
    FundsReported,
    RequestIssued,
    RequestRejected,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.ledger import Stake
from dhan_copy.core.settings import CopierSettings, Policy
from dhan_copy.core.fold import fold
from dhan_copy.core.state import State
from dhan_copy.errors import StoreCorrupt
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Product, Side
from dhan_copy.model.reason import ReasonCode
from tests.core.make import FOLLOWER, KEY, LEADER, START
from tests.core.trading import UNRULY, Act, act, acts, ratios
from tests.core.world import World

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "25"))
SETTINGS = CopierSettings(leaders=(), followers=())

fractions = st.fractions(-1000, 1000, max_denominator=30)
stakes = st.builds(
    Stake, long=st.integers(0, 900), short=st.integers(0, 900), ideal=fractions, uncopied=fractions, to_net_off=st.integers(0, 75),
    declared=st.lists(st.tuples(st.sampled_from(ReasonCode), fractions.filter(bool)), unique_by=lambda d: d[0], max_size=3).map(tuple),
)  # fmt: skip
products = st.sampled_from([Product.CNC, Product.MARGIN, Product.MTF])
trees = st.sampled_from([None, BrokerOrderId("L7")])
accounts = st.sampled_from([LEADER, FOLLOWER, AccountName("X")])


@st.composite
def mornings(draw: st.DrawFn) -> State:
    """What a day may begin with."""
    state = State(settings=SETTINGS, day="2026-11-20")
    state.started_at = {account: START for account in draw(st.sets(accounts))}
    state.books_read = draw(st.sets(accounts))
    state.positions_known = draw(st.sets(accounts))
    state.trading = draw(st.dictionaries(st.none() | accounts, st.sampled_from(TradingState)))
    state.live = draw(st.dictionaries(accounts, st.booleans()))
    state.stepped = timedelta(milliseconds=draw(st.integers(0, 90_000_000)))
    for account in draw(st.lists(accounts, max_size=3)):
        state.note_answer(account, START)
    state.stakes = draw(st.dictionaries(st.tuples(accounts, accounts, st.just(KEY), products, trees), stakes, max_size=3))
    state.brought_in = draw(
        st.dictionaries(st.tuples(accounts, st.just(KEY), products, trees), st.integers(-900, 900).filter(bool), max_size=3)
    )
    facts = st.builds(
        InstrumentFacts, st.sampled_from([1, 75]), st.sampled_from([None, Decimal("0.05")]),
        st.sampled_from([None, *InstrumentKind]),
    )  # fmt: skip
    state.instruments = draw(st.dictionaries(st.just(KEY), facts))
    return state


@settings(max_examples=40)
@given(mornings())
def test_what_is_written_is_read_again(state: State) -> None:
    written = checkpoint.dump(state, whole=True)
    assert known(checkpoint.load(None, written, SETTINGS)) == known(state)
    assert json.loads(written.state)["day"] == "2026-11-20", "plain JSON"


NOT_FOLDED = {
    "settings",
    "engine_started_at",
    "unsaved_answers",
    "touched",
    "suspects",
    "positions_read_at",
    "book_read_at",
    "net_positions",
}


def folded(world: World) -> State:
    """The whole journal, from its very first row."""
    state = State(settings=world.copier.settings)
    for entry in world.journal:
        fold(state, entry)
    return state


def known(state: State) -> dict[str, object]:
    values = {field.name: getattr(state, field.name) for field in fields(State) if field.name not in NOT_FOLDED}
    values["leader_orders"] = [
        (key, evolve(order, report=evolve(order.report, raw=""))) for key, order in state.leader_orders.items()
    ]
    values["trades"] = list(state.trades.items())
    values["open_trades"] = {key: list(trades) for key, trades in state.open_trades.items() if trades}
    values["stakes"] = {key: stake for key, stake in state.stakes.items() if stake != Stake()}
    return values


def live_through(world: World, script: list[Act]) -> None:
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)


@settings(max_examples=EXAMPLES)
@given(
    first=acts(UNRULY),
    second=acts(UNRULY, most=6),
    ratio=ratios,
    product=st.sampled_from([Product.MARGIN, Product.INTRADAY, Product.CNC]),
)
def test_d1_a_day_restored_from_its_checkpoint_is_as_if_everything_had_been_folded(
    first: list[Act], second: list[Act], ratio: Fraction, product: Product
) -> None:
    world = World({"F": ratio}, product=product)
    live_through(world, first)
    world.next_day()
    for script in ([], second):
        live_through(world, script)
        written = [entry.position for entry in world.journal if isinstance(entry.fact, CheckpointWritten)]
        copier = world.fresh()
        copier.restore(world.journal[written[-1] - 1 :])
        assert copier.position == len(world.journal)
        copier.step(world.moment(), [EngineStarted(version="test", epoch=2)])
        assert known(copier.state) == known(world.copier.state) == known(folded(world))


@settings(max_examples=EXAMPLES)
@given(script=acts(UNRULY), ratio=ratios, every=st.integers(1, 40))
def test_a_day_restored_from_its_checkpoints_is_as_if_everything_had_been_folded(
    script: list[Act], ratio: Fraction, every: int
) -> None:
    world = World({"F": ratio}, policy=Policy(checkpoint_after=every))
    for do in script:
        live_through(world, [do])
        checkpoints = [entry for entry in world.journal if isinstance(entry.fact, CheckpointWritten)]
        after = checkpoints[-1].position if checkpoints else 0
        copier = world.fresh()
        copier.restore([*checkpoints, *world.journal[after:]])
        assert copier.position == len(world.journal)
        assert known(copier.state) == known(folded(world))
        assert not checkpoints or len(world.journal) - after <= 4 * (every + 2) + 60


def test_a_restart_from_a_checkpoint_looks_at_the_copies_in_the_same_order() -> None:
    """What is asked first under a tight budget depends on it. One follower had nothing open at the checkpoint."""
    world = World({"F": Fraction(1), "G": Fraction(1)})
    world.trade(Side.BUY, 1)
    world.fill_everything("F")
    state = checkpoint.load(None, checkpoint.dump(folded(world), whole=True), world.copier.settings)
    before = len(world.journal)
    world.place(Side.BUY, 1)
    for entry in world.journal[before:]:
        fold(state, entry)
    assert [key[2] for key in state.open_keys()] == ["F", "G", "G"]
    assert state.open_keys() == world.copier.state.open_keys()


def test_a_checkpoint_names_the_orders_that_it_holds() -> None:
    state = State(settings=SETTINGS, day="2026-11-20")
    written = checkpoint.dump(state, whole=True)
    with pytest.raises(StoreCorrupt, match="does not hold the orders"):
        checkpoint.load(None, evolve(written, trades=("{}",)), SETTINGS)


def test_checkpoints_wait_for_a_moment_without_requests() -> None:
    """They take milliseconds that an order should not wait for."""
    world = World({"F": Fraction(1)}, policy=Policy(checkpoint_after=5))
    for entry in world.journal:
        if isinstance(entry.fact, CheckpointWritten):
            before = world.journal[entry.position - 2].fact
            assert not isinstance(before, RequestIssued)


def test_d1_a_checkpoint_is_written_when_a_day_follows_another() -> None:
    world = World({"F": Fraction(1)})
    assert not world.facts(CheckpointWritten)
    world.next_day()
    assert len(world.facts(CheckpointWritten)) == 1
    world.tick(60)
    assert len(world.facts(CheckpointWritten)) == 1


def test_what_was_read_yesterday_is_read_again() -> None:
    """Funds and refusals of yesterday are neither remembered by a running engine nor by one that restarts."""
    world = World({"F": Fraction(1)})
    rupees = Funds(available=Decimal(5), total=Decimal(5))
    world.feed(FundsReported(account=FOLLOWER, read_at=world.now, funds=rupees))
    world.feed(TradingStateChanged(follower=FOLLOWER, state=TradingState.REDUCING))
    world.next_day()
    assert known(world.copier.state) == known(folded(world))
    assert world.copier.state.funds == {}
    assert world.copier.state.trading_state(FOLLOWER) is TradingState.REDUCING
    world.feed(FundsReported(account=FOLLOWER, read_at=world.now, funds=rupees))
    assert folded(world).funds == {FOLLOWER: rupees}
    assert not world.facts(RequestRejected)
