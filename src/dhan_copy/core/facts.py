"""What has happened: past tense, immutable, foldable. The journal is a sequence of these.

A fact is never refused by the fold: it has happened. Facts that come from outside (reports, answers, reads) and facts
that the core derives (decisions, issued requests) are journaled alike, so that folding the journal needs neither the
sizers nor the brokers again.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeAlias

from attrs import field, frozen

from dhan_copy.core.requests import Request
from dhan_copy.model.account import Funds, Margin, MarginOrder, Position, Quote
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Limit, OrderReport, Product, Side
from dhan_copy.model.reason import ReasonCode


class Channel(Enum):
    """Where a report came from."""

    STREAM = "STREAM"
    BOOK = "BOOK"


class CopyMode(Enum):
    """What of a leader's is copied."""

    ORDER = "ORDER"
    """His orders, resting ones too, at their prices."""
    EXECUTION = "EXECUTION"
    """His fills: nothing is placed before he has traded, and then near the price that he got."""


class TradingState(Enum):
    """What the user allows; remembered across restarts."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    """Exits only."""
    CLOSING = "CLOSING"
    """Nothing is to be held: entries are cancelled, and what the copier opened is closed at the market."""
    HALTED = "HALTED"
    """Only cancels leave."""


class Refusal(Enum):
    """Why a broker said no, as far as it matters for what happens next."""

    RATE_LIMIT = "RATE_LIMIT"
    AUTHENTICATION = "AUTHENTICATION"
    IP = "IP"
    FUNDS = "FUNDS"
    MARKET_CLOSED = "MARKET_CLOSED"
    PRICE = "PRICE"
    ORDER_STATE = "ORDER_STATE"
    """The order has changed meanwhile (\"Order Has Traded Please Refresh Order Book\")."""
    OTHER = "OTHER"


@frozen(kw_only=True)
class EngineStarted:
    """A process took the journal over: requests without an answer are unresolved from here on."""

    version: str
    epoch: int


@frozen(kw_only=True)
class Queued:
    """A leader's after-market order."""

    leader: AccountName
    order_id: BrokerOrderId


@frozen(kw_only=True)
class DayOpened:
    """A new IST calendar day, ``day`` as YYYY-MM-DD. ``continuous``: the engine ran over midnight, so that it knows what
    every leader brought into the day; otherwise that is read again."""

    day: str
    continuous: bool = True
    queued: tuple[Queued, ...] = ()
    """Those that are for this day or a later one, as far as is known."""


@frozen(kw_only=True)
class SourceStarted:
    """An account is watched from here on for the first time: its older open orders are not copied by default."""

    account: AccountName


@frozen(kw_only=True)
class ClockStepped:
    """The machine's clock was set forward while the engine ran: what waits for a time waits as long as before."""

    milliseconds: int


@frozen(kw_only=True)
class LeaderReported:
    """A leader's order as his broker tells it. For a BOOK report ``read_at`` is when that read began."""

    leader: AccountName
    report: OrderReport
    channel: Channel
    read_at: datetime | None = None


@frozen(kw_only=True)
class OrderReported:
    """A follower's order as his broker tells it, ours or not."""

    follower: AccountName
    report: OrderReport
    channel: Channel
    read_at: datetime | None = None


@frozen(kw_only=True)
class ReportUnreadable:
    """A frame or row that could not be understood: kept as it came (``raw`` in the journal's own column)."""

    account: AccountName
    problem: str
    raw: str = field(default="", eq=False, repr=False)


@frozen(kw_only=True)
class GapDetected:
    """The feed of an account may have missed something; not ``connected``: it tells nothing at present."""

    account: AccountName
    cause: str
    connected: bool = True


@frozen(kw_only=True)
class Searched:
    """A leader's Forever order of which a journal that is lost may have set a copy."""

    leader: AccountName
    leader_order_id: BrokerOrderId


@frozen(kw_only=True)
class BookRead:
    """The whole order book of an account was read; its rows come as reports before this fact, in the same batch.

    ``tags`` are the client_order_ids of ours that the book showed: an order of ours that is absent was not in the
    book at that time.
    """

    account: AccountName
    read_at: datetime
    tags: tuple[ClientOrderId, ...] = ()
    forever: tuple[BrokerOrderId, ...] | None = None
    """The Forever orders that were listed; None where their list was not read."""
    linked: tuple[BrokerOrderId, ...] | None = None
    """The super orders that were listed, and those of their legs (``<entry>/TARGET``) that stand or were for something;
    None where their list was not read."""
    searched: tuple[Searched, ...] = ()
    """What was looked for among what was listed."""


@frozen(kw_only=True)
class OrderNotFound:
    """A lookup by our id succeeded and showed nothing."""

    follower: AccountName
    client_order_id: ClientOrderId
    read_at: datetime


@frozen(kw_only=True)
class ReadFailed:
    """A read did not succeed: what is known stays as it was. ``what`` is the read's name."""

    account: AccountName
    what: str
    problem: str
    refusal: Refusal = Refusal.OTHER
    """What the broker refused; OTHER for every other failure."""


@frozen(kw_only=True)
class PositionsReported:
    """Net positions with holdings of an account; the read began at ``read_at``. An instrument not listed is flat.

    A leader's are as of this point of the journal: the fills that entries before it have told are in them."""

    account: AccountName
    read_at: datetime
    positions: tuple[Position, ...]


@frozen(kw_only=True)
class FundsReported:
    account: AccountName
    read_at: datetime
    funds: Funds


@frozen(kw_only=True)
class MarginReported:
    """What ``order`` would block in the account; the read began at ``read_at``."""

    account: AccountName
    read_at: datetime
    order: MarginOrder
    margin: Margin


@frozen(kw_only=True)
class QuotesReported:
    """Last prices; the read began at ``read_at``. An instrument that is not listed keeps the price that is known."""

    account: AccountName
    read_at: datetime
    quotes: tuple[Quote, ...]


@frozen(kw_only=True)
class CopyAdmitted:
    """A leader's order is copied to a follower, with everything the decision was taken on.

    ``exit_quantity`` of the leader's order closes what he holds (``position_before``, signed), ``entry_quantity``
    opens. Entries are sized by ``ratio`` plus ``carry`` (units, signed in the order's direction); both are recorded
    because sizers are asked once.
    """

    leader: AccountName
    leader_order_id: BrokerOrderId
    follower: AccountName
    live: bool
    facts: InstrumentFacts
    exit_quantity: int
    entry_quantity: int
    position_before: int | None
    ratio: Fraction
    carry: Fraction
    most_units: int | None = None
    """The largest entry that is allowed, whatever the leader modifies his order to."""
    uncapped: Fraction | None = None
    """The ratio before a cap cut it."""
    mode: CopyMode = CopyMode.ORDER
    protected: Limit | None = None
    """The limit by which the leader's order was recognised as a price-protected market order, and is copied as one."""
    slice_units: int | None = None
    """The largest single order that the exchange takes (its freeze limit): what is more is several orders."""
    reverse: bool = False
    """The follower takes the other side of the leader's."""
    entry_declined: ReasonCode | None = None
    """Why only the exit is copied of an order that would also open something."""
    reason: ReasonCode = ReasonCode.COPIED
    detail: str = ""

    @property
    def asked(self) -> Fraction:
        """The ratio that the sizer asked for."""
        return self.ratio if self.uncapped is None else self.uncapped


@frozen(kw_only=True)
class CopyDeclined:
    """A leader's order is not copied to a follower (any more), with the reason and what it was taken on."""

    leader: AccountName
    leader_order_id: BrokerOrderId
    follower: AccountName
    reason: ReasonCode
    detail: str = ""


@frozen(kw_only=True)
class SlippageMeasured:
    """How much worse a copy that is over traded than the leader's order, in percent of his price (less than zero:
    better), and how much ``allowed`` is."""

    leader: AccountName
    leader_order_id: BrokerOrderId
    follower: AccountName
    percent: Fraction
    allowed: Decimal

    @property
    def is_beyond(self) -> bool:
        return self.percent > self.allowed


@frozen(kw_only=True)
class TradeSettled:
    """Nothing more is expected of a copy; what stays different, if anything, is declared next."""

    leader: AccountName
    leader_order_id: BrokerOrderId
    follower: AccountName
    unsent: ReasonCode | None = None
    """Why nothing was sent for it, where it was to be."""


@frozen(kw_only=True)
class DriftDeclared:
    """A difference between what the leader's fills scale to and what the follower holds, that will stay.

    ``quantity`` is signed in units of the position: positive means that the follower holds more (or is less short).
    """

    leader: AccountName
    follower: AccountName
    key: InstrumentKey
    product: Product
    tree: BrokerOrderId | None = None
    """The entry of the linked order whose holding this is about."""
    quantity: Fraction
    reason: ReasonCode
    leader_order_id: BrokerOrderId | None = None
    detail: str = ""


@frozen(kw_only=True)
class CloseOrdered:
    """The copier closes ``quantity`` of a holding on its own account, at the market; ``order_id`` stands where a leader's
    order has its id."""

    leader: AccountName
    follower: AccountName
    order_id: BrokerOrderId
    key: InstrumentKey
    product: Product
    tree: BrokerOrderId | None
    side: Side
    quantity: int
    reason: ReasonCode


@frozen(kw_only=True)
class OpenOrdered:
    """The user has the copier enter ``quantity`` (the follower's units, on the leader's side) of a holding at the market,
    that the follower has missed; ``order_id`` stands where a leader's order has its id.

    ``uncopied`` units of the leader's (signed) count as copied from here on, and scale to ``scaled``.
    """

    leader: AccountName
    follower: AccountName
    order_id: BrokerOrderId
    key: InstrumentKey
    product: Product
    side: Side
    quantity: int
    uncopied: Fraction
    scaled: Fraction
    reason: ReasonCode


@frozen(kw_only=True)
class RequestIssued:
    """A request is about to leave. Durable before it does."""

    request: Request


@frozen(kw_only=True)
class RequestAccepted:
    """The broker took the request: for a Submit with the broker's id. Not a fill, and not final."""

    follower: AccountName
    client_order_id: ClientOrderId
    attempt: int
    broker_order_id: BrokerOrderId


@frozen(kw_only=True)
class RequestRejected:
    """The broker definitely refused the request; ``final`` says that asking again is useless."""

    follower: AccountName
    client_order_id: ClientOrderId
    attempt: int
    refusal: Refusal
    code: str
    text: str
    final: bool


@frozen(kw_only=True)
class OutcomeUnresolved:
    """Nobody knows what became of the request: it may have been executed."""

    follower: AccountName
    client_order_id: ClientOrderId
    attempt: int
    problem: str


@frozen(kw_only=True)
class RequestWithheld:
    """The request never left."""

    follower: AccountName
    client_order_id: ClientOrderId
    attempt: int
    problem: str


@frozen(kw_only=True)
class TradingStateChanged:
    """The user, or a limit of his, allowed more or less. ``follower`` None is said for all: the stricter of that and of what
    was said of a follower by name holds, and neither ends the other."""

    follower: AccountName | None
    state: TradingState


class Outcome(Enum):
    """What a request came to."""

    TAKEN = "TAKEN"
    REFUSED = "REFUSED"
    """It had no effect, or never left."""
    UNKNOWN = "UNKNOWN"


@frozen(kw_only=True)
class KillSwitchTurned:
    """The user has the broker's kill switch turned on or off at a follower. Durable before the request leaves."""

    follower: AccountName
    on: bool


@frozen(kw_only=True)
class KillSwitchAnswered:
    """What became of the request to turn it ``on`` or off."""

    follower: AccountName
    on: bool
    outcome: Outcome
    problem: str = ""


@frozen(kw_only=True)
class KillSwitchRead:
    """Whether the broker's kill switch is on; the read began at ``read_at``."""

    follower: AccountName
    on: bool
    read_at: datetime


@frozen(kw_only=True)
class SettingChanged:
    """The user changed a setting while the engine ran: of a leader, a follower, or (``account`` None) for all.

    ``value`` is its new value as JSON, spelled as in a settings file, ``null`` for nothing said; ``given`` what the
    engine was started with. It holds after a restart as long as the engine is given the same again; when it is given
    something else an empty ``value`` says that the change is over.
    """

    account: AccountName | None
    setting: str
    given: str
    value: str


@frozen(kw_only=True)
class AlertRaised:
    """Something that a human should look at: what happened, what is known, what can be done."""

    code: str
    what: str
    known: str
    advice: str
    account: AccountName | None = None
    leader_order_id: BrokerOrderId | None = None
    client_order_id: ClientOrderId | None = None


@frozen(kw_only=True)
class CheckpointWritten:
    """The state at this point, in the core's own encoding, so that recovery folds from here.

    ``leader_orders`` and ``trades`` are those that changed since the checkpoint before; ``whole`` says that there is
    none to look for, because a day has just been opened.
    """

    whole: bool
    state: str = field(repr=False)
    leader_orders: tuple[str, ...] = field(default=(), repr=False)
    trades: tuple[str, ...] = field(default=(), repr=False)


Fact: TypeAlias = (
    EngineStarted
    | DayOpened
    | SourceStarted
    | ClockStepped
    | LeaderReported
    | OrderReported
    | ReportUnreadable
    | GapDetected
    | BookRead
    | OrderNotFound
    | ReadFailed
    | PositionsReported
    | FundsReported
    | MarginReported
    | QuotesReported
    | CopyAdmitted
    | CopyDeclined
    | TradeSettled
    | SlippageMeasured
    | DriftDeclared
    | CloseOrdered
    | OpenOrdered
    | RequestIssued
    | RequestAccepted
    | RequestRejected
    | OutcomeUnresolved
    | RequestWithheld
    | TradingStateChanged
    | KillSwitchTurned
    | KillSwitchAnswered
    | KillSwitchRead
    | SettingChanged
    | AlertRaised
    | CheckpointWritten
)


@frozen
class Entry:
    """One row of the journal. ``position`` counts from 1 without gaps; ``cause`` is the position of the entry that
    made us act."""

    position: int
    at: datetime
    fact: Fact
    cause: int | None = None

    @property
    def account(self) -> AccountName | None:
        """The account concerned: the follower where there is one."""
        fact = self.fact
        if isinstance(fact, RequestIssued):
            return fact.request.follower
        for name in ("follower", "leader", "account"):
            value: AccountName | None = getattr(fact, name, None)
            if value is not None:
                return value
        return None

    @property
    def leader_order_id(self) -> BrokerOrderId | None:
        """The leader's order concerned, where the fact itself names one."""
        fact = self.fact
        if isinstance(fact, LeaderReported):
            return fact.report.order_id
        if isinstance(fact, RequestIssued):
            return getattr(fact.request, "leader_order_id", None)
        found: BrokerOrderId | None = getattr(fact, "leader_order_id", None)
        return found


@frozen
class Moment:
    """Now, twice: ``wall`` for ages and the journal (aware), ``monotonic`` seconds for rate windows."""

    wall: datetime
    monotonic: float
