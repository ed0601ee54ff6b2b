"""Reads dated TOML files of ours, or the user's own of the same form, and says exactly what is wrong in one."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from importlib.resources import files
from os import PathLike
from pathlib import Path

from attrs import frozen

from dhan_copy.errors import ConfigurationError
from dhan_copy.model.instrument import ExchangeSegment


def packaged(name: str) -> Mapping[str, object]:
    """A data file of this package."""
    return parsed(files("dhan_copy.market").joinpath(name).read_text(encoding="utf-8"), name)


def loaded(path: str | PathLike[str]) -> Mapping[str, object]:
    """The user's own file. Raises :class:`~dhan_copy.errors.ConfigurationError` when it cannot be read."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{path} cannot be read: {problem}") from problem
    return parsed(text, str(path))


def parsed(text: str, name: str) -> Mapping[str, object]:
    """Raises :class:`~dhan_copy.errors.ConfigurationError`, with the line, for text that is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{name} is not TOML: {problem}") from problem


@frozen
class Table:
    """One table of such a file, and where it stands, for messages."""

    where: str
    values: Mapping[str, object]

    def wrong(self, problem: str, advice: str | None = None) -> ConfigurationError:
        return ConfigurationError(f"{self.where}: {problem}", advice=advice)

    def only(self, names: Collection[str]) -> None:
        """Refuse keys of other names."""
        unknown = sorted(self.values.keys() - names)
        if unknown:
            raise self.wrong(f"unknown key {', '.join(map(repr, unknown))}", f"It may have {', '.join(sorted(names))}.")

    def text(self, name: str) -> str:
        found = self.values.get(name)
        if not isinstance(found, str) or not found.strip():
            raise self.wrong(f"{name} must be a text, not {found!r}")
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        found = self.values.get(name)
        if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
            raise self.wrong(f"{name} must be a list of texts, not {found!r}")
        return tuple(found)

    def day(self, name: str) -> date:
        found = self.values.get(name)
        # A TOML date with a time is a datetime, which is a date too.
        if type(found) is not date:
            raise self.wrong(f"{name} must be a date such as 2026-01-26, not {found!r}")
        return found

    def segment(self, word: object) -> ExchangeSegment:
        try:
            return ExchangeSegment(word)
        except ValueError:
            raise self.wrong(
                f"{word!r} is no segment", f"The segments are {', '.join(each.value for each in ExchangeSegment)}."
            ) from None


def tables(values: Mapping[str, object], name: str, file: str) -> tuple[Table, ...]:
    """The tables ``[[name]]`` of a file; none where it has none."""
    found = values.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ConfigurationError(f"{file}: {name} must be tables, each under [[{name}]]")
    return tuple(Table(f"{file}, [[{name}]] number {number}", each) for number, each in enumerate(found, 1))
