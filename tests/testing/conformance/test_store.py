"""The suite for stores finds the faults that a store can have; the stores that pass are in tests/stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timezone

import attrs
import pytest

from dhan_copy.core.facts import Entry
from dhan_copy.protocols import Lease, Store
from dhan_copy.stores.memory import MemoryStore
from dhan_copy.testing.conformance import StoreConformance


class Forgetful(MemoryStore):
    """Keeps only what came first."""

    def append(self, entries: Sequence[Entry]) -> int:
        return super().append(entries) if not list(self.read()) else entries[-1].position


class Lenient(MemoryStore):
    """Takes any position."""

    def append(self, entries: Sequence[Entry]) -> int:
        first = len(list(self.read())) + 1
        return super().append([attrs.evolve(entry, position=first + n) for n, entry in enumerate(entries)])


class Partial(MemoryStore):
    """Keeps the first half of a batch that fails."""

    def append(self, entries: Sequence[Entry]) -> int:
        last = super().append([])
        for entry in entries:
            last = super().append([entry])
        return last


class Backwards(MemoryStore):
    def read(self, after: int = 0) -> Iterator[Entry]:
        return iter(list(super().read(after))[::-1])


class Deaf(MemoryStore):
    """Ignores where to start."""

    def read(self, after: int = 0) -> Iterator[Entry]:
        return super().read(0)


class OldestFirst(MemoryStore):
    def checkpoints(self) -> Iterator[Entry]:
        return iter(list(super().checkpoints())[::-1])


class Naive(MemoryStore):
    def read(self, after: int = 0) -> Iterator[Entry]:
        for entry in super().read(after):
            yield attrs.evolve(entry, at=entry.at.astimezone(timezone.utc).replace(tzinfo=None))


class Open(MemoryStore):
    """Anybody may write, as often as they like."""

    def acquire(self, owner: str) -> Lease:
        self.close()
        return super().acquire(owner)


class Timeless(MemoryStore):
    """Every owner has the same epoch."""

    def acquire(self, owner: str) -> Lease:
        return attrs.evolve(super().acquire(owner), epoch=1)


class Greedy(MemoryStore):
    """Never gives the lease back."""

    def close(self) -> None:
        pass


class Once(MemoryStore):
    """Cannot be closed twice."""

    def close(self) -> None:
        if self._lease is None:
            raise RuntimeError("already closed")
        super().close()


class Unguarded(MemoryStore):
    """Writes without a lease."""

    def append(self, entries: Sequence[Entry]) -> int:
        if self._lease is None:
            super().acquire("nobody")
        return super().append(entries)


def failures(kind: type[MemoryStore]) -> set[str]:
    """The names of the checks that such a store does not pass."""

    class Suite(StoreConformance):
        def setup_method(self) -> None:
            super().setup_method()
            self.store = kind()

        def make_store(self) -> Store:
            return self.store

    failed = set()
    for name in dir(Suite):
        if name.startswith("test_"):
            suite = Suite()
            suite.setup_method()
            try:
                getattr(suite, name)()
            except Exception:
                failed.add(name)
            suite._opened.clear()
            suite.teardown_method()
    return failed


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Forgetful, "test_what_is_appended_is_read_in_order"),
        (Lenient, "test_a_gap_is_refused_and_nothing_is_kept"),
        (Partial, "test_all_entries_of_a_batch_are_kept_or_none"),
        (Backwards, "test_what_is_appended_is_read_in_order"),
        (OldestFirst, "test_checkpoints_are_found_the_newest_first"),
        (Deaf, "test_reading_after_a_position_leaves_out_what_came_before"),
        (Naive, "test_times_come_back_aware_and_to_the_microsecond"),
        (Open, "test_only_one_owner_at_a_time"),
        (Timeless, "test_epochs_count_the_owners_from_one"),
        (Greedy, "test_closing_gives_the_lease_back"),
        (Once, "test_closing_twice_is_harmless"),
        (Unguarded, "test_without_the_lease_nothing_is_written"),
    ],
)
def test_a_faulty_store_is_found(kind: type[MemoryStore], check: str) -> None:
    assert check in failures(kind)


def test_a_sound_store_passes() -> None:
    assert failures(MemoryStore) == set()


def test_the_suite_asks_how_a_store_is_made() -> None:
    with pytest.raises(NotImplementedError):
        StoreConformance().make_store()
