"""A sizer of the user's own decides entries, and what it said stays with the order."""

from __future__ import annotations

from pathlib import Path

from tests.examples.runs import finished


def test_it_shows_both_sizes_and_the_refusals(tmp_path: Path) -> None:
    status, said, errors = finished(tmp_path, "custom_sizer.py")
    assert (status, errors) == (0, "")
    decisions, orders, story = said.split("\n\n")
    answers = [line for line in decisions.splitlines() if "CAREFUL" in line]
    assert ["SIZER_FAILED" in line for line in answers] == [False, False, True, True]
    assert "options are not sold short here" in answers[2]
    assert "no value to compare" in answers[3]
    careful = [line.split() for line in orders.splitlines() if "CAREFUL" in line and "SIZER_FAILED" not in line]
    ordered = [line[line.index("CAREFUL") + 4] for line in careful]
    assert ordered == ["150", "225", "150"], "in full, half of six lots, and all of it out again"
    assert "a total of 225" in story
