"""R: what becomes of requests that the broker refuses, or does not answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from dhan_copy import Policy, RateLimits, RateWindow, Ratio, ReasonCode
from dhan_copy.core.facts import DriftDeclared, OutcomeUnresolved, Refusal, RequestRejected
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.errors import SizingError
from dhan_copy.model.order import Limit, OrderStatus
from dhan_copy.protocols import Accounts
from dhan_copy.testing import Call, Fault, LoggedRequest, Rejection, RejectionWay, RequestKind
from dhan_copy.testing.server import Action, HttpFault
from tests.scenarios.kit import F, G, LEADER, Lab, Stage, Wire, limit

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
WORDS = "RMS:1:You have insufficient funds. Please add Rs.7475.00 to trade."


def error(code: str, text: str = "said by the test") -> str:
    return json.dumps({"errorType": "Order_Error", "errorCode": code, "errorMessage": text})


def is_open(stage: Stage, copies: int = 1) -> bool:
    return len(stage.copies()) == copies and stage.copies()[-1].status is OrderStatus.PENDING


# R1: definitely refused


@pytest.mark.parametrize(
    ("way", "code"),
    [
        (RejectionWay.LATER, "DH-906"),
        (RejectionWay.ANSWERED, "DH-906"),
        (RejectionWay.REFUSED, "DH-905"),
        (RejectionWay.REFUSED, "DH-906"),
    ],
)
def test_r1_every_way_of_saying_no_ends_rejected_with_the_brokers_words(stage: Stage, way: RejectionWay, code: str) -> None:
    stage.exchange.reject_next(F, Rejection(WORDS, code, way))
    order = stage.buy(150)
    stage.until(lambda: stage.codes() == ["COPIED"] and stage.row(order)["state"] == "REJECTED")
    stage.until(lambda: stage.row(order)["text"] == WORDS)
    stage.settle()
    assert [request.kind for request in stage.requests()] == [PLACE]
    assert stage.net() == 0 and all(copy.status is OrderStatus.REJECTED for copy in stage.copies())
    assert [alert.code for alert in stage.alerts] == ["REJECTED"]
    stage.until(lambda: stage.facts(DriftDeclared))
    (declared,) = stage.facts(DriftDeclared)
    assert (declared.reason, declared.quantity) == (ReasonCode.REJECTED, Fraction(-75))


def test_r1_a_rejected_entry_is_not_tried_again_later(lab: Lab) -> None:
    lab.exchange.reject_next(F, Rejection(WORDS))
    lab.buy(150, limit(90))
    lab.advance(600)
    assert [request.kind for request in lab.requests()] == [PLACE]


def test_r1_a_refused_modification_leaves_the_order_as_it_was(wire: Wire) -> None:
    order = wire.buy(150, limit(90))
    wire.until(lambda: is_open(wire))
    wire.server.plan_fault(HttpFault(method="PUT", execute=False, status=400, body=error("DH-905", "Invalid price")))
    wire.modify(order, terms=limit(91))
    wire.until(lambda: wire.facts(RequestRejected))
    wire.settle()
    assert (wire.copy().status, wire.copy().terms, len(wire.bodies("PUT"))) == (OrderStatus.PENDING, limit(90), 1)
    wire.modify(order, terms=limit(92))
    wire.until(lambda: wire.copy().terms == limit(92))


# R2: too many requests


@pytest.mark.parametrize(
    ("status", "body"), [(429, error("DH-904")), (400, error("DH-904")), (429, ""), (429, "<html>slow down</html>")]
)
def test_r2_too_many_requests_is_waited_out_and_nothing_is_lost(wires: Callable[..., Wire], status: int, body: str) -> None:
    wire = wires(policy=Policy(retry_after=timedelta(milliseconds=100)))
    wire.server.plan_fault(HttpFault(account=F, method="POST", count=2, execute=False, status=status, body=body))
    wire.buy(150, limit(90))
    wire.until(lambda: is_open(wire))
    wire.settle()
    assert [request.kind for request in wire.requests()] == [PLACE]
    assert len(wire.bodies("POST")) == 3


def test_r2_a_tighter_window_than_expected_loses_and_doubles_nothing(wires: Callable[..., Wire]) -> None:
    wire = wires({F: "1/2", G: "1/2"}, policy=Policy(retry_after=timedelta(milliseconds=100)))
    wire.server.set_limits(((2, 0.3),))
    prices = [limit(price) for price in range(80, 86)]
    for terms in prices:
        wire.buy(150, terms)
    wire.until(lambda: all(len(wire.copies(name)) == len(prices) for name in (F, G)))
    for name in (F, G):
        assert {copy.terms for copy in wire.copies(name)} == set(prices)
        assert len({copy.tag for copy in wire.copies(name)}) == len(prices)
    refused = wire.server.rates(F)["orders"]
    assert isinstance(refused, dict) and refused["refused"] > 0


def test_r2_modifications_and_cancels_are_waited_out_too(wires: Callable[..., Wire]) -> None:
    wire = wires(policy=Policy(retry_after=timedelta(milliseconds=100)))
    order = wire.buy(150, limit(90))
    wire.until(lambda: is_open(wire))
    wire.server.refuse(429, error("DH-904"), account=F)
    wire.modify(order, terms=limit(91))
    wire.until(lambda: wire.copy().terms == limit(91))
    wire.server.plan_fault(HttpFault(account=F, method="DELETE", execute=False, status=429, body=error("DH-904")))
    wire.cancel(order)
    wire.until(lambda: wire.copy().status is OrderStatus.CANCELLED)


def test_r2_a_market_order_that_waits_too_long_is_not_sent_late(lab: Lab) -> None:
    lab.brokers[F].fail_next(Fault.RATE_LIMITED, count=100)
    lab.buy(150)
    lab.advance(45)
    lab.brokers[F].heal()
    lab.advance(60)
    assert lab.copies() == [] and lab.codes() == ["STALE"]


# R3: nobody knows

LOST: dict[str, HttpFault] = {
    "closed without an answer": HttpFault(method="POST", action=Action.CLOSE),
    "reset": HttpFault(method="POST", action=Action.RESET),
    "cut off": HttpFault(method="POST", action=Action.TRUNCATE),
    "empty": HttpFault(method="POST", body=""),
    "html": HttpFault(method="POST", body="<html>OK</html>"),
    "500": HttpFault(method="POST", status=500, body=""),
    "502": HttpFault(method="POST", status=502, body="<html>Bad Gateway</html>"),
    "DH-908": HttpFault(method="POST", status=500, body=error("DH-908")),
    "DH-909": HttpFault(method="POST", status=400, body=error("DH-909")),
    "DH-910": HttpFault(method="POST", status=400, body=error("DH-910")),
}


def found_by_tag(wire: Wire) -> bool:
    return f"/orders/external/{wire.copy().tag}" in wire.paths("GET")


@pytest.mark.parametrize("how", LOST)
def test_r3_an_order_whose_answer_was_lost_exists_once_and_is_found_by_its_tag(wire: Wire, how: str) -> None:
    wire.withhold_news(F)
    wire.server.plan_fault(LOST[how])
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.copies() and found_by_tag(wire))
    wire.until(lambda: wire.row(order)["state"] == "WORKING")
    wire.release_news(F)
    wire.settle()
    assert len(wire.bodies("POST")) == len(wire.copies()) == 1
    assert wire.facts(OutcomeUnresolved) != []
    wire.cancel(order)
    wire.until(lambda: wire.copy().status is OrderStatus.CANCELLED)


def test_r3_an_order_whose_answer_takes_too_long_is_found_again(wires: Callable[..., Wire]) -> None:
    wire = wires(timeout_seconds=1.0)
    wire.withhold_news(F)
    wire.server.plan_fault(HttpFault(account=F, method="POST", seconds_after=600))
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.copies() and wire.facts(OutcomeUnresolved) and wire.row(order)["state"] == "WORKING")
    assert len(wire.bodies("POST")) == len(wire.copies()) == 1
    wire.server.stop()


def test_r3_answers_lost_in_a_row_are_never_followed_by_a_naked_retry(wire: Wire) -> None:
    wire.server.lose_answers(5, account=F, method="POST")
    prices = [limit(price) for price in range(80, 85)]
    orders = [wire.buy(150, terms) for terms in prices]
    wire.until(lambda: [wire.row(order)["state"] for order in orders] == ["WORKING"] * 5)
    wire.settle()
    assert [copy.terms for copy in wire.copies()] == prices
    tags = [body["correlationId"] for body in wire.bodies("POST")]
    assert len(tags) == len(set(tags)) == 5
    assert len(wire.facts(OutcomeUnresolved)) == 5


@pytest.mark.parametrize("fault", [Fault.NEVER_ARRIVED, Fault.ARRIVES_LATE])
def test_r3_an_entry_that_never_arrived_is_not_sent_again(lab: Lab, fault: Fault) -> None:
    lab.brokers[F].fail_next(fault, on=Call.SUBMIT)
    order = lab.buy(150, limit(90))
    lab.advance(80)
    assert lab.row(order)["state"] == "UNRESOLVED" and lab.requests() == []
    lab.advance(120)
    assert lab.row(order)["state"] == "ABSENT" and lab.requests() == []
    lab.brokers[F].deliver_late()
    lab.advance(120)
    late = fault is Fault.ARRIVES_LATE
    assert [request.kind for request in lab.requests()] == ([PLACE] if late else [])
    assert lab.row(order)["state"] == ("WORKING" if late else "ABSENT")


def test_f30_an_exit_that_never_arrived_is_sent_once_more_after_the_absence_window(lab: Lab) -> None:
    lab.buy(150)
    lab.settle()
    lab.brokers[F].fail_next(Fault.NEVER_ARRIVED, on=Call.SUBMIT)
    lab.sell(150)
    lab.advance(80)
    assert lab.net() == 75
    lab.until(lambda: lab.net() == 0)
    assert [request.kind for request in lab.requests()] == [PLACE, PLACE]


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.NEVER_ARRIVED])
@pytest.mark.parametrize("call", [Call.MODIFY, Call.CANCEL])
def test_f39_a_lost_change_is_looked_up_and_repeated_only_where_it_had_no_effect(lab: Lab, fault: Fault, call: Call) -> None:
    order = lab.buy(150, limit(90))
    lab.settle()
    lab.brokers[F].fail_next(fault, on=call)
    if call is Call.MODIFY:
        lab.modify(order, terms=limit(91))
        lab.until(lambda: lab.copy().terms == limit(91))
    else:
        lab.cancel(order)
        lab.until(lambda: lab.copy().status is OrderStatus.CANCELLED)
    lab.advance(60)
    assert [request.kind for request in lab.requests()] == [PLACE, MODIFY if call is Call.MODIFY else CANCEL]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_r3_a_change_whose_answer_was_lost_takes_effect_once(wire: Wire, method: str) -> None:
    order = wire.buy(150, limit(90))
    wire.until(lambda: is_open(wire))
    wire.server.lose_answers(1, account=F, method=method)
    if method == "PUT":
        wire.modify(order, terms=limit(91))
        wire.until(lambda: wire.copy().terms == limit(91) and wire.status(F)["unresolved"] == 0)
    else:
        wire.cancel(order)
        wire.until(lambda: wire.copy().status is OrderStatus.CANCELLED and wire.status(F)["unresolved"] == 0)
    wire.settle()
    assert [request.kind for request in wire.requests()] == [PLACE, MODIFY if method == "PUT" else CANCEL]


# R8: the budget is the user's to set


def most_in(requests: list[LoggedRequest], seconds: float) -> int:
    """The most requests in any window of that length."""
    times = [request.monotonic for request in requests]
    return max(sum(start <= time < start + seconds for time in times) for start in times)


def test_r8_limits_and_reserve_are_each_accounts_own(labs: Callable[..., Lab]) -> None:
    narrow = RateLimits(windows=(RateWindow(3, 1.0), RateWindow(10, 10.0)), entry_share=Fraction(1))
    shared = RateLimits(windows=(RateWindow(3, 1.0), RateWindow(10, 10.0)), entry_share=Fraction(1), reserve=1)
    lab = labs({F: "1/2", G: "1/2", "H": "1/2"}, limits={F: narrow, G: shared})
    for price in range(50, 62):
        lab.buy(150, limit(price))
    lab.advance(15)
    for name, second, ten_seconds in ((F, 3, 10), (G, 2, 9), ("H", 8, 12)):
        requests = lab.requests(follower=name)
        assert len(lab.copies(name)) == len(requests) == 12
        assert (most_in(requests, 1.0), most_in(requests, 10.0)) == (second, ten_seconds)


def test_r8_a_day_limit_ends_entries_but_a_part_is_left_for_exits(labs: Callable[..., Lab]) -> None:
    lab = labs(limits={F: RateLimits(per_day=10)})
    for price in range(50, 70):
        lab.buy(150, limit(price))
    lab.advance(60)
    assert len(lab.requests(PLACE)) == 8
    for order in lab.exchange.orders("L"):
        lab.cancel(order.order_id)
    lab.advance(60)
    assert [request.kind for request in lab.requests()] == [PLACE] * 8 + [CANCEL] * 2


# R6: rejections in a row


def refused(lab: Lab, count: int, way: RejectionWay = RejectionWay.REFUSED) -> None:
    lab.exchange.reject_next(F, Rejection(WORDS, way=way), count)
    for _ in range(count):
        lab.buy(150, limit(90))
        lab.advance(1)


@pytest.mark.parametrize("way", RejectionWay)
def test_r6_after_five_rejections_in_a_row_entries_stop_and_exits_go_on(labs: Callable[..., Lab], way: RejectionWay) -> None:
    lab = labs({F: "1/2", G: "1/2"})
    lab.buy(150)
    lab.step()
    refused(lab, 5, way)
    assert lab.status(F)["health"] == f"BLOCKED (CIRCUIT) until {lab.clock.now() + timedelta(seconds=60):%H:%M:%S}"
    (alarm,) = [alert for alert in lab.alerts if alert.code == "CIRCUIT_OPEN"]
    assert alarm.account == F and WORDS in alarm.known
    lab.buy(150, limit(90))
    lab.sell(150)
    lab.step()
    assert lab.codes()[-2:] == ["CIRCUIT_OPEN", "COPIED"]
    assert (lab.net(F), lab.net(G)) == (0, 0)
    assert lab.status(G)["health"] == "OK" and lab.codes(G) == ["COPIED"] * 8


def test_r6_one_entry_is_tried_after_the_pause_and_opens_or_closes_it_again(lab: Lab) -> None:
    refused(lab, 5)
    lab.advance(60)
    refused(lab, 1)
    lab.buy(150, limit(90))
    lab.step()
    assert lab.codes() == ["COPIED"] * 6 + ["CIRCUIT_OPEN"]
    lab.advance(60)
    lab.buy(150, limit(90))
    lab.step()
    assert lab.status(F)["health"] == "OK"
    refused(lab, 4)
    assert lab.status(F)["health"] == "OK", "four are not five"
    lab.buy(150, limit(90))
    lab.step()
    assert lab.codes()[-6:] == ["COPIED"] * 6
    assert [alert.code for alert in lab.alerts].count("CIRCUIT_OPEN") == 1
    refused(lab, 5)
    assert [alert.code for alert in lab.alerts].count("CIRCUIT_OPEN") == 2


def test_r6_a_copy_that_is_taken_in_between_starts_the_row_again(lab: Lab) -> None:
    for _ in range(3):
        refused(lab, 4)
        lab.buy(150, limit(90))
        lab.step()
    assert lab.status(F)["health"] == "OK" and set(lab.codes()) == {"COPIED"}


def test_r6_what_was_decided_before_waits_and_is_not_sent_late(labs: Callable[..., Lab]) -> None:
    lab = labs(limits={F: RateLimits(windows=(RateWindow(5, 20.0),), entry_share=Fraction(1))})
    lab.exchange.reject_next(F, Rejection(WORDS, way=RejectionWay.REFUSED), 5)
    for _ in range(5):
        lab.buy(150, limit(90))
    resting, momentary = lab.buy(150, limit(90)), lab.buy(150)
    lab.step()
    assert lab.codes() == ["COPIED"] * 7 and len(lab.requests(PLACE)) == 5
    lab.advance(59)
    assert len(lab.requests(PLACE)) == 5
    lab.advance(5)
    assert lab.row(resting)["state"] == "WORKING"
    assert lab.row(momentary)["decision"] == "STALE"


# R5: money


class Affordable:
    """Copies one for one while the follower can pay for it."""

    needs_funds = True

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        assert accounts.follower is not None and isinstance(order.report.terms, Limit)
        if order.report.terms.price * order.report.quantity > accounts.follower.available:
            raise SizingError("there is not enough money")
        return Ratio(1)


def test_r5_two_orders_do_not_both_count_the_same_rupee(labs: Callable[..., Lab]) -> None:
    lab = labs({F: Affordable()}, prepare=lambda exchange: exchange.set_funds(F, Decimal(20_000)))
    lab.buy(150, limit(90))
    lab.buy(150, limit(90))
    lab.step()
    assert lab.codes() == ["COPIED", "SIZER_FAILED"]
    assert [request.problem for request in lab.requests()] == [""], "the broker was not even asked"
    lab.cancel(lab.exchange.orders(LEADER)[0].order_id)
    lab.step()
    lab.buy(150, limit(90))
    lab.step()
    assert lab.codes()[-1] == "COPIED"


def test_r5_a_rejection_for_want_of_money_is_final(stages: Callable[..., Stage]) -> None:
    stage = stages(prepare=lambda exchange: exchange.set_funds(F, Decimal(1_000)))
    order = stage.buy(150, limit(90))
    stage.until(lambda: stage.row(order)["state"] == "REJECTED")
    assert [request.kind for request in stage.requests()] == [PLACE]
    (refused,) = stage.facts(RequestRejected) or [None]
    assert refused is None or (refused.refusal is Refusal.FUNDS and refused.final)
    stage.exchange.set_funds(F, Decimal(1_000_000))
    stage.settle()
    assert [request.kind for request in stage.requests()] == [PLACE]
