"""A journal in memory: it keeps every rule of the one on disk, and ends with its process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import RLock
from typing import ClassVar

from dhan_copy.core.facts import Entry
from dhan_copy.errors import StoreError, StoreLocked
from dhan_copy.protocols import Lease
from dhan_copy.stores.rows import CHECKPOINT, GENESIS, Row, to_entry, to_row


class MemoryStore:
    """A :class:`~dhan_copy.protocols.Store` whose rows are a list: entries are encoded and decoded as they are on disk.

    Closing gives the lease back and keeps the rows, so that an engine can be restarted on the same object.
    """

    durable: ClassVar[bool] = False
    """What is here is gone with the process: live followers need more."""

    def __init__(self) -> None:
        self._rows: list[tuple[Row, bytes | None]] = []
        self._busy = RLock()
        self._lease: Lease | None = None
        self._epoch = 0

    def acquire(self, owner: str) -> Lease:
        with self._busy:
            if self._lease is not None:
                raise StoreLocked(f"this journal is in use by {self._lease.owner}")
            self._epoch += 1
            self._lease = Lease(owner, self._epoch)
            return self._lease

    def append(self, entries: Sequence[Entry]) -> int:
        with self._busy:
            if self._lease is None:
                raise StoreError("this journal is not ours to write", advice="Acquire the lease first.")
            rows: list[tuple[Row, bytes | None]] = []
            position, previous = self._last()
            for entry in entries:
                if entry.position != position + 1:
                    raise StoreError(
                        f"entry {entry.position} cannot follow entry {position}",
                        advice="Read the journal again and go on from its last position.",
                    )
                row, raw = to_row(entry, self._epoch, previous)
                rows.append((row, raw))
                position, previous = row.position, row.hash
            self._rows += rows
            return position

    def read(self, after: int = 0) -> Iterator[Entry]:
        """The entries above ``after`` that were there when reading began, in order, their raw text left empty."""
        end = len(self._rows)
        for index in range(max(after, 0), end):
            yield to_entry(self._rows[index][0])

    def checkpoints(self) -> Iterator[Entry]:
        """The checkpoints, the newest first."""
        for row, _ in reversed(self._rows):
            if row.type == CHECKPOINT:
                yield to_entry(row)

    def close(self) -> None:
        with self._busy:
            self._lease = None

    def raw_of(self, position: int) -> str:
        """What came over the wire for the report at ``position``; empty for other entries.

        Raises :class:`~dhan_copy.errors.StoreError` where there is no such entry.
        """
        if not 1 <= position <= len(self._rows):
            raise StoreError("the journal has no such entry", position=str(position), advice="Name another position.")
        raw = self._rows[position - 1][1]
        return "" if raw is None else raw.decode("utf-8", "surrogatepass")

    def _last(self) -> tuple[int, bytes]:
        if not self._rows:
            return 0, GENESIS
        last = self._rows[-1][0]
        return last.position, last.hash
