"""The truth table of Forever orders in the documentation: ``python -m tests.docs.waiting > docs/forever.csv``.

Each row is what a follower's broker has after something happened to a leader's Forever order, found by doing it on the
simulated exchange. ``tests/scenarios/test_forever_table.py`` does the same over the real client and the local server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from pathlib import Path

from attrs import evolve, frozen

from dhan_copy import CopyMode
from dhan_copy.model.order import Leg, Product
from dhan_copy.testing import SimulatedOrder
from dhan_copy.testing.forever import as_order
from tests.docs import table
from tests.docs.linked import POLICY, UNITS
from tests.docs.table import changes
from tests.scenarios.forever_kit import PAIR, Forever, holding
from tests.scenarios.kit import CALL, F, LEADER, Lab, Stage, limit

PAGE = Path(__file__).parent.parent.parent / "docs" / "forever.csv"
COLUMNS = (
    "Leader's form", "Follower's form", "What happens", "Follower's first leg", "Follower's second leg",
    "Follower's orders", "Holds", "Told",
)  # fmt: skip
HALF = UNITS // 2
LEGS, ORDERS = ("first", "second"), "orders"

Happen = Callable[[Forever], None]
Book = dict[str, dict[str, SimulatedOrder]]


# What happens. A single one buys 300 at 90, a pair closes 300 at 110 or at 70, and the follower copies half.


def changed(leg: Leg, **to: int) -> Happen:
    return lambda forever: forever.change(leg, **to)


def both_legs_halved(forever: Forever) -> None:
    for leg in PAIR:
        forever.change(leg, units=HALF)


def taken_back(forever: Forever) -> None:
    forever.cancel()


def closed_by_a_plain_order(forever: Forever) -> None:
    forever.stage.exchange.set_price(CALL, 100)
    forever.stage.sell(UNITS, product=Product.MARGIN)


def taken_back_by_hand(forever: Forever) -> None:
    forever.stage.exchange.forever.cancel(F, forever.waiting()[0].order_id)


def fires(account: str, leg: Leg) -> Happen:
    return lambda forever: forever.fire(account, leg)


def both_fire(leg: Leg) -> Happen:
    return lambda forever: forever.fire_both(leg)


def fills(account: str, units: int | None = None) -> Happen:
    return lambda forever: forever.fill(account, units)


def both_part_ways(forever: Forever) -> None:
    """The follower's fills, and the leader takes his back."""
    forever.fill(F)
    forever.stage.until(lambda: forever.stage.row(forever.order_id)["done"] == HALF)
    forever.cancel()


def fired_moved(price: int) -> Happen:
    return lambda forever: forever.stage.modify(forever.appeared(LEADER).order_id, terms=limit(price))


def fired_halved(forever: Forever) -> None:
    forever.stage.modify(forever.appeared(LEADER).order_id, units=HALF)


def fired_taken_back(forever: Forever) -> None:
    forever.stage.cancel(forever.appeared(LEADER).order_id)


def fired_taken_back_by_hand(forever: Forever) -> None:
    forever.stage.exchange.cancel(F, forever.appeared().order_id)


def plain_fills(units: int | None = None) -> Happen:
    def happen(forever: Forever) -> None:
        [order] = forever.since()
        forever.stage.exchange.fill(F, order.order_id, units)

    return happen


def plain_taken_back_by_hand(forever: Forever) -> None:
    forever.stage.exchange.cancel(F, forever.since()[0].order_id)


class After(Enum):
    """How far it has come before it happens."""

    NOTHING = 0
    PLACED = 1
    HIS_FIRED = 2
    THEIRS_FIRED = 3
    BOTH_FIRED = 4
    HALF = 5
    BEHIND = 6


@frozen
class Part:
    """A single one, or a leg of a pair, and what it is called."""

    form: str
    leg: Leg
    his: str
    theirs: str
    both: str
    beyond: int
    """A limit that is not reached either."""


SINGLE, OCO = "Forever, single", "Forever, pair (OCO)"
IT = Part(SINGLE, Leg.ENTRY, "his", "the follower's", "both", 92)
TARGET = Part(OCO, Leg.TARGET, "his target", "the follower's target", "both targets", 108)
STOP = Part(OCO, Leg.STOP, "his stop", "the follower's stop", "both stops", 68)


@frozen
class Event:
    said: str
    happen: Happen | None
    part: Part
    after: After = After.PLACED
    at: str = LEADER
    """In whose account."""


