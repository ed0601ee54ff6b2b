"""Tell which after-market orders are over whose session should have been: those that the books of a later day lack.

A session may not take place (a holiday that was declared after the calendar was written): then the order waits on, and
its copy with it. Without that its row of the next day would be taken for a new order's, and copied twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from attrs import define, field

from dhan_copy.core.after_market import session_of
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import BookRead, Channel, Fact, LeaderReported, OrderReported
from dhan_copy.core.state import LeaderKey, State
from dhan_copy.core.trade import CopyTrade, FollowerOrder
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import OrderReport, OrderStatus, Variety
from dhan_copy.model.times import ist_date

Place: TypeAlias = tuple[AccountName, BrokerOrderId]
GONE = "no longer in the order book after its session"


def stays(state: State, where: LeaderKey, day: str) -> bool:
    """Whether a leader's after-market order is kept when ``day`` begins: its session is to come, or nothing has shown
    that it took place."""
    report = state.leader_orders[where].report
    session = session_of(state.settings.calendar, report) if report.variety is Variety.AFTER_MARKET else None
    if session is None:
        return False
    if ist_date(session.opens).isoformat() >= day:
        return True
    copies = [state.trades.get((*where, follower)) for follower in state.followers_of(where[0])]
    filled = any(order.filled_quantity for copy in copies if copy is not None for order in copy.orders)
    return not (report.status.is_terminal or report.filled_quantity or filled)


@define
class Overdue:
    """What the books of the day have told of such orders, by account and the broker's id."""

    missed: dict[Place, datetime] = field(factory=dict)
    """Those that one book did not show, and when that was read: another that does not proves it."""
    there: dict[Place, bool] = field(factory=dict)

    def told(self, state: State, facts: Sequence[Fact]) -> Sequence[Fact]:
        """``facts``, and before each book what it tells by leaving it out.

        An order and its copies end together, when all books have told: a copy whose leader's order seems to stand would
        be placed again, and one that seems to stand after his would be cancelled.
        """
        late = [where for where in state.open_leader_orders if _is_overdue(state, where)]
        if not late:
            return facts
        shown = {
            (fact.leader if isinstance(fact, LeaderReported) else fact.follower, fact.report.order_id) for fact in facts
            if isinstance(fact, (LeaderReported, OrderReported))
        }  # fmt: skip
        result: list[Fact] = []
        for fact in facts:
            if isinstance(fact, BookRead) and ist_date(fact.read_at).isoformat() == state.day:
                for where in late:
                    result.extend(self._ended(state, fact, where, shown))
            result.append(fact)
        return result

    def new_day(self) -> None:
        self.missed.clear()
        self.there.clear()

    def _ended(self, state: State, read: BookRead, where: LeaderKey, shown: set[Place]) -> list[Fact]:
        copies = _copies(state, where)
        for place, _, order in copies:
            if place[0] == read.account:
                self._look(place, read, shows=place in shown or order.client_order_id in read.tags)
        if where[0] == read.account:
            self._look(where, read, shows=where in shown)
        known = [self.there.get(place) for place in (where, *(place for place, _, _ in copies))]
        if None in known or all(known):
            return []
        missing = [each for each in copies if not self.there[each[0]]]
        gone: list[Fact] = [_copy_ended(state, copy, order, place, read) for place, copy, order in missing]
        return gone if self.there[where] else [*gone, _ended(state, where, read)]

    def _look(self, place: Place, read: BookRead, *, shows: bool) -> None:
        if shows:
            self.missed.pop(place, None)
            self.there[place] = True
        elif self.missed.setdefault(place, read.read_at) < read.read_at:
            self.there[place] = False


def _is_overdue(state: State, where: LeaderKey) -> bool:
    report = state.leader_orders[where].report
    if report.variety is not Variety.AFTER_MARKET:
        return False
    session = session_of(state.settings.calendar, report)
    return session is not None and ist_date(session.opens).isoformat() < state.day


def _copies(state: State, where: LeaderKey) -> list[tuple[Place, CopyTrade, FollowerOrder]]:
    """Orders of ours that stand at a broker, as far as is known. What is on paper has no book."""
    trades = [state.trades.get((*where, rules.name)) for rules in state.settings.followers if rules.live]
    return [
        ((trade.key[2], order.broker_order_id), trade, order) for trade in trades if trade is not None
        for order in trade.orders if order.broker_order_id is not None and not order.state.is_over
    ]  # fmt: skip


def _ended(state: State, where: LeaderKey, read: BookRead) -> LeaderReported:
    report = evolve(state.leader_orders[where].report, status=OrderStatus.EXPIRED, updated_at=read.read_at, reason=GONE)
    return LeaderReported(leader=where[0], report=report, channel=Channel.BOOK, read_at=read.read_at)


def _copy_ended(state: State, copy: CopyTrade, order: FollowerOrder, place: Place, read: BookRead) -> OrderReported:
    leader, asked = state.leader_order(copy.key).report, order.accepted or order.asked
    report = OrderReport(
        account=place[0], order_id=place[1], client_order_id=order.client_order_id, segment=leader.segment,
        security_id=leader.security_id, product=leader.product, side=state.side_of(copy), validity=asked.validity,
        terms=asked.terms, quantity=asked.quantity, disclosed_quantity=asked.disclosed_quantity,
        filled_quantity=order.filled_quantity, average_price=order.average_price, variety=leader.variety,
        status=OrderStatus.EXPIRED, updated_at=read.read_at, reason=GONE,
    )  # fmt: skip
    return OrderReported(follower=place[0], report=report, channel=Channel.BOOK, read_at=read.read_at)
