"""What a day leaves open will not be done any more: it is declared before it is forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from dhan_copy.core.facts import CopyDeclined, DriftDeclared
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import LeaderKey, State, waits
from dhan_copy.core.target import balance_of
from dhan_copy.model.reason import ReasonCode


def left_undecided(state: State, queued: Sequence[LeaderKey]) -> Iterator[CopyDeclined]:
    """Copies that nobody decided, but for those of the leader's orders that are ``queued`` for another day or wait."""
    for key in state.open_keys():
        to_come = key[:2] in queued or waits(state.leader_order(key).report)
        if state.trades[key].decision is None and not to_come:
            yield CopyDeclined(leader=key[0], leader_order_id=key[1], follower=key[2], reason=ReasonCode.DAY_END)


def left_apart(state: State) -> Iterator[DriftDeclared]:
    """What followers hold beyond what is theirs, or lack, in products that outlive the day."""
    for stake_key, stake in list(state.stakes.items()):
        facts = state.instruments.get(stake_key[2])
        coming = any(key in state.open_trades.get(stake_key, ()) for key, _ in state.waiting(stake_key[1]))
        left = -balance_of(state, stake_key) if coming else stake.owned - stake.ideal
        whole = trunc_to_lot(left, facts.lot_units if facts is not None else 1)
        if whole and not stake_key[3].ends_with_day:
            yield DriftDeclared(
                leader=stake_key[0], follower=stake_key[1], key=stake_key[2], product=stake_key[3], tree=stake_key[4],
                quantity=Fraction(whole), reason=ReasonCode.DAY_END, detail="open orders end with the day",
            )  # fmt: skip
