"""The journal on disk: durable at every commit, one writer, and a clear error for whatever goes wrong."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import attrs
import pytest

from dhan_copy.core.facts import CheckpointWritten
from dhan_copy.errors import StoreCorrupt, StoreError, StoreLocked, StoreTooNew
from dhan_copy.protocols import Store
from dhan_copy.stores import sqlite
from dhan_copy.stores.rows import GENESIS, chained
from dhan_copy.stores.sqlite import SqliteStore
from dhan_copy.testing.conformance import StoreConformance
from tests.stores.store_kit import entries, entry, large, python, unprivileged, unreadable

T = TypeVar("T")


class TestSqliteStore(StoreConformance):
    def make_store(self) -> Store:
        return SqliteStore(self.folder / "copies.db", busy_timeout_seconds=0.2)


class TestReopenedByAnotherName(StoreConformance):
    """A link to the folder is the same journal, and the same lock."""

    count = 0

    def make_store(self) -> Store:
        self.count += 1
        (self.folder / "real").mkdir(exist_ok=True)
        link = self.folder / f"link{self.count}"
        link.symlink_to(self.folder / "real")
        return SqliteStore(str(link / "copies.db"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "copies.db"


@pytest.fixture
def opened() -> Iterator[Callable[[SqliteStore], SqliteStore]]:
    """Closes what a test opens."""
    stores: list[SqliteStore] = []

    def keep(store: SqliteStore) -> SqliteStore:
        stores.append(store)
        return store

    yield keep
    for store in stores:
        store.close()


@pytest.fixture
def store(path: Path, opened: Callable[[SqliteStore], SqliteStore]) -> SqliteStore:
    """An empty journal that is ours."""
    store = opened(SqliteStore(path, busy_timeout_seconds=0.1))
    store.acquire("us")
    return store


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


# Commits


def test_b3_one_append_is_one_commit(store: SqliteStore) -> None:
    statements: list[str] = []
    store._connection.set_trace_callback(statements.append)
    store.append(entries(1, 100))
    store._connection.set_trace_callback(None)
    words = [statement.split()[0] for statement in statements]
    assert (words[0], words[-1]) == ("BEGIN", "COMMIT")
    assert statements[0] == "BEGIN IMMEDIATE"
    assert words.count("BEGIN") == words.count("COMMIT") == 1
    assert words.count("INSERT") == 100


def test_appending_nothing_does_not_touch_the_file(store: SqliteStore) -> None:
    statements: list[str] = []
    store._connection.set_trace_callback(statements.append)
    assert store.append([]) == 0
    store._connection.set_trace_callback(None)
    assert statements == []


def test_what_is_in_force(store: SqliteStore) -> None:
    def pragma(name: str) -> object:
        return store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2, "FULL: with NORMAL a power cut can forget an intent that has left"
    assert pragma("fullfsync") == 1
    assert pragma("busy_timeout") == 100


def test_a_commit_is_there_when_the_process_is_killed(path: Path) -> None:
    program = """
import sys
from dhan_copy.stores.sqlite import SqliteStore
from tests.stores.store_kit import entries
store = SqliteStore(sys.argv[1]); store.acquire("doomed")
for first in range(1, 1000, 3):
    print(store.append(entries(first, first + 2)), flush=True)
    sys.stdin.readline()
"""
    with python(program, path) as process:
        for _ in range(4):
            told = int(process.stdout.readline())
            process.stdin.write("\n")
            process.stdin.flush()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    store = SqliteStore(path)
    lease = store.acquire("the next")
    found = list(store.read())
    store.close()
    assert lease.epoch == 2
    assert told == 12 and len(found) in (12, 15)
    assert found == entries(1, len(found))


# Reading


def test_reading_goes_page_by_page(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append(entries(1, 2_500))
    assert [e.position for e in store.read()] == list(range(1, 2_501))
    assert [e.position for e in store.read(after=1_999)] == list(range(2_000, 2_501))


def test_reading_ends_where_the_journal_ended_when_it_began(store: SqliteStore) -> None:
    store.append(entries(1, 2))
    reading = store.read()
    assert next(reading) == entry(1)
    store.append(entries(3, 3))
    assert list(reading) == [entry(2)]


def test_raw_text_is_not_read_but_given_when_asked_for(store: SqliteStore) -> None:
    store.append([unreadable(1, "as it came \ud800\0"), entry(2)])
    assert [getattr(e.fact, "raw", "") for e in store.read()] == ["", ""]
    assert store.raw_of(1) == "as it came \ud800\0"
    assert store.raw_of(2) == ""
    with pytest.raises(StoreError, match="no such entry"):
        store.raw_of(3)


def test_another_process_reads_while_the_engine_writes(store: SqliteStore, path: Path) -> None:
    program = """
