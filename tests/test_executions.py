"""Prices and times of a copy out of entries alone; through the engine in scenarios/test_executions.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    Channel,
    CopyAdmitted,
    DayOpened,
    Entry,
    Fact,
    LeaderReported,
    OrderReported,
    RequestAccepted,
    RequestIssued,
)
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.display import Cell
from dhan_copy.executions import Executions
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import OrderReport, OrderStatus, Side
from tests.runtime.fakes import START, report

L, F = AccountName("L"), AccountName("F")
ORDER = BrokerOrderId("112111182045")
PRICES = st.decimals("0.05", "100000", places=4)
FILLS = st.lists(st.tuples(PRICES, st.integers(1, 10**6)), min_size=1, max_size=4)


def submit(tag: str, side: Side) -> RequestIssued:
    now = report()
    return RequestIssued(
        request=Submit(
            follower=F, client_order_id=ClientOrderId(tag), attempt=1, leader=L, leader_order_id=ORDER,
            intent=Intent.ENTRY, segment=now.segment, security_id=now.security_id, side=side, product=now.product,
            validity=now.validity, terms=now.terms, quantity=75,
        )
    )  # fmt: skip


def filled(order_id: str, side: Side, price: Decimal, quantity: int, at: datetime, tag: str | None = None) -> OrderReport:
    return evolve(
        report(order_id), side=side, quantity=quantity, filled_quantity=quantity, average_price=price,
        status=OrderStatus.TRADED, updated_at=at, client_order_id=None if tag is None else ClientOrderId(tag),
    )  # fmt: skip


def rows(*facts: tuple[float, Fact]) -> list[dict[str, Cell]]:
    executions = Executions()
    for position, (seconds, fact) in enumerate(facts, 1):
        executions.take(Entry(position, START + timedelta(seconds=seconds), fact))
    return executions.table().to_dicts()


def admitted(*, reverse: bool = False) -> CopyAdmitted:
    return CopyAdmitted(
        leader=L, leader_order_id=ORDER, follower=F, live=True, facts=InstrumentFacts(75), exit_quantity=0,
        entry_quantity=150, position_before=0, ratio=Fraction(1, 2), carry=Fraction(0), reverse=reverse,
    )  # fmt: skip


@given(side=st.sampled_from(Side), his=PRICES, ours=FILLS, quantity=st.integers(1, 10**6))
def test_slippage_is_exactly_what_was_paid_more(
    side: Side, his: Decimal, ours: list[tuple[Decimal, int]], quantity: int
) -> None:
    facts: list[tuple[float, Fact]] = [
        (0, LeaderReported(leader=L, report=filled(ORDER, side, his, quantity, START), channel=Channel.STREAM)),
        (0, admitted()),
    ]
    for number, (price, units) in enumerate(ours):
        facts.append((1, submit(f"dc1-{number}", side)))
        told = filled(str(number), side, price, units, START, f"dc1-{number}")
        facts.append((2, OrderReported(follower=F, report=told, channel=Channel.BOOK)))
        facts.append((3, OrderReported(follower=F, report=told, channel=Channel.STREAM)))
    row, total = rows(*facts)
    worse = sum((Fraction(price) - Fraction(his)) * units for price, units in ours) * (1 if side is Side.BUY else -1)
    assert Fraction(row["slippage"]) == Fraction(total["slippage"]) == worse  # type: ignore[arg-type]
    bps = worse / (Fraction(his) * sum(units for _, units in ours)) * 10_000
    assert abs(Fraction(row["slippage_bps"]) - bps) <= Fraction(1, 200)  # type: ignore[arg-type]


@pytest.mark.parametrize(("side", "worse"), [(Side.BUY, -75), (Side.SELL, 75)])
def test_the_other_side_pays_more_where_the_leader_receives_more(side: Side, worse: int) -> None:
    """A reversed copy sells what the leader bought: a higher price is better for it."""
    leading = filled(ORDER, side, Decimal(100), 150, START)
    told = filled("9", side.opposite, Decimal(101), 75, START, "dc1-a")
    row, total = rows(
        (0, LeaderReported(leader=L, report=leading, channel=Channel.STREAM)),
        (0, admitted(reverse=True)),
        (0, submit("dc1-a", side.opposite)),
        (1, OrderReported(follower=F, report=told, channel=Channel.STREAM)),
    )
    assert (row["side"], row["slippage"], total["slippage"]) == (side.opposite.value, worse, worse)


def test_a_report_without_our_tag_is_known_by_the_brokers_id() -> None:
    leading = filled(ORDER, Side.BUY, Decimal(100), 150, START)
    accepted = RequestAccepted(
        follower=F, client_order_id=ClientOrderId("dc1-a"), attempt=1, broker_order_id=BrokerOrderId("9")
    )
    row, _ = rows(
        (0.25, LeaderReported(leader=L, report=leading, channel=Channel.STREAM)),
        (0.25, admitted()),
        (0.26, submit("dc1-a", Side.BUY)),
        (0.3, accepted),
        (1.5, OrderReported(follower=F, report=filled("9", Side.BUY, Decimal(101), 75, START), channel=Channel.BOOK)),
        (1.6, OrderReported(follower=F, report=filled("8", Side.BUY, Decimal(999), 75, START), channel=Channel.BOOK)),
    )
    assert [row[name] for name in ("seen_ms", "decided_ms", "sent_ms", "answered_ms", "filled_ms")] == [250, 0, 10, 40, 1200]
    assert row["slippage"] == Decimal(75)


def test_an_average_that_is_not_finite_is_rounded_only_where_it_is_shown() -> None:
    leading = filled(ORDER, Side.BUY, Decimal(100), 150, START)
    facts: list[tuple[float, Fact]] = [
        (0, LeaderReported(leader=L, report=leading, channel=Channel.STREAM)), (0, admitted()),
    ]  # fmt: skip
    for tag, price, units in (("dc1-a", 100, 1), ("dc1-b", 101, 2)):
        told = filled(tag, Side.BUY, Decimal(price), units, START, tag)
        facts += [(0, submit(tag, Side.BUY)), (1, OrderReported(follower=F, report=told, channel=Channel.STREAM))]
    row, _ = rows(*facts)
    assert (row["price"], row["slippage"]) == (Decimal("100.6667"), Decimal(2))


def test_a_fill_whose_price_is_not_told_is_not_guessed() -> None:
    leading = filled(ORDER, Side.BUY, Decimal(100), 150, START)
    told = evolve(filled("9", Side.BUY, Decimal(1), 75, START, "dc1-a"), average_price=None)
    (row,) = rows(
        (0, LeaderReported(leader=L, report=leading, channel=Channel.STREAM)),
        (0, admitted()),
        (0, submit("dc1-a", Side.BUY)),
        (0, OrderReported(follower=F, report=told, channel=Channel.STREAM)),
    )
    assert (row["filled"], row["price"], row["slippage"], row["slippage_bps"]) == (75, None, None, None)


def test_a_new_day_begins_a_new_table() -> None:
    leading = filled(ORDER, Side.BUY, Decimal(100), 150, START)
    assert rows(
        (0, LeaderReported(leader=L, report=leading, channel=Channel.STREAM)),
        (0, admitted()),
        (0, submit("dc1-a", Side.BUY)),
        (1, DayOpened(day="2026-11-21")),
    ) == []  # fmt: skip
