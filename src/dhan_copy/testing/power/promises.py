"""What a journal has promised, and whether what a power cut left of it keeps that."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field

from dhan_copy.core.facts import Entry, LeaderReported, OrderReported, ReportUnreadable, RequestIssued
from dhan_copy.core.requests import Request
from dhan_copy.errors import StoreError
from dhan_copy.protocols import Lease
from dhan_copy.stores.schema import Disk
from dhan_copy.stores.sqlite import SqliteStore


@define
class Promises:
    """What the callers of a journal were told, over all its lives: by the callers, not by the journal."""

    entries: list[Entry] = field(factory=list)
    """What was given to ``append``, whether it returned or not."""
    acknowledged: int = 0
    """How many of them are in commits that returned."""
    made: bool = False
    """The journal's constructor has returned once."""
    epoch: int = 0
    handed_over: list[Request] = field(factory=list)
    """Requests that the brokers got."""
    parked: int = 0
    """Followers' accounts that fell short in the end, with an alarm: a request that was journaled and never left."""
    broken: list[str] = field(factory=list)

    @property
    def under_way(self) -> int:
        """How many entries the last ``append`` was given that did not return."""
        return len(self.entries) - self.acknowledged

    def judge(self, path: Path) -> int:
        """Open what was left as a restarted process does, and hold it against the promises. Returns how many entries
        are there; what was under way and is not there is forgotten."""
        if not path.exists():
            if self.made:
                self.broken.append("the journal has vanished")
            return 0
        try:
            store = SqliteStore(path)
        except StoreError as refused:
            self.broken.append(f"the journal is refused: {refused}")
            return 0
        try:
            found = list(store.read())
        except StoreError as damaged:
            self.broken.append(f"the journal cannot be read: {damaged}")
            return 0
        finally:
            store.close()
        self._compare(found)
        self._check_requests(found)
        self._check_file(path, found)
        del self.entries[len(found) :]
        self.acknowledged = len(self.entries)
        return len(found)

    def _compare(self, found: Sequence[Entry]) -> None:
        if len(found) < self.acknowledged:
            self.broken.append(f"{self.acknowledged} entries were acknowledged, {len(found)} are there")
        elif len(found) not in (self.acknowledged, len(self.entries)):
            self.broken.append(
                f"{len(found)} entries are there: {self.acknowledged} and a part of the {self.under_way} under way"
            )
        for entry, given in zip(found, self.entries):
            if entry != given:
                self.broken.append(f"entry {given.position} is not what was appended: {entry}")
                return

    def _check_requests(self, found: Sequence[Entry]) -> None:
        issued = {_name(entry.fact.request) for entry in found if isinstance(entry.fact, RequestIssued)}
        for request in self.handed_over:
            if _name(request) not in issued:
                self.broken.append(f"a broker got a request that the journal does not know: {_name(request)}")

    def _check_file(self, path: Path, found: Sequence[Entry]) -> None:
        """Without the library: SQLite's own opinion, how rows are numbered, and what came over the wire."""
        connection = sqlite3.connect(path)
        try:
            [(opinion,)] = connection.execute("PRAGMA integrity_check").fetchall()
            rows = connection.execute("SELECT position, raw FROM journal ORDER BY position").fetchall()
        finally:
            connection.close()
        if opinion != "ok" or [position for position, _ in rows] != list(range(1, len(found) + 1)):
            self.broken.append(f"the file is damaged: {opinion}, {len(rows)} rows for {len(found)} entries")
        for (position, raw), given in zip(rows, self.entries):
            if (raw or b"").decode() != _raw(given):
                self.broken.append(f"the raw text of entry {position} is not what was appended")


class WitnessedStore(SqliteStore):
    """The library's journal on a disk of the caller's; ``promises`` notes what its callers are told."""

    def __init__(self, path: Path, disk: Disk, promises: Promises) -> None:
        self._disk = disk
        self._promises = promises
        super().__init__(path)
        promises.made = True

    def acquire(self, owner: str) -> Lease:
        lease = super().acquire(owner)
        if lease.epoch <= self._promises.epoch:
            self._promises.broken.append(f"epoch {lease.epoch} came after {self._promises.epoch}")
        self._promises.epoch = lease.epoch
        return lease

    def append(self, entries: Sequence[Entry]) -> int:
        self._promises.entries += entries
        position = super().append(entries)
        self._promises.acknowledged = len(self._promises.entries)
        return position


def _raw(entry: Entry) -> str:
    match entry.fact:
        case ReportUnreadable() as fact:
            return fact.raw
        case LeaderReported() | OrderReported() as fact:
            return fact.report.raw
        case _:
            return ""


def _name(request: Request) -> tuple[str, str, int]:
    return type(request).__name__, request.client_order_id, request.attempt
