"""X: what fills mean, and what becomes of positions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from dhan_copy import ReasonCode
from dhan_copy.core.facts import CopyAdmitted, DriftDeclared
from dhan_copy.model.account import Holding
from dhan_copy.model.order import OrderStatus, Product, Side
from dhan_copy.testing import RequestKind, SimulatedExchange
from dhan_copy.testing.reports import report_of
from dhan_copy.testing.server.dialect import Dialect
from dhan_copy.testing.server.frames import order_frame
from tests.scenarios.kit import CALL, LEADER, SHARE, F, Lab, Stage, Wire, limit, stop

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL


def is_open(stage: Stage) -> bool:
    return bool(stage.copies()) and stage.copies()[-1].status is OrderStatus.PENDING


def traded(stage: Stage, account: str = F) -> tuple[int, Decimal]:
    """Quantity and average price of the account's trades, by the exchange's own rows."""
    trades = [trade for trade in stage.exchange.trades(account) if trade.order.key == CALL]
    quantity = sum(trade.quantity for trade in trades)
    return quantity, sum((trade.quantity * trade.price for trade in trades), Decimal(0)) / quantity


def test_x1_a_full_fill_is_known_with_its_average(stage: Stage) -> None:
    order = stage.buy(150)
    stage.until(lambda: stage.net() == 75 and stage.row(order)["done"] == 75)
    row = stage.row(order)
    assert (row["state"], row["average_price"], row["filled"]) == ("FILLED", Decimal(100), 150)


def test_x1_partial_fills_add_up_with_their_average(stage: Stage) -> None:
    order = stage.buy(300, limit(90))
    stage.until(lambda: is_open(stage))
    copy = stage.copy().order_id
    stage.exchange.fill(F, copy, 60, "89.5")
    stage.exchange.fill(LEADER, order, 75, 90)
    stage.until(lambda: stage.row(order)["done"] == 60 and stage.row(order)["filled"] == 75)
    assert stage.row(order)["average_price"] == Decimal("89.5")
    assert stage.row(order)["state"] == "WORKING"
    stage.exchange.fill(F, copy, 90, "89.75")
    stage.until(lambda: stage.row(order)["done"] == 150)
    assert (stage.row(order)["done"], stage.row(order)["average_price"]) == traded(stage)
    drift = stage.drift()
    assert drift is not None and (drift["target"], drift["owned"]) == (Decimal("37.5"), 150)


def test_x1_many_fills_in_one_second_are_counted_once_each(stage: Stage) -> None:
    order = stage.buy(300, limit(90))
    stage.until(lambda: is_open(stage))
    copy = stage.copy().order_id
    for number in range(15):
        stage.exchange.fill(F, copy, 10, Decimal(89) + Decimal(number) / 20)
        stage.exchange.fill(LEADER, order, 20)
    stage.until(lambda: stage.row(order)["done"] == 150 and stage.row(order)["filled"] == 300)
    assert (stage.row(order)["done"], stage.row(order)["average_price"]) == traded(stage) == (150, Decimal("89.35"))
    assert [request.kind for request in stage.requests()] == [PLACE]
    assert stage.facts(DriftDeclared) == []


def test_x1_reports_told_twice_and_out_of_order_count_once(lab: Lab) -> None:
    order = lab.buy(300, limit(90))
    lab.settle()
    lab.sources[F].withhold()
    for _ in range(5):
        lab.exchange.fill(F, lab.copy().order_id, 30)
    lab.sources[F].release([4, 0, 3, 3, 1, 2, 0, 4])
    lab.settle()
    assert lab.row(order)["done"] == 150
    shown = lab.drift()
    assert shown is not None and shown["owned"] == 150


def test_x1_a_pending_report_with_an_average_price_is_no_fill(lab: Lab) -> None:
    order = lab.buy(300, limit(90))
    lab.settle()
    for account, order_id in ((LEADER, order), (F, lab.copy().order_id)):
        pending = lab.exchange.order(account, order_id)
        report = report_of(pending, lab.exchange.instrument(CALL))
        lab.sources[account].push(evolve(report, average_price=Decimal(95)))
    lab.settle()
    row = lab.row(order)
    assert (row["done"], row["filled"], row["average_price"]) == (0, 0, None) and lab.drift() is None


def test_x1_a_pending_frame_with_an_average_price_is_no_fill(wire: Wire) -> None:
    order = wire.buy(300, limit(90))
    wire.until(lambda: is_open(wire))
    instrument = wire.exchange.instrument(CALL)
    for account, pending in ((LEADER, wire.leaders(order)), (F, wire.copy())):
        frame = json.loads(order_frame(pending, instrument, Dialect()))
        frame["Data"] |= {"avgTradedPrice": 95, "tradedPrice": 95}
        assert wire.server.push_frame(frame, account, book=False).sockets == 1
    wire.settle()
    row = wire.row(order)
    assert (row["done"], row["filled"], row["average_price"]) == (0, 0, None) and wire.drift() is None


@pytest.mark.parametrize("filled", [0, 75, 150])
def test_x7_in_and_out_while_the_followers_entry_rests_leaves_nothing_behind(lab: Lab, filled: int) -> None:
    lab.exchange.set_price(CALL, 100, available=300)
    lab.buy(300)
    lab.settle()
    assert lab.net(LEADER) == 300 and lab.copy().filled_quantity == 0
    if filled:
        lab.exchange.fill(F, lab.copy().order_id, filled)
        lab.settle()
    lab.sell(300)
    lab.settle()
    for order in lab.copies()[1:]:
        lab.exchange.fill(F, order.order_id)
    lab.advance(60)
    kinds = [request.kind for request in lab.requests()]
    assert kinds == [PLACE] + ([CANCEL] if filled < 150 else []) + ([PLACE] if filled else [])
    assert lab.net(LEADER) == lab.net() == 0
    assert all(order.status.is_terminal for order in lab.copies())
    assert [(o.side, o.quantity) for o in lab.copies()[1:]] == ([(Side.SELL, filled)] if filled else [])


def test_x7_what_fills_while_the_entry_is_cancelled_is_closed_too(lab: Lab) -> None:
    lab.exchange.set_price(CALL, 100, available=300)
    lab.buy(300)
    lab.settle()
    entry = lab.copy().order_id
    lab.withhold_news(F)
    lab.exchange.fill(F, entry, 75)
    lab.sell(300)
    lab.sources[F].release()
    lab.exchange.set_price(CALL, 100)
    lab.until(lambda: lab.net() == 0 and all(order.status.is_terminal for order in lab.copies()))
    lab.advance(60)
    assert lab.net() == 0 and lab.exchange.order(F, entry).status is not OrderStatus.PENDING
    shown = lab.drift()
    assert shown is None or shown["owned"] == 0


def test_x8_what_a_human_has_squared_off_is_not_sold_twice(lab: Lab) -> None:
    lab.buy(150)
    lab.settle()
    lab.advance(1)
    lab.place(Side.SELL, 75, limit(100), account=F)
    assert lab.net() == 0
    lab.sell(150)
    lab.until(lambda: lab.facts(DriftDeclared))
    lab.advance(120)
    assert [request.kind for request in lab.requests()] == [PLACE] and lab.net() == 0
    (declared,) = lab.facts(DriftDeclared)
    assert declared.reason is ReasonCode.MANUAL
    assert "MANUAL" in [alert.code for alert in lab.alerts]


def test_x8_only_what_is_left_after_a_human_sold_a_part_is_sold(lab: Lab) -> None:
    lab.buy(300)
    lab.settle()
    lab.advance(1)
    lab.place(Side.SELL, 75, limit(100), account=F)
    assert lab.net() == 75
    lab.sell(300)
    lab.until(lambda: lab.net() == 0)
    lab.advance(120)
    assert [(o.side, o.quantity) for o in lab.copies()] == [(Side.BUY, 150), (Side.SELL, 75)]
    assert lab.net() == 0
    declared = [(fact.reason, fact.quantity) for fact in lab.facts(DriftDeclared)]
    assert (ReasonCode.MANUAL, Fraction(-75)) in declared


def test_x9_selling_shares_held_before_copying_began_touches_nobody_elses(labs: Callable[..., Lab]) -> None:
    def prepare(exchange: SimulatedExchange) -> None:
        exchange.set_holdings(LEADER, [Holding(SHARE.security_id, 100, "NTPC")])
        exchange.set_holdings(F, [Holding(SHARE.security_id, 50, "NTPC")])

    lab = labs(prepare=prepare)
    lab.sell(100, key=SHARE, product=Product.CNC)
    lab.settle()
    lab.advance(120)
    assert lab.codes() == ["NOTHING_OWNED"] and lab.requests() == []
    assert lab.exchange.holdings(F) == (Holding(SHARE.security_id, 50, "NTPC"),)


def test_x9_closing_a_position_brought_into_the_day_touches_nobody_elses(labs: Callable[..., Lab]) -> None:
    def prepare(exchange: SimulatedExchange) -> None:
        for account in (LEADER, F):
            exchange.set_position(account, CALL, Product.MARGIN, 150)

    lab = labs(prepare=prepare)
    lab.sell(150, product=Product.MARGIN)
    lab.settle()
    lab.advance(120)
    assert lab.codes() == ["NOTHING_OWNED"] and lab.requests() == []
    assert lab.net(product=Product.MARGIN) == 150


def test_x9_a_stop_from_before_the_follower_held_anything_protects_what_he_comes_to_hold(
    stages: Callable[..., Stage],
) -> None:
    """The leader has a position and its stop; what he adds is copied, and so is the stop's part for it."""

    def prepare(exchange: SimulatedExchange) -> None:
        exchange.set_position(LEADER, CALL, Product.INTRADAY, 150)

    stage = stages(prepare=prepare)
    protects = stage.sell(150, stop(90, 89))
    stage.settle()
    assert stage.codes() == ["COPIED"] and stage.requests() == []
    stage.buy(150)
    stage.until(lambda: stage.net() == 75)
    stage.modify(protects, units=300)
    stage.until(lambda: stage.copies()[-1].side is Side.SELL)
    stop_of_his = stage.copies()[-1]
    assert (stop_of_his.quantity, stop_of_his.terms) == (75, stop(90, 89))
    stage.exchange.fill(LEADER, protects)
    stage.exchange.fill(F, stop_of_his.order_id)
    stage.until(lambda: stage.row(protects)["done"] == 75)
    assert stage.net() == 0


