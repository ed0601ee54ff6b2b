"""Several leaders whom one follower copies, each with his own rules; the brokers also tell of money and margin."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from attrs import define, field

from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import (
    BookRead,
    Channel,
    EngineStarted,
    Fact,
    FundsReported,
    LeaderReported,
    MarginReported,
    PositionsReported,
    SourceStarted,
)
from dhan_copy.core.requests import Command, ReadFunds, ReadMargin, ReadOrders, ReadPositions, Submit
from dhan_copy.core.rules import Rules
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules
from dhan_copy.model.account import Funds, Margin, Position
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import Market, Side
from tests.core.world import SECURITY, SEGMENT, TrueOrder, World

LEADERS = (AccountName("L"), AccountName("M"))
F = AccountName("F")
PRICE = Decimal(100)
MARGIN_RATE = Fraction(1, 5)


@define
class ManyLeaders(World):
    """``speaking`` is the leader who acts."""

    rules: dict[str, Rules] = field(factory=dict)
    """By leader."""
    own: Rules = Rules()
    """The follower's."""
    funds: dict[str, Funds] = field(factory=dict)
    speaking: AccountName = LEADERS[0]
    whose: dict[BrokerOrderId, AccountName] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.books = {F: {}}
        self.copier = self.fresh()
        self.feed(EngineStarted(version="test", epoch=1), *(SourceStarted(account=name) for name in (*LEADERS, F)))
        for leader in LEADERS:
            self.feed(BookRead(account=leader, read_at=self.now), self.positions_of(leader))

    def fresh(self) -> Copier:
        follower = FollowerRules(
            name=F, live=True, limits=self.limits, max_lots=self.max_lots, rules=self.own,
            mode=self.mode, reverse=self.reverse,
        )  # fmt: skip
        leaders = tuple(LeaderRules(name=name, rules=self.rules.get(name, Rules())) for name in LEADERS)
        return Copier(CopierSettings(leaders=leaders, followers=(follower,), policy=self.policy))

    def answer(self, command: Command) -> list[Fact]:
        match command:
            case ReadFunds(account=account) if account in self.funds:
                return [FundsReported(account=account, read_at=self.now, funds=self.funds[account])]
            case ReadMargin(account=account, order=order):
                required = order.price * order.quantity * MARGIN_RATE.numerator / MARGIN_RATE.denominator
                return [MarginReported(account=account, read_at=self.now, order=order, margin=Margin(required))]
            case ReadOrders(account=account) if account in LEADERS:
                return self.book_of(account)
            case ReadPositions(account=account) if account in LEADERS:
                return [*self.book_of(account), self.positions_of(account)]
            case _:
                return super().answer(command)

    def book_of(self, leader: AccountName) -> list[Fact]:
        rows: list[Fact] = [
            LeaderReported(leader=leader, report=order.report, channel=Channel.BOOK, read_at=self.now)
            for order_id, order in self.leader.items() if self.whose[order_id] == leader
        ]  # fmt: skip
        return [*rows, BookRead(account=leader, read_at=self.now)]

    def sweep(self) -> None:
        self.advance(1)
        for leader in LEADERS:
            self.feed(*self.book_of(leader))
        self.feed(*self.book(F))

    def next_id(self, account: str) -> BrokerOrderId:
        order_id = super().next_id(account)
        if account != F:
            self.whose[order_id] = self.speaking
        return order_id

    def tell(self, order: TrueOrder, channel: Channel = Channel.STREAM) -> list[Command]:
        leader = self.whose[order.report.order_id]
        return self.feed(LeaderReported(leader=leader, report=order.report, channel=channel, read_at=None))

    def position_of(self, leader: AccountName) -> int:
        mine = (order for order_id, order in self.leader.items() if self.whose[order_id] == leader)
        return sum(order.sign * order.report.filled_quantity for order in mine)

    def positions_of(self, leader: AccountName) -> PositionsReported:
        held = Position(SEGMENT, SECURITY, self.product, self.position_of(leader))
        return PositionsReported(account=leader, read_at=self.now, positions=(held,))

    # What the follower's broker sees, by whose order it copies

    def submits(self) -> list[Submit]:
        return [request for request in self.requests() if isinstance(request, Submit)]

    def held_for(self, leader: AccountName) -> int:
        """Signed units that copies of this leader have left at the broker."""
        tags = {request.client_order_id for request in self.submits() if request.leader == leader}
        return sum(o.sign * o.report.filled_quantity for o in self.books[F].values() if o.report.client_order_id in tags)

    def flatten(self) -> None:
        """Every leader closes everything at the market, and the follower's exits fill."""
        self.refuse.clear()
        for leader in LEADERS:
            self.speaking, position = leader, self.position_of(leader)
            if position:
                self.advance(1)
                order = self.place(Side.SELL if position > 0 else Side.BUY, abs(position) // self.lot, terms=Market())
                self.fill(order, abs(position))
        for _ in range(8):
            self.fill_everything(F)
            self.tick(31)
