"""K2: the broker's kill switch, the fourth verb: the account takes nobody's orders for the rest of the day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from dhan_copy import ConfigurationError, Unresolved
from dhan_copy.core.facts import KillSwitchAnswered, KillSwitchRead, KillSwitchTurned, Outcome
from dhan_copy.errors import KillSwitchRefused, StoreError
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Side
from dhan_copy.model.times import ist
from dhan_copy.testing import Call, ExchangeRefusal, FakeBroker, Fault, NewOrder
from dhan_copy.testing.server.faults import Action, HttpFault
from tests.scenarios.day_kit import CE, Day, Died, TrippedBroker
from tests.scenarios.kit import CALL, F, G, DurableMemory, Lab, Stage, Wire, limit

TWO = {F: "1/2", G: "1/2"}


def alarms(stage: Stage) -> list[str]:
    return [alert.code for alert in stage.alerts if alert.code.startswith("KILL_SWITCH")]


def test_k2_killed_the_broker_takes_no_order_of_anybody_and_the_follower_is_halted(stages: Callable[..., Stage]) -> None:
    stage = stages(TWO)
    assert stage.engine.kill(F) == ()
    assert stage.exchange.is_killed(F) and not stage.exchange.is_killed(G)
    assert stage.status(F)["trading"] == "HALTED" and stage.status(F)["health"] == "BLOCKED (KILL_SWITCH)"
    order = stage.buy(150, limit(90))
    stage.until(lambda: stage.row(order, G)["state"] == "WORKING")
    stage.until(lambda: stage.row(order, F)["decision"] == "NOT_ACTIVE")
    assert stage.requests(follower=F) == []
    with pytest.raises(ConfigurationError, match="revive"):
        stage.engine.resume(F)
    stage.engine.resume()
    assert stage.status(F)["trading"] == "HALTED", "resuming all does not lift it"
    stage.engine.revive(F)
    assert not stage.exchange.is_killed(F) and stage.status(F)["health"] == "OK"
    assert stage.status(F)["trading"] == "HALTED", "killing it halted it by name"
    stage.engine.resume(F)
    new = stage.buy(150, limit(91))
    stage.until(lambda: stage.row(new, F)["state"] == "WORKING")
    assert [fact.on for fact in stage.facts(KillSwitchTurned)] == [True, False]


def test_k2_revived_it_stays_halted_until_it_is_resumed(stage: Stage) -> None:
    stage.engine.kill(F)
    stage.engine.revive(F)
    assert stage.status(F)["trading"] == "HALTED"
    stage.engine.resume(F)
    assert stage.status(F)["trading"] == "ACTIVE"


class Killable(TrippedBroker):
    """A broker with a kill switch that calls ``during`` while it is turned."""

    def __init__(self, inner: FakeBroker) -> None:
        super().__init__(inner)
        self.during: Callable[[], object] = lambda: None

    def turn_kill_switch(self, on: bool) -> None:
        self.inner.turn_kill_switch(on)
        self.during()

    def is_killed(self) -> bool:
        return self.inner.is_killed()


def killable() -> tuple[Day, Killable]:
    day = Day({F: "1/2"})
    day.engine.stop()
    broker = day.brokers[F] = Killable(day.brokers[F].inner)
    day.start_on(DurableMemory())
    day.step()
    return day, broker


def test_k2_the_request_is_in_the_journal_before_it_leaves() -> None:
    day, broker = killable()
    seen: list[object] = []
    broker.during = lambda: seen.extend(entry.fact for entry in day.store.read())  # type: ignore[union-attr]
    day.engine.kill(F)
    assert seen[-1] == KillSwitchTurned(follower=AccountName(F), on=True)


@pytest.mark.parametrize("what", ["position", "order"])
def test_k2_refused_while_something_is_open_and_taken_once_it_is_flat(stage: Stage, what: str) -> None:
    by_hand = NewOrder(key=CALL, side=Side.BUY, quantity=75, terms=limit(90))
    own = stage.exchange.place(F, by_hand) if what == "order" else None
    held = None if own else stage.buy(150)
    stage.until(lambda: held is None or stage.row(held)["state"] == "FILLED")
    with pytest.raises(KillSwitchRefused, match="positions are open" if what == "position" else "orders are pending"):
        stage.engine.kill(F)
    assert not stage.exchange.is_killed(F)
    assert (stage.status(F)["trading"], stage.status(F)["health"]) == ("HALTED", "OK")
    stage.until(lambda: alarms(stage) == ["KILL_SWITCH_REFUSED"])
    stage.engine.resume(F)
    if own:
        stage.exchange.cancel(F, own.order_id)
    stage.engine.flatten(F)
    stage.until(lambda: stage.net() == 0 and all(copy.status.is_terminal for copy in stage.copies()))
    stage.until(lambda: all(copy["state"] in ("CANCELLED", "FILLED") for copy in stage.engine.orders()))
    stage.engine.kill(F)
    assert stage.exchange.is_killed(F)


def test_k2_a_copy_that_rests_does_not_stand_in_the_way(stage: Stage) -> None:
    order = stage.buy(150, limit(90))
    stage.until(lambda: stage.row(order)["state"] == "WORKING")
    stage.engine.kill(F)
    assert stage.exchange.is_killed(F)
    stage.until(lambda: stage.row(order)["state"] == "CANCELLED")


def test_k2_a_lost_answer_is_read_back_by_status(lab: Lab) -> None:
    lab.brokers[F].fail_next(Fault.ANSWER_LOST, on=Call.KILL_SWITCH)
    lab.engine.kill(F)
    lab.step()
    (answer,), (told,) = lab.facts(KillSwitchAnswered), lab.facts(KillSwitchRead)
    assert (answer.outcome, told.on) == (Outcome.UNKNOWN, True)
    assert lab.status(F)["health"] == "BLOCKED (KILL_SWITCH)"


def test_k2_a_lost_answer_is_read_back_by_status_over_the_wire(wire: Wire) -> None:
    wire.server.plan_fault(HttpFault(account=F, method="POST", path="/killswitch", action=Action.CLOSE))
    wire.engine.kill(F)
    assert wire.exchange.is_killed(F)
    assert wire.paths("POST") == ["/killswitch?killSwitchStatus=ACTIVATE"]
    wire.until(lambda: [fact.on for fact in wire.facts(KillSwitchRead)] == [True])
    assert [fact.outcome for fact in wire.facts(KillSwitchAnswered)] == [Outcome.UNKNOWN]


@pytest.mark.parametrize("fault", [Fault.NEVER_ARRIVED, Fault.ARRIVES_LATE])
def test_k2_what_the_status_does_not_show_may_still_arrive_for_a_while(lab: Lab, fault: Fault) -> None:
    lab.brokers[F].fail_next(fault, on=Call.KILL_SWITCH)
    with pytest.raises(Unresolved, match="nobody knows yet"):
        lab.engine.kill(F)
    lab.advance(60)
    assert lab.status(F)["health"] == "BLOCKED (KILL_SWITCH unknown)" and lab.status(F)["trading"] == "HALTED"
    with pytest.raises(ConfigurationError, match="may be"):
        lab.engine.resume(F)
    if fault is Fault.ARRIVES_LATE:
        lab.brokers[F].deliver_late()
    lab.advance(60)
    arrived = fault is Fault.ARRIVES_LATE
    assert lab.status(F)["health"] == ("BLOCKED (KILL_SWITCH)" if arrived else "OK")
    assert alarms(lab) == ["KILL_SWITCH_UNKNOWN", *([] if arrived else ["KILL_SWITCH_LOST"])]
    assert len(lab.facts(KillSwitchTurned)) == 1, "it is never asked twice by itself"
    reads = len(lab.facts(KillSwitchRead))
    lab.advance(600)
    assert len(lab.facts(KillSwitchRead)) == reads


def test_k2_a_status_that_cannot_be_read_leaves_it_unknown(lab: Lab) -> None:
    lab.brokers[F].fail_next(Fault.ANSWER_LOST, on=Call.KILL_SWITCH)
    lab.brokers[F].fail_next(Fault.READ_FAILED, on=Call.KILL_SWITCH_STATUS, count=3)
    with pytest.raises(Unresolved):
        lab.engine.kill(F)
    lab.step()
    assert "READ_KILL_SWITCH_FAILED" in [alert.code for alert in lab.alerts]
    lab.advance(30)
    assert lab.status(F)["health"] == "BLOCKED (KILL_SWITCH)"


def test_k2_killed_is_remembered_over_a_restart_and_over_with_the_day(lab: Lab) -> None:
    lab.engine.kill(F)
    lab.restart()
    assert (lab.status(F)["trading"], lab.status(F)["health"]) == ("HALTED", "BLOCKED (KILL_SWITCH)")
    lab.exchange.end_day()
    lab.clock.advance((ist(datetime(2026, 11, 23, 9, 0)) - lab.clock.now()).total_seconds())
    lab.exchange.new_day()
    lab.step()
    assert (lab.status(F)["trading"], lab.status(F)["health"]) == ("HALTED", "OK"), "what the user said holds"
    lab.engine.resume(F)
    assert lab.status(F)["trading"] == "ACTIVE"


def test_k2_a_switch_that_was_asked_for_when_the_process_died_is_read() -> None:
    """``kill -9`` after the journal row, before the answer."""
    day, broker = killable()

    def die() -> None:
        raise Died

    broker.during = die
    with pytest.raises(Died):
        day.engine.kill(F)
    day.die()
    day.step()
    assert day.engine.status()[1]["health"] == "BLOCKED (KILL_SWITCH)"
    assert [fact.on for fact in day.facts(KillSwitchRead)] == [True]
    asked = day.asked()
    day.leader.buy(CE, lots=2)
    day.step()
    assert day.asked() == asked


def test_k2_a_follower_that_cannot_be_killed_is_said_so_and_not_touched() -> None:
    paper, plain = Day({F: "1/2"}, live=False), Day({F: "1/2"})
    for day, why in ((paper, "on paper"), (plain, "no kill switch")):
        day.step()
        with pytest.raises(ConfigurationError, match=why):
            day.engine.kill(F)
        with pytest.raises(ConfigurationError, match="no account"):
            day.engine.kill("nobody")
        assert day.engine.status()[1]["trading"] == "ACTIVE"


def test_k2_a_stopped_engine_kills_nothing(lab: Lab) -> None:
    lab.engine.stop()
    with pytest.raises(StoreError, match="stopped"):
        lab.engine.revive(F)
    assert lab.facts(KillSwitchTurned) == []


def test_k2_what_the_user_orders_by_hand_is_refused_too(stage: Stage) -> None:
    stage.engine.kill(F)
    with pytest.raises(ExchangeRefusal, match="Kill Switch is active"):
        stage.place(Side.BUY, 75, limit(90), account=F)
