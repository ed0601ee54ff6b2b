"""Judges a run by what the brokers saw; the journal is only asked for intents, decisions and alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TypeAlias

from attrs import define, field, frozen

from dhan_copy.core.facts import (
    AlertRaised,
    CopyAdmitted,
    CopyDeclined,
    Entry,
    OrderReported,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
)
from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import OrderStatus, Side
from dhan_copy.stores.sqlite import SqliteStore
from dhan_copy.testing.crash.day import LEADER, RATIOS, copied_units
from dhan_copy.testing.orders import LoggedRequest, RequestKind, SimulatedOrder

Names: TypeAlias = Set[tuple[str | None, str | None]]
"""(account, client_order_id)"""
_LIVE = "still live although the leader's order has ended"


@frozen
class Truth:
    """What the brokers saw: every book, every request that arrived, and how many were over the rate limits."""

    books: dict[str, tuple[SimulatedOrder, ...]]
    requests: tuple[LoggedRequest, ...]
    refused: dict[str, int]


@define
class Verdict:
    """``parked``: copies that are missing, with an alarm that says so."""

    violations: list[str] = field(factory=list)
    duplicates: int = 0
    lost: int = 0
    parked: int = 0


def entries_of(journal: Path) -> tuple[Entry, ...]:
    store = SqliteStore.open_readonly(journal)
    try:
        return tuple(store.read())
    finally:
        store.close()


def judge(truth: Truth, journal: Sequence[Entry], *, uninterrupted: bool) -> Verdict:
    """What is wrong. ``uninterrupted``: no life was cut short, so that nothing may be parked either."""
    verdict = Verdict()
    issued = [entry for entry in journal if isinstance(entry.fact, RequestIssued)]
    alarms = {
        (alarm.account, alarm.client_order_id)
        for alarm in (entry.fact for entry in journal)
        if isinstance(alarm, AlertRaised) and alarm.client_order_id is not None
    }
    _judge_ids(truth, verdict)
    _judge_intents(truth, issued, verdict)
    _judge_decisions(truth, journal, verdict)
    _judge_answers(journal, alarms, verdict)
    for follower in RATIOS:
        for order in truth.books[LEADER]:
            _judge_copies(truth, order, follower, issued, alarms, verdict)
        if truth.refused[follower]:
            verdict.violations.append(f"{follower}: {truth.refused[follower]} requests beyond the rate limits")
    if uninterrupted and verdict.parked:
        verdict.violations.append(f"{verdict.parked} copies parked although no life was cut short")
    return verdict


def _judge_ids(truth: Truth, verdict: Verdict) -> None:
    placed = Counter((r.account, r.tag) for r in truth.requests if r.kind is RequestKind.PLACE and r.account != LEADER)
    for (account, tag), times in placed.items():
        if tag is None or times > 1:
            verdict.duplicates += times - 1
            verdict.violations.append(f"{account}: the id {tag} reached the broker {times} times")


_KINDS = {Submit: RequestKind.PLACE, Modify: RequestKind.MODIFY, Cancel: RequestKind.CANCEL}


def _judge_intents(truth: Truth, issued: Sequence[Entry], verdict: Verdict) -> None:
    """Every request that reached a follower's broker has a row of its own from before."""
    left: dict[tuple[str, str | None, RequestKind], list[Entry]] = {}
    for entry in issued:
        assert isinstance(entry.fact, RequestIssued)
        request = entry.fact.request
        left.setdefault((request.follower, request.client_order_id, _KINDS[type(request)]), []).append(entry)
    for seen in truth.requests:
        if seen.account == LEADER:
            continue
        rows = left.get((seen.account, seen.tag, seen.kind), [])
        row = next((row for row in rows if row.at <= seen.at), None)
        if row is None:
            verdict.violations.append(
                f"{seen.account}: {seen.kind.value} of {seen.tag} at {seen.at.time()} has no earlier row in the journal"
            )
        else:
            rows.remove(row)


def _judge_decisions(truth: Truth, journal: Sequence[Entry], verdict: Verdict) -> None:
    """Every order of the leader has an answer for every follower."""
    decided = {
        (fact.leader_order_id, fact.follower)
        for fact in (entry.fact for entry in journal)
        if isinstance(fact, CopyAdmitted | CopyDeclined)
    }
    for order in truth.books[LEADER]:
        for follower in RATIOS:
            if (order.order_id, follower) not in decided:
                verdict.lost += 1
                verdict.violations.append(f"{follower}: nothing was decided of the leader's {_told(order)}")


