"""The Python in the documentation that needs no account runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", re.M)
RUNNABLE = [
    "notebook", "preflight", "executions", "sizing", "filters", "settings", "instruments", "calendar", "stopping", "plugs",
    "testing",
]  # fmt: skip


@pytest.mark.parametrize("page", RUNNABLE)
def test_the_code_on_the_page_runs(page: str) -> None:
    blocks = BLOCK.findall((DOCS / f"{page}.rst").read_text(encoding="utf-8"))
    assert blocks
    code = "\n".join(dedent(block) for block in blocks)
    exec(compile(code, f"{page}.rst", "exec"), {"__name__": "documentation"})


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (DOCS / "index.rst").read_text(encoding="utf-8").split()
    assert [page.stem for page in sorted(DOCS.glob("*.rst")) if page.stem != "index" and page.stem not in index] == []
