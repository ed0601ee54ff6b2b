"""A journal in an SQLite file: durable at every commit, chained by hashes, with one writer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import RLock
from typing import NamedTuple, cast

from dhan_copy.core.facts import Entry
from dhan_copy.errors import StoreCorrupt, StoreError
from dhan_copy.protocols import Lease
from dhan_copy.stores.failures import explained
from dhan_copy.stores.locks import FileLock
from dhan_copy.stores.rows import CHECKPOINT, GENESIS, chained, to_entry, to_row
from dhan_copy.stores.schema import DISK, Connection, Disk, check_file, check_schema, connect, create

_PAGE = 1_000
"""Rows fetched at a time: no read stays open between two of them."""
_COLUMNS = "position, epoch, at, account, leader_order, type, version, cause, raw_hash, body, hash"
_INSERT = f"INSERT INTO journal ({_COLUMNS}, raw) VALUES ({', '.join('?' * 12)})"
_SELECT = f"SELECT {_COLUMNS} FROM journal WHERE position > ? AND position <= ? ORDER BY position LIMIT {_PAGE}"
_CHECKPOINT = f"SELECT {_COLUMNS} FROM journal WHERE type = '{CHECKPOINT}' AND position < ? ORDER BY position DESC LIMIT 1"
_LAST = "FROM journal ORDER BY position DESC LIMIT 1"


class _Head(NamedTuple):
    epoch: int
    position: int
    hash: bytes


class SqliteStore:
    """A :class:`~dhan_copy.protocols.Store` in the SQLite file ``path``, which is made when missing.

    Any thread may use it; the lease is the object's. Raises :class:`~dhan_copy.errors.StoreCorrupt` for a file that is
    damaged or no journal, :class:`~dhan_copy.errors.StoreTooNew` for one of a later release, and
    :class:`~dhan_copy.errors.StoreError` with advice for what the system refuses.
    """

    _disk: Disk = DISK

    def __init__(self, path: str | os.PathLike[str], *, busy_timeout_seconds: float = 5.0) -> None:
        self._open(path, "rw", busy_timeout_seconds)

    @classmethod
    def open_readonly(cls, path: str | os.PathLike[str], *, busy_timeout_seconds: float = 5.0) -> SqliteStore:
        """The journal as it is, also while an engine writes it; never makes a file, and appends nothing."""
        store = cls.__new__(cls)
        store._open(path, "ro", busy_timeout_seconds)
        return store

    def _open(self, path: str | os.PathLike[str], mode: str, busy_timeout_seconds: float) -> None:
        self.path = Path(os.path.realpath(path))
        self._mode = mode
        self._lock = FileLock(f"{self.path}.lock", f"the journal {self.path}")
        self._busy = RLock()
        self._lease: Lease | None = None
        self._unsure = False
        self._closed = False
        if mode == "rw" and not os.path.lexists(self.path):
            self._make()
        check_file(self.path)
        with explained(self.path):
            self._connection = connect(self.path, mode, busy_timeout_seconds=busy_timeout_seconds, disk=self._disk)
        try:
            with explained(self.path):
                check_schema(self._connection, self.path)
                self._head = self._read_head()
        except BaseException:
            self._connection.close()
            raise

    def _make(self) -> None:
        self._lock.acquire("creating the journal")
        try:
            if not self.path.exists():
                create(self.path, self._disk)
        finally:
            self._lock.release()

    # Store

    def acquire(self, owner: str) -> Lease:
        """Become the single writer; the lock goes with this process, the epoch into every row it writes."""
        with self._busy:
            self._check_open()
            if self._mode != "rw":
                raise StoreError("this journal was opened for reading", advice="Use SqliteStore(path) to write.")
            self._lock.acquire(owner)
            try:
                with explained(self.path, otherwise=StoreError), self._transaction():
                    head = self._read_head()
                    self._connection.execute("UPDATE head SET epoch = ?", (head.epoch + 1,))
            except BaseException:
                self._lock.release()
                raise
            self._head = head._replace(epoch=head.epoch + 1)
            self._lease = Lease(owner, self._head.epoch)
            self._unsure = False
            return self._lease

    def append(self, entries: Sequence[Entry]) -> int:
        """One commit for all of ``entries``. After a failure nothing more is appended until :meth:`read` has been
        called: only the file knows whether the commit has landed."""
        with self._busy:
            self._check_open()
            if self._lease is None:
                raise StoreError("this journal is not ours to write", advice="Acquire the lease first.")
            if not entries:
                return self._head.position
            if self._unsure:
                raise StoreError(
                    "an earlier commit failed and may have landed all the same",
                    advice="Read the journal again and go on from its last position.",
                )
            rows, head = self._rows(entries)
            self._unsure = True
            with explained(self.path, otherwise=StoreError), self._transaction():
                moved = self._connection.execute(
                    "UPDATE head SET position = ?, hash = ? WHERE epoch = ? AND position = ? AND hash = ?",
                    (head.position, head.hash, *self._head),
                )
                if moved.rowcount != 1:
                    raise StoreError(
                        "somebody else has written to this journal",
                        advice="Stop whoever it is, and start again on the same file.",
                        path=str(self.path),
                    )
                self._connection.executemany(_INSERT, rows)
            self._head = head
            self._unsure = False
            return head.position

    def read(self, after: int = 0, *, verify: bool = True) -> Iterator[Entry]:
        """The entries above ``after`` that were there when reading began, in order, their raw text left empty.

        ``verify`` checks the hash of each; that none is missing is checked in any case.
        """
        with self._busy, explained(self.path):
            head = self._head = self._head_in_file()
            self._unsure = False
        position = min(max(after, 0), head.position)
        previous: object = self._hash_at(position, head)
        while position < head.position:
            rows = self._fetch(_SELECT, position, head.position)
            for row in rows:
                if row[0] != position + 1:
                    raise self._missing(position + 1)
                if verify:
                    self._check(row, previous)
                previous = row[10]
                position += 1
                yield to_entry(row)
            if not rows:
                raise self._missing(position + 1)

    def checkpoints(self) -> Iterator[Entry]:
        """The checkpoints, the newest first, each with its hash checked."""
        with self._busy, explained(self.path):
            head = self._head_in_file()
        before = head.position + 1
        while rows := self._fetch(_CHECKPOINT, before):
            (row,) = rows
            before = cast(int, row[0])
            self._check(row, self._hash_at(before - 1, head))
            yield to_entry(row)

    def close(self) -> None:
        """Also after a call that was interrupted half-way."""
        with self._busy:
            self._closed = True
            self._lease = None
            try:
                self._connection.close()
            finally:
                self._lock.release()

    # Besides

    def raw_of(self, position: int) -> str:
        """What came over the wire for the report at ``position``; empty for other entries.

        Raises :class:`~dhan_copy.errors.StoreError` where there is no such entry.
        """
        rows = self._fetch("SELECT raw_hash, raw FROM journal WHERE position = ?", position)
        if not rows:
            raise StoreError("the journal has no such entry", position=str(position), advice="Name another position.")
        ((expected, raw),) = rows
        if raw is None and expected is None:
            return ""
        if not isinstance(raw, bytes) or hashlib.sha256(raw).digest() != expected:
            raise StoreCorrupt("the raw text is not what was written", position=str(position), path=str(self.path))
        return raw.decode("utf-8", "surrogatepass")

    # Inside

    def _rows(self, entries: Sequence[Entry]) -> tuple[list[tuple[object, ...]], _Head]:
        rows: list[tuple[object, ...]] = []
        epoch, position, previous = self._head
        for entry in entries:
            if entry.position != position + 1:
                raise StoreError(
                    f"entry {entry.position} cannot follow entry {position}",
                    advice="Read the journal again and go on from its last position.",
                    path=str(self.path),
                )
            row, raw = to_row(entry, epoch, previous)
            rows.append((*row, raw))
            position, previous = row.position, row.hash
        return rows, _Head(epoch, position, previous)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)

    def _head_in_file(self) -> _Head:
        """The head without what an append that was interrupted has left over."""
        self._check_open()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        return self._read_head()

    def _read_head(self) -> _Head:
        """The last position and hash, which must be those of the last row. In one statement: one state of the file."""
        found = self._connection.execute(
            f"SELECT epoch, position, hash, (SELECT position {_LAST}), (SELECT hash {_LAST}) FROM head"
        ).fetchall()
        if len(found) != 1:
            raise StoreCorrupt("the journal has lost its head", path=str(self.path))
        epoch, position, digest, last_position, last_hash = found[0]
        if not (isinstance(epoch, int) and isinstance(position, int) and isinstance(digest, bytes)):
            raise StoreCorrupt("the journal's head is damaged", path=str(self.path))
        if (position, digest) != (last_position or 0, last_hash or GENESIS):
            raise StoreCorrupt(
                f"the journal should end with entry {position}, but ends with {last_position or 0}",
                position=str(position),
                path=str(self.path),
            )
        return _Head(epoch, position, digest)

    def _hash_at(self, position: int, head: _Head) -> object:
        if position == 0:
            return GENESIS
        if position == head.position:
            return head.hash
        rows = self._fetch("SELECT hash FROM journal WHERE position = ?", position)
        if not rows:
            raise self._missing(position)
        return rows[0][0]

    def _check(self, row: tuple[object, ...], previous: object) -> None:
        if row[10] != chained(previous, *row[:10]):
            raise StoreCorrupt("an entry is not what was written: its hash differs", position=str(row[0]), path=str(self.path))

    def _missing(self, position: int) -> StoreCorrupt:
        return StoreCorrupt("an entry is missing", position=str(position), path=str(self.path))

    def _fetch(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with self._busy, explained(self.path):
            self._check_open()
            return self._connection.execute(statement, values).fetchall()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("this journal is closed", advice="Open it again with SqliteStore(path).")


class _Transaction:
    """``BEGIN IMMEDIATE`` to ``COMMIT``; whatever goes wrong inside is rolled back, as far as that can be done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
