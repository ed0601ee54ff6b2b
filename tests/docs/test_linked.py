"""The truth table of linked orders in the documentation is what the code does."""

from __future__ import annotations

from dhan_copy.core.legs import LINKED
from tests.docs.linked import CELLS, EVENTS, PAGE, text, written


def test_the_documentation_has_what_the_code_does() -> None:
    """``python -m tests.docs.linked > docs/linked.csv`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == text()


def test_every_form_and_event_is_in_it_once() -> None:
    assert list(written()) == [cell.key for cell in CELLS]
    assert {cell.form for cell in CELLS} >= set(LINKED)
    assert {cell.event.said for cell in CELLS} == {event.said for event in EVENTS}
