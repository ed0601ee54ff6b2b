"""A disk that keeps what was synced: of what was only written, a power cut leaves what chance wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from random import Random
from typing import NamedTuple

from attrs import define, field

SECTORS = (512, 4096)
"""Bytes that a disk writes at once."""


class Cut(BaseException):
    """The power went off here. No ``Exception``: nothing in a process survives it."""


class Style(Enum):
    """What a cut leaves of unsynced changes."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    PREFIX = "a prefix, its last write torn"
    ANY = "any sectors, in any order, some of them torn"


class _Change(NamedTuple):
    """``data`` written at ``offset``, or the file cut off there."""

    number: int
    offset: int
    data: bytes | None


class _Renaming(NamedTuple):
    """What names stand for from now on; None is nothing."""

    number: int
    names: Mapping[str, File | None]


@define(eq=False)
class File:
    """An inode: it outlives its names while it is open."""

    synced: bytearray = field(factory=bytearray)
    changes: list[_Change] = field(factory=list)

    def sync(self) -> None:
        for change in self.changes:
            _apply(self.synced, change.offset, change.data, b"")
        self.changes.clear()


class Platter:
    """One folder on the disk. Its power goes off at the ``cut_at``-th operation, which is not carried out for certain;
    whatever the doomed process does afterwards reaches no disk. With ``spare_writes`` it is the first from there on
    that is no write: most are writes, and the others are what durability is made of."""

    def __init__(self, files: Mapping[str, bytes], cut_at: int, spare_writes: bool) -> None:
        self._names: dict[str, File | None] = {name: File(bytearray(content)) for name, content in files.items()}
        self._synced_names = dict(self._names)
        self._renamings: list[_Renaming] = []
        self._cut_at = cut_at
        self._spare_writes = spare_writes
        self.operations = 0
        self.cut_in: str | None = None
        """What was under way when the power went off, as ``write -wal``."""

    @property
    def is_off(self) -> bool:
        return self.cut_in is not None

    def has(self, name: str) -> bool:
        return self._names.get(name) is not None

    def file(self, name: str) -> File:
        """The file of this name, made when missing."""
        found = self._names.get(name)
        if found is None:
            found = File()
            self._name("create", name, {name: found})
        return found

    def write(self, name: str, file: File, offset: int, data: bytes) -> None:
        self._change("write", name, file, offset, data)

    def truncate(self, name: str, file: File, size: int) -> None:
        self._change("truncate", name, file, size, None)

    def sync(self, name: str, file: File) -> None:
        if self._begin("sync", name) and not self.is_off:
            file.sync()

    def remove(self, name: str) -> None:
        if self._names.get(name) is not None:
            self._name("remove", name, {name: None})

    def rename(self, name: str, to: str) -> None:
        self._name("rename", name, {to: self._names[name], name: None})

    def sync_folder(self) -> None:
        if self._begin("sync", "folder") and not self.is_off:
            self._synced_names = dict(self._names)
            self._renamings.clear()

    def _begin(self, what: str, name: str) -> bool:
        """Count an operation; whether it still reaches the disk, be it in part."""
        if self.is_off:
            return False
        self.operations += 1
        if self.operations >= self._cut_at and not (self._spare_writes and what == "write"):
            self.cut_in = f"{what} {_kind(name)}"
        return True

    def _change(self, what: str, name: str, file: File, offset: int, data: bytes | None) -> None:
        if self._begin(what, name):
            file.changes.append(_Change(self.operations, offset, data))

    def _name(self, what: str, name: str, names: Mapping[str, File | None]) -> None:
        if self._begin(what, name):
            self._renamings.append(_Renaming(self.operations, names))
            self._names.update(names)

    def survivors(self, random: Random, style: Style) -> dict[str, bytes]:
        """The files that are there when the power is back."""
        chance = _Chance(random, style, self.operations)
        names = dict(self._synced_names)
        for renaming in self._renamings:
            if chance.keeps(renaming.number):
                names.update(renaming.names)
        return {name: chance.left_of(file) for name, file in names.items() if file is not None}


class _Chance:
    def __init__(self, random: Random, style: Style, operations: int) -> None:
        self._random = random
        self._style = style
        self._last = random.randint(0, operations)
        self._share = random.choice((0.1, 0.5, 0.9))
        self._sector = random.choice(SECTORS)
        self._filler = random.choice((b"", random.randbytes(self._sector)))

    def keeps(self, number: int) -> bool:
        match self._style:
            case Style.NOTHING:
                return False
            case Style.EVERYTHING:
                return True
            case Style.PREFIX:
                return number <= self._last
            case Style.ANY:
                return self._random.random() < self._share

    def left_of(self, file: File) -> bytes:
        content = bytearray(file.synced)
        for change in file.changes:
            if change.data is None:
                if self.keeps(change.number):
                    _apply(content, change.offset, None, b"")
            else:
                for offset, data in self._pieces(change.number, change.offset, change.data):
                    _apply(content, offset, data, self._filler)
        if file.changes and self._style is Style.ANY and self._random.random() < 0.5:
            # A file's new size may be there before what it holds.
            size = max(len(content), *(c.offset + len(c.data or b"") for c in file.changes))
            _apply(content, size, b"", self._filler)
        return bytes(content)

    def _pieces(self, number: int, offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
        """What is left of one write, sector by sector: a sector is torn from one end only."""
        if self._style is not Style.ANY:
            if self.keeps(number):
                whole = self._style is Style.EVERYTHING or number < self._last
                yield offset, data if whole else data[: self._random.randint(0, len(data))]
            return
        at = 0
        while at < len(data):
            end = min(len(data), at + self._sector - (offset + at) % self._sector)
            if self.keeps(number):
                torn = self._random.random() < 0.05
                yield offset + at, data[at : self._random.randint(at, end) if torn else end]
            at = end


def _apply(content: bytearray, offset: int, data: bytes | None, filler: bytes) -> None:
    if data is None:
        del content[offset:]
        return
    if offset > len(content):
        missing = offset - len(content)
        content += (filler * (missing // len(filler) + 1))[:missing] if filler else bytes(missing)
    content[offset : offset + len(data)] = data


def _kind(name: str) -> str:
    """Which of the journal's files a name is: ``copies.db.new-wal`` is ``.new-wal``."""
    return name.removeprefix("copies.db") or "journal"
