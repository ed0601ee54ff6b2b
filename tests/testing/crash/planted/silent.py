"""A bug to find: nobody is told that the outcome of a request is unknown."""

from __future__ import annotations

from dhan_copy.core import plan_change
from dhan_copy.core.copier import Copier


def nothing(*told: object) -> None:
    return None


Copier._warn_of_unanswered = nothing  # type: ignore[method-assign]
plan_change._tell_when_it_takes_long = nothing
