"""Directives that draw tables, and the diagram of an order's life, from the code's own data.

``lifecycle-diagram``, ``lifecycle-table``, ``outcome-table``, ``refusal-table``, ``reconciliation-table``, ``reason-table``,
``check-table``, ``error-table``, ``control-help``, ``family-picture``.
"""

from __future__ import annotations

import inspect
import io
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from html import escape
from importlib import import_module
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from dhan_copy import errors
from dhan_copy.core.lifecycle import TRANSITIONS, OrderState
from dhan_copy.dhan.outcome_table import TABLE, WORDS, Asked, Rule, Verdict
from dhan_copy.model.finding import Check
from dhan_copy.model.reason import INPUTS, ReasonCode
from dhan_copy.testing.reconciliation import reconciliation_table
from dhan_copy.testing.server.control import control_help

Row = tuple[str, ...]


def literal(text: str) -> str:
    return f"``{text}``" if text else ""


def plain(text: str) -> str:
    """Text from the code in which nothing is markup."""
    return "".join(f"\\{character}" if character in "\\*`|_" else character for character in text)


def lifecycle_rows() -> Iterator[Row]:
    """Every state and event that leads to another state."""
    for state, moves in TRANSITIONS.items():
        for event, following in moves.items():
            if following is not state:
                yield literal(state.name), plain(event.value), literal(following.name)


def http(rule: Rule) -> str:
    if not rule.http:
        return "no answer"
    parts = (f"{codes.start}" if len(codes) == 1 else f"{codes.start} to {codes.stop - 1}" for codes in rule.http)
    return ", ".join(parts)


def outcome_rows() -> Iterator[Row]:
    for rule in TABLE:
        asked = "any" if rule.asked == frozenset(Asked) else ", ".join(a.value for a in Asked if a in rule.asked)
        says = [literal(rule.codes), literal(rule.words), *(plain(body.value) for body in rule.bodies)]
        verdict = rule.verdict.value
        if rule.verdict is Verdict.REJECTED:
            verdict += ", final" if rule.final else ", not final"
        error = literal(rule.error.__name__) if rule.error else ""
        yield plain(rule.name), asked, http(rule), "; ".join(filter(None, says)), verdict, error, plain(rule.source)


def refusal_rows() -> Iterator[Row]:
    for pattern, error, asked in WORDS:
        yield literal(pattern), literal(error.__name__), ", ".join(a.value for a in Asked if a in asked)


def reason_rows() -> Iterator[Row]:
    for reason in ReasonCode:
        yield literal(reason.name), plain(reason.value), plain(INPUTS[reason])


def reconciliation_rows() -> Iterator[Row]:
    for cell in reconciliation_table():
        filled = f", {cell.filled} filled" if cell.filled else ""
        journaled = ", ".join(literal(fact) for fact in cell.facts)
        yield plain(cell.known), cell.shows, f"{literal(cell.state)}{filled}", journaled, ", ".join(map(literal, cell.alerts))


def check_rows() -> Iterator[Row]:
    for check in Check:
        yield literal(check.name), plain(check.value)


def error_rows() -> Iterator[Row]:
    """The tree, depth first, indented by its depth."""

    def below(kind: type[errors.DhanCopyError], depth: int) -> Iterator[Row]:
        first = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
        yield f"{'— ' * depth}{literal(kind.__name__)}", first, plain(kind.advice)
        for child in kind.__subclasses__():
            if child.__module__ == errors.__name__:
                yield from below(child, depth + 1)

    return below(errors.DhanCopyError, 0)


TABLES: dict[str, tuple[Row, Callable[[], Iterable[Row]]]] = {
    "lifecycle-table": (("State", "What happens", "Next"), lifecycle_rows),
    "outcome-table": (("Row", "Asked", "HTTP", "Says", "Verdict", "Error", "Why"), outcome_rows),
    "refusal-table": (("Dhan's words", "Error", "Asked"), refusal_rows),
    "reconciliation-table": (("Known as", "The book shows", "From then on", "Journaled", "Alerts"), reconciliation_rows),
    "reason-table": (("Code", "Meaning", "Said with it"), reason_rows),
    "check-table": (("Check", "What should be"), check_rows),
    "error-table": (("Error", "What it means", "What to do"), error_rows),
}


class FromCode(SphinxDirective):
    """A table named by the directive."""

    def run(self) -> list[nodes.Node]:
        header, rows = TABLES[self.name]
        lines = list_table([header, *rows()])
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source=self.name), self.content_offset, container)
        return list(container.children)


