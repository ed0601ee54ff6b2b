"""However many connections read, and whatever a read belongs to: no second holds more than the account's limit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan import pace as paces
from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.pace import ReadPace, pace_of
from dhan_copy.model.ids import ClientOrderId
from tests.dhan.servers import CANARY, HttpServer, Received, reply, then_reset
from tests.runtime.fakes import submit

LIMIT = 3


@define
class FakeClock:
    now: float = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def most_in_a_second(times: list[float]) -> int:
    return max((sum(first <= time < first + 1 for time in times) for first in times), default=0)


@given(
    steps=st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.01, 0.3, 0.999, 1.0, 2.5])), max_size=60),
    count_at_the_end=st.booleans(),
)
def test_no_second_holds_more_reads_whenever_the_server_counts_them(
    steps: list[tuple[bool, float]], count_at_the_end: bool
) -> None:
    clock = FakeClock()
    pace = ReadPace(LIMIT, clock.monotonic, clock.sleep)
    outside: list[AbstractContextManager[None]] = []
    counted: list[float] = []
    for begins, seconds in steps:
        if begins and len(outside) < LIMIT - 1:
            permit = pace.permit()
            permit.__enter__()
            outside.append(permit)
            if not count_at_the_end:
                counted.append(clock.now)
        elif outside:
            if count_at_the_end:
                counted.append(clock.now)
            outside.pop(0).__exit__(None, None, None)
        clock.now += seconds
    assert most_in_a_second(counted) <= LIMIT


def test_up_to_the_limit_nothing_waits_and_then_no_longer_than_a_second() -> None:
    clock = FakeClock()
    pace = ReadPace(LIMIT, clock.monotonic, clock.sleep)
    for _ in range(LIMIT):
        assert pace.wait_seconds() == 0.0
        with pace.permit():
            pass
    assert clock.now == 100.0
    assert pace.wait_seconds() > 0
    with pace.permit():
        pass
    assert 101.0 < clock.now < 101.01


def test_what_a_process_that_was_killed_may_have_read_counts_for_a_second() -> None:
    clock = FakeClock()
    pace = ReadPace(LIMIT, clock.monotonic, clock.sleep, used_up_at=clock.now - 0.4)
    pace.per_second = LIMIT + 1
    with pace.permit():
        pass
    assert clock.now == 100.0
    with pace.permit():
        pass
    assert 100.6 < clock.now < 100.61


def test_a_new_process_counts_the_second_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paces, "_BEGAN", time.monotonic() + 1_000)
    assert pace_of("http://a", "begun anew").wait_seconds() > 0
    monkeypatch.setattr(paces, "_BEGAN", time.monotonic() - 2)
    assert pace_of("http://a", "begun long ago").wait_seconds() == 0.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_process_that_is_forked_counts_the_second_before_it() -> None:
    forks = """
import os
from dhan_copy.dhan import pace
before, began = pace.pace_of("http://a", "1"), pace._BEGAN
before.per_second = 1_000
if child := os.fork():
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status))
os._exit(pace.pace_of("http://a", "1") is before or pace._BEGAN <= began)
"""
    subprocess.run([sys.executable, "-c", forks], check=True)


def test_several_reads_at_once_wait_for_the_last_of_them() -> None:
    clock = FakeClock()
    pace = ReadPace(LIMIT, clock.monotonic, clock.sleep)
    with pace.permit():
        pass
    assert pace.wait_seconds(LIMIT - 1) == 0.0
    assert pace.wait_seconds(LIMIT) > 0
    clock.now += 1.01
    assert pace.wait_seconds(LIMIT + 5) == 0.0


def test_a_read_that_fails_has_counted() -> None:
    pace = ReadPace(1, FakeClock().monotonic)
    with pytest.raises(OSError), pace.permit():
        raise OSError
    assert pace.wait_seconds() > 0


def test_accounts_and_servers_have_paces_of_their_own() -> None:
    one = pace_of("http://a", "1")
    assert pace_of("http://a", "1") is one
    assert pace_of("http://a", "2") is not one
    assert pace_of("http://b", "1") is not one


def test_every_get_of_every_connection_of_an_account_counts(http_server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    pace = ReadPace(LIMIT, clock.monotonic, clock.sleep)
    monkeypatch.setitem(paces._paces, (http_server.url, "1000000001"), pace)
    account = DhanAccount("1000000001", CANARY, base_url=http_server.url, feed_url="ws://127.0.0.1:1")
    broker, feed = account.broker(), account.feed(linked=True, forever=True)
    times: list[float] = []

    def counted(sock: socket.socket, request: Received) -> None:
        times.append(clock.now)
        reply(200, [])(sock, request)

    http_server.plan(*[counted] * 11)
    broker.limit_reads(4)
    assert pace.per_second == 4
    broker.orders()
    broker.linked()
    broker.forever()
    broker.positions()
    broker.holdings()
    broker.find(ClientOrderId("tag-1"))
    feed.snapshot()
    feed.positions()
    feed.holdings()
    assert len(times) == 11
    assert most_in_a_second(times) == 4


def test_a_get_that_is_repeated_counts_twice_and_an_order_request_not_at_all(
    http_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    pace = ReadPace(LIMIT, clock.monotonic, clock.sleep)
    monkeypatch.setitem(paces._paces, (http_server.url, "1000000001"), pace)
    broker = DhanAccount("1000000001", CANARY, base_url=http_server.url).broker()
    assert broker.reads_wait_seconds(LIMIT) == 0.0
    http_server.plan(reply(200, {"orderId": "1", "orderStatus": "TRANSIT"}))
    broker.submit(submit())
    assert broker.reads_wait_seconds(LIMIT) == 0.0
    http_server.plan(reply(200, []), then_reset())
    broker.orders()
    broker.orders()
    assert len([one for one in http_server.requests if one.method == "GET"]) == 3
    assert broker.reads_wait_seconds(1) > 0
