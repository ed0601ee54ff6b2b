"""The terms of a difference add up to it: target and actual are reckoned from the brokers' books alone."""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core.drift import TERM_OF, Drift, Term, drifts
from dhan_copy.core.facts import CopyMode, TradingState, TradingStateChanged
from dhan_copy.core.sizers import FixedLots, SameQuantity
from dhan_copy.model.order import Limit, OrderStatus, Side
from dhan_copy.model.reason import ReasonCode
from tests.core.linked_world import wait
from tests.core.trading import UNRULY, Act, act, acts, come_to_rest, lots, ratios, uncopied
from tests.core.world import World

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "300"))
LOT = 75
HALF = Fraction(1, 2)
How = tuple[CopyMode, bool]
ways = st.sampled_from([(CopyMode.ORDER, False), (CopyMode.EXECUTION, False), (CopyMode.EXECUTION, True)])


def rows(world: World) -> list[Drift]:
    return list(drifts(world.copier.state))


def of(world: World, term: Term) -> Fraction:
    return sum((row.of(term) for row in rows(world)), Fraction(0))


def check(world: World, ratio: Fraction) -> None:
    turn = -1 if world.reverse else 1
    target, actual = ratio * world.leader_position() * turn, world.net_position("F")
    assert sum((row.target for row in rows(world)), Fraction(0)) == target
    assert sum(row.owned for row in rows(world)) == actual
    assert sum((units for row in rows(world) for _, units in row.terms), Fraction(0)) == target - actual
    for row in rows(world):
        named = sum((units for _, units in row.causes), Fraction(0))
        by_reason = (Term.DECLINED, Term.CAPPED, Term.REJECTED, Term.MANUAL, Term.ENDED, Term.CLOSED)
        assert named == sum((row.of(term) for term in by_reason), Fraction(0)), "each has its reason"


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    script=acts((*UNRULY, "halt", "resume")), ratio=ratios, lot=lots, how=ways,
    most=st.sampled_from([None, None, 1, 3]),
)  # fmt: skip
def test_the_terms_add_up_to_target_minus_actual_at_every_moment(
    script: list[Act], ratio: Fraction, lot: int, how: How, most: int | None
) -> None:
    world = World({"F": ratio}, lot=lot, mode=how[0], reverse=how[1], max_lots=most)
    for what, buy, count, which in script:
        world.advance(1)
        if what in ("halt", "resume"):
            said = TradingState.REDUCING if what == "halt" else TradingState.ACTIVE
            world.feed(TradingStateChanged(follower=None, state=said))
        act(world, what, Side.BUY if buy else Side.SELL, count, which, False)
        check(world, ratio)
    come_to_rest(world, False)
    check(world, ratio)
    assert abs(of(world, Term.ROUNDING)) <= lot, "at rest"
    assert of(world, Term.PENDING) == of(world, Term.AHEAD) == 0
    if not uncopied(world):
        assert of(world, Term.OTHER) == 0


def test_what_does_not_make_a_lot_is_rounding() -> None:
    bench = World({"F": HALF})
    bench.trade(Side.BUY, 3)
    bench.fill_everything("F")
    [row] = rows(bench)
    assert (row.target, row.owned, row.terms) == (Fraction(225, 2), LOT, ((Term.ROUNDING, Fraction(75, 2)),))


def test_what_works_at_the_broker_is_pending_and_what_filled_early_is_ahead() -> None:
    bench = World({"F": HALF})
    order = bench.place(Side.BUY, 4, terms=Limit(Decimal(90)))
    bench.fill_follower("F", bench.open_orders("F")[0], LOT)
    assert dict(rows(bench)[0].terms) == {Term.AHEAD: -LOT}
    bench.fill(order, 4 * LOT)
    assert dict(rows(bench)[0].terms) == {Term.PENDING: LOT}
    bench.fill_everything("F")
    assert rows(bench)[0].terms == ()


def test_an_exit_that_filled_before_the_leaders_is_ahead() -> None:
    bench = World({"F": HALF})
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    bench.place(Side.SELL, 4, terms=Limit(Decimal(110)))
    bench.fill_everything("F")
    assert dict(rows(bench)[0].terms) == {Term.AHEAD: 2 * LOT}


def test_an_exit_that_is_due_is_pending() -> None:
    bench = World({"F": HALF})
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    bench.trade(Side.SELL, 4)
    [row] = rows(bench)
    assert (row.target, row.terms) == (0, ((Term.PENDING, Fraction(-2 * LOT)),))


@pytest.mark.parametrize("crossing", [False, True])
def test_what_was_declined_counts_at_the_size_with_its_reason(crossing: bool) -> None:
    bench = World({"F": HALF})
    if crossing:
        bench.trade(Side.SELL, 2)
        bench.fill_everything("F")
    bench.feed(TradingStateChanged(follower=None, state=TradingState.REDUCING))
    bench.trade(Side.BUY, 6 if crossing else 4)
    bench.fill_everything("F")
    [row] = rows(bench)
    assert (row.target, row.owned, dict(row.terms)) == (2 * LOT, 0, {Term.DECLINED: 2 * LOT})
    assert dict(row.causes) == {ReasonCode.NOT_ACTIVE: 2 * LOT}
    bench.trade(Side.SELL, 2)
    assert dict(rows(bench)[0].causes) == {ReasonCode.NOT_ACTIVE: LOT}, "the leader has closed half of it"


