"""The five plugs, and what only some brokers can do besides. Users need not inherit from any of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeAlias, runtime_checkable

from attrs import field, frozen

from dhan_copy.core.facts import Entry
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.model.account import Funds, Holding, Margin, MarginOrder, Position
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.finding import Finding
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.model.order import ForeverLeg, OrderReport
from dhan_copy.model.size import Quantity, Ratio


@frozen
class Gap:
    """The source may have missed something: the engine reads a snapshot next.

    ``connected`` says whether it tells again from here on, or is lost at present.
    """

    cause: str
    connected: bool = True


@frozen
class Unreadable:
    """A frame that could not be understood, as it came, and why."""

    problem: str
    raw: str = field(default="", repr=False)


SourceEvent: TypeAlias = OrderReport | Gap | Unreadable


class EventSource(Protocol):
    """Tells what an account's orders do."""

    def events(self) -> Iterator[SourceEvent]:
        """Block and yield; yield :class:`Gap` first after every (re)connect. Ends after :meth:`close`."""
        ...

    def snapshot(self) -> Sequence[OrderReport]:
        """Today's whole order book. Raises when it cannot be read; never returns a guess."""
        ...

    def close(self) -> None:
        """End :meth:`events` soon, from any thread; safe to call twice."""
        ...


class Broker(Protocol):
    """Takes orders for one account. Every method raises
    :class:`~dhan_copy.errors.Rejected` on a definite no and :class:`~dhan_copy.errors.Unresolved` when the outcome is
    unknown; any other exception counts as unresolved."""

    def submit(self, request: Submit) -> BrokerOrderId: ...
    def modify(self, request: Modify) -> None: ...
    def cancel(self, request: Cancel) -> None: ...
    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """The order with this id; None only when the lookup succeeded and showed nothing."""
        ...

    def orders(self) -> Sequence[OrderReport]:
        """Today's whole order book. Raises when it cannot be read."""
        ...


@runtime_checkable
class AccountReader(Protocol):
    """A broker (or source) that can say what the account holds. Each method raises when it cannot be read."""

    def funds(self) -> Funds: ...
    def positions(self) -> Sequence[Position]: ...
    def holdings(self) -> Sequence[Holding]: ...


@runtime_checkable
class AccountChecks(Protocol):
    """A broker that can say whether its account is ready, before anything is sent."""

    def preflight(self, clock: Clock, *, places_orders: bool) -> Sequence[Finding]:
        """What there is to say of token, segments, address, clock: one finding each. ``clock`` is the engine's. An
        account that ``places_orders`` needs more than one that is only read. Must not place an order to find out. May be
        called from another thread than the rest."""
        ...


@runtime_checkable
class PacedReads(Protocol):
    """A broker that keeps the reads of its account within so many a second: one that would be too many waits in its
    call. Every request that the server counts is one, whatever method it belongs to."""

    def limit_reads(self, per_second: int) -> None: ...
    def reads_wait_seconds(self, count: int) -> float:
        """How long until so many may leave at once; 0.0 for now. May be called while another thread reads."""
        ...


@runtime_checkable
class MarginReader(Protocol):
    """A broker that can say what orders would block before they are placed."""

    def margin(self, orders: Sequence[MarginOrder]) -> Margin:
        """For all of ``orders`` together, on top of what the account holds. Raises when it cannot be read."""
        ...


@runtime_checkable
class LinkedOrders(Protocol):
    """A broker that takes an entry together with the legs that close it, as one order (Dhan: a super order).

    The legs have the entry's id; a leg is named by ``request.leg``. Errors are those of :class:`Broker`.
    """

    def submit_super(self, request: Submit, bracket: Bracket) -> BrokerOrderId:
        """Place the entry (a limit or market order) with its legs."""
        ...

    def modify_leg(self, request: Modify, bracket: Bracket | None) -> None:
        """Change the entry and what belongs to it, or one exit leg: ``bracket`` says what the legs are to be; None for
        an entry whose legs were all taken back.

        Of an exit leg's request only ``leg`` counts, and of the bracket only what that leg is: the target's price, or
        the stop's trigger and jump (no jump ends trailing). The entry can be changed until it has filled, its exit
        legs until they have ended.
        """
        ...

    def cancel_leg(self, request: Cancel) -> None:
        """Take one leg back, for good; the entry takes all with it, and cannot be cancelled once it has filled."""
        ...

    def linked(self) -> Sequence[OrderReport]:
        """Every such order of today: one report for the entry, with its ``bracket``, and one for each leg that is, or
        was, for something. Raises when it cannot be read."""
        ...


