"""Settings written as plain values (tables, lists, texts, numbers): what a settings file and the journal hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeAlias, cast

import attrs

from dhan_copy.core.filtering import AllOf, AnyOf, Filter, Not
from dhan_copy.core.filters import (
    Between,
    Kinds,
    Origin,
    Origins,
    Products,
    QuantityRange,
    Segments,
    Sides,
    Symbols,
    Tags,
    ValueRange,
)
from dhan_copy.core.rules import Percent
from dhan_copy.core.settings import Ticks
from dhan_copy.core.sizers import (
    CapitalProportional,
    EquityProportional,
    FixedLots,
    FreeMarginProportional,
    PercentAtRisk,
    SameQuantity,
)
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKind
from dhan_copy.model.order import Product, Side
from dhan_copy.model.size import Quantity, Ratio

Plain: TypeAlias = object
"""What TOML and JSON have in common: dict, list, str, int, float, bool."""

SIZERS: dict[str, type[attrs.AttrsInstance]] = {
    cls.__name__: cls
    for cls in (
        Quantity, SameQuantity, FixedLots, CapitalProportional, EquityProportional, FreeMarginProportional, PercentAtRisk,
    )
}  # fmt: skip
LISTS: dict[str, tuple[Callable[..., Filter], type[Enum] | None]] = {
    "segment": (Segments, ExchangeSegment),
    "kind": (Kinds, InstrumentKind),
    "symbol": (Symbols, None),
    "product": (Products, Product),
    "side": (Sides, Side),
    "source": (Origins, Origin),
    "tag": (Tags, None),
}
RANGES: dict[str, type[QuantityRange] | type[ValueRange]] = {"quantity": QuantityRange, "value": ValueRange}
NEVER = "never"
"""A time that is None where something else is the default."""
UNITS = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1)}


class Unspellable(ValueError):
    """A value of the user's own, such as a function, that cannot be written down."""


def spell(value: object) -> Plain:
    """The plain value for ``value``. Raises :class:`Unspellable`."""
    match value:
        case bool() | int() | float() | str():
            return value
        case Decimal():
            return int(value) if value == int(value) else f"{value:f}"
        case Fraction():
            return int(value) if value.denominator == 1 else str(value)
        case timedelta():
            return _duration(value)
        case Enum():
            return value.name
        case Percent():
            return f"{value.value:f} %"
        case Ticks():
            return f"{value.count} ticks"
        case Ratio():
            return str(value)
        case Filter():
            return _spell_filter(value)
        case tuple():
            return [spell(item) for item in value]
        case frozenset():
            return sorted((spell(item) for item in value), key=str)
        case Mapping():
            return {str(spell(key)): spell(item) for key, item in value.items()}
    if type(value) in SIZERS.values():
        return {"sizer": type(value).__name__, **_spell_fields(value)}
    if attrs.has(type(value)) and not callable(getattr(value, "size", None)):
        return _spell_fields(value)
    raise Unspellable(f"{type(value).__name__} is your own and cannot be written down")


def _spell_fields(value: object) -> dict[str, Plain]:
    """The fields that differ from their defaults. None is said only where it is not the default, and only of times."""
    table: dict[str, Plain] = {}
    for field in attrs.fields(cast("type[attrs.AttrsInstance]", type(value))):
        held = getattr(value, field.name)
        if field.init and held != _default(field):
            table[field.name] = NEVER if held is None else spell(held)
    return table


def _default(field: attrs.Attribute[object]) -> object:
    factory = getattr(field.default, "factory", None)
    default = field.default if factory is None else factory()
    convert = cast("Callable[[object], object] | None", field.converter)
    return default if convert is None or default is attrs.NOTHING else convert(default)


def _spell_filter(value: Filter) -> dict[str, Plain]:
    match value:
        case AllOf():
            return {"all": [_spell_filter(part) for part in value.parts]}
        case AnyOf():
            return {"any": [_spell_filter(part) for part in value.parts]}
        case Not():
            return {"not": _spell_filter(value.part)}
        case Between():
            return {"time": [value.start.isoformat(), value.end.isoformat()]}
    for name, kind in RANGES.items():
        if type(value) is kind:
            return {name: _spell_fields(value)}
    for name, (cls, _) in LISTS.items():
        if type(value) is cls:
            return {name: spell(getattr(value, "of"))}
    raise Unspellable(f"{type(value).__name__} is a filter of your own and cannot be written down")


def _duration(value: timedelta) -> str:
    for unit in ("h", "min", "s"):
        if value and value % UNITS[unit] == timedelta(0):
            return f"{value // UNITS[unit]} {unit}"
    seconds = Decimal(value // timedelta(microseconds=1)) / 1_000_000
    return f"{seconds.normalize():f} s"
