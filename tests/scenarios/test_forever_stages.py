"""Forever orders of the leader over the public API: on virtual time, and over the real client against the local server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dhan_copy import Behind, Policy
from dhan_copy.core.facts import CopyMode, RequestIssued
from dhan_copy.errors import ReadError
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import ForeverLeg, Leg, Limit, OrderReport, OrderStatus, Product, Side, StopLimit, StopMarket
from dhan_copy.model.times import ist
from dhan_copy.testing import Call, FakeBroker, Fault, NewOrder, RequestKind, SimulatedExchange, SimulatedOrder
from dhan_copy.testing.forever import ForeverOrder
from tests.scenarios.forever_kit import Forever, holding
from tests.scenarios.kit import CALL, F, LEADER, SHARE, Lab, Stage, Wire, before_any_request

ABOVE, BELOW = StopLimit(Decimal(110), Decimal(105)), StopLimit(Decimal(90), Decimal(85))
"""Once fired they rest: nothing trades before the test says so."""
Stages = Callable[..., Stage]
forms = pytest.mark.parametrize("pair", [False, True], ids=["single", "pair"])


OFTEN = Policy(sweep_open=timedelta(seconds=0.3), sweep_idle=timedelta(seconds=0.3))
SELDOM = Policy(sweep_open=timedelta(seconds=60), sweep_idle=timedelta(seconds=60))
"""For nights that pass."""


@pytest.fixture
def stage(stages: Stages) -> Stage:
    """Its lists are read often: nothing but the list tells of a Forever order."""
    return stages("1/2", policy=OFTEN)


@pytest.fixture
def wire(wires: Callable[..., Wire]) -> Wire:
    return wires("1/2", policy=OFTEN)


def place(
    stage: Stage, units: int = 300, side: Side = Side.BUY, *, pair: bool = False, product: Product = Product.MARGIN,
    key: object = CALL, terms: StopLimit | StopMarket | None = None,
) -> BrokerOrderId:  # fmt: skip
    first = terms or (ABOVE if side is Side.BUY else StopLimit(Decimal(110), Decimal(115)))
    new = NewOrder(key=key, side=side, quantity=units, terms=first, product=product)  # type: ignore[arg-type]
    stop = ForeverLeg(terms=BELOW, quantity=units) if pair else None
    return stage.exchange.forever.place(LEADER, new, stop)[0].order_id


def waiting(stage: Stage, account: str = F) -> list[ForeverOrder]:
    return [leg for leg in stage.exchange.forever.orders(account) if leg.is_working]


def placed(stage: Stage, account: str = F) -> list[SimulatedOrder]:
    """What Forever orders placed when they fired."""
    return [order for order in stage.exchange.orders(account) if order.platform == "FOVR"]


def copied(stage: Stage, *, legs: int = 1) -> list[ForeverOrder]:
    """The copy, once it is there."""
    stage.until(lambda: len(waiting(stage)) == legs)
    return waiting(stage)


def requests(stage: Stage) -> list[RequestKind]:
    return [request.kind for request in stage.requests()]


@forms
def test_l10_a_forever_order_is_copied_changed_and_taken_back(stage: Stage, pair: bool) -> None:
    order_id = place(stage, pair=pair)
    legs = copied(stage, legs=2 if pair else 1)
    assert [leg.quantity for leg in legs] == [150] * len(legs) and legs[0].terms == ABOVE and legs[0].source == "P"
    moved = StopLimit(Decimal(115), Decimal(117))
    stage.exchange.forever.modify(LEADER, order_id, Leg.TARGET, quantity=450, terms=moved)
    if pair:
        stage.exchange.forever.modify(LEADER, order_id, Leg.STOP, quantity=450, terms=BELOW)
    stage.until(lambda: [leg.quantity for leg in waiting(stage)] == [225] * len(legs))
    assert waiting(stage)[0].terms == moved
    stage.exchange.forever.cancel(LEADER, order_id)
    stage.until(lambda: not waiting(stage))
    assert requests(stage) == [RequestKind.PLACE, *[RequestKind.MODIFY] * len(legs), RequestKind.CANCEL]


@forms
def test_l10_when_it_fires_on_both_sides_what_appears_is_not_copied_again(stage: Stage, pair: bool) -> None:
    order_id = place(stage, pair=pair)
    copied(stage, legs=2 if pair else 1)
    stage.exchange.set_price(CALL, Decimal(110))
    assert len(placed(stage, LEADER)) == len(placed(stage)) == 1
    stage.exchange.fill(LEADER, placed(stage, LEADER)[0].order_id)
    stage.until(lambda: stage.row(order_id)["status"] == "TRADED")
    stage.exchange.fill(F, placed(stage)[0].order_id)
    stage.until(lambda: stage.row(order_id)["done"] == 150)
    stage.settle()
    assert requests(stage) == [RequestKind.PLACE] and stage.net(product=Product.MARGIN) == 150
    assert stage.codes() == ["COPIED"] and [order.status for order in placed(stage)] == [OrderStatus.TRADED]


@pytest.mark.parametrize("stop", ["halt", "reduce", "unsubscribe"])
def test_k2_one_that_waits_is_taken_back_where_entries_are_stopped(stage: Stage, stop: str) -> None:
    place(stage)
    copied(stage)
    getattr(stage.engine, stop)(F)
    stage.until(lambda: not waiting(stage))
    stage.exchange.set_price(CALL, Decimal(110))
    stage.engine.resume(F)
    stage.settle()
    assert placed(stage) == [] and requests(stage) == [RequestKind.PLACE, RequestKind.CANCEL]


def test_l10_what_it_placed_is_changed_and_cancelled_as_any_order(stage: Stage) -> None:
    place(stage)
    copied(stage)
    stage.exchange.set_price(CALL, Decimal(110))
    leaders, ours = placed(stage, LEADER)[0], placed(stage)[0]
    stage.modify(leaders.order_id, terms=Limit(Decimal(104)))
    stage.until(lambda: placed(stage)[0].terms == Limit(Decimal(104)))
    stage.cancel(leaders.order_id)
    stage.until(lambda: placed(stage)[0].status is OrderStatus.CANCELLED)
    assert ours.order_id == placed(stage)[0].order_id


def test_l10_a_delivery_sell_is_an_exit_and_opens_no_short(stage: Stage) -> None:
    """The leader's Forever sell and what it placed were both copied once: that opened a short (protocol facts 1.11)."""
    stage.buy(100, key=SHARE, product=Product.CNC)
    stage.until(lambda: stage.net(key=SHARE, product=Product.CNC) == 50)
    place(stage, 100, Side.SELL, product=Product.CNC, key=SHARE)
    [copy] = copied(stage)
    assert copy.quantity == 50
    stage.exchange.set_price(SHARE, Decimal(110))
    for account in (LEADER, F):
        stage.exchange.fill(account, placed(stage, account)[0].order_id)
    stage.until(lambda: stage.net(key=SHARE, product=Product.CNC) == 0)
    stage.settle()
    assert stage.net(key=SHARE, product=Product.CNC) == 0 and requests(stage) == [RequestKind.PLACE] * 2


