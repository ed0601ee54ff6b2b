"""Writes the functions that turn journaled values into JSON text.

An object holds the fields that differ from their default, by name; so the default of a journaled field is part of the
format and never changes. Enums are their members' names (the value of a reason is a sentence, and sentences get
reworded); Decimal, Fraction and datetime are text. A value that is not what its field declares is refused: it could
not be read back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from json.encoder import encode_basestring_ascii
from typing import cast

import attrs

from dhan_copy.coding.hints import RAW, attrs_class, default_of, fields_of, items_of, members_of
from dhan_copy.coding.source import TAG, Source, indented

_SCALARS: dict[object, tuple[str, str]] = {
    str: ("not isinstance(v, str)", "quote(v)"),
    int: ("v.__class__ is not int", "str(v)"),
    bool: ("v.__class__ is not bool", "('true' if v else 'false')"),
    Decimal: ("v.__class__ is not Decimal", "f'\"{v!s}\"'"),
    Fraction: ("v.__class__ is not Fraction", "f'\"{v!s}\"'"),
}
"""When to refuse the value ``v``, and its JSON."""


class Encoders:
    """``of(cls)`` gives the function from an instance to its JSON; made once per class."""

    def __init__(self) -> None:
        self._source = Source(quote=encode_basestring_ascii, Decimal=Decimal, Fraction=Fraction, datetime=datetime)

    def of(self, cls: type) -> Callable[[object], str]:
        name = self._source.function("object", cls, "value", lambda: [f"return {self._object(cls, 'value')}"])
        return cast(Callable[[object], str], self._source.names[name])

    def _object(self, cls: type, variable: str) -> str:
        return f"'{{' + {self._members(cls)}({variable})[1:] + '}}'"

    def _members(self, cls: type) -> str:
        """A function to the members of the object, each with a comma before it."""
        return self._source.function("members", cls, "value", lambda: self._write(cls))

    def _write(self, cls: type) -> list[str]:
        lines = [f"if value.__class__ is not {self._source.constant(cls)}:", f"    wrong({cls.__name__!r}, value)"]
        lines.append("out = ''")
        for field, hint in fields_of(cls):
            if field.name == RAW:
                continue
            key = f',"{field.name}":'
            encode = [*self._encoding(hint, f"{cls.__name__}.{field.name}"), f"out += {key!r} + v"]
            lines.append(f"v = value.{field.name}")
            if field.default is not attrs.NOTHING:
                default = default_of(field)
                differ = "is not" if default is None else "!="
                encode = [f"if v {differ} {self._source.constant(default)}:", *indented(encode)]
            lines += encode
        return [*lines, "return out"]

    def _encoding(self, hint: object, where: str) -> list[str]:
        """Lines that replace the variable ``v`` by its JSON."""
        if hint in _SCALARS:
            refuse, json = _SCALARS[hint]
            return [f"if {refuse}:", f"    wrong({where!r}, v)", f"v = {json}"]
        if hint is datetime:
            refuse = "not isinstance(v, datetime) or v.utcoffset() is None"
            return [f"if {refuse}:", f"    naive({where!r}, v)", "v = f'\"{v.isoformat()}\"'"]
        if isinstance(hint, type) and issubclass(hint, Enum):
            refuse = f"v.__class__ is not {self._source.constant(hint)}"
            return [f"if {refuse}:", f"    wrong({where!r}, v)", "v = f'\"{v._name_}\"'"]
        if (cls := attrs_class(hint)) is not None:
            return [f"v = {self._object(cls, 'v')}"]
        members, optional = members_of(hint)
        if members:
            one = len(members) == 1
            encode = self._encoding(members[0], where) if one else self._union(cast(tuple[type, ...], members), where)
            return ["if v is None:", "    v = 'null'", "else:", *indented(encode)] if optional else encode
        items, any_number = items_of(hint, where)
        functions = [self._item(item, where) for item in items]
        if any_number:
            lines = ["if v.__class__ is not tuple:", f"    wrong({where!r}, v)"]
            return [*lines, f"v = '[' + ','.join([{functions[0]}(x) for x in v]) + ']'"]
        lines = [f"if v.__class__ is not tuple or len(v) != {len(items)}:", f"    wrong({where!r}, v)"]
        inside = " + ',' + ".join(f"{function}(v[{index}])" for index, function in enumerate(functions))
        return [*lines, f"v = '[' + {inside} + ']'"]

    def _item(self, hint: object, where: str) -> str:
        return self._source.function(where, hint, "v", lambda: [*self._encoding(hint, where), "return v"])

    def _union(self, members: tuple[type, ...], where: str) -> list[str]:
        encoders = {cls: (f'{{"{TAG}":"{cls.__name__}"', self._source.names[self._members(cls)]) for cls in members}
        choices = self._source.constant(encoders)
        lines = [f"if v.__class__ not in {choices}:", f"    wrong({where!r}, v)"]
        return [*lines, f"head, members = {choices}[v.__class__]", "v = head + members(v) + '}'"]
