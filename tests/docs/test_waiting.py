"""The truth table of Forever orders in the documentation is what the code does."""

from __future__ import annotations

from tests.docs.waiting import CELLS, EVENTS, FILLS_ONLY, PAGE, text, written


def test_the_documentation_has_what_the_code_does() -> None:
    """``python -m tests.docs.waiting > docs/forever.csv`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == text()


def test_every_form_and_event_is_in_it_once() -> None:
    assert list(written()) == [cell.key for cell in CELLS]
    assert {cell.event for cell in CELLS} == {*EVENTS, *FILLS_ONLY}
