"""What the suites share."""

from __future__ import annotations

import pytest

from dhan_copy.testing.conformance import checks
from dhan_copy.testing.conformance.checks import eventually, raised


def test_the_error_that_was_raised_is_given() -> None:
    error = raised(ValueError, lambda: int("x"))
    assert "x" in str(error)


def test_no_error_and_another_error_are_failures() -> None:
    with pytest.raises(AssertionError, match="expected ValueError.*5"):
        raised(ValueError, lambda: 5)
    with pytest.raises(ZeroDivisionError):
        raised(ValueError, lambda: 1 / 0)


def test_what_happens_later_is_waited_for() -> None:
    answers = iter([None, None, 0])
    assert eventually(lambda: next(answers), "it") == 0


def test_what_never_happens_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(AssertionError, match="the order did not happen"):
        eventually(lambda: None, "the order")
