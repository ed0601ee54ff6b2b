"""Settings read out of plain values, and checked: :func:`read` says where something is wrong, and what would be right."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeAlias, cast

import attrs

from dhan_copy.core.checked import LONGEST, exact, shown
from dhan_copy.core.filtering import AllOf, AnyOf, Filter, Not
from dhan_copy.core.filters import Between
from dhan_copy.core.rules import Percent
from dhan_copy.core.settings import Ticks
from dhan_copy.core.spelled import LISTS, NEVER, RANGES, SIZERS, UNITS, Plain
from dhan_copy.errors import Misspelt
from dhan_copy.model.size import Ratio
from dhan_copy.protocols import PositionSizer

Path: TypeAlias = tuple[str | int, ...]
_FILTERS = (*LISTS, *RANGES, "time", "all", "any", "not")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|min|h)")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(%|ticks?)")


def read(hint: object, plain: Plain, path: Path = ()) -> object:
    """The value of type ``hint`` that ``plain`` spells. Raises :class:`~dhan_copy.errors.Misspelt`."""
    if hint == timedelta | None and plain == NEVER:
        return None
    hint = _without_none(hint)
    if hint is PositionSizer:
        return _read_sizer(plain, path)
    if hint is Filter:
        return _read_filter(plain, path)
    if hint in _READERS:
        return _READERS[hint](plain, path)
    if hint is Percent or hint == Percent | Ticks:
        return _read_part(plain, path, ticks=hint is not Percent)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (tuple, frozenset):
        items = plain if isinstance(plain, list) else [plain] if isinstance(plain, str) else None
        if items is None:
            raise Misspelt(f"must be a list{_of_tables(arguments[0])}; not {_shown(plain)}", path)
        values = [read(arguments[0], item, (*path, number)) for number, item in enumerate(items)]
        return tuple(values) if origin is tuple else frozenset(values)
    if origin is not None and issubclass(origin, Mapping):
        table = _table(plain, path)
        return {read(arguments[0], key, (*path, key)): read(arguments[1], item, (*path, key)) for key, item in table.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _read_member(hint, plain, path)
    if isinstance(hint, type) and attrs.has(hint):
        return read_table(hint, plain, path)
    raise TypeError(f"a setting of type {hint} cannot be read")


def read_table(cls: type[attrs.AttrsInstance], plain: Plain, path: Path) -> object:
    """An instance of an attrs class from a table with its fields."""
    return made(cls, fields_in(cls, plain, path), path)


def fields_in(cls: type[attrs.AttrsInstance], plain: Plain, path: Path, more: tuple[str, ...] = ()) -> dict[str, object]:
    """The fields of ``cls`` that the table says; keys named in ``more`` are somebody else's."""
    known = [field.name for field in attrs.fields(cls) if field.init]
    table = _table(plain, path, [*more, *known])
    hints = typing.get_type_hints(cls)
    for key in table:
        if key not in known and key not in more:
            raise Misspelt(f"{_shown(key)} is no setting here; there are {', '.join([*more, *known])}", (*path, key))
    return {key: read(hints[key], item, (*path, key)) for key, item in table.items() if key in known}


def made(cls: type[attrs.AttrsInstance], values: Mapping[str, object], path: Path) -> object:
    """``cls(**values)``; what its constructor says is wrong is told with the path to it."""
    missing = [
        field.name for field in attrs.fields(cls)
        if field.init and field.default is attrs.NOTHING and field.name not in values
    ]  # fmt: skip
    if missing:
        raise Misspelt(f"{missing[0]} is missing", path)
    try:
        return cls(**values)
    except Misspelt as wrong:
        raise Misspelt(wrong.problem, (*path, *wrong.path)) from None
    except (ValueError, TypeError, ArithmeticError) as error:
        text = str(error.args[0] if error.args else error)
        at = next((key for key in values if re.search(rf"\b{key}\b", text)), None)
        raise Misspelt(text, path if at is None else (*path, at)) from None


def _without_none(hint: object) -> object:
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        if len(members) == 1:
            return _without_none(members[0])
    return hint


def _table(plain: Plain, path: Path, keys: Iterable[str] = ()) -> Mapping[str, Plain]:
    if not isinstance(plain, dict):
        names = ", ".join(keys)
        holding = f", {{ key = value }}, whose keys are {names}" if names else ""
        raise Misspelt(f"must be a table{holding}; not {_shown(plain)}", path)
    return plain


def _of_tables(hint: object) -> str:
    hint = _without_none(hint)
    if not isinstance(hint, type) or not attrs.has(hint):
        return ""
    return f" of tables, [{{ key = value }}], whose keys are {', '.join(each.name for each in attrs.fields(hint) if each.init)}"


def _read_bool(plain: Plain, path: Path) -> bool:
    if not isinstance(plain, bool):
        raise Misspelt(f"must be true or false, not {_shown(plain)}", path)
    return plain


def _read_int(plain: Plain, path: Path) -> int:
    if not isinstance(plain, int) or isinstance(plain, bool):
        raise Misspelt(f"must be a whole number, not {_shown(plain)}", path)
    return plain


def _read_float(plain: Plain, path: Path) -> float:
    if not isinstance(plain, (int, float)) or isinstance(plain, bool):
        raise Misspelt(f"must be a number, not {_shown(plain)}", path)
    return float(plain)


