"""Functions written as Python source and compiled once.

Recovery reads some 80,000 rows in under a second, which leaves no time to look at type hints row by row: the functions
that turn a class into JSON and back are written from its hints instead, as attrs itself does for constructors.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from threading import RLock
from typing import NoReturn

TAG = "$"
"""The key under which an object that stands in a union names its class."""


class UnknownHere(Exception):
    """A name that this release does not know, but a later one may."""


class Malformed(Exception):
    """A value of the wrong shape."""


class Source:
    """Compiles functions into one namespace, so that they can call each other by name. For any thread."""

    def __init__(self, **names: object) -> None:
        self.names: dict[str, object] = {"wrong": wrong, "naive": naive, **names}
        self._made: dict[tuple[str, object], str] = {}
        self._numbers = count()
        self._writing = RLock()

    def constant(self, value: object) -> str:
        """How the source refers to ``value``."""
        if value is None or value is True or value is False:
            return repr(value)
        name = f"c{next(self._numbers)}"
        self.names[name] = value
        return name

    def function(self, what: str, key: object, argument: str, write: Callable[[], list[str]]) -> str:
        """The name of the function for ``what`` and ``key``, written and compiled when it is new."""
        with self._writing:
            name = self._made.get((what, key))
            if name is None:
                name = f"f{next(self._numbers)}"
                source = "\n".join([f"def {name}({argument}):", *indented(write())])
                exec(compile(source, f"<journal: {what}>", "exec"), self.names)
                # Only now: a function that was not finished (Ctrl-C, no memory) must not pass for one that is there.
                self._made[what, key] = name
            return name


def indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def wrong(where: str, value: object) -> NoReturn:
    raise Malformed(f"{where} cannot be {type(value).__name__}")


def naive(where: str, value: object) -> NoReturn:
    raise Malformed(f"{where} must be an aware datetime, not {value!r}")