def _judge_answers(journal: Sequence[Entry], alarms: Names, verdict: Verdict) -> None:
    """What was issued has an answer, was seen at the broker afterwards, or has an alarm."""
    answered: set[tuple[str, str, int]] = set()
    seen: dict[tuple[str, str | None], int] = {}
    for entry in journal:
        fact = entry.fact
        if isinstance(fact, RequestAccepted | RequestRejected | RequestWithheld):
            answered.add((fact.follower, fact.client_order_id, fact.attempt))
        elif isinstance(fact, OrderReported):
            seen[fact.follower, fact.report.client_order_id] = entry.position
    for entry in journal:
        if not isinstance(entry.fact, RequestIssued):
            continue
        request = entry.fact.request
        name = (request.follower, request.client_order_id)
        if (*name, request.attempt) not in answered and seen.get(name, 0) < entry.position and name not in alarms:
            verdict.violations.append(
                f"{request.follower}: {type(request).__name__} of {request.client_order_id} has neither answer nor alarm"
            )


def _judge_copies(
    truth: Truth,
    order: SimulatedOrder,
    follower: str,
    issued: Sequence[Entry],
    alarms: Names,
    verdict: Verdict,
) -> None:
    """The copies of one order of the leader at one follower: once and of the right size, or missing with an alarm."""

    def wrong(what: str) -> None:
        told = "; ".join(map(_told, copies)) or "none"
        verdict.violations.append(f"{follower}: {what}. The leader's: {_told(order)}. The copies: {told}")

    copies = _of(truth, follower, order.key, order.side)
    if any(not copy.status.is_terminal for copy in copies):
        wrong(_LIVE)
    if len(copies) > 1:
        verdict.duplicates += len(copies) - 1
        wrong(f"{len(copies)} copies of one order")
        return
    want = copied_units(order.key, order.filled_quantity, follower)
    if order.side is Side.SELL:
        bought = sum(copy.filled_quantity for copy in _of(truth, follower, order.key, Side.BUY))
        if not bought:
            want = 0
    filled = sum(copy.filled_quantity for copy in copies)
    if filled > want:
        verdict.duplicates += 1
        wrong(f"{filled} filled instead of {want}")
    elif filled < want:
        if not copies and _has_alarm(truth, order, follower, issued, alarms):
            verdict.parked += 1
        else:
            verdict.lost += 1
            wrong(f"{filled} filled instead of {want}, without an alarm")
    elif not copies and not want and order.side is Side.BUY:
        # The leader took it back: whether it was still to be copied depends on when the process was dead.
        verdict.parked += _has_alarm(truth, order, follower, issued, alarms)
    for copy in copies:
        sizes = {copied_units(order.key, units, follower) for units in _sizes(truth, order)}
        if copy.quantity not in sizes or copy.status is OrderStatus.REJECTED:
            wrong(f"a copy of another size than {sorted(sizes)}")


def _sizes(truth: Truth, order: SimulatedOrder) -> set[int]:
    """Every quantity that the leader's order has had."""
    return {
        request.quantity
        for request in truth.requests
        if request.account == LEADER and request.order_id == order.order_id and request.quantity is not None
    }


def _has_alarm(
    truth: Truth,
    order: SimulatedOrder,
    follower: str,
    issued: Sequence[Entry],
    alarms: Names,
) -> bool:
    """Whether an order that was to be the copy, and is not in the book, has an alarm of its own."""
    present = {copy.tag for copy in truth.books[follower]}
    for entry in issued:
        assert isinstance(entry.fact, RequestIssued)
        request = entry.fact.request
        if (
            isinstance(request, Submit)
            and (request.follower, InstrumentKey(request.segment, request.security_id), request.side)
            == (follower, order.key, order.side)
            and request.client_order_id not in present
            and (follower, request.client_order_id) in alarms
        ):
            return True
    return False


def _of(truth: Truth, account: str, key: InstrumentKey, side: Side) -> list[SimulatedOrder]:
    return [order for order in truth.books[account] if (order.key, order.side) == (key, side)]


def _told(order: SimulatedOrder) -> str:
    return (
        f"{order.side.value} {order.quantity} of {order.key} {order.status.value}, {order.filled_quantity} filled"
        f" (tag {order.tag})"
    )
