"""What the tables of the documentation say of a follower's orders, and how they are written and read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TypeVar

from attrs import evolve
from typing_extensions import assert_never

from dhan_copy import Policy
from dhan_copy.model.order import Limit, Market, OrderStatus, StopLimit, StopMarket, Terms
from dhan_copy.testing import SimulatedOrder
from tests.scenarios.kit import Lab, Stage

Row = tuple[str, ...]
SWEPT = timedelta(seconds=2)
SceneT = TypeVar("SceneT")
BookT = TypeVar("BookT")


class Cell(Protocol[SceneT]):
    """What happens to an order of the leader's, and what is there before."""

    def prepared(self, stage: Stage, /) -> SceneT | None: ...
    def happen(self, stage: Stage, scene: SceneT | None, /) -> SceneT: ...


def unhurried(policy: Policy) -> Policy:
    """The same, and what is read is read as often as virtual time needs it."""
    return evolve(policy, sweep_open=SWEPT, sweep_idle=SWEPT, positions_every=SWEPT)


def over_the_wire(policy: Policy, row: Row) -> Policy:
    """The same, where real time passes: soon behind where the row tells of it, and never else, however busy the machine
    is."""
    return evolve(policy, behind_after=timedelta(milliseconds=500) if "BEHIND" in row[-1] else timedelta(minutes=5))


def happened(
    cell: Cell[SceneT], lab: Lab, book: Callable[[SceneT | None], BookT], outcome: Callable[[SceneT, BookT], Row]
) -> Row:
    """The row of a cell on the simulated exchange: ``outcome`` says what has become of the ``book`` before it."""
    try:
        scene = cell.prepared(lab)
        before = book(scene)
        changed = cell.happen(lab, scene)
        lab.advance(20)
        return outcome(changed, before)
    finally:
        lab.close()


def changes(before: Mapping[str, SimulatedOrder], after: Mapping[str, SimulatedOrder], another: str) -> str:
    """What has become of some orders; ``another`` introduces one that is there beside others."""
    said = []
    for order_id, now in after.items():
        was = before.get(order_id)
        if was is None and before and now.status is OrderStatus.CANCELLED and not now.filled_quantity:
            continue  # how long it stood is a matter of who is faster
        if was is None:
            said.append(("placed: " if len(after) == 1 else another) + standing(now))
        elif was.status.is_terminal:
            continue
        elif now.status.is_terminal:
            said.append(standing(now))
        elif (was.quantity, was.terms) != (now.quantity, now.terms):
            said.append("changed: " + standing(now))
        else:
            said.append("stays: " + standing(now))
    return "; ".join(said) or "–"


def standing(order: SimulatedOrder) -> str:
    """How an order stands; one that is listed as traded without a fill is a Forever order that fired."""
    filled = order.filled_quantity
    match order.status:
        case OrderStatus.TRADED:
            return f"{filled} filled" if filled else "fired"
        case OrderStatus.CANCELLED:
            return f"cancelled, {filled} filled" if filled else "cancelled"
        case _:
            more = f", {filled} filled" if filled else ""
            return f"{order.leaves_quantity} at {_terms(order.terms)}{more}"


def text(columns: Row, rows: Iterable[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def written(page: Path) -> dict[tuple[str, str, str], Row]:
    """The rows of a table by forms and event."""
    with page.open(encoding="utf-8", newline="") as file:
        return {(row[0], row[1], row[2]): tuple(row) for row in list(csv.reader(file))[1:]}


def _terms(terms: Terms) -> str:
    match terms:
        case Limit():
            return _number(terms.price)
        case StopLimit():
            return f"{_number(terms.trigger)} (limit {_number(terms.price)})"
        case StopMarket():
            return _number(terms.trigger)
        case Market():
            return "the market"
        case _:
            assert_never(terms)


def _number(price: Decimal) -> str:
    return f"{price.normalize():f}"
