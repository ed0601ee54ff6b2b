"""SQLite on the simulated disk: the library's statements run as they are, and its errors are the standard library's."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("apsw", reason="power cuts need apsw")

from dhan_copy.errors import StoreError
from dhan_copy.stores.schema import connect
from dhan_copy.stores.sqlite import SqliteStore
from dhan_copy.testing.power.disk import PowerDisk
from dhan_copy.testing.power.platter import Cut, Style
from dhan_copy.testing.power.promises import Promises, WitnessedStore
from tests.stores.store_kit import entries

NEVER = 1_000_000


def journal_on(disk: PowerDisk, folder: Path) -> SqliteStore:
    store = WitnessedStore(folder / "copies.db", disk, Promises())
    store.acquire("us")
    return store


def test_the_librarys_journal_lives_on_it_with_its_own_pragmas(tmp_path: Path) -> None:
    disk = PowerDisk(tmp_path, {}, NEVER)
    store = journal_on(disk, tmp_path)
    store.append(entries(1, 3))
    assert list(store.read()) == entries(1, 3)
    settings = [store._connection.execute(f"PRAGMA {name}").fetchall() for name in ("journal_mode", "synchronous")]
    assert settings == [[("wal",)], [(2,)]]
    left = disk.platter.survivors(Random(0), Style.NOTHING)
    assert sorted(left) == ["copies.db", "copies.db-wal"], "what is acknowledged needs nothing that is not synced"
    store.close()
    disk.close()
    again = SqliteStore(tmp_path / "copies.db")
    assert list(again.read()) == entries(1, 3)
    again.close()


def test_errors_are_those_of_the_standard_library(tmp_path: Path) -> None:
    disk = PowerDisk(tmp_path, {}, NEVER)
    store = journal_on(disk, tmp_path)
    other = connect(tmp_path / "copies.db", "rw", busy_timeout_seconds=0, disk=disk)
    other.execute("BEGIN IMMEDIATE")
    assert other.in_transaction
    third = connect(tmp_path / "copies.db", "rw", busy_timeout_seconds=0, disk=disk)
    with pytest.raises(sqlite3.OperationalError) as busy:
        third.execute("BEGIN IMMEDIATE")
    assert busy.value.sqlite_errorcode == sqlite3.SQLITE_BUSY
    third.close()
    other.close()
    with pytest.raises(StoreError, match="another|somebody|cannot follow"):
        store.append(entries(2, 2))
    store.close()
    disk.close()


def test_a_cut_ends_the_call_that_was_under_way_and_every_later_one(tmp_path: Path) -> None:
    disk = PowerDisk(tmp_path, {}, NEVER)
    store = journal_on(disk, tmp_path)
    disk.platter._cut_at = disk.platter.operations + 1
    with pytest.raises(Cut, match="write -wal"):
        store.append(entries(1, 1))
    with pytest.raises(Cut):
        list(store.read())
    with pytest.raises(Cut):
        disk.sync_folder(tmp_path)
    store.close()
    disk.close()
