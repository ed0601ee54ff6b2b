"""The leader's order as known now."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Channel
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderReport


@frozen(kw_only=True)
class LeaderOrder:
    """One leader order: ``report`` is the newest state, with the largest filled quantity any report has named."""

    leader: AccountName
    report: OrderReport
    first_seen_at: datetime
    seen_at: datetime
    """When the newest state was folded, by the engine's clock."""
    channel: Channel
    confirmed: bool = False
    """Some report has shown it past the broker: TRANSIT alone admits nothing."""
    first_filled_at: datetime | None = None
    last_filled_at: datetime | None = None
    """When its fills grew, by the broker's clock where he says."""
    disputed: bool = False
    """Two channels disagree within one second: the book is read again."""
    gone_at: datetime | None = None
    """Since when the alarm says of a Forever order that it is no longer listed, with nothing to show for it."""


def taken_over(order: LeaderOrder, at: datetime) -> LeaderOrder:
    """The same order in a new process, whose clock may show less than the one before did."""
    gone_at = None if order.gone_at is None else min(order.gone_at, at)
    if order.seen_at <= at and order.gone_at == gone_at:
        return order
    return evolve(order, first_seen_at=min(order.first_seen_at, at), seen_at=min(order.seen_at, at), gone_at=gone_at)
