"""C: what becomes of the copies when the leader takes his order back."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from dhan_copy import RateLimits, RateWindow, ReasonCode
from dhan_copy.core.facts import DriftDeclared, RequestIssued
from dhan_copy.core.requests import Cancel
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import OrderStatus, Product
from dhan_copy.testing import Call, Fault, RequestKind
from tests.scenarios.kit import CALL, LEADER, SHARE, F, G, Lab, Slow, Stage, limit, stop

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL


def is_open(stage: Stage, follower: str = F) -> bool:
    return bool(stage.copies(follower)) and stage.copies(follower)[-1].status is OrderStatus.PENDING


def test_c1_a_pending_order_is_cancelled_at_every_follower(stages: Callable[..., Stage]) -> None:
    stage = stages({F: "1/2", G: "1"})
    order = stage.buy(150, limit(90))
    stage.until(lambda: is_open(stage, F) and is_open(stage, G))
    stage.cancel(order)
    stage.until(lambda: all(stage.copy(name).status is OrderStatus.CANCELLED for name in (F, G)))
    stage.settle()
    for name in (F, G):
        assert [request.kind for request in stage.requests(follower=name)] == [PLACE, CANCEL]
    assert stage.drift(F) is None and stage.drift(G) is None


def test_c1_a_stop_that_has_not_triggered_is_cancelled(stage: Stage) -> None:
    order = stage.buy(150, stop(110, 111))
    stage.until(lambda: is_open(stage))
    stage.cancel(order)
    stage.until(lambda: stage.copy().status is OrderStatus.CANCELLED)


@pytest.mark.parametrize(("filled", "drift"), [(10, -5), (15, None), (20, 5), (0, -15)])
def test_c2_what_a_follower_has_filled_stays_and_the_rest_is_drift(lab: Lab, filled: int, drift: int | None) -> None:
    order = lab.buy(100, limit(90), key=SHARE, product=Product.CNC)
    lab.settle()
    lab.exchange.fill(LEADER, order, 30)
    if filled:
        lab.exchange.fill(F, lab.copy().order_id, filled)
    lab.settle()
    lab.cancel(order)
    lab.settle()
    assert (lab.copy().status, lab.copy().filled_quantity) == (OrderStatus.CANCELLED, filled)
    assert lab.net(key=SHARE, product=Product.CNC) == filled
    declared = [(fact.reason, fact.quantity, fact.leader_order_id) for fact in lab.facts(DriftDeclared)]
    assert declared == ([] if drift is None else [(ReasonCode.UNFILLED, Fraction(drift), order)])
    shown = lab.drift(key=SHARE)
    assert shown is not None and (shown["target"], shown["owned"]) == (15, filled)


def test_c2_leaves_are_cancelled_over_the_wire_too(stage: Stage) -> None:
    order = stage.buy(300, limit(90))
    stage.until(lambda: is_open(stage))
    stage.exchange.fill(LEADER, order, 150)
    stage.exchange.fill(F, stage.copy().order_id, 75)
    stage.until(lambda: stage.row(order)["done"] == 75 and stage.row(order)["filled"] == 150)
    stage.cancel(order)
    stage.until(lambda: stage.copy().status is OrderStatus.CANCELLED)
    stage.settle()
    assert stage.net() == 75 and stage.facts(DriftDeclared) == []


def test_c3_an_order_that_is_taken_back_before_its_copy_was_sent_is_never_sent(labs: Callable[..., Lab]) -> None:
    lab = labs(limits={F: RateLimits(windows=(RateWindow(1, 1.0),))})
    first = lab.buy(150, limit(90))
    waiting = lab.buy(150, limit(91))
    lab.step()
    assert len(lab.copies()) == 1 and lab.codes() == ["COPIED", "COPIED"]
    lab.cancel(waiting)
    lab.advance(60)
    assert [request.kind for request in lab.requests()] == [PLACE]
    lab.cancel(first)
    lab.settle()
    assert [request.kind for request in lab.requests()] == [PLACE, CANCEL]


def test_c3_an_order_that_is_seen_together_with_its_end_is_never_sent(lab: Lab) -> None:
    order = lab.buy(150, limit(90))
    lab.cancel(order)
    lab.settle()
    lab.advance(60)
    assert lab.requests() == []


def test_c4_an_order_taken_back_while_its_copy_is_in_flight_leaves_no_orphan(slow: Slow) -> None:
    broker = slow.brokers[F]
    broker.go_on.clear()
    order = slow.buy(150, limit(90))
    slow.until(lambda: broker.inside == 1)
    slow.cancel(order)
    slow.until(lambda: any(fact.report.status is OrderStatus.CANCELLED for fact in slow.leader_reports(order)))
    assert slow.copies() == []
    broker.go_on.set()
    slow.until(lambda: slow.copies() and slow.copy().status is OrderStatus.CANCELLED)
    slow.settle()
    assert [request.kind for request in slow.requests()] == [PLACE, CANCEL]


def test_c4_an_order_whose_answer_was_lost_is_found_and_cancelled(lab: Lab) -> None:
    lab.brokers[F].fail_next(Fault.ANSWER_LOST, on=Call.SUBMIT)
    lab.brokers[F].fail_next(Fault.READ_FAILED, count=4)
    order = lab.buy(150, limit(90))
    lab.step()
    lab.cancel(order)
    lab.until(lambda: lab.copy().status is OrderStatus.CANCELLED)
    assert [request.kind for request in lab.requests()] == [PLACE, CANCEL]


def test_c5_a_follower_who_has_filled_already_is_left_alone_and_the_reason_recorded(lab: Lab) -> None:
    order = lab.buy(150, limit(90))
    lab.settle()
    lab.exchange.fill(F, lab.copy().order_id)
    lab.settle()
    lab.cancel(order)
    lab.settle()
    lab.advance(60)
    assert [request.kind for request in lab.requests()] == [PLACE] and lab.net() == 75
    (declared,) = lab.facts(DriftDeclared)
    assert (declared.reason, declared.quantity) == (ReasonCode.ORDER_TERMINAL, Fraction(75))


def test_c6_everything_is_cancelled_and_cancels_go_before_anything_else(labs: Callable[..., Lab]) -> None:
    limits = RateLimits(windows=(RateWindow(2, 1.0),))
    lab = labs({F: "1/2", G: "1/2"}, limits={F: limits, G: limits})
    orders: list[BrokerOrderId] = []
    for price in (90, 91, 92, 93, 94):
        orders.append(lab.buy(150, limit(price)))
        lab.advance(2)
    lab.advance(5)
    assert len(lab.copies(F)) == len(lab.copies(G)) == 5
    new = [lab.buy(150, limit(price)) for price in (80, 81)]
    lab.modify(orders[0], terms=limit("90.5"))
    for order in orders:
        lab.cancel(order)
    lab.advance(30)
    for name in (F, G):
        kinds = [request.kind for request in lab.requests(follower=name)][5:]
        assert kinds == [CANCEL] * 5 + [PLACE] * len(new)
        assert [copy.status for copy in lab.copies(name)[:5]] == [OrderStatus.CANCELLED] * 5


def test_c6_everything_is_cancelled_over_the_wire(stages: Callable[..., Stage]) -> None:
    stage = stages({F: "1/2", G: "1/2"})
    orders = [stage.buy(150, limit(price)) for price in (90, 91, 92)]
    stage.until(lambda: all(is_open(stage, name) and len(stage.copies(name)) == 3 for name in (F, G)))
    for order in orders:
        stage.cancel(order)
    stage.until(lambda: all(o.status is OrderStatus.CANCELLED for name in (F, G) for o in stage.copies(name)))


def test_c8_many_reports_of_the_same_cancel_make_one_request(lab: Lab) -> None:
    order = lab.buy(150, limit(90))
    lab.settle()
    lab.sources[LEADER].duplicate_next(1, copies=20)
    lab.cancel(order)
    lab.settle()
    lab.advance(30)
    assert [request.kind for request in lab.requests()] == [PLACE, CANCEL]


def test_c8_reports_that_come_while_the_cancel_is_under_way_make_no_other(slow: Slow) -> None:
    order = slow.buy(150, limit(90))
    slow.until(lambda: is_open(slow))
    broker = slow.brokers[F]
    broker.go_on.clear()
    slow.modify(order, terms=limit(91))
    slow.until(lambda: broker.inside == 1)
    slow.cancel(order)
    for _ in range(20):
        slow.tell_again(order)
    other = slow.buy(150, limit(80))
    slow.until(lambda: slow.leader_reports(other))
    broker.go_on.set()
    slow.until(lambda: slow.copies()[0].status is OrderStatus.CANCELLED)
    slow.settle()
    assert [request.kind for request in slow.requests()].count(CANCEL) == 1
    cancels = [f for f in slow.facts(RequestIssued) if isinstance(f.request, Cancel)]
    assert len(cancels) == 1


def test_c8_a_cancel_that_does_not_show_at_once_is_not_repeated_at_once(lab: Lab) -> None:
    order = lab.buy(150, limit(90))
    lab.settle()
    lab.withhold_news(F)
    lab.brokers[F].fail_next(Fault.READ_FAILED, count=3, on=Call.ORDERS)
    lab.cancel(order)
    for _ in range(10):
        lab.step()
    assert [request.kind for request in lab.requests()] == [PLACE, CANCEL]
    assert lab.copy().status is OrderStatus.CANCELLED and lab.copy().key == CALL


@pytest.mark.parametrize("traded", [True, False], ids=["closed again", "taken back"])
def test_c3_what_came_to_nothing_before_it_could_leave_says_why(labs: Callable[..., Lab], traded: bool) -> None:
    lab = labs(limits={F: RateLimits(windows=(RateWindow(1, 60.0),))})
    lab.buy(150, key=SHARE)
    entry = lab.buy(150) if traded else lab.buy(150, limit(90))
    lab.step()
    assert len(lab.requests()) == 1 and lab.codes() == ["COPIED", "COPIED"]
    if traded:
        lab.sell(150)
    else:
        lab.cancel(entry)
    lab.advance(30)
    assert len(lab.requests()) == 1 and lab.net() == 0
    assert lab.codes()[1:] == (["LEADER_CLOSED", "NOTHING_OWNED"] if traded else ["LEADER_UNFILLED"])
    assert "Nothing was sent: the leader" in str(lab.engine.explain(entry))


def test_c3_what_was_held_back_is_made_up_by_no_other_order(labs: Callable[..., Lab]) -> None:
    lab = labs(limits={F: RateLimits(windows=(RateWindow(1, 1.0),))})
    lab.buy(150, limit(90), key=SHARE)
    lab.buy(150, limit(90))
    lab.step()
    lab.engine.reduce()
    lab.advance(5)
    assert lab.codes() == ["NOT_ACTIVE", "NOT_ACTIVE"]
    lab.engine.resume()
    lab.buy(150, limit(91))
    lab.advance(5)
    assert [request.quantity for request in lab.requests(PLACE)] == [75, 75]


def test_f30_an_order_whose_cancel_never_arrived_is_changed_again_once_it_is_wanted_again(lab: Lab) -> None:
    """He makes his order too small for a lot of the follower's, and then larger again."""
    order = lab.buy(300, limit(90))
    lab.until(lambda: is_open(lab))
    lab.brokers[F].fail_next(Fault.NEVER_ARRIVED, on=Call.CANCEL)
    lab.modify(order, units=75)
    lab.until(lambda: "UNRESOLVED" in [alert.code for alert in lab.alerts])
    lab.modify(order, units=300)
    lab.advance(5)
    lab.modify(order, units=450, terms=limit(91))
    lab.until(lambda: (lab.copy().quantity, lab.copy().price) == (225, 91))
    assert is_open(lab)
