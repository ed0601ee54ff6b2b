"""A journal that was damaged, made read-only or replaced while nothing ran: refused, and never begun anew."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dhan_copy import SqliteStore
from dhan_copy.errors import StoreCorrupt, StoreError
from tests.proof.stage import LONG, Stage
from tests.stores.store_kit import NOBODY, entries, large


def emptied(journal: Path) -> None:
    journal.write_bytes(b"")


def shortened(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[: journal.stat().st_size // 2])


def flipped(journal: Path) -> None:
    """In text that somebody journaled."""
    content = bytearray(journal.read_bytes())
    content[content.index(b'"NSE_EQ"') + 2] ^= 1
    journal.write_bytes(content)


def test_f15_a_damaged_journal_is_refused_and_left_as_it_is(stage: Stage) -> None:
    with stage.copier() as copier:
        assert copier.news() == "ready"
        stage.order(300)
        stage.check()
        copier.stop()
    whole = stage.journal.read_bytes()
    for damaged in (emptied, shortened, flipped) if LONG else (emptied, flipped):
        stage.journal.write_bytes(whole)
        damaged(stage.journal)
        with stage.copier() as copier:
            assert copier.news().startswith("StoreCorrupt: ")
            assert copier.ended() == 3
        with pytest.raises(StoreCorrupt), closing(SqliteStore(stage.journal)) as begun_anew:
            list(begun_anew.read())
    assert stage.sent() == 1
    stage.journal.write_bytes(whole)
    stage.check_a_restart_goes_on(301)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Unix permissions")
def test_f16_a_journal_or_a_folder_that_may_not_be_written(stage: Stage, folder: Path) -> None:
    stage.folder, stage.journal = folder, folder / "journal.db"
    with stage.copier(nobody=True) as copier:
        assert copier.news() == "ready"
        copier.stop()
    for path, mode in ((stage.journal, 0o400), (folder, 0o500)):
        path.chmod(mode)
        with stage.copier(nobody=True) as copier:
            told = copier.news()
            assert told.startswith("StoreError: ") and "writ" in told and "Nothing was sent" in told
            assert copier.ended() == 3
        path.chmod(0o700)
    assert stage.sent() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder that belongs to nobody in particular."""
    made = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        os.chown(made, NOBODY, NOBODY)
    try:
        yield made
    finally:
        made.chmod(0o700)
        shutil.rmtree(made)


# A backup of an hour ago


@pytest.mark.parametrize("seed", range(LONG or 12))
def test_f17_an_old_journal_under_a_newer_log_is_refused_or_is_a_part_of_what_happened(tmp_path: Path, seed: int) -> None:
    """Who restores ``copies.db`` alone leaves the newer ``copies.db-wal`` beside it, which SQLite applies to it."""
    chance = random.Random(seed)
    path, backup = tmp_path / "copies.db", tmp_path / "backup.db"
    store = SqliteStore(path)
    store.acquire("us")
    told = [*entries(1, chance.randint(1, 60))]
    store.append(told)
    store.close()
    shutil.copy(path, backup)
    store = SqliteStore(path)
    store.acquire("us")
    for _ in range(chance.randint(1, 6)):
        more = entries(len(told) + 1, len(told) + chance.randint(1, 40))
        if chance.random() < 0.3:
            more.append(large(len(told) + len(more) + 1, chance.choice((10, 5_000))))
        store.append(more)
        told += more
    wal = Path(f"{path}-wal").read_bytes()
    store.close()
    shutil.copy(backup, path)
    Path(f"{path}-wal").write_bytes(wal)
    try:
        restored = SqliteStore(path)
    except StoreError:
        return
    try:
        found = list(restored.read())
    except StoreError:
        return
    finally:
        restored.close()
    assert found == told[: len(found)]
