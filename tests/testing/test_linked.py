"""Super, bracket and cover orders are placed, changed and cancelled by leg, as far as each stage allows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import Leg, Limit, Market, OrderStatus, Product, Side, StopMarket, Variety
from dhan_copy.testing import ExchangeRefusal, Rejection, RejectionWay, RequestKind, SimulatedExchange, SimulatedOrder
from dhan_copy.testing.orders import leg_id
from dhan_copy.testing.reports import report_of, super_reports
from tests.testing.exchange_kit import FUTURE, SHARE, buy, exchange, heard, sell

WHOLE = Bracket(target=Decimal(410), stop=Decimal(390), trailing_jump=Decimal(2))


def placed(ex: SimulatedExchange, quantity: int = 10, **more: object) -> SimulatedOrder:
    return ex.linked.place_super("L", buy(quantity, "400", **more), WHOLE)


def statuses_of(ex: SimulatedExchange, order: SimulatedOrder) -> list[OrderStatus]:
    return [leg.status for leg in ex.linked.legs("L", order.order_id)]


class TestPlacing:
    def test_the_legs_share_the_entrys_id_and_tag(self) -> None:
        ex = exchange()
        entry = placed(ex, tag="dc1-x")
        assert (entry.status, entry.variety, entry.bracket) == (OrderStatus.PENDING, Variety.SUPER, WHOLE)
        legs = ex.linked.legs("L", entry.order_id)
        assert {(leg.order_id, leg.tag) for leg in legs} == {(entry.order_id, "dc1-x")}
        assert [(leg.leg, leg.side, leg.terms) for leg in legs] == [
            (Leg.TARGET, Side.SELL, Limit(Decimal(410))), (Leg.STOP, Side.SELL, StopMarket(Decimal(390))),
        ]  # fmt: skip
        assert ex.linked.supers("L") == ex.tagged("L", "dc1-x") == (entry,)

    def test_an_api_market_entry_is_price_protected_and_its_legs_are_held_against_the_last_price(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 400, available=0)
        entry = ex.linked.place_super("L", buy(10, None, source="P"), Bracket(target=Decimal(401), stop=Decimal(399)))
        assert entry.terms == Limit(Decimal(404))
        ex.set_price(SHARE, 399)
        [stop] = [leg for leg in ex.linked.legs("L", entry.order_id) if leg.leg is Leg.STOP]
        assert (stop.terms, stop.status) == (Market(), OrderStatus.TRADED)

    @pytest.mark.parametrize("product", [Product.CNC, Product.INTRADAY, Product.MARGIN, Product.MTF])
    def test_four_products(self, product: Product) -> None:
        assert placed(exchange(), product=product).product is product

    @pytest.mark.parametrize("product", [Product.CO, Product.BO])
    def test_no_others(self, product: Product) -> None:
        with pytest.raises(ExchangeRefusal, match="productType"):
            placed(exchange(), product=product)

    @pytest.mark.parametrize(
        ("side", "target", "stop", "words"),
        [
            ("BUY", "400", "390", "Target Price should be greater"),
            ("BUY", "410", "400", "Stop Loss Price should be less"),
            ("SELL", "400", "410", "Target Price should be less"),
            ("SELL", "390", "399", "Stop Loss Price should be greater"),
        ],
    )
    def test_legs_lie_on_their_sides_of_the_entry(self, side: str, target: str, stop: str, words: str) -> None:
        ex = exchange()
        with pytest.raises(ExchangeRefusal, match=words):
            new = {"BUY": buy, "SELL": sell}[side](10, "400")
            ex.linked.place_super("L", new, Bracket(target=Decimal(target), stop=Decimal(stop)))
        assert ex.orders("L") == ()
        assert [request.problem[:6] for request in ex.requests] == [words[:6]]

    def test_legs_keep_tick_and_band(self) -> None:
        ex = exchange()
        off_tick = ex.linked.place_super("L", buy(10, "400"), Bracket(target=Decimal("410.01")))
        outside = ex.linked.place_super("L", buy(10, "400"), Bracket(stop=Decimal(299)))
        assert [order.status for order in (off_tick, outside)] == [OrderStatus.REJECTED] * 2
        assert [leg.status for leg in ex.linked.legs("L", off_tick.order_id)] == [OrderStatus.CANCELLED]

    @pytest.mark.parametrize("way", [RejectionWay.ANSWERED, RejectionWay.LATER])
    def test_a_rejected_entry_has_no_live_leg(self, way: RejectionWay) -> None:
        ex = exchange()
        ex.reject_next("L", Rejection("RMS:no", way=way))
        entry = placed(ex)
        assert entry.status is OrderStatus.REJECTED
        assert all(leg.status.is_terminal for leg in ex.linked.legs("L", entry.order_id))

    def test_it_waits_in_transit_and_is_shown_when_the_broker_shows_it(self) -> None:
        ex = exchange()
        ex.delay_visibility("L", 5.0)
        entry = ex.linked.place_super("L", buy(10, "400"), WHOLE, deferred=True)
        assert entry.status is OrderStatus.TRANSIT
        assert ex.linked.supers("L") == ()
        ex.clock.advance(5)  # type: ignore[attr-defined]
        assert ex.confirm("L", entry.order_id) in ex.linked.supers("L")


class TestModifying:
    def test_l6_the_entry_while_it_works(self) -> None:
        ex = exchange()
        entry = placed(ex)
        ex.fill("L", entry.order_id, 4)
        wanted = Bracket(target=Decimal(415), stop=Decimal(385))
        changed = ex.linked.modify("L", entry.order_id, Leg.ENTRY, wanted, quantity=20, terms=Limit(Decimal(401)))
        assert (changed.quantity, changed.terms, changed.bracket) == (20, Limit(Decimal(401)), wanted)
        legs = ex.linked.legs("L", entry.order_id)
        assert [(leg.quantity, leg.terms) for leg in legs] == [
            (4, Limit(Decimal(415))), (4, StopMarket(Decimal(385))),
        ]  # fmt: skip

    def test_a_leg_that_is_not_named_stays(self) -> None:
        ex = exchange()
        entry = placed(ex)
        changed = ex.linked.modify("L", entry.order_id, Leg.ENTRY, Bracket(target=Decimal(412)))
        assert changed.bracket == Bracket(target=Decimal(412), stop=Decimal(390))

    def test_l6_only_the_exits_once_it_has_traded(self) -> None:
        ex = exchange()
        entry = placed(ex)
        with pytest.raises(ExchangeRefusal, match="not traded"):
            ex.linked.modify("L", entry.order_id, Leg.TARGET, Bracket(target=Decimal(415)))
        ex.fill("L", entry.order_id)
        with pytest.raises(ExchangeRefusal, match="Order Has Traded"):
            ex.linked.modify("L", entry.order_id, Leg.ENTRY, WHOLE, quantity=20)
        events = heard(ex)
        ex.linked.modify("L", entry.order_id, Leg.TARGET, Bracket(target=Decimal(415)))
        ex.linked.modify("L", entry.order_id, Leg.STOP, Bracket(stop=Decimal(395)))
        assert ex.order("L", entry.order_id).bracket == Bracket(target=Decimal(415), stop=Decimal(395))
        assert [(event.order.leg.value, event.order.status.value) for event in events] == [
            ("TARGET", "MODIFIED"), ("TARGET", "PENDING"), ("STOP", "MODIFIED"), ("STOP", "PENDING"),
        ]  # fmt: skip
        assert [(request.kind, request.leg, bool(request.problem)) for request in ex.requests[1:]] == [
            (RequestKind.MODIFY, Leg.TARGET, True), (RequestKind.MODIFY, Leg.ENTRY, True),
            (RequestKind.MODIFY, Leg.TARGET, False), (RequestKind.MODIFY, Leg.STOP, False),
        ]  # fmt: skip

    def test_a_target_moved_to_where_the_market_is_trades(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 400)
        entry = placed(ex)
        assert ex.linked.modify("L", entry.order_id, Leg.TARGET, Bracket(target=Decimal(399))).filled_quantity == 10

    def test_a_triggered_stop_stays_as_it_is(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 400)
        entry = placed(ex)
        ex.set_price(SHARE, 390, available=1)
        with pytest.raises(ExchangeRefusal, match="already triggered"):
            ex.linked.modify("L", entry.order_id, Leg.STOP, Bracket(stop=Decimal(380)))

    def test_l12_twenty_five_modifications_by_all_legs_together(self) -> None:
        ex = exchange()
        entry = placed(ex)
        ex.linked.modify("L", entry.order_id, Leg.ENTRY, WHOLE, quantity=11)
        ex.fill("L", entry.order_id)
        for turn in range(24):
            ex.linked.modify("L", entry.order_id, Leg.STOP, Bracket(stop=Decimal(380 + turn % 2)))
        for leg in (Leg.STOP, Leg.TARGET):
            with pytest.raises(ExchangeRefusal, match="25 times"):
                ex.linked.modify("L", entry.order_id, leg, WHOLE)

    def test_the_plain_way_is_not_served(self) -> None:
        ex = exchange()
        with pytest.raises(ExchangeRefusal, match="by leg"):
            ex.modify("L", placed(ex).order_id, quantity=5, terms=Limit(Decimal(400)))
        plain = ex.place("L", buy())
        for call in (
            lambda: ex.linked.modify("L", plain.order_id, Leg.ENTRY, WHOLE),
            lambda: ex.linked.cancel("L", plain.order_id, Leg.ENTRY),
            lambda: ex.linked.cancel("L", "1", Leg.TARGET),
        ):
            with pytest.raises(ExchangeRefusal, match="Invalid order id"):
                call()


class TestCancelling:
    @pytest.mark.parametrize("filled", [0, 4])
    def test_l7_the_entry_takes_all_legs_with_it(self, filled: int) -> None:
        ex = exchange()
        entry = placed(ex)
        if filled:
            ex.fill("L", entry.order_id, filled)
        ended = ex.linked.cancel("L", entry.order_id, Leg.ENTRY)
        assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, filled)
        assert statuses_of(ex, entry) == [OrderStatus.CANCELLED] * 2

    def test_l7_after_the_entry_traded_it_is_refused_and_the_exits_stay(self) -> None:
        ex = exchange()
        entry = placed(ex)
        ex.fill("L", entry.order_id)
        with pytest.raises(ExchangeRefusal) as caught:
            ex.linked.cancel("L", entry.order_id, Leg.ENTRY)
        assert (caught.value.code, caught.value.text) == ("DH-906", "Order Has Traded Please Refresh Order Book")
        assert [leg.leaves_quantity for leg in ex.linked.legs("L", entry.order_id)] == [10, 10]
        ex.linked.cancel("L", entry.order_id, Leg.TARGET)
        ex.linked.cancel("L", entry.order_id, Leg.STOP)
        assert statuses_of(ex, entry) == [OrderStatus.CANCELLED] * 2
        assert ex.position("L", SHARE, Product.INTRADAY) == 10

    def test_a_leg_that_was_cancelled_cannot_come_back(self) -> None:
        ex = exchange()
        entry = placed(ex)
        ex.linked.cancel("L", entry.order_id, Leg.TARGET)
        with pytest.raises(ExchangeRefusal, match="Target leg is cancelled"):
            ex.linked.modify("L", entry.order_id, Leg.ENTRY, Bracket(target=Decimal(415), stop=Decimal(390)))
        kept = ex.linked.modify("L", entry.order_id, Leg.ENTRY, Bracket(stop=Decimal(391)))
        assert kept.bracket is not None and kept.bracket.stop == 391
        ex.fill("L", entry.order_id)
        assert [(leg.status, leg.leaves_quantity) for leg in ex.linked.legs("L", entry.order_id)] == [
            (OrderStatus.CANCELLED, 0), (OrderStatus.PENDING, 10),
        ]  # fmt: skip
        with pytest.raises(ExchangeRefusal, match="already cancelled"):
            ex.linked.modify("L", entry.order_id, Leg.TARGET, Bracket(target=Decimal(415)))

    def test_the_plain_cancel_is_that_of_the_entry(self) -> None:
        ex = exchange()
        entry = placed(ex)
        ex.cancel("L", entry.order_id)
        assert statuses_of(ex, entry) == [OrderStatus.CANCELLED] * 2


def test_f40_everything_expires_with_the_day() -> None:
    ex = exchange()
    waiting, open_ = placed(ex), placed(ex, product=Product.MARGIN)
    ex.fill("L", open_.order_id, 4)
    ex.end_day()
    for order in (waiting, open_):
        assert ex.order("L", order.order_id).status is OrderStatus.EXPIRED
        assert statuses_of(ex, order) == [OrderStatus.EXPIRED] * 2
    ex.new_day()
    assert ex.orders("L") == ex.linked.supers("L") == ex.linked.legs("L", open_.order_id) == ()


def test_legs_that_outlive_the_day_still_know_each_other() -> None:
    ex = exchange()
    entry = placed(ex, product=Product.MARGIN)
    ex.fill("L", entry.order_id)
    ex.new_day()
    ex.fill("L", leg_id(entry.order_id, Leg.TARGET))
    assert statuses_of(ex, entry) == [OrderStatus.TRADED, OrderStatus.CANCELLED]
    ex.new_day()
    assert ex.linked.legs("L", entry.order_id) == ()


class TestReports:
    def test_the_list_has_the_bracket_and_no_average_price_and_closes(self) -> None:
        ex = exchange()
        entry = placed(ex)

        def told() -> list[tuple[Leg, OrderStatus, int]]:
            now = ex.order("L", entry.order_id)
            reports = super_reports(now, ex.linked.legs("L", entry.order_id), ex.instrument(SHARE))
            assert all(report.average_price is None for report in reports)
            assert [report.bracket for report in reports] == [WHOLE] + [None] * (len(reports) - 1)
            return [(report.leg, report.status, report.quantity) for report in reports]

        assert told() == [(Leg.ENTRY, OrderStatus.PENDING, 10)]
        ex.fill("L", entry.order_id)
        assert [quantity for _, _, quantity in told()] == [10, 10, 10]
        ex.fill("L", leg_id(entry.order_id, Leg.TARGET))
        assert told() == [
            (Leg.ENTRY, OrderStatus.CLOSED, 10),
            (Leg.TARGET, OrderStatus.TRADED, 10),
            (Leg.STOP, OrderStatus.CANCELLED, 10),
        ]

    def test_a_leg_taken_back_before_it_was_for_anything_is_not_in_the_bracket(self) -> None:
        ex = exchange()
        entry = placed(ex)
        for leg, bracket in ((Leg.STOP, Bracket(target=Decimal(410))), (Leg.TARGET, None)):
            ex.linked.cancel("L", entry.order_id, leg)
            [report] = super_reports(entry, ex.linked.legs("L", entry.order_id), ex.instrument(SHARE))
            assert report.bracket == bracket


class TestBracketOrders:
    def test_l8_legs_are_orders_of_their_own_that_name_the_entry(self) -> None:
        ex = exchange()
        events = heard(ex)
        entry = ex.linked.place_bracket("L", buy(10, "400"), profit=Decimal(10), stop=Decimal(5))
        assert (entry.product, entry.variety) == (Product.BO, Variety.BRACKET)
        assert len(ex.orders("L")) == 1
        ex.fill("L", entry.order_id, 4)
        _, target, stop = (report_of(order, ex.instrument(SHARE)) for order in ex.orders("L"))
        assert (target.leg, target.terms, target.quantity) == (Leg.TARGET, Limit(Decimal(410)), 4)
        assert (stop.leg, stop.terms, stop.quantity) == (Leg.STOP, StopMarket(Decimal(395)), 4)
        assert {target.parent_order_id, stop.parent_order_id} == {entry.order_id}
        assert len({entry.order_id, target.order_id, stop.order_id}) == 3
        assert {event.order.leg for event in events} == {Leg.ENTRY, Leg.TARGET, Leg.STOP}
        ex.modify("L", stop.order_id, quantity=4, terms=StopMarket(Decimal(396)))
        with pytest.raises(ExchangeRefusal, match="Quantity of a leg"):
            ex.modify("L", stop.order_id, quantity=3, terms=StopMarket(Decimal(396)))
        ex.cancel("L", entry.order_id)
        ex.set_price(SHARE, 396)
        assert [order.status for order in ex.orders("L")] == [
            OrderStatus.CANCELLED, OrderStatus.CANCELLED, OrderStatus.TRADED,
        ]  # fmt: skip
        assert ex.position("L", SHARE, Product.BO) == 0

    @pytest.mark.parametrize("values", [{}, {"profit": Decimal(0)}, {"stop": Decimal(400)}])
    def test_values_make_sense(self, values: dict[str, Decimal]) -> None:
        with pytest.raises(ExchangeRefusal, match="target or stop loss value"):
            exchange().linked.place_bracket("L", buy(10, "400"), **values)

    def test_an_entry_that_is_repriced_before_it_fills_takes_its_legs_along(self) -> None:
        ex = exchange()
        entry = ex.linked.place_bracket("L", buy(10, "400"), profit=Decimal(10))
        ex.modify("L", entry.order_id, quantity=10, terms=Limit(Decimal(402)))
        ex.fill("L", entry.order_id, price=401)
        [target] = ex.linked.legs("L", entry.order_id)
        assert target.terms == Limit(Decimal(412))


class TestCoverOrders:
    def test_l9_the_stop_is_an_order_of_its_own_and_can_be_moved(self) -> None:
        ex = exchange()
        entry = ex.linked.place_cover("L", buy(10, "400"), Decimal(390))
        assert (entry.product, entry.variety) == (Product.CO, Variety.COVER)
        _, stop = ex.orders("L")
        assert (stop.parent_order_id, stop.trigger, stop.quantity, stop.leaves_quantity) == (entry.order_id, 390, 10, 0)
        with pytest.raises(ValueError, match="0 open units"):
            ex.fill("L", stop.order_id, 1)
        ex.set_price(SHARE, 399, available=6)
        ex.modify("L", stop.order_id, quantity=6, terms=StopMarket(Decimal(395)))
        ex.set_price(SHARE, 395)
        assert ex.order("L", stop.order_id).filled_quantity == 10
        assert ex.position("L", SHARE, Product.CO) == 0

    def test_an_entry_that_goes_takes_its_stop_along(self) -> None:
        ex = exchange()
        entry = ex.linked.place_cover("L", buy(10, "400"), Decimal(390))
        ex.cancel("L", entry.order_id)
        assert {order.status for order in ex.orders("L")} == {OrderStatus.CANCELLED}


@pytest.mark.parametrize(
    "place",
    [
        lambda ex: ex.linked.place_super("L", buy(200, "3300", key=FUTURE), Bracket(target=Decimal(3400))),
        lambda ex: ex.linked.place_super("L", buy(200, "3300", key=FUTURE), Bracket(stop=Decimal(3200))),
        lambda ex: ex.linked.place_bracket("L", buy(200, "3300", key=FUTURE), stop=Decimal(10)),
    ],
)
def test_one_leg_is_enough(place: Callable[[SimulatedExchange], SimulatedOrder]) -> None:
    ex = exchange()
    entry = place(ex)
    ex.fill("L", entry.order_id)
    [leg] = ex.linked.legs("L", entry.order_id)
    ex.fill("L", leg.book_id)
    assert ex.position("L", FUTURE, entry.product) == 0