import sys
from dhan_copy.stores.sqlite import SqliteStore
store = SqliteStore.open_readonly(sys.argv[1])
for _ in sys.stdin:
    print(sum(1 for _ in store.read()), flush=True)
"""
    with python(program, path) as process:
        for last in range(1, 6):
            store.append(entries(last, last))
            process.stdin.write("\n")
            process.stdin.flush()
            assert int(process.stdout.readline()) == last


def test_another_thread_reads_while_the_engine_writes(store: SqliteStore, path: Path) -> None:
    """Over its own connection and over the writer's: it sees whole batches only."""
    seen: list[int] = []
    wrong: list[BaseException] = []
    done = threading.Event()

    def watch(reader: SqliteStore) -> None:
        try:
            while not done.is_set():
                seen.append(len(list(reader.read())))
        except BaseException as error:
            wrong.append(error)

    other = SqliteStore.open_readonly(path)
    threads = [threading.Thread(target=watch, args=(reader,)) for reader in (other, store)]
    for thread in threads:
        thread.start()
    for first in range(1, 601, 3):
        store.append(entries(first, first + 2))
    done.set()
    for thread in threads:
        thread.join()
    other.close()
    assert wrong == []
    assert seen and all(count % 3 == 0 for count in seen)


def test_a_reader_cannot_write(store: SqliteStore, path: Path, opened: Callable[[SqliteStore], SqliteStore]) -> None:
    reader = opened(SqliteStore.open_readonly(path))
    with pytest.raises(StoreError, match="opened for reading"):
        reader.acquire("reader")
    with pytest.raises(StoreError):
        reader.append(entries(1, 1))


def test_a_reader_makes_no_file(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        SqliteStore.open_readonly(path)
    assert list(path.parent.iterdir()) == []


def test_a_closed_store_says_so(store: SqliteStore) -> None:
    store.append(entries(1, 1))
    half_read = store.read()
    store.close()
    for use in (lambda: store.acquire("x"), lambda: store.append([]), lambda: store.raw_of(1), lambda: list(half_read)):
        with pytest.raises(StoreError, match="closed"):
            use()


# One writer


def test_t6_a_second_engine_is_refused_and_told_who_has_it(store: SqliteStore, path: Path) -> None:
    program = """
import sys
from dhan_copy.errors import StoreLocked
from dhan_copy.stores.sqlite import SqliteStore
try:
    SqliteStore(sys.argv[1]).acquire("second")
except StoreLocked as error:
    print(error, flush=True)
"""
    with python(program, path) as process:
        said = process.stdout.readline()
    assert f"process {os.getpid()} on" in said and "(us)" in said and "Stop the other engine" in said


def test_t6_a_rerun_right_after_kill_9_starts(path: Path) -> None:
    program = """
import sys
from dhan_copy.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
print(store.acquire("first").epoch, flush=True)
sys.stdin.read()
"""
    for epoch in (1, 2, 3):
        with python(program, path) as process:
            assert process.stdout.readline() == f"{epoch}\n"
            other = SqliteStore(path)
            with pytest.raises(StoreLocked, match=f"process {process.pid}"):
                other.acquire("other")
            other.close()


def test_a_failed_acquire_keeps_no_lock(path: Path, opened: Callable[[SqliteStore], SqliteStore]) -> None:
    store = opened(SqliteStore(path, busy_timeout_seconds=0.05))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program"):
        store.acquire("us")
    blocker.execute("ROLLBACK")
    blocker.close()
    assert store.acquire("us").epoch == 1


def test_a_writer_whose_epoch_has_passed_writes_nothing(store: SqliteStore, path: Path) -> None:
    """Where the lock file was removed, or the file system's locks do not work."""
    store.append(entries(1, 1))
    Path(f"{path}.lock").unlink()
    usurper = SqliteStore(path)
    assert usurper.acquire("usurper").epoch == 2
    with pytest.raises(StoreError, match="somebody else"):
        store.append(entries(2, 2))
    assert usurper.append(entries(2, 2)) == 2
    usurper.close()


def test_the_epoch_is_in_every_row(path: Path) -> None:
    for number in (1, 2):
        store = SqliteStore(path)
        store.acquire("owner")
        store.append(entries(number, number))
        store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT position, epoch FROM journal").fetchall() == [(1, 1), (2, 2)]
    connection.close()


# A store that cannot commit


def test_t7_a_full_disk_keeps_nothing_of_the_batch(store: SqliteStore) -> None:
    store.append(entries(1, 2))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StoreError, match="Make room") as refused:
        store.append([entry(3), large(4)])
    assert not isinstance(refused.value, StoreCorrupt)
    with pytest.raises(StoreError, match="Read the journal again"):
        store.append(entries(3, 3))
    assert list(store.read()) == entries(1, 2)
    store._connection.execute("PRAGMA max_page_count = 1000000")
    assert store.append(entries(3, 3)) == 3


