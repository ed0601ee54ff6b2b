"""A circuit on slippage: copies that trade much worse than the leader's orders stop a follower's entries, not its exits."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from dhan_copy import CopyMode, Override, SlippageLimit
from dhan_copy.core.facts import SettingChanged, SlippageMeasured, TradingStateChanged
from tests.scenarios.kit import F, G, LEADER, Lab, Stage, limit

TWO = {F: "1/2", G: "1/2"}


def traded(stage: Stage, price: str) -> None:
    """The leader buys at 90, as does G, and F at ``price``."""
    order = stage.buy(150, limit(90))
    stage.until(lambda: all(stage.row(order, name)["state"] == "WORKING" for name in stage.followers))
    stage.exchange.fill(LEADER, order, price=90)
    for name in stage.followers:
        stage.exchange.fill(name, stage.copies(name)[-1].order_id, price=price if name == F else "90")
    stage.until(lambda: all(stage.row(order, name)["state"] == "FILLED" for name in stage.followers))


def alarms(stage: Stage) -> int:
    return sum(alert.code == "SLIPPAGE" for alert in stage.alerts)


def test_copies_that_trade_worse_in_a_row_stop_the_followers_entries_until_it_is_resumed(
    stages: Callable[..., Stage],
) -> None:
    stage = stages(TWO)
    stage.engine.change(F, slippage=SlippageLimit("0.5", copies=2))
    traded(stage, "90.50")
    traded(stage, "90.45")  # exactly 0.5 %: allowed, and the row begins anew
    traded(stage, "91")
    assert stage.status(F)["trading"] == "ACTIVE"
    traded(stage, "90.60")
    stage.until(lambda: stage.status(F)["trading"] == "REDUCING")
    stage.until(lambda: alarms(stage) == 1)
    assert stage.status(G)["trading"] == "ACTIVE"
    late = stage.buy(150, limit(90))
    stage.until(lambda: (stage.row(late)["decision"], stage.row(late, G)["state"]) == ("NOT_ACTIVE", "WORKING"))
    stage.cancel(late)
    held = stage.net()
    sold = stage.sell(300)
    stage.until(lambda: stage.row(sold)["state"] == "FILLED")
    assert stage.net() < held, "exits go on"
    stage.engine.resume(F)
    traded(stage, "91")
    assert stage.status(F)["trading"] == "ACTIVE", "it counts anew"
    traded(stage, "91")
    stage.until(lambda: alarms(stage) == 2)
    assert stage.status(F)["trading"] == "REDUCING"


def test_it_is_off_by_default(lab: Lab) -> None:
    for _ in range(5):
        traded(lab, "180")
    assert lab.status(F)["trading"] == "ACTIVE" and lab.facts(SlippageMeasured) == []


def test_the_row_and_what_was_counted_are_remembered_over_a_restart(lab: Lab) -> None:
    lab.engine.change(F, slippage=SlippageLimit("0.5", copies=2))
    traded(lab, "91")
    lab.restart()
    traded(lab, "91")
    lab.advance(1)
    assert lab.status(F)["trading"] == "REDUCING"
    lab.restart()
    assert lab.status(F)["trading"] == "REDUCING"
    assert len(lab.facts(SlippageMeasured)) == 2 and len(lab.facts(TradingStateChanged)) == 1
    [changed] = lab.facts(SettingChanged)
    assert changed.value == '{"copies":2,"worse_than":"0.5 %"}'
    [row] = [row for row in lab.engine.settings(F) if row["setting"] == "slippage"]
    assert row["said_by"] == "follower F, changed while running"


def test_what_is_said_of_some_instruments_while_it_runs_is_measured(lab: Lab) -> None:
    lab.engine.change(F, overrides=[Override(symbol="*", slippage=SlippageLimit("0.5", copies=1))])
    traded(lab, "95")
    assert len(lab.facts(SlippageMeasured)) == 1
    assert lab.status(F)["trading"] == "REDUCING"


def test_what_the_user_allows_less_is_not_allowed_again(lab: Lab) -> None:
    lab.engine.change(F, slippage=SlippageLimit("0.5", copies=1))
    order = lab.buy(150, limit(90))
    lab.until(lambda: lab.row(order)["state"] == "WORKING")
    lab.exchange.fill(LEADER, order, price=90)
    lab.exchange.fill(F, lab.copy().order_id, price=95)
    lab.engine.halt(F)  # nobody has heard of the fills yet
    lab.until(lambda: lab.facts(SlippageMeasured))
    assert lab.status(F)["trading"] == "HALTED" and alarms(lab) == 0


def test_a_follower_on_the_other_side_is_measured_by_its_own(labs: Callable[..., Lab]) -> None:
    lab = labs(how={"mode": CopyMode.EXECUTION, "reverse": True})
    lab.engine.change(F, slippage=SlippageLimit("0.5", copies=1))
    order = lab.buy(300, limit(95))
    lab.step()
    lab.exchange.fill(LEADER, order, price=95)  # while it stands at 100, which is what the sale brings
    lab.until(lambda: lab.facts(SlippageMeasured))
    assert [fact.percent for fact in lab.facts(SlippageMeasured)] == [Fraction(-500, 95)]
    assert lab.status(F)["trading"] == "ACTIVE", "that is better for the one who sells"
