"""Close the part of the drift that can be closed: as a plan first and by its hash afterwards, or by policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256

from attrs import define, field, frozen

from dhan_copy.core.closing import close_order, excess
from dhan_copy.core.facts import Fact, TradingState
from dhan_copy.core.intake import SETTLED_AFTER
from dhan_copy.core.opening import missed, order_for
from dhan_copy.core.requests import Intent, Read, ReadOrders, ReadPositions
from dhan_copy.core.settings import FollowerRules, Heal
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import State
from dhan_copy.core.trade import StakeKey, is_own
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.sessions import Phase


@frozen
class HealStep:
    """``units`` of one holding that would be closed: positive are sold, negative bought."""

    holding: StakeKey
    units: int


@frozen
class HealPlan:
    """``steps`` close what is held too much, and ``openings`` would enter what is missed: positive units are bought.
    ``hash`` changes with everything that the plan says, and with the holdings that it is made for."""

    steps: tuple[HealStep, ...]
    hash: str
    openings: tuple[HealStep, ...] = ()


def heal_plan(state: State) -> HealPlan:
    """What followers that may trade hold beyond their share, and what they lack and could have."""
    names = {rules.name: rules for rules in state.settings.followers}
    beyond = excess(state)
    steps = tuple(HealStep(key, beyond[key] * state.stake(key).turn) for key in sorted(beyond, key=str) if key[1] in names)
    lacking = ((key, missed(state, key)) for key in sorted(state.stakes, key=str) if key[1] in names and key not in beyond)
    openings = tuple(HealStep(key, what.units * (-1 if names[key[1]].reverse else 1)) for key, what in lacking if what)
    lines = [f"{step.holding} {step.units} {state.stake(step.holding).owned}" for step in steps]
    lines += [f"open {step.holding} {step.units} {state.stake(step.holding).owned}" for step in openings]
    text = "\n".join(lines)
    return HealPlan(steps, sha256(f"{state.day}\n{text}".encode()).hexdigest()[:12], openings)


def heal_facts(state: State, plan: HealPlan, position: int, *, opening: bool = False) -> Iterator[Fact]:
    """The orders of the copier's own that a plan stands for. Each is looked at again when it is taken: whatever comes before
    it, or the same plan once more, may have done what it is for.

    ``position`` is the journal's: the same plan may come twice in a day, and no order has the id of another.
    """
    for number, step in enumerate(plan.steps):
        units = step.units * state.stake(step.holding).turn
        yield close_order(step.holding, units, ReasonCode.HEALED, f"{position}-{number}")
    for number, step in enumerate(plan.openings if opening else ()):
        what = missed(state, step.holding)
        if what is not None:
            yield order_for(step.holding, what, f"{position}-{number}")


@define
class _Seen:
    """What a plan would be made for, and since when that has been so."""

    of: object
    since: datetime


@define
class SelfHealing:
    """Closes on its own what followers hold beyond their share, where the policy says so.

    It remembers since when each holding has been as it is: that is no part of the folded state, for after a restart the
    books are read again anyway.
    """

    seen: dict[StakeKey, _Seen] = field(factory=dict)

    def due(self, state: State, now: datetime) -> tuple[list[HealStep], list[Read], datetime]:
        """What is to be closed now (units signed as they are owned), what to read for it, and when to look again."""
        steps: list[HealStep] = []
        reads: list[Read] = []
        wake = now + timedelta(days=1)
        if state.settings.policy.heal is not Heal.CLOSE:
            return steps, reads, wake
        rules = {each.name: each for each in state.settings.followers}
        found = {
            key: units for key, beyond in excess(state).items()
            if key[1] in rules and _shows_its_position(rules[key[1]]) and _may_be_closed(state, key, now)
            and (units := _not_kept_by_hand(state, key, beyond))
        }  # fmt: skip
        self.seen = {key: seen for key, seen in self.seen.items() if key in found}
        for key, units in found.items():
            of = (units, state.stake(key))
            seen = self.seen.get(key)
            if seen is None or seen.of != of:
                seen = self.seen[key] = _Seen(of, now)
            certain_at = seen.since + SETTLED_AFTER
            unread = _unread(state, key, rules[key[1]], certain_at)
            if now < certain_at:
                wake = min(wake, certain_at)
            elif unread:
                reads.extend(unread)
            else:
                steps.append(HealStep(key, units))
        return steps, reads, wake


def _shows_its_position(rules: FollowerRules) -> bool:
    """Without positions nothing would show that somebody has closed it already; paper has nobody who could."""
    return rules.reads_positions or not rules.live


def _may_be_closed(state: State, stake_key: StakeKey, now: datetime) -> bool:
    """Whether no order is open for an instrument and product in the account, nor one of a leader's, its positions show what
    was copied, the market is not known to be closed, and no attempt of today has failed."""
    _, follower, key, product, _ = stake_key
    allowed = state.trading_state(follower) in (TradingState.ACTIVE, TradingState.REDUCING)
    if not allowed or (follower, key, product) in state.suspects:
        return False
    calendar = state.settings.calendar
    if calendar.has_timetable(key.segment) and calendar.phase(key.segment, now)[0] is not Phase.OPEN:
        return False
    at_rest = not any(trades for where, trades in state.open_trades.items() if where[1:4] == stake_key[1:4])
    return at_rest and not _has_failed(state, stake_key)


def _has_failed(state: State, stake_key: StakeKey) -> bool:
    """Whether such a close of today has ended with less than it was for: it is not tried again."""
    mine = (state.trades[key] for key in state.trades if is_own(key[1]) and key[2] == stake_key[1])
    healed = (t for t in mine if t.stake_key == stake_key and t.decision is ReasonCode.HEALED)
    return any(trade.filled(Intent.EXIT) < trade.closed for trade in healed)


def _not_kept_by_hand(state: State, stake_key: StakeKey, units: int) -> int:
    """``units`` less what the user kept by cancelling an exit."""
    sign, facts = 1 if units > 0 else -1, state.instruments.get(stake_key[2])
    kept = dict(state.stake(stake_key).declared).get(ReasonCode.HUMAN_CANCELLED, Fraction(0)) * sign
    return sign * trunc_to_lot(max(Fraction(0), abs(units) - max(Fraction(0), kept)), 1 if facts is None else facts.lot_units)


def _unread(state: State, stake_key: StakeKey, rules: FollowerRules, since: datetime) -> list[Read]:
    """The reads of both accounts, begun at ``since`` or later, that are still wanting. A leader whose book is never read
    is known by his stream alone, and a follower on paper has no book."""
    leader, follower = stake_key[0], stake_key[1]
    reads: list[Read] = []
    if leader in state.books_read and _is_older(state.book_read_at.get(leader), since):
        reads.append(ReadOrders(account=leader))
    if rules.live and _is_older(state.book_read_at.get(follower), since):
        reads.append(ReadOrders(account=follower))
    if rules.live and _is_older(state.positions_read_at.get(follower), since):
        reads.append(ReadPositions(account=follower))
    return reads


def _is_older(read_at: datetime | None, since: datetime) -> bool:
    return read_at is None or read_at < since
