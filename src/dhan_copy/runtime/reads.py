"""Turns what a broker or source was asked into facts: a read that fails is a fact of its own, never "none"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from typing_extensions import assert_never

from dhan_copy.core.facts import (
    BookRead,
    Channel,
    Fact,
    FundsReported,
    KillSwitchRead,
    LeaderReported,
    MarginReported,
    OrderNotFound,
    OrderReported,
    PositionsReported,
    QuotesReported,
    ReadFailed,
    Refusal,
)
from dhan_copy.core.legs import parts_of
from dhan_copy.core.read_names import name_of
from dhan_copy.core.requests import Query, Read, ReadFunds, ReadKillSwitch, ReadMargin, ReadPositions, ReadQuotes
from dhan_copy.model.account import Funds, Holding, Margin, Position, Quote
from dhan_copy.model.ids import AccountName, is_ours
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.listed import with_linked
from dhan_copy.model.order import OrderReport, Product
from dhan_copy.protocols import AccountReader, Broker, KillSwitch, MarginReader, Quotes

_DEMAT_SEGMENTS = (ExchangeSegment.NSE_EQ, ExchangeSegment.BSE_EQ)


def account_of(read: Read) -> AccountName:
    return read.follower if isinstance(read, Query) else read.account


def failed(read: Read, problem: str, refusal: Refusal = Refusal.OTHER) -> ReadFailed:
    return ReadFailed(account=account_of(read), what=name_of(read), problem=problem, refusal=refusal)


Forever = Sequence[OrderReport] | None
"""The rows of the list of Forever orders; None where it was not read."""


def follower_book(
    account: AccountName,
    rows: Sequence[OrderReport],
    read_at: datetime,
    forever: Forever = None,
    linked: Sequence[OrderReport] | None = None,
) -> tuple[Fact, ...]:
    """One batch: every row, with what the list of super orders ``linked`` adds, then that the book was read."""
    rows = (*(rows if linked is None else with_linked(rows, linked)), *(forever or ()))
    reports = [OrderReported(follower=account, report=_report(row), channel=Channel.BOOK, read_at=read_at) for row in rows]
    return (*reports, _read(account, rows, read_at, forever, linked))


def leader_book(
    account: AccountName, rows: Sequence[OrderReport], read_at: datetime, forever: Forever = None
) -> tuple[Fact, ...]:
    """One batch: every row, those of ``forever`` among them, then that the book was read."""
    reports = [LeaderReported(leader=account, report=_report(row), channel=Channel.BOOK, read_at=read_at) for row in rows]
    return (*reports, _read(account, rows, read_at, forever))


def lookup(broker: Broker, query: Query, read_at: datetime) -> Fact:
    """What a lookup by our id showed. Raises when it failed, or showed another order."""
    report = broker.find(query.client_order_id)
    if report is None:
        return OrderNotFound(follower=query.follower, client_order_id=query.client_order_id, read_at=read_at)
    if _report(report).client_order_id != query.client_order_id:
        raise ValueError(f"the lookup answered with another order, tagged {str(report.client_order_id)[:40]!r}")
    return OrderReported(follower=query.follower, report=report, channel=Channel.BOOK, read_at=read_at)


def account_read(reader: AccountReader, read: ReadPositions | ReadFunds, read_at: datetime) -> Fact:
    """Funds, or positions with holdings. Raises when a read failed."""
    match read:
        case ReadFunds():
            funds = reader.funds()
            if not isinstance(funds, Funds):
                raise TypeError(f"funds() answered {type(funds).__name__}, not Funds")
            return FundsReported(account=read.account, read_at=read_at, funds=funds)
        case ReadPositions():
            positions = merged(reader.positions(), reader.holdings())
            return PositionsReported(account=read.account, read_at=read_at, positions=positions)
    assert_never(read)


def margin_read(reader: MarginReader, read: ReadMargin, read_at: datetime) -> Fact:
    """What the order would block. Raises when the read failed, or its answer cannot be right."""
    margin = reader.margin((read.order,))
    if not isinstance(margin, Margin):
        raise TypeError(f"margin() answered {type(margin).__name__}, not Margin")
    if not margin.required.is_finite() or margin.required <= 0:
        raise ValueError(f"the margin calculator answered {margin.required} rupees")
    return MarginReported(account=read.account, read_at=read_at, order=read.order, margin=margin)


def quotes_read(broker: Quotes, read: ReadQuotes, read_at: datetime) -> Fact:
    """The last prices. Raises when the read failed, or a price cannot be right."""
    quotes = []
    for key, price in broker.quotes(read.keys).items():
        if not isinstance(price, Decimal) or not price.is_finite() or price <= 0:
            raise ValueError(f"quotes() answered {price!r} for {key}")
        if key in read.keys:
            quotes.append(Quote(key, price))
    return QuotesReported(account=read.account, read_at=read_at, quotes=tuple(quotes))


def kill_switch_read(broker: KillSwitch, read: ReadKillSwitch, read_at: datetime) -> Fact:
    """Whether the kill switch is on. Raises when the read failed."""
    on = broker.is_killed()
    if type(on) is not bool:
        raise TypeError(f"is_killed() answered {type(on).__name__}, not a bool")
    return KillSwitchRead(follower=read.account, on=on, read_at=read_at)


def merged(positions: Sequence[Position], holdings: Sequence[Holding]) -> tuple[Position, ...]:
    """Net quantities per instrument and product; shares in the demat account count as CNC.

    A holding does not name an exchange and can be sold at either, so it counts in both equity segments.
    """
    net: dict[tuple[InstrumentKey, Product], int] = {}
    for position in positions:
        at = (position.key, position.product)
        net[at] = net.get(at, 0) + position.net_quantity
    for holding in holdings:
        for segment in _DEMAT_SEGMENTS:
            at = (InstrumentKey(segment, holding.security_id), Product.CNC)
            net[at] = net.get(at, 0) + holding.quantity
    return tuple(Position(key.segment, key.security_id, product, n) for (key, product), n in net.items())


def _read(
    account: AccountName,
    rows: Sequence[OrderReport],
    read_at: datetime,
    forever: Forever,
    linked: Sequence[OrderReport] | None = None,
) -> BookRead:
    tags = tuple(row.client_order_id for row in rows if row.client_order_id is not None and is_ours(row.client_order_id))
    listed = None if forever is None else tuple(dict.fromkeys(row.order_id for row in forever))
    parts = None if linked is None else tuple(dict.fromkeys(part for row in linked for part in parts_of(row)))
    return BookRead(account=account, read_at=read_at, tags=tags, forever=listed, linked=parts)


def _report(row: object) -> OrderReport:
    if not isinstance(row, OrderReport):
        raise TypeError(f"expected an OrderReport, got {type(row).__name__}")
    return row
