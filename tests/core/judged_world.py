"""The slow world with a judge in it: two followers, frames that come late, twice or never, reads that lag."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from attrs import define, evolve, field

from dhan_copy.core.copier import Copier, Step
from dhan_copy.core.facts import (
    Channel,
    CheckpointWritten,
    EngineStarted,
    Entry,
    Fact,
    LeaderReported,
    Moment,
    OrderReported,
    ReadFailed,
    Refusal,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
    TradingState,
)
from dhan_copy.core.requests import Cancel, Command, Intent, Modify, Submit
from dhan_copy.core.settings import Policy, RateLimits, RateWindow
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderStatus
from tests.core.judge import Judge, Part
from tests.core.slow_world import Asked, SlowWorld, _about, _lost, _name
from tests.core.world import LEADER, TrueOrder

ARRIVES_WITHIN = timedelta(seconds=60)
"""A request that was given up as lost reaches the broker by then, or never."""
LIMITS = RateLimits(windows=(RateWindow(4, 2.0), RateWindow(10, 20.0)), modifications_per_order=4)


@define
class Belated:
    """A request given up as lost that is still on its way."""

    request: Asked
    until: datetime


@define(eq=False)
class JudgedWorld(SlowWorld):
    """Every way in and out of the core passes the judge."""

    limits: RateLimits = LIMITS
    max_lots: int | None = 4
    policy: Policy = Policy(checkpoint_after=25)
    looped: set[str] = field(factory=set)
    """Orders of the leader that carry a copier's tag."""
    by_hand: set[str] = field(factory=set)
    belated: list[Belated] = field(factory=list)
    slow_reads: list[list[Fact]] = field(factory=list)
    repeatable: list[Fact] = field(factory=list)
    refuse_changes: dict[str, list[tuple[Refusal, bool]]] = field(factory=dict)
    steps: list[tuple[Moment, tuple[Fact, ...], Step]] = field(factory=list)
    """Since the process was started."""
    judge: Judge = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.judge = Judge(self)
        SlowWorld.__attrs_post_init__(self)
        self.heal()

    @property
    def names(self) -> list[AccountName]:
        return [AccountName(name) for name in self.ratios]

    def feed(self, *facts: Fact) -> list[Command]:
        for fact in facts:
            self.judge.heard(fact, self.now)
        commands = SlowWorld.feed(self, *facts)
        assert self.last_step is not None
        self.steps.append((self.moment(), facts, self.last_step))
        return commands

    def keep(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            self.judge.journaled(entry)
            if isinstance(entry.fact, RequestIssued):
                self.judge.asked(entry.fact.request, self.now)
        SlowWorld.keep(self, entries)

    def placed(self, part: Part) -> list[TrueOrder]:
        """The true orders of one part of a copy, given up or not."""
        book = self.books[part[1]].values()
        return [order for order in book if self.judge.parts[order.report.client_order_id or ""] == part]

    def has(self, tag: str) -> bool:
        """Whether some broker has an order with this tag, open or not."""
        return any(order.report.client_order_id == tag for book in self.books.values() for order in book.values())

    # Frames

    def tell(self, order: TrueOrder, channel: Channel = Channel.STREAM) -> list[Command]:
        self.untold.append(LeaderReported(leader=LEADER, report=order.report, channel=channel))
        return []

    def tell_one(self, which: int) -> None:
        if self.untold:
            fact = self.untold.pop(which % len(self.untold))
            if isinstance(fact, (LeaderReported, OrderReported)):
                self.repeatable.append(fact)
            self.feed(fact)

    def tell_all(self) -> None:
        while self.untold:
            self.tell_one(0)

    def repeat(self, which: int) -> None:
        """A frame that was told before comes again."""
        self.judge.rare["a frame comes twice"] += 1
        self.feed(self.repeatable[which % len(self.repeatable)])

    def drop_frames(self) -> None:
        """The streams are lost with everything that they had to tell: answers are no frames."""
        dropped = [fact for fact in self.untold if isinstance(fact, (LeaderReported, OrderReported))]
        self.judge.rare["frames are lost"] += bool(dropped)
        self.untold = [fact for fact in self.untold if fact not in dropped]

    def fill_follower(self, follower: str, order: TrueOrder, units: int) -> None:
        self.judge.filled(follower, order, units)
        filled = order.report.filled_quantity + units
        status = OrderStatus.TRADED if filled == order.report.quantity else OrderStatus.PART_TRADED
        order.report = evolve(
            order.report, filled_quantity=filled, status=status, average_price=Decimal(100), updated_at=self.now
        )
        self.untold.append(self.follower_report(follower, order))

    def end_follower(self, follower: str, order: TrueOrder, status: OrderStatus) -> None:
        order.report = evolve(order.report, status=status, updated_at=self.now)
        self.by_hand.add(order.report.client_order_id or "")
        self.untold.append(self.follower_report(follower, order))

    # Requests and reads

    def deliver(self, which: int, how: str) -> None:
        """One command reaches its broker: ``answer``, ``early`` (its report is told before), ``slow`` (the answer comes
        later), ``silent`` (executed, never answered), ``late`` (given up and executed afterwards), ``lose``."""
        if not self.pending:
            return
        command = self.pending.pop(which % len(self.pending))
        if not isinstance(command, (Submit, Modify, Cancel)):
            self._read(command, how)
        elif (problem := self._objection(command)) is not None:
            self.judge.rare["withheld"] += 1
            self.feed(RequestWithheld(**_about(command), problem=problem))  # type: ignore[arg-type]
        elif how == "lose":
            self.judge.rare["a request is lost"] += 1
            self.feed(_lost(command))
        elif how == "late":
            self.belated.append(Belated(command, self.now + ARRIVES_WITHIN))
            self.feed(_lost(command))
        else:
            self._execute(command, how)

    def _objection(self, request: Asked) -> str | None:
        """What the sender itself looks at before it writes."""
        if isinstance(request, Cancel):
            return None
        states = (self.judge.trading.get(None), self.judge.trading.get(request.follower))
        if TradingState.HALTED in states or (TradingState.REDUCING in states and request.intent is Intent.ENTRY):
            return "not allowed any more"
        return "too late" if request.not_after is not None and self.now > request.not_after else None

    def _execute(self, request: Asked, how: str) -> None:
        self.judge.arrived(request, self.now, late=False)
        answer, *told = self.answer(request)
        if how == "silent":
            self.untold.extend(told)
            self.judge.rare["an answer is lost"] += 1
            self.feed(_lost(request))
            return
        if how == "early":
            for fact in told:
                self.feed(fact)
            self.feed(answer)
            return
        self.untold.extend(told)
        if how == "slow":
            self.untold.append(answer)
        else:
            self.feed(answer)

    def _read(self, command: Command, how: str) -> None:
        account = getattr(command, "account", None) or getattr(command, "follower", LEADER)
        if how == "lose":
            self.judge.rare["a read fails"] += 1
            self.feed(ReadFailed(account=account, what=_name(command), problem="503"))
        elif how in ("slow", "late", "silent"):
            self.slow_reads.append(self.answer(command))
        else:
            self.feed(*self.answer(command))

    def finish_read(self, which: int) -> None:
        """A read that began a while ago is over: what it shows is from then."""
        if self.slow_reads:
            self.judge.rare["a read comes late"] += 1
            self.feed(*self.slow_reads.pop(which % len(self.slow_reads)))

    def on_change(self, request: Modify | Cancel) -> list[Fact]:
        refusals = self.refuse_changes.get(request.follower)
        if refusals:
            refusal, final = refusals.pop(0)
            self.judge.rare["a change is refused"] += 1
            return [RequestRejected(**_about(request), refusal=refusal, code="DH-904", text="no", final=final)]  # type: ignore[arg-type]
        return SlowWorld.on_change(self, request)

    def land(self, which: int) -> None:
        """A request that was given up as lost reaches its broker after all."""
        if self.belated:
            self._land(self.belated.pop(which % len(self.belated)))

    def _land(self, belated: Belated) -> None:
        self.judge.arrived(belated.request, self.now, late=True)
        self.untold.extend(self.answer(belated.request)[1:])

    def pass_time(self, seconds: float) -> None:
        """What is on its way arrives by its time; what waits for a time is looked at."""
        self.advance(seconds)
        for belated in [one for one in self.belated if one.until <= self.now]:
            self.belated.remove(belated)
            self._land(belated)
        self.feed()

    # Processes

    def crash(self, done: int) -> None:
        """The process dies: of what was handed over, some has reached its broker and some is still on its way."""
        for number, command in enumerate(self.pending):
            if isinstance(command, (Submit, Modify, Cancel)):
                self.judge.rare["died with requests in flight"] += 1
                if (number + done) % 3 == 0 and self._objection(command) is None:
                    self.judge.arrived(command, self.now, late=False)
                    self.answer(command)
                elif (number + done) % 3 == 1:
                    self.belated.append(Belated(command, self.now + ARRIVES_WITHIN))
        self.pending.clear()
        self.untold.clear()
        self.slow_reads.clear()
        self.rules.process_died()
        self.restart()

    def restart(self) -> None:
        self.copier = self.restored()
        self.steps.clear()
        self.feed(EngineStarted(version="test", epoch=2))

    def restored(self, *, from_checkpoints: bool = True) -> Copier:
        copier = self.fresh()
        written = [entry for entry in self.journal if isinstance(entry.fact, CheckpointWritten)] if from_checkpoints else []
        after = written[-1].position if written else 0
        copier.restore([*written, *self.journal[after:]])
        return copier

    def replayed(self) -> Sequence[Step]:
        """The same facts at the same moments, told to a core that starts where this process did."""
        first = next((step.entries[0].position for _, _, step in self.steps if step.entries), len(self.journal) + 1)
        copier = self.fresh()
        copier.restore(self.journal[: first - 1])
        return [copier.step(now, facts) for now, facts, _ in self.steps]

    # Rest

    def heal(self) -> None:
        """Everything that is on its way arrives, and everything is answered."""
        for _ in range(1000):
            if self.belated:
                self.land(0)
            elif self.slow_reads:
                self.finish_read(0)
            elif self.untold:
                self.tell_one(0)
            elif self.pending:
                self.deliver(0, "answer")
            else:
                return
        raise AssertionError("the core does not come to rest")

    def settle_down(self, rounds: int = 7) -> None:
        """Time passes with everything healed."""
        for _ in range(rounds):
            self.pass_time(31)
            self.heal()

    def fill_all(self) -> None:
        for name in self.names:
            for order in self.open_orders(name):
                self.fill_follower(name, order, order.report.quantity - order.report.filled_quantity)
                self.heal()

    def fill_open(self) -> None:
        for name in self.names:
            for order in self.open_orders(name):
                self.fill_follower(name, order, order.report.quantity - order.report.filled_quantity)
                self.tell_all()


def ratios() -> dict[str, Fraction]:
    return {"F": Fraction(1, 2), "G": Fraction(1)}
