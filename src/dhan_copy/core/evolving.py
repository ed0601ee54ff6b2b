"""Copy a frozen value with some fields changed, without the cost of running its constructor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import fields_dict

ValueT = TypeVar("ValueT")

_copiers: dict[type[Any], Callable[[Any, Mapping[str, object]], Any]] = {}


def evolve(value: ValueT, **changes: object) -> ValueT:
    """Like :func:`attrs.evolve`, for values whose validators need not run again.

    Folding a day of 10,000 orders makes some 100,000 copies; with a straight line of assignments for each class they
    cost a fifth.
    """
    cls = value.__class__
    copier = _copiers.get(cls)
    if copier is None:
        copier = _copiers[cls] = _copier(cls)
    copy: ValueT = copier(value, changes)
    return copy


def _copier(cls: type[Any]) -> Callable[[Any, Mapping[str, object]], Any]:
    lines = ["def copy(value, changes):", " new = make(cls)"]
    for name in fields_dict(cls):
        lines.append(f" put(new, {name!r}, changes[{name!r}] if {name!r} in changes else value.{name})")
    lines.append(" return new")
    scope: dict[str, Any] = {"make": object.__new__, "put": object.__setattr__, "cls": cls}
    exec("\n".join(lines), scope)  # noqa: S102 - the names are those of the class's own fields
    copier: Callable[[Any, Mapping[str, object]], Any] = scope["copy"]
    return copier