def list_table(rows: Sequence[Row]) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        for number, cell in enumerate(row):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}".rstrip())
    return lines


WIDTH, HEIGHT, GAP_X, GAP_Y = 130, 34, 120, 22


def columns() -> list[list[OrderState]]:
    """States from left to right: where a life begins, where it may go on, where it is over."""
    entered = {following for moves in TRANSITIONS.values() for following in moves.values()}
    return [
        [state for state in OrderState if state not in entered],
        [state for state in OrderState if state in entered and not state.is_over],
        [state for state in OrderState if state.is_over],
    ]


def diagram() -> str:
    """The life of a follower's order as SVG. Dashed: late evidence about an order that was over."""
    found = columns()
    tallest = max(map(len, found)) * (HEIGHT + GAP_Y)
    place: dict[OrderState, tuple[int, int]] = {}
    for x, states in enumerate(found):
        room = tallest / len(states)
        for y, state in enumerate(states):
            place[state] = (x * (WIDTH + GAP_X) + 10, round(room * (y + 0.5) - HEIGHT / 2))
    parts = [edge(place, state, following) for state in TRANSITIONS for following in nexts(state)]
    for state, (x, y) in place.items():
        fill = "#e8e8e8" if state.is_over else "#fff"
        parts.append(
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="#333"/>'
            f'<text x="{x + WIDTH // 2}" y="{y + 22}" text-anchor="middle" font-size="13"'
            f' font-family="sans-serif">{escape(state.name)}</text>'
        )
    width = len(found) * WIDTH + (len(found) - 1) * GAP_X + 90
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tallest}" role="img"'
        ' style="max-width:100%"><title>The life of a follower\'s order</title>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#333"/></marker></defs>' + "".join(parts) + "</svg>"
    )


def nexts(state: OrderState) -> list[OrderState]:
    return [following for following in dict.fromkeys(TRANSITIONS[state].values()) if following is not state]


def edge(place: dict[OrderState, tuple[int, int]], state: OrderState, following: OrderState) -> str:
    (x1, y1), (x2, y2) = place[state], place[following]
    y1, y2 = y1 + HEIGHT // 2, y2 + HEIGHT // 2
    if x1 < x2:
        x1 += WIDTH
        path = f"M{x1},{y1} C{x1 + GAP_X // 2},{y1} {x2 - GAP_X // 2},{y2} {x2},{y2}"
    elif x1 == x2:
        x1, x2, bend = x1 + WIDTH, x2 + WIDTH, 40 + abs(y2 - y1) // 5
        path = f"M{x1},{y1} C{x1 + bend},{y1} {x2 + bend},{y2} {x2},{y2}"
    else:
        x2 += WIDTH
        path = f"M{x1},{y1 + 6} C{x1 - GAP_X // 2},{y1 + 6} {x2 + GAP_X // 2},{y2 + 6} {x2},{y2 + 6}"
    events = "; ".join(event.value for event, to in TRANSITIONS[state].items() if to is following)
    dashes = ' stroke-dasharray="4 3"' if state.is_over else ""
    return (
        f'<path d="{path}" fill="none" stroke="#333" stroke-width="1"{dashes} marker-end="url(#tip)">'
        f"<title>{escape(f'{state.name} to {following.name}: {events}')}</title></path>"
    )


class Diagram(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", diagram(), format="html")]


class ControlHelp(SphinxDirective):
    """The help of the local server's control endpoint."""

    def run(self) -> list[nodes.Node]:
        text = control_help()
        return [nodes.literal_block(text, text, language="none")]


def family_picture() -> str:
    """What ``examples/family.py`` draws, as SVG that fits its page. Needs matplotlib."""
    root = str(Path(__file__).parent.parent.parent)
    if root not in sys.path:
        sys.path.append(root)
    family = import_module("examples.family")
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        lab = family.family(Path(folder))
        family.play(lab)
        day, path = family.day_of(lab.engine), Path(folder) / "family.svg"
        family.draw(day, family.report_of(day, lab), family.rules_of(lab.engine), path)
        lab.engine.stop()
        drawn = path.read_text(encoding="utf-8")
    return re.sub(r' (?:width|height)="[0-9.]+pt"', "", drawn[drawn.index("<svg") :], count=2)


class FamilyPicture(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", family_picture(), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("lifecycle-diagram", Diagram)
    app.add_directive("control-help", ControlHelp)
    app.add_directive("family-picture", FamilyPicture)
    for name in TABLES:
        app.add_directive(name, FromCode)
    return {"parallel_read_safe": True}
