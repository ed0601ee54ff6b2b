"""What the copier closes on its own account: at a user's word, and what a follower filled ahead of the leader."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    AlertRaised,
    CloseOrdered,
    CopyDeclined,
    DriftDeclared,
    RequestIssued,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.core.settings import Ahead, Policy
from dhan_copy.model.freeze import FreezeLimit, FreezeLimits
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Leg, Limit, Market, OrderStatus, Product, Side
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.times import ist
from tests.core.linked_world import Linked, wait
from tests.core.world import SEGMENT, World

LOT = 75
F = AccountName("F")


def say(bench: World, state: TradingState, follower: AccountName | None = F) -> None:
    bench.feed(TradingStateChanged(follower=follower, state=state))


def holding(side: Side = Side.BUY, lots: int = 4, **more: object) -> World:
    bench = World({"F": Fraction(1, 2)}, **more)  # type: ignore[arg-type]
    bench.trade(side, lots)
    bench.fill_everything("F")
    return bench


def closing_linked() -> tuple[World, Linked]:
    """A linked order has been copied in full, and the follower is to hold nothing any more."""
    bench = World({"F": Fraction(1, 2)})
    linked = Linked.place(bench, 4)
    linked.fill_entry()
    bench.fill_follower("F", linked.orders("F", Leg.ENTRY)[0], 2 * LOT)
    wait(bench, 4)
    say(bench, TradingState.CLOSING)
    return bench, linked


def declared(bench: World) -> list[tuple[ReasonCode, Fraction]]:
    return [(fact.reason, fact.quantity) for fact in bench.facts(DriftDeclared) if isinstance(fact, DriftDeclared)]


@pytest.mark.parametrize("side", Side)
def test_k2_flatten_closes_what_was_copied_and_nothing_else(side: Side) -> None:
    bench = holding(side)
    bench.manual["F"] = side.sign * 10 * LOT
    say(bench, TradingState.CLOSING)
    [order] = bench.open_orders("F")
    assert (order.sign, order.report.quantity, order.report.terms) == (-side.sign, 2 * LOT, Market())
    bench.fill_everything("F")
    wait(bench, 40)
    assert bench.net_position("F") == side.sign * 10 * LOT
    assert declared(bench) == [(ReasonCode.FLATTENED, Fraction(-2 * LOT * side.sign))]
    bench.trade(Side.SELL if side is Side.BUY else Side.BUY, 4)
    wait(bench, 40)
    assert bench.net_position("F") == side.sign * 10 * LOT and bench.open_orders("F") == []


def test_k2_flatten_cancels_entries_and_closes_what_fills_all_the_same() -> None:
    bench = World({"F": Fraction(1, 2)})
    bench.place(Side.BUY, 4)
    [entry] = bench.open_orders("F")
    bench.fill_follower("F", entry, LOT)
    say(bench, TradingState.CLOSING)
    assert not entry.is_open
    bench.fill_everything("F")
    wait(bench, 40)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []


def test_k1_resume_enters_nothing_that_was_there_before() -> None:
    bench = holding()
    resting = bench.place(Side.BUY, 2, terms=Limit(Decimal("90.00")))
    say(bench, TradingState.CLOSING)
    bench.fill_everything("F")
    say(bench, TradingState.ACTIVE)
    wait(bench, 20)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []
    bench.fill(resting, resting.report.quantity)
    bench.place(Side.BUY, 4)
    assert [order.report.quantity for order in bench.open_orders("F")] == [2 * LOT], "what comes later is copied again"


def test_k2_a_linked_order_is_closed_with_its_legs() -> None:
    bench, linked = closing_linked()
    assert [linked.live_units("F", leg) for leg in (Leg.TARGET, Leg.STOP)] == [0, 0]
    [order] = bench.open_orders("F")
    assert (order.report.quantity, order.report.terms) == (2 * LOT, Market())
    bench.fill_everything("F")
    linked.fill_leg(Leg.STOP)
    wait(bench, 60)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []


@pytest.mark.parametrize("sold", ["all", "a part", "none of it in the end"])
def test_k2_a_linked_order_that_the_leader_trades_against_while_it_is_closed_is_closed_all_the_same(sold: str) -> None:
    """His plain order takes the linked one apart: what it holds is held by plain orders, also for the order that closes."""
    bench, _ = closing_linked()
    [closing] = bench.open_orders("F")
    plain = bench.place(Side.SELL, 2 if sold == "a part" else 4)
    if sold == "none of it in the end":
        bench.cancel(plain)
    else:
        bench.fill(plain, plain.report.quantity)
    wait(bench, 40)
    assert bench.open_orders("F") == [closing]
    bench.fill_everything("F")
    wait(bench, 60)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []


def test_k2_it_is_remembered_over_a_restart_and_a_halt_is_stricter() -> None:
    bench = World({"F": Fraction(1, 2)})
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    say(bench, TradingState.HALTED, None)
    say(bench, TradingState.CLOSING)
    wait(bench, 20)
    assert bench.open_orders("F") == []
    bench.restart()
    say(bench, TradingState.ACTIVE, None)
    bench.restart()
    bench.fill_everything("F")
    assert bench.net_position("F") == 0
    assert len(bench.facts(CloseOrdered)) == 1


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
def test_k2_every_slice_of_an_entry_is_taken_back_and_none_comes_again(state: TradingState) -> None:
    limit = FreezeLimit(segment=SEGMENT, name="*", since=date(2026, 1, 1), units=LOT, source="a test")
    bench = with_limits(World({"F": Fraction(1, 2)}), limit)
    resting = bench.place(Side.BUY, 6, terms=Limit(Decimal("90.00")))
    assert [order.report.quantity for order in bench.open_orders("F")] == [LOT] * 3
    say(bench, state)
    say(bench, TradingState.ACTIVE)
    bench.change(resting, quantity=12 * LOT)
    wait(bench, 60)
    assert bench.open_orders("F") == []
    bench.fill(resting, resting.report.quantity)
    wait(bench, 60)
    assert bench.open_orders("F") == [] and bench.net_position("F") == 0


def with_limits(bench: World, *limits: FreezeLimit) -> World:
    bench.copier.state.settings = evolve(bench.copier.state.settings, freeze_limits=FreezeLimits(limits))
    return bench


@given(lots=st.integers(2, 40), most=st.integers(1, 9), over_night=st.booleans(), again=st.booleans())
def test_p12_what_is_flattened_is_sliced_by_the_underlying_that_the_leader_traded(
    lots: int, most: int, over_night: bool, again: bool
) -> None:
    limit = FreezeLimit(segment=SEGMENT, name="NIFTY", since=date(2026, 1, 1), units=most * LOT, source="a test")
    bench = with_limits(World({"F": Fraction(1)}, product=Product.MARGIN), limit)
    order = bench.place(Side.BUY, lots, tell=False)
    order.report = evolve(order.report, symbol="NIFTY-Mar2025-2")
    bench.tell(order)
    bench.fill(order, lots * LOT)
    bench.fill_everything("F")
    if again:
        bench.restart()
        with_limits(bench, limit)
    if over_night:
        bench.next_day()
    sent = set(bench.books["F"])
    say(bench, TradingState.CLOSING)
    closing = [order.report.quantity for tag, order in bench.books["F"].items() if tag not in sent]
    assert sum(closing) == lots * LOT and max(closing) <= most * LOT, closing
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


def test_p12_the_day_of_a_limit_is_that_of_the_market() -> None:
    """Shortly after midnight in India it is still yesterday in UTC, in which a clock may answer."""
    old = FreezeLimit(segment=SEGMENT, name="*", since=date(2026, 1, 1), units=4 * LOT, source="a test")
    new = FreezeLimit(segment=SEGMENT, name="*", since=date(2026, 11, 22), units=LOT, source="a test")
    bench = with_limits(World({"F": Fraction(1, 2)}, product=Product.MARGIN), old, new)
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    bench.next_day()
    bench.now = ist(datetime(2026, 11, 22, 1, 0)).astimezone(timezone.utc)
    assert bench.now.day == 21
    say(bench, TradingState.CLOSING)
    assert [order.report.quantity for order in bench.open_orders("F")] == [LOT, LOT]


@pytest.mark.parametrize("ahead", Ahead)
@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.REJECTED])
def test_x3_x5_what_a_follower_filled_ahead_of_the_leader_is_told_and_kept_or_closed(ahead: Ahead, status: OrderStatus) -> None:
    bench = World({"F": Fraction(1, 2)}, policy=Policy(ahead=ahead))
    order = bench.place(Side.BUY, 4)
    [copy] = bench.open_orders("F")
    bench.fill_follower("F", copy, LOT)
    bench.change(order, status=status)
    assert not copy.is_open
    wait(bench, 20)
    bench.fill_everything("F")
    wait(bench, 20)
    codes = [fact.code for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised)]
    assert codes == ["AHEAD", "LEFT_OVER"] if ahead is Ahead.HOLD else ["AHEAD"]
    if ahead is Ahead.HOLD:
        assert bench.net_position("F") == LOT and [quantity for _, quantity in declared(bench)] == [LOT]
    else:
        assert bench.net_position("F") == 0 and declared(bench) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["trade", "place", "link", "leg", "fill", "close", "go", "restart", "leader"]),
            st.booleans(),
            st.integers(1, 6),
        ),
        max_size=12,
    ),
    st.sampled_from([Product.INTRADAY, Product.MARGIN]),
)
def test_k2_after_a_flatten_nothing_of_what_was_copied_is_held(script: list[tuple[str, bool, int]], product: Product) -> None:
    bench = World({"F": Fraction(1, 3)}, product=product)
    linked: list[Linked] = []
    for what, buy, lots in script:
        bench.advance(1)
        side = Side.BUY if buy else Side.SELL
        resting = [order for order in bench.leader.values() if order.is_open]
        match what:
            case "trade":
                bench.trade(side, lots)
            case "place":
                bench.place(side, lots)
            case "link":
                linked.append(Linked.place(bench, lots, side))
                linked[-1].fill_entry()
            case "leg" if linked:
                linked.pop().fill_leg(Leg.STOP)
            case "leader" if resting:
                bench.fill(resting[0], LOT)
            case "fill" if bench.open_orders("F"):
                bench.fill_follower("F", bench.open_orders("F")[0], LOT)
            case "close":
                say(bench, TradingState.CLOSING)
            case "go":
                say(bench, TradingState.ACTIVE)
            case "restart":
                bench.restart()
            case _:
                pass
    say(bench, TradingState.CLOSING)
    for _ in range(6):
        bench.fill_everything("F")
        wait(bench, 40)
    assert bench.net_position("F") == 0
    ours = [r for r in bench.requests() if isinstance(r, Submit) and r.leader_order_id.startswith("CLOSE-")]
    assert all(r.intent is Intent.EXIT and r.terms == Market() for r in ours)
    assert len(
        {
            fact.request.client_order_id
            for fact in bench.facts(RequestIssued)
            if isinstance(fact, RequestIssued) and isinstance(fact.request, Submit)
        }
    ) == len([r for r in bench.requests() if isinstance(r, Submit)])
    assert not [
        fact
        for fact in bench.facts(CopyDeclined)
        if isinstance(fact, CopyDeclined) and fact.leader_order_id.startswith("CLOSE-")
    ]


@pytest.mark.parametrize("side", Side)
def test_z2_what_filled_ahead_on_the_other_side_has_closed_what_was_there(side: Side) -> None:
    """An order that ended at the leader before it filled, and filled at the follower: his exit is for nothing more."""
    world = World({"F": Fraction(1, 2)}, product=Product.MARGIN)
    other = Side.SELL if side is Side.BUY else Side.BUY
    against = world.place(other, 3)
    world.trade(side, 3)
    for order in world.open_orders("F"):
        world.fill_follower("F", order, order.report.quantity)
    assert world.net_position("F") == 0
    world.cancel(against)
    wait(world, 40)
    entry, exit_order = world.place(side, 3), world.place(other, 3)
    assert {order.report.side for order in world.open_orders("F")} == {side}, "the follower has nothing to close"
    world.cancel(entry)
    world.fill(exit_order, 3 * LOT)
    wait(world, 40)
    assert world.leader_position() == 0 and world.net_position("F") == 0
