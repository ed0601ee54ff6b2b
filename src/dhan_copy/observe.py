"""One structured log line per journal entry, which no text from outside can forge."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import attrs

from dhan_copy.core.facts import AlertRaised, Entry, Fact

logger = logging.getLogger("dhan_copy")
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:+/-")
_LONGEST = 500


class LogFormat(Enum):
    """How log lines are written."""

    KEY_VALUE = "KEY_VALUE"
    JSON = "JSON"


def fields(entry: Entry | AlertRaised) -> dict[str, str | int | bool]:
    """What a line says: position, time, cause, the fact's name, then its fields with dotted names.

    An alert that comes alone could not be journaled. Left out: what is None or empty, and whatever is kept out of
    reprs (raw frames, checkpoints).
    """
    said: dict[str, str | int | bool] = {}
    fact: Fact
    if isinstance(entry, Entry):
        fact = entry.fact
        said.update(position=entry.position, at=entry.at.isoformat())
        if entry.cause is not None:
            said["caused_by"] = entry.cause
    else:
        fact = entry
    said["fact"] = type(fact).__name__
    said.update(_flat("", fact))
    return said


def line(entry: Entry | AlertRaised, form: LogFormat = LogFormat.KEY_VALUE) -> str:
    """One line of printable ASCII: quotes, line ends and terminal codes in values come out as escapes."""
    said = fields(entry)
    if form is LogFormat.JSON:
        return json.dumps(said)
    return " ".join(f"{key}={_quoted(value)}" for key, value in said.items())


def log(entry: Entry | AlertRaised, form: LogFormat = LogFormat.KEY_VALUE) -> None:
    """Write the entry to the logger ``dhan_copy``: alerts as warnings, everything else as information."""
    alert = isinstance(entry, AlertRaised) or isinstance(entry.fact, AlertRaised)
    level = logging.WARNING if alert else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(level, "%s", line(entry, form))


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str | int | bool]]:
    if value is None or value == "" or value == ():
        return
    kind = type(value)
    if attrs.has(kind):
        named = False
        for one in attrs.fields(kind):
            if one.repr:
                named = True
                yield from _flat(f"{prefix}.{one.name}" if prefix else one.name, getattr(value, one.name))
        if not named:
            yield prefix, type(value).__name__
        elif prefix.endswith("terms"):
            yield f"{prefix}.type", type(value).__name__
    elif isinstance(value, (bool, int)):
        yield prefix, value
    elif isinstance(value, Enum):
        yield prefix, str(value.name)
    elif isinstance(value, (datetime, date)):
        yield prefix, value.isoformat()
    elif isinstance(value, (str, Decimal, Fraction)):
        text = str(value)
        yield prefix, text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    elif isinstance(value, tuple):
        yield f"{prefix}.count", len(value)
    else:
        yield prefix, type(value).__name__


def _quoted(value: str | int | bool) -> str:
    if isinstance(value, str) and (not value or not _BARE.issuperset(value)):
        return json.dumps(value)
    return str(value)
