"""Prices of a follower's order: on the tick, never less passive, and never a stop-market whose trigger Dhan drops."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.settings import Percent, Policy, ProtectedMarket, StopMarketForm, Ticks
from dhan_copy.core.terms import aligned, copied_terms, protected_market
from dhan_copy.dhan.wire import parse_order_update
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Limit, Market, OrderReport, Side, StopLimit, StopMarket, Terms
from tests.core.make import report
from tests.core.world import World

LOT = 75
TICK = Decimal("0.05")
off_tick = st.decimals("0.01", "1000", places=2)


@given(off_tick, st.sampled_from(Side))
def test_prices_are_on_the_tick_on_the_passive_side(price: Decimal, side: Side) -> None:
    facts = InstrumentFacts(LOT, TICK)
    limit = aligned(Limit(price), side, facts)
    assert isinstance(limit, Limit)
    assert limit.price % TICK == 0
    assert limit.price > 0
    if price % TICK == 0:
        assert limit.price == price
    elif side is Side.SELL:
        assert price < limit.price < price + TICK
    else:
        assert price - TICK < limit.price < price or limit.price == TICK > price
    stop = aligned(StopLimit(trigger=price, price=price), side, facts)
    assert stop == StopLimit(trigger=limit.price, price=limit.price)
    assert aligned(StopMarket(price), side, facts) == StopMarket(limit.price)


@pytest.mark.parametrize("terms", [Market(), Limit(Decimal("100.03")), StopLimit(Decimal("1.01"), Decimal("1.02"))])
def test_an_unknown_tick_changes_nothing(terms: Terms) -> None:
    assert aligned(terms, Side.BUY, InstrumentFacts(LOT)) == terms
    assert aligned(Market(), Side.BUY, InstrumentFacts(LOT, TICK)) == Market()


# Stop-market orders

prices = st.decimals("0.05", "9999", places=2)
offsets = st.builds(Percent, st.decimals("0.01", "90", places=2)) | st.builds(Ticks, st.integers(1, 500))
ticks = st.sampled_from(["0.01", "0.05", "0.1", "1", None])


@given(trigger=prices, side=st.sampled_from(Side), offset=offsets, tick=ticks, segment=st.sampled_from(ExchangeSegment))
def test_p5_the_limit_lies_beyond_the_trigger_by_the_offset_and_both_are_on_the_tick(
    trigger: Decimal, side: Side, offset: Percent | Ticks, tick: str | None, segment: ExchangeSegment
) -> None:
    facts = InstrumentFacts(LOT, None if tick is None else Decimal(tick))
    terms = copied_terms(StopMarket(trigger), side, segment, facts, Policy(stop_market_offsets={segment: offset}))
    assert isinstance(terms, StopLimit)
    step = facts.tick or Decimal(1)
    if facts.tick is not None:
        assert terms.trigger % step == terms.price % step == 0
    else:
        assert terms.trigger == trigger
    away = terms.trigger * offset.value / 100 if isinstance(offset, Percent) else step * offset.count
    beyond = (terms.price - terms.trigger) * side.sign
    if side is Side.SELL and terms.trigger - away < step:
        assert 0 < terms.price <= terms.trigger
    else:
        assert away <= beyond < away + step


@pytest.mark.parametrize(
    ("kind", "price"), [(InstrumentKind.OPTIDX, "105.00"), (InstrumentKind.FUTSTK, "101.00"), (None, "101.00")]
)
def test_p5_options_get_five_percent_and_all_else_one(kind: InstrumentKind | None, price: str) -> None:
    facts = InstrumentFacts(LOT, TICK, kind)
    terms = copied_terms(StopMarket(Decimal(100)), Side.BUY, ExchangeSegment.NSE_FNO, facts, Policy())
    assert terms == StopLimit(Decimal(100), Decimal(price))


@given(st.sampled_from([Market(), Limit(Decimal(100)), StopLimit(Decimal(100), Decimal(99)), StopMarket(Decimal(100))]))
def test_p5_as_is_changes_nothing_and_other_terms_are_never_touched(terms: Terms) -> None:
    facts = InstrumentFacts(LOT, TICK)
    as_is = Policy(stop_market=StopMarketForm.AS_IS)
    assert copied_terms(terms, Side.SELL, ExchangeSegment.NSE_EQ, facts, as_is) == terms
    if not isinstance(terms, StopMarket):
        assert copied_terms(terms, Side.SELL, ExchangeSegment.NSE_EQ, facts, Policy()) == terms


@pytest.mark.parametrize("value", ["0", "-1"])
def test_an_offset_leads_away_from_the_trigger(value: str) -> None:
    with pytest.raises(ValueError, match="value"):
        Percent(Decimal(value))
    with pytest.raises(ValueError, match="count"):
        Ticks(int(value))


# Market orders that came over the API


def recorded() -> list[OrderReport]:
    """Frames as they were received in September 2026."""
    frames = Path(__file__).parent.parent.joinpath("data", "order_updates.jsonl").read_text("utf-8").splitlines()
    return [parse_order_update(frame) for frame in frames]


def test_p2_the_market_orders_among_recorded_frames_are_recognised_and_no_other() -> None:
    seen = [(report.source, protected_market(report, report.instrument or InstrumentFacts(1))) for report in recorded()]
    assert any(limit is not None for _, limit in seen)
    for report, (source, limit) in zip(recorded(), seen):
        assert limit is None or (source == "P" and limit == report.terms)


@given(
    st.decimals("1", "50000", places=2), st.sampled_from(Side), st.sampled_from([1, 2, 5, 10, 20]),
    st.sampled_from(["0.05", "0.10", "0.01"]),
)  # fmt: skip
def test_p2_a_limit_that_dhan_made_of_a_market_order_is_told_from_one_of_the_users(
    last: Decimal, side: Side, percent: int, tick: str
) -> None:
    facts = InstrumentFacts(LOT, Decimal(tick))
    exact = last * (100 + side.sign * percent) / 100
    price = exact // Decimal(tick) * Decimal(tick)
    if price <= 0:
        return
    told = report(side=side, terms=Limit(price), last_price=last, source="P")
    assert protected_market(told, facts) == Limit(price)
    assert protected_market(evolve(told, source="N"), facts) is None, "the app sends market orders as such"
    assert protected_market(evolve(told, last_price=None), facts) is None
    assert protected_market(evolve(told, terms=Market()), facts) is None
    near = evolve(told, terms=Limit(price + 3 * Decimal(tick)), last_price=Decimal(1000))
    expected = {(Decimal(1000) * (100 + side.sign * each) / 100) // Decimal(tick) * Decimal(tick) for each in (1, 2, 5, 10, 20)}
    assert (protected_market(near, facts) is not None) is (price + 3 * Decimal(tick) in expected)


@pytest.mark.parametrize("form", ProtectedMarket)
def test_p2_it_is_copied_as_the_same_limit_or_by_policy_as_a_market_order(form: ProtectedMarket) -> None:
    bench = World({"F": Fraction(1, 2)}, policy=Policy(protected_market=form))
    order = bench.place(Side.BUY, 4, terms=Limit(Decimal("101.00")), tell=False)
    order.report = evolve(order.report, source="P", last_price=Decimal("100.00"))
    bench.tell(order)
    [copy] = bench.open_orders("F")
    assert copy.report.terms == (Market() if form is ProtectedMarket.MARKET else Limit(Decimal("101.00")))
    bench.change(order, terms=Limit(Decimal("99.00")))
    assert copy.report.terms == Limit(Decimal("99.00")), "a price of his own"
