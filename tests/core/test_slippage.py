"""Copies in a row that trade worse than their limit allows, counted once each, by the average prices."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core import checkpoint
from dhan_copy.core.facts import AlertRaised, CopyMode, SlippageMeasured, TradingState, TradingStateChanged
from dhan_copy.core.rules import Override, Rules, SlippageLimit
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderStatus, Side
from tests.core.test_losses import fill
from tests.core.world import World

F = AccountName("F")


def limited(limit: SlippageLimit | None, **more: object) -> World:
    bench = World({"F": Fraction(1, 2)})
    settings = evolve(bench.copier.settings, rules=Rules(slippage=limit), **more)
    bench.copier = type(bench.copier)(settings)
    bench.copier.restore(bench.journal)
    return bench


def copied(bench: World, his: Decimal | None, prices: list[Decimal], side: Side = Side.BUY) -> bool:
    """An order of the leader that trades at ``his``, and its copy in parts; whether there was one."""
    bench.advance(1)
    order = bench.place(side, 2)
    order.report = evolve(
        order.report, filled_quantity=order.report.quantity, status=OrderStatus.TRADED, average_price=his, updated_at=bench.now
    )
    bench.tell(order)
    orders = bench.open_orders("F")
    for copy in orders:
        for number, price in enumerate(prices):
            left = copy.report.quantity - copy.report.filled_quantity
            units = left if number == len(prices) - 1 else min(left, 20)
            if units:
                fill(bench, copy, price, units)
    bench.advance(1)
    bench.tick()
    return bool(orders)


paise = st.integers(9900, 10100).map(lambda price: Decimal(price) / 100)


@given(
    st.lists(st.tuples(st.none() | paise, st.lists(paise, min_size=1, max_size=3)), min_size=1, max_size=8),
    st.integers(1, 30).map(lambda tenths: Decimal(tenths) / 10),
    st.integers(1, 3),
)
def test_entries_stop_at_the_copy_that_completes_the_row(
    trades: list[tuple[Decimal | None, list[Decimal]]], percent: Decimal, copies: int
) -> None:
    bench = limited(SlippageLimit(percent, copies))
    row, stopped = 0, False
    for his, prices in trades:
        assert copied(bench, his, prices) is not stopped
        if stopped or his is None:
            continue
        parts, left = [], 75
        for number, price in enumerate(prices):
            units = left if number == len(prices) - 1 else min(left, 20)
            parts.append(units * Fraction(price))
            left -= units
        worse = (sum(parts) / 75 / Fraction(his) - 1) * 100
        row = row + 1 if worse > Fraction(percent) else 0
        stopped = row >= copies
        state = bench.copier.state
        assert (state.trading_state(F) is TradingState.REDUCING) is stopped
        saved = checkpoint.load(None, checkpoint.dump(state, whole=True), bench.copier.settings)
        assert (saved.slipped, saved.measured) == (state.slipped, state.measured)
    told = [fact for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised) and fact.code == "SLIPPAGE"]
    assert len(told) == stopped


BAD = (Decimal("100.00"), [Decimal("102.00")])


def test_a_day_begins_with_no_row_and_resuming_counts_anew() -> None:
    bench = limited(SlippageLimit("1", 2))
    copied(bench, *BAD)
    bench.next_day()
    copied(bench, *BAD)
    assert bench.copier.state.trading_state(F) is TradingState.ACTIVE
    copied(bench, *BAD)
    assert bench.copier.state.trading_state(F) is TradingState.REDUCING
    bench.feed(TradingStateChanged(follower=None, state=TradingState.ACTIVE))
    assert bench.copier.state.trading_state(F) is TradingState.REDUCING, "it was stopped by name"
    bench.feed(TradingStateChanged(follower=F, state=TradingState.ACTIVE))
    copied(bench, *BAD)
    assert bench.copier.state.trading_state(F) is TradingState.ACTIVE


def test_sales_are_measured_with_their_sign_and_the_instruments_own_limit_counts() -> None:
    bench = limited(SlippageLimit("5"), overrides=(Override(symbol="*", slippage=SlippageLimit("1")),))
    copied(bench, Decimal("100.00"), [Decimal("102.00")])
    copied(bench, Decimal("100.00"), [Decimal("97.00")], Side.SELL)
    told = [(fact.percent, fact.allowed) for fact in bench.facts(SlippageMeasured) if isinstance(fact, SlippageMeasured)]
    assert told == [(2, 1), (3, 1)]


def test_off_by_default_nothing_is_measured() -> None:
    bench = limited(None)
    for _ in range(5):
        copied(bench, *BAD)
    assert bench.facts(SlippageMeasured) == []


def test_a_reversed_copy_is_worse_where_it_sells_below_what_he_paid() -> None:
    for price, percent in ((Decimal("99.00"), 1), (Decimal("101.00"), -1)):
        bench = World({"F": Fraction(1, 2)}, mode=CopyMode.EXECUTION, reverse=True)
        limit = SlippageLimit(Decimal("0.5"), copies=1)
        bench.copier = type(bench.copier)(evolve(bench.copier.settings, rules=Rules(slippage=limit)))
        bench.copier.restore(bench.journal)
        assert copied(bench, Decimal(100), [price])
        assert [fact.percent for fact in bench.facts(SlippageMeasured) if isinstance(fact, SlippageMeasured)] == [percent]
        assert (bench.copier.state.trading_state(F) is TradingState.REDUCING) is (percent > 0)