# On virtual time


@forms
def test_l10_it_stays_over_nights_and_restarts(labs: Callable[..., Lab], pair: bool) -> None:
    lab = labs(start=ist(datetime(2026, 11, 18, 15, 0)), policy=SELDOM)
    order_id = place(lab, pair=pair)
    copied(lab, legs=2 if pair else 1)
    for _ in range(2):
        lab.exchange.end_day()
        lab.advance(17 * 3600)
        lab.exchange.new_day()
        lab.restart()
        lab.advance(120)
    lab.exchange.set_price(CALL, Decimal(110))
    for account in (LEADER, F):
        lab.exchange.fill(account, placed(lab, account)[0].order_id)
    lab.until(lambda: lab.row(order_id)["done"] == 150)
    lab.advance(120)
    assert requests(lab) == [RequestKind.PLACE] and lab.net(product=Product.MARGIN) == 150
    assert "FOREVER_GONE" not in [alert.code for alert in lab.alerts]


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.NEVER_ARRIVED])
@forms
def test_l10_an_unknown_placement_is_found_in_the_list_or_proven_absent(lab: Lab, fault: Fault, pair: bool) -> None:
    lab.brokers[F].fail_next(fault)
    order_id = place(lab, pair=pair)
    lab.advance(300)
    assert requests(lab).count(RequestKind.PLACE) == (fault is Fault.ANSWER_LOST)
    assert len(waiting(lab)) == (fault is Fault.ANSWER_LOST) * (2 if pair else 1)
    lab.exchange.forever.cancel(LEADER, order_id)
    lab.advance(60)
    assert not waiting(lab) and lab.row(order_id)["state"] in ("CANCELLED", "ABSENT")


