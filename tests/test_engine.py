"""The engine as users hold it: started, stepped, asked, halted and stopped."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy import CopyEngine, Follower, Leader, LogFormat, MemoryStore, SqliteStore, TradingState
from dhan_copy.core.facts import (
    GapDetected,
    AlertRaised,
    CopyAdmitted,
    CopyDeclined,
    EngineStarted,
    Entry,
    LeaderReported,
    OrderReported,
    PositionsReported,
    RequestAccepted,
    RequestIssued,
    RequestWithheld,
    SourceStarted,
    TradingStateChanged,
)
from dhan_copy.core.requests import Submit
from dhan_copy.errors import ConfigurationError, StoreError, StoreLocked
from dhan_copy.model.ids import BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Limit, Market, Product, Side
from dhan_copy.runtime import kernel
from dhan_copy.runtime.feed import Feed
from dhan_copy.runtime.gate import Gate
from dhan_copy.testing.broker import FakeBroker, Fault
from dhan_copy.testing.clock import VirtualClock
from dhan_copy.testing.exchange import SimulatedExchange
from dhan_copy.testing.orders import Instrument, NewOrder, SimulatedOrder
from dhan_copy.testing.source import FakeSource
from dhan_copy.stores.locks import FileLock
from tests.runtime.fakes import PATIENCE_SECONDS, START, ListStore, ScriptedSource, report

OPTION = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("50001"))


class SlowBroker(FakeBroker):
    """A fake broker whose placements wait for ``go_on``."""

    def __init__(self, exchange: SimulatedExchange, account: str) -> None:
        super().__init__(exchange, account)
        self.arrived = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.submits: list[Submit] = []

    def submit(self, request: Submit) -> BrokerOrderId:
        self.submits.append(request)
        self.arrived.set()
        assert self.go_on.wait(PATIENCE_SECONDS)
        return super().submit(request)


class World:
    """A leader and two followers on a simulated exchange. The clock stands still: only news make the engine act."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        self.exchange = SimulatedExchange(self.clock, ["L", "F", "G"])
        self.exchange.add_instrument(
            Instrument(key=OPTION, facts=InstrumentFacts(75, Decimal("0.05")), symbol="NIFTY 22500 CE")
        )
        self.exchange.set_price(OPTION, 100)
        self.brokers = {name: SlowBroker(self.exchange, name) for name in ("F", "G")}
        self.store = ListStore()
        self.engines: list[CopyEngine] = []

    def engine(
        self,
        *,
        store: object = None,
        live: bool = True,
        followers: tuple[str, ...] = ("F",),
        on_alert: Callable[[AlertRaised], object] | None = None,
        on_event: Callable[[Entry], object] | None = None,
    ) -> CopyEngine:
        self.source = FakeSource(self.exchange, "L")
        engine = CopyEngine(
            leaders=[Leader("L", source=self.source)],
            followers=[
                Follower(name, size="1/2", broker=self.brokers[name], source=FakeSource(self.exchange, name), live=live)
                for name in followers
            ],
            store=self.store if store is None else store,  # type: ignore[arg-type]
            clock=self.clock,
            on_alert=on_alert,
            on_event=on_event,
        )
        self.engines.append(engine)
        return engine

    def buy(self, lots: int = 2, price: int | None = None, side: Side = Side.BUY) -> SimulatedOrder:
        terms = Market() if price is None else Limit(Decimal(price))
        return self.exchange.place("L", NewOrder(key=OPTION, side=side, quantity=75 * lots, terms=terms))

    def ready(self) -> None:
        """Wait until the engine knows what the leader holds."""
        self.store.wait_for(PositionsReported)

    def copies(self, follower: str = "F") -> list[tuple[str, int, int]]:
        return [(o.side.value, o.quantity, o.filled_quantity) for o in self.exchange.orders(follower)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(kernel, "_PAUSES_SECONDS", (0.0, 0.01, 0.01))
    world = World()
    yield world
    for broker in world.brokers.values():
        broker.go_on.set()
    for engine in world.engines:
        engine.stop(PATIENCE_SECONDS)


def test_p1_an_order_is_copied_and_the_fill_is_learnt(world: World) -> None:
    with world.engine(followers=("F", "G")) as engine:
        world.ready()
        order = world.buy(lots=2)
        world.store.wait_for(RequestAccepted, count=2)
        world.store.wait_for(OrderReported, count=2)
        assert world.copies("F") == world.copies("G") == [("BUY", 75, 75)]
        assert [row["code"] for row in engine.decisions()] == ["COPIED", "COPIED"]
        story = [row["what"] for row in engine.explain(order.order_id)]
        assert any(str(line).startswith("Decided to place BUY 75") for line in story)
        assert [row["account"] for row in engine.status()] == ["L", "F", "G"]
    assert engine.stop() == ()
    assert [row["done"] for row in engine.orders()] == [75, 75]
    assert [row["owned"] for row in engine.drift()] == [75, 75]
    assert world.store.closed == 1


def test_every_request_is_durable_before_it_reaches_the_broker(world: World) -> None:
    seen: list[bool] = []
    submit = world.brokers["F"].submit

    def checked(request: Submit) -> BrokerOrderId:
        seen.append(RequestIssued(request=request) in world.store.facts(RequestIssued))
        return submit(request)

    world.brokers["F"].submit = checked  # type: ignore[method-assign]
    with world.engine():
        world.ready()
        for _ in range(5):
            world.buy()
        world.store.wait_for(RequestAccepted, count=5)
    assert seen == [True] * 5


def test_t4_a_restart_sends_nothing_again(world: World) -> None:
    with world.engine():
        world.ready()
        world.buy()
        world.store.wait_for(RequestAccepted)
    with world.engine():
        world.store.wait_for(EngineStarted, count=2)
        world.store.wait_for(GapDetected, count=2)
        world.buy(lots=4)
        world.store.wait_for(RequestAccepted, count=2)
    assert [quantity for _, quantity, _ in world.copies()] == [75, 150]
    started = [fact for fact in world.store.facts(EngineStarted) if isinstance(fact, EngineStarted)]
    assert [fact.epoch for fact in started] == [1, 2]
    assert len(world.store.facts(SourceStarted)) == 2


def test_k6_a_follower_that_is_not_live_decides_and_sends_nothing(world: World) -> None:
    with world.engine(live=False) as engine:
        world.ready()
        world.buy()
        world.store.wait_for(OrderReported)
        assert engine.drift().to_dicts()[0]["owned"] == 75
    assert world.brokers["F"].submits == [] and world.copies() == []


def test_p15_a_follower_that_hangs_does_not_delay_the_other(world: World) -> None:
    world.brokers["F"].go_on.clear()
    with world.engine(followers=("F", "G")):
        world.ready()
        for _ in range(3):
            world.buy()
        world.store.wait_for(RequestAccepted, count=3)
        assert len(world.copies("G")) == 3 and world.copies("F") == []
        world.brokers["F"].go_on.set()
        world.store.wait_for(RequestAccepted, count=6)


def test_t7_a_store_that_cannot_commit_sends_nothing_and_wait_raises(world: World) -> None:
    alerts: list[AlertRaised] = []
    engine = world.engine(on_alert=alerts.append)
    engine.start()
    world.ready()
    world.store.fail_before = [StoreError("disk full")] * 100
    world.buy()
    with pytest.raises(StoreError, match="disk full"):
        engine.wait(PATIENCE_SECONDS)
    with pytest.raises(StoreError, match="stopped"):
        engine.halt()
    engine.stop(PATIENCE_SECONDS)
    assert world.brokers["F"].submits == []
    assert [alert.code for alert in alerts][-1] == "ENGINE_STOPPED"
    world.store.fail_before = []
    with world.engine():
        world.store.wait_for(CopyAdmitted, CopyDeclined)


def test_a_journal_that_cannot_be_read_ends_the_start_and_frees_it(world: World) -> None:
    world.store.unreadable = StoreError("gone")
    with pytest.raises(StoreError, match="gone"):
        world.engine().start()
    assert world.store.closed == 1


def test_t13_after_halt_has_returned_no_new_entry_leaves(world: World) -> None:
    broker = world.brokers["F"]
    with world.engine() as engine:
        world.ready()
        broker.go_on.clear()
        world.buy()
        assert broker.arrived.wait(PATIENCE_SECONDS)
        world.buy()
        world.store.wait_for(RequestIssued, count=2)
        still_out = engine.halt(timeout=0.01)
        assert still_out == (broker.submits[0].client_order_id,)
        broker.go_on.set()
        assert engine.halt() == ()
        world.store.wait_for(RequestWithheld)
        world.buy()
        world.store.wait_for(CopyDeclined)
        assert len(broker.submits) == 1
        assert [row["trading"] for row in engine.status()][1] == "HALTED"


def test_what_was_said_is_remembered_over_a_restart(world: World) -> None:
    with world.engine(followers=("F", "G")) as engine:
        engine.halt("F")
        engine.reduce("G")
    with world.engine(followers=("F", "G")) as engine:
        assert [row["trading"] for row in engine.status()][1:] == ["HALTED", "REDUCING"]
        world.ready()
        world.buy()
        world.store.wait_for(CopyDeclined, count=2)
        engine.resume("F")
        engine.resume("G")
        assert [row["trading"] for row in engine.status()][1:] == ["ACTIVE", "ACTIVE"]
        world.buy()
        world.store.wait_for(RequestAccepted, count=2)
    assert [fact.state for fact in world.store.facts(TradingStateChanged) if isinstance(fact, TradingStateChanged)] == [
        TradingState.HALTED, TradingState.REDUCING, TradingState.ACTIVE, TradingState.ACTIVE,
    ]  # fmt: skip


def test_reduce_lets_exits_leave(world: World) -> None:
    with world.engine() as engine:
        world.ready()
        world.buy()
        world.store.wait_for(OrderReported)
        engine.reduce()
        world.buy(side=Side.SELL)
        world.store.wait_for(RequestAccepted, count=2)
    assert [side for side, _, _ in world.copies()] == ["BUY", "SELL"]


def test_an_unknown_follower_is_named(world: World) -> None:
    with pytest.raises(ConfigurationError, match="'X'.*F"):
        world.engine().halt("X")


def test_stop_says_what_stayed_unknown_and_the_next_start_asks_about_it(world: World) -> None:
    broker = world.brokers["F"]
    broker.go_on.clear()
    engine = world.engine()
    engine.start()
    world.ready()
    world.buy()
    assert broker.arrived.wait(PATIENCE_SECONDS)
    assert engine.stop(0.05) == (broker.submits[0].client_order_id,)
    assert world.store.facts(RequestAccepted) == []
    broker.go_on.set()


def test_stop_waits_for_the_answer_and_journals_it(world: World) -> None:
    broker = world.brokers["F"]
    broker.go_on.clear()
    engine = world.engine()
    engine.start()
    world.ready()
    world.buy()
    assert broker.arrived.wait(PATIENCE_SECONDS)
    threading.Timer(0.05, broker.go_on.set).start()
    assert engine.stop(PATIENCE_SECONDS) == ()
    assert len(world.store.facts(RequestAccepted)) == 1
    assert engine.orders().to_dicts()[0]["broker_order_id"] == world.exchange.orders("F")[0].order_id
    assert engine.wait(0)


def test_answers_that_cannot_be_journaled_while_stopping_do_not_stop_the_stopping(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broker = world.brokers["F"]
    broker.go_on.clear()
    engine = world.engine()
    engine.start()
    world.ready()
    world.buy()
    assert broker.arrived.wait(PATIENCE_SECONDS)
    world.store.fail_before = [StoreError("disk full")]
    threading.Timer(0.05, broker.go_on.set).start()
    engine.stop(PATIENCE_SECONDS)
    assert "could not be journaled" in caplog.text
    assert world.store.closed == 1


def test_f09_callbacks_that_raise_block_or_call_in_do_not_stop_the_copying(world: World) -> None:
    go_on = threading.Event()
    answers: list[int] = []

    def on_event(entry: Entry) -> None:
        if isinstance(entry.fact, LeaderReported):
            answers.append(len(engine.orders()))
            go_on.wait(PATIENCE_SECONDS)
        raise RuntimeError("the user's bug")

    def on_alert(alert: AlertRaised) -> None:
        raise KeyError("another")

    engine = world.engine(on_alert=on_alert, on_event=on_event)
    with engine:
        world.ready()
        for _ in range(3):
            world.buy()
        world.store.wait_for(RequestAccepted, count=3)
        go_on.set()
    assert len(world.copies()) == 3 and answers


def test_a_callback_may_stop_the_engine(world: World) -> None:
    stopped = threading.Event()

    def on_event(entry: Entry) -> None:
        if isinstance(entry.fact, RequestAccepted):
            engine.stop(PATIENCE_SECONDS)
            stopped.set()

    engine = world.engine(on_event=on_event)
    engine.start()
    world.ready()
    world.buy()
    assert stopped.wait(PATIENCE_SECONDS)
    assert engine.wait(PATIENCE_SECONDS)


def test_callbacks_get_every_entry_and_every_alert(world: World) -> None:
    entries: list[Entry] = []
    alerts: list[AlertRaised] = []
    world.brokers["F"].fail_next(Fault.ANSWER_LOST)
    with world.engine(on_alert=alerts.append, on_event=entries.append):
        world.ready()
        world.buy()
        world.store.wait_for(AlertRaised)
    assert [entry.position for entry in entries] == list(range(1, len(world.store.entries) + 1))
    assert [alert.code for alert in alerts] == ["UNRESOLVED"]


def test_f09_a_callback_that_misses_entries_raises_an_alert(world: World) -> None:
    engine = world.engine()
    engine._callbacks._capacity = 0
    engine._on_event = lambda entry: None
    with engine:
        world.store.wait_for(AlertRaised)
        assert engine._callbacks.dropped > 0


def test_step_copies_without_threads(world: World) -> None:
    engine = world.engine()
    before = threading.active_count()
    engine.step()
    world.buy()
    happened = engine.step()
    assert threading.active_count() == before
    assert any("Decided to place BUY 75" in str(row["what"]) for row in happened)
    assert world.copies() == [("BUY", 75, 75)]
    assert engine.drift().to_dicts()[0]["difference"] == 0
    assert engine.due is not None and engine.due > world.clock.monotonic()
    assert all(row["what"] for row in engine.step())
    assert len(world.copies()) == 1
    assert engine.stop() == ()


def test_step_delivers_callbacks_before_it_returns(world: World) -> None:
    entries: list[Entry] = []
    errors: list[str] = []

    def on_event(entry: Entry) -> None:
        entries.append(entry)
        if len(entries) == 1:
            errors.append(str(len(engine.orders())))

    engine = world.engine(on_event=on_event)
    engine.step()
    assert [entry.position for entry in entries] == [entry.position for entry in world.store.entries]
    assert errors == ["0"]


def test_step_inside_step_is_refused(world: World) -> None:
    problems: list[BaseException] = []

    class Sizer:
        def size(self, order: object, accounts: object) -> object:
            try:
                engine.step()
            except ConfigurationError as error:
                problems.append(error)
            raise ValueError

    engine = CopyEngine(
        [Leader("L", source=FakeSource(world.exchange, "L"))],
        [Follower("F", size=Sizer(), broker=world.brokers["F"], live=True)],  # type: ignore[arg-type]
        world.store,
        clock=world.clock,
    )
    engine.step()
    world.buy()
    engine.step()
    engine.stop()
    assert len(problems) == 1


def test_an_engine_that_was_stepped_can_be_started_but_not_the_other_way_round(world: World) -> None:
    engine = world.engine()
    engine.step()
    engine.start()
    with pytest.raises(ConfigurationError, match="own threads"):
        engine.step()
    with pytest.raises(ConfigurationError, match="already"):
        engine.start()
    world.buy()
    world.store.wait_for(RequestAccepted)
    engine.stop()
    with pytest.raises(ConfigurationError, match="stopped"):
        engine.start()


def test_an_interrupted_step_is_repeated_from_the_journal(world: World) -> None:
    engine = world.engine()
    engine.step()
    world.buy()
    world.brokers["F"].fail_next(Fault.NEVER_ARRIVED)
    world.store.fail_before = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        engine.step()
    world.brokers["F"].heal()
    engine.step()
    assert world.copies() == [("BUY", 75, 75)]
    assert len(world.store.facts(EngineStarted)) == 2


@pytest.mark.parametrize("known", [False, True])
def test_a_first_step_that_was_interrupted_while_it_read_the_journal_is_begun_anew(
    world: World, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        world.engine().step()
        world.buy()
        world.engine().step()
    engine = world.engine()
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "read", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.step()
    engine.step()
    assert len(world.store.facts(EngineStarted)) == (3 if known else 1)
    assert {fact.account for fact in world.store.facts(SourceStarted)} == {"L", "F"}
    assert world.store.facts(AlertRaised) == []
    assert world.copies() == ([("BUY", 75, 75)] if known else [])


def _interrupted(after: int = 0) -> Iterator[Entry]:
    raise KeyboardInterrupt


def test_asking_an_engine_that_was_never_started_reads_its_journal(world: World) -> None:
    with world.engine():
        world.ready()
        order = world.buy()
        world.store.wait_for(RequestAccepted)
    engine = world.engine()
    assert len(engine.orders()) == 1
    assert len(engine.explain(order.order_id)) > 3
    engine.stop()
    assert world.engine().stop() == ()
    fresh = world.engine()
    fresh.stop()
    assert len(fresh.orders()) == 0
    with pytest.raises(StoreError, match="not open"):
        fresh.explain("1")


def test_f06_a_stop_that_ctrl_c_cut_short_is_finished_by_the_next(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "copies.db"
    first = world.engine(store=path)
    first.step()
    release = FileLock.release

    def interrupted(lock: FileLock) -> None:
        monkeypatch.setattr(FileLock, "release", release)
        raise KeyboardInterrupt

    monkeypatch.setattr(FileLock, "release", interrupted)
    with pytest.raises(KeyboardInterrupt):
        first.stop()
    with pytest.raises(StoreLocked):
        world.engine(store=path).step()
    first.stop()
    second = world.engine(store=path)
    second.step()
    second.stop()


def test_a_file_is_an_sqlite_journal_that_two_engines_cannot_share(world: World, tmp_path: Path) -> None:
    path = tmp_path / "copies.db"
    first = world.engine(store=str(path))
    first.step()
    order = world.buy()
    first.step()
    with pytest.raises(StoreLocked):
        world.engine(store=path).start()
    first.stop()
    assert len(first.explain(order.order_id)) > 3
    store = SqliteStore.open_readonly(path)
    assert any(isinstance(entry.fact, RequestAccepted) for entry in store.read())
    store.close()
    second = world.engine(store=path)
    second.step()
    second.stop()
    assert len(world.copies()) == 1


class Account:
    """What a DhanAccount looks like from here."""

    def __init__(self, world: World, name: str, client_id: str) -> None:
        self._world = world
        self._name = name
        self.client_id = client_id

    def broker(self) -> FakeBroker:
        return self._world.brokers[self._name]

    def feed(self, *, linked: bool = False, forever: bool = False) -> FakeSource:
        return FakeSource(self._world.exchange, self._name, linked=linked)


def test_t6_two_journals_cannot_serve_one_live_account(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))

    def engine(live: bool) -> CopyEngine:
        made = CopyEngine(
            [Leader("L", source=FakeSource(world.exchange, "L"))],
            [Follower(Account(world, "F", "1000000002"), size="1", live=live)],
            ListStore(),
            clock=world.clock,
        )
        world.engines.append(made)
        return made

    first = engine(live=True)
    first.step()
    with pytest.raises(StoreLocked):
        engine(live=True).start()
    engine(live=False).step()
    first.stop()
    engine(live=True).step()


def test_memory_is_refused_for_live_followers(world: World) -> None:
    with pytest.raises(ConfigurationError, match="memory"):
        world.engine(store=MemoryStore())
    world.engine(store=MemoryStore(), live=False).step()


def test_a_leader_whose_positions_were_given_trades_from_them(world: World) -> None:
    def engine(held: int) -> CopyEngine:
        source = ScriptedSource()
        source.book = [report("1", filled=150)] if held else []
        made = CopyEngine(
            [Leader("L", source=source, positions={(OPTION, Product.INTRADAY): -150})],
            [Follower("F", size="1", broker=world.brokers["F"], live=True)],
            world.store,
            clock=world.clock,
        )
        world.engines.append(made)
        return made

    first = engine(0)
    first.step()
    first.stop()
    second = engine(1)
    second.step()
    reports = [fact for fact in world.store.facts(PositionsReported) if isinstance(fact, PositionsReported)]
    assert [[p.net_quantity for p in fact.positions] for fact in reports] == [[-150]]
    (row,) = second.decisions().to_dicts()
    assert (row["code"], row["detail"]) == ("COPIED", "an exit, and nothing is held yet")


def send_when_ready(world: World, number: signal.Signals) -> None:
    def send() -> None:
        world.ready()
        os.kill(os.getpid(), number)

    threading.Thread(target=send).start()


def test_run_ends_with_sigterm(world: World) -> None:
    engine = world.engine()
    send_when_ready(world, signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)
    engine.run()
    assert signal.getsignal(signal.SIGTERM) is before
    assert engine.wait(0) and world.store.closed == 1


def test_run_ends_with_ctrl_c(world: World) -> None:
    engine = world.engine()
    send_when_ready(world, signal.SIGINT)
    # A shell starts what it puts into the background with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        engine.run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert world.store.closed == 1


def test_run_on_another_thread_ends_with_stop_and_raises_what_ended_the_engine(world: World) -> None:
    engine = world.engine()
    runner = threading.Thread(target=engine.run)
    runner.start()
    world.ready()
    engine.stop(PATIENCE_SECONDS)
    runner.join(PATIENCE_SECONDS)
    assert not runner.is_alive()
    second = world.engine()
    world.store.fail_before = [StoreError("disk full")] * 100
    with pytest.raises(StoreError, match="disk full"):
        second.run()


def test_run_on_another_thread_leaves_the_journal_to_the_stop_that_waits_for_an_answer(world: World, tmp_path: Path) -> None:
    broker = world.brokers["F"]
    broker.go_on.clear()
    path = tmp_path / "copies.db"
    arrived = threading.Event()

    def has_begun(entry: Entry) -> None:
        if isinstance(entry.fact, PositionsReported):
            arrived.set()

    engine = world.engine(store=path, on_event=has_begun)
    runner = threading.Thread(target=engine.run)
    runner.start()
    assert arrived.wait(PATIENCE_SECONDS)
    world.buy()
    assert broker.arrived.wait(PATIENCE_SECONDS)

    def ends() -> None:
        runner.join(PATIENCE_SECONDS)
        broker.go_on.set()

    answering = threading.Thread(target=ends)
    answering.start()
    assert engine.stop(PATIENCE_SECONDS) == ()
    answering.join()
    store = SqliteStore.open_readonly(path)
    assert any(isinstance(entry.fact, RequestAccepted) for entry in store.read())
    store.close()


@pytest.mark.parametrize(("of", "what"), [(kernel.Kernel, "start"), (Feed, "start")])
def test_a_stop_while_it_is_being_started_leaves_nothing_running(
    world: World, monkeypatch: pytest.MonkeyPatch, of: type, what: str
) -> None:
    engine = world.engine()
    stopper = threading.Thread(target=engine.stop)
    closed = threading.Event()
    before = set(threading.enumerate())
    start, close = getattr(of, what), Gate.close

    def start_and_stop(*args: object) -> object:
        done = start(*args)
        if not stopper.ident:
            stopper.start()
            assert closed.wait(PATIENCE_SECONDS)
        return done

    def close_and_tell(gate: Gate) -> None:
        close(gate)
        closed.set()

    monkeypatch.setattr(of, what, start_and_stop)
    monkeypatch.setattr(Gate, "close", close_and_tell)
    engine.start()
    stopper.join(PATIENCE_SECONDS)
    assert not stopper.is_alive()
    assert set(threading.enumerate()) <= before


def test_log_lines_are_written_for_every_entry(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="dhan_copy")
    engine = CopyEngine(
        [Leader("L", source=FakeSource(world.exchange, "L"))],
        [Follower("F", size="1")],
        MemoryStore(),
        clock=world.clock,
        log_format=LogFormat.JSON,
    )
    engine.step()
    engine.stop()
    assert [record.getMessage().split(",")[0] for record in caplog.records][:2] == ['{"position": 1', '{"position": 2']
