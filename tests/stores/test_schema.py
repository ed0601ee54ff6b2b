"""The file: made whole or not at all, told from any other, and readable by every later release."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs
import pytest

from dhan_copy.core.facts import Entry
from dhan_copy.errors import StoreCorrupt, StoreError, StoreTooNew
from dhan_copy.stores import schema
from dhan_copy.stores.schema import APPLICATION_ID, SCHEMA_VERSION, check_file, connect, create
from dhan_copy.stores.sqlite import SqliteStore

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden", GOLDEN / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plain = maker().plain


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return Path(shutil.copy(GOLDEN / f"journal-v{SCHEMA_VERSION}.db", tmp_path / "copies.db"))


def entries_of(path: Path) -> list[Entry]:
    """All of them, read as a starting engine reads them."""
    store = SqliteStore(path)
    try:
        store.acquire("test")
        return list(store.read())
    finally:
        store.close()


def differences(expected: object, value: object, where: str = "") -> Iterator[str]:
    """Where ``value`` is not what the JSON says. A field that the JSON does not name is newer and has its default."""
    if isinstance(expected, dict) and "class" in expected and attrs.has(type(value)):
        if type(value).__name__ != expected["class"]:
            yield f"{where}: {type(value).__name__} is not {expected['class']}"
        for field in attrs.fields(type(value)):
            now = getattr(value, field.name)
            if field.name == "raw":
                continue
            if field.name in expected:
                yield from differences(expected[field.name], now, f"{where}.{field.name}")
            elif now != (field.default.factory() if isinstance(field.default, attrs.Factory) else field.default):
                yield f"{where}.{field.name} is new and not its default"
        yield from (f"{where}.{name} is gone" for name in expected if name != "class" and not hasattr(value, name))
    elif isinstance(expected, list) and isinstance(value, tuple):
        for number, (item, now) in enumerate(zip(expected, value, strict=True)):
            yield from differences(item, now, f"{where}[{number}]")
    elif plain(value) != expected:
        yield f"{where}: {plain(value)!r} is not {expected!r}"


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_f11_a_journal_of_every_version_opens_to_the_same_facts(version: int, tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / f"journal-v{version}.json").read_text())
    journal = entries_of(Path(shutil.copy(GOLDEN / f"journal-v{version}.db", tmp_path)))
    assert len(journal) == len(expected) > 50
    assert [d for wanted, entry in zip(expected, journal, strict=True) for d in differences(wanted, entry)] == []


def test_the_golden_journal_gives_its_raw_text(golden: Path) -> None:
    expected = json.loads((GOLDEN / f"journal-v{SCHEMA_VERSION}.json").read_text())
    store = SqliteStore.open_readonly(golden)
    texts = [store.raw_of(position) for position in range(1, len(expected) + 1)]
    store.close()
    facts = [entry["fact"] for entry in expected]
    assert texts == [fact.get("raw", fact.get("report", {}).get("raw", "")) for fact in facts]
    assert sum(map(bool, texts)) >= 3


def test_the_oracle_sees_a_difference() -> None:
    (entry, *_) = maker().sample_entries()
    assert list(differences(plain(entry), entry)) == []
    assert list(differences({**plain(entry), "position": 9}, entry)) != []
    assert list(differences({**plain(entry), "former": 9}, entry)) != []
    assert list(differences({**plain(entry), "class": "Other"}, entry)) != []


def test_a_later_schema_is_refused(golden: Path) -> None:
    connection = sqlite3.connect(golden)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    for open_ in (SqliteStore, SqliteStore.open_readonly):
        with pytest.raises(StoreTooNew, match="Upgrade"):
            open_(golden)


@pytest.mark.parametrize("pragma", ["user_version = 0", "user_version = -1", "application_id = 0"])
def test_the_database_of_another_program_is_refused(golden: Path, pragma: str) -> None:
    connection = sqlite3.connect(golden)
    connection.execute(f"PRAGMA {pragma}")
    connection.close()
    with pytest.raises(StoreCorrupt, match="not a journal"):
        SqliteStore(golden)


@pytest.mark.parametrize("content", [b"", b"SQLite", b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 9_000])
def test_what_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "copies.db"
    path.write_bytes(content)
    for open_ in (SqliteStore, SqliteStore.open_readonly):
        with pytest.raises(StoreCorrupt, match="backup|not a journal"):
            open_(path)
    assert path.read_bytes() == content


def test_t7_a_shortened_journal_is_damage_and_never_an_empty_one(golden: Path) -> None:
    whole = golden.read_bytes()
    for length in {0, 1, 15, 16, 99, 100, 1_000, *range(4_096, len(whole), 4_096), *range(5_000, len(whole), 7_777)}:
        golden.write_bytes(whole[:length])
        with pytest.raises(StoreCorrupt):
            entries_of(golden)
        for suffix in ("-wal", "-shm"):
            Path(f"{golden}{suffix}").unlink(missing_ok=True)


def test_t7_a_flipped_bit_is_damage_or_changes_nothing(golden: Path) -> None:
    """Bits that mean nothing exist (free space, raw text, counters of SQLite's own); a wrong fact never comes out."""
    whole = golden.read_bytes()
    right = entries_of(golden)
    dice = random.Random(20260901)
    places = {*range(0, 100), *range(4_096, 4_120), *(dice.randrange(len(whole)) for _ in range(200))}
    refused = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        golden.write_bytes(damaged)
        try:
            assert entries_of(golden) == right, f"byte {place}"
        except (StoreCorrupt, StoreTooNew):
            refused += 1
        except StoreError as error:
            assert place in (18, 19), error  # the file format versions: SQLite takes the file for read-only
            refused += 1
        for suffix in ("-wal", "-shm", "-journal"):
            Path(f"{golden}{suffix}").unlink(missing_ok=True)
    assert refused > 50


# Making the file


def test_a_new_journal_is_whole_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "copies.db"
    create(path)
    assert [file.name for file in tmp_path.iterdir()] == ["copies.db"]
    check_file(path)
    connection = connect(path, "ro", busy_timeout_seconds=0)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    connection.close()


def test_what_a_killed_process_left_half_made_does_not_matter(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"copies.db.new{suffix}").write_bytes(b"half")
    create(tmp_path / "copies.db")
    assert [file.name for file in tmp_path.iterdir()] == ["copies.db"]


def test_t5_a_journal_that_vanished_beside_its_wal_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "copies.db-wal").write_bytes(b"what was written last")
    with pytest.raises(StoreCorrupt, match="still there"):
        SqliteStore(tmp_path / "copies.db")
    assert not (tmp_path / "copies.db").exists()


def test_a_journal_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match="folder exists"):
        create(tmp_path / "missing" / "copies.db")

    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(schema, "_sync_folder", full)
    with pytest.raises(StoreError, match="No space left"):
        create(tmp_path / "copies.db")


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder"):
        check_file(tmp_path)
    with pytest.raises(StoreError, match="cannot be read"):
        check_file(tmp_path / "missing")
