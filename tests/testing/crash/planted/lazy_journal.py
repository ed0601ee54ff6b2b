"""A bug to find: an intent is written together with what comes after it, when it may have left already."""

from __future__ import annotations

from collections.abc import Sequence

from dhan_copy.core.facts import Entry, RequestIssued
from dhan_copy.stores.sqlite import SqliteStore

append = SqliteStore.append
held: list[Entry] = []


def late(self: SqliteStore, entries: Sequence[Entry]) -> int:
    held.extend(entries)
    if any(isinstance(entry.fact, RequestIssued) for entry in entries):
        return entries[-1].position
    written = append(self, held)
    held.clear()
    return written


SqliteStore.append = late  # type: ignore[method-assign]