@pytest.mark.parametrize("listed", [OrderStatus.TRADED, OrderStatus.TRIGGERED, None])
@pytest.mark.parametrize("announced", [True, False])
@forms
def test_l10_whatever_the_list_says_of_one_that_fired(
    labs: Callable[..., Lab], listed: OrderStatus | None, announced: bool, pair: bool
) -> None:
    def prepare(exchange: object) -> None:
        exchange.unwritten.fired_forever = listed  # type: ignore[attr-defined]
        exchange.unwritten.forever_parents_announced = announced  # type: ignore[attr-defined]

    lab = labs(prepare=prepare)
    order_id = place(lab, pair=pair)
    copied(lab, legs=2 if pair else 1)
    lab.exchange.set_price(CALL, Decimal(110))
    lab.advance(30)
    for account in (LEADER, F):
        lab.exchange.fill(account, placed(lab, account)[0].order_id)
    lab.advance(60)
    assert requests(lab) == [RequestKind.PLACE] and lab.net(product=Product.MARGIN) == 150
    assert lab.row(order_id)["done"] == 150 and "FOREVER_GONE" not in [alert.code for alert in lab.alerts]


def test_l10_rows_alone_tell_when_every_frame_is_lost(lab: Lab) -> None:
    order_id = place(lab)
    copied(lab)
    for source in lab.sources.values():
        source.disconnect()
    lab.exchange.set_price(CALL, Decimal(110))
    for account in (LEADER, F):
        lab.exchange.fill(account, placed(lab, account)[0].order_id)
    lab.advance(60)
    assert requests(lab) == [RequestKind.PLACE] and lab.row(order_id)["done"] == 150
    assert lab.codes() == ["COPIED"]


# An old copy of the journal, or none


@pytest.mark.parametrize("leaders", ["waits", "has fired", "has fired and is not listed"])
@pytest.mark.parametrize("lacks", ["the decision", "the request"])
@forms
def test_f17_one_that_an_old_copy_of_the_journal_lacks_is_not_set_again(
    labs: Callable[..., Lab], lacks: str, leaders: str, pair: bool
) -> None:
    def prepare(exchange: SimulatedExchange) -> None:
        exchange.unwritten.fired_forever = OrderStatus.TRADED if leaders == "has fired" else None

    lab = labs("1/2", prepare=prepare)
    nothing = list(lab.engine.journal())
    order_id = place(lab, pair=pair)
    copied(lab, legs=2 if pair else 1)
    decided = before_any_request(lab.engine.journal())
    lab.advance(30)
    if leaders != "waits":
        lab.engine.stop()
        lab.exchange.set_price(CALL, Decimal(110))
    lab.restart(nothing if lacks == "the decision" else decided)
    lab.advance(120)
    assert requests(lab) == [RequestKind.PLACE]
    told = [alert.account for alert in lab.alerts if alert.code == "PLACED_BEFORE"]
    late = lacks == "the decision" and leaders != "waits"
    assert lab.row(order_id)["decision"] == "FOREVER_CHILD" if late else told == [F]


@pytest.mark.parametrize("meanwhile", ["nothing", "the leader moves his", "the follower's fires"])
def test_f17_one_that_an_old_copy_of_the_journal_lacks_is_not_set_again_on_the_next_day(
    labs: Callable[..., Lab], meanwhile: str
) -> None:
    lab = labs("1/2", start=ist(datetime(2026, 11, 18, 14, 0)), policy=SELDOM)
    old = list(lab.engine.journal())
    order_id = place(lab)
    [copy] = copied(lab)
    lab.restart(old)
    lab.advance(200)
    if meanwhile == "the leader moves his":
        terms = StopLimit(Decimal(111), Decimal(106))
        lab.exchange.forever.modify(LEADER, order_id, Leg.ENTRY, quantity=300, terms=terms)
    elif meanwhile == "the follower's fires":
        lab.exchange.forever.reach(F, copy.order_id, Leg.ENTRY)
    for _ in range(2):
        lab.advance(300)
        lab.exchange.end_day()
        lab.advance(17 * 3600)
        lab.exchange.new_day()
        lab.advance(300)
    assert requests(lab) == [RequestKind.PLACE] and "PLACED_BEFORE" in [alert.code for alert in lab.alerts]


