"""Facts and orders with everything that a test does not care about already filled in."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from attrs import evolve

from dhan_copy.core.facts import Channel, CopyAdmitted, LeaderReported, OrderReported, Refusal, RequestIssued, RequestRejected
from dhan_copy.core.requests import Cancel, Intent, Modify, Request, Submit
from dhan_copy.core.trade import FollowerOrder, issued
from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId, client_order_id
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Limit, OrderReport, OrderStatus, Product, Side, Terms, Validity
from dhan_copy.model.times import ist

LEADER, FOLLOWER = AccountName("L"), AccountName("F")
ORDER, COPY = BrokerOrderId("L1"), BrokerOrderId("F1")
SEGMENT, SECURITY = ExchangeSegment.NSE_FNO, SecurityId("45471")
KEY = InstrumentKey(SEGMENT, SECURITY)
START = ist(datetime(2026, 11, 20, 10, 0, 0))
TAG = client_order_id(LEADER, ORDER, FOLLOWER, "E", 0, 0)
FACTS = InstrumentFacts(75, Decimal("0.05"))

REPORT = OrderReport(
    account=AccountName("1000000001"), order_id=ORDER, segment=SEGMENT, security_id=SECURITY, side=Side.BUY,
    product=Product.INTRADAY, validity=Validity.DAY, terms=Limit(Decimal("100.00")), quantity=150,
    status=OrderStatus.PENDING, instrument=FACTS, created_at=START, updated_at=START,
)  # fmt: skip


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def report(**changes: object) -> OrderReport:
    return evolve(REPORT, **changes)  # type: ignore[arg-type]


def leader_reported(told: OrderReport, channel: Channel = Channel.STREAM, *, read_at: datetime | None = None) -> LeaderReported:
    return LeaderReported(leader=LEADER, report=told, channel=channel, read_at=read_at)


def order_reported(told: OrderReport, channel: Channel = Channel.STREAM, *, read_at: datetime | None = None) -> OrderReported:
    told = evolve(told, order_id=COPY, client_order_id=TAG, account=FOLLOWER)
    return OrderReported(follower=FOLLOWER, report=told, channel=channel, read_at=read_at)


def submit(quantity: int = 75, intent: Intent = Intent.ENTRY, terms: Terms = REPORT.terms, **changes: object) -> Submit:
    request = Submit(
        follower=FOLLOWER, client_order_id=TAG, attempt=1, leader=LEADER, leader_order_id=ORDER, intent=intent,
        segment=SEGMENT, security_id=SECURITY, side=Side.BUY, product=Product.INTRADAY, validity=Validity.DAY,
        terms=terms, quantity=quantity,
    )  # fmt: skip
    return evolve(request, **changes)  # type: ignore[arg-type]


def modify(attempt: int, quantity: int = 150, terms: Terms = REPORT.terms) -> Modify:
    return Modify(
        follower=FOLLOWER, client_order_id=TAG, attempt=attempt, broker_order_id=COPY, intent=Intent.ENTRY,
        validity=Validity.DAY, terms=terms, quantity=quantity,
    )  # fmt: skip


def cancel(attempt: int) -> Cancel:
    return Cancel(follower=FOLLOWER, client_order_id=TAG, attempt=attempt, broker_order_id=COPY)


def ask(order: FollowerOrder | None, request: Request, at: datetime = START) -> FollowerOrder:
    return issued(order, RequestIssued(request=request), at, 0, 0)


def no(request: Request, refusal: Refusal = Refusal.OTHER, *, final: bool = True) -> RequestRejected:
    return RequestRejected(
        follower=FOLLOWER, client_order_id=TAG, attempt=request.attempt, refusal=refusal, code="DH-906", text="no", final=final
    )


def admitted(**changes: object) -> CopyAdmitted:
    fact = CopyAdmitted(
        leader=LEADER, leader_order_id=ORDER, follower=FOLLOWER, live=True, facts=FACTS, exit_quantity=0,
        entry_quantity=150, position_before=0, ratio=Fraction(1, 2), carry=Fraction(0),
    )  # fmt: skip
    return evolve(fact, **changes)  # type: ignore[arg-type]
