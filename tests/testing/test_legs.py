"""Exit legs are never live for more than what is open, and never for less."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import Leg, Limit, OrderStatus, Product, Side, StopMarket
from dhan_copy.testing import SimulatedExchange, SimulatedOrder
from dhan_copy.testing.legs import bracket_at, exit_terms
from dhan_copy.testing.orders import leg_id
from tests.testing.exchange_kit import SHARE, buy, exchange, heard, sell

LONG = Bracket(target=Decimal(410), stop=Decimal(390))
SHORT = Bracket(target=Decimal(390), stop=Decimal(410))

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["ENTRY", "TARGET", "STOP"]), st.integers(1, 12)),
        st.tuples(st.just("price"), st.sampled_from([380, 389, 395, 400, 405, 411, 420])),
        st.tuples(st.just("cancel the entry"), st.just(0)),
        st.tuples(st.just("settle"), st.just(0)),
    ),
    max_size=14,
)


class Family:
    """An entry and its legs by what the exchange's books say of each."""

    def __init__(self, ex: SimulatedExchange, entry: SimulatedOrder) -> None:
        self.ex, self.order_id = ex, entry.order_id

    @property
    def entry(self) -> SimulatedOrder:
        return self.ex.order("L", self.order_id)

    @property
    def legs(self) -> tuple[SimulatedOrder, ...]:
        return self.ex.linked.legs("L", self.order_id)

    def leg(self, leg: Leg) -> SimulatedOrder:
        return next(each for each in self.legs if each.leg is leg)

    @property
    def open(self) -> int:
        return self.entry.filled_quantity - sum(leg.filled_quantity for leg in self.legs)

    def do(self, what: str, number: int) -> None:
        """As far as it can be done."""
        match what:
            case "price":
                self.ex.set_price(SHARE, number)
            case "cancel the entry":
                if not self.entry.status.is_terminal:
                    self.ex.cancel("L", self.order_id)
            case "settle":
                self.ex.linked.settle()
            case _:
                legs = [leg for leg in self.legs if leg.leg is Leg[what]]
                for order in legs if what != "ENTRY" else [self.entry]:
                    units = min(number, order.leaves_quantity)
                    if units:
                        self.ex.fill("L", order.book_id, units, 400)


def placed(variety: str, side: Side, ex: SimulatedExchange) -> Family:
    new = (buy if side is Side.BUY else sell)(20, "400")
    bracket = LONG if side is Side.BUY else SHORT
    match variety:
        case "super":
            return Family(ex, ex.linked.place_super("L", new, bracket))
        case "bracket":
            return Family(ex, ex.linked.place_bracket("L", new, profit=Decimal(10), stop=Decimal(10)))
        case _:
            assert bracket.stop is not None
            return Family(ex, ex.linked.place_cover("L", new, bracket.stop))


varieties = st.sampled_from(["super", "bracket", "cover"])


@settings(max_examples=150)
@given(variety=varieties, side=st.sampled_from(Side), story=steps, keeps=st.booleans())
def test_f40_every_leg_is_for_what_is_open(variety: str, side: Side, story: list[tuple[str, int]], keeps: bool) -> None:
    ex = exchange()
    ex.unwritten.cancelled_entry_keeps_exits = keeps
    family = placed(variety, side, ex)
    for step in story:
        family.do(*step)
        assert family.open >= 0
        exits = [leg for leg in family.legs if leg.exchange_at is not None]
        taken_back = family.entry.status is OrderStatus.CANCELLED and variety == "super" and not keeps
        for leg in exits:
            assert leg.leaves_quantity == (0 if taken_back else family.open)
        product = family.entry.product
        assert ex.position("L", SHARE, product) == side.sign * family.open
        traded = {order.book_id: order.filled_quantity for order in (family.entry, *family.legs)}
        assert sum(trade.quantity for trade in ex.trades("L")) == sum(traded.values())
        if family.entry.status.is_terminal and not family.open:
            assert all(leg.status.is_terminal for leg in family.legs)


@settings(max_examples=150)
@given(variety=varieties, side=st.sampled_from(Side), story=steps)
def test_l4_both_legs_can_fill_before_either_is_seen(variety: str, side: Side, story: list[tuple[str, int]]) -> None:
    ex = exchange()
    ex.linked.hold = True
    family = placed(variety, side, ex)
    for step in story:
        family.do(*step)
        assert ex.position("L", SHARE, family.entry.product) == side.sign * family.open
        for leg in family.legs:
            others = sum(each.filled_quantity for each in family.legs if each.leg is not leg.leg)
            assert leg.leaves_quantity <= max(family.open + others, 0) or leg.exchange_at is None
    ex.linked.settle()
    for leg in family.legs:
        assert leg.exchange_at is None or leg.leaves_quantity <= max(family.open, 0)


