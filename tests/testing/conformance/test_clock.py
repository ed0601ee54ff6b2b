"""The library's clocks pass; clocks that lie do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from dhan_copy.model.times import ist
from dhan_copy.protocols import Clock
from dhan_copy.runtime.clock import SteadyClock, SystemClock
from dhan_copy.testing.clock import VirtualClock
from dhan_copy.testing.conformance import ClockConformance

MORNING = ist(datetime(2026, 9, 1, 9, 15))


class TestSystemClock(ClockConformance):
    def make_clock(self) -> Clock:
        return SystemClock()


class TestSteadyClock(ClockConformance):
    def make_clock(self) -> Clock:
        return SteadyClock(SystemClock())


class TestVirtualClock(ClockConformance):
    def make_clock(self) -> Clock:
        return VirtualClock(MORNING)

    def pass_time(self, clock: Clock) -> None:
        assert isinstance(clock, VirtualClock)
        clock.advance(1.0)


class Lying:
    """A clock that says what it is told to."""

    def __init__(self, now: datetime, monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic()


def suite(clock: Clock) -> ClockConformance:
    class Suite(ClockConformance):
        def make_clock(self) -> Clock:
            return clock

    return Suite()


def test_a_naive_clock_is_found() -> None:
    with pytest.raises(AssertionError):
        suite(Lying(datetime(2026, 9, 1), lambda: 0.0)).test_wall_time_is_aware()


def test_calcuttas_mean_time_is_found() -> None:
    wrong = datetime(2026, 9, 1, tzinfo=timezone(timedelta(hours=5, minutes=53)))
    with pytest.raises(AssertionError):
        suite(Lying(wrong, lambda: 0.0)).test_wall_time_has_a_plausible_zone()


def test_a_clock_that_goes_back_is_found() -> None:
    ticks = iter(range(10_000, 0, -1))
    with pytest.raises(AssertionError):
        suite(Lying(MORNING, lambda: float(next(ticks)))).test_monotonic_time_never_goes_back()


def test_whole_seconds_are_found() -> None:
    with pytest.raises(AssertionError):
        suite(Lying(MORNING, lambda: 1)).test_monotonic_time_is_seconds_as_a_float()


def test_a_clock_that_stands_still_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Standing(ClockConformance):
        def make_clock(self) -> Clock:
            return Lying(MORNING.astimezone(timezone.utc), lambda: 0.0)

        def pass_time(self, clock: Clock) -> None:
            pass

    with pytest.raises(AssertionError):
        Standing().test_both_times_pass()


def test_the_suite_says_when_time_must_be_passed() -> None:
    stopped = Lying(MORNING, lambda: 0.0)
    with pytest.raises(AssertionError, match="override pass_time"):
        suite(stopped).pass_time(stopped)
    with pytest.raises(NotImplementedError):
        ClockConformance().make_clock()
