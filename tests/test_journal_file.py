"""A journal alone shows what its engine showed, also while that writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dhan_copy import CopyEngine, Follower, JournalFile, Leader
from dhan_copy.errors import StoreError
from dhan_copy.model.order import Limit, Market, Side
from dhan_copy.testing import FakeBroker, FakeSource, NewOrder, SimulatedExchange, VirtualClock
from dhan_copy.testing.broker import Fault
from tests.scenarios.kit import CALL, INSTRUMENTS
from tests.runtime.fakes import START

TABLES = ("orders", "decisions", "drift", "executions", "alerts")
IN_THE_JOURNAL = ("account", "role", "trading", "orders", "open", "unresolved")


class Family:
    """A leader, a live follower and one on paper, with the journal in a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "copies.db"
        self.clock = VirtualClock(START)
        self.exchange = SimulatedExchange(self.clock, ["L", "F"])
        self.exchange.add_instrument(INSTRUMENTS[0])
        self.exchange.set_price(CALL, 100)
        self.broker = FakeBroker(self.exchange, "F")
        self.engine = self.opened()

    def opened(self) -> CopyEngine:
        return CopyEngine(
            [Leader("L", source=FakeSource(self.exchange, "L"))],
            [
                Follower("F", broker=self.broker, source=FakeSource(self.exchange, "F"), size="1/2", live=True),
                Follower("P", size="1"),
            ],
            self.path,
            clock=self.clock,
        )

    def trade(self) -> str:
        self.exchange.place("L", NewOrder(key=CALL, side=Side.BUY, quantity=150, terms=Market()))
        order = self.exchange.place(
            "L", NewOrder(key=CALL, side=Side.SELL, quantity=75, terms=Limit(INSTRUMENTS[0].facts.tick * 2400))
        )  # type: ignore[operator]
        for _ in range(3):
            self.engine.step()
            self.clock.advance(1)
        return order.order_id


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    found = Family(tmp_path)
    yield found
    found.engine.stop()


def same(family: Family, order_id: str) -> None:
    with JournalFile(family.path) as journal:
        for name in TABLES:
            theirs = getattr(family.engine, name)()
            assert (len(theirs) or name == "alerts") and getattr(journal, name)() == theirs, name
        assert journal.explain(order_id) == family.engine.explain(order_id)
        ours, theirs = ([[row[name] for name in IN_THE_JOURNAL] for row in each.status()] for each in (journal, family.engine))
        assert ours == theirs


def test_the_tables_are_those_of_the_engine_that_is_writing(family: Family) -> None:
    same(family, family.trade())


def test_also_after_a_restart_and_a_new_day(family: Family) -> None:
    family.trade()
    family.engine.stop()
    family.engine = family.opened()
    order_id = family.trade()
    same(family, order_id)
    family.clock.advance(24 * 3600)
    family.exchange.end_day()
    family.exchange.new_day()
    same(family, family.trade())


def test_a_halt_is_shown(family: Family) -> None:
    family.trade()
    family.engine.halt("F")
    with JournalFile(family.path) as journal:
        assert {row["account"]: row["trading"] for row in journal.status()} == {"L": None, "F": "HALTED", "P": "ACTIVE"}


def test_a_journal_without_orders_names_whom_it_can(family: Family) -> None:
    family.engine.step()
    with JournalFile(family.path) as journal:
        assert [(row["account"], row["role"]) for row in journal.status()] == [(name, "no order yet") for name in "LFP"]
        assert len(journal.orders()) == 0


def test_a_checkpoint_tells_who_leads_and_who_follows(family: Family) -> None:
    family.engine.step()
    family.clock.advance(24 * 3600)
    family.engine.step()
    with JournalFile(family.path) as journal:
        assert [(row["account"], row["role"]) for row in journal.status()] == [
            ("L", "leader"), ("F", "follower"), ("P", "follower"),
        ]  # fmt: skip


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        JournalFile(tmp_path / "no.db")
    assert list(tmp_path.iterdir()) == []


def test_past_alerts_are_those_of_the_engine_also_after_a_restart(family: Family) -> None:
    family.broker.fail_next(Fault.NEVER_ARRIVED)
    family.trade()
    before = family.engine.alerts()
    assert "UNRESOLVED" in [row["code"] for row in before]
    same(family, family.trade())
    family.engine.stop()
    stopped = family.engine.alerts()
    with JournalFile(family.path) as journal:
        assert journal.alerts() == stopped
    family.engine = family.opened()
    family.trade()
    again = family.engine.alerts()
    assert again.rows[: len(stopped)] == stopped.rows and stopped.rows[: len(before)] == before.rows
