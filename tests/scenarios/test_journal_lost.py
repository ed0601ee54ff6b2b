"""T5: the journal is deleted, or an old copy is put in its place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy import AlertRaised, JournalLost, SqliteStore
from dhan_copy.core.facts import CopyAdmitted, OrderReported, RequestIssued
from dhan_copy.model.order import OrderStatus, Side
from dhan_copy.testing import Call, Fault, NewOrder
from dhan_copy.testing.orders import SimulatedOrder
from tests.scenarios import kit
from tests.scenarios.day_kit import CE, LEADER, Day, F, G
from tests.scenarios.kit import DurableMemory, before_any_request, copied
from tests.scenarios.test_restart import OTHER, RATIOS, Script, truth


def lose(day: Day, *, rebuild: bool = False) -> None:
    day.start_on(DurableMemory(), rebuild=rebuild)


def rebuilt(day: Day) -> None:
    lose(day, rebuild=True)
    day.step()


def alarm(day: Day, code: str) -> AlertRaised:
    (found,) = [alert for alert in day.facts(AlertRaised) if alert.code == code]
    return found


def open_copies(day: Day, follower: str = F) -> list[SimulatedOrder]:
    return [copy for copy in day.copies(follower) if copy.status is OrderStatus.PENDING]


def test_t5_a_journal_that_does_not_know_todays_orders_is_refused() -> None:
    day = Day({F: "1", G: "1/2"})
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    journal, asked = day.store, day.asked(F) + day.asked(G)
    lose(day)
    for _ in range(2):
        with pytest.raises(JournalLost, match="rebuild=True") as raised:
            day.step()
        for follower in (F, G):
            (copy,) = day.copies(follower)
            assert f"1 of {follower} ({copy.tag})" in str(raised.value)
    day.advance_clock(60)
    assert day.asked(F) + day.asked(G) == asked
    day.start_on(journal)
    day.step()
    assert day.codes() == ["COPIED"], "the journal that was put back is the right one"


def test_t5_a_new_account_or_an_older_day_is_nothing_lost() -> None:
    day = Day({F: "1"})
    day.exchange.place(F, NewOrder(key=day.key(CE), side=Side.BUY, quantity=75, terms=kit.limit(80), tag="mine"))
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    day.advance_clock(24 * 3600)
    lose(day)
    day.step()
    assert day.codes() == [], "yesterday's rows are still in the books, and no business of today's"


def test_t5_an_engine_with_threads_refuses_too(tmp_path: Path) -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    lose(day)
    with pytest.raises(JournalLost):
        day.engine.start()
    assert day.engine.stop() == ()


def test_t5_rebuilt_orders_are_modified_cancelled_and_closed_as_if_nothing_had_happened() -> None:
    day = Day({F: "1/2", G: "1"})
    day.step()
    resting = day.leader.buy(CE, lots=4, price=90)
    held = day.leader.buy(OTHER, lots=2)
    day.step()
    target = day.leader.sell(OTHER, lots=2, price=110)
    day.step()
    rebuilt(day)
    assert day.codes() == ["ADOPTED"] * 3
    assert "6 orders of F, G were adopted" in alarm(day, "REBUILT").known
    assert [len(day.copies(follower)) for follower in (F, G)] == [3, 3], "nothing was sent"
    resting.modify(lots=6, price=91)
    target.cancel()
    day.step()
    assert [(copy.quantity, copy.price) for copy in open_copies(day)] == [(225, 91)]
    assert [(copy.quantity, copy.price) for copy in open_copies(day, G)] == [(450, 91)]
    resting.cancel()
    day.leader.sell(OTHER, lots=2)
    day.step()
    assert open_copies(day) == open_copies(day, G) == []
    for account in (F, G):
        assert day.held(account, OTHER) == day.held(account, CE) == 0
    assert held.now.status is OrderStatus.TRADED


def test_t5_a_day_in_which_the_journal_is_lost_after_every_step_ends_as_any_other() -> None:
    quiet, lossy = Day(RATIOS), Day(RATIOS)
    Script(quiet).play(quiet.step)

    def look() -> None:
        lossy.step()
        rebuilt(lossy)

    Script(lossy).play(look)
    for follower in RATIOS:
        assert truth(lossy, follower) == truth(quiet, follower)


def test_t5_nothing_older_than_the_start_is_entered_but_what_closes_is_closed() -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2)
    day.step()
    day.engine.stop()
    day.leader.buy(OTHER, lots=2, price=90)
    day.leader.sell(CE, lots=1, price=110)
    rebuilt(day)
    assert day.codes() == ["ADOPTED", "OLDER_THAN_START", "ADOPTED"]
    assert [(copy.side, copy.quantity) for copy in open_copies(day)] == [(Side.SELL, 75)]
    day.price(110)
    day.step()
    assert (day.held(), day.held(F, OTHER)) == (75, 0)


def test_t5_what_the_leader_closed_while_nobody_looked_is_closed() -> None:
    day = Day({F: "1/2"})
    day.step()
    day.leader.buy(CE, lots=4)
    day.step()
    day.engine.stop()
    day.leader.sell(CE, lots=4)
    rebuilt(day)
    assert (day.held(), len(day.copies())) == (0, 2)
    day.advance(300)
    assert len(day.copies()) == 2


def test_t5_an_order_without_its_leader_order_is_left_alone() -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    stranger = "dc1-AAAAAAAAAAAAAAAAAAAA-E0000"
    day.exchange.place(
        F, NewOrder(key=day.key(OTHER), side=Side.BUY, quantity=75, terms=kit.limit(80), tag=stranger, source="P")
    )
    day.step()
    asked = day.asked()
    rebuilt(day)
    assert stranger in alarm(day, "REBUILT").known
    assert day.facts(OrderReported)
    assert day.asked() == asked
    day.advance(120)
    assert day.asked() == asked


def test_t5_a_journal_that_knows_everything_needs_no_rebuilding() -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    day.start_on(day.store, rebuild=True)
    day.step()
    assert "REBUILT" not in day.alarms() and day.codes() == ["COPIED"]
    assert not [fact for fact in day.facts(CopyAdmitted) if fact.reason.name == "ADOPTED"]


def test_t5_rebuilding_needs_every_account() -> None:
    day = Day({F: "1", G: "1"})
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    lose(day, rebuild=True)
    day.brokers[G].inner.fail_next(Fault.READ_FAILED, on=Call.ORDERS)
    with pytest.raises(JournalLost, match="the order book or the positions of G could not be read"):
        day.step()
    day.sources["LEADER"].fail_reads(2)
    with pytest.raises(JournalLost, match="of LEADER could not be read"):
        day.step()
    day.step()
    assert day.codes() == day.codes(G) == ["ADOPTED"]


def test_f17_a_book_that_cannot_be_read_at_the_start_is_looked_at_before_anything_is_placed() -> None:
    day = Day({F: "1"})
    day.step()
    order = day.leader.buy(CE, lots=2, price=90)
    day.step()
    day.start_on(copied(before_any_request(day.engine.journal())))
    day.brokers[F].inner.fail_next(Fault.READ_FAILED, on=Call.ORDERS, count=3)
    day.step()
    day.advance(60)
    assert len(day.copies()) == 1, "never two"
    assert {"FOREIGN_TAG", "PLACED_BEFORE"} <= set(day.alarms())
    order.cancel()
    day.advance(60)
    assert len(day.copies()) == 1


@pytest.mark.parametrize("earlier", range(11))
def test_f17_an_old_copy_of_the_journal_is_refused_or_brought_up_to_date(tmp_path: Path, earlier: int) -> None:
    """The journal is copied after some step of the day, and that copy is used from the end of a later one on."""
    quiet = Day(RATIOS)
    Script(quiet).play(quiet.step)
    journal = tmp_path / "journal.db"
    day = Day(RATIOS, store=str(journal))
    script, step = Script(day), 0

    def look() -> None:
        nonlocal step
        day.step()
        if step == earlier:
            day.engine.stop()
            shutil.copy(journal, tmp_path / "old.db")
            day.start_on(str(journal))
            day.step()
        elif step == earlier + 3:
            day.engine.stop()
            for leftover in tmp_path.glob("journal.db*"):
                leftover.unlink()
            shutil.copy(tmp_path / "old.db", journal)
            day.start_on(str(journal))
            _start_or_rebuild(day, str(journal))
        step += 1

    script.play(look)
    day.engine.stop()
    for follower in RATIOS:
        assert truth(day, follower) == truth(quiet, follower)


def _start_or_rebuild(day: Day, journal: str) -> None:
    with closing(SqliteStore.open_readonly(journal)) as store:
        known = {e.fact.request.client_order_id for e in store.read() if isinstance(e.fact, RequestIssued)}
    lost = {copy.tag for follower in RATIOS for copy in day.copies(follower)} - known
    if not lost:
        day.step()
        return
    with pytest.raises(JournalLost) as refused:
        day.step()
    assert any(str(tag) in str(refused.value) for tag in lost)
    day.start_on(journal, rebuild=True)
    day.step()


def test_t5_what_an_old_copy_does_not_know_of_the_legs_of_a_linked_order_that_it_knows_is_adopted() -> None:
    """The copy is made while the leader's entry rests; the follower's fills, and its legs go out."""
    day = Day({F: "1"})
    day.step()
    new = NewOrder(key=day.key(CE), side=Side.BUY, quantity=150, terms=kit.limit(90))
    entry = day.exchange.linked.place_bracket(LEADER, new, profit=Decimal(20), stop=Decimal(20))
    day.advance(10)
    old = copied(day.engine.journal())
    (copy,) = day.copies()
    day.exchange.fill(F, copy.order_id, 150)
    day.advance(10)
    assert len(day.copies()) == 3
    day.start_on(old, rebuild=True)
    day.step()
    assert "2 orders of F were adopted" in alarm(day, "REBUILT").known
    day.exchange.fill(LEADER, entry.order_id, 150)
    day.advance(10)
    for price in (111, 69):
        day.price(price)
        day.advance(30)
    assert (day.held(LEADER), day.held(F), open_copies(day)) == (0, 0, [])
    assert len(day.copies()) == 3


def test_t5_over_the_wire_a_deleted_journal_is_rebuilt_from_the_books(wires: Callable[..., kit.Wire], tmp_path: Path) -> None:
    wire = wires()
    order = wire.buy(300, kit.limit(90))
    wire.buy(300, key=kit.CALL)
    wire.until(lambda: wire.net() == 150 and len(wire.copies()) == 2)
    wire.settle()
    wire.engine.stop()
    (tmp_path / "journal.db").unlink()
    for rebuild in (False, True):
        engine = wire.again(rebuild=rebuild)
        if not rebuild:
            with pytest.raises(JournalLost):
                engine.start()
            engine.stop()
    wire.engine = engine
    engine.start()
    wire.ready()
    assert wire.codes() == ["ADOPTED", "ADOPTED"]
    wire.modify(order, units=450, terms=kit.limit(91))
    wire.until(
        lambda: [(c.quantity, c.terms) for c in wire.copies() if c.status is OrderStatus.PENDING] == [(225, kit.limit(91))]
    )
    wire.sell(300)
    wire.until(lambda: wire.net() == 0)
    wire.cancel(order)
    wire.until(lambda: all(c.status is not OrderStatus.PENDING for c in wire.copies()))
