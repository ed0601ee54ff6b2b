"""What the fields of a journaled class declare: their types, defaults, and where raw text is."""

from __future__ import annotations

import types
import typing

import attrs

RAW = "raw"
"""A field of this name is what came over the wire: kept beside the body and left out of it."""
_FACTORY: type = typing.cast(type, attrs.Factory)  # a class, which attrs' stubs declare as a function


def fields_of(cls: type) -> list[tuple[attrs.Attribute[object], object]]:
    """The fields of an attrs class with their resolved type hints, NewTypes replaced by what they are.

    Raises TypeError for a class whose fields could not be told apart from what its constructor takes.
    """
    hints = typing.get_type_hints(cls)
    found = []
    for field in attrs.fields(cls):
        if not field.init or field.converter is not None:
            raise TypeError(f"{cls.__name__}.{field.name}: only plain fields can be journaled")
        found.append((field, plain(hints[field.name])))
    return found


def plain(hint: object) -> object:
    """``str`` for a NewType of it."""
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    return hint


def attrs_class(hint: object) -> type | None:
    return hint if isinstance(hint, type) and attrs.has(hint) else None


def is_scalar(hint: object) -> bool:
    """Whether the JSON of such a value is one text, number or null."""
    members, _ = members_of(hint)
    return all(not attrs_class(member) and typing.get_origin(member) is None for member in members or (hint,))


def default_of(field: attrs.Attribute[object]) -> object:
    """The default of a field that has one."""
    default: object = field.default
    if not isinstance(default, _FACTORY):
        return default
    if getattr(default, "takes_self"):
        raise TypeError(f"{field.name}: a default that depends on other fields cannot be journaled")
    made: object = getattr(default, "factory")()
    return made


def members_of(hint: object) -> tuple[tuple[object, ...], bool]:
    """The members of a union without None, and whether None was among them; no members for what is no union."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return (), False
    arguments = typing.get_args(hint)
    members = tuple(plain(member) for member in arguments if member is not type(None))
    if len(members) > 1 and not all(attrs_class(member) for member in members):
        raise TypeError(f"only attrs classes can be told apart in a union: {hint}")
    return members, len(members) < len(arguments)


def items_of(hint: object, where: str) -> tuple[tuple[object, ...], bool]:
    """The types of a tuple's items, and whether there may be any number of the one type; TypeError for any other type,
    which cannot be journaled."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is not tuple or not arguments:
        raise TypeError(f"{where}: a field of type {hint} cannot be journaled")
    if len(arguments) == 2 and arguments[1] is ...:
        return (plain(arguments[0]),), True
    return tuple(plain(argument) for argument in arguments), False


def raw_path(cls: type) -> tuple[str, ...] | None:
    """Where in ``cls`` the field :data:`RAW` is; None when there is none.

    Raises TypeError when it could not be put beside the body: more than one, or inside a tuple, union or Optional.
    """
    found: list[tuple[str, ...]] = []
    for field, hint in fields_of(cls):
        if field.name == RAW:
            found.append((RAW,))
        elif (inner := attrs_class(hint)) is not None:
            inside = raw_path(inner)
            found += [(field.name, *inside)] if inside else []
        elif any(raw_path(member) for member in _classes_in(hint)):
            raise TypeError(f"{cls.__name__}.{field.name}: raw text can be kept only in a field of a single class")
    if len(found) > 1:
        raise TypeError(f"{cls.__name__} holds raw text twice: {found}")
    return found[0] if found else None


def _classes_in(hint: object) -> list[type]:
    cls = attrs_class(plain(hint))
    if cls is not None:
        return [cls]
    return [found for argument in typing.get_args(hint) for found in _classes_in(argument)]
