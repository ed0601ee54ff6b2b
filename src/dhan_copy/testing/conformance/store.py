"""What every store must do."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from dhan_copy.core.facts import CheckpointWritten, DayOpened, Entry
from dhan_copy.errors import StoreError, StoreLocked
from dhan_copy.protocols import Store
from dhan_copy.testing.conformance.checks import raised
from dhan_copy.testing.conformance.samples import AT, sample_entries


class StoreConformance:
    """Subclass it and say in :meth:`make_store` how a store on this test's journal is made."""

    folder: Path
    """An empty folder for this test's journal."""

    def make_store(self) -> Store:
        """A store, open and without a lease. Every call within one test gives a store on the same journal, which is
        empty when the test begins; a store that is bound to its object may give the same object each time."""
        raise NotImplementedError

    def setup_method(self) -> None:
        self._temporary = TemporaryDirectory(ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self._opened: list[Store] = []

    def teardown_method(self) -> None:
        for store in self._opened:
            store.close()
        self._temporary.cleanup()

    def open(self) -> Store:
        """A store that is closed when the test ends."""
        store = self.make_store()
        self._opened.append(store)
        return store

    def writer(self) -> Store:
        """A store with the lease."""
        store = self.open()
        store.acquire("conformance")
        return store

    def test_an_empty_journal_has_no_entries(self) -> None:
        assert list(self.open().read()) == []

    def test_what_is_appended_is_read_in_order(self) -> None:
        store = self.writer()
        assert store.append(days(1, 3)) == 3
        assert store.append(days(4, 5)) == 5
        assert list(store.read()) == days(1, 5)

    def test_every_kind_of_fact_comes_back_as_it_was(self) -> None:
        entries = sample_entries()
        store = self.writer()
        assert store.append(entries) == len(entries)
        for was, now in zip(entries, store.read(), strict=True):
            assert now == was
            assert type(now.fact) is type(was.fact)

    def test_times_come_back_aware_and_to_the_microsecond(self) -> None:
        store = self.writer()
        store.append(days(1, 1))
        (entry,) = store.read()
        assert entry.at.utcoffset() is not None
        assert entry.at - AT == timedelta(seconds=1)

    def test_reading_after_a_position_leaves_out_what_came_before(self) -> None:
        store = self.writer()
        store.append(days(1, 5))
        assert list(store.read(after=0)) == days(1, 5)
        assert list(store.read(after=3)) == days(4, 5)
        assert list(store.read(after=5)) == []
        assert list(store.read(after=99)) == []

    def test_checkpoints_are_found_the_newest_first(self) -> None:
        store = self.writer()
        assert list(store.checkpoints()) == []
        entries = [*days(1, 2), checkpoint(3), *days(4, 5), checkpoint(6), checkpoint(7), *days(8, 9)]
        store.append(entries[:4])
        store.append(entries[4:])
        assert list(store.checkpoints()) == [entries[6], entries[5], entries[2]]
        assert list(store.read()) == entries

    def test_reading_can_be_abandoned_and_begun_again(self) -> None:
        store = self.writer()
        store.append(days(1, 5))
        assert list(islice(store.read(), 2)) == days(1, 2)
        assert list(store.read()) == days(1, 5)

    def test_appending_nothing_changes_nothing(self) -> None:
        store = self.writer()
        assert store.append([]) == 0
        store.append(days(1, 2))
        assert store.append([]) == 2
        assert list(store.read()) == days(1, 2)

    def test_a_gap_is_refused_and_nothing_is_kept(self) -> None:
        store = self.writer()
        store.append(days(1, 2))
        for wrong in (days(4, 4), days(2, 2), days(3, 3) + days(5, 5), [day(3), day(3)]):
            raised(StoreError, lambda: store.append(wrong))
        assert list(store.read()) == days(1, 2)
        assert store.append(days(3, 3)) == 3

    def test_all_entries_of_a_batch_are_kept_or_none(self) -> None:
        store = self.writer()
        store.append(days(1, 1))
        unwritable = attrs.evolve(day(3), at=AT.replace(tzinfo=None))
        raised(StoreError, lambda: store.append([day(2), unwritable]))
        assert list(store.read()) == days(1, 1)

    def test_entries_outlive_the_store(self) -> None:
        store = self.writer()
        store.append(days(1, 3))
        store.close()
        again = self.writer()
        assert list(again.read()) == days(1, 3)
        assert again.append(days(4, 4)) == 4

    def test_a_gap_is_refused_after_reopening(self) -> None:
        store = self.writer()
        store.append(days(1, 3))
        store.close()
        again = self.writer()
        raised(StoreError, lambda: again.append(days(1, 1)))
        raised(StoreError, lambda: again.append(days(5, 5)))
        assert list(again.read()) == days(1, 3)

    def test_only_one_owner_at_a_time(self) -> None:
        self.writer()
        other = self.open()
        raised(StoreLocked, lambda: other.acquire("another"))

    def test_closing_gives_the_lease_back(self) -> None:
        first = self.open()
        lease = first.acquire("first")
        assert lease.owner == "first"
        first.close()
        assert self.open().acquire("second").owner == "second"

    def test_epochs_count_the_owners_from_one(self) -> None:
        for epoch in (1, 2, 3):
            store = self.open()
            assert store.acquire("owner").epoch == epoch
            store.close()

    def test_without_the_lease_nothing_is_written(self) -> None:
        store = self.open()
        raised(StoreError, lambda: store.append(days(1, 1)))
        assert list(store.read()) == []

    def test_closing_twice_is_harmless(self) -> None:
        store = self.writer()
        store.close()
        store.close()

    def test_closing_without_a_lease_leaves_that_of_another(self) -> None:
        writer = self.writer()
        other = self.open()
        if other is not writer:
            other.close()
        writer.append(days(1, 1))
        assert list(writer.read()) == days(1, 1)


def day(position: int) -> Entry:
    return Entry(position, AT + timedelta(seconds=position), DayOpened(day=f"2026-09-{position:02}"))


def checkpoint(position: int) -> Entry:
    fact = CheckpointWritten(whole=position == 3, state="{}", leader_orders=(str(position), "\u20b9"), trades=("",))
    return Entry(position, AT + timedelta(seconds=position), fact)


def days(first: int, last: int) -> list[Entry]:
    """Entries at the positions from ``first`` to ``last``."""
    return [day(position) for position in range(first, last + 1)]
