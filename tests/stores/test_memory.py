"""The store in memory is a real one: it passes what every store must pass."""

from __future__ import annotations

import pytest

from dhan_copy.errors import StoreError, StoreLocked
from dhan_copy.protocols import Store
from dhan_copy.stores.memory import MemoryStore
from dhan_copy.testing.conformance import StoreConformance
from tests.stores.store_kit import entries, entry, unreadable


class TestMemoryStore(StoreConformance):
    def setup_method(self) -> None:
        super().setup_method()
        self.store = MemoryStore()

    def make_store(self) -> Store:
        return self.store


def test_it_is_not_durable() -> None:
    assert MemoryStore.durable is False


def test_it_can_be_read_and_taken_over_after_closing() -> None:
    store = MemoryStore()
    store.acquire("first")
    store.append(entries(1, 2))
    store.close()
    assert list(store.read()) == entries(1, 2)
    with pytest.raises(StoreError, match="Acquire"):
        store.append(entries(3, 3))
    assert store.acquire("second").epoch == 2


def test_it_names_its_owner() -> None:
    store = MemoryStore()
    store.acquire("the first engine")
    with pytest.raises(StoreLocked, match="the first engine"):
        store.acquire("another")


def test_reading_ends_where_the_journal_ended_when_it_began() -> None:
    store = MemoryStore()
    store.acquire("us")
    store.append(entries(1, 2))
    reading = store.read()
    assert next(reading) == entry(1)
    store.append(entries(3, 3))
    assert list(reading) == [entry(2)]


def test_raw_text_is_given_when_asked_for() -> None:
    store = MemoryStore()
    store.acquire("us")
    store.append([unreadable(1, "as it came \ud800"), entry(2)])
    assert [e.fact.raw for e in store.read(0) if e.position == 1] == [""]  # type: ignore[union-attr]
    assert store.raw_of(1) == "as it came \ud800"
    assert store.raw_of(2) == ""
    for missing in (0, 3, -1):
        with pytest.raises(StoreError, match="no such entry"):
            store.raw_of(missing)
