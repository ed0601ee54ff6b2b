"""What a leader, two followers, their brokers and the line may do, as the rules of a Hypothesis state machine."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any, ClassVar, Literal, TypeVar

from attrs import evolve, frozen
from hypothesis import event, target
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    precondition,
    rule,
)

from dhan_copy.core.facts import CopyDeclined, GapDetected, LeaderReported, Refusal, TradingState, TradingStateChanged
from dhan_copy.core.requests import Cancel, Intent, Modify, Query, Submit
from dhan_copy.model.ids import AccountName, BrokerOrderId, client_order_id
from dhan_copy.model.order import Limit, Market, OrderStatus, Side
from tests.core.judge import LISTING
from tests.core.judged_world import JudgedWorld, ratios
from tests.core.test_checkpoint import known
from tests.core.world import LEADER, TrueOrder

SIDES, PICKS, LOTS, TICKS = tuple(Side), tuple(range(8)), tuple(range(1, 7)), tuple(range(-3, 4))
NAMES = (AccountName("F"), AccountName("G"))
Well = Literal["served", "told", "kept"]
"""Whether a frame is told and everything that follows is answered at once, or only told, or kept back."""
WELL: tuple[Well, ...] = ("served", "served", "told", "kept")
FATES = ("answer", "answer", "answer", "early", "slow", "silent", "lose", "late")
REFUSALS = ((Refusal.RATE_LIMIT, False), (Refusal.AUTHENTICATION, False), (Refusal.FUNDS, True), (Refusal.OTHER, True))
STATES = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)

ORDERS: Bundle[BrokerOrderId] = Bundle("orders")
"""The leader's orders that have not been cancelled."""


@frozen
class Act:
    """One rule, for a walk without Hypothesis: ``order`` says whether it takes one of the leader's orders."""

    name: str
    choices: Mapping[str, Sequence[object]]
    when: Callable[[CopierMachine], object]
    order: bool
    gives: bool


ACTS: list[Act] = []
Method = TypeVar("Method", bound=Callable[..., object])


def act(
    *, order: Bundle[BrokerOrderId] | None = None, gives: bool = False,
    when: Callable[[CopierMachine], object] = lambda self: True, **choices: Sequence[object],
) -> Callable[[Method], Method]:  # fmt: skip
    """A rule of the machine whose arguments are drawn from ``choices``."""

    def decorate(method: Method) -> Method:
        ACTS.append(Act(method.__name__, choices, when, order is not None, gives))
        drawn: dict[str, Any] = {name: st.sampled_from(values) for name, values in choices.items()}
        if order is not None:
            drawn["order"] = order
        if gives:
            drawn["target"] = ORDERS
        return precondition(when)(rule(**drawn)(method))

    return decorate


