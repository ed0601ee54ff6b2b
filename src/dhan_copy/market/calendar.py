"""The calendar of the exchanges, out of this package's file or the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from functools import cache
from os import PathLike

from attrs import evolve

from dhan_copy.core.calendar import Calendar
from dhan_copy.errors import ConfigurationError
from dhan_copy.market.tables import Table, loaded, packaged, tables
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.sessions import Holiday, Hours, SessionKind, SpecialDay, SquareOff, Timetable

_TABLES = ("years", "timetable", "holidays", "special", "square_off")


@cache
def published_calendar() -> Calendar:
    """What this release knows, as far as published; every entry names its source in ``sessions.toml``."""
    return _read(packaged("sessions.toml"), "sessions.toml")


def load_calendar(path: str | PathLike[str], *, alone: bool = False) -> Calendar:
    """The user's own days over those of this release, or ``alone``; the file has the form of ``sessions.toml``::

        [[holidays]]
        segments = ["NSE_EQ", "NSE_FNO"]
        days = { 2026-12-31 = "elections" }
        source = "NSE circular of 20 December 2026"

        [[special]]
        segments = ["NSE_EQ", "NSE_FNO"]
        day = 2027-01-30
        name = "a Saturday"
        sessions = [{ kind = "SPECIAL", opens = 09:15:00, closes = 12:30:00 }]
        source = "NSE circular of 10 January 2027"

    Raises :class:`~dhan_copy.errors.ConfigurationError` for anything else, naming the table.
    """
    own = _read(loaded(path), str(path))
    if alone:
        return own
    return evolve(published_calendar(), over=own)


def _read(values: Mapping[str, object], file: str) -> Calendar:
    unknown = sorted(values.keys() - set(_TABLES))
    if unknown:
        raise ConfigurationError(f"{file}: unknown key {', '.join(unknown)}", advice=f"It has {', '.join(_TABLES)}.")
    return Calendar(
        timetables=tuple(each for table in tables(values, "timetable", file) for each in _timetables(table)),
        holidays=tuple(each for table in tables(values, "holidays", file) for each in _holidays(table)),
        specials=tuple(each for table in tables(values, "special", file) for each in _specials(table)),
        square_offs=tuple(each for table in tables(values, "square_off", file) for each in _square_offs(table)),
        years=frozenset(each for table in tables(values, "years", file) for each in _years(table)),
    )


def _segments(table: Table) -> tuple[ExchangeSegment, ...]:
    return tuple(table.segment(word) for word in table.texts("segments"))


def _years(table: Table) -> Iterator[tuple[ExchangeSegment, int]]:
    table.only(("segments", "years", "source"))
    table.text("source")
    years = table.values.get("years")
    if not isinstance(years, list) or not all(type(year) is int for year in years):
        raise table.wrong(f"years must be a list of numbers, not {years!r}")
    for segment in _segments(table):
        yield from ((segment, year) for year in years)


def _timetables(table: Table) -> Iterator[Timetable]:
    table.only(("segments", "since", "sessions", "source"))
    hours = _hours(table)
    if not hours:
        raise table.wrong("sessions must have one at least")
    for segment in _segments(table):
        yield Timetable(segment=segment, since=table.day("since"), hours=hours, source=table.text("source"))


def _holidays(table: Table) -> Iterator[Holiday]:
    table.only(("segments", "days", "closed", "source"))
    closed = frozenset(table.texts("closed")) if "closed" in table.values else frozenset[str]()
    days = table.values.get("days")
    if not isinstance(days, dict) or not days:
        raise table.wrong('days must name days: days = { 2026-01-26 = "Republic Day" }')
    for segment in _segments(table):
        for word, name in days.items():
            if not isinstance(name, str) or not name:
                raise table.wrong(f"the name of {word} must be a text, not {name!r}")
            try:
                day = date.fromisoformat(word)
            except ValueError:
                raise table.wrong(f"{word!r} is no day such as 2026-01-26") from None
            yield Holiday(segment=segment, day=day, name=name, closed=closed, source=table.text("source"))


def _specials(table: Table) -> Iterator[SpecialDay]:
    table.only(("segments", "day", "name", "ordinary", "sessions", "source"))
    ordinary = table.values.get("ordinary", False)
    if ordinary not in (True, False) or (ordinary and "sessions" in table.values):
        raise table.wrong("ordinary = true stands instead of sessions")
    hours = None if ordinary else _hours(table)
    for segment in _segments(table):
        yield SpecialDay(
            segment=segment, day=table.day("day"), name=table.text("name"), hours=hours, source=table.text("source")
        )


def _square_offs(table: Table) -> Iterator[SquareOff]:
    table.only(("segments", "since", "at", "winter", "source"))
    for segment in _segments(table):
        yield SquareOff(
            segment=segment, since=table.day("since"), at=_time(table, table.values, "at"),
            winter=_time(table, table.values, "winter") if "winter" in table.values else None, source=table.text("source"),
        )  # fmt: skip


def _hours(table: Table) -> tuple[Hours, ...]:
    found = table.values.get("sessions", [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise table.wrong('sessions must be a list: [{ kind = "NORMAL", opens = 09:15:00, closes = 15:30:00 }]')
    return tuple(_one(table, each) for each in found)


def _one(table: Table, values: Mapping[str, object]) -> Hours:
    Table(table.where, values).only(("kind", "opens", "closes", "winter", "part", "note"))
    kind = values.get("kind")
    if kind not in SessionKind.__members__:
        raise table.wrong(f"{kind!r} is no kind of session", f"The kinds are {', '.join(SessionKind.__members__)}.")
    part, note = values.get("part", ""), values.get("note", "")
    if not isinstance(part, str) or not isinstance(note, str):
        raise table.wrong("part and note of a session are texts")
    try:
        return Hours(
            kind=SessionKind[str(kind)], opens=_time(table, values, "opens"), closes=_time(table, values, "closes"),
            winter=_time(table, values, "winter") if "winter" in values else None, part=part, note=note,
        )  # fmt: skip
    except ValueError as problem:
        raise table.wrong(str(problem)) from problem


def _time(table: Table, values: Mapping[str, object], name: str) -> time:
    found = values.get(name)
    if not isinstance(found, time):
        raise table.wrong(f"{name} must be a time such as 15:30:00, not {found!r}")
    return found
