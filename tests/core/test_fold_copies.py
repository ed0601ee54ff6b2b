"""Orders that the leader placed while nobody looked are told all at once: late entries wait for a price, exits do not."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.drift import Term, drifts
from dhan_copy.core.facts import BookRead, Channel, CopyDeclined, Fact, LeaderReported, Refusal
from dhan_copy.core.fold_copies import close
from dhan_copy.core.requests import Submit
from dhan_copy.model.order import Market, OrderStatus, Side
from dhan_copy.model.reason import ReasonCode
from tests.core.world import LEADER, World

LOT = 75
SIDES = {1: Side.BUY, -1: Side.SELL}


def world(ratio: str = "1") -> World:
    return World({"F": Fraction(ratio)}, reads_quotes=True)


def missed(bench: World, trades: list[int], *, apart: int = 1) -> None:
    """The leader trades so many lots at the market, bought above zero, and his book shows it six seconds later."""
    rows: list[Fact] = []
    for lots in trades:
        bench.advance(apart)
        order = bench.place(
            SIDES[1 if lots > 0 else -1], abs(lots), terms=Market(), status=OrderStatus.TRADED, filled=abs(lots) * LOT,
            tell=False,
        )  # fmt: skip
        rows.append(LeaderReported(leader=LEADER, report=order.report, channel=Channel.BOOK, read_at=None))
    bench.advance(6)
    bench.feed(*rows, BookRead(account=LEADER, read_at=bench.now))


def settle(bench: World) -> None:
    for _ in range(20):
        bench.tick(2)
        bench.fill_everything("F")


def declined(bench: World) -> list[ReasonCode]:
    return [fact.reason for fact in bench.facts(CopyDeclined) if isinstance(fact, CopyDeclined)]


def other(bench: World) -> Fraction:
    return sum((one.of(Term.OTHER) for one in drifts(bench.copier.state)), Fraction(0))


@pytest.mark.parametrize("side", [1, -1])
def test_z2_of_two_entries_with_an_exit_between_them_one_is_copied(side: int) -> None:
    bench = world()
    missed(bench, [2 * side, -2 * side, 2 * side])
    settle(bench)
    assert bench.net_position("F") == 2 * LOT * side
    assert ReasonCode.LEADER_CLOSED in declined(bench) and other(bench) == 0


@given(
    held=st.integers(0, 6), lots=st.lists(st.integers(-6, 6).filter(bool), min_size=1, max_size=6),
    ratio=st.sampled_from(["1", "1/2", "2", "7/5"]), side=st.sampled_from([1, -1]),
)  # fmt: skip
def test_z2_a_follower_never_comes_to_hold_more_than_the_leaders_position_scales_to(
    held: int, lots: list[int], ratio: str, side: int
) -> None:
    bench = world(ratio)
    if held:
        bench.trade(SIDES[side], held)
        settle(bench)
    position, trades = held, []
    for each in lots:
        each = max(each, -position)  # he only ever closes what he holds
        position += each
        trades += [each * side] if each else []
    missed(bench, trades)
    settle(bench)
    target = position * LOT * Fraction(ratio)
    owned = bench.net_position("F") * side
    assert 0 <= owned < target + LOT if position else owned == 0
    assert abs(other(bench)) < LOT
    if not {ReasonCode.LEADER_CLOSED, ReasonCode.BELOW_ONE_LOT} & set(declined(bench)):
        assert abs(owned - target) < LOT * (2 if len(trades) > 1 else 1)


@pytest.mark.parametrize("closed", [4, 2])
def test_x7_what_the_leader_closes_while_an_entry_is_refused_for_a_moment_is_not_entered_for(closed: int) -> None:
    bench = World({"F": Fraction(1)})
    bench.refuse["F"] = [(Refusal.RATE_LIMIT, False)]
    for side, lots in ((Side.BUY, 4), (Side.SELL, closed)):
        bench.place(side, lots, terms=Market(), status=OrderStatus.TRADED, filled=lots * LOT)
    settle(bench)
    assert bench.net_position("F") == (4 - closed) * LOT
    placed = [request.quantity for request in bench.requests() if isinstance(request, Submit)]
    assert placed == ([4 * LOT] if closed == 4 else [4 * LOT, 2 * LOT]) and other(bench) == 0


def test_x7_an_entry_that_was_declined_while_it_was_refused_is_nothing_that_an_exit_could_close() -> None:
    """Ten of the leader's fourteen lots stay, and what the follower has does not come to as much."""
    bench = World({"F": Fraction(1)})
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    bench.refuse["F"] = [(Refusal.AUTHENTICATION, False)]
    bench.place(Side.BUY, 20, terms=Market(), status=OrderStatus.PART_TRADED, filled=10 * LOT)
    for seconds in (20, 15, 5):
        bench.tick(seconds)
    assert declined(bench) == [ReasonCode.STALE]
    bench.place(Side.SELL, 4)
    bench.tick(2)
    bench.fill_everything("F")
    assert bench.net_position("F") == 4 * LOT


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("refusal", [Refusal.RATE_LIMIT, Refusal.AUTHENTICATION])
def test_x7_an_entry_that_is_refused_for_a_moment_is_not_sent_where_the_leaders_fill_of_it_closes(
    refusal: Refusal, together: bool
) -> None:
    """His buy rests, he sells as much at the market, and the buy fills after that: he is flat."""
    bench = World({"F": Fraction(1)})
    bench.refuse["F"] = [(refusal, False)]
    entry = bench.place(Side.BUY, 4)
    sold = bench.place(Side.SELL, 4, terms=Market(), status=OrderStatus.TRADED, filled=4 * LOT, tell=False)
    bench.feed(*bench.book(LEADER)) if together else bench.tell(sold)
    bench.fill(entry, 4 * LOT)
    settle(bench)
    assert bench.leader_position() == bench.net_position("F") == 0 and bench.open_orders("F") == []


def test_what_an_entry_that_ended_gives_up_of_others_is_looked_at() -> None:
    bench = World({"F": Fraction(1)})
    sells, buys = bench.place(Side.SELL, 2), bench.place(Side.BUY, 2)
    bench.fill(buys, 2 * LOT)
    bench.fill(sells, 2 * LOT)
    state = bench.copier.state
    sold, bought = (state.trades[key] for key in state.open_keys())
    assert sold.covers == 2 * LOT
    state.touched.clear()
    close(state, sold, None, 7)
    assert state.trades[bought.key].forgone == 2 * LOT
    assert state.touched == {bought.key: 7}
