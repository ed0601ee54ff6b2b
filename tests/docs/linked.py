"""The truth table of linked orders in the documentation: ``python -m tests.docs.linked > docs/linked.csv``.

Each row is what a follower's broker has after something happened to a leader's order, found by doing it on the
simulated exchange. ``tests/scenarios/test_linked_table.py`` does the same over the real client and the local server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve, frozen

from dhan_copy import LinkedForm, Policy
from dhan_copy.core.facts import LeaderReported
from dhan_copy.model.order import Leg, Limit, StopMarket, Variety
from dhan_copy.testing import ExchangeRefusal, SimulatedOrder
from tests.docs import table
from tests.docs.table import changes, standing
from tests.scenarios.kit import F, LEADER, Lab, Stage
from tests.scenarios.linked_kit import LEGS, Tree

PAGE = Path(__file__).parent.parent.parent / "docs" / "linked.csv"
COLUMNS = (
    "Leader's form", "Follower's form", "What happens", "Follower's entry", "Follower's target", "Follower's stop",
    "Holds", "Told",
)  # fmt: skip
NAMES = {
    Variety.REGULAR: "plain", Variety.SUPER: "super order", Variety.BRACKET: "bracket order",
    Variety.COVER: "cover order",
}  # fmt: skip
WITH_TARGET = (Variety.SUPER, Variety.BRACKET)
LINKED = (*WITH_TARGET, Variety.COVER)
EVERY = (Variety.REGULAR, *LINKED)
UNITS = 300

POLICY = Policy(
    sweep_open=timedelta(milliseconds=100), sweep_idle=timedelta(milliseconds=100),
    retry_after=timedelta(milliseconds=100), positions_every=timedelta(milliseconds=100),
    behind_after=timedelta(seconds=3),
)  # fmt: skip
"""Real time passes over the wire: what takes ten seconds or a minute elsewhere is sooner here."""

Book = dict[Leg, dict[str, SimulatedOrder]]


# What happens. The leader's order is for 300 at 90 with a target at 110 and a stop at 70, and the follower copies half.


def entry_moved(tree: Tree) -> None:
    if tree.variety is Variety.SUPER:
        exchange = tree.stage.exchange
        exchange.linked.modify(LEADER, tree.order_id, Leg.ENTRY, terms=Limit(Decimal(91)))
    else:
        tree.stage.modify(tree.order_id, terms=Limit(Decimal(91)))


def entry_cancelled(tree: Tree) -> None:
    tree.cancel(Leg.ENTRY)


def entry_grows(tree: Tree) -> None:
    if tree.variety is Variety.SUPER:
        tree.stage.exchange.linked.modify(LEADER, tree.order_id, Leg.ENTRY, quantity=2 * UNITS)
    else:
        tree.stage.modify(tree.order_id, units=2 * UNITS)


def leaders_entry_fills(tree: Tree) -> None:
    tree.fill(Leg.ENTRY)


def entry_fills_in_part(tree: Tree) -> None:
    tree.fill_copy(Leg.ENTRY, 75)


def entry_fills(tree: Tree) -> None:
    tree.fill_copy(Leg.ENTRY)


def then_fills(change: Callable[[Tree], None], price: int = 90) -> Callable[[Tree], None]:
    """The change, and the entry's fill on both sides once the follower's stands at ``price``."""

    def happen(tree: Tree) -> None:
        change(tree)
        tree.stage.until(lambda: tree.price(Leg.ENTRY) == price and legs_are_told(tree))
        tree.stage.settle()
        fill_both(tree, UNITS)

    return happen


def legs_are_told(tree: Tree) -> bool:
    """Whether the engine knows where his super order's legs stand: his list of them is read now and then."""
    bracket = tree.leaders(Leg.ENTRY).bracket
    if tree.variety is not Variety.SUPER or bracket is None:
        return True
    told = {fact.report.leg: fact.report for fact in tree.stage.facts(LeaderReported)}
    for leg, terms in (
        (Leg.TARGET, bracket.target and Limit(bracket.target)),
        (Leg.STOP, bracket.stop and StopMarket(bracket.stop)),
    ):
        if not (told[leg].status.is_terminal if terms is None else told[leg].terms == terms):
            return False
    return True


