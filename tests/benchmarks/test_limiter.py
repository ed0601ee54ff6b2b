"""B6's counts: the busiest sliding window holds exactly its limit, and never more whenever the broker counts."""

from __future__ import annotations

from benchmarks.limiter import Deques, worst_count, worst_counts
from dhan_copy.core.settings import RateLimits


def test_the_busiest_window_of_a_saturated_day_holds_exactly_its_limit() -> None:
    assert worst_counts(latency_seconds=0) == [(10, 10), (250, 250), (1000, 1000), (7000, 7000)]


def test_no_window_is_exceeded_whenever_the_broker_counts_between_send_and_answer() -> None:
    assert all(worst <= limit for worst, limit in worst_counts(latency_seconds=2.5))


def test_the_count_itself_sees_one_too_many() -> None:
    assert worst_count([0.0, 0.4, 1.0, 1.5, 3.0], 1.0) == 3
    assert worst_count([0.0, 1.5, 3.0], 1.0) == 1


def test_the_peer_counts_four_windows() -> None:
    peer = Deques(RateLimits())
    assert sum(peer.take(0.5) for _ in range(11)) == 10
    assert peer.take(1.5)
