"""The same world behind a bad line: answers come late, in any order or never, and a process may die at any point."""

from __future__ import annotations

from math import inf

from attrs import define, field

from dhan_copy.core.facts import (
    Entry,
    Fact,
    OrderReported,
    OutcomeUnresolved,
    ReadFailed,
    Refusal,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
)
from dhan_copy.core.requests import Cancel, Command, Intent, Modify, Submit
from dhan_copy.model.ids import BrokerOrderId
from tests.core.world import World

Asked = Submit | Modify | Cancel


@define
class Rules:
    """What may never be asked, told from the journal alone."""

    open: dict[str, Asked] = field(factory=dict)
    """By tag: asked, and neither answered nor settled by anything that was seen."""
    lost: dict[str, Asked] = field(factory=dict)
    entered: dict[tuple[str, str], str] = field(factory=dict)
    """Leader's order and follower: the tag of the one entry that may exist."""
    intents: dict[str, tuple[tuple[str, str], Intent]] = field(factory=dict)

    def see(self, entry: Entry) -> None:
        fact = entry.fact
        match fact:
            case RequestIssued():
                self._asked(fact.request)
            case RequestAccepted() | RequestWithheld():
                self._settled(fact.client_order_id)
            case RequestRejected():
                self._settled(fact.client_order_id)
                if fact.attempt == 1 and not fact.final:
                    whose, _ = self.intents[fact.client_order_id]
                    if self.entered.get(whose) == fact.client_order_id:
                        del self.entered[whose]
            case OutcomeUnresolved() if fact.client_order_id in self.open:
                self.lost[fact.client_order_id] = self.open[fact.client_order_id]
            case OrderReported():
                tag = fact.report.client_order_id or ""
                if isinstance(self.open.get(tag), Submit) or tag in self.lost or fact.report.status.is_terminal:
                    self._settled(tag)
            case _:
                pass

    def _asked(self, request: Asked) -> None:
        tag = request.client_order_id
        assert tag not in self.open, f"{request} while {self.open[tag]} is under way"
        self.open[tag] = request
        if not isinstance(request, Submit):
            assert tag in self.intents, "an order that was never placed"
            return
        assert tag not in self.intents, "an id that was used before"
        whose = (request.leader_order_id, request.follower)
        self.intents[tag] = (whose, request.intent)
        if request.intent is Intent.ENTRY:
            assert whose not in self.entered, "a second entry"
            self.entered[whose] = tag

    def _settled(self, tag: str) -> None:
        self.open.pop(tag, None)
        self.lost.pop(tag, None)

    def process_died(self) -> None:
        self.lost.update(self.open)


@define
class Span:
    """When a request was handed over and when it was answered or given up: the broker counted it somewhere between."""

    request: Asked
    sent: float
    answered: float = inf


