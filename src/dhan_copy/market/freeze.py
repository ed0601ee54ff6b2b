"""The freeze limits of the exchanges, out of this package's file or the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from os import PathLike

from dhan_copy.errors import ConfigurationError
from dhan_copy.market.tables import Table, loaded, packaged, tables
from dhan_copy.model.freeze import FreezeLimit, FreezeLimits

_KEYS = ("segment", "since", "units", "lots", "source")


@cache
def freeze_limits() -> FreezeLimits:
    """The limits that this release knows; every one names its source in ``freeze.toml``."""
    return FreezeLimits(_read(packaged("freeze.toml"), "freeze.toml"))


def load_freeze_limits(path: str | PathLike[str], *, alone: bool = False) -> FreezeLimits:
    """The user's own limits over those of this release, or ``alone``; the file has the form of ``freeze.toml``::

        [[limits]]
        segment = "NSE_FNO"
        since = 2026-12-01
        units = { NIFTY = 3510, RELIANCE = 20000, "45471" = 0 }
        source = "NSE circular of 27 November 2026"

    A name is an underlying, a security id, or ``"*"`` for the whole segment; 0 says that there is no limit.
    Raises :class:`~dhan_copy.errors.ConfigurationError` for anything else, naming the table.
    """
    own = FreezeLimits(_read(loaded(path), str(path)))
    return own if alone else FreezeLimits(freeze_limits().limits, over=own)


def _read(values: Mapping[str, object], file: str) -> tuple[FreezeLimit, ...]:
    unknown = sorted(values.keys() - {"limits"})
    if unknown:
        raise ConfigurationError(f"{file}: unknown key {', '.join(unknown)}", advice="It has [[limits]] only.")
    return tuple(limit for table in tables(values, "limits", file) for limit in _limits(table))


def _limits(table: Table) -> Iterator[FreezeLimit]:
    table.only(_KEYS)
    segment, since, source = table.segment(table.values.get("segment")), table.day("since"), table.text("source")
    if ("units" in table.values) == ("lots" in table.values):
        raise table.wrong("give units or lots, one of them")
    unit = "units" if "units" in table.values else "lots"
    numbers = table.values[unit]
    if not isinstance(numbers, dict) or not numbers:
        raise table.wrong(f'{unit} must name instruments: {unit} = {{ NIFTY = 3510, "*" = 10000 }}')
    for name, number in numbers.items():
        if type(number) is not int or number < 0:
            raise table.wrong(f"{unit} of {name} must be a whole number, not {number!r}", "0 means that there is no limit.")
        yield FreezeLimit(segment=segment, name=name, since=since, source=source, **({unit: number} if number else {}))
