"""Where the keys of a TOML text stand: ``tomllib`` reads values without their lines."""

from __future__ import annotations

import re
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_MULTI = {'"""': re.compile(r'(?:\\.|[^\\])*?"{3,5}', re.S), "'''": re.compile(r".*?'{3,5}", re.S)}
_SINGLE = {'"': re.compile(r'((?:\\.|[^"\\])*)"'), "'": re.compile(r"([^']*)'")}


def lines_of(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every key, table and item in a text that ``tomllib`` can read."""
    return _Scan(text).run()


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.items: dict[Path, int] = {}
        """How many tables an array of tables has so far."""

    def run(self) -> dict[Path, int]:
        here: Path = ()
        while self._skip():
            if self.text.startswith("[", self.at):
                here = self._header()
            else:
                self._pair(here)
        return self.found

    def _skip(self) -> bool:
        """Pass over space, comments and ends of lines; whether anything is left."""
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.at < len(self.text)

    def _note(self, path: Path) -> None:
        self.found.setdefault(path, self.text.count("\n", 0, self.at) + 1)

    def _header(self) -> Path:
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        line = self.at
        keys = self._key()
        path: Path = ()
        for number, key in enumerate(keys):
            path = (*path, key)
            last = number == len(keys) - 1
            if last and double:
                self.items[path] = self.items.get(path, 0) + 1
                self.found.setdefault(path, self.text.count("\n", 0, line) + 1)
            if path in self.items:
                path = (*path, self.items[path] - 1)
        self.found.setdefault(path, self.text.count("\n", 0, line) + 1)
        self.at = self.text.index("]", self.at) + (2 if double else 1)
        return path

    def _key(self) -> list[str]:
        keys = []
        while True:
            self._skip()
            quote = self.text[self.at]
            match = _SINGLE[quote].match(self.text, self.at + 1) if quote in _SINGLE else _BARE.match(self.text, self.at)
            assert match is not None
            keys.append(match[1] if quote in _SINGLE else match[0])
            self.at = match.end()
            self._skip()
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _pair(self, here: Path) -> None:
        self._skip()
        start = self.at
        keys = self._key()
        for count in range(1, len(keys) + 1):
            end, self.at = self.at, start
            self._note((*here, *keys[:count]))
            self.at = end
        self.at = self.text.index("=", self.at) + 1
        self._value((*here, *keys))

    def _value(self, path: Path) -> None:
        self._skip()
        first = self.text[self.at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline(path)
        elif first in _SINGLE:
            triple = self.text[self.at : self.at + 3]
            pattern = _MULTI.get(triple) or _SINGLE[first]
            match = pattern.match(self.text, self.at + (3 if triple in _MULTI else 1))
            assert match is not None
            self.at = match.end()
        else:
            match = _SCALAR.match(self.text, self.at)
            assert match is not None
            self.at = match.end()

    def _array(self, path: Path) -> None:
        self.at += 1
        number = 0
        while self._skip() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._note((*path, number))
            self._value((*path, number))
            number += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._skip() and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._pair(path)
        self.at += 1
