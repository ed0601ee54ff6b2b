"""How much room the caps of a follower leave for an entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from attrs import frozen
from typing_extensions import assert_never

from dhan_copy.core.caps import AtCap, Cap, Measure, Per
from dhan_copy.core.requests import Intent
from dhan_copy.core.sizing import trunc_to_lot
from dhan_copy.core.state import State
from dhan_copy.core.target import entry_room
from dhan_copy.core.trade import StakeKey
from dhan_copy.core.worth import worth
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Product, Side
from dhan_copy.model.reason import ReasonCode


@frozen
class Room:
    """What the caps leave: ``total`` units now, ``most_units`` whatever the leader makes of his order later."""

    total: int
    most_units: int | None
    detail: str = ""


@frozen
class NoRoom:
    reason: ReasonCode
    detail: str


@frozen
class Entered:
    """An entry as the caps see it."""

    follower: AccountName
    key: InstrumentKey
    product: Product
    side: Side
    lot_units: int
    total: int
    price: Decimal | None = None
    """Rupees for a unit of this entry."""
    closes: int = 0
    """Units held on the other side, of which its order closes the last before any of it is sent."""


def needs_margin(caps: Sequence[Cap]) -> bool:
    return any(cap.measure is Measure.MARGIN for cap in caps)


def room(state: State, caps: Sequence[Cap], entry: Entered) -> Room | NoRoom:
    """What is left of ``entry`` under all caps together; the first that leaves nothing, or is unknown, refuses it.

    A cap over more than the one order holds for what it was admitted with: room that others may need is not kept for
    what the leader might add to it, but for what he has taken off it and may add again.
    """
    total, most, cut_by = entry.total, None, ""
    grows = True
    for cap in caps:
        if cap.most is None:
            continue
        weight = _weight(state, cap.measure, entry, entry.key, entry.product, entry.side)
        used = _used(state, cap, entry)
        if weight is None or used is None:
            return NoRoom(_unknown(cap), f"{cap}: the {cap.measure.name.lower()} is unknown")
        free = trunc_to_lot(max(Fraction(0), (Fraction(cap.most) - used) / weight), entry.lot_units)
        if cap.per is Per.ORDER:
            most = free if most is None else min(most, free)
        else:
            grows = False
        if free >= total:
            continue
        in_use = f"{_text(used)} in use, " if cap.per is not Per.ORDER else ""
        asked = f"{cap}: {in_use}{_text(weight * entry.total)} asked"
        if cap.then is AtCap.SKIP or free == 0:
            return NoRoom(ReasonCode.CAP_EXCEEDED, asked)
        total, cut_by = free, f"{entry.total} cut to {free} by {asked}"
    small = _too_small(state, caps, entry, total) if total else None
    if small is not None:
        return small
    return Room(total, most if grows else total, cut_by)


def _too_small(state: State, caps: Sequence[Cap], entry: Entered, total: int) -> NoRoom | None:
    for cap in caps:
        if cap.least is None:
            continue
        weight = _weight(state, cap.measure, entry, entry.key, entry.product, entry.side)
        if weight is None:
            return NoRoom(_unknown(cap), f"{cap}: the {cap.measure.name.lower()} is unknown")
        if weight * total < Fraction(cap.least):
            return NoRoom(ReasonCode.BELOW_MINIMUM, f"{cap}: {_text(weight * total)} is left")
    return None


def _used(state: State, cap: Cap, entry: Entered) -> Fraction | None:
    """What counts against the cap already, None where some of it is unknown."""
    if cap.per is Per.ORDER:
        return Fraction(0)
    used = Fraction(0)
    for key, product, side, units in _counted(state, cap.per, entry):
        if units:
            weight = _weight(state, cap.measure, entry, key, product, side)
            if weight is None:
                return None
            used += units * weight
    return used


def _counted(state: State, per: Per, entry: Entered) -> Iterator[tuple[InstrumentKey, Product, Side, int]]:
    """Units per instrument, product and side."""
    if per is Per.DAY:
        for (follower, key, product, side), units in state.entered.items():
            if follower == entry.follower:
                yield key, product, side, units
    for stake_key in {**state.stakes, **state.open_trades}:
        _, follower, key, product, _ = stake_key
        if follower != entry.follower or (per is Per.SYMBOL and key != entry.key):
            continue
        if per is not Per.DAY:
            stake = state.stake(stake_key)
            yield key, product, Side.SELL if stake.turned else Side.BUY, stake.long
            yield key, product, Side.BUY if stake.turned else Side.SELL, stake.short
        yield from _pending(state, stake_key)
    if per is not Per.DAY:
        yield entry.key, entry.product, entry.side.opposite, -entry.closes


def _pending(state: State, stake_key: StakeKey) -> Iterator[tuple[InstrumentKey, Product, Side, int]]:
    for trade in state.open_at(stake_key):
        if trade.admitted is not None and trade.admitted.ratio:
            units = max(trade.leaves(Intent.ENTRY), entry_room(state, trade))
            yield stake_key[2], stake_key[3], state.side_of(trade), units


def _weight(
    state: State, measure: Measure, entry: Entered, key: InstrumentKey, product: Product, side: Side
) -> Fraction | None:
    """What one unit counts, None where that is unknown."""
    match measure:
        case Measure.QUANTITY:
            return Fraction(1)
        case Measure.LOTS:
            if key == entry.key:
                return Fraction(1, entry.lot_units)
            facts = state.instruments.get(key)
            return None if facts is None else Fraction(1, facts.lot_units)
        case Measure.VALUE:
            told_price = state.prices.get(key)
            price = entry.price if key == entry.key and entry.price is not None else told_price and told_price[0]
            rupees = None if price is None else worth(key.segment, 1, price, state.priced(key))
            return None if not rupees else Fraction(rupees)
        case Measure.MARGIN:
            told = state.margins.get((entry.follower, key, product, side))
            return None if told is None else Fraction(told.margin.required) / told.order.quantity or None
    assert_never(measure)


def _unknown(cap: Cap) -> ReasonCode:
    return ReasonCode.MARGIN_UNKNOWN if cap.measure is Measure.MARGIN else ReasonCode.VALUE_UNKNOWN


def _text(amount: Fraction) -> str:
    return f"{Decimal(amount.numerator) / Decimal(amount.denominator):.2f}".removesuffix(".00")
