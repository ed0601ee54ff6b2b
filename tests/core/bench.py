"""A copier on the bench: fed by hand, answered by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TypeVar

from attrs import define, field

from dhan_copy.core.copier import Copier, Step
from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    CopyAdmitted,
    CopyDeclined,
    EngineStarted,
    Entry,
    Fact,
    Moment,
    PositionsReported,
    RequestAccepted,
    SourceStarted,
)
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.core.rules import Rules
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules, Policy, RateLimits
from dhan_copy.model.account import Position
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.model.order import OrderReport, Product
from dhan_copy.model.size import Ratio
from dhan_copy.protocols import PositionSizer
from tests.core.make import COPY, FOLLOWER, KEY, LEADER, START, leader_reported

FactT = TypeVar("FactT", bound=Fact)
Asked = Submit | Modify | Cancel


def holds(
    account: str, units: int, at: datetime, product: Product = Product.INTRADAY, key: InstrumentKey = KEY
) -> PositionsReported:
    held = Position(segment=key.segment, security_id=key.security_id, product=product, net_quantity=units)
    return PositionsReported(account=AccountName(account), read_at=at, positions=(held,))


@define(kw_only=True)
class Bench:
    """One leader, one follower. Nothing is answered unless a test answers it; time passes when a test says so."""

    sizer: PositionSizer = field(factory=lambda: Ratio(Fraction(1, 2)))
    policy: Policy = Policy()
    limits: RateLimits = RateLimits()
    live: bool = True
    max_lots: int | None = None
    rules: Rules = Rules()
    reads_positions: bool = True
    reads_quotes: bool = False
    positions_known_flat: bool = False
    instruments: Callable[[InstrumentKey], InstrumentFacts | None] = lambda key: None
    awaited: Callable[[InstrumentKey], bool] = lambda key: False
    leader_holds: int | None = 0
    """What he brought in; None leaves it unknown."""
    started: bool = True
    now: datetime = START
    clock_ahead: timedelta = timedelta(0)
    """How far the wall clock has been set forward."""
    copier: Copier = field(init=False)
    journal: list[Entry] = field(factory=list)
    last: Step | None = None

    def __attrs_post_init__(self) -> None:
        self.copier = self.fresh()
        if self.started:
            self.step(EngineStarted(version="test", epoch=1), SourceStarted(account=LEADER), SourceStarted(account=FOLLOWER))
            self.step(BookRead(account=LEADER, read_at=self.now))
            if self.leader_holds is not None:
                self.step(holds(LEADER, self.leader_holds, self.now))
            self.read_book()
            self.wait(1)

    def fresh(self) -> Copier:
        follower = FollowerRules(
            name=FOLLOWER, sizer=self.sizer, live=self.live, limits=self.limits, max_lots=self.max_lots,
            reads_positions=self.reads_positions, reads_quotes=self.reads_quotes, rules=self.rules,
        )  # fmt: skip
        leader = LeaderRules(name=LEADER, positions_known_flat=self.positions_known_flat)
        return Copier(
            CopierSettings(
                leaders=(leader,), followers=(follower,), policy=self.policy, instruments=self.instruments, awaited=self.awaited
            )
        )

    def read_book(self) -> list[Asked]:
        """The follower's book is read and shows nothing of ours: what waited for that leaves."""
        return self.step(BookRead(account=FOLLOWER, read_at=self.now)) if self.live else []

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def moment(self) -> Moment:
        return Moment(self.now, (self.now - START - self.clock_ahead).total_seconds())

    def set_clock(self, seconds: float) -> None:
        """Set the wall clock forward."""
        self.now += timedelta(seconds=seconds)
        self.clock_ahead += timedelta(seconds=seconds)

    def step(self, *facts: Fact) -> list[Asked]:
        """The requests that left; the reads are in ``last``."""
        self.last = self.copier.step(self.moment(), facts)
        self.journal.extend(self.last.entries)
        return [command for command in self.last.commands if isinstance(command, (Submit, Modify, Cancel))]

    def tell(self, report: OrderReport) -> list[Asked]:
        return self.step(leader_reported(report))

    def accept(self, request: Asked, broker_order_id: BrokerOrderId = COPY) -> list[Asked]:
        return self.step(
            RequestAccepted(
                follower=FOLLOWER,
                client_order_id=request.client_order_id,
                attempt=request.attempt,
                broker_order_id=broker_order_id,
            )  # fmt: skip
        )

    def facts(self, kind: type[FactT]) -> list[FactT]:
        return [entry.fact for entry in self.journal if isinstance(entry.fact, kind)]

    def decisions(self) -> list[CopyAdmitted | CopyDeclined]:
        return [entry.fact for entry in self.journal if isinstance(entry.fact, (CopyAdmitted, CopyDeclined))]

    def alerts(self) -> list[str]:
        return [fact.code for fact in self.facts(AlertRaised)]

    def restart(self) -> list[Asked]:
        self.copier = self.fresh()
        self.copier.restore(self.journal)
        return [*self.step(EngineStarted(version="test", epoch=2)), *self.read_book()]
