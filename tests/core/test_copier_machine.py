"""The core as a Hypothesis state machine, judged by what its brokers saw; and the bugs that it must notice.

``DHAN_COPY_EXAMPLES`` days are played (by default a few, in about a quarter of a minute).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import Phase, settings

from dhan_copy.core import admission, admit_entry, copier, intake, plan, plan_place, trade
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import CopyAdmitted, OrderReported, TradingState
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.limits import RateBudget
from dhan_copy.core.state import State
from tests.core.machine import CopierMachine, walk

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "20"))
STEPS = 30
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
if EXAMPLES >= 1000:
    PHASES.append(Phase.target)  # with few examples, climbing towards rare states would leave none for the rest

TestCopierMachine = CopierMachine.TestCase
TestCopierMachine.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, phases=PHASES)

RARE = {
    "a change is refused", "a frame comes twice", "a lost placement is found", "a lost request arrives late",
    "a read comes late", "a read fails", "a report before the answer", "a request is lost", "a window is full",
    "all modifications are used", "an answer is lost", "an entry refused for a while is sent",
    "an exit is sent again after its absence is proven", "an exit is sent at the next generation",
    "an exit while reducing", "an older state after a newer one", "an order of our own at the leader",
    "an order that crosses zero", "CANCELLED without our asking", "died with requests in flight", "drift HUMAN_CANCELLED",
    "drift STALE", "drift WITHHELD", "frames are lost", "HALTED while a request is out", "REJECTED without our asking",
    "two exits race", "withheld",
}  # fmt: skip


def play(days: int) -> None:
    """The same days each time; the first violation ends it."""
    for seed in range(days):
        walk(seed, STEPS)


def test_the_machine_comes_through_the_rare_states() -> None:
    CopierMachine.rare = Counter()
    play(30)
    assert RARE - CopierMachine.rare.keys() == set()


# Planted bugs

Plant = Callable[[pytest.MonkeyPatch], None]


def no_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RateBudget, "wait_seconds", lambda self, now, intent: 0.0)


def lost_is_refused(patch: pytest.MonkeyPatch) -> None:
    real = trade.unresolved

    def refused(order: trade.FollowerOrder, request: object, at: datetime) -> trade.FollowerOrder:
        order = real(order, request, at)  # type: ignore[arg-type]
        if order.state is not OrderState.UNRESOLVED:
            return order
        return evolve(order, state=OrderState.REJECTED, unresolved=None, refused_for_now=True, over_at=at)

    patch.setattr(trade, "unresolved", refused)


def no_absence_window(patch: pytest.MonkeyPatch) -> None:
    real = trade.missed
    patch.setattr(trade, "missed", lambda order, fact, counts_from: real(order, fact, order.issued_at))


def lost_changes_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    real = trade.unresolved

    def forgotten(order: trade.FollowerOrder, request: object, at: datetime) -> trade.FollowerOrder:
        after = real(order, request, at)  # type: ignore[arg-type]
        return after if after.state is OrderState.UNRESOLVED else evolve(after, unresolved=None, unresolved_at=None)

    patch.setattr(trade, "unresolved", forgotten)


def entered_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "is_replaced", lambda b, last: True)


def the_last_told_is_the_newest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(intake, "_is_newer", lambda known, fact: True)


def fills_are_added(patch: pytest.MonkeyPatch) -> None:
    real = trade.reported

    def added(order: trade.FollowerOrder, fact: OrderReported, at: datetime) -> trade.FollowerOrder:
        more = evolve(fact.report, filled_quantity=fact.report.filled_quantity + order.filled_quantity)
        return real(order, evolve(fact, report=more), at)

    patch.setattr(trade, "reported", added)


def before_the_placement_is_known(patch: pytest.MonkeyPatch) -> None:
    real = plan.steer_live
    patch.setattr(
        plan, "steer_live",
        lambda b, order, total: real(b, evolve(order, outstanding=None, broker_order_id=order.broker_order_id or "X"), total),
    )  # fmt: skip


def no_cap(patch: pytest.MonkeyPatch) -> None:
    real = copier.decide

    def unlimited(*args: object) -> object:
        decision = real(*args)  # type: ignore[arg-type]
        return evolve(decision, most_units=None) if isinstance(decision, CopyAdmitted) else decision

    patch.setattr(copier, "decide", unlimited)


def never_halted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(State, "trading_state", lambda self, follower: TradingState.ACTIVE)


def never_stale(patch: pytest.MonkeyPatch) -> None:
    for module in (plan_place, admit_entry):
        patch.setattr(module, "passes_at", lambda *args, **more: None)


def loops(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(admission, "is_ours", lambda tag: False)


def one_follower_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    real = State.followers_of
    patch.setattr(State, "followers_of", lambda self, leader: [name for name in real(self, leader) if name == "F"])


def exits_are_not_clamped(patch: pytest.MonkeyPatch) -> None:
    real = plan.exit_wants
    patch.setattr(
        plan, "exit_wants",
        lambda state, key, missing=0: {one: want and want + 75 for one, want in real(state, key, missing=missing).items()},
    )  # fmt: skip


def fills_are_not_journaled(patch: pytest.MonkeyPatch) -> None:
    real = copier.Copier._record

    def note(self: copier.Copier, fact: copier.Fact, cause: int | None = None) -> object:
        if isinstance(fact, OrderReported) and fact.report.filled_quantity:
            self._note(fact)
            return copier.Entry(self.position, self._now.wall, fact)
        return real(self, fact, cause)

    patch.setattr(copier.Copier, "_record", note)


PLANTED: dict[Plant, int] = {
    one_follower_is_forgotten: 3,
    exits_are_not_clamped: 5,
    fills_are_added: 4,
    no_cap: 6,
    no_absence_window: 8,
    lost_changes_are_forgotten: 8,
    lost_is_refused: 8,
    entered_again: 9,
    the_last_told_is_the_newest: 10,
    before_the_placement_is_known: 11,
    no_window: 12,
    loops: 14,
    fills_are_not_journaled: 16,
    never_halted: 20,
    never_stale: 21,
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_noticed(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each breaks the invariant whose number stands beside it."""
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=f"invariant {PLANTED[plant]}:"):
        play(100)