def test_x10_a_sale_beyond_the_position_is_an_exit_first_and_then_an_entry(lab: Lab) -> None:
    lab.buy(100, key=SHARE, product=Product.INTRADAY)
    lab.settle()
    order = lab.sell(150, key=SHARE, product=Product.INTRADAY)
    lab.until(lambda: lab.net(key=SHARE) == -25)
    assert [(o.side, o.quantity) for o in lab.copies()] == [(Side.BUY, 50), (Side.SELL, 50), (Side.SELL, 25)]
    admitted = [fact for fact in lab.facts(CopyAdmitted) if fact.leader_order_id == order]
    assert [(fact.exit_quantity, fact.entry_quantity, fact.position_before) for fact in admitted] == [(100, 50, 100)]


def test_x10_the_entry_part_waits_until_the_exit_part_is_done(lab: Lab) -> None:
    lab.buy(100, key=SHARE, product=Product.INTRADAY)
    lab.settle()
    lab.exchange.set_price(SHARE, 100, available=0)
    lab.sell(150, limit(99), key=SHARE, product=Product.INTRADAY)
    lab.advance(30)
    assert [(o.side, o.quantity) for o in lab.copies()[1:]] == [(Side.SELL, 50)]
    lab.exchange.fill(F, lab.copies()[1].order_id, 30)
    lab.advance(30)
    assert len(lab.copies()) == 2
    lab.exchange.fill(F, lab.copies()[1].order_id)
    lab.until(lambda: len(lab.copies()) == 3)
    assert (lab.copies()[2].side, lab.copies()[2].quantity) == (Side.SELL, 25)