WAITING = (
    Event("the leader places it", None, IT, After.NOTHING),
    Event("before it fires: he moves its trigger to 88", changed(Leg.ENTRY, trigger=88), IT),
    Event("before it fires: he moves its limit to 92", changed(Leg.ENTRY, price=92), IT),
    Event("before it fires: he makes it 600", changed(Leg.ENTRY, units=2 * UNITS), IT),
    Event("before it fires: he takes it back", taken_back, IT),
    Event("before it fires: the follower's is taken back by hand", taken_back_by_hand, IT, at=F),
    Event("the leader places it", None, TARGET, After.NOTHING),
    Event("before it fires: he moves the target's trigger to 112", changed(Leg.TARGET, trigger=112), TARGET),
    Event("before it fires: he moves the target's limit to 108", changed(Leg.TARGET, price=108), TARGET),
    Event("before it fires: he moves the stop's trigger to 75", changed(Leg.STOP, trigger=75), TARGET),
    Event("before it fires: he moves the stop's limit to 68", changed(Leg.STOP, price=68), TARGET),
    Event("before it fires: he makes the stop 150", changed(Leg.STOP, units=HALF), TARGET),
    Event("before it fires: he makes both legs 150", both_legs_halved, TARGET),
    Event("before it fires: he takes it back", taken_back, TARGET),
    Event("before it fires: he sells all of it by a plain market order", closed_by_a_plain_order, TARGET),
    Event("before it fires: the follower's is taken back by hand", taken_back_by_hand, TARGET, at=F),
)


def _fired(part: Part) -> tuple[str, str, str]:
    return f"{part.his} has fired: ", f"{part.theirs} has fired: ", f"{part.both} have fired: "


def of_each_leg(part: Part) -> tuple[Event, ...]:
    his, theirs, both = _fired(part)
    return (
        Event(f"{part.both} fire", both_fire(part.leg), part),
        Event(f"{part.his} fires, the follower's does not", fires(LEADER, part.leg), part),
        Event(f"{part.theirs} fires, the leader's does not", fires(F, part.leg), part, at=F),
        Event(f"{his}it fills, the follower's does not fire", fills(LEADER), part, After.HIS_FIRED),
        Event(f"{his}the follower's fires too", fires(F, part.leg), part, After.HIS_FIRED, F),
        Event(f"{theirs}it fills, the leader's does not fire", fills(F), part, After.THEIRS_FIRED, F),
        Event(f"{theirs}his fires too", fires(LEADER, part.leg), part, After.THEIRS_FIRED),
        Event(f"{both}his fills, the follower's does not", fills(LEADER), part, After.BOTH_FIRED),
        Event(f"{both}the follower's fills in part", fills(F, 75), part, After.BOTH_FIRED, F),
        Event(f"{both}the follower's fills", fills(F), part, After.BOTH_FIRED, F),
    )


def of_what_appeared(part: Part) -> tuple[Event, ...]:
    """The same of either leg of a pair."""
    his, theirs, both = _fired(part)
    moves, takes = f"he moves what it placed to {part.beyond}", "he takes back what it placed"
    return (
        Event(his + moves, fired_moved(part.beyond), part, After.HIS_FIRED),
        Event(his + takes, fired_taken_back, part, After.HIS_FIRED),
        Event(f"{theirs}he takes his back", taken_back, part, After.THEIRS_FIRED),
        Event(f"{theirs}it fills, and he takes his back", both_part_ways, part, After.THEIRS_FIRED),
        Event(both + moves, fired_moved(part.beyond), part, After.BOTH_FIRED),
        Event(f"{both}he makes what it placed 150", fired_halved, part, After.BOTH_FIRED),
        Event(both + takes, fired_taken_back, part, After.BOTH_FIRED),
        Event(f"{both}the follower's is taken back by hand", fired_taken_back_by_hand, part, After.BOTH_FIRED, F),
        Event("half has filled on both sides: he takes back the rest", fired_taken_back, part, After.HALF),
    )


def of_fills(part: Part) -> tuple[Event, ...]:
    """Where fills are all that is copied."""
    fired, behind = f"{part.his} has fired: ", f"{part.his} has filled, the follower's is behind: "
    return (
        Event(f"{part.his} fires", fires(LEADER, part.leg), part),
        Event(f"{fired}he moves what it placed to {part.beyond}", fired_moved(part.beyond), part, After.HIS_FIRED),
        Event(f"{fired}he takes back what it placed", fired_taken_back, part, After.HIS_FIRED),
        Event(f"{fired}it fills in part", fills(LEADER, HALF), part, After.HIS_FIRED),
        Event(f"{fired}it fills", fills(LEADER), part, After.HIS_FIRED),
        Event(f"{behind}it fills in part", plain_fills(75), part, After.BEHIND, F),
        Event(f"{behind}it fills", plain_fills(), part, After.BEHIND, F),
        Event(f"{behind}it is taken back by hand", plain_taken_back_by_hand, part, After.BEHIND, F),
    )


