"""One fact of every kind, with only what it must say and with everything it can say."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import attrs

from dhan_copy.core.facts import Entry, Fact
from dhan_copy.model.times import ist

AT = datetime(2026, 9, 1, 4, 0, 0, 123456, tzinfo=timezone.utc)
_PLAIN: dict[object, object] = {
    str: 'text, with "quotes", \u20b9 and \n',
    int: 75,
    bool: True,
    Decimal: Decimal("22500.05"),
    Fraction: Fraction(1, 3),
    datetime: ist(datetime(2026, 9, 1, 9, 30, 1)),
}


def sample_facts() -> list[Fact]:
    """Two of every kind in :data:`~dhan_copy.core.facts.Fact`: fields with a default left out, and given. Where a
    field may be of several classes there is one fact for each."""
    kinds = typing.cast("tuple[type[Fact], ...]", typing.get_args(Fact))
    return [fact for kind in kinds for full in (False, True) for fact in _instances(kind, full)]


def sample_entries() -> list[Entry]:
    """The sample facts as a journal, a second apart."""
    return [
        Entry(position, AT + timedelta(seconds=position), fact, position - 1 or None)
        for position, fact in enumerate(sample_facts(), start=1)
    ]


def _instances(cls: type[attrs.AttrsInstance], full: bool) -> Sequence[typing.Any]:
    hints = typing.get_type_hints(cls)
    wanted = [field for field in attrs.fields(cls) if full or field.default is attrs.NOTHING]
    choices = {(field.alias or field.name): _choices(field, hints[field.name], full) for field in wanted}
    most = max((len(values) for values in choices.values()), default=1)
    return [cls(**{name: values[turn % len(values)] for name, values in choices.items()}) for turn in range(most)]


def _choices(field: attrs.Attribute[object], hint: object, full: bool) -> Sequence[object]:
    if isinstance(field.default, bool):
        return [not field.default]
    values = _values(hint, full)
    return list(type(field.default))[:1] if isinstance(field.default, Enum) and values == [field.default] else values


def _values(hint: object, full: bool) -> Sequence[object]:
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        some = [argument for argument in arguments if argument is not type(None)]
        return [value for argument in some for value in _values(argument, full)]
    if typing.get_origin(hint) is tuple:
        return [tuple(_values(arguments[0], full))]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [list(hint)[-1]]
    if isinstance(hint, type) and attrs.has(hint):
        return _instances(hint, full)
    return [_PLAIN[hint]]
