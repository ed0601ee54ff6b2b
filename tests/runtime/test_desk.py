"""Every command is answered with facts, whatever the broker does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy.core.facts import (
    BookRead,
    Channel,
    Fact,
    FundsReported,
    KillSwitchAnswered,
    KillSwitchRead,
    LeaderReported,
    OrderNotFound,
    OrderReported,
    Outcome,
    OutcomeUnresolved,
    PositionsReported,
    ReadFailed,
    Refusal,
    RequestAccepted,
    RequestRejected,
    RequestWithheld,
    TradingState,
)
from dhan_copy.core.requests import (
    Cancel,
    Command,
    Intent,
    Modify,
    Query,
    Read,
    ReadFunds,
    ReadKillSwitch,
    ReadOrders,
    ReadPositions,
    Request,
    Submit,
    TurnKillSwitch,
)
from dhan_copy.errors import (
    AuthenticationError,
    BrokerError,
    KillSwitchRefused,
    OrderStateChanged,
    PlacementRejected,
    RateLimited,
    ReadError,
    RequestTimedOut,
    Unresolved,
)
from dhan_copy.model.account import Funds, Position
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import ForeverLeg, Leg, OrderReport, OrderStatus, Product, StopLimit, Variety
from dhan_copy.protocols import Broker
from dhan_copy.runtime.desk import FollowerDesk, Job, LeaderDesk, words
from dhan_copy.runtime.gate import Gate
from dhan_copy.runtime.inbox import Batch
from dhan_copy.testing.clock import VirtualClock
from tests.runtime.fakes import (
    FOLLOWER,
    LEADER,
    START,
    ReadingBroker,
    ReadingSource,
    ScriptedBroker,
    ScriptedSource,
    cancel,
    modify,
    report,
    submit,
    tag,
    with_deadline,
)

REQUESTS = [submit(), modify(), cancel()]


class Bench:
    """A follower's desk with everything around it."""

    def __init__(self, broker: Broker | None = None) -> None:
        self.broker = ReadingBroker() if broker is None else broker
        self.clock = VirtualClock(START)
        self.gate = Gate()
        self.desk = FollowerDesk(FOLLOWER, self.broker, self.clock, self.gate)
        self.batches: list[Batch] = []

    def perform(self, command: Command, deadline: float | None = None) -> list[Fact]:
        before = len(self.batches)
        self.desk.perform(Job(command, deadline), self.batches.append)
        return [fact for batch in self.batches[before:] for fact in batch]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_that_is_taken_is_accepted(request_: Request) -> None:
    bench = Bench(broker := ScriptedBroker())
    assert bench.perform(request_) == [
        RequestAccepted(
            follower=FOLLOWER,
            client_order_id=request_.client_order_id,
            attempt=request_.attempt,
            broker_order_id=broker.answer,  # type: ignore[arg-type]
        )
    ]
    assert broker.calls == [request_]


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize(
    ("error", "refusal", "final"),
    [
        (PlacementRejected("no", code="DH-906", text="RMS:Blocked"), Refusal.OTHER, True),
        (PlacementRejected("no", code="DH-906", text="RMS:Blocked", final=False), Refusal.OTHER, False),
        (OrderStateChanged("no", text="Order Has Traded Please Refresh Order Book"), Refusal.ORDER_STATE, True),
        (AuthenticationError("no", code="DH-901", text="Invalid Token"), Refusal.AUTHENTICATION, False),
        (RateLimited("no", code="DH-904", text="Too many"), Refusal.RATE_LIMIT, False),
    ],
)
def test_r1_a_definite_no_keeps_the_brokers_words(request_: Request, error: BrokerError, refusal: Refusal, final: bool) -> None:
    bench = Bench(broker := ScriptedBroker())
    broker.error = error
    assert bench.perform(request_) == [
        RequestRejected(
            follower=FOLLOWER,
            client_order_id=request_.client_order_id,
            attempt=request_.attempt,
            refusal=refusal,
            code=error.code,
            text=error.text,
            final=final,
        )
    ]


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize(
    "error",
    [
        Unresolved("cut"),
        RequestTimedOut("10 s"),
        ReadError("odd, but nothing definite"),
        ConnectionResetError(104, "reset"),
        TimeoutError(),
        ValueError("bad JSON"),
        KeyError("orderId"),
        MemoryError(),
        RecursionError("deep"),
        StopIteration(),
    ],
)
def test_r3_any_other_exception_leaves_the_outcome_unknown(request_: Request, error: Exception) -> None:
    bench = Bench(broker := ScriptedBroker())
    broker.error = error
    (fact,) = bench.perform(request_)
    assert isinstance(fact, OutcomeUnresolved)
    assert (fact.client_order_id, fact.attempt) == (request_.client_order_id, request_.attempt)
    assert type(error).__name__ in fact.problem


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
def test_the_answer_is_not_lost_when_the_thread_is_interrupted(request_: Request, error: BaseException) -> None:
    bench = Bench(broker := ScriptedBroker())
    broker.error = error
    with pytest.raises(type(error)):
        bench.perform(request_)
    ((fact,),) = bench.batches
    assert isinstance(fact, OutcomeUnresolved)
    assert bench.gate.wait(0) == ()


