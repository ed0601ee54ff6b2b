"""Wall time never goes back for the engine, whatever the machine's clock does."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.times import IST
from dhan_copy.runtime.clock import SteadyClock, SystemClock
from dhan_copy.testing.clock import VirtualClock
from tests.runtime.fakes import START


@given(st.lists(st.integers(-100_000, 100_000), min_size=1))
def test_steady_wall_time_is_the_largest_seen_so_far(steps: list[int]) -> None:
    inner = VirtualClock(START)
    steady = SteadyClock(inner)
    shown: list[datetime] = []
    for step in steps:
        inner.set_wall(START + timedelta(seconds=step))
        shown.append(steady.now())
    assert shown == [START + timedelta(seconds=max(steps[: n + 1])) for n in range(len(steps))]


def test_a_moment_carries_both_times() -> None:
    inner = VirtualClock(START)
    inner.advance(5)
    moment = SteadyClock(inner).moment()
    assert (moment.wall, moment.monotonic) == (START + timedelta(seconds=5), 5.0)
    assert SteadyClock(inner).monotonic() == 5.0


def test_the_systems_clock_is_aware_and_in_ist() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(hours=5, minutes=30)
    assert abs(clock.now() - datetime.now(IST)) < timedelta(minutes=1)
    first = clock.monotonic()
    assert clock.monotonic() >= first