@define
class SlowWorld(World):
    """Commands wait in ``pending`` until they are delivered, and what the broker then tells waits in ``untold``."""

    pending: list[Command] = field(factory=list)
    untold: list[Fact] = field(factory=list)
    late: list[Asked] = field(factory=list)
    """Given up as lost, and still on their way."""
    rules: Rules = field(factory=Rules)
    spans: list[Span] = field(factory=list)
    told_at_once: bool = False

    def feed(self, *facts: Fact) -> list[Command]:
        if self.told_at_once:
            return super().feed(*facts)
        step = self.copier.step(self.moment(), facts)
        self.last_step = step
        self.keep(step.entries)
        assert step.due is None or step.due > self.moment().monotonic, "asks to be stepped at once, with nothing to do"
        issued = [entry.fact.request for entry in step.entries if isinstance(entry.fact, RequestIssued)]
        asked = [command for command in step.commands if isinstance(command, (Submit, Modify, Cancel))]
        assert asked == issued, "every request has its journal row in the same step, in the same order"
        self.sent.extend((self.now, command) for command in step.commands)
        self.spans.extend(Span(request, self.moment().monotonic) for request in asked)
        self.pending.extend(step.commands)
        return list(step.commands)

    def keep(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            assert entry.position == len(self.journal) + 1
            self.journal.append(entry)
            self.rules.see(entry)
            if isinstance(entry.fact, RequestIssued):
                assert entry.cause is not None
                assert entry.cause < entry.position

    def deliver(self, which: int, how: str) -> None:
        """One pending command reaches the broker, or does not."""
        if not self.pending:
            return
        command = self.pending.pop(which % len(self.pending))
        for span in self.spans:
            if span.request == command:
                span.answered = -inf if how == "withhold" else self.moment().monotonic
        if not isinstance(command, (Submit, Modify, Cancel)):
            failed = ReadFailed(
                account=getattr(command, "account", None) or command.follower, what=_name(command), problem="503"
            )
            self.feed(*([failed] if how == "lose" else self.answer(command)))
        elif how == "lose":
            self.feed(_lost(command))
        elif how == "late":
            self.late.append(command)
            self.feed(_lost(command))
        elif how == "withhold":
            self.feed(RequestWithheld(**_about(command), problem="too late"))  # type: ignore[arg-type]
        else:
            self._answer(command, silent=how == "silent")

    def _answer(self, command: Asked, *, silent: bool) -> None:
        answer, *told = self.answer(command)
        self.untold.extend(told)
        self.feed(_lost(command) if silent else answer)

    def arrive(self, which: int) -> None:
        """A request given up as lost reaches the broker after all."""
        if self.late:
            self.untold.extend(self.answer(self.late.pop(which % len(self.late)))[1:])

    def tell_one(self, which: int) -> None:
        if self.untold:
            self.feed(self.untold.pop(which % len(self.untold)))

    def crash(self, done: int) -> None:
        """The process dies: of what was handed over, every ``done``-th request had reached the broker."""
        for number, command in enumerate(self.pending):
            if isinstance(command, (Submit, Modify, Cancel)) and (number + done) % 2:
                self.answer(command)
        for span in self.spans:
            span.answered = min(span.answered, self.moment().monotonic)
        self.pending.clear()
        self.untold.clear()
        self.rules.process_died()
        self.restart()

    def on_submit(self, request: Submit) -> list[Fact]:
        facts = World.on_submit(self, request)
        if isinstance(facts[0], RequestAccepted):
            order = self.books[request.follower][facts[0].broker_order_id]
            return [*facts, self.follower_report(request.follower, order)]
        return facts

    def on_change(self, request: Modify | Cancel) -> list[Fact]:
        order = self.books[request.follower][BrokerOrderId(request.broker_order_id)]
        if isinstance(request, Modify) and order.is_open and request.quantity <= order.report.filled_quantity:
            return [
                RequestRejected(**_about(request), refusal=Refusal.ORDER_STATE, code="DH-906", text="has traded", final=True)  # type: ignore[arg-type]
            ]
        return World.on_change(self, request)

    def most_requests_in(self, seconds: float) -> int:
        """The most that the broker can have counted in any window."""
        spans = [span for span in self.spans if span.answered >= span.sent]
        starts = [time for span in spans for time in (span.sent, span.answered) if time < inf]
        return max((sum(s.sent <= start + seconds and s.answered >= start for s in spans) for start in starts), default=0)

    def heal(self) -> None:
        """The line is good again, and everything gets through."""
        while self.late:
            self.arrive(0)
        self.heal_reads()

    def heal_reads(self) -> None:
        """Everything gets through but what is still on its way."""
        for _ in range(1000):
            if self.untold:
                self.tell_one(0)
            elif self.pending:
                self.deliver(0, "answer")
            else:
                break
        else:
            raise AssertionError("the core does not come to rest")


def _name(command: Command) -> str:
    tag = getattr(command, "client_order_id", None)
    return type(command).__name__ + (f":{tag}" if tag else "")


def _about(command: Asked) -> dict[str, object]:
    return {"follower": command.follower, "client_order_id": command.client_order_id, "attempt": command.attempt}


def _lost(command: Asked) -> OutcomeUnresolved:
    return OutcomeUnresolved(**_about(command), problem="timed out")  # type: ignore[arg-type]
