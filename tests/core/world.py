"""A leader and followers as their brokers see them: the truth that the core is checked against.

It shares no arithmetic with the code under test: it only moves quantities that it is told to move.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from attrs import define, evolve, field

from dhan_copy.core.copier import Copier, Step
from dhan_copy.core.facts import (
    BookRead,
    Channel,
    CopyMode,
    EngineStarted,
    Entry,
    Fact,
    LeaderReported,
    Moment,
    OrderNotFound,
    OrderReported,
    PositionsReported,
    Refusal,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    SourceStarted,
)
from dhan_copy.core.requests import Cancel, Command, Modify, Query, ReadOrders, ReadPositions, Submit
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules, Policy, RateLimits, RateWindow
from dhan_copy.model.account import Position
from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import (
    Limit,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    Terms,
    Validity,
)
from dhan_copy.model.size import Ratio
from dhan_copy.model.times import ist
from dhan_copy.protocols import PositionSizer

LEADER = AccountName("L")
START = ist(datetime(2026, 11, 20, 10, 0, 0))
SEGMENT, SECURITY = ExchangeSegment.NSE_FNO, SecurityId("45471")
KEY = InstrumentKey(SEGMENT, SECURITY)
WIDE = RateLimits(windows=(RateWindow(100_000, 1.0),), per_day=1_000_000)
OVER = (OrderStatus.TRADED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED)


@define
class TrueOrder:
    """An order as its broker knows it."""

    report: OrderReport
    requests: list[str] = field(factory=list)
    by_hand: bool = False

    @property
    def is_open(self) -> bool:
        return self.report.status not in OVER

    @property
    def sign(self) -> int:
        return 1 if self.report.side is Side.BUY else -1


def too_late(request: Modify | Cancel) -> RequestRejected:
    return RequestRejected(
        follower=request.follower, client_order_id=request.client_order_id, attempt=request.attempt,
        refusal=Refusal.ORDER_STATE, code="DH-906", text="Order Has Traded Please Refresh Order Book", final=True,
    )  # fmt: skip


@define
class World:
    """Drives a :class:`Copier` and answers its commands at once."""

    ratios: dict[str, Fraction]
    lot: int = 75
    policy: Policy = Policy()
    limits: RateLimits = WIDE
    live: bool = True
    product: Product = Product.INTRADAY
    sizers: dict[str, PositionSizer] = field(factory=dict)
    max_lots: int | None = None
    mode: CopyMode = CopyMode.ORDER
    reverse: bool = False
    reads_quotes: bool = False
    """No price is ever told: late entries wait for one in vain."""
    leader_base: int = 0
    now: datetime = START
    leader: dict[str, TrueOrder] = field(factory=dict)
    books: dict[str, dict[str, TrueOrder]] = field(factory=dict)
    manual: dict[str, int] = field(factory=dict)
    journal: list[Entry] = field(factory=list)
    sent: list[tuple[datetime, Command]] = field(factory=list)
    refuse: dict[str, list[tuple[Refusal, bool]]] = field(factory=dict)
    copier: Copier = field(init=False)
    last_step: Step | None = None
    numbers: dict[str, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.books = {name: {} for name in self.ratios}
        self.copier = self.fresh()
        accounts = [LEADER, *map(AccountName, self.ratios)]
        self.feed(EngineStarted(version="test", epoch=1), *(SourceStarted(account=name) for name in accounts))
        self.feed(BookRead(account=LEADER, read_at=self.now), self.leader_positions())

    def fresh(self) -> Copier:
        followers = tuple(
            FollowerRules(
                name=AccountName(name),
                sizer=self.sizers.get(name, Ratio(ratio)),
                live=self.live,
                limits=self.limits,
                max_lots=self.max_lots,
                mode=self.mode,
                reverse=self.reverse,
                reads_quotes=self.reads_quotes,
            )  # fmt: skip
            for name, ratio in self.ratios.items()
        )
        return Copier(CopierSettings(leaders=(LeaderRules(name=LEADER),), followers=followers, policy=self.policy))

    def restart(self) -> None:
        """Throw the core away and fold the journal again, as a new process would."""
        self.copier = self.fresh()
        self.copier.restore(self.journal)
        self.feed(EngineStarted(version="test", epoch=2))
        self.sweep()

    def leader_positions(self) -> PositionsReported:
        held = Position(segment=SEGMENT, security_id=SECURITY, product=self.product, net_quantity=self.leader_position())
        return PositionsReported(account=LEADER, read_at=self.now, positions=(held,))

    def next_day(self) -> None:
        """The broker squares off what ends with the day; books begin empty, the rest is carried over."""
        gone = self.product.ends_with_day
        self.leader_base = 0 if gone else self.leader_position()
        for follower in self.books:
            self.manual[follower] = 0 if gone else self.net_position(follower)
            self.books[follower].clear()
        self.leader.clear()
        self.now = ist(datetime(self.now.year, self.now.month, self.now.day, 9, 15)) + timedelta(days=1)
        self.feed()

    def next_id(self, account: str) -> BrokerOrderId:
        self.numbers[account] = self.numbers.get(account, 0) + 1
        return BrokerOrderId(f"{account}{self.numbers[account]}")

    # The core

    def feed(self, *facts: Fact) -> list[Command]:
        """Step the core with facts and answer everything that it asks, until it asks no more."""
        commands: list[Command] = []
        waiting: tuple[Fact, ...] = facts
        for _ in range(500):
            step = self.copier.step(self.moment(), waiting)
            self.last_step = step
            for entry in step.entries:
                assert entry.position == len(self.journal) + 1
                self.journal.append(entry)
            issued = {e.fact.request for e in step.entries if isinstance(e.fact, RequestIssued)}
            for command in step.commands:
                if isinstance(command, (Submit, Modify, Cancel)):
                    assert command in issued, "a request without its journal row"
                self.sent.append((self.now, command))
            commands.extend(step.commands)
            waiting = tuple(fact for command in step.commands for fact in self.answer(command))
            if not waiting:
                return commands
        raise AssertionError("the core does not come to rest")

    def moment(self) -> Moment:
        return Moment(self.now, (self.now - START).total_seconds())

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def tick(self, seconds: float = 1.0) -> list[Command]:
        self.advance(seconds)
        return self.feed()

    def requests(self) -> list[Submit | Modify | Cancel]:
        return [c for _, c in self.sent if isinstance(c, (Submit, Modify, Cancel))]

    def facts(self, kind: type[Fact]) -> list[Fact]:
        return [entry.fact for entry in self.journal if isinstance(entry.fact, kind)]

    # The followers' broker

    def answer(self, command: Command) -> list[Fact]:
        match command:
            case Submit():
                return self.on_submit(command)
            case Modify() | Cancel():
                return self.on_change(command)
            case Query():
                return [self.lookup(command)]
            case ReadOrders(account=account):
                return self.book(account)
            case ReadPositions(account=account):
                if account == LEADER:
                    return [self.leader_positions()]
                held = Position(
                    segment=SEGMENT, security_id=SECURITY, product=self.product, net_quantity=self.net_position(account)
                )
                return [PositionsReported(account=account, read_at=self.now, positions=(held,))]
            case _:
                return []

    def on_submit(self, request: Submit) -> list[Fact]:
        follower, tag = request.follower, request.client_order_id
        refusals = self.refuse.get(follower)
        if refusals:
            refusal, final = refusals.pop(0)
            return [
                RequestRejected(
                    follower=follower,
                    client_order_id=tag,
                    attempt=request.attempt,
                    refusal=refusal,
                    code="DH-906",
                    text="no",
                    final=final,
                )  # fmt: skip
            ]
        assert all(o.report.client_order_id != tag for o in self.books[follower].values()), "an id used twice"
        order_id = self.next_id(follower)
        report = OrderReport(
            account=follower, order_id=order_id, client_order_id=tag, segment=request.segment,
            security_id=request.security_id, side=request.side, product=request.product, validity=request.validity,
            terms=request.terms, quantity=request.quantity, status=OrderStatus.PENDING, updated_at=self.now,
        )  # fmt: skip
        self.books[follower][order_id] = TrueOrder(report)
        return [RequestAccepted(follower=follower, client_order_id=tag, attempt=request.attempt, broker_order_id=order_id)]

    def on_change(self, request: Modify | Cancel) -> list[Fact]:
        order = self.books[request.follower][request.broker_order_id]
        if not order.is_open:
            return [too_late(request)]
        accepted = RequestAccepted(
            follower=request.follower, client_order_id=request.client_order_id, attempt=request.attempt,
            broker_order_id=request.broker_order_id,
        )  # fmt: skip
        if isinstance(request, Cancel):
            order.report = evolve(order.report, status=OrderStatus.CANCELLED, updated_at=self.now)
            order.requests.append("cancel")
        else:
            assert request.quantity > order.report.filled_quantity, "a total at or below the fills"
            order.report = evolve(order.report, quantity=request.quantity, terms=request.terms, updated_at=self.now)
            order.requests.append("modify")
        return [accepted, self.follower_report(request.follower, order)]

    def follower_report(self, follower: str, order: TrueOrder, channel: Channel = Channel.STREAM) -> OrderReported:
        read_at = self.now if channel is Channel.BOOK else None
        return OrderReported(follower=AccountName(follower), report=order.report, channel=channel, read_at=read_at)

    def lookup(self, query: Query) -> Fact:
        for order in self.books[query.follower].values():
            if order.report.client_order_id == query.client_order_id:
                return self.follower_report(query.follower, order, Channel.BOOK)
        return OrderNotFound(follower=query.follower, client_order_id=query.client_order_id, read_at=self.now)

    def book(self, account: str) -> list[Fact]:
        if account == LEADER:
            rows: list[Fact] = [
                LeaderReported(leader=LEADER, report=o.report, channel=Channel.BOOK, read_at=self.now)
                for o in self.leader.values()
            ]
            return [*rows, BookRead(account=LEADER, read_at=self.now)]
        orders = list(self.books[account].values())
        tags = tuple(o.report.client_order_id for o in orders if o.report.client_order_id is not None)
        reports: list[Fact] = [self.follower_report(account, o, Channel.BOOK) for o in orders]
        return [*reports, BookRead(account=AccountName(account), read_at=self.now, tags=tags)]

    def sweep(self) -> None:
        self.advance(1)
        for account in (LEADER, *self.books):
            self.feed(*self.book(account))

    def fill_follower(self, follower: str, order: TrueOrder, units: int) -> None:
        filled = order.report.filled_quantity + units
        status = OrderStatus.TRADED if filled == order.report.quantity else OrderStatus.PART_TRADED
        order.report = evolve(
            order.report, filled_quantity=filled, status=status, average_price=Decimal(100), updated_at=self.now
        )
        self.feed(self.follower_report(follower, order))

    def end_follower(self, follower: str, order: TrueOrder, status: OrderStatus) -> None:
        order.report = evolve(order.report, status=status, updated_at=self.now)
        order.by_hand = True
        self.feed(self.follower_report(follower, order))

    def open_orders(self, follower: str) -> list[TrueOrder]:
        return [order for order in self.books[follower].values() if order.is_open]

    def fill_everything(self, follower: str) -> None:
        for _ in range(200):
            orders = self.open_orders(follower)
            if not orders:
                return
            self.fill_follower(follower, orders[0], orders[0].report.quantity - orders[0].report.filled_quantity)

    def net_position(self, follower: str) -> int:
        fills = sum(o.sign * o.report.filled_quantity for o in self.books[follower].values())
        return fills + self.manual.get(follower, 0)

    # The leader

    def leader_position(self) -> int:
        return self.leader_base + sum(o.sign * o.report.filled_quantity for o in self.leader.values())

    def place(
        self, side: Side, lots: int, *, terms: Terms | None = None, status: OrderStatus = OrderStatus.PENDING,
        validity: Validity = Validity.DAY, filled: int = 0, disclosed: int = 0, tell: bool = True,
    ) -> TrueOrder:  # fmt: skip
        report = OrderReport(
            account=AccountName("1000000001"), order_id=self.next_id(LEADER), segment=SEGMENT,
            security_id=SECURITY, side=side, product=self.product, validity=validity,
            terms=terms or Limit(Decimal("100.00")), quantity=lots * self.lot, filled_quantity=filled, status=status,
            disclosed_quantity=disclosed,
            instrument=InstrumentFacts(lot_units=self.lot, tick=Decimal("0.05"), kind=InstrumentKind.OPTIDX),
            created_at=self.now, updated_at=self.now,
        )  # fmt: skip
        order = TrueOrder(report)
        self.leader[report.order_id] = order
        if tell:
            self.tell(order)
        return order

    def tell(self, order: TrueOrder, channel: Channel = Channel.STREAM) -> list[Command]:
        read_at = self.now if channel is Channel.BOOK else None
        return self.feed(LeaderReported(leader=LEADER, report=order.report, channel=channel, read_at=read_at))

    def change(self, order: TrueOrder, **changes: object) -> list[Command]:
        """Change the leader's order and tell it."""
        self.advance(1)
        order.report = evolve(order.report, updated_at=self.now, **changes)  # type: ignore[arg-type]
        return self.tell(order)

    def fill(self, order: TrueOrder, units: int) -> list[Command]:
        filled = order.report.filled_quantity + units
        status = OrderStatus.TRADED if filled == order.report.quantity else OrderStatus.PART_TRADED
        return self.change(order, filled_quantity=filled, status=status, average_price=Decimal("100"))

    def trade(self, side: Side, lots: int) -> TrueOrder:
        """An order of the leader that fills at once."""
        order = self.place(side, lots)
        self.fill(order, order.report.quantity)
        return order

    def cancel(self, order: TrueOrder) -> list[Command]:
        return self.change(order, status=OrderStatus.CANCELLED)
