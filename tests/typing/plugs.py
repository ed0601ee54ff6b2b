"""Plugs that inherit from nothing: only type-checked, never run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from fractions import Fraction

from dhan_copy.core.facts import CheckpointWritten, Entry
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.errors import SizingError, Unresolved
from dhan_copy.model.account import Funds, Holding, Position
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.order import OrderReport
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import (
    AccountReader,
    Accounts,
    Broker,
    Clock,
    EventSource,
    Gap,
    Lease,
    PositionSizer,
    SourceEvent,
    Store,
)


class MyBroker:
    def submit(self, request: Submit) -> BrokerOrderId:
        return BrokerOrderId(f"{request.security_id}-{request.quantity}")

    def modify(self, request: Modify) -> None:
        raise Unresolved("no answer")

    def cancel(self, request: Cancel) -> None:
        return None

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return None

    def orders(self) -> Sequence[OrderReport]:
        return ()

    def funds(self) -> Funds:
        raise Unresolved("no answer")

    def positions(self) -> Sequence[Position]:
        return []

    def holdings(self) -> Sequence[Holding]:
        return []


class MyStore:
    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def append(self, entries: Sequence[Entry]) -> int:
        self._entries += entries
        return len(self._entries)

    def read(self, after: int = 0) -> Iterator[Entry]:
        yield from self._entries[after:]

    def checkpoints(self) -> Iterator[Entry]:
        return (entry for entry in reversed(self._entries) if isinstance(entry.fact, CheckpointWritten))

    def acquire(self, owner: str) -> Lease:
        return Lease(owner, 1)

    def close(self) -> None:
        return None


class MySizer:
    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity:
        if accounts.follower is None or accounts.leader is None:
            raise SizingError("funds unknown")
        return Ratio(Fraction(accounts.follower.available) / Fraction(accounts.leader.available))


class MySource:
    def events(self) -> Iterator[SourceEvent]:
        yield Gap("connected")

    def snapshot(self) -> Sequence[OrderReport]:
        return ()

    def close(self) -> None:
        return None


class MyClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=timezone.utc)

    def monotonic(self) -> float:
        return 0.0


broker: Broker = MyBroker()
reader: AccountReader = MyBroker()
store: Store = MyStore()
sizer: PositionSizer = MySizer()
source: EventSource = MySource()
clock: Clock = MyClock()
plain_ratio_is_a_sizer: PositionSizer = Ratio("0.5")
plain_quantity_is_a_sizer: PositionSizer = Quantity(75)