class CopierMachine(RuleBasedStateMachine):
    """Faults come one by one into a day that otherwise goes well; at the end everything heals, and is judged."""

    rare: ClassVar[Counter[str]] = Counter()
    """Rare states that the runs of this class came through."""
    orders = ORDERS
    walking = False
    """Whether Hypothesis is not there to be told anything."""

    @initialize(target=ORDERS, first=st.lists(st.tuples(st.sampled_from(SIDES), st.sampled_from(LOTS)), min_size=2, max_size=4))
    def begin(self, first: list[tuple[Side, int]]) -> MultipleResults[BrokerOrderId]:
        self.world = JudgedWorld(ratios())
        traded = [self.trade(side, lots, "served") for side, lots in first[1:]]
        self.world.fill_open()
        return multiple(*traded, self.place(*first[0], 0, "served"))

    # The leader

    @act(gives=True, side=SIDES, lots=LOTS, tick=TICKS, well=WELL)
    def place(self, side: Side, lots: int, tick: int, well: Well) -> BrokerOrderId:
        self.world.advance(1)
        order = self.world.place(side, lots, terms=Limit(Decimal(100) + tick * Decimal("0.05")), tell=False)
        self._tell(order, well)
        return order.report.order_id

    @act(gives=True, side=SIDES, lots=LOTS, well=WELL)
    def trade(self, side: Side, lots: int, well: Well) -> BrokerOrderId:
        """A market order, filled at once."""
        self.world.advance(1)
        crosses = self.world.leader_position() * side.sign < 0 < abs(self.world.leader_position()) < lots * self.world.lot
        self.world.judge.rare["an order that crosses zero"] += crosses
        order = self.world.place(side, lots, terms=Market(), tell=False)
        self._change(order, well, filled_quantity=order.report.quantity, status=OrderStatus.TRADED, average_price=Decimal(100))
        return order.report.order_id

    @act(side=SIDES, lots=LOTS)
    def place_many(self, side: Side, lots: int) -> None:
        """A basket within one second."""
        for number in range(5):
            self.world.tell(self.world.place(side, 1 + (lots + number) % 6, tell=False))
        self._serve()

    @act(order=ORDERS, lots=LOTS, well=WELL)
    def leader_fills(self, order: BrokerOrderId, lots: int, well: Well) -> None:
        true = self.world.leader[order]
        left = true.report.quantity - true.report.filled_quantity
        if true.is_open and left:
            filled = true.report.filled_quantity + min(left, lots * self.world.lot)
            status = OrderStatus.TRADED if filled == true.report.quantity else OrderStatus.PART_TRADED
            self._change(true, well, filled_quantity=filled, status=status, average_price=Decimal(100))

    @act(order=ORDERS, lots=LOTS, tick=TICKS, well=WELL, times=(1, 1, 1, 6))
    def modify(self, order: BrokerOrderId, lots: int, tick: int, well: Well, times: int) -> None:
        true = self.world.leader[order]
        for number in range(times if true.is_open else 0):
            quantity = true.report.filled_quantity + (1 + (lots + number) % 6) * self.world.lot
            self._change(true, well, quantity=quantity, terms=Limit(Decimal(100) + (tick + number) * Decimal("0.05")))
            if times > 1:
                self._serve()

    @act(order=consumes(ORDERS), well=WELL)
    def cancel(self, order: BrokerOrderId, well: Well) -> None:
        if self.world.leader[order].is_open:
            self._change(self.world.leader[order], well, status=OrderStatus.CANCELLED)

    @act(side=SIDES, lots=LOTS)
    def our_own_order(self, side: Side, lots: int) -> None:
        """An order with a copier's tag shows at the leader."""
        self.world.advance(1)
        order = self.world.place(side, lots, tell=False)
        tag = client_order_id("other", "X", LEADER, "E", 0, 0)
        order.report = evolve(order.report, client_order_id=tag)
        self.world.looped.add(order.report.order_id)
        self.world.judge.rare["an order of our own at the leader"] += 1
        self._tell(order, well="told")

    def _change(self, order: TrueOrder, well: Well, **changes: object) -> None:
        self.world.advance(1)
        order.report = evolve(order.report, updated_at=self.world.now, **changes)  # type: ignore[arg-type]
        self._tell(order, well)

    def _tell(self, order: TrueOrder, well: Well) -> None:
        self.world.tell(order)
        if well != "kept":
            self.world.tell_one(-1)
        if well == "served":
            self._serve()

    # The followers' brokers

    @act(name=NAMES, pick=PICKS, lots=LOTS, well=WELL)
    def follower_fills(self, name: AccountName, pick: int, lots: int, well: Well) -> None:
        orders = self.world.open_orders(name)
        if orders:
            order = orders[pick % len(orders)]
            left = order.report.quantity - order.report.filled_quantity
            self.world.fill_follower(name, order, min(left, lots * self.world.lot))
            if well != "kept":
                self.world.tell_one(-1)
            if well == "served":
                self._serve()

    @act(name=NAMES, pick=PICKS, status=(OrderStatus.CANCELLED, OrderStatus.REJECTED))
    def follower_order_ends(self, name: AccountName, pick: int, status: OrderStatus) -> None:
        """Cancelled by hand, or rejected after it was accepted."""
        orders = [order for order in self.world.open_orders(name) if not order.report.filled_quantity]
        if orders:
            self.world.judge.rare[f"{status.name} without our asking"] += 1
            self.world.end_follower(name, orders[pick % len(orders)], status)

    @act(name=NAMES, refusal=REFUSALS, times=(1, 1, 5), changes=(False, True))
    def refuse(self, name: AccountName, refusal: tuple[Refusal, bool], times: int, changes: bool) -> None:
        refused = self.world.refuse_changes if changes else self.world.refuse
        refused.setdefault(name, []).extend([refusal] * (1 if changes else times))

    @act(pick=PICKS, how=FATES, when=lambda self: self.world.pending)
    def deliver(self, pick: int, how: str) -> None:
        self.world.deliver(pick, how)

    @act(
        how=("silent", "lose", "late", "slow"),
        when=lambda self: any(isinstance(one, (Submit, Modify, Cancel)) for one in self.world.pending),
    )
    def deliver_a_request_badly(self, how: str) -> None:
        number = next(n for n, one in enumerate(self.world.pending) if isinstance(one, (Submit, Modify, Cancel)))
        self.world.deliver(number, how)

    # The line

    @act()
    def serve(self) -> None:
        self._serve()

    def _serve(self) -> None:
        """What is asked now is answered, and what there is to tell is told."""
        while self.world.pending:
            self.world.deliver(0, "answer")
        self.world.tell_all()

    @act(pick=PICKS, when=lambda self: self.world.untold)
    def tell(self, pick: int) -> None:
        self.world.tell_one(pick)

    @act(pick=PICKS, when=lambda self: self.world.repeatable)
    def repeat(self, pick: int) -> None:
        """One of the last frames comes again."""
        self.world.repeat(-1 - pick)

    @act(order=ORDERS)
    def repeat_the_first_state(self, order: BrokerOrderId) -> None:
        """The feed goes back to how an order was when it was first told."""
        told = (
            n for n, one in enumerate(self.world.repeatable) if isinstance(one, LeaderReported) and one.report.order_id == order
        )
        first = next(told, None)
        if first is not None:
            self.world.repeat(first)
            self._serve()

    @act(when=lambda self: self.world.untold)
    def lose_the_streams(self) -> None:
        self.world.drop_frames()
        for account in (LEADER, *self.world.names):
            self.world.feed(GapDetected(account=account, cause="reset"))

    @act(pick=PICKS, when=lambda self: self.world.slow_reads)
    def finish_read(self, pick: int) -> None:
        self.world.finish_read(pick)

    @act(pick=PICKS, when=lambda self: self.world.belated)
    def land(self, pick: int) -> None:
        self.world.land(pick)

    @act(seconds=(1, 3, 7, 20, 35))
    def wait(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @act(reads=("answer", "answer", "lose"), when=lambda self: self.world.judge.lost)
    def wait_for_absence(self, reads: str) -> None:
        """The absence window passes while reads go on, well or badly."""
        self._wait_for_absence(reads)

    @act(gives=True, how=("lose", "late", "silent"), when=lambda self: self.world.leader_position())
    def close_and_lose_the_exit(self, how: str) -> BrokerOrderId:
        """The leader closes everything, and the line eats what follows from it."""
        for _ in range(3):
            self._serve()
            self.world.fill_open()
        position = self.world.leader_position()
        order = self.trade(Side.SELL if position > 0 else Side.BUY, abs(position) // self.world.lot, "told")
        for _ in range(30):
            if not self.world.pending:
                break
            asked = self.world.pending[0]
            self.world.deliver(0, how if isinstance(asked, Submit) and asked.intent is Intent.EXIT else "answer")
        self._wait_for_absence("answer")
        return order

    def _wait_for_absence(self, reads: str) -> None:
        for _ in range(16):
            self.world.pass_time(11)
            for _ in range(20):
                if not self.world.pending:
                    break
                self.world.deliver(0, reads if not isinstance(self.world.pending[0], (Submit, Modify, Cancel)) else "answer")
            self.world.tell_all()

    # The process and the user

    @act(done=PICKS)
    def crash(self, done: int) -> None:
        self._compare(replay=done == 0)
        self.world.crash(done)

    @act(state=STATES, name=(*NAMES, None))
    def allow(self, state: TradingState, name: AccountName | None) -> None:
        """Less or, if it is less already, everything again."""
        state = TradingState.ACTIVE if self.world.judge.trading.get(name) in STATES[1:] else state
        self.world.judge.rare[f"{state.name} while a request is out"] += bool(self.world.judge.under_way)
        self.world.feed(TradingStateChanged(follower=name, state=state))

    def _compare(self, *, replay: bool) -> None:
        """The journal brings back what the running core knows, and the same facts lead to the same decisions."""
        for from_checkpoints in (True, False):
            copier = self.world.restored(from_checkpoints=from_checkpoints)
            assert known(copier.state) == known(self.world.copier.state), "invariant 16: the journal tells something else"
        replayed = self.world.replayed() if replay else []
        for (now, facts, step), again in zip(self.world.steps, replayed):
            assert (again.entries, again.commands) == (step.entries, step.commands), f"invariant 16: at {now} with {facts}"

    # Rest

    def teardown(self) -> None:
        if sys.exception() is not None or not hasattr(self, "world"):
            return
        world = self.world
        try:
            self._rest()
        finally:
            CopierMachine.rare.update({name: 1 for name, count in world.judge.rare.items() if count})
        if self.walking:
            return
        for name, count in world.judge.rare.items():
            if count:
                event(name)
        target(float(sum(bool(count) for count in world.judge.rare.values())), label="rare states")

    def _rest(self) -> None:
        world = self.world
        self._compare(replay=True)
        world.refuse.clear()
        world.refuse_changes.clear()
        for name in (*NAMES, None):
            world.feed(TradingStateChanged(follower=name, state=TradingState.ACTIVE))
        world.heal()
        world.settle_down()
        self._look_at_open_orders()
        for order in list(world.leader.values()):
            if order.is_open:
                self._change(order, "told", status=OrderStatus.CANCELLED)
        world.heal()
        self._fill_until_flat()
        self._look_at_rest()
        self._compare(replay=False)
        asked = len(world.requests())
        world.restart()
        world.heal()
        assert world.requests()[asked:] == [], "invariant 16: a restart without news sends something"

    def _look_at_open_orders(self) -> None:
        world, judge = self.world, self.world.judge
        for part in judge.submits:
            leader = world.leader[BrokerOrderId(part[0])]
            for order in world.placed(part):
                tag = order.report.client_order_id or ""
                if not (order.is_open and leader.is_open) or tag in judge.terms_refused:
                    continue
                if judge.modifications[tag] < world.limits.modifications_per_order:
                    judge.hold(
                        10, order.report.terms == leader.report.terms, f"{order.report}, and the leader's is {leader.report}"
                    )

    def _fill_until_flat(self) -> None:
        world = self.world
        self._fill_all()
        position = world.leader_position()
        if position:
            world.advance(1)
            order = world.place(Side.SELL if position > 0 else Side.BUY, abs(position) // world.lot, terms=Market(), tell=False)
            self._change(order, "told", filled_quantity=abs(position), status=OrderStatus.TRADED, average_price=Decimal(100))
        self._fill_all()

    def _fill_all(self) -> None:
        """Until a minute passes in which nothing is open and nothing is asked."""
        world = self.world
        world.heal()
        for _ in range(20):
            asked = len(world.requests())
            world.fill_all()
            world.settle_down(2)
            if len(world.requests()) == asked and not any(world.open_orders(name) for name in world.names):
                return

    def _look_at_rest(self) -> None:
        world, judge = self.world, self.world.judge
        before = len(world.sent)
        world.settle_down(2)
        news = [c for _, c in world.sent[before:] if isinstance(c, (Submit, Modify, Cancel, Query))]
        judge.hold(18, not news, f"it still asks {news}")
        assert world.leader_position() == 0
        for name in world.names:
            for order_id in world.leader:
                decided = judge.decisions.get((order_id, name), [])
                judge.hold(3, bool(decided) or order_id in world.looped, f"{order_id} has no decision for {name}")
                if order_id in world.looped and decided:
                    judge.hold(14, isinstance(decided[0], CopyDeclined), f"{order_id}, our own, is copied to {name}")
            live = world.open_orders(name)
            judge.hold(5, not live, f"{live} is open although the leader is flat")
            ideal = judge.ideals.ideal(name, LISTING)
            judge.hold(
                4, world.net_position(name) == ideal, f"{name} holds {world.net_position(name)}, and {ideal} is declared"
            )


def walk(seed: int, steps: int) -> None:
    """One day of the machine, always the same for the same seed, whatever the version of Hypothesis."""
    random = Random(seed)
    machine = CopierMachine()
    machine.walking = True
    first = [(random.choice(SIDES), random.choice(LOTS)) for _ in range(random.randint(2, 4))]
    orders = list(machine.begin(first).values)
    for _ in range(steps):
        one = random.choice([one for one in ACTS if one.when(machine) and (orders or not one.order)])
        drawn = {name: random.choice(values) for name, values in one.choices.items()}
        if one.order:
            drawn["order"] = random.choice(orders[-4:])
        given = getattr(machine, one.name)(**drawn)
        if one.gives:
            orders.append(given)
    machine.teardown()
