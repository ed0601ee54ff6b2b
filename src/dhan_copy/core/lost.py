"""Orders of ours that the followers' books show and the journal does not know, and whose copies they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from attrs import frozen

from dhan_copy.core.facts import LeaderReported
from dhan_copy.core.requests import Intent
from dhan_copy.core.state import LeaderKey, State
from dhan_copy.core.trade import SLICES_APART, TradeKey
from dhan_copy.model.ids import AccountName, ClientOrderId, client_order_id, id_parts, is_ours
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import OrderReport, Product, Variety
from dhan_copy.model.times import ist_date

Books: TypeAlias = Mapping[AccountName, Sequence[OrderReport]]
Tags: TypeAlias = Mapping[AccountName, Sequence[ClientOrderId]]
_NAMED = 10
"""More tags than this are counted, not named."""


@frozen
class Found:
    """A follower's order with the place that its tag names."""

    slice: int
    generation: int
    row: OrderReport

    def intent(self, exit_units: int, entry_units: int) -> Intent:
        """What it was for, where the leader's order was to close and to open so many units: all that there was to do, or by
        the part that it is of. The first is the exit where there is one; behind an entry is the exit of what it turned out
        to close."""
        is_first_part = self.slice % SLICES_APART == 0
        return Intent.EXIT if not entry_units or is_first_part is bool(exit_units) else Intent.ENTRY


def unknown_tags(state: State, books: Books, now: datetime) -> dict[AccountName, tuple[ClientOrderId, ...]]:
    """Our tags of today that the followers' books show and the journal does not know."""
    today = ist_date(now).isoformat()
    found = {}
    for follower, rows in books.items():
        tags = (row.client_order_id for row in rows if is_of(row, today))
        lost = tuple(tag for tag in tags if tag is not None and is_ours(tag) and (follower, tag) not in state.by_tag)
        if lost:
            found[follower] = lost
    return found


def named(tags: Sequence[ClientOrderId]) -> str:
    """A few of them, and how many more there are."""
    more = f" and {len(tags) - _NAMED} more" if len(tags) > _NAMED else ""
    return ", ".join(tags[:_NAMED]) + more


def matched(
    rows: Sequence[LeaderReported], lost: Tags, books: Books
) -> tuple[dict[TradeKey, list[Found]], list[tuple[AccountName, OrderReport]]]:
    """The lost orders by the copy that they belong to, and those that are left alone: super orders, and those whose leader
    order is in no leader's book.

    An id cannot be read backwards: it is computed again for every order of the same instrument and product. The side may
    be the other one: reverse copies.
    """
    candidates: dict[tuple[InstrumentKey, Product], list[LeaderKey]] = {}
    for told in rows:
        report = told.report
        candidates.setdefault((report.key, report.product), []).append((told.leader, report.order_id))
    matches: dict[TradeKey, list[Found]] = {}
    orphans = []
    for follower, tags in lost.items():
        wanted = set(tags)
        for row in books[follower]:
            tag = row.client_order_id
            if tag is None or tag not in wanted:
                continue
            whose = _whose(tag, follower, candidates.get((row.key, row.product), ()))
            if whose is None or row.variety is Variety.SUPER:  # its legs have its tag: nobody can tell what they were for
                orphans.append((follower, row))
            else:
                key, found = whose[0], Found(*whose[1], row)
                matches.setdefault(key, []).append(found)
    for copies in matches.values():
        copies.sort(key=lambda one: (one.slice, one.generation))
    return matches, orphans


def _whose(tag: ClientOrderId, follower: AccountName, orders: Sequence[LeaderKey]) -> tuple[TradeKey, tuple[int, int]] | None:
    parts = id_parts(tag)
    if parts is None:
        return None
    for leader, order in orders:
        if client_order_id(leader, order, follower, parts.leg, parts.slice, parts.generation) == tag:
            return (leader, order, follower), (parts.slice, parts.generation)
    return None


def is_of(report: OrderReport, day: str) -> bool:
    """Whether a row is of this day, as far as it says: a book may still show yesterday's after midnight."""
    days = [ist_date(at).isoformat() for at in (report.created_at, report.updated_at) if at is not None]
    if report.variety is Variety.AFTER_MARKET:  # placed on another day than that of its session
        return not days or not report.status.is_terminal or max(days) >= day
    return not days or min(days) >= day
