"""What every clock must do."""

from __future__ import annotations

from datetime import timedelta

from dhan_copy.protocols import Clock


class ClockConformance:
    """Subclass it and say in :meth:`make_clock` how a clock is made."""

    def make_clock(self) -> Clock:
        raise NotImplementedError

    def pass_time(self, clock: Clock) -> None:
        """Let some time pass on ``clock``; by default the little that calls take."""
        before = clock.monotonic()
        for _ in range(1_000_000):
            if clock.monotonic() > before:
                return
        raise AssertionError("no time passes on this clock: override pass_time")

    def test_wall_time_is_aware(self) -> None:
        assert self.make_clock().now().utcoffset() is not None

    def test_wall_time_has_a_plausible_zone(self) -> None:
        """Calcutta's mean time of +05:53 comes from a pytz zone given to the constructor of datetime."""
        offset = self.make_clock().now().utcoffset()
        assert offset is not None and offset % timedelta(minutes=15) == timedelta(0)

    def test_monotonic_time_is_seconds_as_a_float(self) -> None:
        assert isinstance(self.make_clock().monotonic(), float)

    def test_monotonic_time_never_goes_back(self) -> None:
        clock = self.make_clock()
        times = [clock.monotonic() for _ in range(1_000)]
        assert times == sorted(times)

    def test_both_times_pass(self) -> None:
        clock = self.make_clock()
        wall, monotonic = clock.now(), clock.monotonic()
        self.pass_time(clock)
        assert clock.monotonic() > monotonic
        assert clock.now() >= wall
