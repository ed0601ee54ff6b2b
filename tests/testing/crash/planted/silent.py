"""A bug to find: nobody is told that the outcome of a request is unknown."""

from __future__ import annotations

from dhan_copy.core.copier import Copier


def nothing(self: Copier, cause: int) -> None:
    return None


Copier._warn_of_unanswered = nothing  # type: ignore[method-assign]