@pytest.mark.parametrize("answer", [None, "", 7, b"1", []])
def test_an_answer_that_is_no_order_id_leaves_the_outcome_unknown(answer: object) -> None:
    bench = Bench(broker := ScriptedBroker())
    broker.answer = answer
    assert isinstance(bench.perform(submit())[0], OutcomeUnresolved)


def test_t13_an_entry_that_is_late_never_leaves() -> None:
    bench = Bench(broker := ScriptedBroker())
    bench.clock.advance(5.1)
    (fact,) = bench.perform(with_deadline(submit(), 5))
    assert isinstance(fact, RequestWithheld) and "too late" in fact.problem
    assert broker.calls == []


def test_t13_an_entry_is_late_although_the_wall_clock_was_set_back() -> None:
    bench = Bench(broker := ScriptedBroker())
    request = with_deadline(submit(), 5)
    job = Job.of(request, bench.clock.now(), bench.clock.monotonic())
    bench.clock.advance(60)
    bench.clock.set_wall(START - timedelta(hours=1))
    bench.desk.perform(job, bench.batches.append)
    assert isinstance(bench.batches[0][0], RequestWithheld)
    assert broker.calls == []


def test_a_halted_entry_never_leaves() -> None:
    bench = Bench(broker := ScriptedBroker())
    bench.gate.allow(TradingState.HALTED)
    assert isinstance(bench.perform(submit())[0], RequestWithheld)
    assert isinstance(bench.perform(cancel())[0], RequestAccepted)
    assert [type(call).__name__ for call in broker.calls] == ["Cancel"]


def test_a_follower_without_a_broker_withholds_and_fails_reads() -> None:
    bench = Bench()
    bench.desk = FollowerDesk(FOLLOWER, None, bench.clock, bench.gate)
    assert isinstance(bench.perform(submit())[0], RequestWithheld)
    assert isinstance(bench.perform(ReadOrders(account=FOLLOWER))[0], ReadFailed)
    assert bench.gate.wait(0) == ()


def test_a_query_that_finds_the_order_is_followed_by_the_book() -> None:
    bench = Bench(broker := ScriptedBroker())
    broker.found = report("B1", client_id=tag())
    broker.book = [report("B1", client_id=tag()), report("X", client_id=None)]
    bench.perform(Query(follower=FOLLOWER, client_order_id=tag()))
    (found,), book = bench.batches
    assert found == OrderReported(follower=FOLLOWER, report=report("B1", client_id=tag()), channel=Channel.BOOK, read_at=START)
    assert [type(fact) for fact in book] == [OrderReported, OrderReported, BookRead]
    assert book[-1] == BookRead(account=FOLLOWER, read_at=START, tags=(tag(),))


def test_a_query_that_finds_nothing_is_followed_by_the_book() -> None:
    bench = Bench(ScriptedBroker())
    assert bench.perform(Query(follower=FOLLOWER, client_order_id=tag())) == [
        OrderNotFound(follower=FOLLOWER, client_order_id=tag(), read_at=START),
        BookRead(account=FOLLOWER, read_at=START, tags=()),
    ]


