"""SQLite on a platter: an apsw VFS that notes every write and sync, behind the connection that a journal expects."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import apsw

from dhan_copy.stores.schema import Connection, Cursor, Disk
from dhan_copy.testing.power.platter import Cut, File, Platter

_NUMBERS = count(1)
_SYNCED_WITH_THEIR_FOLDER = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
"""A new one's first sync is one of its folder as well (sqlite.org/src, os_unix.c, UNIXFILE_DIRSYNC)."""


class PowerDisk(Disk):
    """The folder ``folder``, filled with ``files``, until its power goes off as :class:`Platter` says.

    The real files there are what a running process sees; the platter knows what of it would still be there. Raises
    :class:`Cut` out of the call that was under way. :meth:`close` it.
    """

    def __init__(self, folder: Path, files: Mapping[str, bytes], cut_at: int, spare_writes: bool = False) -> None:
        self.platter = Platter(files, cut_at, spare_writes)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        self._name = f"dhan_copy_power_{next(_NUMBERS)}"
        self._vfs = _Vfs(self._name, self.platter)

    def close(self) -> None:
        self._vfs.unregister()

    def open(self, uri: str, busy_timeout_seconds: float) -> Connection:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
        with _as_sqlite3(self.platter):
            connection = apsw.Connection(uri, flags=flags, vfs=self._name)
            connection.set_busy_timeout(round(1000 * busy_timeout_seconds))
        return _Connection(connection, self.platter)

    def remove(self, path: Path) -> None:
        super().remove(path)
        self.platter.remove(path.name)
        self._check()

    def rename(self, path: Path, to: Path) -> None:
        super().rename(path, to)
        self.platter.rename(path.name, to.name)
        self._check()

    def sync_folder(self, folder: Path) -> None:
        self.platter.sync_folder()
        self._check()

    def _check(self) -> None:
        if self.platter.is_off:
            raise Cut(self.platter.cut_in)


class _Rows:
    def __init__(self, rows: list[tuple[object, ...]], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def fetchall(self) -> list[tuple[object, ...]]:
        return self._rows


class _Connection:
    def __init__(self, inner: apsw.Connection, platter: Platter) -> None:
        self._inner = inner
        self._platter = platter

    @property
    def in_transaction(self) -> bool:
        return self._inner.in_transaction

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Cursor:
        with _as_sqlite3(self._platter):
            rows = self._inner.execute(statement, tuple(values)).fetchall()
            return _Rows(rows, self._inner.changes())

    def executemany(self, statement: str, rows: Sequence[Sequence[object]], /) -> Cursor:
        with _as_sqlite3(self._platter):
            self._inner.executemany(statement, rows).fetchall()
            return _Rows([], len(rows))

    def executescript(self, script: str, /) -> Cursor:
        return self.execute(script)

    def close(self) -> None:
        with _as_sqlite3(self._platter, closing=True):
            self._inner.close()


@contextmanager
def _as_sqlite3(platter: Platter, *, closing: bool = False) -> Iterator[None]:
    """Raise what the standard library's module would, and :class:`Cut` when the power is off: a doomed statement runs
    to its end on what only it sees, as its outcome is told to nobody."""
    try:
        yield
    except apsw.Error as error:
        if not platter.is_off:
            told = sqlite3.OperationalError(str(error))
            told.sqlite_errorcode = getattr(error, "extendedresult", apsw.SQLITE_ERROR)
            raise told from error
    if platter.is_off and not closing:
        raise Cut(platter.cut_in)


class _Vfs(apsw.VFS):
    def __init__(self, name: str, platter: Platter) -> None:
        self._platter = platter
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            return apsw.VFSFile("", name, flags)
        return _File(name, os.path.basename(path), flags, self._platter)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, False)
        self._platter.remove(os.path.basename(filename))
        if syncdir:
            self._platter.sync_folder()


class _File(apsw.VFSFile):
    """Passes through to a real file, shared memory included, which is why it inherits."""

    def __init__(self, path: str | apsw.URIFilename | None, name: str, flags: list[int], platter: Platter) -> None:
        new = not platter.has(name)
        super().__init__("", path, flags)
        self._name = name
        self._platter = platter
        self._file: File = platter.file(name)
        self._folder_too = new and bool(flags[0] & _SYNCED_WITH_THEIR_FOLDER)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._platter.write(self._name, self._file, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._platter.truncate(self._name, self._file, newsize)

    def xSync(self, flags: int) -> None:
        self._platter.sync(self._name, self._file)
        if self._folder_too:
            self._folder_too = False
            self._platter.sync_folder()
