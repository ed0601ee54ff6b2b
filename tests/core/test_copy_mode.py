"""Copying a leader's fills instead of his orders: nothing is placed before he has traded."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dhan_copy.core.facts import AlertRaised, CopyDeclined, CopyMode, DriftDeclared
from dhan_copy.core.requests import Submit
from dhan_copy.core.settings import Policy, StopMarketForm
from dhan_copy.model.order import Leg, Limit, Market, Product, Side, StopMarket
from tests.core.linked_world import Linked, wait
from tests.core.trading import declared
from tests.core.world import World

LOT = 75


def world(ratio: str = "1/2") -> World:
    return World({"F": Fraction(ratio)}, mode=CopyMode.EXECUTION)


@pytest.mark.parametrize("side", Side)
def test_a_resting_order_is_nothing_until_it_fills(side: Side) -> None:
    bench = world()
    order = bench.place(side, 4, terms=Limit(Decimal("100.00")))
    bench.change(order, terms=Limit(Decimal("99.00")))
    assert bench.requests() == []
    bench.fill(order, 2 * LOT)
    [copy] = bench.open_orders("F")
    assert copy.report.quantity == LOT
    assert copy.report.terms == Limit(Decimal("100.50") if side is Side.BUY else Decimal("99.50"))
    bench.fill_everything("F")
    bench.fill(order, 2 * LOT)
    assert [o.report.quantity for o in bench.open_orders("F")] == [LOT], "more of his fills are another order"
    bench.fill_everything("F")
    wait(bench, 20)
    assert bench.net_position("F") == side.sign * 2 * LOT and not bench.facts(DriftDeclared)


def test_what_he_cancels_unfilled_was_never_there() -> None:
    bench = world()
    order = bench.place(Side.BUY, 4)
    bench.fill(order, 2 * LOT)
    bench.cancel(order)
    bench.fill_everything("F")
    wait(bench, 20)
    assert bench.net_position("F") == LOT and not bench.facts(DriftDeclared)


def test_resting_exits_are_copied_when_they_fill() -> None:
    bench = world()
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    order = bench.place(Side.SELL, 4, terms=Limit(Decimal("110.00")))
    assert bench.open_orders("F") == []
    bench.fill(order, 4 * LOT)
    assert [o.report.side for o in bench.open_orders("F")] == [Side.SELL]
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("modified", [False, True])
def test_a_stop_of_his_is_an_exit_like_any_other_where_stop_market_orders_are_refused(reverse: bool, modified: bool) -> None:
    """None is sent: his fill is copied, not his order."""
    policy = Policy(stop_market=StopMarketForm.REFUSE)
    bench = World({"F": Fraction(1, 2)}, mode=CopyMode.EXECUTION, reverse=reverse, policy=policy)
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    assert abs(bench.net_position("F")) == 2 * LOT
    stop = StopMarket(Decimal(90))
    order = bench.place(Side.SELL, 4, terms=Limit(Decimal(110)) if modified else stop)
    bench.change(order, terms=stop)
    bench.fill(order, 4 * LOT)
    assert [isinstance(o.report.terms, (Limit, Market)) for o in bench.open_orders("F")] == [True]
    bench.fill_everything("F")
    assert bench.net_position("F") == 0 and not bench.facts(CopyDeclined) and not bench.facts(AlertRaised)


def test_what_protects_a_position_stands_all_the_same() -> None:
    bench = world()
    linked = Linked.place(bench, 4)
    assert bench.requests() == []
    linked.fill_entry()
    bench.fill_follower("F", linked.orders("F", Leg.ENTRY)[0], 2 * LOT)
    wait(bench, 4)
    assert [linked.live_units("F", leg) for leg in (Leg.TARGET, Leg.STOP)] == [2 * LOT] * 2


acts = st.lists(
    st.tuples(st.sampled_from(["place", "fill", "cancel", "follow", "restart"]), st.sampled_from(Side), st.integers(1, 6)),
    max_size=20,
)


CLOSED_BY_ANOTHER = [
    *[("place", Side.SELL, 3), ("fill", Side.SELL, 3), ("place", Side.BUY, 3), ("place", Side.BUY, 1)],
    *[("fill", Side.BUY, 2), ("fill", Side.BUY, 1), ("fill", Side.BUY, 1)],
]
"""The order of three lots was to close all that he had sold, and opens one, for the other has closed that."""


@example(CLOSED_BY_ANOTHER, "3/2", Product.INTRADAY)
@given(acts, st.sampled_from(["1/3", "1/2", "1", "3/2"]), st.sampled_from([Product.INTRADAY, Product.MARGIN]))
def test_the_follower_ends_within_a_lot_of_the_leaders_fills_but_for_what_is_told_as_opened_by_exits(
    script: list[tuple[str, Side, int]], ratio: str, product: Product
) -> None:
    bench = World({"F": Fraction(ratio)}, mode=CopyMode.EXECUTION, product=product)
    filled: dict[str, int] = {}
    for what, side, lots in script:
        bench.advance(1)
        resting = [order for order in bench.leader.values() if order.is_open]
        match what:
            case "place":
                bench.place(side, lots)
            case "fill" if resting:
                order = resting[lots % len(resting)]
                bench.fill(order, min(LOT * lots, order.report.quantity - order.report.filled_quantity))
            case "cancel" if resting:
                bench.cancel(resting[lots % len(resting)])
            case "follow":
                bench.fill_everything("F")
            case "restart":
                bench.restart()
            case _:
                pass
        filled = {name: order.report.filled_quantity for name, order in bench.leader.items()}
        for request in bench.requests():
            assert not isinstance(request, Submit) or filled[request.leader_order_id], "before he traded"
    for order in [order for order in bench.leader.values() if order.is_open]:
        bench.cancel(order)
    for _ in range(6):
        bench.fill_everything("F")
        wait(bench, 40)
    assert bench.open_orders("F") == []
    apart = bench.net_position("F") - Fraction(ratio) * bench.leader_position() - declared(bench)
    alerts = [fact for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised)]
    opened = sum(int(alert.known.split()[0]) for alert in alerts if alert.code == "OPENED_BY_EXIT")
    assert abs(apart) <= LOT + opened * Fraction(ratio)
    if bench.leader_position() == 0:
        assert bench.net_position("F") == declared(bench)
