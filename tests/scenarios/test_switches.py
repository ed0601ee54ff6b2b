"""K1, K2, C7, T10: what the user may stop, what hands have done, and what was there before the first start."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from dhan_copy import ConfigurationError, CopyEngine, FirstStart, Leaving, LinkedForm, Policy, ReasonCode
from dhan_copy.core.facts import DriftDeclared, RequestIssued
from dhan_copy.core.requests import Submit
from dhan_copy.model.account import Position
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, Market, OrderStatus, Product, Side
from dhan_copy.testing import Call, Fault, NewOrder, RequestKind, SimulatedExchange, VirtualClock
from tests.scenarios.day_kit import CE, Day
from tests.scenarios.forever_kit import Forever
from tests.scenarios.kit import CALL, SHARE, F, G, LEADER, Lab, Stage, limit
from tests.scenarios.linked_kit import Tree, entered

PLACE, MODIFY, CANCEL = RequestKind.PLACE, RequestKind.MODIFY, RequestKind.CANCEL
TWO = {F: "1/2", G: "1/2"}


def kinds(stage: Stage, follower: str = F) -> list[RequestKind]:
    return [request.kind for request in stage.requests(follower=follower)]


# K1: paused, and resumed


@pytest.mark.parametrize("whom", [F, None])
def test_k1_paused_entries_stop_exits_go_on_and_resuming_enters_nothing_old(
    stages: Callable[..., Stage], whom: str | None
) -> None:
    stage = stages(TWO)
    paused = (F,) if whom else (F, G)
    held = stage.buy(300)
    stage.until(lambda: [stage.row(held, name)["state"] for name in TWO] == ["FILLED"] * 2)
    assert stage.engine.reduce(whom) == ()
    old = stage.buy(150, limit(90))
    stage.sell(150)
    stage.until(lambda: (stage.net(F), stage.net(G)) == (75, 75))
    stage.until(lambda: all(stage.row(old, name)["decision"] == ("NOT_ACTIVE" if name in paused else "COPIED") for name in TWO))
    stage.engine.resume(whom)
    new = stage.buy(150, limit(91))
    stage.until(lambda: [stage.row(new, name)["state"] for name in TWO] == ["WORKING"] * 2)
    stage.modify(old, terms=limit(92))
    stage.until(lambda: any(report.report.terms == limit(92) for report in stage.leader_reports(old)))
    for name in TWO:
        entered = [copy for copy in stage.copies(name) if copy.side is Side.BUY and copy.terms in (limit(90), limit(92))]
        assert len(entered) == (0 if name in paused else 1)


@pytest.mark.parametrize("leaving", Leaving)
def test_k1_resuming_all_ends_what_was_said_for_all_and_takes_nobody_back(leaving: Leaving) -> None:
    day = Day({F: "1/2", G: "1/2"})
    day.step()

    def allowed() -> list[object]:
        return [row["trading"] for row in day.engine.status()][1:]

    day.engine.unsubscribe(F, leaving)
    for stop in (CopyEngine.halt, CopyEngine.reduce, CopyEngine.flatten):
        stop(day.engine)
        day.step()
        assert "ACTIVE" not in allowed()
        day.engine.resume()
        day.restart()
        day.step()
        assert allowed() == [leaving.state.value, "ACTIVE"]
    day.engine.halt()
    day.engine.resume(F)
    assert allowed() == ["HALTED"] * 2, "that was said for all"
    day.engine.resume()
    assert allowed() == ["ACTIVE"] * 2


def test_k4_what_was_left_to_its_owner_stays_his_when_all_are_resumed(stages: Callable[..., Stage]) -> None:
    stage = stages(TWO)
    held = stage.buy(300)
    stage.until(lambda: [stage.row(held, name)["done"] for name in TWO] == [150, 150])
    stage.engine.unsubscribe(F)
    stage.engine.halt(G)
    stage.engine.resume()
    stage.engine.resume(G)
    sold, bought = stage.sell(300), stage.buy(150, limit(91))
    stage.until(lambda: stage.net(G) == 0 and stage.row(bought, G)["state"] == "WORKING")
    stage.until(lambda: stage.row(bought, F)["decision"] == "NOT_ACTIVE" and stage.row(sold, F)["decision"] is not None)
    assert stage.net(F) == 150 and kinds(stage, F) == [PLACE]


# K2: reduced, halted, and remembered


def test_k2_halted_only_cancels_leave(stages: Callable[..., Stage]) -> None:
    stage = stages(TWO)
    resting, held = stage.buy(150, limit(90)), stage.buy(150)
    stage.until(lambda: [stage.row(held, name)["state"] for name in TWO] == ["FILLED"] * 2)
    stage.until(lambda: [stage.row(resting, name)["state"] for name in TWO] == ["WORKING"] * 2)
    assert stage.engine.halt(F) == ()
    stage.until(lambda: stage.row(resting)["state"] == "CANCELLED")
    stage.modify(resting, terms=limit(91))
    stage.sell(150)
    stage.until(lambda: stage.net(G) == 0 and any(copy.terms == limit(91) for copy in stage.copies(G)))
    assert stage.net(F) == 75 and kinds(stage) == [PLACE, PLACE, CANCEL]
    assert stage.status(F)["trading"] == "HALTED" and stage.status(G)["trading"] == "ACTIVE"
    stage.engine.resume(F)
    stage.until(lambda: stage.net(F) == 0)
    assert kinds(stage) == [PLACE, PLACE, CANCEL, PLACE], "the exit, and not the entry again"


@pytest.mark.parametrize("stop", ["halt", "reduce", "unsubscribe", "flatten"])
def test_k2_what_rests_is_taken_back_and_not_entered_later(stop: str) -> None:
    day = Day({F: "1/2"})
    day.step()
    day.leader.buy(CE, lots=4, price=90)
    day.step()
    getattr(day.engine, stop)(F)
    day.step()
    assert day.cells("state") == ["CANCELLED"] and day.cells("decision") == ["NOT_ACTIVE"]
    asked = day.asked()
    day.restart()
    day.engine.resume(F)
    day.advance(120)
    assert day.asked() == asked and day.held() == 0


@pytest.mark.parametrize("verb", ["halt", "reduce"])
def test_k2_what_is_allowed_is_remembered_over_a_restart(verb: str) -> None:
    day = Day({F: "1/2"})
    day.step()
    day.leader.buy(CE, lots=4)
    day.step()
    day.engine.halt() if verb == "halt" else day.engine.reduce()
    day.restart()
    day.step()
    assert day.engine.status()[1]["trading"] == {"halt": "HALTED", "reduce": "REDUCING"}[verb]
    asked = day.asked()
    day.leader.buy(CE, lots=2, price=90)
    day.leader.sell(CE, lots=4)
    day.step()
    assert day.asked() - asked == (0 if verb == "halt" else 1), "the exit"
    day.engine.resume()
    day.restart()
    day.step()
    assert day.engine.status()[1]["trading"] == "ACTIVE"
    assert day.asked() - asked == 1, "the exit, and no entry of before"


def test_k2_health_is_another_thing_and_heals_itself(lab: Lab) -> None:
    lab.engine.reduce(F)
    lab.sources[F].disconnect("reset")
    lab.step()
    assert str(lab.status(F)["health"]).startswith("STALE") and lab.status(F)["trading"] == "REDUCING"
    lab.sources[F].reconnect()
    lab.step()
    assert lab.status(F)["health"] == "OK" and lab.status(F)["trading"] == "REDUCING"


# C7: cancelled by hand


def by_hand(stage: Stage, which: int = -1) -> None:
    stage.exchange.cancel(F, stage.copies()[which].order_id)


def test_c7_an_entry_cancelled_by_hand_is_not_placed_again(stage: Stage) -> None:
    order = stage.buy(150, limit(90))
    stage.until(lambda: stage.row(order)["state"] == "WORKING")
    by_hand(stage)
    stage.until(lambda: stage.row(order)["state"] == "CANCELLED")
    stage.modify(order, terms=limit(91))
    stage.settle()
    assert kinds(stage) == [PLACE]
    stage.exchange.fill(LEADER, order)
    stage.until(lambda: stage.facts(DriftDeclared))
    (declared,) = stage.facts(DriftDeclared)
    assert (declared.reason, declared.quantity) == (ReasonCode.HUMAN_CANCELLED, -75)
    assert kinds(stage) == [PLACE]


def test_c7_an_exit_cancelled_by_hand_is_respected_with_an_alarm(stage: Stage) -> None:
    held = stage.buy(150)
    stage.until(lambda: stage.row(held)["state"] == "FILLED")
    order = stage.sell(150, limit(110))
    stage.until(lambda: stage.row(order)["state"] == "WORKING")
    by_hand(stage)
    stage.until(lambda: stage.row(order)["state"] == "CANCELLED")
    stage.until(lambda: "EXIT_CANCELLED_BY_HAND" in [alert.code for alert in stage.alerts])
    stage.settle()
    if isinstance(stage, Lab):
        stage.advance(300)
    assert kinds(stage) == [PLACE, PLACE] and stage.net() == 75


# T10: what was there before


def before(exchange: SimulatedExchange) -> None:
    """A minute before the start: the leader holds two lots, and an order of his rests."""
    exchange.place(LEADER, NewOrder(key=CALL, side=Side.BUY, quantity=150))
    exchange.place(LEADER, NewOrder(key=CALL, side=Side.BUY, quantity=150, terms=limit(90)))
    if isinstance(exchange.clock, VirtualClock):
        exchange.clock.advance(60)


def test_t10_by_default_nothing_from_before_the_first_start_is_copied(labs: Callable[..., Lab]) -> None:
    lab = labs(prepare=before)
    lab.advance(60)
    resting = lab.exchange.orders(LEADER)[-1].order_id
    lab.modify(resting, terms=limit(91))
    lab.advance(60)
    assert lab.codes() == ["OLDER_THAN_START"] * 2 and lab.requests() == []
    lab.sell(150)
    lab.advance(5)
    assert lab.requests() == [] and lab.codes()[-1] == "NOTHING_OWNED", "nothing is his to close"
    lab.buy(150)
    lab.advance(5)
    assert lab.net() == 75


def test_t10_what_is_open_is_adopted_where_the_policy_says_so(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=Policy(first_start=FirstStart.ADOPT), prepare=before)
    lab.advance(60)
    resting = lab.exchange.orders(LEADER)[-1].order_id
    assert lab.row(resting)["state"] == "WORKING"
    lab.modify(resting, terms=limit(91))
    lab.advance(5)
    assert [copy.terms for copy in lab.copies() if copy.status is OrderStatus.PENDING] == [limit(91)]


@pytest.mark.parametrize("adopt", [False, True])
def test_t10_over_the_wire(wires: Callable[..., Stage], adopt: bool) -> None:
    policy = Policy(first_start=FirstStart.ADOPT if adopt else FirstStart.NEW_ONLY)
    wire = wires(policy=policy, prepare=before)
    new = wire.buy(150, limit(92))
    wire.until(lambda: wire.row(new)["state"] == "WORKING")
    resting = [copy for copy in wire.copies() if copy.terms == limit(90)]
    assert len(resting) == adopt


# K2, K4 and drift through the engine


def test_k2_flattened_what_was_copied_is_closed_and_resuming_enters_nothing_old(stage: Stage) -> None:
    stage.buy(300)
    stage.until(lambda: stage.net() == 150)
    resting = stage.buy(150, limit(90))
    stage.until(lambda: stage.row(resting)["state"] == "WORKING")
    stage.engine.flatten()
    stage.until(lambda: stage.net() == 0)
    stage.until(lambda: stage.row(resting)["state"] == "CANCELLED")
    assert stage.status(F)["trading"] == "CLOSING" and "FLATTENED +150" in str(stage.drift())
    stage.engine.resume()
    new = stage.buy(150, limit(91))
    stage.until(lambda: stage.row(new)["state"] == "WORKING")
    assert stage.net() == 0


@pytest.mark.parametrize("leaving", Leaving)
def test_k4_unsubscribed_a_follower_keeps_closes_with_the_leader_or_closes_now(stage: Stage, leaving: Leaving) -> None:
    stage.buy(300)
    stage.until(lambda: stage.net() == 150)
    stage.engine.unsubscribe(F, leaving)
    if leaving is Leaving.NOW:
        stage.until(lambda: stage.net() == 0)
    assert stage.net() == (0 if leaving is Leaving.NOW else 150)
    sold = stage.sell(300)
    if leaving is Leaving.WITH_THE_LEADER:
        stage.until(lambda: stage.net() == 0)
    stage.until(lambda: stage.row(sold)["decision"] is not None)
    assert stage.net() == (150 if leaving is Leaving.KEEP else 0)


def test_drift_is_closed_by_plan_and_by_its_hash(stage: Stage) -> None:
    order = stage.buy(300, limit(90))
    stage.until(lambda: stage.row(order)["state"] == "WORKING")
    stage.exchange.fill(F, stage.copy().order_id)
    stage.until(lambda: stage.row(order)["state"] == "FILLED")
    stage.cancel(order)
    stage.until(lambda: len(stage.engine.healing().steps) == 1)
    plan = stage.engine.healing()
    with pytest.raises(ConfigurationError, match="no plan"):
        stage.engine.heal("0" * 12)
    assert stage.engine.heal(plan.hash) == plan
    stage.until(lambda: stage.net() == 0)
    stage.settle()
    assert stage.engine.healing().steps == ()


def test_the_same_drift_on_the_same_day_is_closed_by_another_order() -> None:
    """Of the same plan. The first order's row would be taken for that of the second, if they had one id."""
    lab = Lab({F: "1"})
    for again in range(2):
        order = lab.buy(75, limit(95))
        lab.advance(10)
        lab.exchange.fill(F, lab.copies()[-1].order_id)
        lab.advance(10)
        lab.cancel(order)
        lab.advance(20)
        if again:
            lab.brokers[F].fail_next(Fault.NEVER_ARRIVED, on=Call.SUBMIT)
        lab.engine.heal(lab.engine.healing().hash)
        lab.advance(1800)
        assert lab.net() == 0
    sent = [entry.fact.request for entry in lab.engine.journal() if isinstance(entry.fact, RequestIssued)]
    tags = [request.client_order_id for request in sent if isinstance(request, Submit) and request.attempt == 1]
    assert len(tags) == len(set(tags)) >= 4


