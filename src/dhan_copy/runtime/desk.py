"""Carries out one command for one account, and always answers with facts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from attrs import evolve, frozen
from typing_extensions import assert_never

from dhan_copy.core.facts import (
    Fact,
    KillSwitchAnswered,
    Outcome,
    OutcomeUnresolved,
    PositionsReported,
    ReadFailed,
    Refusal,
    RequestAccepted,
    RequestRejected,
    RequestWithheld,
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
    ReadMargin,
    ReadOrders,
    ReadPositions,
    ReadQuotes,
    Request,
    Submit,
    TurnKillSwitch,
)
from dhan_copy.core.trade import is_child
from dhan_copy.errors import DhanCopyError, PlacementRejected, Rejected
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import Leg, Variety
from dhan_copy.protocols import (
    AccountReader,
    Broker,
    Clock,
    EventSource,
    ForeverOrders,
    KillSwitch,
    LinkedOrders,
    MarginReader,
    PacedReads,
    Quotes,
)
from dhan_copy.runtime.gate import Gate
from dhan_copy.runtime.inbox import Batch
from dhan_copy.runtime.reads import (
    account_of,
    account_read,
    failed,
    follower_book,
    kill_switch_read,
    leader_book,
    lookup,
    margin_read,
    quotes_read,
)

Answer = Callable[[Batch], None]
_LONGEST = 2_000
_STABLE_READS = 5
"""How often the positions are read again when they change while the book is read."""


@frozen
class Job:
    """A command, and the monotonic second after which an entry must not leave: wall time may be stepped, or slept
    through."""

    command: Command
    deadline: float | None = None

    @classmethod
    def of(cls, command: Command, now: datetime, monotonic: float) -> Job:
        not_after = command.not_after if isinstance(command, (Submit, Modify)) else None
        return cls(command, None if not_after is None else monotonic + (not_after - now).total_seconds())

    @property
    def urgency(self) -> int:
        """Smaller goes first: cancels, then what reduces risk, then entries, then reads: of those first what an exit waits
        for, so that many lookups keep none."""
        match self.command:
            case Cancel():
                return 0
            case Submit() | Modify():
                return 1 if self.command.intent is Intent.EXIT else 2
            case TurnKillSwitch():
                return 2  # behind what closes, which it would be refused for
            case ReadPositions() | ReadMargin() | ReadKillSwitch():
                return 3
            case Query():
                return 4
            case ReadOrders() | ReadFunds() | ReadQuotes():
                return 5
        assert_never(self.command)

    @property
    def reads(self) -> int:
        """How many lists the broker is asked for, of those that count as reads."""
        match self.command:
            case Query():
                return 2 + self.command.forever + self.command.linked
            case ReadOrders():
                return 1 + self.command.forever + self.command.linked
            case ReadPositions():
                return 2
            case ReadFunds() | ReadKillSwitch():
                return 1
            case Submit() | Modify() | Cancel() | TurnKillSwitch() | ReadMargin() | ReadQuotes():
                return 0
        assert_never(self.command)


class FollowerDesk:
    """A follower's broker behind a gate, used by one thread at a time: requests' Session is not thread-safe."""

    def __init__(self, name: AccountName, broker: Broker | None, clock: Clock, gate: Gate) -> None:
        self.name = name
        self.gate = gate
        self._broker = broker
        self._clock = clock
        self._lock = threading.Lock()

    def perform(self, job: Job, answer: Answer) -> None:
        """Carry ``job`` out and hand the facts to ``answer``; an exception that is no ``Exception`` goes on after
        that."""
        command = job.command
        with self._lock:
            match command:
                case Submit() | Modify() | Cancel():
                    self._send(command, job.deadline, answer)
                case TurnKillSwitch():
                    self._turn(command, answer)
                case Query() | ReadOrders() | ReadPositions() | ReadFunds() | ReadMargin() | ReadQuotes() | ReadKillSwitch():
                    _answer_read(command, answer, self._read)
                case _ as never:
                    assert_never(never)

    def wait_seconds(self, job: Job) -> float:
        """How long :meth:`perform` would wait for the permit to read, at most a second: then it is asked again."""
        broker: object = self._broker
        if not job.reads or not isinstance(broker, PacedReads):
            return 0.0
        try:
            return min(broker.reads_wait_seconds(job.reads), 1.0)
        except Exception:
            return 0.0  # the read itself says what is wrong

    def _send(self, request: Request, deadline: float | None, answer: Answer) -> None:
        late = deadline is not None and self._clock.monotonic() > deadline
        problem = self.gate.leave(request, self._clock.now(), late)
        if problem or self._broker is None:
            self.gate.back(request)
            answer((withheld(request, problem or "the follower has no broker"),))
            return
        try:
            fact = self._outcome(self._broker, request)
        except BaseException as error:
            answer((unresolved(request, words(error)),))
            raise
        finally:
            self.gate.back(request)
        answer((fact,))

    def _turn(self, command: TurnKillSwitch, answer: Answer) -> None:
        broker: object = self._broker
        if self.gate.closed or not isinstance(broker, KillSwitch):
            why = "the engine stopped before it was sent" if self.gate.closed else "the broker has no kill switch"
            return answer((switch_answered(command, Outcome.REFUSED, why),))
        try:
            broker.turn_kill_switch(command.on)
        except Rejected as no:
            told = " ".join(filter(None, (str(no.code), str(no.text or no.message))))
            return answer((switch_answered(command, Outcome.REFUSED, told),))
        except Exception as error:
            return answer((switch_answered(command, Outcome.UNKNOWN, words(error)),))
        except BaseException as error:
            answer((switch_answered(command, Outcome.UNKNOWN, words(error)),))
            raise
        answer((switch_answered(command, Outcome.TAKEN),))

    def _outcome(self, broker: Broker, request: Request) -> Fact:
        try:
            match request:
                case Submit():
                    broker_order_id = _submitted(broker, request)
                    if not isinstance(broker_order_id, str) or not broker_order_id:
                        return unresolved(request, f"the broker answered {broker_order_id!r} instead of an order id")
                case Modify():
                    _modify(broker, request)
                    broker_order_id = request.broker_order_id
                case Cancel():
                    _cancel(broker, request)
                    broker_order_id = request.broker_order_id
                case _ as never:
                    assert_never(never)
        except Rejected as no:
            return RequestRejected(
                follower=request.follower,
                client_order_id=request.client_order_id,
                attempt=request.attempt,
                refusal=no.refusal,
                code=str(no.code)[:_LONGEST],
                text=str(no.text or no.message)[:_LONGEST],
                final=bool(no.final),
            )
        except Exception as error:
            return unresolved(request, words(error))
        return RequestAccepted(
            follower=request.follower,
            client_order_id=request.client_order_id,
            attempt=request.attempt,
            broker_order_id=BrokerOrderId(broker_order_id),
        )

    def _read(self, read: Read) -> Batch:
        broker, read_at = self._broker, self._clock.now()
        if broker is None:
            return (failed(read, "the follower has no broker"),)
        match read:
            case Query():
                return (lookup(broker, read, read_at),)
            case ReadOrders():
                # The list is read last: what it still shows as waiting had not fired when the book was read.
                rows = tuple(broker.orders())
                try:
                    linked = tuple(_linked(broker).linked()) if read.linked else None
                    forever = tuple(_forever(broker).forever()) if read.forever else None
                except Exception as error:
                    return (*follower_book(self.name, rows, read_at), _failed(read, error))
                return follower_book(self.name, rows, read_at, forever, linked)
            case ReadPositions() | ReadFunds():
                if not isinstance(broker, AccountReader):
                    return (failed(read, "the broker cannot read the account"),)
                return (account_read(broker, read, read_at),)
            case ReadMargin():
                if not isinstance(broker, MarginReader):
                    return (failed(read, "the broker has no margin calculator"),)
                return (margin_read(broker, read, read_at),)
            case ReadQuotes():
                if not isinstance(broker, Quotes):
                    return (failed(read, "the broker tells no prices"),)
                return (quotes_read(broker, read, read_at),)
            case ReadKillSwitch():
                if not isinstance(broker, KillSwitch):
                    return (failed(read, "the broker has no kill switch"),)
                return (kill_switch_read(broker, read, read_at),)
        assert_never(read)


def _forever(broker: Broker) -> ForeverOrders:
    if not isinstance(broker, ForeverOrders):
        raise PlacementRejected("the broker takes no Forever orders")
    return broker


def _linked(broker: Broker) -> LinkedOrders:
    if not isinstance(broker, LinkedOrders):
        raise PlacementRejected("the broker takes no super orders")
    return broker


def _submitted(broker: Broker, request: Submit) -> BrokerOrderId:
    if request.bracket is not None:
        return _linked(broker).submit_super(request, request.bracket)
    return _forever(broker).submit_forever(request, request.second_leg) if request.forever else broker.submit(request)


def _cancel(broker: Broker, request: Cancel) -> None:
    if request.linked:
        return _linked(broker).cancel_leg(request)
    return _forever(broker).cancel_forever(request) if request.forever else broker.cancel(request)


def _modify(broker: Broker, request: Modify) -> None:
    if request.linked:
        return _linked(broker).modify_leg(request, request.bracket)
    if not request.forever:
        return broker.modify(request)
    second = request.second_leg
    if second is not None and request.leg is Leg.STOP:
        request = evolve(request, terms=second.terms, quantity=second.quantity)
    return _forever(broker).modify_forever(request, oco=second is not None)


class LeaderDesk:
    """A leader's source, read by one thread at a time: his feed after a gap, and his reader for the core."""

    def __init__(self, name: AccountName, source: EventSource, reader: AccountReader | None, clock: Clock) -> None:
        self.name = name
        self._source = source
        self._reader = reader
        self._clock = clock
        self._lock = threading.Lock()

    def wait_seconds(self, job: Job) -> float:
        """0.0: nothing here is more urgent than a read, which may wait in its call."""
        return 0.0

    def perform(self, job: Job, answer: Answer) -> None:
        command = job.command
        match command:
            case Submit() | Modify() | Cancel():
                answer((withheld(command, "a leader's account takes no requests"),))
            case TurnKillSwitch():
                answer((switch_answered(command, Outcome.REFUSED, "a leader's account takes no requests"),))
            case Query() | ReadOrders() | ReadPositions() | ReadFunds() | ReadMargin() | ReadQuotes() | ReadKillSwitch():
                with self._lock:
                    _answer_read(command, answer, self._read)
            case _ as never:
                assert_never(never)

    def _read(self, read: Read) -> Batch:
        read_at = self._clock.now()
        match read:
            case Query() | ReadMargin() | ReadQuotes() | ReadKillSwitch():
                return (failed(read, "a leader's account is not looked up"),)
            case ReadOrders():
                return self._book(read_at)
            case ReadPositions():
                return self._book_and_positions(read, read_at)
            case ReadFunds():
                if self._reader is None:
                    return (failed(read, "the source cannot read the account"),)
                return (account_read(self._reader, read, read_at),)
        assert_never(read)

    def _book(self, read_at: datetime) -> Batch:
        rows = tuple(self._source.snapshot())
        listed = getattr(self._source, "lists_forever_orders", False) is True
        waiting = [row for row in rows if row.variety is Variety.FOREVER and not is_child(row)] if listed else None
        return leader_book(self.name, rows, read_at, waiting)

    def _book_and_positions(self, read: ReadPositions, read_at: datetime) -> Batch:
        """Both in one batch, the book between two equal reads of the positions: only so can the core tell which fills
        the positions hold already."""
        if self._reader is None:
            return (failed(read, "the source cannot read the account"),)
        try:
            before = account_read(self._reader, read, read_at)
        except Exception as error:
            return (*self._book(read_at), _failed(read, error))
        for _ in range(_STABLE_READS):
            read_at = self._clock.now()
            book = self._book(read_at)
            try:
                after = account_read(self._reader, read, read_at)
            except Exception as error:
                return (*book, _failed(read, error))
            if _same_positions(before, after):
                return (*book, after)
            before = after
        return (*book, failed(read, "the positions changed while the order book was read"))


