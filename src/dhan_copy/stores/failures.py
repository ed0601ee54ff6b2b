"""Says what is wrong with an SQLite file, and what to do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from dhan_copy.errors import StoreCorrupt, StoreError

_ADVICE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "another program holds the journal locked",
        "Nothing was sent. Close the program that has the file open for writing (a database browser?).",
    ),
    sqlite3.SQLITE_LOCKED: ("the journal is locked", "Nothing was sent. Close what else uses this journal."),
    sqlite3.SQLITE_FULL: ("the disk is full", "Nothing was sent. Make room and start again on the same file."),
    sqlite3.SQLITE_READONLY: (
        "the journal cannot be written to",
        "Nothing was sent. Make the file and its folder writable for this user.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the journal cannot be opened",
        "Nothing was sent. Check that its folder exists and can be written to by this user.",
    ),
    sqlite3.SQLITE_PERM: ("access to the journal is refused", "Nothing was sent. Check the file's permissions."),
    sqlite3.SQLITE_IOERR: (
        "the disk reported an error",
        "Nothing was sent. Check the disk and its free space before starting again on the same file.",
    ),
    sqlite3.SQLITE_INTERRUPT: ("the journal was interrupted", StoreError.advice),
}


@contextmanager
def explained(path: object, *, otherwise: type[StoreError] = StoreCorrupt) -> Iterator[None]:
    """Turn what sqlite3 raises inside into a :class:`~dhan_copy.errors.StoreError`.

    Damage is :class:`~dhan_copy.errors.StoreCorrupt`; what is neither damage nor a known obstacle is ``otherwise``.
    """
    try:
        yield
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _ADVICE:
            what, advice = _ADVICE[code]
            raise StoreError(f"{what}: {error}", advice=advice, path=str(path)) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            otherwise = StoreCorrupt
        raise otherwise(f"the journal cannot be used: {error}", path=str(path)) from error