def fill_both(tree: Tree, units: int) -> None:
    """The entry fills for ``units`` of the leader's, the follower's part of it first and seen: it is never behind."""
    tree.fill_copy(Leg.ENTRY, units // 2)
    tree.stage.until(lambda: tree.stage.row(tree.order_id)["done"] == units // 2)
    tree.fill(Leg.ENTRY, units)


def target_moved(tree: Tree) -> None:
    tree.move(Leg.TARGET, Decimal(115))


def stop_moved(tree: Tree) -> None:
    tree.move(Leg.STOP, Decimal(75))


def target_taken_back(tree: Tree) -> None:
    tree.cancel(Leg.TARGET)


def stop_taken_back(tree: Tree) -> None:
    tree.cancel(Leg.STOP)


def entry_cancelled_after_it_filled(tree: Tree) -> None:
    """His broker refuses it (received from Dhan 2026-09-01): nothing has happened."""
    with pytest.raises(ExchangeRefusal):
        tree.cancel(Leg.ENTRY)


def target_fills_in_part(tree: Tree) -> None:
    tree.fill_copy(Leg.TARGET, 75)


def target_fills(tree: Tree) -> None:
    tree.fill_copy(Leg.TARGET)


def stop_fills_in_part(tree: Tree) -> None:
    tree.fill_copy(Leg.STOP, 75)


def stop_fills(tree: Tree) -> None:
    tree.fill_copy(Leg.STOP)


def leaders_target_fills(tree: Tree) -> None:
    tree.fill(Leg.TARGET)


def leaders_stop_fills(tree: Tree) -> None:
    tree.fill(Leg.STOP)


def both_legs_fill(tree: Tree) -> None:
    stage, copies = tree.stage, [tree.copy(leg) for leg in LEGS]
    stage.withhold_news(F)
    stage.exchange.linked.hold = True  # no broker can take one leg back before the other fills
    for copy in copies:
        assert copy is not None
        stage.exchange.fill(F, copy.book_id)
    stage.exchange.linked.hold = False
    stage.exchange.linked.settle()
    stage.release_news(F)


def leader_squares_off(tree: Tree) -> None:
    tree.stage.sell(UNITS)


class After(Enum):
    """How far the entry has come before it happens."""

    NOTHING = 0
    PLACED = 1
    HALF = 2
    ENTERED = 3


@frozen
class Event:
    said: str
    happen: Callable[[Tree], None] | None
    forms: tuple[Variety, ...]
    after: After = After.PLACED

    @property
    def by_leader(self) -> bool:
        """Whether it happens at the leader, so that he has to be heard or read."""
        return "follower's" not in self.said.split(",")[0]


EVENTS = (
    Event("the leader places it", None, EVERY, After.NOTHING),
    Event("before a fill: he moves the entry to 91", entry_moved, EVERY),
    Event("before a fill: he moves the entry to 91, which then fills", then_fills(entry_moved, 91), LINKED),
    Event("before a fill: he makes it 600", entry_grows, EVERY),
    Event("before a fill: he moves the target to 115, then the entry fills", then_fills(target_moved), (Variety.SUPER,)),
    Event(
        "before a fill: he moves the stop to 75, then the entry fills",
        then_fills(stop_moved),
        (Variety.SUPER, Variety.COVER),
    ),  # fmt: skip
    Event("before a fill: he cancels it", entry_cancelled, EVERY),
    Event("his entry fills, the follower's does not", leaders_entry_fills, EVERY),
    Event("the follower's entry fills in part", entry_fills_in_part, EVERY),
    Event("the follower's entry fills, the leader's does not", entry_fills, EVERY),
    Event("half has filled on both sides: he cancels the rest", entry_cancelled, EVERY, After.HALF),
    Event("after the entry: he cancels the entry", entry_cancelled_after_it_filled, LINKED, After.ENTERED),
    Event("after the entry: he moves the target to 115", target_moved, WITH_TARGET, After.ENTERED),
    Event("after the entry: he moves the stop to 75", stop_moved, LINKED, After.ENTERED),
    Event("after the entry: he takes the target back", target_taken_back, WITH_TARGET, After.ENTERED),
    Event("after the entry: he takes the stop back", stop_taken_back, LINKED, After.ENTERED),
    Event("the follower's target fills in part", target_fills_in_part, WITH_TARGET, After.ENTERED),
    Event("the follower's target fills", target_fills, WITH_TARGET, After.ENTERED),
    Event("the follower's stop fills in part", stop_fills_in_part, LINKED, After.ENTERED),
    Event("the follower's stop fills", stop_fills, LINKED, After.ENTERED),
    Event("the leader's target fills, the follower's does not", leaders_target_fills, WITH_TARGET, After.ENTERED),
    Event("the leader's stop fills, the follower's does not", leaders_stop_fills, LINKED, After.ENTERED),
    Event("both of the follower's legs fill before either is seen", both_legs_fill, WITH_TARGET, After.ENTERED),
    Event("the leader sells all of it by a plain market order", leader_squares_off, EVERY, After.ENTERED),
)


@frozen
class Cell:
    """One row of the table."""

    form: Variety
    event: Event
    follows: LinkedForm = LinkedForm.ORDERS

    @property
    def key(self) -> tuple[str, str, str]:
        return NAMES[self.form], self.follower_has, self.event.said

    @property
    def follower_has(self) -> str:
        if self.form is Variety.REGULAR:
            return "plain"
        return "plain orders" if self.follows is LinkedForm.ORDERS else "super order"

    @property
    def policy(self) -> Policy:
        return evolve(POLICY, linked_form=self.follows)

    def prepared(self, stage: Stage) -> Tree | None:
        """What is there before it happens; None where the leader is yet to place it."""
        if self.event.after is After.NOTHING:
            return None
        tree = Tree.place(stage, UNITS, self.form)
        stage.until(lambda: tree.copy(Leg.ENTRY) is not None)
        if self.event.after is not After.PLACED:
            units = UNITS if self.event.after is After.ENTERED else UNITS // 2
            fill_both(tree, units)
            stage.until(lambda: tree.protects(units // 2))
        return tree

    def happen(self, stage: Stage, tree: Tree | None) -> Tree:
        if tree is None:
            return Tree.place(stage, UNITS, self.form)
        assert self.event.happen is not None
        self.event.happen(tree)
        return tree


CELLS = (
    *(Cell(form, event) for form in EVERY for event in EVENTS if form in event.forms),
    *(
        Cell(form, event, LinkedForm.SUPER_ORDER)
        for form in WITH_TARGET for event in EVENTS if form in event.forms
    ),
)  # fmt: skip


# What came of it


def book(tree: Tree | None) -> Book:
    """The follower's orders for each part of the leader's order."""
    if tree is None:
        return {}
    return {leg: {order.book_id: order for order in tree.copies(leg)} for leg in Leg}


def outcome(cell: Cell, tree: Tree, before: Book) -> tuple[str, ...]:
    """The row of a cell: what has become of the follower's orders since ``before``."""
    stage, after = tree.stage, book(tree)
    entry = changes(before.get(Leg.ENTRY, {}), after[Leg.ENTRY], "taken back by another order: ")
    target, stop = (changes(before.get(leg, {}), after[leg], "another in its place: ") for leg in LEGS)
    known = {book_id for orders in after.values() for book_id in orders}
    plain = [order for order in stage.copies() if order.quantity and order.book_id not in known]
    if plain:
        entry = ", ".join(f"closed by a plain order: {standing(order)}" for order in plain)
    told = {alert.code for alert in stage.alerts}
    if "OVER_EXIT" in told:
        told -= {"REJECTED"}  # the cancel of the second leg, where it was on its way
    return (*cell.key, entry, target, stop, str(stage.net()), ", ".join(sorted(told)))


def rows() -> Iterator[tuple[str, ...]]:
    """Every cell, on the simulated exchange."""
    for cell in CELLS:
        yield table.happened(cell, Lab({F: "1/2"}, policy=table.unhurried(cell.policy)), book, partial(outcome, cell))


def text() -> str:
    return table.text(COLUMNS, rows())


def written() -> dict[tuple[str, str, str], table.Row]:
    """The rows of the documentation by forms and event."""
    return table.written(PAGE)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(text(), end="")
