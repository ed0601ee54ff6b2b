"""Close the part of the drift that can be closed, as a plan first and by its hash afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from attrs import frozen

from dhan_copy.core.closing import close, excess
from dhan_copy.core.facts import Fact
from dhan_copy.core.state import State
from dhan_copy.core.trade import StakeKey
from dhan_copy.model.reason import ReasonCode


@frozen
class HealStep:
    """``units`` of one holding that would be closed: positive are sold, negative bought."""

    holding: StakeKey
    units: int


@frozen
class HealPlan:
    """``hash`` changes with everything that the plan says, and with the holdings that it is made for."""

    steps: tuple[HealStep, ...]
    hash: str


def heal_plan(state: State) -> HealPlan:
    """What followers that may trade hold beyond their share."""
    names = {rules.name for rules in state.settings.followers}
    beyond = excess(state)
    steps = tuple(HealStep(key, beyond[key] * state.stake(key).turn) for key in sorted(beyond, key=str) if key[1] in names)
    text = "\n".join(f"{step.holding} {step.units} {state.stake(step.holding).owned}" for step in steps)
    return HealPlan(steps, sha256(f"{state.day}\n{text}".encode()).hexdigest()[:12])


def heal_facts(state: State, plan: HealPlan, position: int) -> Iterator[Fact]:
    """The orders of the copier's own that a plan stands for; what it closes was declared as a difference before.

    ``position`` is the journal's: the same plan may come twice in a day, and no order has the id of another.
    """
    rules = {each.name: each for each in state.settings.followers}
    for number, step in enumerate(plan.steps):
        follower = rules[step.holding[1]]
        name = f"{position}-{number}"
        yield from close(state, step.holding, step.units * state.stake(step.holding).turn, follower, ReasonCode.HEALED, name)
