"""Taking the other side of a leader's fills: whatever happens, the account is the mirror image of a straight copy's."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import CopyDeclined, CopyMode, DriftDeclared, TradingState, TradingStateChanged
from dhan_copy.core.requests import Intent, Modify, ReadPositions, Submit
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import Limit, Market, OrderStatus, Product, Side, Variety
from dhan_copy.model.reason import ReasonCode
from tests.core.linked_world import Linked, wait
from tests.core.world import LEADER, World

LOT = 75
F = AccountName("F")


def world(ratio: str = "1", *, reverse: bool = True, product: Product = Product.INTRADAY, live: bool = True) -> World:
    return World({"F": Fraction(ratio)}, mode=CopyMode.EXECUTION, reverse=reverse, product=product, live=live)


def reasons(bench: World) -> list[ReasonCode]:
    return [fact.reason for fact in bench.facts(CopyDeclined) if isinstance(fact, CopyDeclined)]


@pytest.mark.parametrize("side", Side)
def test_what_he_buys_is_sold_and_what_he_sells_is_bought(side: Side) -> None:
    bench = world("1/2")
    order = bench.place(side, 4, terms=Limit(Decimal("100.00")))
    assert bench.requests() == [], "nothing before he has traded"
    bench.fill(order, 4 * LOT)
    [copy] = bench.open_orders("F")
    assert copy.report.side is side.opposite
    assert copy.report.quantity == 2 * LOT
    assert copy.report.terms == Limit(Decimal("99.50") if side is Side.BUY else Decimal("100.50")), "worse is the other way"
    bench.fill_everything("F")
    assert bench.net_position("F") == -2 * LOT * side.sign
    bench.trade(side.opposite, 4)
    [closing] = bench.open_orders("F")
    assert closing.report.side is side
    assert [r.intent for r in bench.requests() if isinstance(r, Submit)] == [Intent.ENTRY, Intent.EXIT]
    bench.fill_everything("F")
    assert bench.net_position("F") == 0 and not bench.facts(DriftDeclared)


def test_where_the_price_of_his_fill_is_not_told_the_copy_goes_at_the_market() -> None:
    """His own limit and trigger say nothing about the other side."""
    bench = world()
    order = bench.place(Side.BUY, 2, terms=Limit(Decimal("100.00")))
    bench.change(order, filled_quantity=2 * LOT, status=OrderStatus.TRADED)
    assert [copy.report.terms for copy in bench.open_orders("F")] == [Market()]


@pytest.mark.parametrize("product", [Product.CNC, Product.MTF])
def test_delivery_has_no_reverse(product: Product) -> None:
    bench = world(product=product)
    bench.trade(Side.BUY, 2)
    bench.trade(Side.SELL, 2)
    assert reasons(bench) == [ReasonCode.REVERSE_DELIVERY, ReasonCode.NOTHING_OWNED] and bench.requests() == []


def test_linked_orders_have_no_reverse() -> None:
    bench = world()
    linked = Linked.place(bench, 4)
    linked.fill_entry()
    wait(bench, 10)
    assert ReasonCode.REVERSE_LINKED in reasons(bench) and bench.requests() == []
    bench.trade(Side.SELL, 4)
    wait(bench, 10)
    assert bench.requests() == [], "what it did not enter it does not leave"


def fired(bench: World, side: Side, lots: int) -> None:
    """What a Forever order of the leader's placed, filled."""
    order = bench.place(side, lots, tell=False)
    order.report = evolve(order.report, variety=Variety.FOREVER, parent_order_id=BrokerOrderId("9001"))
    bench.tell(order)
    bench.fill(order, lots * LOT)


def test_a_forever_order_opens_nothing_in_reverse_and_closes_all_the_same() -> None:
    bench = world()
    fired(bench, Side.BUY, 2)
    assert reasons(bench) == [ReasonCode.REVERSE_LINKED] and bench.requests() == []
    fired(bench, Side.SELL, 2)
    bench.trade(Side.BUY, 2)
    bench.fill_everything("F")
    assert bench.net_position("F") == -2 * LOT
    fired(bench, Side.SELL, 2)
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


@pytest.mark.parametrize("before", [False, True])
def test_what_is_held_when_the_setting_changes_is_closed_as_it_was_opened(before: bool) -> None:
    bench = world(reverse=before, product=Product.MARGIN)
    turn = -1 if before else 1
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    assert bench.net_position("F") == turn * 4 * LOT
    bench.reverse = not before
    bench.restart()
    bench.trade(Side.BUY, 2)
    assert reasons(bench) == [ReasonCode.HELD_OTHER_WAY] and bench.open_orders("F") == []
    bench.trade(Side.SELL, 3)
    bench.fill_everything("F")
    assert bench.net_position("F") == turn * 2 * LOT
    bench.next_day()
    bench.trade(Side.SELL, 5)
    bench.fill_everything("F")
    wait(bench, 20)
    assert bench.net_position("F") == 0, "the part that crosses zero is not entered"
    bench.trade(Side.BUY, 2)
    bench.trade(Side.BUY, 1)
    bench.fill_everything("F")
    assert bench.net_position("F") == -turn * 1 * LOT, "two lots close what he was short of, and one opens"


@pytest.mark.parametrize("side", Side)
def test_what_was_held_the_other_way_and_is_flat_says_nothing_of_a_linked_order_after_it(side: Side) -> None:
    """A plain exit takes the linked order apart: its holding comes to where the reversed one was, and keeps its own side."""
    bench = world()
    bench.trade(side, 2)
    bench.fill_everything("F")
    bench.trade(side.opposite, 2)
    bench.fill_everything("F")
    wait(bench, 20)
    assert bench.net_position("F") == 0
    bench.reverse, bench.mode = False, CopyMode.ORDER
    bench.restart()
    Linked.place(bench, 2, side).fill_entry()
    bench.fill_follower("F", bench.open_orders("F")[0], 2 * LOT)
    assert bench.net_position("F") == 2 * LOT * side.sign
    bench.trade(side.opposite, 2)
    wait(bench, 20)
    bench.fill_everything("F")
    assert bench.net_position("F") == 0 and not bench.facts(DriftDeclared)


