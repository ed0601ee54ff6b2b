"""In which order facts are taken that were read together: a book's rows by their last change, what was held before them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from math import inf

from typing_extensions import TypeGuard

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import BookRead, Channel, EngineStarted, Fact, LeaderReported, PositionsReported
from dhan_copy.core.lost import is_of
from dhan_copy.core.state import State, waits
from dhan_copy.model.account import Position
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import OrderReport, Product
from dhan_copy.model.times import ist_date

OUT_OF_ORDER = {LeaderReported, PositionsReported, EngineStarted}
"""Facts that may be taken before others that came earlier, or elsewhere."""


def in_order(state: State, leaders: Container[AccountName], facts: Sequence[Fact]) -> list[Fact]:
    """Rows of a leader's book by the time of their last change, and what he holds before them.

    A position read together with the book holds the fills that the rows are about to tell: they are taken off.
    """
    reads: list[list[LeaderReported]] = [[]]
    held: list[tuple[PositionsReported, list[LeaderReported]]] = []
    for fact in facts:
        if isinstance(fact, LeaderReported) and fact.channel is Channel.BOOK:
            reads[-1].append(fact)
        elif isinstance(fact, BookRead) and fact.account in leaders:
            reads.append([])  # what the next read shows came after this one
        # What he brought into the day does not change during it, and a later read may lag behind the fills.
        elif _is_held(fact, leaders) and fact.account not in state.positions_known:
            read_with_it = reads[-1] if reads[-1] or len(reads) == 1 else reads[-2]
            held.append((fact, read_with_it))
    ordered = iter([row for read in reads for row in sorted(read, key=_last_change)])
    result: list[Fact] = []
    for fact in facts:
        if _is_held(fact, leaders) or isinstance(fact, EngineStarted):
            continue
        result.append(next(ordered) if isinstance(fact, LeaderReported) and fact.channel is Channel.BOOK else fact)
    return [_as_of_before(state, fact, rows) for fact, rows in held] + result


def _is_held(fact: Fact, leaders: Container[AccountName]) -> TypeGuard[PositionsReported]:
    return isinstance(fact, PositionsReported) and fact.account in leaders


def _as_of_before(state: State, fact: PositionsReported, rows: Sequence[LeaderReported]) -> PositionsReported:
    told = {row.report.order_id: row for row in rows if row.leader == fact.account}
    news = [row for row in told.values() if not is_from_before(state, row.report)]
    known = [state.leader_orders.get((row.leader, row.report.order_id)) for row in news]
    filled = (row.report.filled_quantity - (order.report.filled_quantity if order else 0) for row, order in zip(news, known))
    return before_fills(fact, ((row.report, max(0, grown)) for row, grown in zip(news, filled)))


def before_fills(fact: PositionsReported, fills: Iterable[tuple[OrderReport, int]]) -> PositionsReported:
    """What was held before so many units of these orders filled."""
    net: dict[tuple[InstrumentKey, Product], int] = {(p.key, p.product): p.net_quantity for p in fact.positions}
    for report, units in fills:
        place = (report.key, report.product)
        net[place] = net.get(place, 0) - units * report.side.sign
    positions = tuple(
        Position(segment=key.segment, security_id=key.security_id, product=product, net_quantity=quantity)
        for (key, product), quantity in net.items()
    )
    return evolve(fact, positions=positions)


def is_from_before(state: State, report: OrderReport) -> bool:
    """Whether a report is about a day that is over: a book may still show it after midnight."""
    if waits(report):
        ended_at = report.updated_at if report.status.is_terminal else None
        return ended_at is not None and ist_date(ended_at).isoformat() < state.day
    return not is_of(report, state.day)


def _last_change(fact: LeaderReported) -> tuple[float, float, str]:
    """Of rows that changed in one second the older order's comes first: ids do not count up, other digits precede
    their date (frames in protocol facts 3.4)."""
    placed, changed = fact.report.created_at, fact.report.updated_at
    placed_at = -inf if placed is None else placed.timestamp()
    return (placed_at if changed is None else changed.timestamp(), placed_at, fact.report.order_id)
