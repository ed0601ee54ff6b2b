"""Enter at the user's word what a follower has missed and the leader still holds."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from attrs import frozen

from dhan_copy.core.admission import instrument_facts, slice_units
from dhan_copy.core.capping import Entered, NoRoom, room
from dhan_copy.core.caps import Cap
from dhan_copy.core.changes import in_force
from dhan_copy.core.drift import size_now
from dhan_copy.core.facts import AlertRaised, CopyAdmitted, DriftDeclared, Fact, OpenOrdered, TradingState
from dhan_copy.core.settings import FollowerRules
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import State
from dhan_copy.core.trade import OWN_ENTRY, StakeKey, place_of
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Side
from dhan_copy.model.reason import ReasonCode

MISSED = (
    ReasonCode.REJECTED, ReasonCode.WITHHELD, ReasonCode.NEVER_PLACED, ReasonCode.UNFILLED, ReasonCode.ORDER_TERMINAL,
    ReasonCode.LEFT_BEHIND, ReasonCode.DAY_END,
)  # fmt: skip
"""Why a follower lacks what can be had after all: what a hand, the user or a cap took away stays away."""
PASSING = (
    ReasonCode.NOT_ACTIVE, ReasonCode.CIRCUIT_OPEN, ReasonCode.MARKET_CLOSED, ReasonCode.STALE, ReasonCode.PRICE_MOVED,
    ReasonCode.FUNDS_UNKNOWN, ReasonCode.MARGIN_UNKNOWN, ReasonCode.VALUE_UNKNOWN, ReasonCode.INSTRUMENT_UNKNOWN,
    ReasonCode.LEADER_POSITION_UNKNOWN, ReasonCode.HELD_OTHER_WAY, ReasonCode.SQUARE_OFF_NEAR, ReasonCode.CAP_EXCEEDED,
    ReasonCode.OPENED_BY_EXIT,
)  # fmt: skip
"""Why an order is declined that would be copied at another moment: not what a filter, a rule or its kind forbids."""


@frozen
class Missed:
    """``units`` that could be entered, signed as the leader's; ``uncopied`` of his units are then copied, and scale to
    ``scaled``, and ``declared`` differences no longer stand."""

    units: int
    uncopied: Fraction
    scaled: Fraction
    declared: tuple[tuple[ReasonCode, Fraction], ...]


def missed(state: State, stake_key: StakeKey) -> Missed | None:
    """What a follower that takes entries lacks of a position that the leader still holds, where nothing is under way, in
    whole lots and as far as the caps leave room. Parts of linked orders are left out: they would want their legs."""
    rules = next((rules for rules in state.settings.followers if rules.name == stake_key[1]), None)
    stake, facts = state.stake(stake_key), instrument_facts(state, stake_key[2])
    position = state.position(place_of(stake_key))
    if rules is None or facts is None or not position or not _is_at_rest(state, stake_key, rules):
        return None
    sign = 1 if position > 0 else -1
    # Where something was declared the other way, such as what heal() has closed, the differences make up for one another.
    one_way = all(units * sign < 0 for _, units in stake.declared)
    declared = tuple((why, -units) for why, units in stake.declared if why in MISSED and one_way)
    size, whys = size_now(state, stake_key), stake.whys
    passing = bool(whys) and size is not None and all(why in PASSING and units * sign > 0 for why, units in whys)
    uncopied = sum((units for _, units in whys), Fraction(0)) if passing else Fraction(0)
    scaled = uncopied * (size or 0)
    lacking = stake.ideal + scaled + sum((units for _, units in declared), Fraction(0)) - stake.owned
    units = trunc_to_lot(max(Fraction(0), lacking * sign), facts.lot_units)
    if not (declared or uncopied) or not units or stake.owned * sign < 0:
        return None
    left = _room(state, stake_key, rules, facts, units, sign)
    return Missed(sign * units, uncopied, scaled, declared) if left == units else None


def _is_at_rest(state: State, stake_key: StakeKey, rules: FollowerRules) -> bool:
    """Whether an entry may be made and nothing is open for the instrument and product in the account."""
    follower, circuit = stake_key[1], state.circuits.get(stake_key[1])
    busy = any(trades for where, trades in state.open_trades.items() if where[1:4] == stake_key[1:4])
    other_way = state.turned(stake_key) not in (None, rules.reverse)
    active = state.trading_state(follower) is TradingState.ACTIVE and (circuit is None or circuit.until is None)
    return stake_key[4] is None and active and not busy and not other_way and stake_key[1:4] not in state.suspects


def _room(state: State, stake_key: StakeKey, rules: FollowerRules, facts: InstrumentFacts, units: int, sign: int) -> int:
    leader, follower, key, product, _ = stake_key
    caps = in_force(state, leader, rules, key).caps
    caps = caps if rules.max_lots is None else (Cap("LOTS", rules.max_lots), *caps)
    price, side = state.prices.get(key), _side(sign, rules)
    entry = Entered(follower, key, product, side, facts.lot_units, units, price[0] if price is not None else None)
    left = room(state, caps, entry)
    return 0 if isinstance(left, NoRoom) else left.total


def _side(sign: int, rules: FollowerRules) -> Side:
    return Side.BUY if (sign > 0) is not rules.reverse else Side.SELL


def order_for(stake_key: StakeKey, what: Missed, number: str) -> OpenOrdered:
    leader, follower, key, product, _ = stake_key
    return OpenOrdered(
        leader=leader, follower=follower, order_id=BrokerOrderId(f"{OWN_ENTRY}{number}"), key=key, product=product,
        side=Side.BUY if what.units > 0 else Side.SELL, quantity=abs(what.units), uncopied=what.uncopied,
        scaled=what.scaled, reason=ReasonCode.HEALED,
    )  # fmt: skip


def is_still_missed(state: State, fact: OpenOrdered) -> Missed | None:
    """What an order is for, if nothing has changed since it was planned."""
    stake_key = (fact.leader, fact.follower, fact.key, fact.product, None)
    what = missed(state, stake_key)
    number = fact.order_id.removeprefix(OWN_ENTRY)
    return what if what is not None and order_for(stake_key, what, number) == fact else None


def overtaken(fact: OpenOrdered) -> AlertRaised:
    return AlertRaised(
        code="NOT_ENTERED", what="what was to be entered is no longer what the follower lacks",
        known=f"{fact.quantity} of {fact.key} were planned", advice="Look at healing() again.", account=fact.follower,
    )  # fmt: skip


def consequences(state: State, fact: OpenOrdered, what: Missed, rules: FollowerRules) -> Iterator[Fact]:
    """That the order is to be sent, and that what it makes good is no difference any more."""
    leader, follower, key, product = fact.leader, fact.follower, fact.key, fact.product
    facts = instrument_facts(state, key) or InstrumentFacts(1)
    yield CopyAdmitted(
        leader=leader, leader_order_id=fact.order_id, follower=follower, live=rules.live, facts=facts, exit_quantity=0,
        entry_quantity=fact.quantity, position_before=None, ratio=Fraction(1), carry=Fraction(0),
        slice_units=slice_units(state, key, facts), reason=fact.reason, reverse=rules.reverse,
    )  # fmt: skip
    for reason, units in what.declared:
        yield DriftDeclared(
            leader=leader, follower=follower, key=key, product=product, quantity=units, reason=reason,
            detail="it is entered after all",
        )  # fmt: skip
