"""Waits grow, stay under their bound and spread over all of it."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan.backoff import Backoff


def test_the_bound_doubles_up_to_the_most() -> None:
    backoff = Backoff(0.5, 30.0, draw=lambda: 1.0)
    assert [backoff.next_seconds() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_success_starts_again_from_the_first_wait() -> None:
    backoff = Backoff(0.5, 30.0, draw=lambda: 1.0)
    for _ in range(5):
        backoff.next_seconds()
    backoff.reset()
    assert backoff.next_seconds() == 0.5


@given(seed=st.integers(), failures=st.integers(0, 3000))
def test_a_wait_is_between_zero_and_the_most_however_often_it_failed(seed: int, failures: int) -> None:
    backoff = Backoff(0.5, 30.0, draw=random.Random(seed).random)
    assert all(0 <= backoff.next_seconds() <= 30 for _ in range(failures))


def test_jitter_is_full() -> None:
    draws = iter([0.0, 0.5, 1.0])
    backoff = Backoff(4.0, 4.0, draw=lambda: next(draws))
    assert [backoff.next_seconds() for _ in range(3)] == [0.0, 2.0, 4.0]
