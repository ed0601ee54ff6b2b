"""How long to wait before trying again: longer each time, and never in step with others."""

from __future__ import annotations

import random
from collections.abc import Callable

_LARGEST_EXPONENT = 62


class Backoff:
    """Exponential waits with full jitter: each is drawn from zero to a bound that doubles from ``first_seconds``.

    ``draw`` gives numbers from 0 to 1. Full jitter spreads clients that lost the same server at the same moment.
    """

    def __init__(
        self, first_seconds: float = 0.5, most_seconds: float = 30.0, draw: Callable[[], float] = random.random
    ) -> None:
        self._first_seconds = first_seconds
        self._most_seconds = most_seconds
        self._draw = draw
        self._failures = 0

    def next_seconds(self) -> float:
        """The wait after one more failure."""
        bound = min(self._most_seconds, self._first_seconds * 2.0**self._failures)
        self._failures = min(self._failures + 1, _LARGEST_EXPONENT)
        return bound * self._draw()

    def reset(self) -> None:
        """What was tried has worked."""
        self._failures = 0
