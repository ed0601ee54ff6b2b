"""Where a line of the library is."""

from __future__ import annotations

from pathlib import Path

from dhan_copy.testing.crash.points import ROOT, Point


def line(file: str, text: str) -> Point:
    """The only line of ``file`` that begins with ``text``."""
    lines = Path(ROOT, file).read_text("utf-8").splitlines()
    (number,) = (number for number, found in enumerate(lines, 1) if found.strip().startswith(text))
    return Point(file, number)


BEFORE_IT_LEAVES = line("runtime/desk.py", "broker_order_id = _submitted(broker, request)")
BEFORE_ITS_ANSWER_IS_KNOWN = line("runtime/desk.py", "answer((fact,))")
