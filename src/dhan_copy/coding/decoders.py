"""Writes the functions that turn what ``json.loads`` gives back into journaled values.

A field that is missing takes its default; anything else that is not as the encoders write it raises: a missing field
KeyError, a name that a later release may know :class:`~dhan_copy.coding.source.UnknownHere`, and the rest
:class:`~dhan_copy.coding.source.Malformed` or what the value's own class raises.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from types import MemberDescriptorType
from typing import NoReturn, cast

import attrs

from dhan_copy.coding.hints import attrs_class, default_of, fields_of, is_scalar, items_of, members_of
from dhan_copy.coding.source import TAG, Source, UnknownHere, indented, wrong

_MEMORY = 4096
"""Prices, ratios and instruments come again and again: so many of each are kept."""
_SHAPES = 256
"""Sets of keys per class whose constructors are kept: a hand-made journal could hold any number."""
_TEXTS: dict[object, str] = {Decimal: "decimal", Fraction: "fraction", datetime: "moment"}


class _Names(dict[str, object]):
    """Names of one kind, to what they stand for."""

    def __init__(self, kind: str, names: dict[str, object]) -> None:
        super().__init__(names)
        self._kind = kind

    def __missing__(self, name: object) -> NoReturn:
        if not isinstance(name, str):
            wrong(self._kind, name)
        raise UnknownHere(f"{self._kind} {name!r}")


class Decoders:
    """``of(cls)`` gives the function from a parsed JSON object to the instance.

    One constructor is compiled for every set of keys that turns up: there are few, and with the keys known nothing has
    to be looked up in the object.
    """

    def __init__(self) -> None:
        self._source = Source(
            decimal=lru_cache(_MEMORY)(Decimal),
            fraction=lru_cache(_MEMORY)(Fraction),
            moment=datetime.fromisoformat,
            new=object.__new__,
        )

    def of(self, cls: type) -> Callable[[object], object]:
        return cast(Callable[[object], object], self._source.names[self._name(cls, "whole")])

    def _name(self, cls: type, role: str) -> str:
        """A function from an object to an instance: a ``whole`` fact, a ``part`` of one, or the part ``tagged``."""
        return self._source.function(role, cls, "body", lambda: self._dispatch(cls, role))

    def _dispatch(self, cls: type, role: str) -> list[str]:
        constructors: dict[tuple[str, ...], Callable[..., object]] = {}
        remember = role != "whole" and _is_small(cls)

        def learn(keys: tuple[str, ...]) -> Callable[..., object]:
            if len(constructors) >= _SHAPES:
                constructors.clear()
            made = cast(Callable[..., object], self._source.names[self._constructor(cls, keys, role == "tagged")])
            constructors[keys] = lru_cache(_MEMORY, typed=True)(made) if remember else made
            return constructors[keys]

        known = self._source.constant(constructors)
        return [
            "if body.__class__ is not dict:",
            f"    wrong({cls.__name__!r}, body)",
            "keys = tuple(body)",
            f"make = {known}.get(keys) or {self._source.constant(learn)}(keys)",
            "return make(*body.values())",
        ]

    def _constructor(self, cls: type, keys: tuple[str, ...], tagged: bool) -> str:
        """A function from the values at ``keys`` to an instance. Its slots are filled directly, which takes a third of
        the time of a frozen class's own constructor; its validators are called for every value."""
        fields = {field.name: (field, hint) for field, hint in fields_of(cls)}
        unknown = [key for key in keys if key not in fields and not (tagged and key == TAG)]
        if unknown:
            raise UnknownHere(f"field {cls.__name__}.{unknown[0]}")
        variables = {key: f"v{number}" for number, key in enumerate(keys)}
        lines = [f"made = new({self._source.constant(cls)})"]
        for name, (field, hint) in fields.items():
            slot = getattr(cls, name, None)
            if not isinstance(slot, MemberDescriptorType):
                raise TypeError(f"{cls.__name__} must have slots to be journaled")
            if name in variables:
                value = variables[name]
                lines += self._decoding(hint, f"{cls.__name__}.{name}", value)
                if field.validator is not None:
                    validate = self._source.constant(field.validator)
                    lines.append(f"{validate}(made, {self._source.constant(field)}, {value})")
            elif field.default is attrs.NOTHING:
                raise KeyError(name)
            else:
                value = self._source.constant(default_of(field))
            lines.append(f"{self._source.constant(slot.__set__)}(made, {value})")
        remembered = getattr(cls, "_attrs_cached_hash", None)
        if isinstance(remembered, MemberDescriptorType):  # attrs' own constructor says so of a hash not asked for yet
            lines.append(f"{self._source.constant(remembered.__set__)}(made, None)")
        if hasattr(cls, "__attrs_post_init__"):
            lines.append("made.__attrs_post_init__()")
        arguments = ", ".join(variables.values())
        return self._source.function("constructor", (cls, keys, tagged), arguments, lambda: [*lines, "return made"])

    def _decoding(self, hint: object, where: str, v: str) -> list[str]:
        """Lines that replace the variable named ``v``, a JSON value, by what it says."""
        if hint in (str, int, bool):
            return [f"if {v}.__class__ is not {cast(type, hint).__name__}:", f"    wrong({where!r}, {v})"]
        if hint in _TEXTS:
            lines = [f"if {v}.__class__ is not str:", f"    wrong({where!r}, {v})", f"{v} = {_TEXTS[hint]}({v})"]
            return lines + ([f"if {v}.tzinfo is None:", f"    naive({where!r}, {v})"] if hint is datetime else [])
        if isinstance(hint, type) and issubclass(hint, Enum):
            return [f"{v} = {self._source.constant(_Names(hint.__name__, dict(hint.__members__)))}[{v}]"]
        if (cls := attrs_class(hint)) is not None:
            return [f"{v} = {self._name(cls, 'part')}({v})"]
        members, optional = members_of(hint)
        if members:
            one = len(members) == 1
            union = cast(tuple[type, ...], members)
            decode = self._decoding(members[0], where, v) if one else self._union(union, where, v)
            return [f"if {v} is not None:", *indented(decode)] if optional else decode
        items, any_number = items_of(hint, where)
        functions = [self._item(item, where) for item in items]
        if any_number:
            lines = [f"if {v}.__class__ is not list:", f"    wrong({where!r}, {v})"]
            return [*lines, f"{v} = tuple([{functions[0]}(x) for x in {v}])"]
        lines = [f"if {v}.__class__ is not list or len({v}) != {len(items)}:", f"    wrong({where!r}, {v})"]
        inside = ", ".join(f"{function}({v}[{index}])" for index, function in enumerate(functions))
        return [*lines, f"{v} = ({inside},)"]

    def _item(self, hint: object, where: str) -> str:
        return self._source.function(where, hint, "v", lambda: [*self._decoding(hint, where, "v"), "return v"])

    def _union(self, members: tuple[type, ...], where: str, v: str) -> list[str]:
        choices = _Names(where, {cls.__name__: self._source.names[self._name(cls, "tagged")] for cls in members})
        lines = [f"if {v}.__class__ is not dict:", f"    wrong({where!r}, {v})"]
        return [*lines, f"{v} = {self._source.constant(choices)}[{v}[{TAG!r}]]({v})"]


def _is_small(cls: type) -> bool:
    """Whether instances are worth remembering: few plain values, such as a price, that come again and again."""
    fields = fields_of(cls)
    return len(fields) <= 4 and all(is_scalar(hint) for _, hint in fields)