Desk = FollowerDesk | LeaderDesk


def _same_positions(one: Fact, other: Fact) -> bool:
    return (
        isinstance(one, PositionsReported)
        and isinstance(other, PositionsReported)
        and set(one.positions) == set(other.positions)
    )


def _answer_read(read: Read, answer: Answer, perform: Callable[[Read], Batch]) -> None:
    try:
        facts = perform(read)
    except Exception as error:
        facts = (_failed(read, error),)
    except BaseException as error:
        answer((_failed(read, error),))
        raise
    answer(facts)
    if isinstance(read, Query):
        book = ReadOrders(account=account_of(read), forever=read.forever, linked=read.linked)
        _answer_read(book, answer, perform)


def _failed(read: Read, error: BaseException) -> ReadFailed:
    return failed(read, words(error), error.refusal if isinstance(error, Rejected) else Refusal.OTHER)


def withheld(request: Request, problem: str) -> RequestWithheld:
    return RequestWithheld(
        follower=request.follower,
        client_order_id=request.client_order_id,
        attempt=request.attempt,
        problem=problem,
    )


def switch_answered(command: TurnKillSwitch, outcome: Outcome, problem: str = "") -> KillSwitchAnswered:
    return KillSwitchAnswered(follower=command.follower, on=command.on, outcome=outcome, problem=problem[:_LONGEST])


def unresolved(request: Request, problem: str) -> OutcomeUnresolved:
    return OutcomeUnresolved(
        follower=request.follower,
        client_order_id=request.client_order_id,
        attempt=request.attempt,
        problem=problem,
    )


def words(error: BaseException) -> str:
    """An exception in one line, without its traceback."""
    try:
        text = error.message if isinstance(error, DhanCopyError) else str(error)
    except Exception:
        text = "(an exception that cannot be written)"
    return f"{type(error).__name__}: {text}"[:_LONGEST] if text else type(error).__name__
