"""Restarts, ``kill -9`` among them, news in any order, frames of any kind, and what was journaled and never left.

The kill of a real process is in tests/examples/test_kill.py. Here the engine dies at every place where it can die, on
one exchange before and after: what that has got is compared with a day on which nothing died.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from dhan_copy import AlertRaised, CopyEngine, DhanAccount, Follower, Leader, SqliteStore
from dhan_copy.core.facts import (
    Channel,
    DriftDeclared,
    Entry,
    GapDetected,
    LeaderReported,
    ReportUnreadable,
    RequestIssued,
    RequestWithheld,
)
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.errors import ReadError, StoreError
from dhan_copy.model.order import OrderReport, OrderStatus, Side
from dhan_copy.model.reason import ReasonCode
from dhan_copy.testing import DhanServer, NewOrder
from dhan_copy.testing.playground import LeaderOrderHandle
from dhan_copy.testing.reports import report_of
from tests.scenarios import kit
from tests.scenarios.day_kit import CE, LEADER, Day, Died, F, G, TrippedStore, until
from tests.scenarios.kit import DurableMemory

OTHER = "BANKNIFTY FUT"
RATIOS = {F: "1", G: "1/2"}
Truth = Counter[tuple[object, ...]]


class Script:
    """What the leader and the market do, step by step; the engine looks after each. At the end everybody is flat."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.orders: list[LeaderOrderHandle] = []
        self.steps: tuple[Callable[[], object], ...] = (
            lambda: None,
            lambda: self.orders.append(day.leader.buy(CE, lots=2, price=90)),
            lambda: self.orders[0].modify(lots=4, price=91),
            lambda: self.orders.append(day.leader.buy(OTHER, lots=2, price=80)),
            lambda: day.price(91),
            lambda: self.orders[1].cancel(),
            lambda: self.orders.append(day.leader.sell(CE, lots=2, price=95)),
            lambda: day.price(95),
            lambda: self.orders.append(day.leader.sell(CE, lots=2, price=98)),
            lambda: self.orders[3].modify(price=96),
            lambda: day.price(96),
        )

    def play(self, look: Callable[[], None]) -> None:
        for step in self.steps:
            step()
            look()


def truth(day: Day, follower: str) -> Truth:
    """What the follower's broker has, without ids and times."""
    return Counter((o.key, o.side, o.quantity, o.filled_quantity, o.status, o.price) for o in day.copies(follower))


def quiet() -> Day:
    day = Day(RATIOS)
    Script(day).play(day.step)
    return day


def test_t4_the_quiet_day_is_what_it_should_be() -> None:
    """By hand: the day that the others are compared with."""
    day = quiet()
    ce, other = day.key(CE), day.key(OTHER)
    assert truth(day, F) == Counter(
        [
            (ce, Side.BUY, 300, 300, OrderStatus.TRADED, 91),
            (other, Side.BUY, 150, 0, OrderStatus.CANCELLED, 80),
            (ce, Side.SELL, 150, 150, OrderStatus.TRADED, 95),
            (ce, Side.SELL, 150, 150, OrderStatus.TRADED, 96),
        ]
    )
    assert truth(day, G) == Counter(
        [
            (ce, Side.BUY, 150, 150, OrderStatus.TRADED, 91),
            (other, Side.BUY, 75, 0, OrderStatus.CANCELLED, 80),
            (ce, Side.SELL, 75, 75, OrderStatus.TRADED, 95),
            (ce, Side.SELL, 75, 75, OrderStatus.TRADED, 96),
        ]
    )


@pytest.mark.parametrize("file", [False, True], ids=["memory", "sqlite"])
def test_t4_a_restart_after_every_step_changes_nothing(tmp_path: Path, file: bool) -> None:
    """Modifications and cancels of orders placed before a restart work, and no request is sent that was not before."""
    day, undisturbed = Day(RATIOS, store=str(tmp_path / "journal.db") if file else None), quiet()

    def look() -> None:
        day.step()
        day.restart()

    Script(day).play(look)
    for name in RATIOS:
        assert truth(day, name) == truth(undisturbed, name)
        assert day.asked(name) == undisturbed.asked(name)
    assert day.alarms() == []