# F41: closed by hand


def positions_lag(lab: Lab, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The list of positions stays for so long as it is."""
    broker, until = lab.brokers[F], lab.clock.monotonic() + seconds
    old, read = broker.positions(), broker.positions
    monkeypatch.setattr(broker, "positions", lambda: read() if lab.clock.monotonic() >= until else old)


@pytest.mark.parametrize("form", [LinkedForm.ORDERS, LinkedForm.SUPER_ORDER])
@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("units", [75, 150])
def test_f41_legs_shrink_soon_after_a_hand_has_closed_what_they_protect(
    labs: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, form: LinkedForm, units: int, lag: int
) -> None:
    """Two looks with the book between them, a second apart, and each of them may be that late."""
    lab = labs(policy=Policy(linked_form=form))
    tree = entered(lab)
    lab.advance(40)
    positions_lag(lab, monkeypatch, lag)
    lab.place(Side.SELL, units, Market(), account=F)
    lab.step()
    lab.advance(2 + lag)
    assert tree.live() == [150 - units] * 2
    lab.exchange.set_price(CALL, 110)
    lab.advance(200)
    assert lab.net() == 0
    assert [fact.reason for fact in lab.facts(DriftDeclared)] == [ReasonCode.MANUAL]


def test_f41_a_resting_exit_shrinks_soon_after_a_hand_has_closed_what_it_is_for(lab: Lab) -> None:
    lab.buy(300)
    exit = lab.sell(300, limit(110))
    lab.until(lambda: lab.row(exit)["state"] == "WORKING")
    lab.advance(40)
    lab.place(Side.SELL, 75, Market(), account=F)
    lab.step()
    lab.advance(2)
    assert [copy.leaves_quantity for copy in lab.copies() if not copy.status.is_terminal] == [75]


@pytest.mark.parametrize(
    ("side", "key", "looks"), [(Side.SELL, CALL, True), (Side.BUY, CALL, False), (Side.SELL, SHARE, False)],
    ids=["of it", "more of it", "something else"],
)  # fmt: skip
def test_f41_only_what_can_close_something_that_was_copied_is_looked_at(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, side: Side, key: InstrumentKey, looks: bool
) -> None:
    broker, reads = lab.brokers[F], list[float]()
    read = broker.positions

    def counted() -> Sequence[Position]:
        reads.append(lab.clock.monotonic())
        return read()

    monkeypatch.setattr(broker, "positions", counted)
    lab.buy(300)
    lab.until(lambda: reads)
    reads.clear()
    lab.place(side, 75, Market(), account=F, key=key)
    lab.step()
    lab.advance(10)
    assert bool(reads) is looks
    assert len(reads) <= 7


# An account that is taken out of the settings


@pytest.mark.parametrize("form", [LinkedForm.ORDERS, LinkedForm.SUPER_ORDER])
@pytest.mark.parametrize("filled", [False, True], ids=["rests", "filled"])
def test_f51_an_account_taken_out_of_the_settings_is_told_with_all_that_is_open_there(
    labs: Callable[..., Lab], form: LinkedForm, filled: bool
) -> None:
    ratios = dict(TWO)
    lab = labs(ratios, policy=Policy(linked_form=form))
    tree = Tree.place(lab, 300)
    lab.advance(3)
    if filled:
        tree.fill_copy(Leg.ENTRY, follower=G)
        lab.advance(3)
    lab.buy(150, limit(89))
    lab.advance(3)
    resting = sum(copy.leaves_quantity > 0 and not copy.status.is_terminal for copy in lab.copies(G))
    assert resting == (3 if filled else 2)
    del ratios[G]
    lab.restart()
    lab.advance(10)
    owned = f"150 of {CALL}" if filled else "nothing"
    told = [(alert.account, alert.known) for alert in lab.alerts if alert.code == "ABANDONED"]
    assert told == [(G, f"{owned} owned, {resting} orders open for {G}")]


def test_f51_a_forever_order_of_an_account_taken_out_of_the_settings_is_told_on_the_next_day(
    labs: Callable[..., Lab],
) -> None:
    ratios = dict(TWO)
    lab = labs(ratios)
    lab.buy(300, product=Product.MARGIN)
    Forever.place(lab, 300, pair=False)
    lab.advance(10)
    assert len(lab.exchange.forever.orders(G)) == 1
    del ratios[G]
    lab.engine.stop()
    lab.clock.advance(23 * 3600)
    lab.engine = lab.again()
    lab.step()
    told = [alert.known for alert in lab.alerts if alert.code == "ABANDONED"]
    assert told == [f"150 of {CALL} owned, 1 orders open for {G}"]
