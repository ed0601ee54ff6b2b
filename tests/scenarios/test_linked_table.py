"""Every cell of the documentation's truth table of linked orders, over the real client and the local server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dhan_copy import LinkedForm
from tests.docs.linked import CELLS, WITH_TARGET, After, Cell, book, outcome, written
from tests.docs.table import over_the_wire
from tests.scenarios.kit import F, LEADER, Wire

READ = [
    cell
    for cell in CELLS
    if cell.form in WITH_TARGET
    and cell.event.by_leader
    and cell.event.after in (After.HALF, After.ENTERED)
    and cell.follows is LinkedForm.ORDERS  # what the follower has makes no difference to how the leader is read
]


def name(cell: Cell) -> str:
    return ": ".join(cell.key)


def opened(wires: Callable[..., Wire], cell: Cell) -> Wire:
    return wires(policy=over_the_wire(cell.policy, written()[cell.key]))


def shown(wire: Wire, cell: Cell) -> None:
    """What the table says of a cell comes to be so, and stays so."""
    tree = cell.prepared(wire)
    before = book(tree)
    changed = cell.happen(wire, tree)
    wire.until(lambda: outcome(cell, changed, before) == written()[cell.key])
    wire.read_anew(LEADER, F)  # what stands in the place of a leg may have to go again
    wire.until(lambda: outcome(cell, changed, before) == written()[cell.key])
    wire.settle()
    assert outcome(cell, changed, before) == written()[cell.key]


@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_a_cell_over_the_wire(wires: Callable[..., Wire], cell: Cell) -> None:
    shown(opened(wires, cell), cell)


@pytest.mark.parametrize("cell", READ, ids=name)
def test_a_cell_over_the_wire_read_from_the_leaders_books_alone(wires: Callable[..., Wire], cell: Cell) -> None:
    """His socket is there and says nothing: all is learnt from his order book and his list of super orders."""
    wire = opened(wires, cell)
    wire.withhold_news(LEADER)
    shown(wire, cell)