def test_a_lookup_that_answers_with_another_order_is_a_failed_read_and_not_evidence() -> None:
    bench = Bench(broker := ScriptedBroker())
    broker.found = report("B2", client_id=tag(2))
    first = bench.perform(Query(follower=FOLLOWER, client_order_id=tag()))[0]
    assert isinstance(first, ReadFailed) and first.what == f"Query:{tag()}"


@pytest.mark.parametrize(
    ("read", "what"),
    [
        (Query(follower=FOLLOWER, client_order_id=tag()), f"Query:{tag()}"),
        (ReadOrders(account=FOLLOWER), "ReadOrders"),
        (ReadPositions(account=FOLLOWER), "ReadPositions"),
        (ReadFunds(account=FOLLOWER), "ReadFunds"),
    ],
)
@pytest.mark.parametrize("error", [ReadError("502"), ValueError("html"), Unresolved("cut"), PlacementRejected("no")])
def test_a_read_that_fails_is_never_taken_for_none(read: Command, what: str, error: Exception) -> None:
    bench = Bench()
    bench.broker.error = error  # type: ignore[attr-defined]
    facts = bench.perform(read)
    assert all(isinstance(fact, ReadFailed) for fact in facts)
    first = facts[0]
    assert isinstance(first, ReadFailed) and first.what == what and first.account == FOLLOWER


def test_a_read_that_is_interrupted_is_answered_before_the_interruption_goes_on() -> None:
    bench = Bench(broker := ScriptedBroker())
    broker.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        bench.perform(ReadOrders(account=FOLLOWER))
    assert isinstance(bench.batches[0][0], ReadFailed)


@pytest.mark.parametrize("book", [None, [None], ["row"], [{"orderId": "1"}], 7])
def test_a_book_of_anything_else_is_a_failed_read(book: object) -> None:
    bench = Bench(broker := ScriptedBroker())
    broker.book = book
    (fact,) = bench.perform(ReadOrders(account=FOLLOWER))
    assert isinstance(fact, ReadFailed)


def test_a_broker_that_cannot_read_the_account_fails_the_read() -> None:
    bench = Bench(ScriptedBroker())
    assert isinstance(bench.perform(ReadPositions(account=FOLLOWER))[0], ReadFailed)


def test_funds_and_positions_are_reported_with_the_time_at_which_the_read_began() -> None:
    bench = Bench(broker := ReadingBroker())
    broker.held = [Position(ExchangeSegment.NSE_EQ, SecurityId("1333"), Product.CNC, 5)]
    assert bench.perform(ReadFunds(account=FOLLOWER)) == [
        FundsReported(account=FOLLOWER, read_at=START, funds=Funds(Decimal(1000), Decimal(2000)))
    ]
    assert bench.perform(ReadPositions(account=FOLLOWER)) == [
        PositionsReported(account=FOLLOWER, read_at=START, positions=tuple(broker.held))
    ]


def leader(source: ScriptedSource) -> tuple[LeaderDesk, list[Batch], Callable[[Command], Batch]]:
    reader = source if isinstance(source, ReadingSource) else None
    desk = LeaderDesk(LEADER, source, reader, VirtualClock(START))
    batches: list[Batch] = []

    def perform(command: Command) -> Batch:
        desk.perform(Job(command), batches.append)
        return batches[-1]

    return desk, batches, perform


def test_a_leaders_book_is_one_batch() -> None:
    source = ScriptedSource()
    source.book = [report("1"), report("2")]
    _, _, perform = leader(source)
    batch = perform(ReadOrders(account=LEADER))
    assert [type(fact) for fact in batch] == [LeaderReported, LeaderReported, BookRead]
    assert isinstance(batch[0], LeaderReported) and batch[0].leader == LEADER and batch[0].channel is Channel.BOOK


