"""Follow a follower that is not live on paper: accepted at once, filled when and as far as the leader is."""

from __future__ import annotations

from datetime import datetime

from dhan_copy.core.facts import Channel, OrderReported, RequestAccepted
from dhan_copy.core.requests import Intent, Request
from dhan_copy.core.state import State, entry_total
from dhan_copy.core.trade import CopyTrade, FollowerOrder
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import OrderReport, OrderStatus


def paper_answer(request: Request) -> RequestAccepted:
    """The answer that a paper broker gives to everything."""
    return RequestAccepted(
        follower=request.follower,
        client_order_id=request.client_order_id,
        attempt=request.attempt,
        broker_order_id=BrokerOrderId(f"PAPER-{request.client_order_id}"),
    )


def paper_report(state: State, trade: CopyTrade, now: datetime) -> OrderReported | None:
    """What a paper broker reports next of the trade's open orders, or None when it has nothing new to say."""
    for order in trade.orders:
        if order.state.is_over or order.broker_order_id is None or order.is_busy:
            continue
        filled = _paper_fill(trade, order)
        if filled > order.filled_quantity or order.cancel_accepted_at is not None:
            return _report(state, trade, order, filled, now)
    return None


def _paper_fill(trade: CopyTrade, order: FollowerOrder) -> int:
    due = trade.claim if order.intent is Intent.EXIT else entry_total(trade, trade.opened) - trade.forgone
    others = trade.filled(order.intent) - order.filled_quantity
    quantity = (order.accepted or order.asked).quantity
    return max(order.filled_quantity, min(quantity, due - others))


def _report(state: State, trade: CopyTrade, order: FollowerOrder, filled: int, now: datetime) -> OrderReported:
    leader = state.leader_order(trade.key).report
    instruction = order.accepted or order.asked
    if order.cancel_accepted_at is not None:
        status = OrderStatus.CANCELLED
    else:
        status = OrderStatus.TRADED if filled == instruction.quantity else OrderStatus.PART_TRADED
    assert order.broker_order_id is not None
    report = OrderReport(
        account=trade.key[2], order_id=order.broker_order_id, client_order_id=order.client_order_id,
        segment=leader.segment, security_id=leader.security_id, product=leader.product,
        side=leader.side if trade.turn > 0 else leader.side.opposite,
        validity=instruction.validity, terms=instruction.terms, quantity=instruction.quantity,
        disclosed_quantity=instruction.disclosed_quantity, filled_quantity=filled,
        average_price=leader.average_price, status=status, updated_at=now,
    )  # fmt: skip
    return OrderReported(follower=trade.key[2], report=report, channel=Channel.STREAM)
