"""The rules by which the simulated exchange says no, in Dhan's words where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

from typing_extensions import assert_never

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import OrderStatus, Side, StopLimit
from dhan_copy.testing.orders import Instrument, Rejection, RejectionWay, SimulatedOrder


MODIFICATIONS_PER_ORDER = 25


class Rule(Enum):
    LOT = "LOT"
    DISCLOSED = "DISCLOSED"
    STOP_SIDE = "STOP_SIDE"
    TICK = "TICK"
    BAND = "BAND"
    FREEZE = "FREEZE"
    FUNDS = "FUNDS"


DEFAULT_WAYS: Mapping[Rule, RejectionWay] = {
    Rule.LOT: RejectionWay.REFUSED,
    Rule.DISCLOSED: RejectionWay.REFUSED,
    Rule.STOP_SIDE: RejectionWay.REFUSED,
    Rule.TICK: RejectionWay.LATER,
    Rule.BAND: RejectionWay.LATER,
    Rule.FREEZE: RejectionWay.LATER,
    # Both recorded rejections for want of funds are rows in the order book, not error answers.
    Rule.FUNDS: RejectionWay.LATER,
}


def broken_rule(order: SimulatedOrder, instrument: Instrument) -> tuple[Rule, Rejection] | None:
    """The first rule of shape or price that ``order`` breaks."""
    lot = instrument.facts.lot_units
    if order.quantity % lot:
        return Rule.LOT, Rejection(f"Quantity must be a multiple of lot size {lot}", "DH-905")
    disclosed = order.disclosed_quantity
    # Dhan: "keep more than 30 % of quantity".
    if disclosed and not order.quantity * 30 < disclosed * 100 <= order.quantity * 100:
        return Rule.DISCLOSED, Rejection("Disclosed quantity must be more than 30% of quantity", "DH-905")
    terms = order.terms
    if isinstance(terms, StopLimit) and terms.price != terms.trigger:
        if (terms.price < terms.trigger) is (order.side is Side.BUY):
            relation = "less" if order.side is Side.BUY else "greater"
            return Rule.STOP_SIDE, Rejection(f"Trigger Price should be {relation} than Price")
    bracket = order.bracket
    legs = (None, None) if bracket is None else (bracket.target, bracket.stop)
    for price in (order.price, order.trigger, *legs):
        if price is None:
            continue
        if price % instrument.tick:
            return Rule.TICK, Rejection("EXCH:16283:The order price is not multiple of the tick size")
        if outside_band(price, instrument):
            return Rule.BAND, Rejection(
                f"RMS:{order.order_id}:Price is outside the circuit limits {instrument.lowest} to {instrument.highest}"
            )
    if instrument.freeze_units is not None and order.quantity > instrument.freeze_units:
        return Rule.FREEZE, Rejection(f"RMS:{order.order_id}:Quantity is above the freeze quantity {instrument.freeze_units}")
    return None


def misplaced_leg(side: Side, price: Decimal | None, bracket: Bracket | None) -> Rejection | None:
    """The target lies beyond the entry's price, the stop on its other side. The words are ours."""
    if price is None or bracket is None:
        return None
    more, less = ("greater", "less") if side is Side.BUY else ("less", "greater")
    if bracket.target is not None and (bracket.target - price) * side.sign <= 0:
        return Rejection(f"Target Price should be {more} than Price")
    if bracket.stop is not None and (price - bracket.stop) * side.sign <= 0:
        return Rejection(f"Stop Loss Price should be {less} than Price")
    return None


def outside_band(price: Decimal, instrument: Instrument) -> bool:
    """Whether ``price`` is beyond the day's circuit limits of the instrument."""
    below = instrument.lowest is not None and price < instrument.lowest
    return below or (instrument.highest is not None and price > instrument.highest)


def no_funds(order: SimulatedOrder, missing: Decimal) -> Rejection:
    """Dhan's rejection of an order that lacks ``missing`` rupees."""
    return Rejection(f"RMS:{order.order_id}:You have insufficient funds. Please add Rs.{missing:.2f} to trade.", "DH-906")


def state_problem(order: SimulatedOrder | None) -> Rejection | None:
    """Why an order can be neither changed nor cancelled. The words for a traded order are Dhan's, the others ours."""
    if order is None:
        return Rejection("Invalid order id")
    match order.status:
        case OrderStatus.TRADED:
            return Rejection("Order Has Traded Please Refresh Order Book")
        case OrderStatus.CANCELLED:
            return Rejection("Order is already cancelled")
        case OrderStatus.REJECTED | OrderStatus.EXPIRED | OrderStatus.CLOSED:
            return Rejection(f"Order is already {order.status.value.lower()}")
        case (
            OrderStatus.TRANSIT
            | OrderStatus.PENDING
            | OrderStatus.CONFIRM
            | OrderStatus.INACTIVE
            | OrderStatus.MODIFIED
            | OrderStatus.TRIGGERED
            | OrderStatus.PART_TRADED
        ):
            return None
    assert_never(order.status)


def modification_problem(changed: SimulatedOrder, instrument: Instrument) -> Rejection | None:
    """Why an order cannot become ``changed``. Dhan caps modifications; what its error says then is nowhere written."""
    if changed.modifications > MODIFICATIONS_PER_ORDER:
        return Rejection(f"Order can be modified {MODIFICATIONS_PER_ORDER} times only")
    if changed.quantity < changed.filled_quantity:
        return Rejection("Quantity cannot be less than traded quantity")
    broken = broken_rule(changed, instrument)
    return broken[1] if broken else None