def test_a_leaders_positions_come_with_his_book() -> None:
    source = ReadingSource()
    source.book = [report("1")]
    _, _, perform = leader(source)
    assert [type(fact) for fact in perform(ReadPositions(account=LEADER))] == [
        LeaderReported, BookRead, PositionsReported,
    ]  # fmt: skip
    source.positions_error = ReadError("502")
    assert [type(fact) for fact in perform(ReadPositions(account=LEADER))] == [LeaderReported, BookRead, ReadFailed]
    source.error = ReadError("502")
    assert [type(fact) for fact in perform(ReadPositions(account=LEADER))] == [ReadFailed]


def test_a_leaders_funds() -> None:
    _, _, perform = leader(ReadingSource())
    assert isinstance(perform(ReadFunds(account=LEADER))[0], FundsReported)


@pytest.mark.parametrize("read", [ReadFunds(account=LEADER), ReadPositions(account=LEADER)])
def test_a_source_that_cannot_read_the_account_fails_the_read(read: Command) -> None:
    _, _, perform = leader(ScriptedSource())
    assert isinstance(perform(read)[0], ReadFailed)


def test_nothing_is_ever_sent_to_a_leaders_account() -> None:
    _, batches, perform = leader(ReadingSource())
    assert isinstance(perform(submit())[0], RequestWithheld)
    perform(Query(follower=LEADER, client_order_id=tag()))
    assert isinstance(batches[1][0], ReadFailed)


def test_urgency_puts_cancels_first_then_exits_then_entries_then_what_exits_wait_for_then_reads() -> None:
    commands: list[Command] = [
        cancel(),
        submit(intent=Intent.EXIT),
        submit(),
        ReadPositions(account=FOLLOWER),
        Query(follower=FOLLOWER, client_order_id=tag()),
        ReadOrders(account=FOLLOWER),
    ]
    urgencies = [Job(command).urgency for command in commands]
    assert urgencies == sorted(set(urgencies))
    assert Job(modify(intent=Intent.EXIT)).urgency == urgencies[1]
    assert Job(ReadFunds(account=FOLLOWER)).urgency == urgencies[5]


def test_only_what_has_a_deadline_gets_one() -> None:
    assert Job.of(submit(), START, 100.0).deadline is None
    assert Job.of(cancel(), START, 100.0).deadline is None
    assert Job.of(with_deadline(submit(), 5), START, 100.0).deadline == 105.0


def test_words_survive_an_exception_that_cannot_be_written() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert words(Unspeakable()).startswith("Unspeakable: ")
    assert words(ValueError()) == "ValueError"
    assert words(ReadError("502", account="F")) == "ReadError: 502"
    assert len(words(ValueError("x" * 100_000))) == 2_000


