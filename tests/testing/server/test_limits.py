"""Windows are counted exactly, on the broker's side."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.times import ist
from dhan_copy.testing import VirtualClock
from dhan_copy.testing.server.limits import RateCounter

START = ist(datetime(2026, 9, 4, 10))


@given(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), max_size=60), st.integers(1, 5))
def test_no_sliding_window_ever_holds_more_than_its_limit(pauses: list[float], limit: int) -> None:
    clock = VirtualClock(START)
    counter = RateCounter(clock, ((limit, 1.0), (2 * limit, 3.0)), None)
    admitted: list[float] = []
    arrived: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        now = clock.monotonic()
        arrived.append(now)
        room = all(sum(t > now - s for t in admitted) < most for most, s in ((limit, 1.0), (2 * limit, 3.0)))
        assert counter.admit() is room
        if room:
            admitted.append(now)
    assert counter.worst(1.0) == max((sum(t - 1.0 < u <= t for u in arrived) for t in arrived), default=0)
    assert counter.refused == len(arrived) - len(admitted)


def test_a_day_is_an_indian_calendar_day() -> None:
    clock = VirtualClock(ist(datetime(2026, 9, 4, 23, 59, 59)))
    counter = RateCounter(clock, (), 2)
    assert [counter.admit() for _ in range(3)] == [True, True, False]
    clock.advance(1)
    assert counter.admit()
    assert counter.statistics() == {
        "arrived": 4, "refused": 1, "worst": {"1": 3}, "limits": {}, "per_day": 2
    }  # fmt: skip
