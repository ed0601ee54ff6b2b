"""Every cell of the documentation's truth table of Forever orders, over the real client and the local server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dhan_copy import CopyMode
from tests.docs.linked import POLICY
from tests.docs.table import over_the_wire
from tests.docs.waiting import CELLS, WAITING, Cell, book, outcome, written
from tests.scenarios.kit import MARKER, F, LEADER, Wire

FIRED = [cell for cell in CELLS if cell.event.at is LEADER and cell.event not in WAITING]


def name(cell: Cell) -> str:
    return ": ".join(cell.key)


def opened(wires: Callable[..., Wire], cell: Cell) -> Wire:
    return wires(policy=over_the_wire(POLICY, written()[cell.key]), how=cell.how)


def shown(wire: Wire, cell: Cell) -> None:
    """What the table says of a cell comes to be so, and stays so."""
    forever = cell.prepared(wire)
    before = book(forever)
    changed = cell.happen(wire, forever)
    wire.until(lambda: outcome(cell, changed, before) == written()[cell.key])
    wire.read_anew(LEADER, F)
    if cell.mode is CopyMode.EXECUTION:
        marker = wire.buy(150, key=MARKER)
        wire.until(lambda: wire.row(marker)["done"] == 75)
    else:
        wire.settle()
    assert outcome(cell, changed, before) == written()[cell.key]


@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_a_cell_over_the_wire(wires: Callable[..., Wire], cell: Cell) -> None:
    shown(opened(wires, cell), cell)


@pytest.mark.parametrize("cell", FIRED, ids=name)
def test_a_cell_over_the_wire_read_from_the_leaders_books_alone(wires: Callable[..., Wire], cell: Cell) -> None:
    """His socket is there and says nothing: which Forever order placed what appeared is told by his lists."""
    wire = opened(wires, cell)
    wire.withhold_news(LEADER)
    shown(wire, cell)
