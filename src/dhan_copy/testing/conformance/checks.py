"""What the conformance suites share: expecting an error, and waiting for something that happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

PATIENCE_SECONDS = 30.0
"""Only how long a failure takes: what is waited for usually comes at once."""
_PAUSE_SECONDS = 0.01


def raised(kind: type[E], act: Callable[[], object]) -> E:
    """The error of that kind that ``act`` raises; an AssertionError when it raises none."""
    try:
        answer = act()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}, but there was an answer: {answer!r}")


def eventually(look: Callable[[], T | None], what: str) -> T:
    """What ``look`` gives once it is not None: a broker over a network may take a moment to show an order."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {PATIENCE_SECONDS:.0f} s")
        time.sleep(_PAUSE_SECONDS)
    return found
