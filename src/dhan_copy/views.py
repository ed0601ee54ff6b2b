"""What a user asks about: the core's state as tables."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import attrs
from typing_extensions import assert_never

from dhan_copy.core.drift import Term, drifts
from dhan_copy.core.facts import AlertRaised, Entry, Refusal
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import LINKED
from dhan_copy.core.shelf import Shelf
from dhan_copy.core.state import State
from dhan_copy.core.trade import CopyTrade, FollowerOrder, Instruction
from dhan_copy.display import Table
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Leg, Limit, Market, OrderReport, StopLimit, StopMarket, Terms
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.times import IST

_ORDERS = (
    "leader", "leader_order_id", "tree", "leg", "symbol", "side", "quantity", "filled", "status",
    "follower", "decision", "state", "intent", "ordered", "terms", "done", "average_price",
    "broker_order_id", "client_order_id", "text",
)  # fmt: skip
_DECISIONS = ("leader", "leader_order_id", "follower", "code", "reason", "detail", "ratio", "live")
_DRIFT = (
    "leader", "follower", "instrument", "product", "tree", "target", "owned", "difference",
    *(term.name.lower() for term in Term), "causes", "unsized",
)  # fmt: skip
_ALERTS = ("time", "code", "account", "leader_order_id", "client_order_id", "what", "known", "advice")
_STATUS = ("account", "role", "trading", "health", "orders", "open", "unresolved", "book_read_at", "positions_read_at")


def snapshot(state: State) -> State:
    """A copy that folding on does not change: what it holds is immutable, so the containers are copied, and those that
    they hold, and no more."""
    copied = copy(state)
    for field in attrs.fields(State):
        value = getattr(state, field.name)
        if isinstance(value, dict):
            setattr(copied, field.name, {key: _apart(held) for key, held in value.items()})
        elif isinstance(value, (set, list, Shelf)):
            setattr(copied, field.name, value.copy())
    return copied


def _apart(held: object) -> object:
    return held.copy() if isinstance(held, (dict, set, list, deque)) else held


def terms_text(terms: Terms) -> str:
    match terms:
        case Market():
            return "MARKET"
        case Limit():
            return f"LIMIT {terms.price}"
        case StopLimit():
            return f"STOP {terms.trigger} LIMIT {terms.price}"
        case StopMarket():
            return f"STOP {terms.trigger} MARKET"
    assert_never(terms)


def orders(state: State) -> Table:
    """Today's leader orders with each follower's orders for them; a leader order that led to none has one row. Parts of
    a linked order name their ``tree``, which is the entry's id, and which ``leg`` they are."""
    rows: list[Mapping[str, object]] = []
    for key, trade in state.trades.items():
        leader_order = state.leader_order(key)
        about = {**_leader_cells(leader_order), "follower": key[2], "decision": _code(trade)}
        if not trade.orders:
            rows.append(about)
        for order in trade.orders:
            rows.append({**about, **_order_cells(order)})
    return Table.of("orders", _ORDERS, rows)


def decisions(state: State) -> Table:
    """The one answer for each leader order and follower of today; the code is empty while it is still open."""
    rows: list[Mapping[str, object]] = []
    for (leader, leader_order_id, follower), trade in state.trades.items():
        admitted, declined = trade.admitted, trade.declined
        reason = trade.decision
        rows.append(
            {
                "leader": leader,
                "leader_order_id": leader_order_id,
                "follower": follower,
                "code": _code(trade),
                "reason": None if reason is None else reason.value,
                "detail": declined.detail if declined else admitted.detail if admitted else None,
                "ratio": str(admitted.ratio) if admitted else None,
                "live": admitted.live if admitted else None,
            }
        )
    return Table.of("decisions", _DECISIONS, rows)


def drift(state: State) -> Table:
    """Per holding: what the leader's position comes to at the follower's size, what the follower owns, and target minus
    owned, term by term (:class:`~dhan_copy.core.drift.Term`).

    Units of the position, signed, exactly; the terms add up to the difference. What a linked order holds is a row of its
    own, with its ``tree``. ``causes`` are the terms that have a reason, by its code; ``unsized`` units of the leader's
    that are in no target, because nobody knows how large their copies would have been.
    """
    rows: list[Mapping[str, object]] = []
    for drift in drifts(state):
        leader, follower, key, product, tree = drift.holding
        rows.append(
            {
                "leader": leader,
                "follower": follower,
                "instrument": str(key),
                "product": product,
                "tree": tree,
                "target": number(drift.target),
                "owned": drift.owned,
                "difference": number(drift.difference),
                **{term.name.lower(): number(drift.of(term)) for term in Term},
                "causes": _by_reason(drift.causes),
                "unsized": _by_reason(drift.unsized),
            }
        )
    return Table.of("drift", _DRIFT, rows)