class Trips:
    """Counts the places where the engine can die: before and after each commit and each request. Dies at one."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.count = 0
        self.where = ""

    def arm(self, day: Day) -> None:
        store = day.store
        assert isinstance(store, TrippedStore)
        store.before = lambda entries: self.here(f"before the commit of {names(entries)}")
        store.after = lambda entries: self.here(f"after the commit of {names(entries)}")
        for name, broker in day.brokers.items():
            broker.before = lambda name=name: self.here(f"before a request of {name}")  # type: ignore[misc]
            broker.after = lambda name=name: self.here(f"after a request of {name}")  # type: ignore[misc]

    def here(self, where: str) -> None:
        self.count += 1
        if self.count == self.at:
            self.where = where
            raise Died(where)


def names(entries: Sequence[Entry]) -> str:
    return ", ".join(type(entry.fact).__name__ for entry in entries)


def mortal(at: int | None) -> tuple[Day, Trips]:
    """The day on an engine that dies at the ``at``-th place, and is started again."""
    day, trips = Day(RATIOS, store=TrippedStore(DurableMemory())), Trips(at)
    trips.arm(day)

    def look() -> None:
        try:
            day.step()
        except Died:
            day.die()
            day.step()
            day.advance(15)  # evidence is what was read later

    Script(day).play(look)
    return day, trips


STRIDE = int(os.environ.get("DHAN_COPY_DEATH_STRIDE", "3"))
"""Every how many places are tried; 1 for all."""


def test_t4_killed_anywhere_nothing_is_lost_and_nothing_is_doubled() -> None:
    whole, undisturbed = mortal(None), quiet()
    places = whole[1].count
    assert 60 < places
    expected = {name: truth(undisturbed, name) for name in RATIOS}
    assert {name: truth(whole[0], name) for name in RATIOS} == expected
    for at in range(1, places + 1, STRIDE):
        day, trips = mortal(at)
        assert trips.where, f"place {at} was never reached"
        alarmed = {(alert.account, alert.client_order_id) for alert in day.facts(AlertRaised) if alert.code == "UNRESOLVED"}
        for name in RATIOS:
            tags = [copy.tag for copy in day.copies(name)]
            assert len(tags) == len(set(tags)), f"killed {trips.where}: an id is there twice"
            parked = {tag for account, tag in alarmed if account == name} - set(tags)
            if not parked:
                assert truth(day, name) == expected[name], f"killed {trips.where}, {name}"
                continue
            unsent = not trips.where.startswith("before the commit") and trips.where != f"after a request of {name}"
            assert unsent, f"{name} lost an order {trips.where}"
            assert len(parked) == 1
            assert not (truth(day, name) - expected[name]), f"killed {trips.where}: {name} has more than it should"
        if day.held(F) or day.held(G):
            day.advance(240)  # a lost exit is sent once more, after the absence window
        assert (day.held(F), day.held(G)) == (0, 0), f"killed {trips.where}: not flat at the end"


def killed_before_the_request_of(day: Day, act: Callable[[], object]) -> str:
    """Let the engine die when what ``act`` leads to is journaled and not yet sent; returns its id."""

    def die() -> None:
        raise Died

    act()
    day.brokers[F].before = die
    with pytest.raises(Died):
        day.step()
    day.brokers[F].before = lambda: None
    day.die()
    day.step()
    issued = [fact.request for fact in day.facts(RequestIssued) if isinstance(fact.request, Submit)]
    return issued[-1].client_order_id


def test_t4_an_entry_that_was_journaled_and_never_left_is_parked_with_an_alarm() -> None:
    day = Day({F: "1"})
    day.step()
    tag = killed_before_the_request_of(day, lambda: day.leader.buy(CE, lots=2))
    assert day.cells("state") == ["UNRESOLVED"]
    assert [alert.client_order_id for alert in day.facts(AlertRaised)] == [tag]
    day.advance(240)
    assert day.copies() == [], "an entry is never sent again"
    assert day.cells("state") == ["ABSENT"]
    assert [drift.reason for drift in day.facts(DriftDeclared)] == [ReasonCode.NEVER_PLACED]


def test_t4_an_exit_that_was_journaled_and_never_left_is_sent_once_more() -> None:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2)
    day.step()
    tag = killed_before_the_request_of(day, lambda: day.leader.sell(CE, lots=2))
    day.advance(80)
    assert day.held() == 150, "absence counts only after the window"
    day.advance(160)
    assert day.held() == 0
    assert [copy.side for copy in day.copies()] == [Side.BUY, Side.SELL]
    assert day.copies()[-1].tag not in (None, tag)


def test_t4_an_order_that_was_sent_unheard_is_found_and_kept() -> None:
    day = Day({F: "1"})
    day.step()

    def die() -> None:
        raise Died

    order = day.leader.buy(CE, lots=2, price=90)
    day.brokers[F].after = die
    with pytest.raises(Died):
        day.step()
    day.brokers[F].after = lambda: None
    day.die()
    day.step()
    day.advance(5)
    assert day.cells("state") == ["WORKING"]
    order.modify(lots=3)
    day.step()
    order.cancel()
    day.step()
    assert [(copy.quantity, copy.status) for copy in day.copies()] == [(225, OrderStatus.CANCELLED)]


# T8


@pytest.mark.parametrize("first", ["stream", "poll"])
def test_t8_stream_and_poll_tell_the_same_in_either_order(stages: Callable[..., kit.Stage], first: str) -> None:
    stage = stages("1/2")
    if first == "poll":
        stage.withhold_news(kit.LEADER)
    order = stage.buy(300, kit.limit("99.9"))
    stage.exchange.fill(kit.LEADER, order, 150)
    stage.exchange.fill(kit.LEADER, order)
    if first == "poll":
        stage.reconnect(kit.LEADER)
    stage.until(lambda: stage.copies())
    if first == "poll":
        stage.withhold_news(kit.F)
    stage.exchange.fill(kit.F, stage.copy().order_id)
    stage.reconnect(kit.F)
    stage.until(lambda: stage.row(order)["done"] == 150)
    for account in (kit.LEADER, kit.F):  # the books tell all of it once more
        if isinstance(stage, kit.Wire):
            assert stage.server.wait_for_sockets(1, account)
        stage.reconnect(account)
    stage.settle()
    assert (stage.copy().quantity, stage.net()) == (150, 150)
    if first == "poll":
        assert stage.leader_reports(order)[0].channel is Channel.BOOK
    drift = stage.drift()
    assert drift is not None and drift["owned"] == 150
    assert kit.exactly(drift["difference"]) == 0
    stage.sell(300)
    stage.until(lambda: len(stage.copies()) == 2)
    stage.settle()
    assert [copy.quantity for copy in stage.copies()] == [150, 150], "what was filled once is closed once"
    assert stage.net() == 0


# T9


@pytest.mark.parametrize("seconds", [0.0, 2.0], ids=["within a second", "seconds apart"])
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_t9_news_out_of_order_end_in_the_right_state(
    monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...], seconds: float
) -> None:
    day = Day({F: "1"})
    day.step()
    leader = day.sources[LEADER]
    leader.withhold()
    reports = []
    handle = day.leader.buy(CE, lots=4, price=90)
    for change in (
        lambda: handle.modify(lots=2, price=91),
        lambda: handle.fill(lots=1),
        lambda: handle.cancel(),
        lambda: None,
    ):
        reports.append(report_of(handle.now, day.exchange.instrument(handle.now.key)))
        day.clock.advance(seconds)
        change()
    assert [report.status for report in reports] == [
        OrderStatus.PENDING, OrderStatus.PENDING, OrderStatus.PART_TRADED, OrderStatus.CANCELLED
    ]  # fmt: skip
    leader.release([])
    monkeypatch.setattr(leader, "snapshot", unreadable)
    for news in order:
        leader.push(reports[news])
        day.step()
    [row] = day.engine.orders()
    if seconds:
        assert (row["status"], row["filled"]) == ("CANCELLED", 75), "the stream alone says it"
    monkeypatch.undo()
    day.advance(60)
    [row] = day.engine.orders()
    assert (row["status"], row["filled"]) == ("CANCELLED", 75)
    live = [copy.quantity for copy in day.copies() if not copy.status.is_terminal]
    # Who is first heard of when it is over is copied as far as it filled; everybody else's rest is taken back.
    assert live == ([75] if order[0] == 3 else [])
    assert len(day.copies()) <= 1


def unreadable() -> Sequence[OrderReport]:
    raise ReadError("the order book cannot be read")


# T11

PENDING = {
    "exchange": "NSE", "segment": "D", "source": "N", "securityId": "45471", "clientId": "L", "exchOrderNo": "13",
    "orderNo": "4711", "product": "I", "txnType": "B", "orderType": "LMT", "validity": "DAY", "quantity": 150,
    "remainingQuantity": 150, "price": 90.0, "offMktFlag": "0", "orderDateTime": "2026-11-20 10:00:00",
    "exchOrderTime": "2026-11-20 10:00:00", "lastUpdatedTime": "2026-11-20 10:00:00", "mktType": "NL", "legNo": 1,
    "instrument": "OPTIDX", "symbol": "NIFTY", "productName": "INTRADAY", "status": "Pending", "lotSize": 75,
    "expiryDate": "2030-12-26", "optType": "CE", "strikePrice": 22500, "tickSize": 0.05, "correlationId": "NA",
}  # fmt: skip


def frame(**changes: object) -> str:
    return json.dumps({"Data": {**PENDING, **changes}, "Type": "order_alert"})


HOSTILE = {
    "no JSON": "not json at all",
    "cut off": frame()[:200],
    "an unknown status": frame(status="Parked"),
    "an unknown order type": frame(orderType="ICEBERG"),
    "an unknown product": frame(product="Z"),
    "an unknown side": frame(txnType="X"),
    "no order number": frame(orderNo=""),
    "a key twice": frame().replace('"quantity": 150', '"quantity": 150, "quantity": 15000'),
    "a quantity below zero": frame(quantity=-150),
    "a quantity that is no number": frame(quantity="many"),
    "not a number": frame().replace("90.0", "NaN"),
    "an endless price": frame(price=10**400),
    "more than a frame may have": frame(symbol="x" * 1_500_000),
    "nested without end": '{"Data":' * 50_000,
    "an order of nobody": '{"Type": "order_alert"}',
    "a list": "[1, 2, 3]",
    "no object for Data": '{"Type": "order_alert", "Data": "Pending"}',
}
NOT_OURS = {
    "another type of message": '{"Type": "greeting", "Data": {}}',
    "a heartbeat": "",
    "an error message": '{"Error": "Invalid Request", "Code": 808}',
}
"""No order updates, and said to be none."""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_t11_a_frame_that_cannot_be_read_is_recorded_and_never_guessed(wires: Callable[..., kit.Wire], text: str) -> None:
    wire = wires("1")
    books = len(wire.paths("GET", kit.LEADER))
    wire.server.push_frame(text, kit.LEADER, book=False)
    wire.settle()
    assert wire.copies() == [], "nothing was copied from it"
    assert all(fact.report.order_id != "4711" for fact in wire.facts(LeaderReported))
    if len(text) > 1 << 20:
        wire.until(lambda: len(wire.facts(GapDetected)) > 1)  # the connection was given up for it
    else:
        assert [fact.raw for fact in wire.facts(ReportUnreadable)] == [text]
    wire.until(lambda: len(wire.paths("GET", kit.LEADER)) > books)  # the order book is read instead


def test_t11_the_socket_copies_on_after_all_of_them(wire: kit.Wire) -> None:
    for text in [*HOSTILE.values(), *NOT_OURS.values()]:
        wire.server.push_frame(text, kit.LEADER, book=False)
    wire.server.wait_for_sockets(1, kit.LEADER)
    order = wire.buy(150, kit.limit(90))
    wire.until(lambda: wire.copies())
    wire.settle()
    assert wire.copy().quantity == 75
    wire.cancel(order)
    wire.until(lambda: wire.copy().status is OrderStatus.CANCELLED)


# T13


@pytest.mark.parametrize("intent", list(Intent))
@pytest.mark.parametrize("what", ["ten seconds' delay", "halt", "reduce"])
def test_t13_what_may_no_longer_leave_is_withheld_and_on_record(intent: Intent, what: str) -> None:
    day = Day({F: "1"}, store=TrippedStore(DurableMemory()))
    assert isinstance(day.store, TrippedStore)
    day.step()
    if intent is Intent.EXIT:
        day.leader.buy(CE, lots=2)
        day.step()
    asked = day.asked()

    def between(entries: Sequence[Entry]) -> None:
        if not any(isinstance(entry.fact, RequestIssued) for entry in entries):
            return
        day.store.after = lambda entries: None  # type: ignore[union-attr]
        if what == "halt":
            day.engine.halt()
        elif what == "reduce":
            day.engine.reduce()
        else:
            day.clock.advance(10)

    day.store.after = between
    (day.leader.buy if intent is Intent.ENTRY else day.leader.sell)(CE, lots=2)
    day.step()
    may_leave = intent is Intent.EXIT and what != "halt"
    if may_leave:
        assert (day.held(), day.facts(RequestWithheld)) == (0, []), "exits are sacred"
        return
    assert day.asked() == asked
    assert len(day.facts(RequestWithheld)) == 1
    assert day.cells("state")[-1] == "WITHHELD"
    assert "WITHHELD" in day.alarms()

    day.engine.resume()
    day.advance(120)
    if intent is Intent.ENTRY:
        assert day.asked() == asked, "a late entry is never sent"
        assert day.held() == 0
        assert ReasonCode.WITHHELD in [drift.reason for drift in day.facts(DriftDeclared)]
    else:
        assert day.held() == 0, "the exit is planned anew"


# T7: no command leaves without its journal row: a real file, the real client, a real server and a live follower


class Full(SqliteStore):
    """A journal on a disk that can be filled up."""

    def fill_up(self) -> None:
        pages = self._connection.execute("PRAGMA page_count").fetchone()[0]
        self._connection.execute(f"PRAGMA max_page_count = {pages}")


def full(store: Full, trips: TrippedStore) -> Callable[[], None]:
    store.fill_up()
    return lambda: None


def locked(store: Full, trips: TrippedStore) -> Callable[[], None]:
    """Another program writes to the file and does not end."""
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def refusing(store: Full, trips: TrippedStore) -> Callable[[], None]:
    def refuse(entries: Sequence[Entry]) -> None:
        raise StoreError("the journal takes nothing")

    trips.before = refuse
    return lambda: None


@pytest.mark.parametrize("fail", [full, locked, refusing])
def test_t7_a_store_that_cannot_commit_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: Callable[[Full, TrippedStore], Callable[[], None]]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path, alerts = tmp_path / "journal.db", list[str]()
    share = kit.INSTRUMENTS[1]
    with DhanServer(accounts=2, instruments=[share]) as server:
        leader, follower = server.accounts

        def engine_on(store: TrippedStore | Path) -> CopyEngine:
            first, second = (
                DhanAccount(a.client_id, a.access_token, base_url=server.rest_url, feed_url=server.feed_url)
                for a in (leader, follower)
            )
            return CopyEngine(
                [Leader(first)], [Follower(second, size="1", live=True)], store,
                on_alert=lambda alert: alerts.append(alert.code),
            )  # fmt: skip

        inner = Full(path, busy_timeout_seconds=0.01)
        trips = TrippedStore(inner)
        engine = engine_on(trips)
        engine.step()
        heal = fail(inner, trips)
        for price in range(300, 308):
            server.exchange.place(leader.client_id, NewOrder(key=share.key, side=Side.BUY, quantity=10, terms=kit.limit(price)))
        with pytest.raises(StoreError):
            engine.step()
        engine.stop()
        heal()
        asked = [request for request in server.requests(follower.client_id) if request.method != "GET"]
        assert (asked, server.exchange.orders(follower.client_id)) == ([], ())
        assert set(alerts) == {"STORE_FAILED"}

        engine = engine_on(path)
        with engine:
            until(lambda: len(server.exchange.orders(follower.client_id)) == 8)
        prices = [order.price for order in server.exchange.orders(follower.client_id)]
        assert Counter(prices) == Counter(range(300, 308)), "a restart goes on, and each is there once"