@runtime_checkable
class ForeverOrders(Protocol):
    """A broker that keeps orders over days until a price is reached (Dhan: Forever orders, GTT).

    When one fires an ordinary order appears, with an id of its own. Errors are those of :class:`Broker`.
    """

    def submit_forever(self, request: Submit, stop: ForeverLeg | None = None) -> BrokerOrderId:
        """Place one: ``request.terms`` (``StopLimit`` or ``StopMarket``) say at which price what is placed. With
        ``stop`` there are two legs, the request's own being the target, and the first to fire cancels the other."""
        ...

    def modify_forever(self, request: Modify, *, oco: bool) -> None:
        """Change it; of one with two legs (``oco``) the leg that ``request.leg`` names, TARGET or STOP."""
        ...

    def cancel_forever(self, request: Cancel) -> None:
        """Take it back with all its legs."""
        ...

    def forever(self) -> Sequence[OrderReport]:
        """Every one that the broker shows: an ENTRY for a single one, TARGET and STOP with one id for a pair. What
        trades is told of the order that appears. Raises when they cannot be read."""
        ...


@runtime_checkable
class Quotes(Protocol):
    """A broker that can say at which price instruments traded last."""

    def quotes(self, keys: Sequence[InstrumentKey]) -> Mapping[InstrumentKey, Decimal]:
        """Rupees; what has not traded is left out. Raises when they cannot be read."""
        ...


@runtime_checkable
class KillSwitch(Protocol):
    """A broker that can close its account to orders for the rest of the trading day (Dhan: the kill switch)."""

    def turn_kill_switch(self, on: bool) -> None:
        """Raises :class:`~dhan_copy.errors.Rejected` on a definite no, as Dhan says while a position or an order is
        open; whatever else it raises leaves it unknown whether the switch was turned."""
        ...

    def is_killed(self) -> bool:
        """Whether the switch is on. Raises when that cannot be read."""
        ...


@frozen
class Lease:
    """The right to write a journal: ``epoch`` counts its owners from 1."""

    owner: str
    epoch: int


class Store(Protocol):
    """An append-only journal with a single writer."""

    def append(self, entries: Sequence[Entry]) -> int:
        """Make ``entries`` durable, all or none, and return the last position.

        Positions must go on from the last one. Raises :class:`~dhan_copy.errors.StoreError`; after that the commit
        may still have landed, so the caller reloads. An empty sequence changes nothing.
        """
        ...

    def read(self, after: int = 0) -> Iterator[Entry]:
        """The entries with a position above ``after``, in order."""
        ...

    def checkpoints(self) -> Iterator[Entry]:
        """The entries whose fact is :class:`~dhan_copy.core.facts.CheckpointWritten`, the newest first. Recovery takes
        a few of them, so they should be found without reading what lies between."""
        ...

    def acquire(self, owner: str) -> Lease:
        """Become the single writer, or raise :class:`~dhan_copy.errors.StoreLocked`."""
        ...

    def close(self) -> None:
        """Give the lease back; safe to call twice."""
        ...


@frozen
class Accounts:
    """What a sizer may look at besides the order; None where unknown.

    ``leader`` and ``follower`` are their funds, the follower's less what entries of ours have taken since they were
    read. ``instrument`` has the lot. ``stop`` is the price at which the leader gives the entry up: the stop of its
    bracket, else the trigger of the stop order, furthest away, with which he protects the instrument already.
    """

    leader: Funds | None
    follower: Funds | None
    instrument: InstrumentFacts | None = None
    stop: Decimal | None = None


class PositionSizer(Protocol):
    """Says how large a follower's copy of an entry is; asked once per leader order.

    Raises :class:`~dhan_copy.errors.SizingError` to decline.
    """

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity: ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware wall time."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...
