"""The table of faults names every test that is named after one, and nothing that is not there."""

from __future__ import annotations

from pathlib import Path

from dhan_copy.testing.simulation.faults import NAMED
from tests.docs.faults import FAULTS, functions, shown_by, text

PAGE = Path(__file__).parent.parent.parent / "docs" / "faults.csv"
LATER = {"F18", "F19", "F48", "F50"}
"""Of journals in PostgreSQL, which are not built yet."""


def test_the_documentation_has_them_all() -> None:
    """``python -m tests.docs.faults > docs/faults.csv`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == text()


def test_no_class_of_faults_is_left_out() -> None:
    assert FAULTS.keys() | LATER == {f"F{number:02d}" for number in range(1, 54)}
    assert NAMED.keys() <= FAULTS.keys()


def test_every_fault_is_shown_by_a_test_that_exists() -> None:
    known = functions()
    for fault in FAULTS:
        named = list(shown_by(fault))
        assert named, f"{fault} is shown by nothing but the simulated days"
        assert [name for name in named if name not in known] == [], fault
