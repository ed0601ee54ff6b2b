"""Turns facts into the bodies of journal rows and back: compact JSON, tagged with the fact's class and versioned."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, cast, get_args

from dhan_copy.core.facts import Fact
from dhan_copy.errors import StoreCorrupt, StoreError, StoreTooNew
from dhan_copy.coding.decoders import Decoders
from dhan_copy.coding.encoders import Encoders
from dhan_copy.coding.hints import RAW, raw_path
from dhan_copy.coding.source import Malformed, UnknownHere

BODY_VERSION = 1
"""Of every type of fact. A new field with a default needs no new version; anything else does, and code that reads the
old one."""

_from_json = json.JSONDecoder().raw_decode


class Encoded(NamedTuple):
    """A fact as it is kept: ``type`` is the name of its class, ``body`` JSON, ``raw`` what came over the wire."""

    type: str
    version: int
    body: str
    raw: str


class _Kind(NamedTuple):
    encode: Callable[[object], str]
    decode: Callable[[object], object]
    raw_path: tuple[str, ...] | None


def encode(fact: Fact) -> Encoded:
    """The row's share of ``fact``. Raises :class:`~dhan_copy.errors.StoreError` for a value that is not what its
    field declares: what is written must be readable."""
    cls = type(fact)
    kind = _kinds().get(cls.__name__)
    if kind is None:
        raise StoreError(f"{cls.__name__} is not a kind of fact", advice="Journal facts of dhan_copy.core.facts only.")
    try:
        return Encoded(cls.__name__, BODY_VERSION, kind.encode(fact), _raw(fact, kind.raw_path))
    except (Malformed, ValueError, ArithmeticError) as wrong:
        raise StoreError(
            f"a {cls.__name__} cannot be journaled: {wrong}", advice="Correct the plug that made this value."
        ) from wrong


def decode(type: str, version: int, body: str, raw: str = "", *, position: int | None = None) -> Fact:
    """The fact in a row; ``position`` is named in errors.

    Raises :class:`~dhan_copy.errors.StoreTooNew` for a tag, version, field or name that this release does not know and
    :class:`~dhan_copy.errors.StoreCorrupt` for anything else that is not as :func:`encode` writes it.
    """
    kind = _kinds().get(type)
    try:
        if kind is None:
            raise UnknownHere(f"unknown type of fact {type!r}")
        if version != BODY_VERSION:
            raise (UnknownHere if version > BODY_VERSION else Malformed)(f"unknown version {version!r} of {type}")
        value, end = _from_json(body)
        if end != len(body):
            raise Malformed("text after the end of the JSON")
        if raw:
            _put_raw(value, kind.raw_path, raw)
        return cast(Fact, kind.decode(value))
    except UnknownHere as unknown:
        raise StoreTooNew(f"this journal cannot be read: {unknown}", position=_text(position)) from unknown
    except KeyError as missing:
        problem = f"{type} lacks the field {missing}"
        raise StoreCorrupt(f"this journal cannot be read: {problem}", position=_text(position)) from missing
    except (Malformed, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as wrong:
        raise StoreCorrupt(f"this journal cannot be read: {type}: {wrong}", position=_text(position)) from wrong


@cache
def _kinds() -> dict[str, _Kind]:
    encoders, decoders = Encoders(), Decoders()
    return {cls.__name__: _Kind(encoders.of(cls), decoders.of(cls), raw_path(cls)) for cls in get_args(Fact)}


def _raw(fact: object, path: tuple[str, ...] | None) -> str:
    if path is None:
        return ""
    value = fact
    for name in path:
        value = getattr(value, name)
    if not isinstance(value, str):
        raise Malformed(f"raw cannot be {type(value).__name__}")
    return value


def _put_raw(body: dict[str, object], path: tuple[str, ...] | None, raw: str) -> None:
    if path is None:
        raise Malformed("raw text where none belongs")
    inner = body
    for name in path[:-1]:
        inner = cast(dict[str, object], inner[name])
    inner[RAW] = raw


def _text(position: int | None) -> str | None:
    return None if position is None else str(position)
