"""Why a follower holds something else than the leader's position at his size, term by term and to the unit."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from fractions import Fraction

from attrs import define, field, frozen

from dhan_copy.core.changes import in_force
from dhan_copy.core.requests import Intent
from dhan_copy.core.settle import is_given_up, reason_of
from dhan_copy.core.sizers import SameQuantity
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import State, claim_left, entry_total
from dhan_copy.core.target import closing_entry_leaves, entry_pending, share_to_come
from dhan_copy.core.trade import CopyTrade, StakeKey
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.size import Ratio


class Term(Enum):
    """What a part of a difference comes from."""

    ROUNDING = "ROUNDING"
    """Only whole lots can be had: at most one lot, which the next order makes up for, and one for each open entry."""
    PENDING = "PENDING"
    """Due and not done yet: at work at the broker, on its way there, waiting to be sent or to be decided."""
    AHEAD = "AHEAD"
    """Filled before the leader's order, which may still fill."""
    DECLINED = "DECLINED"
    """Of orders of the leader that are not copied, at the size that holds now."""
    CAPPED = "CAPPED"
    """Cut off by a cap."""
    REJECTED = "REJECTED"
    """Refused by the broker, or never there: given up."""
    MANUAL = "MANUAL"
    """By somebody's hand in the account, or gone from it: cancelled, closed, converted, expired."""
    ENDED = "ENDED"
    """The follower's order ended with less than the leader's, or with more."""
    CLOSED = "CLOSED"
    """Closed by the copier without the leader: at the user's word, at a loss limit, by policy."""
    OTHER = "OTHER"
    """None of these. Of the leader's: what an order of his opened beyond what it had been decided as, such as the second
    of two exits for one position. Of the follower's: races that have not been booked yet."""


TERM_OF = {
    ReasonCode.REJECTED: Term.REJECTED,
    ReasonCode.WITHHELD: Term.REJECTED,
    ReasonCode.NEVER_PLACED: Term.REJECTED,
    ReasonCode.HUMAN_CANCELLED: Term.MANUAL,
    ReasonCode.MANUAL: Term.MANUAL,
    ReasonCode.CONVERTED: Term.MANUAL,
    ReasonCode.EXPIRED: Term.MANUAL,
    ReasonCode.GONE_OVERNIGHT: Term.MANUAL,
    ReasonCode.UNFILLED: Term.ENDED,
    ReasonCode.ORDER_TERMINAL: Term.ENDED,
    ReasonCode.DAY_END: Term.ENDED,
    ReasonCode.FLATTENED: Term.CLOSED,
    ReasonCode.LOSS_LIMIT: Term.CLOSED,
    ReasonCode.HEALED: Term.CLOSED,
    ReasonCode.AHEAD: Term.CLOSED,
}
"""Of what was declared; the other reasons are those for which an order is not copied, or no longer."""


@frozen
class Drift:
    """One holding, in units as the account shows them: ``target`` is what the leader's position comes to at the
    follower's size, exactly, ``owned`` what was copied and is still there, and ``terms`` add up to the first less the
    second. ``causes`` are the terms that have a reason, by it. ``unsized`` are units of the leader's that are in no
    target, because how large a copy of his order would have been nobody knows: his sizer is not a ratio."""

    holding: StakeKey
    target: Fraction
    owned: int
    terms: tuple[tuple[Term, Fraction], ...]
    causes: tuple[tuple[ReasonCode, Fraction], ...]
    unsized: tuple[tuple[ReasonCode | None, Fraction], ...] = ()

    @property
    def difference(self) -> Fraction:
        """What the follower lacks; below zero what he has too much, and of a short position the other way round."""
        return self.target - self.owned

    def of(self, term: Term) -> Fraction:
        return dict(self.terms).get(term, Fraction(0))


def drifts(state: State) -> Iterator[Drift]:
    """Every holding that there is, was or should be."""
    for stake_key, stake in state.stakes.items():
        if not stake.is_flat or stake.declared or stake.scaled:
            yield drift_of(state, stake_key)


def drift_of(state: State, stake_key: StakeKey) -> Drift:
    stake = state.stake(stake_key)
    sums = _Sums()
    for reason, quantity in stake.declared:
        sums.add(TERM_OF.get(reason, Term.DECLINED), -quantity, reason)
    size, left_out = size_now(state, stake_key), tuple(_left_out(state, stake_key))
    for term, why, units in left_out:
        sums.add(term, units * (size or 0), why)
    sums.add(Term.CAPPED, stake.capped, ReasonCode.CAPPED)
    target = stake.scaled + stake.capped + stake.uncopied * (size or 0)
    _what_is_under_way(state, stake_key, sums, stake.ideal - stake.owned)
    turn = -1 if _is_turned(state, stake_key) else 1
    return Drift(
        holding=stake_key, target=target * turn, owned=stake.held,
        terms=tuple((term, units * turn) for term, units in sums.terms.items() if units),
        causes=tuple((reason, units * turn) for reason, units in sums.causes.items() if units),
        unsized=() if size is not None else tuple((reason, units) for _, reason, units in left_out),
    )  # fmt: skip


@define
class _Sums:
    terms: dict[Term, Fraction] = field(factory=dict)
    causes: dict[ReasonCode, Fraction] = field(factory=dict)

    def add(self, term: Term, units: Fraction | int, reason: ReasonCode | None = None) -> None:
        self.terms[term] = self.terms.get(term, Fraction(0)) + units
        if reason is not None:
            self.causes[reason] = self.causes.get(reason, Fraction(0)) + units


