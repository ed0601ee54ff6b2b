"""The page on alerts names every code that the library raises, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dhan_copy
from dhan_copy.core.facts import Refusal

SOURCE = Path(dhan_copy.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "alerts.rst"
COMPOSED = {
    *(f"BLOCKED_{refusal.value}" for refusal in (Refusal.AUTHENTICATION, Refusal.IP)),
    *(
        f"{read}_FAILED"
        for read in ("LOOKUP", "READ_ORDERS", "READ_POSITIONS", "READ_FUNDS", "READ_MARGIN", "READ_KILL_SWITCH", "READ_QUOTES")
    ),
}
"""Codes that are put together from what was refused or read."""


def raised() -> Iterator[str]:
    """Codes written out in ``AlertRaised(code=...)``, in the planner's ``alert(...)``, or beside them in a table."""
    for file in SOURCE.rglob("*.py"):
        if "testing" in file.relative_to(SOURCE).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            told = [word.value for word in node.keywords if word.arg == "code"] if name == "AlertRaised" else []
            told += node.args[:1] if name == "alert" else []
            for value in [value for value in told if not isinstance(value, ast.JoinedStr)]:
                for part in ast.walk(value):
                    if isinstance(part, ast.Constant) and re.fullmatch("[A-Z]+(_[A-Z]+)*", str(part.value)):
                        yield str(part.value)


def test_every_code_is_on_the_page_and_no_other() -> None:
    page = set(re.findall(r"``([A-Z]+(?:_[A-Z]+)*)``", PAGE.read_text("utf-8")))
    found = set(raised()) | COMPOSED
    assert len(found) > 30
    assert page - found - {"CHANGE_IGNORED", "LATE_EVIDENCE", "REJECTED"} == set(), (
        "those are assigned before the alert is made"
    )
    assert found - page == set()