def test_t7_a_locked_database_is_an_error_and_not_a_wait_for_ever(store: SqliteStore, path: Path) -> None:
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program.*database browser") as refused:
        store.append(entries(1, 1))
    assert not isinstance(refused.value, StoreLocked)
    assert list(store.read()) == []
    blocker.execute("ROLLBACK")
    blocker.close()
    assert store.append(entries(1, 1)) == 1


def test_t7_a_database_that_became_read_only(store: SqliteStore) -> None:
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="writable"):
        store.append(entries(1, 1))
    assert list(store.read()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Unix permissions")
def test_t7_files_and_folders_that_may_not_be_written() -> None:
    with unprivileged() as folder:
        path = folder / "copies.db"
        store = SqliteStore(path)
        store.acquire("us")
        store.append(entries(1, 1))
        store.close()
        path.chmod(0o400)
        readonly = SqliteStore(path)
        with pytest.raises(StoreError, match="cannot be written") as refused:
            readonly.acquire("us")
        assert not isinstance(refused.value, (StoreCorrupt, StoreLocked))
        readonly.close()
        path.chmod(0)
        with pytest.raises(StoreError, match="cannot be read"):
            SqliteStore(path)
        folder.chmod(0o500)
        with pytest.raises(StoreError, match="folder exists and can be written"):
            SqliteStore(folder / "new.db")


def test_t7_a_missing_folder_and_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder exists"):
        SqliteStore(tmp_path / "missing" / "copies.db")
    with pytest.raises(StoreError, match="is a folder"):
        SqliteStore(tmp_path)


def test_an_interrupted_append_is_undone_and_the_journal_goes_on(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C anywhere in it: what counts is what the file says afterwards."""
    store.append(entries(1, 1))

    class Interrupted:
        def __enter__(self) -> None:
            store._connection.execute("BEGIN IMMEDIATE")
            store._connection.execute("UPDATE head SET position = 99")
            raise KeyboardInterrupt

        def __exit__(self, *_: object) -> None:
            raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(store, "_transaction", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.append(entries(2, 2))
    with pytest.raises(StoreError, match="Read the journal again"):
        store.append(entries(2, 2))
    assert list(store.read()) == entries(1, 1)
    assert store.append(entries(2, 2)) == 2


def test_f06_a_checkpoint_of_an_interrupted_append_is_not_recovered_from(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovering begins with the checkpoints: they must not be those that were never committed."""

    class Interrupted:
        def __enter__(self) -> None:
            store._connection.execute("BEGIN IMMEDIATE")

        def __exit__(self, *_: object) -> None:
            raise KeyboardInterrupt

    store.append(entries(1, 1))
    with monkeypatch.context() as patch:
        patch.setattr(store, "_transaction", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.append([attrs.evolve(entry(2), fact=CheckpointWritten(state="{}", whole=True))])
    assert list(store.checkpoints()) == []
    assert list(store.read()) == entries(1, 1)


def test_a_commit_that_landed_although_it_failed_is_found_by_reading(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Landed:
        def __enter__(self) -> None:
            store._connection.execute("BEGIN IMMEDIATE")

        def __exit__(self, *_: object) -> None:
            store._connection.execute("COMMIT")
            raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_transaction", Landed)
        with pytest.raises(StoreError):
            store.append(entries(1, 2))
    assert list(store.read()) == entries(1, 2)
    with pytest.raises(StoreError, match="cannot follow entry 2"):
        store.append(entries(1, 2))
    assert store.append(entries(3, 3)) == 3


def test_a_number_too_large_for_sqlite_is_refused(store: SqliteStore) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        store.append([attrs.evolve(entry(1), cause=2**70)])
    assert list(store.read()) == []


# Damage


@pytest.fixture
def journal(path: Path) -> Path:
    store = SqliteStore(path)
    store.acquire("us")
    store.append([*entries(1, 4), unreadable(5, "as it came"), *entries(6, 8)])
    store.close()
    return path


def refused(path: Path) -> StoreCorrupt:
    """The error that opening or reading raises."""
    with pytest.raises(StoreCorrupt) as error:
        store = SqliteStore(path)
        try:
            store.acquire("us")
            list(store.read())
        finally:
            store.close()
    assert "backup" in str(error.value)
    return error.value


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("UPDATE journal SET body = replace(body, 'gap', 'gas') WHERE position = 3", 3),
        ("UPDATE journal SET body = '{}' WHERE position = 3", 3),
        ("UPDATE journal SET type = 'DayOpened' WHERE position = 3", 3),
        ("UPDATE journal SET at = '2026-09-02T00:00:00+00:00' WHERE position = 3", 3),
        ("UPDATE journal SET account = 'B' WHERE position = 3", 3),
        ("UPDATE journal SET cause = 1 WHERE position = 3", 3),
        ("UPDATE journal SET epoch = 2 WHERE position = 3", 3),
        ("UPDATE journal SET version = 2 WHERE position = 3", 3),
        ("UPDATE journal SET raw_hash = x'00' WHERE position = 5", 5),
        ("UPDATE journal SET raw_hash = 'text' WHERE position = 5", 5),
        ("UPDATE journal SET hash = x'00' WHERE position = 3", 3),
        ("DELETE FROM journal WHERE position = 3", 3),
        ("DELETE FROM journal WHERE position = 1", 1),
        ("DELETE FROM journal WHERE position = 8", 8),
        ("DELETE FROM journal", 8),
        ("DELETE FROM head", None),
        ("UPDATE head SET position = 7", 7),
        ("UPDATE head SET position = 'seven'", None),
        ("UPDATE head SET hash = 'text'", None),
        ("UPDATE journal SET hash = 'text' WHERE position = 8", 8),
        ("DROP TABLE head", None),
        ("ALTER TABLE journal DROP COLUMN cause", None),
    ],
)
def test_a_changed_row_is_found(journal: Path, statement: str, position: int | None) -> None:
    change(journal, statement)
    error = refused(journal)
    assert position is None or error.ids["position"] == str(position)


def test_a_missing_row_is_found_without_checking_hashes(journal: Path) -> None:
    change(journal, "DELETE FROM journal WHERE position = 3")
    store = SqliteStore(journal)
    with pytest.raises(StoreCorrupt, match="missing.*position 3"):
        list(store.read(verify=False))
    with pytest.raises(StoreCorrupt, match="missing.*position 3"):
        list(store.read(after=3))
    store.close()


def test_rows_missing_before_a_page_ends_are_found(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteStore(journal)
    change(journal, "DELETE FROM journal WHERE position BETWEEN 5 AND 7", "DELETE FROM journal WHERE position = 8")
    with pytest.raises(StoreCorrupt):
        list(store.read())
    monkeypatch.setattr(store, "_fetch", lambda *_: [])
    monkeypatch.setattr(store, "_read_head", lambda: sqlite._Head(1, 8, b""))
    with pytest.raises(StoreCorrupt, match="missing"):
        list(store.read())
    store.close()


def test_the_check_of_hashes_can_be_left_out(journal: Path) -> None:
    change(journal, "UPDATE journal SET body = replace(body, 'gap', 'gas') WHERE position = 3")
    store = SqliteStore(journal)
    assert len(list(store.read(verify=False))) == 8
    assert [e.position for e in store.read(after=3)] == [4, 5, 6, 7, 8]
    store.close()


def test_a_chain_that_is_right_does_not_make_a_body_right(journal: Path) -> None:
    """A row of a later release: its hash is as it should be, and its kind of fact is unknown here."""
    connection = sqlite3.connect(journal)
    row = list(connection.execute(f"SELECT {sqlite._COLUMNS} FROM journal WHERE position = 8").fetchone())
    (before,) = connection.execute("SELECT hash FROM journal WHERE position = 7").fetchone()
    row[5] = "LaterFact"
    row[10] = chained(before, *row[:10])
    connection.execute("UPDATE journal SET type = ?, hash = ? WHERE position = 8", (row[5], row[10]))
    connection.execute("UPDATE head SET hash = ?", (row[10],))
    connection.commit()
    connection.close()
    store = SqliteStore(journal)
    with pytest.raises(StoreTooNew, match="LaterFact.*position 8"):
        list(store.read())
    store.close()


def test_changed_raw_text_is_found_when_it_is_asked_for(journal: Path) -> None:
    change(journal, "UPDATE journal SET raw = x'00' WHERE position = 5")
    store = SqliteStore(journal)
    assert len(list(store.read())) == 8
    with pytest.raises(StoreCorrupt, match="raw text.*position 5"):
        store.raw_of(5)
    store.close()


def test_the_chain_begins_with_nothing(journal: Path) -> None:
    """The hash is what rows.chained says, worked out here by hand for the first row."""
    connection = sqlite3.connect(journal)
    row = connection.execute(f"SELECT {sqlite._COLUMNS} FROM journal WHERE position = 1").fetchone()
    connection.close()
    text = "1|1|2026-09-01T04:00:01+00:00|'A'|None|GapDetected|1|None|None|" + '{"account":"A","cause":"a gap"}'
    assert row[10] == hashlib.sha256(GENESIS + text.encode()).digest()


def test_a_journal_removed_under_the_engine_is_not_replaced_while_it_runs(store: SqliteStore, path: Path) -> None:
    for file in path.parent.glob("copies.db*"):
        if file.suffix != ".lock":
            file.unlink()
    with pytest.raises(StoreLocked):
        SqliteStore(path)
