"""Turns an order of the simulated exchange into the report that a broker gives of it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId, ExchangeOrderId
from dhan_copy.model.order import Leg, OrderReport, OrderStatus, Variety
from dhan_copy.testing.orders import NOT_AT_EXCHANGE, Instrument, SimulatedOrder


def report_of(order: SimulatedOrder, instrument: Instrument) -> OrderReport:
    """What the broker says of ``order`` now, with the facts of its instrument."""
    parent = BrokerOrderId(order.parent_order_id) if order.parent_order_id else None
    number = order.exchange_order_id
    return OrderReport(
        account=order.account,
        order_id=order.order_id,
        exchange_order_id=None if number == NOT_AT_EXCHANGE else ExchangeOrderId(number),
        client_order_id=ClientOrderId(order.tag) if order.tag and order.tag != "NR" else None,
        parent_order_id=parent,
        segment=order.key.segment,
        security_id=order.key.security_id,
        side=order.side,
        product=order.product,
        validity=order.validity,
        terms=order.terms,
        quantity=order.quantity,
        disclosed_quantity=order.disclosed_quantity,
        filled_quantity=order.filled_quantity,
        average_price=order.average_price,
        status=order.status,
        leg=order.leg,
        variety=order.variety,
        # A row of the order book has a bracket order's differences, and nothing of a super or cover order's legs.
        bracket=order.bracket if order.variety is Variety.BRACKET else None,
        instrument=instrument.facts,
        symbol=instrument.symbol,
        last_price=order.reference_price,
        source=order.source,
        platform=order.platform,
        reason=order.reason,
        created_at=order.ordered_at,
        updated_at=order.updated_at,
        raw=f"order {order.order_id} {order.status.value} {order.filled_quantity}/{order.quantity}",
    )


def super_reports(entry: SimulatedOrder, legs: Sequence[SimulatedOrder], instrument: Instrument) -> tuple[OrderReport, ...]:
    """What the broker's list of super orders says of one: the entry with its bracket and without an average price, and
    each leg that is for something."""
    main = evolve(
        report_of(entry, instrument),
        bracket=standing(entry, legs),
        average_price=None,
        status=listed_status(entry, legs),
    )
    return (main, *(evolve(report_of(leg, instrument), average_price=None) for leg in legs if leg.quantity))


def listed_status(entry: SimulatedOrder, legs: Sequence[SimulatedOrder]) -> OrderStatus:
    """The state of a super order in their list: CLOSED once the entry and its exit are fully done."""
    closed = entry.status is OrderStatus.TRADED and sum(leg.filled_quantity for leg in legs) >= entry.filled_quantity
    return OrderStatus.CLOSED if closed else entry.status


def standing(entry: SimulatedOrder, legs: Sequence[SimulatedOrder]) -> Bracket | None:
    """The bracket without a leg that was taken back before it was for anything."""
    gone = {leg.leg for leg in legs if leg.status.is_terminal and not leg.quantity}
    bracket = entry.bracket
    if bracket is None:
        return None
    target = None if Leg.TARGET in gone else bracket.target
    stop = None if Leg.STOP in gone else bracket.stop
    if target is None and stop is None:
        return None
    return Bracket(target=target, stop=stop, trailing_jump=None if stop is None else bracket.trailing_jump)
