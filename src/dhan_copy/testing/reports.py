"""Turns an order of the simulated exchange into the report that a broker gives of it."""

from __future__ import annotations

from dhan_copy.model.ids import BrokerOrderId, ClientOrderId, ExchangeOrderId
from dhan_copy.model.order import OrderReport, Variety
from dhan_copy.testing.orders import NOT_AT_EXCHANGE, Instrument, SimulatedOrder


def report_of(order: SimulatedOrder, instrument: Instrument) -> OrderReport:
    """What the broker says of ``order`` now, with the facts of its instrument."""
    variety = Variety.AFTER_MARKET if order.after_market else Variety.REGULAR
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
        variety=Variety.FOREVER if parent else variety,
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
