"""The journal's rows: what an entry looks like on disk, and the hash that chains each row to the one before."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import NamedTuple

from dhan_copy.core.facts import CheckpointWritten, Entry
from dhan_copy.errors import StoreCorrupt, StoreError
from dhan_copy.stores.codec import decode, encode

GENESIS = bytes(32)
"""What stands for the hash before the first row."""
CHECKPOINT = CheckpointWritten.__name__
"""The type of the rows that recovery looks for."""


class Row(NamedTuple):
    """One row, raw text aside. ``at`` is UTC in ISO format; ``account`` and ``leader_order`` are there to search by.

    ``raw_hash`` is the SHA-256 of the raw text, so that the chain covers it although recovery never loads it.
    """

    position: int
    epoch: int
    at: str
    account: str | None
    leader_order: str | None
    type: str
    version: int
    cause: int | None
    raw_hash: bytes | None
    body: str
    hash: bytes


def to_row(entry: Entry, epoch: int, previous: bytes) -> tuple[Row, bytes | None]:
    """The row of an entry, and its raw text in UTF-8 if there is any. ``previous`` is the hash of the row before.

    Raises :class:`~dhan_copy.errors.StoreError` for an entry that could not be read back.
    """
    if entry.at.utcoffset() is None:
        raise StoreError(f"the time {entry.at} of an entry has no zone", position=str(entry.position))
    type, version, body, text = encode(entry.fact)
    raw = text.encode("utf-8", "surrogatepass") if text else None
    raw_hash = None if raw is None else hashlib.sha256(raw).digest()
    at = entry.at.astimezone(timezone.utc).isoformat()
    account, order = _searchable(entry.account), _searchable(entry.leader_order_id)
    values = (entry.position, epoch, at, account, order, type, version, entry.cause, raw_hash, body)
    return Row(*values, hash=chained(previous, *values)), raw


def to_entry(row: Row | tuple[object, ...]) -> Entry:
    """The entry in a row, its raw text left empty. Raises :class:`~dhan_copy.errors.StoreCorrupt` or
    :class:`~dhan_copy.errors.StoreTooNew` naming the position."""
    position, _, at, _, _, type, version, cause, _, body, _ = row
    try:
        moment = datetime.fromisoformat(at)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise StoreCorrupt(f"the time of an entry is {at!r}", position=str(position)) from error
    fact = decode(type, version, body, position=position)  # type: ignore[arg-type]
    return Entry(position, moment, fact, cause)  # type: ignore[arg-type]


def chained(
    previous: object,
    position: object,
    epoch: object,
    at: object,
    account: object,
    leader_order: object,
    type: object,
    version: object,
    cause: object,
    raw_hash: object,
    body: object,
) -> bytes:
    """SHA-256 over the hash before and everything in the row: of any types, as a damaged file may hold any."""
    raw = raw_hash.hex() if isinstance(raw_hash, bytes) else raw_hash
    before = previous if isinstance(previous, bytes) else b""
    text = f"{position}|{epoch}|{at}|{account!a}|{leader_order!a}|{type}|{version}|{cause}|{raw}|{body}"
    return hashlib.sha256(before + text.encode()).digest()


def _searchable(name: str | None) -> str | None:
    """Lone surrogates, which hostile JSON can hold, have no UTF-8; the body keeps them as they are."""
    return None if name is None else str(name).encode("utf-8", "backslashreplace").decode()
