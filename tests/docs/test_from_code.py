"""What the documentation draws from the code says what the code says."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from dhan_copy.core.lifecycle import TRANSITIONS, OrderState
from dhan_copy.dhan.outcome_table import TABLE
from dhan_copy.model.finding import Check
from dhan_copy.model.reason import INPUTS, ReasonCode

pytest.importorskip("sphinx")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def from_code(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent.parent / "docs" / "_ext"))
    monkeypatch.delitem(sys.modules, "from_code", raising=False)
    import from_code  # type: ignore[import-not-found]

    return from_code  # type: ignore[no-any-return]


def test_the_diagram_has_every_state_and_an_edge_for_every_change(from_code: ModuleType) -> None:
    drawing = ElementTree.fromstring(from_code.diagram())
    names = [text.text for text in drawing.iter(f"{SVG}text")]
    assert sorted(names) == sorted(state.name for state in OrderState)
    edges = {(path.findtext(f"{SVG}title") or "").split(":")[0] for path in drawing.iter(f"{SVG}path")} - {""}
    changes = {(state, to) for state, moves in TRANSITIONS.items() for to in moves.values() if to is not state}
    assert edges == {f"{state.name} to {to.name}" for state, to in changes}


def test_late_evidence_is_dashed(from_code: ModuleType) -> None:
    drawing = ElementTree.fromstring(from_code.diagram())
    for path in drawing.iter(f"{SVG}path"):
        title = path.findtext(f"{SVG}title")
        if title:
            assert ("stroke-dasharray" in path.attrib) is OrderState[title.split(" ")[0]].is_over


def test_the_tables_have_every_row(from_code: ModuleType) -> None:
    assert [row[0] for row in from_code.outcome_rows()] == [rule.name for rule in TABLE]
    assert [row[0] for row in from_code.reason_rows()] == [f"``{reason.name}``" for reason in ReasonCode]
    assert [row[0] for row in from_code.check_rows()] == [f"``{check.name}``" for check in Check]
    assert len(list(from_code.lifecycle_rows())) == sum(
        to is not state for state, moves in TRANSITIONS.items() for to in moves.values()
    )


def test_every_reason_says_what_it_is_told_with() -> None:
    assert INPUTS.keys() == set(ReasonCode)


def test_the_error_table_has_the_whole_tree(from_code: ModuleType) -> None:
    from dhan_copy import errors

    declared = {name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)}
    assert {row[0].split("``")[1] for row in from_code.error_rows()} == declared


def test_the_picture_of_the_family_is_drawn_to_fit_its_page(from_code: ModuleType) -> None:
    drawing = ElementTree.fromstring(from_code.family_picture())
    assert {"width", "height"}.isdisjoint(drawing.attrib) and "viewBox" in drawing.attrib
    assert sum(group.get("id", "").startswith("order:") for group in drawing.iter(f"{SVG}g")) == 12


def test_text_from_the_code_is_not_markup(from_code: ModuleType) -> None:
    assert from_code.plain("a *b* `c` d_") == r"a \*b\* \`c\` d\_"
