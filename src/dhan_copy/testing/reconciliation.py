"""What a read of a follower's book makes of each state that an order may be known in: found out by doing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from attrs import evolve, frozen

from dhan_copy.core.copier import Copier, Step
from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    EngineStarted,
    Fact,
    LeaderReported,
    Moment,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    PositionsReported,
    Refusal,
    RequestAccepted,
    RequestRejected,
    RequestWithheld,
    SourceStarted,
)
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules
from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import Limit, OrderReport, OrderStatus, Product, Side, Validity
from dhan_copy.model.size import Ratio
from dhan_copy.model.times import ist

_LEADER, _FOLLOWER = AccountName("leader"), AccountName("follower")
_START = ist(datetime(2026, 11, 20, 10, 0, 0))
_ORDERED = 150
_ORDER = OrderReport(
    account=_LEADER, order_id=BrokerOrderId("1"), segment=ExchangeSegment.NSE_FNO, security_id=SecurityId("45471"),
    side=Side.BUY, product=Product.INTRADAY, validity=Validity.DAY, terms=Limit(Decimal(100)), quantity=_ORDERED,
    status=OrderStatus.PENDING, instrument=InstrumentFacts(75, Decimal("0.05")), created_at=_START, updated_at=_START,
)  # fmt: skip


@frozen
class Reconciled:
    """One cell: the order was ``known`` as this and the book ``shows`` that; it ends in ``state`` with ``filled`` of
    150, ``facts`` are journaled and ``alerts`` raised. ``sends`` says whether an order request leaves: none ever does."""

    known: str
    shows: str
    state: str
    filled: int
    facts: tuple[str, ...]
    alerts: tuple[str, ...]
    sends: bool


class _Life:
    """A leader's entry that was copied once."""

    def __init__(self) -> None:
        follower = FollowerRules(name=_FOLLOWER, sizer=Ratio(1), live=True)
        self.copier = Copier(CopierSettings(leaders=(LeaderRules(name=_LEADER),), followers=(follower,)))
        self.now = _START + timedelta(seconds=1)
        self.step(EngineStarted(version="", epoch=1), SourceStarted(account=_LEADER), SourceStarted(account=_FOLLOWER))
        self.step(BookRead(account=_LEADER, read_at=self.now), BookRead(account=_FOLLOWER, read_at=self.now))
        self.step(PositionsReported(account=_LEADER, read_at=self.now, positions=()))
        self.now += timedelta(seconds=1)
        told = evolve(_ORDER, created_at=self.now, updated_at=self.now)
        commands = self.step(LeaderReported(leader=_LEADER, report=told, channel=Channel.STREAM)).commands
        (self.request,) = (command for command in commands if isinstance(command, Submit))

    def step(self, *facts: Fact) -> Step:
        self.now += timedelta(milliseconds=100)
        return self.copier.step(Moment(self.now, (self.now - _START).total_seconds()), facts)

    def answer(self, fact: type[RequestAccepted] | type[OutcomeUnresolved] | type[RequestWithheld], **more: object) -> None:
        about = {"follower": _FOLLOWER, "client_order_id": self.request.client_order_id, "attempt": 1}
        self.step(fact(**about, **more))  # type: ignore[arg-type]

    def row(self, status: OrderStatus, filled: int) -> OrderReported:
        report = evolve(
            _ORDER, account=_FOLLOWER, order_id=BrokerOrderId("F1"), client_order_id=self.request.client_order_id,
            status=status, filled_quantity=filled, average_price=Decimal(100) if filled else None, updated_at=self.now,
        )  # fmt: skip
        return OrderReported(follower=_FOLLOWER, report=report, channel=Channel.BOOK, read_at=self.now)

    def book(self, status: OrderStatus | None, filled: int) -> Step:
        rows = () if status is None else (self.row(status, filled),)
        tags = () if status is None else (self.request.client_order_id,)
        return self.step(*rows, BookRead(account=_FOLLOWER, read_at=self.now, tags=tags))

    def told(self, status: OrderStatus, filled: int) -> None:
        self.accepted()
        self.book(status, filled)

    def accepted(self) -> None:
        self.answer(RequestAccepted, broker_order_id=BrokerOrderId("F1"))

    def lost(self) -> None:
        self.answer(OutcomeUnresolved, problem="no answer")

    def absent(self) -> None:
        self.lost()
        for _ in range(2):
            self.now += self.copier.settings.policy.absence_window
            tag = self.request.client_order_id
            self.step(
                OrderNotFound(follower=_FOLLOWER, client_order_id=tag, read_at=self.now),
                BookRead(account=_FOLLOWER, read_at=self.now),
            )

    def rejected(self) -> None:
        tag = self.request.client_order_id
        self.step(
            RequestRejected(
                follower=_FOLLOWER, client_order_id=tag, attempt=1, refusal=Refusal.OTHER, code="DH-906", text="no", final=True
            )
        )


_KNOWN: dict[str, Callable[[_Life], None]] = {
    "ISSUED": lambda life: None,
    "UNRESOLVED": _Life.lost,
    "WORKING": _Life.accepted,
    "WORKING, 75 filled": lambda life: life.told(OrderStatus.PART_TRADED, 75),
    "FILLED": lambda life: life.told(OrderStatus.TRADED, _ORDERED),
    "CANCELLED": lambda life: life.told(OrderStatus.CANCELLED, 0),
    "REJECTED": _Life.rejected,
    "WITHHELD": lambda life: life.answer(RequestWithheld, problem="too late"),
    "ABSENT": _Life.absent,
}
_SHOWS: dict[str, tuple[OrderStatus | None, int]] = {
    "nothing": (None, 0),
    "open": (OrderStatus.PENDING, 0),
    "75 traded": (OrderStatus.PART_TRADED, 75),
    "all traded": (OrderStatus.TRADED, _ORDERED),
    "cancelled": (OrderStatus.CANCELLED, 0),
    "rejected": (OrderStatus.REJECTED, 0),
}


def reconciliation_table() -> Iterator[Reconciled]:
    """Every known state against everything that the book may show. A leader's limit order for 150 is open all along."""
    for known, reach in _KNOWN.items():
        for shows, (status, filled) in _SHOWS.items():
            life = _Life()
            reach(life)
            life.now += timedelta(seconds=1)
            step = life.book(status, filled)
            (order,) = next(iter(life.copier.state.trades.values())).orders[:1]
            yield Reconciled(
                known=known,
                shows=shows,
                state=order.state.name,
                filled=order.filled_quantity,
                facts=tuple(type(entry.fact).__name__ for entry in step.entries if not isinstance(entry.fact, AlertRaised)),
                alerts=tuple(entry.fact.code for entry in step.entries if isinstance(entry.fact, AlertRaised)),
                sends=any(isinstance(command, (Submit, Modify, Cancel)) for command in step.commands),
            )
