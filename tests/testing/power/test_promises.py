"""What was promised is held against what is left, and each way to break it is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from dhan_copy.core.requests import Cancel
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.stores.schema import DISK
from dhan_copy.testing.power.promises import Promises, WitnessedStore
from tests.stores.store_kit import entries, entry, unreadable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "copies.db"


@pytest.fixture
def promises(path: Path) -> Promises:
    """Of a journal of four entries, the last of which is a frame."""
    made = Promises()
    store = WitnessedStore(path, DISK, made)
    store.acquire("us")
    store.append(entries(1, 3))
    store.append([unreadable(4, "as it came")])
    store.close()
    return made


def test_promises_that_are_kept(path: Path, promises: Promises) -> None:
    assert promises.judge(path) == 4
    promises.entries += entries(5, 6)
    assert (promises.acknowledged, promises.under_way) == (4, 2)
    assert promises.judge(path) == 4
    assert (promises.entries[4:], promises.broken) == ([], []), "what was under way and is lost is forgotten"


def test_a_journal_that_was_never_made_may_be_missing(path: Path) -> None:
    promises = Promises()
    assert (promises.judge(path), promises.broken) == (0, [])
    assert not path.exists()


def changed(statement: str) -> Callable[[Path, Promises], None]:
    def change(path: Path, promises: Promises) -> None:
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()

    return change


def lost(path: Path, promises: Promises) -> None:
    promises.entries.append(entry(5))
    promises.acknowledged = 5


def split(path: Path, promises: Promises) -> None:
    promises.acknowledged = 2
    promises.entries += entries(5, 6)


def another(path: Path, promises: Promises) -> None:
    promises.entries[1] = entry(2, "another cause")


def another_frame(path: Path, promises: Promises) -> None:
    promises.entries[3] = unreadable(4, "another text")


def unknown_request(path: Path, promises: Promises) -> None:
    promises.handed_over.append(
        Cancel(
            follower=AccountName("F"),
            client_order_id=ClientOrderId("tag"),
            attempt=2,
            broker_order_id=BrokerOrderId("1"),
        )
    )


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        (lambda path, promises: path.unlink(), "vanished"),
        (lambda path, promises: path.write_bytes(b""), "refused"),
        (changed("UPDATE journal SET body = '{}' WHERE position = 2"), "cannot be read"),
        (changed("DROP INDEX checkpoints"), None),
        (lost, "5 entries were acknowledged, 4 are there"),
        (split, "a part of the 4 under way"),
        (another, "entry 2 is not what was appended"),
        (another_frame, "raw text of entry 4"),
        (unknown_request, "a broker got a request"),
    ],
)
def test_promises_that_are_broken(
    path: Path, promises: Promises, breaks: Callable[[Path, Promises], None], told: str | None
) -> None:
    breaks(path, promises)
    promises.judge(path)
    assert [told in broken for broken in promises.broken] == [True] if told else promises.broken == []


def test_an_epoch_that_comes_back_is_told(path: Path, promises: Promises) -> None:
    promises.epoch = 7
    store = WitnessedStore(path, DISK, promises)
    store.acquire("us")
    store.close()
    assert promises.broken == ["epoch 2 came after 7"]
