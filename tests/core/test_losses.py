"""What the day's copies have won or lost, and what a loss limit does about it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core import checkpoint
from dhan_copy.core.facts import AlertRaised, DriftDeclared, QuotesReported, TradingState, TradingStateChanged
from dhan_copy.core.losses import DayResult, day_result
from dhan_copy.core.settings import LossLimit
from dhan_copy.model.account import Quote
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Limit, OrderStatus, Product, Side
from dhan_copy.model.reason import ReasonCode
from tests.core.linked_world import wait
from tests.core.world import KEY, LEADER, TrueOrder, World

LOT = 75
F = AccountName("F")


def limited(rupees: str, then: TradingState = TradingState.CLOSING, product: Product = Product.INTRADAY) -> World:
    bench = World({"F": Fraction(1, 2)}, product=product)
    [rules] = bench.copier.settings.followers
    rules = evolve(rules, loss_limit=LossLimit(Decimal(rupees), then))
    settings = evolve(bench.copier.settings, followers=(rules,))
    copier = type(bench.copier)(settings)
    copier.restore(bench.journal)
    bench.copier = copier
    return bench


def fill(bench: World, order: TrueOrder, price: Decimal, units: int | None = None) -> None:
    """A fill at this price; the average is that of all fills."""
    before = order.report
    filled = before.filled_quantity + (units or before.quantity - before.filled_quantity)
    paid = (before.average_price or Decimal(0)) * before.filled_quantity + price * (filled - before.filled_quantity)
    status = OrderStatus.TRADED if filled == before.quantity else OrderStatus.PART_TRADED
    order.report = evolve(before, filled_quantity=filled, status=status, average_price=paid / filled, updated_at=bench.now)
    bench.feed(bench.follower_report("F", order))


def mark(bench: World, price: Decimal) -> None:
    order = bench.place(Side.BUY, 1, tell=False)
    order.report = evolve(order.report, status=OrderStatus.REJECTED, last_price=price)
    bench.tell(order)


def test_k3_a_follower_that_lost_too_much_is_closed_and_stopped_once() -> None:
    bench = limited("1000")
    bench.trade(Side.BUY, 4)
    fill(bench, bench.open_orders("F")[0], Decimal("100.00"))
    mark(bench, Decimal("93.40"))
    assert day_result(bench.copier.state, F).rupees == Decimal("-990.00") and not bench.open_orders("F")
    mark(bench, Decimal("93.30"))
    [alert] = [fact for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised)]
    assert alert.code == "LOSS_LIMIT" and "-1005.00" in alert.known
    [order] = bench.open_orders("F")
    assert order.report.side is Side.SELL
    fill(bench, order, Decimal("93.00"))
    wait(bench, 20)
    assert bench.net_position("F") == 0 and bench.copier.state.trading_state(F) is TradingState.CLOSING
    assert [fact.reason for fact in bench.facts(DriftDeclared) if isinstance(fact, DriftDeclared)] == [ReasonCode.LOSS_LIMIT]
    assert day_result(bench.copier.state, F).rupees == Decimal("-1050.00")
    bench.trade(Side.BUY, 2)
    assert bench.open_orders("F") == [], "no entry any more"
    bench.feed(TradingStateChanged(follower=F, state=TradingState.ACTIVE))
    bench.trade(Side.BUY, 2)
    assert len(bench.open_orders("F")) == 1, "the user let it go on"
    bench.next_day()
    assert day_result(bench.copier.state, F).rupees == 0


@pytest.mark.parametrize("then", [TradingState.REDUCING, TradingState.HALTED])
def test_k3_or_it_only_stops(then: TradingState) -> None:
    bench = limited("10", then)
    bench.trade(Side.BUY, 4)
    fill(bench, bench.open_orders("F")[0], Decimal("100.00"))
    bench.place(Side.BUY, 2, terms=Limit(Decimal("80.00")))
    assert len(bench.open_orders("F")) == 1, "it rests, and is taken back"
    mark(bench, Decimal("90.00"))
    assert bench.copier.state.trading_state(F) is then and bench.open_orders("F") == []
    assert bench.net_position("F") == 2 * LOT


def test_k3_resuming_all_does_not_resume_it_and_closes_what_the_limit_was_to_close() -> None:
    bench = limited("10")
    bench.trade(Side.BUY, 4)
    fill(bench, bench.open_orders("F")[0], Decimal("100.00"))
    bench.feed(TradingStateChanged(follower=None, state=TradingState.HALTED))
    mark(bench, Decimal("90.00"))
    assert bench.copier.state.trading_state(F) is TradingState.HALTED and bench.open_orders("F") == []
    bench.feed(TradingStateChanged(follower=None, state=TradingState.ACTIVE))
    assert bench.copier.state.trading_state(F) is TradingState.CLOSING
    assert [order.report.side for order in bench.open_orders("F")] == [Side.SELL]


def test_k3_what_nobody_priced_is_told_and_not_taken_for_nothing() -> None:
    bench = limited("10")
    bench.trade(Side.BUY, 4)
    [order] = bench.open_orders("F")
    order.report = evolve(order.report, filled_quantity=LOT, status=OrderStatus.PART_TRADED, average_price=None)
    bench.feed(bench.follower_report("F", order))
    assert "LOSS_UNKNOWN" in [fact.code for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised)]
    assert day_result(bench.copier.state, F).unknown == (KEY,)


@given(
    st.lists(
        st.tuples(st.sampled_from(Side), st.integers(1, 4), st.lists(st.integers(9000, 11000), min_size=1, max_size=3)),
        min_size=1,
        max_size=6,
    ),
    st.integers(9000, 11000),
)
def test_the_result_is_what_was_taken_in_less_what_was_paid_at_the_last_price(
    trades: list[tuple[Side, int, list[int]]], last: int
) -> None:
    bench = limited("1000000000")
    cash, net = Decimal(0), 0
    for side, lots, paise in trades:
        bench.advance(1)
        bench.trade(side, 2 * lots)
        for order in bench.open_orders("F"):
            for number, each in enumerate(paise):
                left = order.report.quantity - order.report.filled_quantity
                units = left if number == len(paise) - 1 else min(left, 10)
                if not units:
                    continue
                price = Decimal(each) / 100
                fill(bench, order, price, units)
                cash -= order.sign * units * price
                net += order.sign * units
    mark(bench, Decimal(last) / 100)
    rupees = cash + net * Decimal(last) / 100
    found = day_result(bench.copier.state, F).rupees
    assert abs(found - rupees) < Decimal("0.000001"), "average prices are rounded to 28 digits"
    saved = checkpoint.load(None, checkpoint.dump(bench.copier.state, whole=True), bench.copier.settings)
    assert day_result(saved, F).rupees == found


def overnight(rupees: str = "1000", lots: int = 4, side: Side = Side.BUY) -> World:
    """A follower that bought (or sold) at 100 and holds that on the next day, on which nobody has named a price."""
    bench = limited(rupees, product=Product.MARGIN)
    bench.trade(side, lots)
    fill(bench, bench.open_orders("F")[0], Decimal("100.00"))
    bench.next_day()
    return bench


def quote(bench: World, price: str) -> None:
    told = Quote(key=KEY, price=Decimal(price))
    bench.feed(QuotesReported(account=F, read_at=bench.now, quotes=(told,)))


@pytest.mark.parametrize("side", Side)
def test_k3_what_was_held_over_night_and_is_sold_loses_nothing_any_more(side: Side) -> None:
    bench = overnight("5000", side=side)
    worse = Decimal(150 if side is Side.BUY else 50)
    mark(bench, Decimal("110.00"))
    bench.trade(side.opposite, 4)
    fill(bench, bench.open_orders("F")[0], Decimal("112.00"))
    gained = side.sign * Decimal("300.00")
    assert day_result(bench.copier.state, F).rupees == gained, "from the first price of the day"
    mark(bench, worse)
    mark(bench, Decimal(200) - worse)
    assert day_result(bench.copier.state, F).rupees == gained
    assert bench.copier.state.trading_state(F) is TradingState.ACTIVE


def test_k3_what_is_held_over_night_counts_from_the_first_price_and_nothing_before_that() -> None:
    bench = overnight()
    assert day_result(bench.copier.state, F).carried == (KEY,) and day_result(bench.copier.state, F).rupees == 0
    assert not bench.facts(AlertRaised)
    quote(bench, "90.00")
    assert day_result(bench.copier.state, F) == DayResult(Decimal(0))
    assert len(bench.facts(QuotesReported)) == 1
    copier = type(bench.copier)(bench.copier.settings)
    copier.restore(bench.journal)
    bench.copier = copier
    quote(bench, "84.00")
    assert day_result(bench.copier.state, F).rupees == Decimal("-900.00"), "the first price is remembered"
    quote(bench, "83.00")
    assert "LOSS_LIMIT" in [fact.code for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised)]


@pytest.mark.parametrize("carried", [False, True])
@pytest.mark.parametrize("reason", [ReasonCode.MANUAL, ReasonCode.CONVERTED, ReasonCode.EXPIRED, ReasonCode.GONE_OVERNIGHT])
def test_k3_what_somebody_closed_by_hand_loses_nothing_any_more(reason: ReasonCode, carried: bool) -> None:
    """It went at the last price that is known; where none of today is, for what it was worth."""
    bench = overnight()
    if not carried:
        mark(bench, Decimal("100.00"))
        mark(bench, Decimal("96.00"))
    bench.feed(
        DriftDeclared(
            leader=LEADER, follower=F, key=KEY, product=Product.MARGIN, quantity=Fraction(-2 * LOT), reason=reason
        )  # fmt: skip
    )
    mark(bench, Decimal("50.00"))
    assert day_result(bench.copier.state, F) == DayResult(Decimal("0.00") if carried else Decimal("-600.00"))
    assert bench.copier.state.trading_state(F) is TradingState.ACTIVE


def test_k3_what_an_order_of_ours_turns_out_to_have_closed_counts_once() -> None:
    bench = limited("1000")
    bench.trade(Side.BUY, 4)
    fill(bench, bench.open_orders("F")[0], Decimal("100.00"))
    bench.trade(Side.SELL, 4)
    [leaving] = bench.open_orders("F")
    bench.feed(
        DriftDeclared(
            leader=LEADER,
            follower=F,
            key=KEY,
            product=Product.INTRADAY,
            quantity=Fraction(-2 * LOT),
            reason=ReasonCode.MANUAL,
        )  # fmt: skip
    )
    fill(bench, leaving, Decimal("100.00"))
    mark(bench, Decimal("150.00"))
    assert day_result(bench.copier.state, F) == DayResult(Decimal("0.00"))


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 4), st.integers(9000, 11000)), min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 4), st.integers(9000, 11000)), max_size=3),
    st.integers(9000, 11000),
    st.integers(9000, 11000),
)
def test_the_days_result_is_what_the_account_gained_since_its_first_price(
    before: list[tuple[Side, int, int]], today: list[tuple[Side, int, int]], first: int, last: int
) -> None:
    bench = limited("1000000000", product=Product.MARGIN)

    def dealt(trades: list[tuple[Side, int, int]]) -> Decimal:
        cash = Decimal(0)
        for side, lots, paise in trades:
            bench.advance(1)
            bench.trade(side, 2 * lots)
            for order in bench.open_orders("F"):
                cash -= order.sign * (order.report.quantity - order.report.filled_quantity) * Decimal(paise) / 100
                fill(bench, order, Decimal(paise) / 100)
        return cash

    dealt(before)
    bench.next_day()
    held = bench.net_position("F")
    mark(bench, Decimal(first) / 100)
    cash = dealt(today)
    bench.advance(1)
    mark(bench, Decimal(last) / 100)
    gained = cash + bench.net_position("F") * Decimal(last) / 100 - held * Decimal(first) / 100
    assert day_result(bench.copier.state, F) == DayResult(gained)
    saved = checkpoint.load(None, checkpoint.dump(bench.copier.state, whole=True), bench.copier.settings)
    assert day_result(saved, F).rupees == gained