def test_on_paper_it_is_the_other_side_too() -> None:
    bench = world(live=False)
    bench.trade(Side.BUY, 4)
    [stake] = bench.copier.state.stakes.values()
    assert (stake.owned, stake.held) == (4 * LOT, -4 * LOT)
    [dealt] = bench.copier.state.dealt.values()
    assert dealt.net == -4 * LOT and dealt.cash > 0


# The mirror


def squared_off(bench: World, lots: int, *, share: int = 2) -> None:
    """Somebody closes by hand a part of what the follower holds."""
    net = bench.net_position("F")
    sign = 1 if net > 0 else -1
    bench.manual["F"] = bench.manual.get("F", 0) - sign * min(abs(net), lots * LOT)


def glanced(bench: World) -> None:
    bench.advance(25)
    bench.feed(*bench.answer(ReadPositions(account=F)))
    for account in (LEADER, "F"):
        bench.feed(*bench.book(account))


def looked(bench: World) -> None:
    for _ in range(12):
        glanced(bench)


acts = st.lists(
    st.tuples(
        st.sampled_from(
            ["trade", "trade", "place", "fill", "cancel", "follow", "follow", "part", "take back", "restart", "night",
             "by hand", "glance", "look", "flatten", "resume"]
        ),
        st.sampled_from(Side),
        st.integers(1, 6),
    ),
    max_size=25,
)  # fmt: skip


def act(bench: World, what: str, side: Side, lots: int) -> None:
    bench.advance(1)
    resting = [order for order in bench.leader.values() if order.is_open]
    copies = bench.open_orders("F")
    match what:
        case "trade":
            bench.trade(side, lots)
        case "place":
            bench.place(side, lots)
        case "fill" if resting:
            order = resting[lots % len(resting)]
            bench.fill(order, min(LOT * lots, order.report.quantity - order.report.filled_quantity))
        case "cancel" if resting:
            bench.cancel(resting[lots % len(resting)])
        case "follow":
            bench.fill_everything("F")
        case "part" if copies:
            order = copies[lots % len(copies)]
            bench.fill_follower("F", order, min(LOT, order.report.quantity - order.report.filled_quantity))
        case "take back" if copies:
            bench.end_follower("F", copies[lots % len(copies)], OrderStatus.CANCELLED)
        case "restart":
            bench.restart()
        case "night":
            bench.next_day()
        case "by hand":
            squared_off(bench, lots)
        case "glance":
            glanced(bench)
        case "look":
            looked(bench)
        case "flatten":
            bench.feed(TradingStateChanged(follower=F, state=TradingState.CLOSING))
        case "resume":
            bench.feed(TradingStateChanged(follower=F, state=TradingState.ACTIVE))
        case _:
            pass


def seen(bench: World, turn: int) -> list[tuple[object, ...]]:
    """Every order in the follower's account and what was asked for it, with its sign ``turn``ed."""
    orders = [
        (o.report.client_order_id, turn * o.sign, o.report.quantity, o.report.filled_quantity, o.report.status, o.requests)
        for o in bench.books["F"].values()
    ]
    asked = [(r.client_order_id, r.quantity) for r in bench.requests() if isinstance(r, (Submit, Modify))]
    return [*orders, *asked]


@given(acts, st.sampled_from(["1/3", "1/2", "1", "3/2"]), st.sampled_from([Product.INTRADAY, Product.MARGIN]))
def test_the_account_is_the_mirror_image_of_a_straight_copys_whatever_happens(
    script: list[tuple[str, Side, int]], ratio: str, product: Product
) -> None:
    """Partial fills, cancels by hand, positions closed by hand, flatten, restarts and nights included."""
    straight, turned = world(ratio, reverse=False, product=product), world(ratio, reverse=True, product=product)
    for step in [*script, ("follow", Side.BUY, 1), ("look", Side.BUY, 1), ("follow", Side.BUY, 1)]:
        for bench in (straight, turned):
            act(bench, *step)
        assert turned.net_position("F") == -straight.net_position("F"), step
        assert seen(turned, -1) == seen(straight, 1), step
    assert [s.held for s in turned.copier.state.stakes.values()] == [-s.held for s in straight.copier.state.stakes.values()]
    told = [
        [(f.reason, f.quantity) for f in bench.facts(DriftDeclared) if isinstance(f, DriftDeclared)]
        for bench in (straight, turned)
    ]
    assert told[0] == told[1]


@given(st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 6)), min_size=1, max_size=12))
def test_at_the_same_size_it_holds_the_opposite_of_what_he_holds(trades: list[tuple[Side, int]]) -> None:
    bench, his = world(), 0
    for side, lots in trades:
        bench.trade(side, lots)
        his += side.sign * lots * LOT
        bench.fill_everything("F")
        assert bench.net_position("F") == -his
    assert not bench.facts(DriftDeclared)


@pytest.mark.parametrize("glances", [0, 1, 2, 3])
def test_what_somebody_closed_by_hand_is_not_bought_back(glances: int) -> None:
    bench = world()
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    squared_off(bench, 3)
    assert bench.net_position("F") == -1 * LOT
    for _ in range(glances):
        glanced(bench)
    bench.trade(Side.SELL, 4)
    bench.fill_everything("F")
    looked(bench)
    bench.fill_everything("F")
    looked(bench)
    assert bench.net_position("F") == 0
