"""Texts into JSON objects with exact numbers and no silent duplicates, and objects into one canonical text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from dhan_copy.dhan.fields import Fields, shorten, unreadable
from dhan_copy.errors import UnreadableReport

MAX_CHARACTERS = 1 << 20
"""Of one frame or row: a real one has about 1,000."""

SEVERAL_ALLOWED = frozenset({"remarks", "Remarks"})
"""Dhan's own sample has ``Remarks`` twice, ``NR`` and ``Super Order``: all of them are kept."""


def decode(frame: str | bytes) -> object:
    """The JSON value of ``frame``; numbers with a point become ``Decimal`` as written.

    Raises :class:`~dhan_copy.errors.UnreadableReport` for anything that is not JSON in UTF-8, for NaN and Infinity,
    for more than 1 MiB, for endless nesting, and for a key that occurs twice with different values.
    """
    if len(frame) > MAX_CHARACTERS:
        raise UnreadableReport(f"the frame has {len(frame)} characters; {MAX_CHARACTERS} are the most that is read")
    text = text_of(frame)
    try:
        found = _decode(text)
        return found if _has_no_duplicates(text, found) else _decode_strictly(text)
    except UnreadableReport:
        raise
    except RecursionError:
        raise UnreadableReport("the frame is nested too deeply to be one of Dhan's") from None
    except (ValueError, InvalidOperation) as problem:
        raise UnreadableReport(f"the frame is not JSON: {shorten(str(problem))}") from None


def text_of(frame: str | bytes) -> str:
    """The frame as text. Raises ``UnreadableReport`` where it is not UTF-8."""
    try:
        if isinstance(frame, bytes):
            return frame.decode()
        if not frame.isascii():
            frame.encode()
        return frame
    except UnicodeError:
        raise UnreadableReport("the frame is not UTF-8 text") from None


def canonical(row: Mapping[str, object]) -> str:
    """A mapping as JSON text with sorted keys; a ``Decimal`` is written as text."""
    try:
        raw = json.dumps(dict(row), sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as problem:
        raise UnreadableReport(f"the row is not a JSON object: {shorten(str(problem))}") from None
    if len(raw) > MAX_CHARACTERS:
        raise UnreadableReport(f"the row has {len(raw)} characters; {MAX_CHARACTERS} are the most that is read")
    return raw


def mapping(value: object, name: str) -> Fields:
    """``value`` as a JSON object, or an error that names ``name``."""
    if not isinstance(value, Mapping):
        raise unreadable(name, "must be a JSON object", "null" if value is None else value)
    return value


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


_exact = lru_cache(maxsize=8192)(Decimal)


def _number(digits: str) -> Decimal | str:
    """A long number stays text: it is refused where it is read, and never kept in the cache."""
    return _exact(digits) if len(digits) <= 40 else digits


def _constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _has_no_duplicates(text: str, found: object) -> bool:
    """Whether no key can have been dropped; false also where this quick look cannot tell.

    Without blanks before colons every key ends in one ``":``. Texts may contain more of them, never fewer, so as many
    of them as there are keys in the envelope and its Data leave no room for a key that occurs twice.
    """
    if not isinstance(found, dict) or " :" in text or "\n" in text or "\r" in text or "\t" in text:
        return False
    data = found.get("Data")
    return text.count('":') == len(found) + (len(data) if isinstance(data, dict) else 0)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found.clear()
    for name, value in pairs:
        if name in found and found[name] != value:
            if name not in SEVERAL_ALLOWED:
                raise unreadable(name, "occurs twice with different values")
            value = f"{found[name]}; {value}"
        found[name] = value
    return found


_decode = json.JSONDecoder(parse_float=_number, parse_constant=_constant).decode
_decode_strictly = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_constant).decode