class ForeverBroker(ReadingBroker):
    """Takes Forever orders, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[object, ...]] = []
        self.list_error: Exception | None = None

    def submit_forever(self, request: Submit, stop: ForeverLeg | None = None) -> BrokerOrderId:
        self.asked.append(("submit", request.terms, stop))
        return BrokerOrderId("77")

    def modify_forever(self, request: Modify, *, oco: bool) -> None:
        self.asked.append(("modify", request.leg, request.terms, request.quantity, oco))

    def cancel_forever(self, request: Cancel) -> None:
        self.asked.append(("cancel", request.broker_order_id))

    def forever(self) -> Sequence[OrderReport]:
        if self.list_error is not None:
            raise self.list_error
        waiting = evolve(report(), variety=Variety.FOREVER, terms=ABOVE, status=OrderStatus.CONFIRM)
        return (evolve(waiting, leg=Leg.TARGET), evolve(waiting, leg=Leg.STOP))


ABOVE, BELOW = StopLimit(Decimal(110), Decimal(111)), StopLimit(Decimal(90), Decimal(89))
SECOND = ForeverLeg(terms=BELOW, quantity=150)


def test_l10_forever_orders_go_their_own_ways() -> None:
    broker = ForeverBroker()
    bench = Bench(broker)
    [taken] = bench.perform(evolve(submit(), forever=True, terms=ABOVE, second_leg=SECOND))
    assert isinstance(taken, RequestAccepted) and taken.broker_order_id == "77"
    change = evolve(modify(), forever=True, terms=ABOVE, second_leg=SECOND)
    for request_ in (evolve(change, leg=Leg.TARGET), evolve(change, leg=Leg.STOP), evolve(change, second_leg=None)):
        assert [type(fact) for fact in bench.perform(request_)] == [RequestAccepted]
    bench.perform(evolve(cancel(), forever=True))
    assert broker.asked == [
        ("submit", ABOVE, SECOND), ("modify", Leg.TARGET, ABOVE, change.quantity, True),
        ("modify", Leg.STOP, BELOW, 150, True), ("modify", Leg.ENTRY, ABOVE, change.quantity, False),
        ("cancel", cancel().broker_order_id),
    ]  # fmt: skip


def test_l10_a_broker_without_them_refuses() -> None:
    [no] = Bench().perform(evolve(submit(), forever=True, terms=ABOVE))
    assert isinstance(no, RequestRejected) and no.final


def test_l10_the_list_is_read_with_the_book_where_it_is_asked_for() -> None:
    bench = Bench(ForeverBroker())
    *_, plain = bench.perform(ReadOrders(account=FOLLOWER))
    *rows, listed = bench.perform(ReadOrders(account=FOLLOWER, forever=True))
    assert isinstance(plain, BookRead) and plain.forever is None
    assert isinstance(listed, BookRead) and listed.forever == (report().order_id,)
    assert len([row for row in rows if isinstance(row, OrderReported) and row.report.variety is Variety.FOREVER]) == 2


def test_l10_a_list_that_cannot_be_read_is_told_and_the_book_stands() -> None:
    broker = ForeverBroker()
    broker.list_error = ReadError("no")
    *_, read, problem = Bench(broker).perform(ReadOrders(account=FOLLOWER, forever=True))
    assert isinstance(read, BookRead) and read.forever is None and isinstance(problem, ReadFailed)


def test_l10_a_leaders_book_says_what_his_list_showed_where_he_has_one() -> None:
    source = ReadingSource()
    source.book = (evolve(report(), variety=Variety.FOREVER, terms=ABOVE, status=OrderStatus.CONFIRM),)
    desk = LeaderDesk(LEADER, source, None, VirtualClock(START))
    batches: list[Batch] = []
    for listed, told in ((False, None), (True, (report().order_id,))):
        source.lists_forever_orders = listed  # type: ignore[attr-defined]
        desk.perform(Job(ReadOrders(account=LEADER)), batches.append)
        read = batches[-1][-1]
        assert isinstance(read, BookRead) and read.forever == told


class SwitchBroker(ReadingBroker):
    """A broker with a kill switch."""

    def __init__(self) -> None:
        super().__init__()
        self.turned: list[bool] = []
        self.fails: BaseException | None = None
        self.says: object = True

    def turn_kill_switch(self, on: bool) -> None:
        self.turned.append(on)
        if self.fails is not None:
            raise self.fails

    def is_killed(self) -> bool:
        return self.says  # type: ignore[return-value]


TURN = TurnKillSwitch(follower=FOLLOWER, on=True)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Outcome.TAKEN), (KillSwitchRefused("open"), Outcome.REFUSED), (Unresolved("cut"), Outcome.UNKNOWN),
        (ValueError("html"), Outcome.UNKNOWN),
    ],
    ids=["taken", "refused", "unresolved", "broken"],
)  # fmt: skip
def test_k2_turning_the_kill_switch_is_taken_refused_or_unknown(error: Exception | None, outcome: Outcome) -> None:
    bench = Bench(broker := SwitchBroker())
    broker.fails = error
    [fact] = bench.perform(TURN)
    assert isinstance(fact, KillSwitchAnswered) and (fact.on, fact.outcome) == (True, outcome)
    assert broker.turned == [True]


def test_k2_an_interrupted_one_is_answered_before_the_interruption_goes_on() -> None:
    bench = Bench(broker := SwitchBroker())
    broker.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        bench.perform(TURN)
    ((fact,),) = bench.batches
    assert isinstance(fact, KillSwitchAnswered) and fact.outcome is Outcome.UNKNOWN


def test_k2_a_stopping_engine_turns_no_switch_and_a_broker_without_one_refuses() -> None:
    bench = Bench(broker := SwitchBroker())
    bench.gate.close()
    for each in (bench, Bench()):
        [fact] = each.perform(TURN)
        assert isinstance(fact, KillSwitchAnswered) and fact.outcome is Outcome.REFUSED
    assert broker.turned == []
    [fact] = Bench().perform(ReadKillSwitch(account=FOLLOWER))
    assert isinstance(fact, ReadFailed)


@pytest.mark.parametrize("says", [None, "ACTIVATE", 1])
def test_k2_a_status_that_is_no_bool_is_a_failed_read(says: object) -> None:
    bench = Bench(broker := SwitchBroker())
    assert bench.perform(ReadKillSwitch(account=FOLLOWER)) == [KillSwitchRead(follower=FOLLOWER, on=True, read_at=START)]
    broker.says = says
    [fact] = bench.perform(ReadKillSwitch(account=FOLLOWER))
    assert isinstance(fact, ReadFailed) and fact.what == "ReadKillSwitch"


def test_k2_a_leaders_account_has_no_switch() -> None:
    _, _, perform = leader(ScriptedSource())
    [fact] = perform(TURN)
    assert isinstance(fact, KillSwitchAnswered) and fact.outcome is Outcome.REFUSED


class PacedBroker(ReadingBroker):
    """Says how many reads it was asked to make room for."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []
        self.wait: float | Exception = 0.25

    def limit_reads(self, per_second: int) -> None: ...

    def reads_wait_seconds(self, count: int) -> float:
        self.counts.append(count)
        if isinstance(self.wait, Exception):
            raise self.wait
        return self.wait

    def submit_super(self, request: Submit, bracket: Bracket) -> BrokerOrderId:
        raise NotImplementedError

    def modify_leg(self, request: Modify, bracket: Bracket | None) -> None: ...

    def cancel_leg(self, request: Cancel) -> None: ...

    def submit_forever(self, request: Submit, stop: ForeverLeg | None = None) -> BrokerOrderId:
        raise NotImplementedError

    def modify_forever(self, request: Modify, *, oco: bool) -> None: ...

    def cancel_forever(self, request: Cancel) -> None: ...

    def linked(self) -> Sequence[OrderReport]:
        self._read("linked")
        return ()

    def forever(self) -> Sequence[OrderReport]:
        self._read("forever")
        return ()


