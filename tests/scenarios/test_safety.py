"""A dry run decides what a live one decides, sends nothing, and keeps a paper ledger."""

from __future__ import annotations

from dhan_copy.core.facts import OrderReported, RequestIssued
from dhan_copy.testing import Rejection, RejectionWay
from tests.scenarios.day_kit import CE, F, LEADER, Day

OTHER = "BANKNIFTY FUT"


def trading(day: Day) -> None:
    """Entries, a modification, fills in part, a cancel, a share too small, a rejection, exits."""
    day.step()
    order = day.leader.buy(CE, lots=4, price=90)
    day.step()
    order.modify(lots=6, price=92)
    day.step()
    order.fill(lots=4)
    for copy in day.copies():
        day.exchange.fill(F, copy.order_id, 150, copy.price)
    day.step()
    order.cancel()
    day.step()
    day.leader.buy(OTHER, lots=1)
    day.step()
    day.exchange.reject_next(LEADER, Rejection("RMS:no", way=RejectionWay.LATER))
    day.leader.buy(OTHER, lots=2)
    day.step()
    day.leader.buy(OTHER, lots=1)
    day.step()
    day.leader.sell(CE, lots=2)
    day.step()
    day.leader.sell(OTHER, lots=2)
    day.step()
    day.leader.sell(CE, lots=2)
    day.step()


def story(day: Day) -> list[tuple[object, ...]]:
    """What was decided and ordered, without the ids, which the exchange gives."""
    columns = ("quantity", "filled", "decision", "intent", "ordered", "done", "state")
    return [tuple(row[name] for name in columns) for row in day.engine.orders()]


def test_k6_a_dry_run_decides_the_same_and_sends_nothing() -> None:
    live, dry = Day({F: "1/2"}), Day({F: "1/2"}, live=False)
    for day in (live, dry):
        trading(day)
    codes = ["COPIED", "BELOW_ONE_LOT", "LEADER_REJECTED", "COPIED", "COPIED", "COPIED", "COPIED"]
    assert live.codes() == codes
    assert dry.codes() == codes
    decided = [
        [tuple(row[name] for name in ("follower", "code", "reason", "detail", "ratio")) for row in day.engine.decisions()]
        for day in (live, dry)
    ]
    assert decided[0] == decided[1]
    assert story(live) == story(dry)
    assert live.asked() > 0
    assert dry.asked() == 0
    assert dry.copies() == []


def test_k6_the_paper_ledger_follows_the_leaders_fills_so_that_exits_show() -> None:
    day = Day({F: "1/2"}, live=False)
    day.step()
    order = day.leader.buy(CE, lots=4, price=90)
    day.step()
    assert (day.cells("ordered"), day.cells("done"), day.cells("state")) == ([150], [0], ["WORKING"])
    order.fill(lots=2)
    day.step()
    assert day.cells("done") == [75]
    order.fill()
    day.step()
    assert [row["owned"] for row in day.engine.drift()] == [150]
    day.leader.sell(CE, lots=4)
    day.step()
    assert list(zip(day.cells("intent"), day.cells("ordered"), day.cells("done"))) == [
        ("ENTRY", 150, 150),
        ("EXIT", 150, 150),
    ]
    assert [row["owned"] for row in day.engine.drift()] in ([], [0])
    assert day.asked() == 0
    assert len(day.facts(RequestIssued)) == 2
    assert {report.report.status.value for report in day.facts(OrderReported)} == {"PART_TRADED", "TRADED"}


def test_k6_a_dry_run_goes_on_after_a_restart() -> None:
    day = Day({F: "1/2"}, live=False)
    day.step()
    day.leader.buy(CE, lots=4)
    day.step()
    day.restart()
    day.step()
    assert [row["owned"] for row in day.engine.drift()] == [150]
    day.leader.sell(CE, lots=2)
    day.step()
    assert [row["owned"] for row in day.engine.drift()] == [75]
    assert day.asked() == 0
