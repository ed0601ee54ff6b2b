"""A bug to find: what was issued and not answered before a restart counts as refused, and is sent again."""

from __future__ import annotations

from datetime import datetime

from dhan_copy.core import trade
from dhan_copy.core.evolving import evolve
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Request
from dhan_copy.core.trade import FollowerOrder


def refused(order: FollowerOrder, request: Request, at: datetime) -> FollowerOrder:
    return evolve(order, outstanding=None, state=OrderState.REJECTED, over_at=at, refused_for_now=True)


trade.unresolved = refused
