"""T: connections that drop, fall silent or are refused, and tokens that are replaced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from dhan_copy import Policy
from dhan_copy.core.facts import Channel, GapDetected
from dhan_copy.model.order import OrderStatus
from tests.scenarios.kit import F, LEADER, Lab, Stage, Wire, limit


def stale(stage: Stage) -> list[str]:
    return [alert.code for alert in stage.alerts if alert.code == "STALE"]


# T1: the socket drops


def test_t1_a_lost_stream_shows_at_once_and_raises_the_alarm_after_a_minute(lab: Lab) -> None:
    lab.sources[LEADER].disconnect("reset by peer")
    lab.step()
    assert lab.status(LEADER)["health"] == f"STALE since {lab.clock.now():%H:%M:%S}"
    lab.advance(59)
    assert stale(lab) == []
    lab.advance(2)
    (alarm,) = [alert for alert in lab.alerts if alert.code == "STALE"]
    assert alarm.account == LEADER and "copying goes on" in alarm.advice
    order = lab.buy(150, limit(90))
    lab.advance(11)
    assert lab.row(order)["state"] == "WORKING", "by the poll"
    lab.sources[LEADER].reconnect()
    lab.step()
    assert lab.status(LEADER)["health"] == "OK"
    lab.advance(600)
    assert stale(lab) == ["STALE"]
    lab.sources[LEADER].disconnect("reset by peer")
    lab.step()
    lab.advance(61)
    assert stale(lab) == ["STALE"] * 2


# T2: silence


def test_t2_a_stream_that_is_silent_but_alive_is_stale_and_the_poll_copies_on(lab: Lab) -> None:
    lab.advance(60)
    lab.withhold_news(LEADER)
    order = lab.buy(150, limit(90))
    lab.clock.advance(15)
    lab.step()
    assert str(lab.status(LEADER)["health"]).startswith("STALE since")
    assert lab.copy().status is OrderStatus.PENDING and lab.row(order)["state"] == "WORKING"
    lab.advance(60)
    assert stale(lab) == ["STALE"]
    lab.release_news(LEADER)
    lab.step()
    assert lab.status(LEADER)["health"] == "OK"
    assert len(lab.copies()) == 1


@pytest.mark.parametrize("answers_pings", [True, False])
def test_t2_over_the_wire_a_silent_socket_delays_and_loses_nothing(wires: Callable[..., Wire], answers_pings: bool) -> None:
    policy = Policy(sweep_open=timedelta(milliseconds=300), sweep_idle=timedelta(milliseconds=300), stale_after=timedelta(0))
    wire = wires(policy=policy, silence_seconds=1.0)
    assert wire.server.pause_sockets(LEADER, answer_pings=answers_pings) == 1
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order)["state"] == "WORKING")
    if not answers_pings:
        wire.until(lambda: stale(wire))
        losses = [gap for gap in wire.facts(GapDetected) if gap.account == LEADER and not gap.connected]
        assert "neither a frame nor a pong" in losses[0].cause
        wire.until(lambda: wire.status(LEADER)["health"] == "OK")
        wire.settle()
    wire.until(lambda: wire.leader_reports(order))
    assert {report.channel for report in wire.leader_reports(order)} == {Channel.BOOK}
    assert len(wire.copies()) == 1 and wire.copy(F).status is OrderStatus.PENDING