def _read_text(plain: Plain, path: Path) -> str:
    if not isinstance(plain, str):
        raise Misspelt(f"must be text in quotes, not {_shown(plain)}", path)
    return plain


def _read_decimal(plain: Plain, path: Path) -> Decimal:
    try:
        if isinstance(plain, (int, str)) and not isinstance(plain, bool):
            return exact(plain)
    except ValueError:
        pass
    raise Misspelt(f'must be a whole number, or text such as "0.5" (a float is not exact), not {_shown(plain)}', path)


def _read_fraction(plain: Plain, path: Path) -> Fraction:
    try:
        if isinstance(plain, (int, str)) and not isinstance(plain, bool):
            return Fraction(plain)
    except (ValueError, ZeroDivisionError):
        pass
    raise Misspelt(f'must be text such as "0.5" or "1/3", not {_shown(plain)}', path)


def _read_duration(plain: Plain, path: Path) -> timedelta:
    found = _DURATION.fullmatch(plain) if isinstance(plain, str) else None
    if found is None:
        raise Misspelt(f'must be a time such as "30 s"; units are {", ".join(UNITS)}; not {_shown(plain)}', path)
    microseconds = Fraction(found[1]) * (UNITS[found[2]] // timedelta(microseconds=1))
    if microseconds > LONGEST // timedelta(microseconds=1):
        raise Misspelt(f"must be at most {LONGEST.days} days, not {_shown(plain)}", path)
    return timedelta(microseconds=round(microseconds))


_READERS: dict[object, Callable[[Plain, Path], object]] = {
    bool: _read_bool, int: _read_int, float: _read_float, str: _read_text, Decimal: _read_decimal,
    Fraction: _read_fraction, timedelta: _read_duration,
}  # fmt: skip


def _read_member(kind: type[Enum], plain: Plain, path: Path) -> Enum:
    found = kind.__members__.get(plain) if isinstance(plain, str) else None
    if found is None:
        raise Misspelt(f"must be one of {', '.join(kind.__members__)}, not {_shown(plain)}", path)
    return found


def _read_part(plain: Plain, path: Path, *, ticks: bool) -> Percent | Ticks:
    found = _PART.fullmatch(plain) if isinstance(plain, str) else None
    if found is None or (found[2] != "%" and not ticks) or (found[2] != "%" and "." in found[1]):
        either = '"1 %" or "3 ticks"' if ticks else '"1 %"'
        raise Misspelt(f"must be such as {either}, not {_shown(plain)}", path)
    try:
        return Percent(Decimal(found[1])) if found[2] == "%" else Ticks(int(found[1]))
    except ValueError:
        raise Misspelt(f"must be above zero, not {_shown(plain)}", path) from None


def _read_sizer(plain: Plain, path: Path) -> object:
    if isinstance(plain, str):
        try:
            return Ratio(plain)
        except (ValueError, ArithmeticError):
            raise Misspelt(f'must be a ratio above zero such as "0.5" or "1/3", not {_shown(plain)}', path) from None
    if not isinstance(plain, dict):
        raise Misspelt(
            f'must be a ratio as text, or a table such as {{sizer = "FixedLots", lots = 2}}, not {_shown(plain)}', path
        )
    name = plain.get("sizer")
    if name not in SIZERS:
        raise Misspelt(f"sizer must be one of {', '.join(SIZERS)}, not {_shown(name)}", (*path, "sizer") if name else path)
    return made(SIZERS[name], fields_in(SIZERS[name], plain, path, ("sizer",)), path)


def _read_filter(plain: Plain, path: Path) -> Filter:
    """Several keys in one table hold together."""
    table = _table(plain, path, _FILTERS)
    if not table:
        raise Misspelt(f"must name a filter: {', '.join(_FILTERS)}", path)
    parts = [_read_condition(name, item, (*path, name)) for name, item in table.items()]
    return parts[0] if len(parts) == 1 else AllOf(*parts)


def _read_condition(name: str, plain: Plain, path: Path) -> Filter:
    if name in LISTS:
        cls, kind = LISTS[name]
        items = plain if isinstance(plain, list) else [plain]
        one: object = str if kind is None else kind
        values = [read(one, item, (*path, number)) for number, item in enumerate(items)]
        return _checked(lambda: cls(*values), path)
    if name in RANGES:
        return cast(Filter, read_table(RANGES[name], plain, path))
    if name == "not":
        return Not(_read_filter(plain, path))
    if name in ("all", "any"):
        if not isinstance(plain, list) or not plain:
            raise Misspelt("must be a list of filters", path)
        parts = [_read_filter(item, (*path, number)) for number, item in enumerate(plain)]
        return AllOf(*parts) if name == "all" else AnyOf(*parts)
    if name == "time":
        if not isinstance(plain, list) or len(plain) != 2 or not all(isinstance(at, (str, time)) for at in plain):
            raise Misspelt('must be two times such as ["09:20", "15:15"]', path)
        return _checked(lambda: Between(plain[0], plain[1]), path)
    raise Misspelt(f"{_shown(name)} is no filter; there are {', '.join(_FILTERS)}", path)


def _checked(make: Callable[[], Filter], path: Path) -> Filter:
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise Misspelt(str(error), path) from None


def _shown(plain: Plain) -> str:
    return shown(plain).lower() if isinstance(plain, bool) else shown(plain)
