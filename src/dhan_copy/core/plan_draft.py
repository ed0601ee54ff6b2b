"""What one trade needs next, and how it is put together."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from attrs import frozen

from dhan_copy.core.facts import AlertRaised, CopyDeclined, Fact
from dhan_copy.core.requests import Query, Request
from dhan_copy.core.settings import FollowerRules
from dhan_copy.core.state import State
from dhan_copy.core.trade import CopyTrade, FollowerOrder, StakeKey, TradeKey
from dhan_copy.model.reason import ReasonCode


@frozen(kw_only=True)
class Plan:
    """What one trade needs next. ``wake_at`` is when to look again without news."""

    requests: tuple[Request, ...] = ()
    queries: tuple[Query, ...] = ()
    facts: tuple[Fact, ...] = ()
    positions_since: datetime | None = None
    """An exit waits for a read of the account's positions begun after this."""
    book_awaited: bool = False
    """A placement waits for a read of the account's order book."""
    leader_book_awaited: bool = False
    """What became of a leg is to be seen in the leader's order book."""
    wake_at: datetime | None = None
    kept_back: AlertRaised | None = None
    """What to say if this keeps an exit back for long."""
    exit_waits: bool = False
    """A refusal, a blocked account or the budget keeps an exit back: what kept it back before may still do so."""


Wants: TypeAlias = dict[StakeKey, dict[TradeKey, int]]
"""What the exits of each holding should total."""
NOTHING = Plan()


class Draft:
    """A plan being put together, and what it is put together from."""

    def __init__(self, state: State, trade: CopyTrade, rules: FollowerRules, now: datetime) -> None:
        self.state, self.trade, self.rules, self.now = state, trade, rules, now
        self.order = state.leader_order(trade.key)
        self.report = self.order.report
        self.side = self.report.side if trade.turn > 0 else self.report.side.opposite
        """The side of the follower's orders."""
        self.policy = state.settings.policy
        self.requests: list[Request] = []
        self.queries: list[Query] = []
        self.facts: list[Fact] = []
        self.positions_since: datetime | None = None
        self.book_awaited = False
        self.leader_book_awaited = False
        self.wake_at: datetime | None = None
        self.kept_back: AlertRaised | None = None
        self.exit_waits = False

    def wake(self, at: datetime) -> None:
        if self.wake_at is None or at < self.wake_at:
            self.wake_at = at

    def alert(self, code: str, what: str, known: str, advice: str, order: FollowerOrder | None = None) -> None:
        fact = AlertRaised(
            code=code, what=what, known=known, advice=advice, account=self.rules.name,
            leader_order_id=self.trade.key[1], client_order_id=order.client_order_id if order else None,
        )  # fmt: skip
        self.facts.append(fact)

    def keep_back(self, why: str, advice: str) -> None:
        """An exit is due and is not sent yet."""
        self.kept_back = AlertRaised(
            code="EXIT_WAITS", what=f"an exit waits {why}", known="", advice=advice, account=self.rules.name,
            leader_order_id=self.trade.key[1],
        )  # fmt: skip

    def decline(self, reason: ReasonCode, detail: str = "") -> None:
        leader, order_id, follower = self.trade.key
        fact = CopyDeclined(leader=leader, leader_order_id=order_id, follower=follower, reason=reason, detail=detail)
        self.facts.append(fact)

    def build(self) -> Plan:
        if not (
            self.requests or self.queries or self.facts or self.positions_since or self.wake_at
            or self.book_awaited or self.leader_book_awaited or self.kept_back or self.exit_waits
        ):  # fmt: skip
            return NOTHING
        return Plan(
            requests=tuple(self.requests),
            queries=tuple(self.queries),
            facts=tuple(self.facts),
            positions_since=self.positions_since,
            book_awaited=self.book_awaited,
            leader_book_awaited=self.leader_book_awaited,
            wake_at=self.wake_at,
            kept_back=self.kept_back,
            exit_waits=self.exit_waits,
        )