@pytest.mark.parametrize(("price", "fills"), [(110, "target"), ("89.5", "stop")])
def test_x11_target_and_stop_for_the_whole_position_are_exits_and_one_ends_the_other(
    lab: Lab, price: str | int, fills: str
) -> None:
    lab.buy(300)
    lab.settle()
    leaders = {"target": lab.sell(300, limit(110)), "stop": lab.sell(300, stop(90, 89))}
    lab.until(lambda: len(lab.copies()) == 3)
    lab.advance(30)
    exits = {"target": lab.copies()[1].order_id, "stop": lab.copies()[2].order_id}
    assert [(o.side, o.quantity, o.terms, o.status) for o in lab.copies()[1:]] == [
        (Side.SELL, 150, limit(110), OrderStatus.PENDING),
        (Side.SELL, 150, stop(90, 89), OrderStatus.PENDING),
    ]
    lab.exchange.set_price(CALL, price)
    goes = "stop" if fills == "target" else "target"
    lab.cancel(leaders[goes])
    lab.until(lambda: lab.exchange.order(F, exits[goes]).status is OrderStatus.CANCELLED)
    lab.advance(60)
    assert lab.exchange.order(F, exits[fills]).status is OrderStatus.TRADED
    assert lab.net() == lab.net(LEADER) == 0 and len(lab.copies()) == 3


