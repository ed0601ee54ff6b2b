"""A leader and followers with Forever orders: their lists as brokers keep them, without tags, and what fires."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from attrs import define, evolve, field

from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import (
    BookRead,
    Channel,
    CopyMode,
    Fact,
    LeaderReported,
    OrderReported,
    OutcomeUnresolved,
    RequestAccepted,
)
from dhan_copy.core.requests import Cancel, Command, Modify, ReadOrders, Submit
from dhan_copy.core.settings import CopierSettings
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import (
    ForeverLeg,
    Leg,
    Limit,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Variety,
)
from tests.core.world import LEADER, TrueOrder, World, too_late

ABOVE, BELOW = StopLimit(Decimal("110"), Decimal("109")), StopLimit(Decimal("90"), Decimal("89"))


@define
class Waiting:
    """A Forever order as its broker has it: one leg, or a pair whose target is the first."""

    legs: dict[Leg, OrderReport]
    child: BrokerOrderId | None = None

    @property
    def rows(self) -> list[OrderReport]:
        return list(self.legs.values())

    @property
    def first(self) -> OrderReport:
        return self.rows[0]

    @property
    def id(self) -> BrokerOrderId:
        return self.first.order_id

    @property
    def waits(self) -> bool:
        return all(row.status is OrderStatus.CONFIRM for row in self.rows)

    @property
    def terms(self) -> list[object]:
        return [row.terms for row in self.rows]

    @property
    def quantities(self) -> list[int]:
        return [row.quantity for row in self.rows]


@define(eq=False)
class ForeverWorld(World):
    product: Product = Product.MARGIN
    lists: dict[str, dict[str, Waiting]] = field(factory=dict)
    lose: list[bool] = field(factory=list)
    """For each of the next requests whose answer is lost: whether it is carried out."""
    takes_forever: bool = True
    mode: CopyMode = CopyMode.ORDER
    keeps_fired: bool = True
    """Whether the list still shows what has fired, as TRADED."""
    asked_for_list: int = 0
    unreadable: set[str] = field(factory=set)
    """Accounts whose lists cannot be read."""
    hold_answers: list[Fact] | None = None
    """Where requests' answers go instead of to the core."""

    def fresh(self) -> Copier:
        plain = super().fresh().settings
        followers = tuple(evolve(rules, forever_orders=self.takes_forever, mode=self.mode) for rules in plain.followers)
        return Copier(CopierSettings(leaders=plain.leaders, followers=followers, policy=plain.policy))

    # Any account's

    def of(self, account: str) -> list[Waiting]:
        return list(self.lists.setdefault(account, {}).values())

    def waiting(self, account: str) -> list[Waiting]:
        return [order for order in self.of(account) if order.waits]

    def keep(self, account: str, order: OrderReport, stop: ForeverLeg | None) -> Waiting:
        legs = {Leg.ENTRY: order}
        if stop is not None:
            second = evolve(order, leg=Leg.STOP, terms=stop.terms, quantity=stop.quantity)
            legs = {Leg.TARGET: evolve(order, leg=Leg.TARGET), Leg.STOP: second}
        kept = self.lists.setdefault(account, {})[order.order_id] = Waiting(legs)
        return kept

    def fire(self, account: str, order: Waiting, leg: Leg | None = None, *, tell: bool = True) -> TrueOrder:
        """What waits is placed as an ordinary order; the frame names the parent, a row of the book does not."""
        self.advance(1)
        chosen = leg or next(iter(order.legs))
        row = order.legs[chosen]
        child = evolve(
            row, order_id=self.next_id(account), parent_order_id=order.id, leg=Leg.ENTRY, status=OrderStatus.PENDING,
            terms=Limit(row.terms.price) if isinstance(row.terms, StopLimit) else Limit(Decimal("101.5")),
            client_order_id=None, platform="FOVR", created_at=self.now, updated_at=self.now, filled_quantity=0,
        )  # fmt: skip
        order.child = child.order_id
        for name, each in order.legs.items():
            status = OrderStatus.TRADED if name is chosen else OrderStatus.CANCELLED
            order.legs[name] = evolve(each, status=status, updated_at=self.now)
        true = TrueOrder(child)
        (self.leader if account == LEADER else self.books[account])[child.order_id] = true
        if tell:
            self.tell(true) if account == LEADER else self.feed(self.follower_report(account, true))
        return true

    def rows(self, account: str) -> list[OrderReport]:
        shown = [order for order in self.of(account) if self.keeps_fired or order.child is None]
        return [evolve(row, client_order_id=None) for order in shown for row in order.rows]

    # The leader

    def place_forever(
        self, side: Side, lots: int, terms: StopLimit | StopMarket = ABOVE, stop: ForeverLeg | None = None,
        *, tell: bool = True,
    ) -> Waiting:  # fmt: skip
        placed = self.place(side, lots, terms=terms, status=OrderStatus.CONFIRM, tell=False).report
        del self.leader[placed.order_id]
        order = self.keep(LEADER, evolve(placed, variety=Variety.FOREVER), stop)
        if tell:
            self.look()
        return order

    def look(self, account: str = LEADER) -> None:
        """A sweep of the book and the list."""
        self.advance(3)
        self.feed(*self.book(account, forever=True))

    def alter(self, order: Waiting, leg: Leg | None = None, *, tell: bool = True, **changes: object) -> None:
        self.advance(1)
        name = leg or next(iter(order.legs))
        order.legs[name] = evolve(order.legs[name], updated_at=self.now, **changes)  # type: ignore[arg-type]
        if tell:
            self.look()

    def take_back(self, order: Waiting, *, tell: bool = True) -> None:
        self.advance(1)
        for name, row in order.legs.items():
            order.legs[name] = evolve(row, status=OrderStatus.CANCELLED, updated_at=self.now)
        if tell:
            self.look()

    # The brokers

    def answer(self, command: Command) -> list[Fact]:
        match command:
            case ReadOrders(account=account, forever=forever):
                self.asked_for_list += forever
                return self.book(account, forever=account not in self.unreadable and (forever or account == LEADER))
            case Submit() | Modify() | Cancel() if self.lose:
                if self.lose.pop(0):
                    super().answer(command)
                return [
                    OutcomeUnresolved(
                        follower=command.follower,
                        client_order_id=command.client_order_id,
                        attempt=command.attempt,
                        problem="no answer",
                    )  # fmt: skip
                ]
        answers = super().answer(command)
        if self.hold_answers is not None and isinstance(command, (Submit, Modify, Cancel)):
            self.hold_answers += answers
            return []
        return answers

    def book(self, account: str, forever: bool = False) -> list[Fact]:
        facts = [_without_parent(fact) for fact in super().book(account)]
        read = facts.pop()
        assert isinstance(read, BookRead)
        listed = self.rows(account) if forever else []
        for row in listed:
            if account == LEADER:
                facts.append(LeaderReported(leader=LEADER, report=row, channel=Channel.BOOK, read_at=self.now))
            else:
                name = AccountName(account)
                facts.append(OrderReported(follower=name, report=row, channel=Channel.BOOK, read_at=self.now))
        ids = tuple(dict.fromkeys(row.order_id for row in listed)) if forever else None
        return [*facts, evolve(read, forever=ids)]

    def on_submit(self, request: Submit) -> list[Fact]:
        if not request.forever:
            return super().on_submit(request)
        answers = super().on_submit(request)
        for answer in answers:
            if isinstance(answer, RequestAccepted):
                placed = self.books[request.follower].pop(answer.broker_order_id).report
                placed = evolve(placed, variety=Variety.FOREVER, status=OrderStatus.CONFIRM, created_at=self.now)
                self.keep(request.follower, placed, request.second_leg)
        return answers

    def on_change(self, request: Modify | Cancel) -> list[Fact]:
        if not request.forever:
            return super().on_change(request)
        order = self.lists[request.follower][request.broker_order_id]
        if not order.waits:
            return [too_late(request)]
        if isinstance(request, Cancel):
            self.take_back(order, tell=False)
        else:
            second = request.second_leg
            assert (second is not None) is (Leg.STOP in order.legs)
            if request.leg is Leg.STOP:
                assert second is not None
                self.alter(order, Leg.STOP, tell=False, terms=second.terms, quantity=second.quantity)
            else:
                self.alter(order, tell=False, terms=request.terms, quantity=request.quantity)
        return [
            RequestAccepted(
                follower=request.follower,
                client_order_id=request.client_order_id,
                attempt=request.attempt,
                broker_order_id=request.broker_order_id,
            )  # fmt: skip
        ]

    def next_day(self) -> None:
        for account, orders in self.lists.items():
            self.lists[account] = {order.id: order for order in orders.values() if order.waits}
        super().next_day()

    # What there is

    def live_units(self, follower: str) -> int:
        """What could still fill of everything that is live there, whichever legs fire."""
        waiting = sum(max(order.quantities) for order in self.waiting(follower))
        return waiting + sum(order.report.leaves_quantity for order in self.open_orders(follower))

    def let(self, seconds: float, *, step: float = 4.0) -> None:
        """Time passes, and what is asked for is read."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.tick(step)


def _without_parent(fact: Fact) -> Fact:
    if isinstance(fact, (LeaderReported, OrderReported)) and fact.report.variety is Variety.FOREVER:
        return evolve(fact, report=evolve(fact.report, parent_order_id=None, platform=None))
    return fact