def test_what_a_cap_cut_off_is_capped() -> None:
    bench = World({"F": HALF}, max_lots=2)
    bench.trade(Side.BUY, 10)
    bench.fill_everything("F")
    assert (rows(bench)[0].target, dict(rows(bench)[0].terms)) == (5 * LOT, {Term.CAPPED: 3 * LOT})
    bench.trade(Side.SELL, 5)
    bench.fill_everything("F")
    [row] = rows(bench)
    assert (row.target, row.owned) == (Fraction(5 * LOT, 2), LOT)
    assert dict(row.terms) == {Term.CAPPED: Fraction(3 * LOT, 2)}


def test_what_a_cap_cut_off_of_an_order_that_grew_is_capped_and_no_later_order_makes_up_for_it() -> None:
    bench = World({"F": HALF}, max_lots=2)
    order = bench.place(Side.BUY, 4, terms=Limit(Decimal(90)))
    bench.change(order, quantity=10 * LOT)
    bench.place(Side.BUY, 2, terms=Limit(Decimal(90)))
    assert [one.report.quantity for one in bench.open_orders("F")] == [2 * LOT, LOT]
    for order in list(bench.leader.values()):
        bench.fill(order, order.report.quantity)
    for settled in (False, True):
        if settled:
            bench.fill_everything("F")
        [row] = rows(bench)
        assert (row.target, row.of(Term.CAPPED), dict(row.causes)) == (6 * LOT, 3 * LOT, {ReasonCode.CAPPED: 3 * LOT})
    assert (row.owned, dict(row.terms)) == (3 * LOT, {Term.CAPPED: 3 * LOT})
    bench.trade(Side.SELL, 6)
    bench.fill_everything("F")
    [row] = rows(bench)
    assert (row.target, row.owned) == (3 * LOT, LOT)
    assert dict(row.terms) == {Term.CAPPED: Fraction(3 * LOT, 2), Term.ROUNDING: Fraction(LOT, 2)}


@pytest.mark.parametrize(
    ("status", "term", "reason"),
    [
        (OrderStatus.REJECTED, Term.REJECTED, ReasonCode.REJECTED),
        (OrderStatus.CANCELLED, Term.MANUAL, ReasonCode.HUMAN_CANCELLED),
        (OrderStatus.EXPIRED, Term.ENDED, ReasonCode.DAY_END),
    ],
)
@pytest.mark.parametrize("settled", [False, True])
def test_what_a_broker_or_a_hand_took_away_is_named(status: OrderStatus, term: Term, reason: ReasonCode, settled: bool) -> None:
    bench = World({"F": HALF})
    order = bench.place(Side.BUY, 4)
    bench.end_follower("F", bench.open_orders("F")[0], status)
    bench.fill(order, 2 * LOT)
    if settled:
        bench.cancel(order)
    [row] = rows(bench)
    assert (row.target, row.owned, dict(row.terms), dict(row.causes)) == (LOT, 0, {term: LOT}, {reason: LOT})


def test_another_sizer_than_a_ratio_does_not_say_what_was_missed() -> None:
    bench = World({"F": HALF}, sizers={"F": FixedLots(1)})
    bench.feed(TradingStateChanged(follower=None, state=TradingState.REDUCING))
    bench.trade(Side.BUY, 4)
    [row] = rows(bench)
    assert (row.target, row.terms, row.unsized) == (0, (), ((ReasonCode.NOT_ACTIVE, 4 * LOT),))
    same = World({"F": HALF}, sizers={"F": SameQuantity()})
    same.feed(TradingStateChanged(follower=None, state=TradingState.REDUCING))
    same.trade(Side.BUY, 4)
    assert (rows(same)[0].target, rows(same)[0].unsized) == (4 * LOT, ())


def test_what_is_not_held_at_all_is_on_the_side_that_the_follower_takes() -> None:
    bench = World({"F": HALF}, mode=CopyMode.EXECUTION, reverse=True)
    bench.feed(TradingStateChanged(follower=None, state=TradingState.REDUCING))
    bench.trade(Side.BUY, 4)
    assert rows(bench)[0].target == -2 * LOT


def test_what_the_user_closed_is_closed_and_the_next_restart_says_the_same() -> None:
    bench = World({"F": HALF})
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    bench.feed(TradingStateChanged(follower=None, state=TradingState.CLOSING))
    bench.fill_everything("F")
    wait(bench, 20)
    before = rows(bench)
    assert dict(before[0].terms) == {Term.CLOSED: 2 * LOT} and dict(before[0].causes) == {ReasonCode.FLATTENED: 2 * LOT}
    bench.restart()
    assert rows(bench) == before


def test_every_reason_belongs_to_one_term() -> None:
    assert set(TERM_OF.values()) < set(Term) and ReasonCode.COPIED not in TERM_OF
