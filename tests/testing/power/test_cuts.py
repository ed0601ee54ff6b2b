"""Power cuts under the journal lose nothing that was promised; and bugs planted into it are found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("apsw", reason="power cuts need apsw")

from dhan_copy.stores import sqlite
from dhan_copy.stores.schema import Connection, Cursor
from dhan_copy.testing.power.cuts import COPYING_IN, cut_power
from dhan_copy.testing.power.disk import PowerDisk
from dhan_copy.testing.power.lives import Appending
from dhan_copy.testing.power.platter import Cut, Style
from dhan_copy.testing.power.promises import Promises, WitnessedStore


def test_f05_power_cuts_lose_nothing_that_was_promised() -> None:
    """The short profile."""
    summary = cut_power(50, 50)
    assert summary.violations == []
    assert summary.cuts >= 50
    assert summary.entries > 1_000 and summary.requests > 0
    assert summary.under_way["kept"] and summary.under_way["lost"], "a commit without an answer may have landed or not"
    kinds = Counter(what.split()[0] for what in summary.at.elements())
    assert {"write", "sync"} <= set(kinds)


def test_the_same_seed_cuts_at_the_same_places() -> None:
    first, second = cut_power(7, 4), cut_power(7, 4)
    assert (first.at, first.entries) == (second.at, second.entries)


class _Changed:
    """A connection whose statements are changed on their way."""

    def __init__(self, inner: Connection, change: Callable[[str], str]) -> None:
        self._inner = inner
        self._change = change
        self.executemany, self.executescript, self.close = inner.executemany, inner.executescript, inner.close

    @property
    def in_transaction(self) -> bool:
        return self._inner.in_transaction

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Cursor:
        return self._inner.execute(self._change(statement), values)


def with_synchronous(level: str) -> type[PowerDisk]:
    class Careless(PowerDisk):
        def open(self, uri: str, busy_timeout_seconds: float) -> Connection:
            inner = super().open(uri, busy_timeout_seconds)
            return _Changed(inner, lambda text: text.replace("synchronous = FULL", f"synchronous = {level}"))

    return Careless


class ForgetfulFolder(PowerDisk):
    """A journal that is renamed into its place and left at that."""

    def sync_folder(self, folder: Path) -> None:
        pass


def violations(disks: type[PowerDisk], seeds: Iterable[int]) -> Iterator[list[str]]:
    """Of each case."""
    for seed in seeds:
        yield [what for _, what in cut_power(seed, 1, disks=disks).violations]


APPENDING = [seed for seed in range(30) if seed % COPYING_IN]
COPYING = [seed for seed in range(100) if not seed % COPYING_IN]


def test_f05_with_synchronous_normal_acknowledged_commits_are_lost() -> None:
    """What the journal's FULL is for, and that the kit sees the difference: it is 70 % of the cases."""
    found = list(violations(with_synchronous("NORMAL"), APPENDING))
    assert sum(any("were acknowledged" in what for what in case) for case in found) > len(found) // 3


def test_f05_with_synchronous_normal_brokers_have_what_the_journal_does_not_know() -> None:
    found = violations(with_synchronous("NORMAL"), COPYING)
    assert any("a broker got a request" in what for case in found for what in case)


class _Late:
    """Commits when the next transaction begins."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        pass


class _None(_Late):
    """Every statement is a commit of its own."""

    def __enter__(self) -> None:
        pass


@pytest.mark.parametrize("planted", [_Late, _None])
def test_planted_transactions_are_caught(monkeypatch: pytest.MonkeyPatch, planted: type[_Late]) -> None:
    monkeypatch.setattr(sqlite, "_Transaction", planted)
    assert any(violations(PowerDisk, APPENDING))


def first_operations(folder: Path, disks: type[PowerDisk]) -> Iterator[list[str]]:
    """What is broken after a cut in each operation from the making of a journal to its first commits."""
    for style, cut_at in product(Style, range(1, 51)):
        life, left, promises = folder / f"{style.name}{cut_at}", folder / f"{style.name}{cut_at}-left", Promises()
        life.mkdir()
        left.mkdir()
        disk = disks(life, {}, cut_at)
        with pytest.raises(Cut):
            Appending(Random(cut_at), promises).live(lambda: WitnessedStore(life / "copies.db", disk, promises))
        disk.close()
        for name, content in disk.platter.survivors(Random(cut_at), style).items():
            (left / name).write_bytes(content)
        promises.judge(left / "copies.db")
        yield promises.broken


def test_f05_every_operation_of_making_a_journal(tmp_path: Path) -> None:
    assert [broken for broken in first_operations(tmp_path, PowerDisk) if broken] == []


def test_a_journal_that_can_vanish_is_caught(tmp_path: Path) -> None:
    assert ["the journal has vanished"] in first_operations(tmp_path, ForgetfulFolder)