def test_l4_the_race_can_be_forced() -> None:
    ex = exchange()
    family = placed("super", Side.BUY, ex)
    ex.fill("L", family.order_id)
    ex.linked.hold = True
    ex.set_price(SHARE, 410)
    ex.set_price(SHARE, 390)
    assert [leg.status for leg in family.legs] == [OrderStatus.TRADED, OrderStatus.TRADED]
    assert family.open == ex.position("L", SHARE, Product.INTRADAY) == -20
    ex.linked.settle()
    assert [leg.leaves_quantity for leg in family.legs] == [0, 0]


def test_l4_the_other_leg_goes_after_the_delay() -> None:
    ex = exchange()
    ex.unwritten.leg_delay_seconds = 2.0
    family = placed("super", Side.BUY, ex)
    ex.fill("L", family.order_id)
    ex.fill("L", leg_id(family.order_id, Leg.TARGET))
    assert ex.linked.due == ex.clock.monotonic() + 2.0
    ex.clock.advance(1.9)  # type: ignore[attr-defined]
    assert family.leg(Leg.STOP).leaves_quantity == 20
    ex.clock.advance(0.2)  # type: ignore[attr-defined]
    assert family.leg(Leg.STOP).status is OrderStatus.CANCELLED
    assert ex.linked.due is None


def test_l2_and_l3_legs_grow_with_the_entry_and_shrink_with_each_other() -> None:
    ex = exchange()
    family = placed("super", Side.BUY, ex)
    assert [leg.quantity for leg in family.legs] == [0, 0]
    assert [order.order_id for order in ex.orders("L")] == [family.order_id]
    ex.fill("L", family.order_id, 8)
    assert [leg.quantity for leg in family.legs] == [8, 8]
    ex.fill("L", leg_id(family.order_id, Leg.TARGET), 3)
    assert [(leg.quantity, leg.filled_quantity) for leg in family.legs] == [(8, 3), (5, 0)]
    ex.fill("L", family.order_id, 12)
    assert [(leg.quantity, leg.filled_quantity) for leg in family.legs] == [(20, 3), (17, 0)]
    ex.fill("L", leg_id(family.order_id, Leg.STOP), 17)
    assert [(leg.status, leg.quantity) for leg in family.legs] == [(OrderStatus.TRADED, 3), (OrderStatus.TRADED, 17)]


def test_l2_a_leg_that_has_filled_comes_back_for_what_the_entry_fills_next() -> None:
    ex = exchange()
    family = placed("super", Side.BUY, ex)
    ex.fill("L", family.order_id, 8)
    ex.fill("L", leg_id(family.order_id, Leg.TARGET), 8)
    target, stop = family.legs
    assert (target.status, target.leaves_quantity, stop.quantity) == (OrderStatus.PART_TRADED, 0, 0)
    ex.fill("L", family.order_id, 12)
    assert [leg.leaves_quantity for leg in family.legs] == [12, 12]


def test_a_stop_that_went_with_the_target_is_not_triggered_by_the_same_price() -> None:
    ex = exchange()
    family = placed("super", Side.BUY, ex)
    ex.fill("L", family.order_id)
    ex.linked.modify("L", family.order_id, Leg.TARGET, Bracket(target=Decimal(389)))
    events = heard(ex)
    ex.set_price(SHARE, 390)
    stop = family.leg(Leg.STOP)
    assert (stop.terms, stop.status) == (StopMarket(Decimal(390)), OrderStatus.CANCELLED)
    assert [event.order.leg for event in events] == [Leg.TARGET, Leg.STOP]


def test_a_stop_is_triggered_trades_at_the_market_and_cancels_the_target() -> None:
    ex = exchange()
    family = placed("super", Side.BUY, ex)
    ex.fill("L", family.order_id)
    events = heard(ex)
    ex.set_price(SHARE, "389.5", available=5)
    stop = family.leg(Leg.STOP)
    assert (stop.status, stop.filled_quantity, stop.triggered_quantity) == (OrderStatus.PART_TRADED, 5, 20)
    assert stop.average_price == Decimal("389.5")
    ex.set_price(SHARE, 388)
    assert family.leg(Leg.STOP).average_price == (5 * Decimal("389.5") + 15 * 388) / 20
    assert family.leg(Leg.TARGET).status is OrderStatus.CANCELLED
    assert [(event.order.leg, event.order.status) for event in events[:2]] == [
        (Leg.STOP, OrderStatus.TRIGGERED), (Leg.STOP, OrderStatus.PART_TRADED),
    ]  # fmt: skip


