"""Checks what settings are made of, by the types of their fields: :func:`check` says what is wrong, and what would be right."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from typing import TypeVar

import attrs

from dhan_copy.errors import Misspelt

_EnumT = TypeVar("_EnumT", bound=Enum)
Path = tuple[str | int, ...]
LONGEST = timedelta(days=366)
"""Longer ones are mistakes, and would lead out of the calendar."""


def check(settings: attrs.AttrsInstance, path: Path = (), *, may_be_zero: Sequence[str] = ()) -> None:
    """Refuse what the type of a field does not allow, in an attrs object that has just been made; the name of an enum's
    member becomes the member. Numbers and durations are above zero but in the fields that ``may_be_zero`` names.

    Fields of protocols, unions and mappings are not looked at. Raises :class:`~dhan_copy.errors.Misspelt`.
    """
    for name, kind, many, optional in _fields(type(settings)):
        given = getattr(settings, name)
        if given is None and optional:
            continue
        zero = name in may_be_zero
        if not many:
            fitted: object = _fitted(kind, given, (*path, name), zero)
        elif isinstance(given, (tuple, list)):
            fitted = tuple(_fitted(kind, one, (*path, name, number), zero) for number, one in enumerate(given))
        else:
            raise Misspelt(f"must be a list of {_wanted(kind)}, not {shown(given)}", (*path, name))
        if fitted is not given:
            object.__setattr__(settings, name, fitted)


def exact(value: Decimal | int | str) -> Decimal:
    """A finite number. Raises ``TypeError`` for a float, which is not exact, and ``ValueError`` for what is no number."""
    if isinstance(value, float):
        raise TypeError(f"write it as text, '{value}': a float is not exact")
    try:
        number = None if isinstance(value, bool) else Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        number = None
    if number is None or not number.is_finite():
        raise ValueError(f"{shown(value)} is no number: write it such as '0.5'")
    return number


def member(kind: type[_EnumT], value: _EnumT | str) -> _EnumT:
    """A member of an enum, also by its name. Raises ``ValueError`` with the names that there are."""
    if isinstance(value, kind):
        return value
    found = kind.__members__.get(str(value))
    if found is None:
        raise ValueError(f"{shown(value)} is no {kind.__name__}: it must be one of {', '.join(kind.__members__)}")
    return found


def shown(value: object) -> str:
    """A value in an error. Never whole: somebody may have written a secret where it does not belong."""
    match value:
        case bool():
            return str(value)
        case int() | float() | Decimal():
            return f"{value}"[:20]
        case str():
            return repr(value) if len(value) <= 24 else f"a text of {len(value)} characters"
        case timedelta():
            return f"{value.total_seconds():g} s"
        case Enum():
            return str(value)
        case None:
            return "nothing"
        case dict():
            return "a table"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _fitted(kind: type, given: object, path: Path, zero: bool) -> object:
    if issubclass(kind, Enum):
        found = given if isinstance(given, kind) else kind.__members__.get(given) if isinstance(given, str) else None
        if found is None:
            raise Misspelt(f"must be {_wanted(kind)}, not {shown(given)}", path)
        return found
    if kind is float and isinstance(given, int) and not isinstance(given, bool):
        given = float(given)
    if not isinstance(given, kind) or (kind is int and isinstance(given, bool)):
        raise Misspelt(f"must be {_wanted(kind)}, not {shown(given)}", path)
    if isinstance(given, (int, float, timedelta)) and not isinstance(given, bool):
        least = timedelta(0) if isinstance(given, timedelta) else 0
        if isinstance(given, float) and not math.isfinite(given):
            raise Misspelt(f"must be a finite number, not {shown(given)}", path)
        if given < least or (given == least and not zero):  # type: ignore[operator]
            raise Misspelt(f"must be {'zero or more' if zero else 'above zero'}, not {shown(given)}", path)
        if isinstance(given, timedelta) and given > LONGEST:
            raise Misspelt(f"must be at most {LONGEST.days} days, not {given.days} days", path)
    return given


def _wanted(kind: type) -> str:
    if issubclass(kind, Enum):
        return f"one of {', '.join(kind.__members__)}"
    if attrs.has(kind):
        fields = [one for one in attrs.fields(kind) if one.init]
        needed = [one.name for one in fields if one.default is attrs.NOTHING]
        return f"{kind.__name__}({', '.join([*needed, *(['...'] if len(needed) < len(fields) else [])])})"
    words: dict[type, str] = {
        bool: "True or False", int: "a whole number", float: "a number", str: "a text",
        timedelta: "a time such as timedelta(seconds=30)",
    }  # fmt: skip
    return words.get(kind, kind.__name__)


_PLAIN = (bool, int, float, str, timedelta)


@cache
def _fields(cls: type[attrs.AttrsInstance]) -> tuple[tuple[str, type, bool, bool], ...]:
    """Of each field whose type can be looked at: its name, the type, whether there are several, whether None is one."""
    hints, found = typing.get_type_hints(cls), []
    for one in attrs.fields(cls):
        hint, optional = hints[one.name], False
        if isinstance(hint, types.UnionType):
            rest = [part for part in typing.get_args(hint) if part is not types.NoneType]
            hint, optional = rest[0] if len(rest) == 1 else None, True
        many = typing.get_origin(hint) in (tuple, Sequence)
        kind = typing.get_args(hint)[0] if many else hint
        if one.init and isinstance(kind, type) and (kind in _PLAIN or issubclass(kind, Enum) or attrs.has(kind)):
            found.append((one.name, kind, many, optional))
    return tuple(found)