@pytest.mark.parametrize(
    "lists",
    [{}, {"linked": True}, {"forever": True}, {"linked": True, "forever": True}],
    ids=["book", "supers", "forever", "all"],
)
@pytest.mark.parametrize("kind", ["Query", "ReadOrders", "ReadPositions", "ReadFunds"])
def test_room_is_made_for_every_list_that_a_read_asks_for(kind: str, lists: dict[str, bool]) -> None:
    bench = Bench(broker := PacedBroker())
    reads: dict[str, Read] = {
        "Query": Query(follower=FOLLOWER, client_order_id=tag(), **lists),
        "ReadOrders": ReadOrders(account=FOLLOWER, **lists),
        "ReadPositions": ReadPositions(account=FOLLOWER),
        "ReadFunds": ReadFunds(account=FOLLOWER),
    }
    assert bench.desk.wait_seconds(Job(reads[kind])) == 0.25
    bench.perform(reads[kind])
    assert broker.counts == [len(broker.reads)]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_waits_for_no_read(request_: Request) -> None:
    assert Bench(PacedBroker()).desk.wait_seconds(Job(request_)) == 0.0


@pytest.mark.parametrize(("wait", "seconds"), [(float("inf"), 1.0), (ValueError("no"), 0.0)], ids=["for ever", "an error"])
def test_a_broker_that_counts_wrong_does_not_stop_its_account(wait: float | Exception, seconds: float) -> None:
    bench = Bench(broker := PacedBroker())
    broker.wait = wait
    assert bench.desk.wait_seconds(Job(ReadOrders(account=FOLLOWER))) == seconds
