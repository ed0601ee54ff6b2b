"""P: what becomes of an order that the leader places."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy.core.facts import LeaderReported, RequestIssued
from dhan_copy.core.settings import Policy, ProtectedMarket
from dhan_copy.model.ids import BrokerOrderId, client_order_id, is_ours
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Market, OrderStatus, Product, Side, StopMarket, Validity, Variety
from dhan_copy.testing import Rejection, RequestKind
from dhan_copy.testing.reports import report_of
from dhan_copy.testing.server import HttpFault
from tests.scenarios.kit import CALL, LEADER, SHARE, F, G, Lab, Slow, Stage, Wire, limit, stop


def test_p1_a_market_order_of_the_app_is_copied_with_side_product_segment_and_validity(stage: Stage) -> None:
    stage.buy(150)
    stage.until(lambda: stage.net() == 75)
    copy = stage.copy()
    assert (copy.key, copy.side, copy.product, copy.validity) == (CALL, Side.BUY, Product.INTRADAY, Validity.DAY)
    (request,) = stage.requests()
    assert (request.kind, request.quantity, request.terms) == (RequestKind.PLACE, 75, Market())
    assert is_ours(request.tag)


def test_p1_a_market_order_leaves_as_one_without_prices(wire: Wire) -> None:
    wire.sell(150, product=Product.MARGIN)
    wire.until(lambda: wire.net(product=Product.MARGIN) == -75)
    (body,) = wire.bodies("POST")
    sent = {name: body[name] for name in ("orderType", "transactionType", "productType", "exchangeSegment", "validity")}
    assert sent == {
        "orderType": "MARKET", "transactionType": "SELL", "productType": "MARGIN", "exchangeSegment": "NSE_FNO",
        "validity": "DAY",
    }  # fmt: skip
    assert (body["quantity"], body["price"], body["triggerPrice"]) == (75, 0, 0)


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "101"), (Side.SELL, "99")])
def test_p2_an_api_market_order_that_arrives_as_a_limit_is_copied_at_that_limit(stage: Stage, side: Side, price: str) -> None:
    order = stage.place(side, 150, Market(), source="P")
    assert stage.leaders(order).terms == limit(price)
    stage.until(lambda: stage.net() == 75 * side.sign)
    (request,) = stage.requests()
    assert request.terms == limit(price)


@pytest.mark.parametrize("side", Side, ids=lambda side: side.name)
def test_p2_where_the_policy_says_so_it_is_a_market_order_again(labs: Callable[..., Lab], side: Side) -> None:
    stage = labs({F: "1/2"}, policy=Policy(protected_market=ProtectedMarket.MARKET))
    order = stage.place(side, 150, Market(), source="P")
    assert stage.leaders(order).terms == limit(100 + side.sign), "what Dhan makes of it"
    stage.until(lambda: stage.net() == 75 * side.sign)
    by_hand = stage.place(side, 150, limit(100 + 20 * side.sign), source="N")
    stage.until(lambda: stage.row(by_hand)["decision"] == "COPIED" and len(stage.requests()) == 2)
    assert [request.terms for request in stage.requests()] == [Market(), limit(100 + 20 * side.sign)]


@pytest.mark.parametrize("price", ["90", "90.05", "99.95", "0.05"])
def test_p3_a_limit_order_is_copied_at_the_same_price(stage: Stage, price: str) -> None:
    stage.buy(150, limit(price))
    stage.until(lambda: stage.copies())
    (request,) = stage.requests()
    assert (request.quantity, request.terms) == (75, limit(price))


@pytest.mark.parametrize(
    ("side", "price", "odd", "copied"), [(Side.BUY, 90, "90.07", "90.05"), (Side.SELL, 110, "110.07", "110.10")]
)
def test_p3_a_price_off_the_tick_goes_to_the_passive_side_of_it(
    lab: Lab, side: Side, price: int, odd: str, copied: str
) -> None:
    lab.sources[LEADER].withhold()
    order = lab.leaders(lab.place(side, 150, limit(price)))
    lab.cancel(order.order_id)
    lab.sources[LEADER].release(())
    report = report_of(order, lab.exchange.instrument(CALL))
    lab.sources[LEADER].push(evolve(report, order_id=BrokerOrderId("7"), terms=limit(odd)))
    lab.step()
    (request,) = lab.requests()
    assert request.terms == limit(copied)


def test_p4_a_stop_limit_carries_trigger_and_price(stage: Stage) -> None:
    stage.buy(150, stop("109.95", "110.5"))
    stage.until(lambda: stage.copies() and stage.copy().status is OrderStatus.PENDING)
    (request,) = stage.requests()
    assert (request.quantity, request.terms) == (75, stop("109.95", "110.5"))
    assert stage.net() == 0


def test_p4_a_stop_of_the_socket_is_a_stop_loss_of_the_rest_api(wire: Wire) -> None:
    wire.sell(150, stop("90.05", "89.9"))
    wire.until(lambda: wire.copies())
    (body,) = wire.bodies("POST")
    assert (body["orderType"], body["triggerPrice"], body["price"]) == ("STOP_LOSS", 90.05, 89.9)


def test_p5_a_stop_market_becomes_a_stop_limit_with_its_limit_beyond_the_trigger(stage: Stage) -> None:
    stage.buy(150, StopMarket(Decimal("110")))
    stage.until(lambda: stage.copies() and stage.copy().status is OrderStatus.PENDING)
    (request,) = stage.requests()
    assert (request.quantity, request.terms) == (75, stop("110", "115.5"))
    assert stage.net() == 0, "it waits for its trigger"


def test_p5_it_reaches_dhan_as_a_stop_loss_with_a_price(wire: Wire) -> None:
    wire.sell(150, StopMarket(Decimal("90")))
    wire.until(lambda: wire.copies())
    (body,) = wire.bodies("POST")
    assert (body["orderType"], body["triggerPrice"], body["price"]) == ("STOP_LOSS", 90.0, 85.5)


def test_p6_an_immediate_or_cancel_order_stays_one(stage: Stage) -> None:
    stage.buy(150, limit(100), validity=Validity.IOC)
    stage.until(lambda: stage.net() == 75)
    assert stage.copy().validity is Validity.IOC


def test_p6_an_ioc_that_was_over_before_it_was_seen_is_sized_from_what_it_filled(stage: Stage) -> None:
    stage.withhold_news(LEADER)
    stage.exchange.set_price(CALL, 100, available=150)
    order = stage.buy(450, limit(100), validity=Validity.IOC)
    stage.exchange.set_price(CALL, 100)
    assert (stage.leaders(order).status, stage.leaders(order).filled_quantity) == (OrderStatus.CANCELLED, 150)
    stage.reconnect(LEADER)
    stage.until(lambda: stage.net() == 75)
    (request,) = stage.requests()
    assert request.quantity == 75 and stage.copy().validity is Validity.IOC


def test_p6_an_ioc_whose_frames_come_all_at_once_is_sized_from_what_it_filled(lab: Lab) -> None:
    lab.exchange.set_price(CALL, 100, available=150)
    lab.buy(450, limit(100), validity=Validity.IOC)
    lab.exchange.set_price(CALL, 100)
    lab.settle()
    assert lab.net() == 75


def test_p6_an_ioc_that_filled_nothing_before_it_was_seen_is_not_copied(lab: Lab) -> None:
    lab.withhold_news(LEADER)
    lab.buy(450, limit(90), validity=Validity.IOC)
    lab.reconnect(LEADER)
    lab.settle()
    assert lab.requests() == [] and lab.codes() == ["LEADER_UNFILLED"]


@pytest.mark.parametrize(
    ("units", "disclosed", "key", "copied", "shown"),
    [
        (750, 300, CALL, 375, 150),  # 40 % of both
        (450, 150, CALL, 225, 75),  # a third of both
        (300, 150, CALL, 150, 75),
        (1050, 375, CALL, 525, 225),  # 187.5 is no whole lot, and 150 of 525 would be below 30 %
        (100, 31, SHARE, 50, 16),  # 15 of 50 would be 30 % and not more
    ],
)
def test_p7_a_disclosed_quantity_is_scaled_and_kept_above_thirty_per_cent(
    stage: Stage, units: int, disclosed: int, key: InstrumentKey, copied: int, shown: int
) -> None:
    stage.buy(units, limit(90), key=key, disclosed_quantity=disclosed)
    stage.until(lambda: stage.copies() and stage.copy().status is OrderStatus.PENDING)
    assert (stage.copy().quantity, stage.copy().disclosed_quantity) == (copied, shown)


@pytest.mark.parametrize(
    ("product", "key"),
    [
        (Product.CNC, SHARE),
        (Product.INTRADAY, SHARE),
        (Product.MARGIN, CALL),
        (Product.INTRADAY, CALL),
        (Product.MTF, SHARE),
    ],
)
def test_p9_the_product_is_carried_unchanged_into_entry_and_exit(lab: Lab, product: Product, key: InstrumentKey) -> None:
    lab.buy(150, key=key, product=product)
    lab.settle()
    assert lab.net(key=key, product=product) == 75
    lab.sell(150, key=key, product=product)
    lab.until(lambda: lab.net(key=key, product=product) == 0)
    assert [(o.side, o.product) for o in lab.copies()] == [(Side.BUY, product), (Side.SELL, product)]


def test_p13_an_order_that_carries_this_librarys_tag_is_not_copied_again(lab: Lab) -> None:
    lab.buy(150, source="P", tag=client_order_id("another", "1", LEADER, "E", 0, 0))
    lab.settle()
    lab.advance(60)
    assert lab.requests() == [] and lab.codes() == ["OWN_ORDER"]


def test_p13_the_child_of_a_forever_order_is_not_copied(lab: Lab) -> None:
    lab.withhold_news(LEADER)
    order = lab.leaders(lab.buy(150))
    lab.sources[LEADER].release(())
    report = report_of(order, lab.exchange.instrument(CALL))
    parent = BrokerOrderId("5")
    lab.sources[LEADER].push(evolve(report, variety=Variety.FOREVER, parent_order_id=parent, platform="FOVR", source="P"))
    lab.settle()
    lab.advance(60)
    assert lab.requests() == [] and lab.codes() == ["FOREVER_CHILD"]


def test_p14_nothing_is_sent_for_an_order_in_transit_until_it_is_confirmed(stage: Stage) -> None:
    stage.exchange.hold_in_transit = True
    order = stage.buy(150)
    stage.exchange.hold_in_transit = False
    stage.reconnect(LEADER)
    stage.until(lambda: _seen_in_transit(stage, order))
    stage.settle()
    assert stage.requests() == [] and stage.codes() == [None]
    stage.exchange.confirm(LEADER, order)
    stage.until(lambda: stage.net() == 75)


def test_p14_an_order_that_is_rejected_after_transit_is_never_copied(stage: Stage) -> None:
    stage.exchange.reject_next(LEADER, Rejection("RMS:1:You have insufficient funds"))
    stage.exchange.hold_in_transit = True
    order = stage.buy(150)
    stage.exchange.hold_in_transit = False
    stage.reconnect(LEADER)
    stage.until(lambda: _seen_in_transit(stage, order))
    stage.exchange.confirm(LEADER, order)
    stage.until(lambda: stage.codes() == ["LEADER_REJECTED"])
    stage.settle()
    assert stage.leaders(order).status is OrderStatus.REJECTED and stage.requests() == []


def _seen_in_transit(stage: Stage, order: str) -> bool:
    return any(
        fact.report.order_id == order and fact.report.status is OrderStatus.TRANSIT for fact in stage.facts(LeaderReported)
    )


def test_p15_each_follower_gets_its_own_size(stages: Callable[..., Stage]) -> None:
    stage = stages({F: "1/2", G: "1/3", "H": "1", "J": "2.5"})
    stage.buy(450, limit(90))
    stage.until(lambda: all(stage.copies(follower) for follower in stage.followers))
    assert [stage.copy(follower).quantity for follower in stage.followers] == [225, 150, 450, 1125]


def test_p15_a_follower_whose_broker_hangs_delays_no_other(slows: Callable[..., Slow]) -> None:
    slow = slows({F: "1/2", G: "1/2"})
    slow.brokers[F].go_on.clear()
    for _ in range(5):
        slow.buy(150)
    slow.until(lambda: slow.net(G) == 375)
    assert slow.copies(F) == []
    slow.brokers[F].go_on.set()
    slow.until(lambda: slow.net(F) == 375)


def test_p15_a_follower_whose_answers_do_not_come_delays_no_other(wires: Callable[..., Wire]) -> None:
    wire = wires({F: "1/2", G: "1/2"})
    wire.server.plan_fault(HttpFault(account=F, method="POST", seconds_before=600, execute=False))
    for _ in range(5):
        wire.buy(150)
    wire.until(lambda: wire.net(G) == 375)
    assert wire.copies(F) == []
    issued: list[str] = [fact.request.follower for fact in wire.facts(RequestIssued)]
    assert issued.count(F) == issued.count(G) == 5
    wire.server.stop()


def test_p15_a_follower_who_is_rejected_takes_nothing_from_the_others(stages: Callable[..., Stage]) -> None:
    stage = stages({F: "1/2", G: "1/2"})
    stage.exchange.set_funds(F, Decimal(100))
    stage.buy(150)
    stage.until(lambda: stage.net(G) == 75 and stage.copies(F) and stage.copy(F).status is OrderStatus.REJECTED)
    stage.exchange.set_funds(F, Decimal(100_000))
    stage.settle()
    assert len(stage.requests(follower=F)) == len(stage.requests(follower=G)) == 1


def test_p2_p3_prices_over_the_wire_are_exact(wire: Wire) -> None:
    prices = [Decimal(tick) / 20 for tick in range(1, 1999, 97)]
    for price in prices:
        wire.buy(150, limit(price))
    wire.until(lambda: len(wire.copies()) == len(prices))
    terms = sorted((copy.terms for copy in wire.copies()), key=lambda terms: terms.price)
    assert terms == [limit(price) for price in prices]