def test_f17_one_that_was_refused_before_the_copy_of_the_journal_and_set_after_it_is_not_set_again(lab: Lab) -> None:
    lab.brokers[F].fail_next(Fault.RATE_LIMITED, on=Call.SUBMIT)
    place(lab)
    copied(lab)
    journal = list(lab.engine.journal())
    _, second = (at for at, entry in enumerate(journal) if isinstance(entry.fact, RequestIssued))
    lab.restart(journal[:second])
    lab.advance(200)
    assert len(waiting(lab)) == 1 and "PLACED_BEFORE" in [alert.code for alert in lab.alerts]


@pytest.mark.parametrize("units", [300, 600])
@pytest.mark.parametrize("way", ["the answer is lost", "the engine dies"])
def test_f17_one_whose_placement_is_unknown_does_not_keep_another_back(lab: Lab, way: str, units: int) -> None:
    if way == "the answer is lost":
        lab.brokers[F].fail_next(Fault.ANSWER_LOST, on=Call.SUBMIT)
    place(lab)
    copied(lab)
    journal = list(lab.engine.journal())
    [issued] = (at for at, entry in enumerate(journal) if isinstance(entry.fact, RequestIssued))
    lab.engine.stop()
    lab.clock.advance(10)
    place(lab, units)
    lab.restart(journal if way == "the answer is lost" else journal[: issued + 1])
    lab.advance(400)
    assert sorted(leg.quantity for leg in waiting(lab)) == [150, units // 2]
    assert not {"PLACED_BEFORE", "FOREVER_DOUBTFUL"} & {alert.code for alert in lab.alerts}


def test_f17_while_the_list_cannot_be_read_what_may_have_been_set_before_waits_with_an_alarm(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, reads = lab.brokers[F], True
    listed = broker.forever

    def forever() -> Sequence[OrderReport]:
        if reads:
            raise ReadError("no list")
        return listed()

    lab.engine.stop()
    place(lab)
    monkeypatch.setattr(broker, "forever", forever)
    lab.restart()
    lab.advance(600)
    assert requests(lab) == [] and "FOREVER_DOUBTFUL" in [alert.code for alert in lab.alerts]
    reads = False
    lab.advance(60)
    assert requests(lab) == [RequestKind.PLACE]


@pytest.mark.parametrize("takes", [True, False], ids=["takes them", "takes none"])
def test_f17_what_copies_fills_looks_for_no_forever_order(labs: Callable[..., Lab], takes: bool) -> None:
    """The follower may have one of his own that looks like it."""
    lab = labs("1/2", how={"mode": CopyMode.EXECUTION})
    lab.buy(300, product=Product.MARGIN)
    lab.advance(20)
    place(lab, side=Side.SELL)
    new = NewOrder(key=CALL, side=Side.SELL, quantity=150, terms=StopLimit(Decimal(110), Decimal(115)), product=Product.MARGIN)
    lab.exchange.forever.place(F, new, None)
    if not takes:
        lab.brokers[F] = FakeBroker(lab.exchange, F)  # type: ignore[assignment]
    lab.advance(60)
    lab.restart()
    lab.advance(60)
    [leaders] = waiting(lab, LEADER)
    lab.exchange.forever.reach(LEADER, leaders.order_id, Leg.ENTRY)
    lab.exchange.fill(LEADER, placed(lab, LEADER)[0].order_id)
    lab.advance(60)
    assert requests(lab) == [RequestKind.PLACE] * 2


def test_f17_one_that_the_leader_has_moved_since_is_not_set_again(lab: Lab) -> None:
    old = list(lab.engine.journal())
    order_id = place(lab)
    copied(lab)
    lab.engine.stop()
    lab.exchange.forever.modify(LEADER, order_id, Leg.TARGET, quantity=300, terms=StopLimit(Decimal(120), Decimal(122)))
    lab.restart(old)
    lab.advance(120)
    assert requests(lab) == [RequestKind.PLACE] and "PLACED_BEFORE" in [alert.code for alert in lab.alerts]


@pytest.mark.parametrize("other", ["older", "of the other side"])
def test_f17_an_order_of_the_followers_own_that_is_not_alike_keeps_nothing_back(lab: Lab, other: str) -> None:
    lab.engine.stop()
    if other == "of the other side":
        place(lab)
    side, terms = (Side.SELL, ABOVE) if other == "of the other side" else (Side.BUY, StopLimit(Decimal(109), Decimal(105)))
    new = NewOrder(key=CALL, side=side, quantity=150, terms=terms, product=Product.MARGIN)
    lab.exchange.forever.place(F, new, None)
    if other != "of the other side":
        lab.clock.advance(60)
        place(lab)
    lab.restart()
    lab.advance(60)
    assert requests(lab) == [RequestKind.PLACE] and len(waiting(lab)) == 2 and lab.alerts == []


# Over the wire


def test_l10_the_wire_has_dhans_words_for_it(wire: Wire) -> None:
    place(wire, pair=True)
    copied(wire, legs=2)
    [body] = wire.bodies("POST")
    assert (body["orderFlag"], body["orderType"], body["quantity"], body["quantity1"]) == ("OCO", "LIMIT", 150, 150)
    assert [path for path in wire.paths("POST") if "forever" in path]


def test_l10_a_restart_in_between_copies_nothing_twice(wire: Wire) -> None:
    order_id = place(wire)
    copied(wire)
    wire.engine.stop()
    wire.engine = wire.again()
    wire.engine.start()
    wire.ready()
    wire.settle()
    wire.exchange.set_price(CALL, Decimal(110))
    for account in (LEADER, F):
        wire.exchange.fill(account, placed(wire, account)[0].order_id)
    wire.until(lambda: wire.row(order_id)["done"] == 150)
    wire.settle()
    assert requests(wire) == [RequestKind.PLACE] and wire.net(product=Product.MARGIN) == 150


def held(lab: Lab, account: str = F) -> int:
    return lab.net(account, product=Product.MARGIN)


@pytest.mark.parametrize("behind", Behind)
def test_x4_a_pair_that_still_waits_when_the_leaders_has_filled(labs: Callable[..., Lab], behind: Behind) -> None:
    """It cannot be moved to another price as it is: by policy it is taken back, and an order closes what is due."""
    lab = labs(policy=Policy(behind=behind))
    holding(lab, 300)
    lab.exchange.set_price(CALL, Decimal(100))
    pair = Forever.place(lab, 300, pair=True)
    lab.until(pair.is_copied)
    pair.fire(LEADER, Leg.STOP)
    lab.until(lambda: held(lab, LEADER) == 0)
    lab.advance(50)
    assert (held(lab), len(pair.waiting())) == (150, 2)
    lab.advance(40)
    goes = behind in (Behind.CHASE, Behind.CLOSE)
    assert (held(lab), len(pair.waiting())) == ((0, 0) if goes else (150, 2))
    [alert] = [alert for alert in lab.alerts if alert.code == "BEHIND"]
    says = {Behind.CHASE: "is moved to within", Behind.CLOSE: "closed at the market", Behind.CANCEL: "waits"}
    assert says.get(behind, "stays as it is") in alert.advice


@pytest.mark.parametrize("behind", Behind)
def test_x4_a_single_one_that_still_waits_to_enter_is_not_moved(labs: Callable[..., Lab], behind: Behind) -> None:
    lab = labs(policy=Policy(behind=behind))
    lab.exchange.set_price(CALL, Decimal(80))
    single = Forever.place(lab, 300, pair=False)
    lab.until(single.is_copied)
    single.fire(LEADER, Leg.ENTRY)
    lab.until(lambda: held(lab, LEADER) == 300)
    lab.advance(90)
    kept = behind in (Behind.WAIT, Behind.CHASE)
    assert len(single.waiting()) == kept and held(lab) == 0
    [alert] = [alert for alert in lab.alerts if alert.code == "BEHIND"]
    says = {Behind.WAIT: "stays as it is", Behind.CHASE: "is not moved"}
    assert says.get(behind, "given up") in alert.advice