def test_x11_the_followers_stop_goes_with_its_target_before_the_leader_cancels_his(lab: Lab) -> None:
    lab.buy(300)
    lab.settle()
    lab.sell(300, limit(110))
    lab.sell(300, stop(90, 89))
    lab.until(lambda: len(lab.copies()) == 3)
    lab.exchange.set_price(CALL, 110)
    lab.until(lambda: lab.copies()[2].status is OrderStatus.CANCELLED)
    assert lab.copies()[1].status is OrderStatus.TRADED and lab.net() == 0


def test_x11_a_part_of_the_target_shrinks_the_stop(lab: Lab) -> None:
    lab.buy(300)
    lab.settle()
    target = lab.sell(300, limit(110))
    lab.sell(300, stop(90, 89))
    lab.until(lambda: len(lab.copies()) == 3)
    lab.exchange.fill(F, lab.copies()[1].order_id, 75)
    lab.exchange.fill(LEADER, target, 150)
    lab.until(lambda: lab.copies()[2].quantity == 75)
    assert lab.copies()[1].leaves_quantity == 75
    lab.exchange.set_price(CALL, "89.5")
    lab.settle()
    lab.until(lambda: all(o.status.is_terminal for o in lab.copies()))
    lab.advance(60)
    assert lab.net() == 0


# X6: fills that are far apart


def test_x6_fills_more_than_a_minute_apart_are_told_with_both_times(lab: Lab) -> None:
    order = lab.buy(150, limit(90))
    lab.step()
    filled_at = lab.clock.now()
    lab.exchange.fill(LEADER, order)
    lab.advance(59)
    assert lab.alerts == []
    lab.advance(2)
    lab.exchange.fill(F, lab.copy().order_id)
    lab.advance(60)
    behind, alarm = lab.alerts
    assert behind.code == "BEHIND"
    assert (alarm.code, alarm.account, alarm.leader_order_id) == ("FILLS_APART", F, order)
    assert f"{filled_at:%H:%M:%S}" in alarm.known and f"{filled_at + timedelta(seconds=61):%H:%M:%S}" in alarm.known


def test_x6_fills_of_the_same_minute_are_not_worth_an_alarm(stage: Stage) -> None:
    stage.buy(150)
    stage.until(lambda: stage.net() == 75)
    stage.settle()
    assert stage.alerts == []
