"""Virtual time moves only when told."""

from datetime import datetime, timedelta

import pytest

from dhan_copy.model.times import ist
from dhan_copy.testing import VirtualClock

START = ist(datetime(2026, 9, 4, 9, 15))


def test_time_stands_still_until_it_is_advanced() -> None:
    clock = VirtualClock(START)
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=1.5), 1.5)


def test_the_wall_clock_jumps_without_monotonic_time() -> None:
    clock = VirtualClock(START)
    clock.advance(10)
    clock.set_wall(START - timedelta(days=1))
    assert clock.now() == START - timedelta(days=1)
    assert clock.monotonic() == 10.0


def test_time_never_goes_back_and_is_never_naive() -> None:
    clock = VirtualClock(START)
    with pytest.raises(ValueError):
        clock.advance(-1)
    with pytest.raises(ValueError):
        VirtualClock(datetime(2026, 9, 4))
    with pytest.raises(ValueError):
        clock.set_wall(datetime(2026, 9, 4))