def alerts(entries: Iterable[Entry]) -> Table:
    """The alerts in a journal, of any day, in the order in which they were raised."""
    raised = ((entry.at, entry.fact) for entry in entries if isinstance(entry.fact, AlertRaised))
    rows = [{"time": at, **{name: getattr(alert, name) for name in _ALERTS[1:]}} for at, alert in raised]
    return Table.of("alerts", _ALERTS, rows)


def _by_reason(amounts: Sequence[tuple[ReasonCode | None, Fraction]]) -> str:
    return ", ".join(
        f"{'?' if reason is None else reason.name} {'+' if units > 0 else ''}{number(units)}" for reason, units in amounts
    )


def status(state: State) -> Table:
    """One row per account: what is allowed, what is possible, what is under way."""
    rows: list[Mapping[str, object]] = []
    for leader in state.settings.leaders:
        known = state.knows_position(leader.name)
        rows.append(
            {
                "account": leader.name,
                "role": "leader",
                "health": _refused(state, leader.name)
                or _stale(state, leader.name)
                or ("OK" if known else "positions unknown"),
                "orders": sum(name == leader.name for name, _ in state.leader_orders),
                "open": sum(name == leader.name for name, _ in state.open_leader_orders),
                "book_read_at": state.book_read_at.get(leader.name),
            }
        )
    for follower in state.settings.followers:
        name = follower.name
        ours = [order for key in state.open_keys() if key[2] == name for order in state.trades[key].orders]
        rows.append(
            {
                "account": name,
                "role": "follower" if follower.live else "follower (paper)",
                "trading": state.trading_state(name),
                "health": _health(state, name),
                "orders": sum(account == name for account, _ in state.by_tag),
                "open": sum(not order.state.is_over for order in ours),
                "unresolved": sum(order.unresolved is not None for order in ours),
                "book_read_at": state.book_read_at.get(name),
                "positions_read_at": state.positions_read_at.get(name),
            }
        )
    return Table.of("status", _STATUS, rows)


def _health(state: State, follower: AccountName) -> str:
    """What is possible at a follower: the cause that stops most comes first."""
    switch = state.kill_switches.get(follower)
    if switch is not None and switch.may_be_on:
        return "BLOCKED (KILL_SWITCH)" if switch.on else "BLOCKED (KILL_SWITCH unknown)"
    blocked, circuit = state.blocked_until.get(follower), state.circuits.get(follower)
    if blocked is not None:
        return f"BLOCKED ({blocked[1].name}) until {_time(blocked[0])}"
    if circuit is not None and circuit.until is not None:
        return f"BLOCKED (CIRCUIT) until {_time(circuit.until)}"
    return _refused(state, follower) or _stale(state, follower) or "OK"


def _refused(state: State, account: AccountName) -> str | None:
    return f"BLOCKED ({Refusal.AUTHENTICATION.name})" if account in state.token_refused else None


def _stale(state: State, account: AccountName) -> str | None:
    feed = state.feeds.get(account)
    since = None if feed is None else feed.stale_since
    return None if since is None else f"STALE since {_time(since)}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(IST):%H:%M:%S}"


def number(value: Fraction) -> int | Decimal | Fraction:
    """A fraction as people write it, where that is exact."""
    if value.denominator == 1:
        return value.numerator
    decimal = Decimal(value.numerator) / Decimal(value.denominator)
    return decimal if Fraction(decimal) == value else value


def _code(trade: CopyTrade) -> str | None:
    return None if trade.decision is None else trade.decision.name


def place_cells(report: OrderReport) -> dict[str, object]:
    """The tree that an order is a part of, by its entry's id, and which part it is; nothing for a plain order."""
    if report.variety not in LINKED:
        return {}
    return {"tree": report.order_id if report.leg is Leg.ENTRY else report.parent_order_id, "leg": report.leg}


def _leader_cells(order: LeaderOrder) -> dict[str, object]:
    report = order.report
    return {
        "leader": order.leader,
        "leader_order_id": report.order_id,
        **place_cells(report),
        "symbol": report.symbol or str(report.key),
        "side": report.side,
        "quantity": report.quantity,
        "filled": report.filled_quantity,
        "status": report.status,
    }


def _order_cells(order: FollowerOrder) -> dict[str, object]:
    now: Instruction = order.accepted or order.asked
    return {
        "state": "UNRESOLVED" if order.unresolved is not None else order.state,
        "intent": order.intent,
        "ordered": now.quantity,
        "terms": terms_text(now.terms),
        "done": order.filled_quantity,
        "average_price": order.average_price,
        "broker_order_id": order.broker_order_id,
        "client_order_id": order.client_order_id,
        "text": order.text,
    }
