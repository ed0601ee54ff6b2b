"""What SQLite says becomes one of our errors, with what to do."""

from __future__ import annotations

import sqlite3

import pytest

from dhan_copy.errors import StoreCorrupt, StoreError
from dhan_copy.stores.failures import explained


def sqlite_error(code: int | None) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite says")
    if code is not None:
        error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_BUSY, "Close the program"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "Close the program"),
        (sqlite3.SQLITE_LOCKED, "Close what else"),
        (sqlite3.SQLITE_FULL, "Make room"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "writable"),
        (sqlite3.SQLITE_CANTOPEN, "folder exists"),
        (sqlite3.SQLITE_PERM, "permissions"),
        (sqlite3.SQLITE_IOERR_FSYNC, "Check the disk"),
    ],
)
def test_t7_obstacles_have_advice_and_are_not_damage(code: int, words: str) -> None:
    with pytest.raises(StoreError, match=words) as refused, explained("/x/copies.db"):
        raise sqlite_error(code)
    assert not isinstance(refused.value, StoreCorrupt)
    assert "as SQLite says" in str(refused.value) and "/x/copies.db" in str(refused.value)
    assert isinstance(refused.value.__cause__, sqlite3.Error)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CORRUPT_VTAB, sqlite3.SQLITE_NOTADB])
def test_damage_is_damage_whatever_was_done(code: int) -> None:
    for otherwise in (StoreError, StoreCorrupt):
        with pytest.raises(StoreCorrupt), explained("x", otherwise=otherwise):
            raise sqlite_error(code)


@pytest.mark.parametrize("error", [sqlite_error(None), sqlite_error(sqlite3.SQLITE_ERROR), OverflowError("too large")])
def test_anything_else_is_what_the_caller_says(error: Exception) -> None:
    with pytest.raises(StoreCorrupt), explained("x"):
        raise error
    with pytest.raises(StoreError) as refused, explained("x", otherwise=StoreError):
        raise error
    assert type(refused.value) is StoreError


def test_other_errors_and_none_pass() -> None:
    with pytest.raises(ZeroDivisionError), explained("x"):
        raise ZeroDivisionError
    with explained("x"):
        pass
