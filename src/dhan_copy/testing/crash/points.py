"""Lines of library code: which were executed, and a trap that ends the process, or interrupts it, at one of them."""

from __future__ import annotations

import itertools
import linecache
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeAlias

from attrs import define, frozen

import dhan_copy

ROOT = str(Path(dhan_copy.__file__).parent)
_NOT_WATCHED = str(Path(ROOT, "testing"))

_Tracer: TypeAlias = Callable[[FrameType, str, Any], Any]


@frozen(order=True)
class Point:
    """A line of the library; ``file`` is relative to the package, such as ``runtime/kernel.py``."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@frozen
class Trap:
    """The ``count``-th time (from 1) that any thread comes to ``point``."""

    point: Point
    count: int = 1

    def __str__(self) -> str:
        return f"{self.point}:{self.count}"

    @classmethod
    def parse(cls, text: str) -> Trap:
        """``runtime/kernel.py:158:1``. Raises ValueError."""
        file, line, count = text.rsplit(":", 2)
        return cls(Point(file, int(line)), int(count))


@define
class Passes:
    """How often a line was executed, and how often of that by the main thread where Ctrl-C can end it."""

    times: int = 0
    in_main: int = 0


class Recorder:
    """Counts the executions of every line of library code, in every thread."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], Passes] = {}
        self._lock = threading.Lock()
        self._leaving = Leaving()

    def start(self) -> None:
        threading.settrace(self._called)
        sys.settrace(self._called)

    def stop(self) -> dict[Point, Passes]:
        """What was executed until now, by the threads that run on too."""
        sys.settrace(None)
        threading.settrace(None)
        with self._lock:
            return {Point(relative(file), line): passes for (file, line), passes in self._lines.items()}

    def _called(self, frame: FrameType, event: str, argument: object) -> _Tracer | None:
        return self._line if is_watched(frame.f_code.co_filename) else None

    def _line(self, frame: FrameType, event: str, argument: object) -> _Tracer:
        if event == "line":
            with self._lock:
                passes = self._lines.setdefault((frame.f_code.co_filename, frame.f_lineno), Passes())
                passes.times += 1
                passes.in_main += threading.current_thread() is threading.main_thread() and not self._leaving(frame)
        return self._line


class Leaving:
    """Tells whether a line's event is that of a ``with`` which is being left.

    A trace function can raise there, before ``__exit__`` is called, and a lock would be kept for ever. Ctrl-C cannot:
    CPython looks for signals after calls, at the starts of functions and at jumps back, of which there is none on the
    way to ``__exit__``.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[CodeType, int], bool] = {}

    def __call__(self, frame: FrameType) -> bool:
        at = frame.f_code, frame.f_lasti
        leaves = self._known.get(at)
        if leaves is None:
            leaves = self._known[at] = self._look(*at)
        return leaves

    @staticmethod
    def _look(code: CodeType, offset: int) -> bool:
        """What calls ``__exit__`` has the place of the whole statement; what calls ``__enter__``, that of a part."""
        line, _, column, _ = next(itertools.islice(code.co_positions(), offset // 2, None))
        if line is None or column is None:
            return False
        return linecache.getline(code.co_filename, line).encode()[column:].startswith((b"with ", b"with("))


class Snare:
    """Calls ``spring`` when a trap is reached: in any thread, or in the main one alone, where Ctrl-C can be."""

    def __init__(self, trap: Trap, spring: Callable[[], None]) -> None:
        self._path = str(Path(ROOT, trap.point.file))
        self._line = trap.point.line
        self._count = trap.count
        self._spring = spring
        self._passes = itertools.count(1)
        self._codes: dict[CodeType, bool] = {}
        self._leaving = Leaving()
        self._main_alone = False
        self.sprung = False

    def start(self, *, main_alone: bool) -> None:
        self._main_alone = main_alone
        if not main_alone:
            threading.settrace(self._called)
        sys.settrace(self._called)

    def _called(self, frame: FrameType, event: str, argument: object) -> _Tracer | None:
        code = frame.f_code
        if code.co_filename != self._path:
            return None
        has_line = self._codes.get(code)
        if has_line is None:
            has_line = self._codes[code] = any(line == self._line for _, _, line in code.co_lines())
        return self._stepped if has_line else None

    def _stepped(self, frame: FrameType, event: str, argument: object) -> _Tracer:
        if event == "line" and frame.f_lineno == self._line and not (self._main_alone and self._leaving(frame)):
            if next(self._passes) == self._count:
                self.sprung = True
                self._spring()
        return self._stepped


def is_watched(filename: str) -> bool:
    """Whether a file is of the library, and not of its testing kit."""
    return filename.startswith(ROOT) and not filename.startswith(_NOT_WATCHED)


def relative(filename: str) -> str:
    return Path(filename).relative_to(ROOT).as_posix()
