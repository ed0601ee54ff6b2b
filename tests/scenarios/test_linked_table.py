"""Every cell of the documentation's truth table of linked orders, over the real client and the local server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.docs.linked import CELLS, POLICY, Cell, book, outcome, written
from tests.scenarios.kit import Wire


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: ": ".join(cell.key))
def test_a_cell_over_the_wire(wires: Callable[..., Wire], cell: Cell) -> None:
    wire = wires(policy=POLICY)
    tree = cell.prepared(wire)
    before = book(tree)
    changed = cell.happen(wire, tree)
    wire.until(lambda: outcome(cell, changed, before) == written()[cell.key])
    wire.settle()
    assert outcome(cell, changed, before) == written()[cell.key], "and it stays so"