def test_one_price_never_fills_both_legs() -> None:
    ex = exchange()
    family = Family(ex, ex.linked.place_super("L", buy(10, "400"), LONG))
    ex.fill("L", family.order_id, 10)
    ex.set_price(SHARE, 410)
    assert [leg.filled_quantity for leg in family.legs] == [10, 0]
    assert family.leg(Leg.TARGET).average_price == 410


class TestTrailing:
    def trailing(self, side: Side) -> tuple[SimulatedExchange, Family]:
        ex = exchange()
        ex.set_price(SHARE, 400)
        bracket = Bracket(target=Decimal(400 + 30 * side.sign), stop=Decimal(400 - 10 * side.sign),
                          trailing_jump=Decimal(2))  # fmt: skip
        new = (buy if side is Side.BUY else sell)(20, None)
        return ex, Family(ex, ex.linked.place_super("L", new, bracket))

    @given(side=st.sampled_from(Side), moves=st.lists(st.integers(-9, 25), max_size=8))
    def test_the_stop_follows_by_whole_jumps_and_never_back(self, side: Side, moves: list[int]) -> None:
        ex, family = self.trailing(side)
        best, live = 0, True
        for move in moves:
            if live and move <= -10 + best // 2 * 2:
                live = False
            ex.set_price(SHARE, 400 + side.sign * move)
            if not live:
                assert family.leg(Leg.STOP).status is OrderStatus.TRADED
                return
            best = max(best, move)
            expected = Decimal(400 + side.sign * (best // 2 * 2 - 10))
            assert family.leg(Leg.STOP).trigger == expected
            bracket = family.entry.bracket
            assert bracket is not None and bracket.stop == expected

    def test_l6_no_jump_ends_it_and_a_new_one_counts_from_the_price_of_now(self) -> None:
        ex, family = self.trailing(Side.BUY)
        ex.set_price(SHARE, 405)
        ex.linked.modify("L", family.order_id, Leg.STOP, Bracket(stop=Decimal(396)))
        ex.set_price(SHARE, 415)
        assert family.leg(Leg.STOP).trigger == 396
        ex.linked.modify("L", family.order_id, Leg.STOP, Bracket(stop=Decimal(400), trailing_jump=Decimal(5)))
        ex.set_price(SHARE, 419)
        assert family.leg(Leg.STOP).trigger == 400
        ex.set_price(SHARE, 420)
        assert family.leg(Leg.STOP).trigger == 405


def test_legs_take_no_funds() -> None:
    ex = exchange()
    ex.set_funds("L", Decimal(8000))
    family = placed("super", Side.BUY, ex)
    for _ in range(2):
        ex.fill("L", family.order_id, 10)
        assert ex.funds("L").available == 0
    with_target = ex.linked.cancel("L", family.order_id, Leg.TARGET)
    assert with_target.status is OrderStatus.CANCELLED
    assert ex.funds("L").available == 0


def test_l8_a_bracket_orders_values_are_differences_from_the_entrys_price() -> None:
    ex = exchange()
    entry = ex.linked.place_bracket("L", sell(20, "400"), profit=Decimal("7.5"), stop=Decimal(3))
    assert bracket_at(entry) == Bracket(target=Decimal("392.5"), stop=Decimal(403))
    at_market = ex.linked.place_bracket("L", buy(20, None), profit=Decimal(5), stop=Decimal(3))
    assert (at_market.bracket, bracket_at(at_market)) == (None, None)
    ex.fill("L", at_market.order_id, 10, 401)
    legs = ex.linked.legs("L", at_market.order_id)
    assert [leg.terms for leg in legs] == [Limit(Decimal(406)), StopMarket(Decimal(398))]


def test_terms_of_exits() -> None:
    assert exit_terms(None, Leg.TARGET) is None
    assert exit_terms(Bracket(stop=Decimal(5)), Leg.TARGET) is None
    assert exit_terms(Bracket(target=Decimal(5)), Leg.STOP) is None
