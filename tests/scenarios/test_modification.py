"""M: what becomes of the copies when the leader changes his order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction

import pytest

from dhan_copy import AtModificationCap, Policy, RateLimits, RateWindow, ReasonCode
from dhan_copy.core.facts import DriftDeclared, RequestRejected
from dhan_copy.core.requests import Modify
from dhan_copy.model.ids import id_parts
from dhan_copy.model.order import Limit, Market, OrderStatus, Side, Terms, Validity
from dhan_copy.testing import RequestKind
from tests.scenarios.kit import CALL, F, Lab, Slow, Stage, Wire, limit, stop

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL


def is_open(stage: Stage) -> bool:
    return bool(stage.copies()) and stage.copies()[-1].status is OrderStatus.PENDING


def test_m1_a_larger_quantity_makes_the_followers_total_larger(stage: Stage) -> None:
    order = stage.buy(150, limit(90))
    stage.until(lambda: is_open(stage))
    stage.modify(order, units=300)
    stage.until(lambda: stage.copy().quantity == 150)
    assert stage.modifications() == [(150, limit(90))]


def test_m1_the_total_is_what_dhan_is_sent_after_a_partial_fill_too(wire: Wire) -> None:
    order = wire.buy(300, limit(90))
    wire.until(lambda: is_open(wire))
    wire.exchange.fill(F, wire.copy().order_id, 75)
    wire.modify(order, units=450)
    wire.until(lambda: wire.copy().quantity == 225)
    (body,) = wire.bodies("PUT")
    assert body["quantity"] == 225 and wire.copy().filled_quantity == 75


@pytest.mark.parametrize(
    ("before", "after", "sent"),
    [
        (limit(90), limit("91.05"), ("LIMIT", 91.05, 0)),
        (limit(90), Market(), ("MARKET", 0, 0)),
        (limit(90), stop(110, 111), ("STOP_LOSS", 111, 110)),
        (stop(110, 111), stop("110.05", 111), ("STOP_LOSS", 111, 110.05)),
        (stop(110, 111), stop(110, "112.5"), ("STOP_LOSS", 112.5, 110)),
        (stop(110, 111), limit("91.5"), ("LIMIT", 91.5, 0)),
        (stop(110, 111), Market(), ("MARKET", 0, 0)),
    ],
)
def test_m2_price_trigger_and_order_type_follow_with_every_field(
    wire: Wire, before: Terms, after: Terms, sent: tuple[str, float, float]
) -> None:
    wire.exchange.set_price(CALL, 100, available=0)
    order = wire.buy(300, before, disclosed_quantity=150)
    wire.until(lambda: is_open(wire))
    wire.modify(order, terms=after)
    wire.until(lambda: wire.bodies("PUT"))
    wire.settle()
    (body,) = wire.bodies("PUT")
    assert (body["orderType"], body["price"], body["triggerPrice"]) == sent
    assert (body["quantity"], body["disclosedQuantity"], body["validity"]) == (150, 75, "DAY")
    assert body["orderId"] == wire.copy().order_id and body["dhanClientId"] == F


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (limit(90), limit("91.05")),
        (limit(90), stop(110, 111)),
        (stop(110, 111), stop("110.05", 112)),
        (stop(110, 111), limit("91.5")),
    ],
)
def test_m2_the_follower_ends_with_the_leaders_terms(lab: Lab, before: Terms, after: Terms) -> None:
    order = lab.buy(150, before)
    lab.settle()
    lab.modify(order, terms=after)
    lab.settle()
    assert (lab.copy().terms, lab.copy().status) == (after, OrderStatus.PENDING)
    assert lab.modifications() == [(75, after)]


def test_m2_a_limit_order_that_is_made_a_market_order_fills(stage: Stage) -> None:
    order = stage.buy(150, limit(90))
    stage.until(lambda: is_open(stage))
    stage.modify(order, terms=Market())
    stage.until(lambda: stage.net() == 75)
    assert stage.modifications() == [(75, Market())]


def test_m2_a_market_order_that_is_made_a_limit_order_rests(lab: Lab) -> None:
    lab.exchange.set_price(CALL, 100, available=0)
    order = lab.buy(150)
    lab.settle()
    lab.modify(order, terms=limit(90))
    lab.settle()
    assert (lab.copy().terms, lab.copy().filled_quantity) == (limit(90), 0)


def test_m2_the_validity_follows(stage: Stage) -> None:
    order = stage.buy(150, limit(90))
    stage.until(lambda: is_open(stage))
    stage.modify(order, terms=limit(100), validity=Validity.IOC)
    stage.until(lambda: stage.net() == 75)
    assert stage.copy().validity is Validity.IOC


def test_m3_of_modifications_before_an_answer_the_last_one_wins(slow: Slow) -> None:
    order = slow.buy(150, limit(90))
    slow.until(lambda: is_open(slow))
    broker = slow.brokers[F]
    broker.go_on.clear()
    slow.modify(order, terms=limit(91))
    slow.until(lambda: broker.inside == 1)
    for price in (92, 93, 94, 95):
        slow.modify(order, terms=limit(price))
        slow.until(lambda: slow.leader_reports(order)[-1].report.terms == limit(price))
    broker.go_on.set()
    slow.until(lambda: slow.copy().terms == limit(95))
    slow.settle()
    assert slow.modifications() == [(75, limit(91)), (75, limit(95))]
    assert broker.most_inside == 1


def one_a_second() -> RateLimits:
    return RateLimits(windows=(RateWindow(1, 1.0),))


def test_m4_fifty_modifications_need_few_requests(labs: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhan_copy.testing.rules.MODIFICATIONS_PER_ORDER", 50)  # the leader's broker lets him
    lab = labs(limits={F: one_a_second()})
    order = lab.buy(150, limit(40))
    lab.settle()
    for number in range(1, 51):
        lab.modify(order, terms=limit(40 + number))
        lab.advance(0.1)
    lab.advance(2)
    assert lab.leaders(order).modifications == 50
    assert (lab.copy().terms, lab.copy().quantity) == (lab.leaders(order).terms, 75)
    assert 1 <= len(lab.requests(MODIFY)) <= 7


def test_m4_no_order_is_modified_more_than_twenty_five_times(labs: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhan_copy.testing.rules.MODIFICATIONS_PER_ORDER", 100)
    lab = labs()
    order = lab.buy(150, limit(50))
    lab.settle()
    for number in range(1, 41):
        lab.modify(order, terms=limit(50 + number))
        lab.advance(1)
    lab.advance(60)
    assert lab.copy().modifications == len(lab.requests(MODIFY)) == 25
    assert lab.copy().terms == limit(75) and lab.copy().status is OrderStatus.PENDING
    assert [alert.code for alert in lab.alerts] == ["MODIFICATION_CAP"]
    lab.cancel(order)
    lab.settle()
    assert lab.copy().status is OrderStatus.CANCELLED


def test_m4_at_the_cap_the_order_is_replaced_if_the_policy_says_so(labs: Callable[..., Lab]) -> None:
    limits = RateLimits(modifications_per_order=3)
    lab = labs(limits={F: limits}, policy=Policy(at_modification_cap=AtModificationCap.REPLACE))
    order = lab.buy(300, limit(50))
    lab.settle()
    lab.exchange.fill(F, lab.copy().order_id, 75)
    for price in range(51, 56):
        lab.modify(order, terms=limit(price))
        lab.advance(1)
    lab.until(lambda: len(lab.copies()) == 2)
    first, second = lab.copies()
    assert (first.status, first.filled_quantity, first.modifications) == (OrderStatus.CANCELLED, 75, 3)
    assert (second.status, second.quantity, second.terms) == (OrderStatus.PENDING, 75, limit(55))
    kinds = [request.kind for request in lab.requests()]
    assert kinds[:6] == [PLACE, MODIFY, MODIFY, MODIFY, CANCEL, PLACE]


@pytest.mark.parametrize(("units", "why"), [(150, "the want is what is filled"), (75, "the want is below a lot")])
def test_m5_a_want_that_falls_to_what_is_filled_cancels_the_rest(lab: Lab, units: int, why: str) -> None:
    order = lab.buy(450, limit(90))
    lab.settle()
    lab.exchange.fill(F, lab.copy().order_id, 75)
    lab.settle()
    lab.modify(order, units=units)
    lab.settle()
    assert (lab.copy().status, lab.copy().filled_quantity) == (OrderStatus.CANCELLED, 75), why
    assert lab.requests(MODIFY) == [] and len(lab.requests(CANCEL)) == 1


def test_m5_no_total_below_the_fills_is_ever_asked_for(labs: Callable[..., Lab]) -> None:
    lab = labs("1")
    order = lab.buy(450, limit(90))
    lab.settle()
    lab.sources[F].withhold()
    lab.exchange.fill(F, lab.copy().order_id, 225)
    lab.modify(order, units=300)
    lab.settle()
    lab.modify(order, units=150)
    lab.sources[F].release()
    lab.settle()
    assert (lab.copy().status, lab.copy().filled_quantity) == (OrderStatus.CANCELLED, 225)
    assert [quantity for quantity, _ in lab.modifications()] == [300]


def test_m6_a_finished_entry_is_not_replaced_and_the_reason_is_on_record(lab: Lab) -> None:
    order = lab.buy(150, limit(90))
    lab.settle()
    lab.exchange.fill(F, lab.copy().order_id)
    lab.settle()
    lab.modify(order, units=300, terms=limit(91))
    lab.settle()
    lab.exchange.fill("L", order)
    lab.settle()
    lab.advance(60)
    assert [request.kind for request in lab.requests()] == [PLACE]
    (declared,) = lab.facts(DriftDeclared)
    assert (declared.reason, declared.quantity) == (ReasonCode.ORDER_TERMINAL, Fraction(-75))


def test_m6_a_rejected_entry_is_not_placed_again_by_a_modification(lab: Lab) -> None:
    order = lab.buy(150, limit(90))
    lab.settle()
    lab.exchange.reject(F, lab.copy().order_id)
    lab.settle()
    lab.modify(order, terms=limit(91))
    lab.settle()
    lab.advance(60)
    assert [request.kind for request in lab.requests()] == [PLACE]
    lab.exchange.fill("L", order)
    lab.settle()
    (declared,) = lab.facts(DriftDeclared)
    assert (declared.reason, declared.quantity) == (ReasonCode.REJECTED, Fraction(-75))


def test_m6_a_finished_exit_that_is_still_wanted_is_sent_again(lab: Lab) -> None:
    lab.buy(150)
    lab.settle()
    order = lab.sell(150, limit(110))
    lab.until(lambda: len(lab.copies()) == 2)
    lab.exchange.reject(F, lab.copies()[1].order_id)
    lab.modify(order, terms=limit(109))
    lab.until(lambda: len(lab.copies()) == 3)
    first, second = lab.copies()[1:]
    assert (second.side, second.quantity, second.terms) == (Side.SELL, 75, limit(109))
    generations = [parts.generation for o in (first, second) if (parts := id_parts(o.tag)) is not None]
    assert generations == [0, 1]
    lab.exchange.set_price(CALL, 109)
    lab.settle()
    assert lab.net() == 0


def test_m7_a_leader_who_shrinks_below_a_lot_of_the_follower_cancels_his_order(stage: Stage) -> None:
    order = stage.buy(150, limit(90))
    stage.until(lambda: is_open(stage))
    stage.modify(order, units=75)
    stage.until(lambda: stage.copy().status is OrderStatus.CANCELLED)
    assert [request.kind for request in stage.requests()] == [PLACE, CANCEL]


def test_m8_an_order_that_has_traded_meanwhile_is_looked_up_and_left_alone(stages: Callable[..., Stage]) -> None:
    stage = stages(policy=Policy(sweep_open=timedelta(hours=1), sweep_idle=timedelta(hours=1)))
    order = stage.buy(150, limit(90))
    stage.until(lambda: is_open(stage))
    stage.withhold_news(F)
    stage.exchange.fill(F, stage.copy().order_id)
    stage.modify(order, terms=limit(91))
    stage.until(lambda: stage.row(order)["state"] == "FILLED")
    (refused,) = stage.facts(RequestRejected)
    assert refused.text == "Order Has Traded Please Refresh Order Book"
    stage.modify(order, terms=limit(92))
    stage.until(lambda: any(fact.report.terms == limit(92) for fact in stage.leader_reports(order)))
    assert len(stage.requests(MODIFY)) == 1
    assert stage.row(order)["done"] == 75


def test_m9_a_smaller_quantity_makes_the_followers_total_smaller_in_proportion(stage: Stage) -> None:
    order = stage.buy(450, limit(90))
    stage.until(lambda: is_open(stage))
    assert stage.copy().quantity == 225
    stage.modify(order, units=300)
    stage.until(lambda: stage.copy().quantity == 150)
    assert stage.modifications() == [(150, limit(90))]


def test_m10_a_market_order_that_reads_back_as_a_limit_is_not_modified(stage: Stage) -> None:
    stage.exchange.set_price(CALL, 100, available=0)
    order = stage.buy(150, source="P")
    stage.until(lambda: is_open(stage))
    app_order = stage.buy(150)
    stage.until(lambda: len(stage.copies()) == 2)
    shown = stage.copies()[1]
    assert isinstance(shown.terms, Limit) and stage.requests()[1].terms == Market()
    stage.reconnect(F)
    stage.settle()
    for number in (1, 2):
        stage.exchange.fill(F, stage.copies()[number - 1].order_id, 25)
    stage.until(lambda: stage.row(order)["done"] == stage.row(app_order)["done"] == 25)
    stage.settle()
    assert [request.kind for request in stage.requests()] == [PLACE, PLACE]


def test_m10_a_triggered_stop_that_reads_back_as_a_limit_is_not_modified(stage: Stage) -> None:
    stage.exchange.set_price(CALL, 100, available=0)
    order = stage.sell(150, stop(95, "94.5"))
    stage.until(lambda: is_open(stage))
    stage.exchange.set_price(CALL, "94.9", available=0)
    assert stage.leaders(order).terms == stage.copy().terms == limit("94.5")
    stage.reconnect(F)
    stage.settle()
    stage.exchange.fill(F, stage.copy().order_id, 25)
    stage.exchange.fill("L", order, 50)
    stage.until(lambda: stage.row(order)["done"] == 25 and stage.row(order)["filled"] == 50)
    stage.settle()
    assert [request.kind for request in stage.requests()] == [PLACE]


@pytest.mark.parametrize("which", [0, 1])
def test_p15_an_exit_is_made_smaller_before_another_is_moved(labs: Callable[..., Lab], which: int) -> None:
    """There is one request in ten seconds: until the smaller one is, both are for more than there is."""
    lab = labs("1", limits={F: RateLimits(windows=(RateWindow(1, 10.0),))})
    lab.buy(600)
    lab.advance(15)
    exits = []
    for price in (110, 112):
        exits.append(lab.sell(300, limit(price)))
        lab.advance(15)
    lab.buy(75, limit(50))
    lab.advance(1)
    lab.modify(exits[1 - which], terms=limit(115))
    lab.modify(exits[which], units=150)
    lab.advance(15)
    first, _ = lab.requests(MODIFY)
    assert first.order_id == lab.row(exits[which])["broker_order_id"]


def test_f39_a_change_that_the_broker_took_and_did_not_make_is_made_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order = lab.buy(300, limit(95))
    lab.advance(5)
    broker, ignored = lab.brokers[F], list[Modify]()
    modify = broker.modify
    monkeypatch.setattr(broker, "modify", lambda request: modify(request) if ignored else ignored.append(request))
    lab.modify(order, terms=limit(96))
    lab.advance(30)
    assert len(ignored) == 1 and lab.copy().price == 95 and lab.alerts == []
    lab.advance(60)
    assert lab.copy().price == 96 and [alert.code for alert in lab.alerts] == ["CHANGE_IGNORED"]
