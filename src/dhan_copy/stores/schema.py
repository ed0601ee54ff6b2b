"""The SQLite file of a journal: how it is made, and how it is told from any other file."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from dhan_copy.errors import StoreCorrupt, StoreError, StoreTooNew
from dhan_copy.stores.failures import explained
from dhan_copy.stores.rows import CHECKPOINT, GENESIS

SCHEMA_VERSION = 1
"""In ``user_version``. A release reads every version up to its own; tests/data/golden has a file of each."""
APPLICATION_ID = 0x64634A31
"""In the file's header, so that a journal is told from any other SQLite file."""
_MAGIC = b"SQLite format 3\0"

# Raw text comes last in its row: what SQLite is not asked for there is not read.
# ``head`` repeats the last row's position and hash: no row can go missing at the end unnoticed, which a chain cannot
# tell, and a writer whose epoch has passed finds nothing to update.
_SCHEMA = f"""
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    at TEXT NOT NULL,
    account TEXT,
    leader_order TEXT,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    cause INTEGER,
    body TEXT NOT NULL,
    hash BLOB NOT NULL,
    raw_hash BLOB,
    raw BLOB
);
CREATE INDEX checkpoints ON journal (position) WHERE type = '{CHECKPOINT}';
CREATE TABLE head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL
);
INSERT INTO head VALUES (1, 0, 0, x'{GENESIS.hex()}');
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


class Cursor(Protocol):
    """What is used of an ``sqlite3.Cursor``."""

    @property
    def rowcount(self) -> int: ...

    def fetchall(self) -> list[tuple[object, ...]]: ...


class Connection(Protocol):
    """What is used of an ``sqlite3.Connection``."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Cursor: ...

    def executemany(self, statement: str, rows: Sequence[Sequence[object]], /) -> Cursor: ...

    def executescript(self, script: str, /) -> Cursor: ...

    def close(self) -> None: ...


class Disk:
    """Where journals are. ``dhan_copy.testing.power`` puts another in its place, which forgets what was not synced when
    its power is cut."""

    def open(self, uri: str, busy_timeout_seconds: float) -> Connection:
        return sqlite3.connect(uri, uri=True, timeout=busy_timeout_seconds, isolation_level=None, check_same_thread=False)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def rename(self, path: Path, to: Path) -> None:
        os.replace(path, to)

    def sync_folder(self, folder: Path) -> None:
        _sync_folder(folder)


DISK = Disk()


def create(path: Path, disk: Disk = DISK) -> None:
    """Make an empty journal at ``path``, whole or not at all: an empty file there never passes for a new journal.

    For the holder of the journal's lock. Raises :class:`~dhan_copy.errors.StoreError`.
    """
    leftovers = [str(path) + suffix for suffix in ("-wal", "-journal") if os.path.exists(str(path) + suffix)]
    if leftovers:
        raise StoreCorrupt(
            f"{path} is missing, but {leftovers[0]} is still there",
            advice="Put the journal back beside it, or remove that file too to start with an empty journal.",
        )
    new = Path(f"{path}.new")
    with explained(path, otherwise=StoreError):
        try:
            for suffix in ("", "-wal", "-shm", "-journal"):
                disk.remove(Path(f"{new}{suffix}"))
            connection = connect(new, "rwc", busy_timeout_seconds=0, disk=disk)
            try:
                connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
            finally:
                connection.close()
            disk.rename(new, path)
            disk.sync_folder(path.parent)
        except OSError as error:
            raise StoreError(
                f"the journal cannot be made: {error.strerror}",
                advice="Check that its folder exists and can be written to by this user.",
                path=str(path),
            ) from error


def connect(path: Path, mode: str, *, busy_timeout_seconds: float, disk: Disk = DISK) -> Connection:
    """A connection in autocommit mode whose commits are durable; ``mode`` is SQLite's: ``rw``, ``rwc`` or ``ro``."""
    connection = disk.open(f"{path.absolute().as_uri()}?mode={mode}", busy_timeout_seconds)
    try:
        # With NORMAL a power cut can forget an intent that has left; on macOS only F_FULLFSYNC reaches the disk
        # (sqlite.org/pragma.html, synchronous and fullfsync).
        for pragma in ("synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON", "cell_size_check = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def check_file(path: Path) -> None:
    """Refuse what is no SQLite file before SQLite sees it: an empty or shortened one would pass for a new database."""
    if path.is_dir():
        raise StoreError(f"{path} is a folder", advice="Name a file for the journal.")
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise StoreError(
            f"the journal cannot be read: {error.strerror}",
            advice="Check that the file exists and may be read by this user.",
            path=str(path),
        ) from error
    if start != _MAGIC:
        raise StoreCorrupt("an empty file is no journal" if not start else "this is no SQLite file", path=str(path))


def check_schema(connection: Connection, path: Path) -> None:
    """Refuse a database of another program or of a later release."""
    [(application,)] = connection.execute("PRAGMA application_id").fetchall()
    [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    if application != APPLICATION_ID or not isinstance(version, int) or version < 1:
        raise StoreCorrupt("this SQLite file is not a journal of dhan_copy", path=str(path))
    if version > SCHEMA_VERSION:
        raise StoreTooNew(f"the journal has schema {version}, this release knows {SCHEMA_VERSION}", path=str(path))


def _sync_folder(folder: Path) -> None:
    """Make the new name durable; Windows has no such thing."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