def size_now(state: State, stake_key: StakeKey) -> Fraction | None:
    """The follower's size of an order like those that were not copied, where it is a ratio."""
    leader, follower, key, _, _ = stake_key
    rules = next((rules for rules in state.settings.followers if rules.name == follower), None)
    if rules is None:
        return None
    sizer = in_force(state, leader, rules, key).size
    if isinstance(sizer, SameQuantity):
        return Fraction(1)
    return sizer.value if isinstance(sizer, Ratio) else None


def _is_turned(state: State, stake_key: StakeKey) -> bool:
    """What is not held at all is on the side that the follower would take."""
    stake, turned = state.stake(stake_key), state.turned(stake_key)
    if turned is not None or stake.scaled:
        return stake.turned
    return any(rules.name == stake_key[1] and rules.reverse for rules in state.settings.followers)


def _left_out(state: State, stake_key: StakeKey) -> Iterator[tuple[Term, ReasonCode | None, Fraction]]:
    """The leader's units that were not copied (signed), by the answers that his orders got."""
    stake = state.stake(stake_key)
    unknown = stake.uncopied
    for reason, units in stake.whys:
        unknown -= units
        yield Term.DECLINED, reason, units
    undecided = Fraction(0)
    for trade in state.open_at(stake_key):
        if trade.decision is None:
            undecided += trade.undecided * state.leader_order(trade.key).report.side.sign
    awaited = _within(undecided, unknown)
    if awaited:
        yield Term.PENDING, None, awaited
    if unknown - awaited:
        yield Term.OTHER, None, unknown - awaited


def _what_is_under_way(state: State, stake_key: StakeKey, sums: _Sums, rest: Fraction) -> None:
    """What the open copies account for of ``rest``, the ideal less what is owned; what they leave is rounding."""
    facts = state.instruments.get(stake_key[2])
    lot = rounded = 1 if facts is None else facts.lot_units
    ahead = carried = Fraction(0)
    for trade in state.open_at(stake_key):
        sign = state.leader_order(trade.key).report.side.sign
        if trade.admitted is None and not trade.claim:
            continue
        for term, units, reason in (*_due_to_close(state, trade), *_due_to_open(state, trade)):
            sums.add(term, units * sign, reason)
            rest -= units * sign
        ahead += max(0, trade.filled(Intent.EXIT) - trade.claim) * -sign
        carried += _carried(state, trade) * sign
        rounded += lot if trade.admitted is not None and trade.admitted.ratio else 0
    for term, most in ((Term.AHEAD, ahead), (Term.PENDING, carried)):
        part = _within(Fraction(trunc_to_lot(most, lot)), Fraction(trunc_to_lot(rest, lot)))
        sums.add(term, part)
        rest -= part
    beyond = trunc_to_lot(rest, lot) if abs(rest) > rounded else 0
    sums.add(Term.OTHER, beyond)
    sums.add(Term.ROUNDING, rest - beyond)


def _due_to_close(state: State, trade: CopyTrade) -> Iterator[tuple[Term, int, ReasonCode | None]]:
    due = claim_left(trade) - min(claim_left(trade), closing_entry_leaves(trade))
    if due and is_given_up(state, trade):
        yield TERM_OF.get(reason_of(trade), Term.DECLINED), due, reason_of(trade)
    elif due:
        yield Term.PENDING, due, None


def _due_to_open(state: State, trade: CopyTrade) -> Iterator[tuple[Term, int, ReasonCode | None]]:
    """What the leader's fills of an entry come to, less what the follower's has filled."""
    admitted = trade.admitted
    if admitted is None or not admitted.ratio:
        return
    told = trade.opened + (0 if admitted.exit_quantity else trade.closed)
    total = entry_total(trade, told)
    filled = trade.filled(Intent.ENTRY)
    lag = max(0, total - trade.forgone) - filled
    # What it was to carry is not early, though the leader has filled nothing; nor is what went along with all that he closed.
    early = filled - max(0, total - trade.forgone, trade.gone_along)
    if early > 0:
        yield Term.AHEAD, -early, None
    coming = max(0, min(lag, entry_pending(state, trade)))
    if coming:
        yield Term.PENDING, coming, None
    if lag > coming:
        yield TERM_OF.get(reason_of(trade), Term.DECLINED), lag - coming, reason_of(trade)


def _carried(state: State, trade: CopyTrade) -> Fraction:
    """What an entry is to fill for earlier orders, of their shares that did not make a lot or could not be had; below zero
    what others have been given up for that it will not fill, before the leader has."""
    admitted, pending = trade.admitted, entry_pending(state, trade)
    if admitted is None or not admitted.ratio:
        return Fraction(0)
    due = entry_total(trade, trade.opened) - trade.forgone - trade.filled(Intent.ENTRY)
    return pending - min(max(0, due), pending) - share_to_come(trade, state.leader_order(trade.key).report)


def _within(part: Fraction, whole: Fraction) -> Fraction:
    """As much of ``part`` as there is of ``whole``, which may be on the other side: then nothing."""
    if part * whole <= 0:
        return Fraction(0)
    return min(part, whole) if whole > 0 else max(part, whole)
