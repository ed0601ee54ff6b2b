"""Close what the copier opened without an order of the leader's: at a user's word, at a loss limit, or by policy."""

from __future__ import annotations

from fractions import Fraction

from dhan_copy.core.admission import instrument_facts, slice_units
from dhan_copy.core.facts import AlertRaised, CloseOrdered, CopyAdmitted, DriftDeclared, Fact
from dhan_copy.core.settings import FollowerRules
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import State
from dhan_copy.core.target import balance_of
from dhan_copy.core.trade import OWN, StakeKey
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Side
from dhan_copy.model.reason import ReasonCode


def left_to_close(state: State, stake_key: StakeKey) -> int:
    """Units of a holding that nothing under way is due to close, signed as they are held."""
    owned = state.stake(stake_key).owned
    sign = 1 if owned > 0 else -1
    return sign * max(0, abs(owned) - state.claims(stake_key, -sign))


def excess(state: State) -> dict[StakeKey, int]:
    """What followers hold beyond what the leader's fills scale to, in whole lots and signed as it is held: the part of
    their drift that can be closed. What is under way counts as done."""
    found = {}
    for stake_key, stake in state.stakes.items():
        left = left_to_close(state, stake_key)
        sign = 1 if left > 0 else -1
        facts = instrument_facts(state, stake_key[2])
        declared = sum((quantity for _, quantity in stake.declared), Fraction(0))
        more = sign * (declared - balance_of(state, stake_key))
        beyond = trunc_to_lot(max(Fraction(0), more), facts.lot_units if facts is not None else 1)
        if left and beyond and not state.is_busy(*stake_key[1:4]):
            found[stake_key] = sign * min(abs(left), beyond)
    return found


def close_order(stake_key: StakeKey, units: int, reason: ReasonCode, number: int | str) -> CloseOrdered:
    """The order that closes ``units`` of a holding (signed as they are held)."""
    leader, follower, key, product, tree = stake_key
    return CloseOrdered(
        leader=leader, follower=follower, order_id=BrokerOrderId(f"{OWN}{number}"), key=key, product=product, tree=tree,
        side=Side.SELL if units > 0 else Side.BUY, quantity=abs(units), reason=reason,
    )  # fmt: skip


def not_closed(fact: CloseOrdered) -> AlertRaised:
    return AlertRaised(
        code="NOT_CLOSED", what="what was to be closed is no longer what the follower holds too much",
        known=f"{fact.quantity} of {fact.key} were planned", advice="Look at healing() again.", account=fact.follower,
    )  # fmt: skip


def close(
    state: State, stake_key: StakeKey, units: int, rules: FollowerRules, reason: ReasonCode, number: int | str,
    *, declare: bool = True,
) -> tuple[Fact, ...]:  # fmt: skip
    """What closes ``units`` of a holding (signed as they are held) at the market: the order, that it is to be sent, and,
    with ``declare``, that the follower will hold so much less than the leader."""
    leader, follower, key, product, tree = stake_key
    facts = instrument_facts(state, key) or InstrumentFacts(1)
    ordered = close_order(stake_key, units, reason, number)
    admitted = CopyAdmitted(
        leader=leader, leader_order_id=ordered.order_id, follower=follower, live=rules.live, facts=facts,
        exit_quantity=abs(units), entry_quantity=0, position_before=None, ratio=Fraction(0), carry=Fraction(0),
        slice_units=slice_units(state, key, facts), reason=reason, reverse=state.stake(stake_key).turned,
    )  # fmt: skip
    declared = DriftDeclared(
        leader=leader, follower=follower, key=key, product=product, tree=tree, quantity=Fraction(-units), reason=reason
    )
    return (ordered, admitted, declared) if declare else (ordered, admitted)