@frozen
class Cell:
    """One row of the table."""

    event: Event
    mode: CopyMode = CopyMode.ORDER

    @property
    def key(self) -> tuple[str, str, str]:
        follower_has = "Forever order" if self.mode is CopyMode.ORDER else "plain order (fills only)"
        return self.event.part.form, follower_has, self.event.said

    @property
    def how(self) -> Mapping[str, CopyMode]:
        return {"mode": self.mode}

    def place(self, stage: Stage) -> Forever:
        pair = self.event.part.form is OCO
        if pair:
            holding(stage, UNITS)
        stage.exchange.set_price(CALL, 100, available=0)
        return Forever.place(stage, UNITS, pair=pair)

    def prepared(self, stage: Stage) -> Forever | None:
        """What is there before it happens; None where the leader is yet to place it."""
        if self.event.after is After.NOTHING:
            return None
        forever, after, leg = self.place(stage), self.event.after, self.event.part.leg
        row = stage.row
        if self.mode is CopyMode.EXECUTION:
            stage.until(lambda: stage.leader_reports(forever.order_id))
        else:
            stage.until(forever.is_copied)
        match after:
            case After.HIS_FIRED | After.BEHIND:
                forever.fire(LEADER, leg)
            case After.THEIRS_FIRED:
                forever.fire(F, leg)
            case After.BOTH_FIRED | After.HALF:
                forever.fire_both(leg)
        if after not in (After.PLACED, After.THEIRS_FIRED):
            stage.until(forever.is_known_to_have_fired)
        if after in (After.THEIRS_FIRED, After.BOTH_FIRED, After.HALF):
            stage.until(lambda: row(forever.order_id)["broker_order_id"] == forever.appeared().order_id)
        if after is After.HALF:
            forever.fill(F, HALF // 2)
            stage.until(lambda: row(forever.order_id)["done"] == HALF // 2)
            forever.fill(LEADER, HALF)
            stage.until(lambda: row(forever.order_id)["filled"] == HALF)
        if after is After.BEHIND:
            forever.fill(LEADER)
            stage.until(lambda: ("BEHIND", forever.order_id) in {(alert.code, alert.leader_order_id) for alert in stage.alerts})
        return forever

    def happen(self, stage: Stage, forever: Forever | None) -> Forever:
        if forever is None:
            return self.place(stage)
        assert self.event.happen is not None
        self.event.happen(forever)
        return forever


FILLS_ONLY = (
    *(event for event in WAITING if event.at is LEADER),
    *(event for part in (IT, TARGET) for event in of_fills(part)),
    Event("his stop fires", fires(LEADER, Leg.STOP), STOP),
    Event("his stop has fired: it fills", fills(LEADER), STOP, After.HIS_FIRED),
)
EVENTS = (
    *WAITING,
    *(event for part in (IT, TARGET) for event in (*of_each_leg(part), *of_what_appeared(part))),
    *of_each_leg(STOP),
)
CELLS = tuple(sorted(
    (
        *(Cell(event) for event in EVENTS),
        *(Cell(event, CopyMode.EXECUTION) for event in FILLS_ONLY),
    ),
    key=lambda cell: (cell.mode is CopyMode.EXECUTION, cell.event.part.form is OCO),
))  # fmt: skip


# What came of it


def book(forever: Forever | None) -> Book:
    """The follower's Forever order by legs, and its orders since the leader's was placed."""
    if forever is None:
        return {}
    found: Book = {name: {} for name in (*LEGS, ORDERS)}
    for leg in forever.stage.exchange.forever.orders(F):
        found[LEGS[leg.leg is Leg.STOP]][leg.order_id] = evolve(as_order(leg), leg=Leg.ENTRY)  # it waits for no entry
    found[ORDERS] = {order.order_id: order for order in forever.since()}
    return found


def outcome(cell: Cell, forever: Forever, before: Book) -> table.Row:
    """The row of a cell: what has become of the follower's orders since ``before``."""
    after = book(forever)
    became = (changes(before.get(name, {}), after[name], "another: ") for name in (*LEGS, ORDERS))
    told = {alert.code for alert in forever.stage.alerts}
    return (*cell.key, *became, str(forever.stage.net(product=Product.MARGIN)), ", ".join(sorted(told)))


def rows() -> Iterator[table.Row]:
    """Every cell, on the simulated exchange."""
    for cell in CELLS:
        yield table.happened(cell, Lab({F: "1/2"}, policy=table.unhurried(POLICY), how=cell.how), book, partial(outcome, cell))


def text() -> str:
    return table.text(COLUMNS, rows())


def written() -> dict[tuple[str, str, str], table.Row]:
    """The rows of the documentation by forms and event."""
    return table.written(PAGE)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(text(), end="")
