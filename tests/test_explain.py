"""Every fact in one sentence, and the story of one order in order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    CheckpointWritten,
    ClockStepped,
    CloseOrdered,
    CopyAdmitted,
    CopyDeclined,
    DayOpened,
    DriftDeclared,
    EngineStarted,
    Entry,
    Fact,
    FundsReported,
    GapDetected,
    LeaderReported,
    MarginReported,
    OpenOrdered,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    PositionsReported,
    QuotesReported,
    ReadFailed,
    Refusal,
    ReportUnreadable,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
    KillSwitchAnswered,
    KillSwitchRead,
    KillSwitchTurned,
    Outcome,
    SettingChanged,
    SlippageMeasured,
    SourceStarted,
    TradingState,
    TradeSettled,
    TradingStateChanged,
)
from dhan_copy.explain import Story, happened, sentence
from dhan_copy.model.account import Funds, Margin, MarginOrder, Quote
from dhan_copy.model.ids import BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.order import OrderStatus, Product, Side
from dhan_copy.model.reason import ReasonCode
from tests.runtime.fakes import FOLLOWER, LEADER, OTHER, START, cancel, modify, report, submit, tag

KEY = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("50001"))
ADMITTED = CopyAdmitted(
    leader=LEADER, leader_order_id=BrokerOrderId("1"), follower=FOLLOWER, live=True, facts=InstrumentFacts(75),
    exit_quantity=75, entry_quantity=150, position_before=-75, ratio=Fraction(1, 2), carry=Fraction(25, 2),
)  # fmt: skip
FILLED = evolve(report("1", status=OrderStatus.TRADED, filled=150), average_price=Decimal("99.5"))
REJECTED = evolve(report("1", status=OrderStatus.REJECTED), reason="RMS:Blocked")
SAID: list[tuple[Fact, str]] = [
    (EngineStarted(version="0.1.0", epoch=2), "release 0.1.0"),
    (DayOpened(day="2026-09-01"), "2026-09-01 began"),
    (SourceStarted(account=LEADER), "L is watched"),
    (LeaderReported(leader=LEADER, report=report("1"), channel=Channel.STREAM), "is PENDING, BUY 150 NIFTY 22500 CE"),
    (LeaderReported(leader=LEADER, report=FILLED, channel=Channel.BOOK), "150 filled at 99.5 (book)"),
    (OrderReported(follower=FOLLOWER, report=REJECTED, channel=Channel.BOOK), "INTRADAY: RMS:Blocked (book)"),
    (ReportUnreadable(account=LEADER, problem="no status"), "could not be understood: no status"),
    (GapDetected(account=LEADER, cause="reset"), "missed: reset"),
    (BookRead(account=FOLLOWER, read_at=START, tags=(tag(),)), "1 orders in it are ours"),
    (OrderNotFound(follower=FOLLOWER, client_order_id=tag(), read_at=START), "showed nothing"),
    (ReadFailed(account=FOLLOWER, what="ReadOrders", problem="502"), "Reading ReadOrders failed: 502"),
    (PositionsReported(account=FOLLOWER, read_at=START, positions=()), "read: 0"),
    (
        MarginReported(
            account=FOLLOWER, read_at=START, margin=Margin(Decimal("7500.50")),
            order=MarginOrder(
                segment=ExchangeSegment.NSE_FNO, security_id=SecurityId("45471"), side=Side.SELL, product=Product.MARGIN,
                quantity=75, price=Decimal(100),
            ),
        ),
        "SELL 75 of NSE_FNO:45471 at 100 was read: 7500.50 rupees",
    ),
    (
        SlippageMeasured(
            leader=LEADER, leader_order_id=BrokerOrderId("1"), follower=FOLLOWER, percent=Fraction(4, 3), allowed=Decimal("0.5")
        ),
        "1.33 % worse than the leader's order; 0.5 %",
    ),
    (
        QuotesReported(account=FOLLOWER, read_at=START, quotes=(Quote(KEY, Decimal("99.5")),)),
        "Last prices were read: NSE_FNO:50001 99.5",
    ),
    (KillSwitchTurned(follower=FOLLOWER, on=True), "asked to turn its kill switch on at F"),
    (KillSwitchAnswered(follower=FOLLOWER, on=True, outcome=Outcome.TAKEN), "turned its kill switch on"),
    (KillSwitchAnswered(follower=FOLLOWER, on=False, outcome=Outcome.REFUSED, problem="no"), "not turned off: no"),
    (KillSwitchAnswered(follower=FOLLOWER, on=True, outcome=Outcome.UNKNOWN, problem="cut"), "turned on: cut"),
    (KillSwitchRead(follower=FOLLOWER, on=False, read_at=START), "it is off"),
    (SettingChanged(account=FOLLOWER, setting="size", given='"1/2"', value='"1/4"'), 'The setting size of F was changed to "1/4"'),
    (SettingChanged(account=None, setting="caps", given="null", value="[]"), "The setting caps of all was changed to []"),
    (FundsReported(account=FOLLOWER, read_at=START, funds=Funds(Decimal(5), Decimal(9))), "5 rupees"),
    (ADMITTED, "75 units close what the leader holds; 150 units open, scaled by 1/2 plus 12.5 carried, lot 75"),
    (evolve(ADMITTED, most_units=300), "lot 75, 300 at the most whatever becomes of the leader's order"),
    (evolve(ADMITTED, live=False, position_before=None), "on paper"),
    (evolve(ADMITTED, reason=ReasonCode.CAPPED, detail="750 cut to 75"), "cut to the largest order that is allowed (750"),
    (evolve(ADMITTED, exit_quantity=0, entry_quantity=0, carry=Fraction(0)), "nothing to do"),
    (
        CopyDeclined(leader=LEADER, leader_order_id=BrokerOrderId("1"), follower=FOLLOWER, reason=ReasonCode.STALE),
        "Not copied: too old",
    ),
    (
        DriftDeclared(
            leader=LEADER, follower=FOLLOWER, key=KEY, product=Product.INTRADAY, quantity=Fraction(-75, 2),
            reason=ReasonCode.MANUAL,
        ),
        "37.5 units less of NSE_FNO:50001",
    ),
    (
        CloseOrdered(
            leader=LEADER, follower=FOLLOWER, order_id=BrokerOrderId("CLOSE-7"), key=KEY, product=Product.INTRADAY, tree=None,
            side=Side.SELL, quantity=75, reason=ReasonCode.FLATTENED,
        ),
        "closes 75 of NSE_FNO:50001 on its own account (SELL, at the market): closed at the user's word.",
    ),
    (
        OpenOrdered(
            leader=LEADER, follower=FOLLOWER, order_id=BrokerOrderId("OPEN-7"), key=KEY, product=Product.INTRADAY,
            side=Side.BUY, quantity=75, uncopied=Fraction(150), scaled=Fraction(75), reason=ReasonCode.HEALED,
        ),
        "enters 75 of NSE_FNO:50001 at the user's word (BUY",
    ),
    (
        TradeSettled(leader=LEADER, leader_order_id=BrokerOrderId("L1"), follower=FOLLOWER),
        "Nothing more is expected of this copy.",
    ),
    (RequestIssued(request=evolve(submit(), note="capped")), "place BUY 75 of NSE_FNO:50001 MARKET as entry (attempt 1) (capped)"),
    (RequestIssued(request=modify()), "change it to a total of 150, LIMIT 101 (attempt 2)"),
    (RequestIssued(request=cancel()), "Decided to cancel it (attempt 3)"),
    (
        RequestAccepted(follower=FOLLOWER, client_order_id=tag(), attempt=1, broker_order_id=BrokerOrderId("B1")),
        "took the request (attempt 1), order B1",
    ),
    (
        RequestRejected(
            follower=FOLLOWER, client_order_id=tag(), attempt=1, refusal=Refusal.FUNDS, code="DH-906",
            text="no money", final=True,
        ),
        "for good: DH-906 no money",
    ),
    (OutcomeUnresolved(follower=FOLLOWER, client_order_id=tag(), attempt=1, problem="cut"), "Nobody knows"),
    (RequestWithheld(follower=FOLLOWER, client_order_id=tag(), attempt=1, problem="halted"), "never left: halted"),
    (TradingStateChanged(follower=None, state=TradingState.HALTED), "every follower was set to HALTED"),
    (AlertRaised(code="X", what="it broke.", known="k", advice="look"), "ALERT X: it broke."),
    (ClockStepped(milliseconds=3_600_500), "set forward by 3600.5 s"),
    (CheckpointWritten(whole=True, state="{}"), "the state was written down"),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "said"), SAID, ids=lambda value: type(value).__name__)
def test_every_fact_is_a_sentence(fact: Fact, said: str) -> None:
    text = sentence(fact)
    assert said in text and text[0].isupper() and "\n" not in text


def test_no_kind_of_fact_is_left_out() -> None:
    assert {type(fact) for fact, _ in SAID} == set(Fact.__args__)


def test_a_story_has_the_rows_about_one_order_with_their_causes() -> None:
    lookup = LeaderReported(leader=LEADER, report=report("1"), channel=Channel.STREAM)
    other = evolve(submit(2), follower=OTHER, client_order_id=tag(2, OTHER))
    facts: list[tuple[Fact, int | None]] = [
        (lookup, None),
        (LeaderReported(leader=LEADER, report=report("2"), channel=Channel.STREAM), None),
        (ADMITTED, 1),
        (RequestIssued(request=submit(1)), 1),
        (RequestIssued(request=other), 2),
        (RequestAccepted(follower=FOLLOWER, client_order_id=tag(1), attempt=1, broker_order_id=BrokerOrderId("B1")), None),
        (RequestAccepted(follower=OTHER, client_order_id=tag(2, OTHER), attempt=1, broker_order_id=BrokerOrderId("C")), None),
        (OrderReported(follower=FOLLOWER, report=report("B1", client_id=tag(1)), channel=Channel.BOOK), None),
        (RequestIssued(request=cancel(1)), 8),
        (OrderReported(follower=FOLLOWER, report=report("X"), channel=Channel.BOOK), None),
    ]
    story = Story("1")
    for n, (fact, cause) in enumerate(facts, 1):
        story.take(Entry(n, START + timedelta(seconds=n), fact, cause))
    rows = story.table().to_dicts()
    assert [row["position"] for row in rows] == [1, 3, 4, 6, 8, 9]
    assert [row["because_of"] for row in rows] == [None, "1 LeaderReported", "1 LeaderReported", None, None, "8 OrderReported"]


def test_what_happened_leaves_the_routine_out() -> None:
    entries = [
        Entry(1, START, BookRead(account=FOLLOWER, read_at=START)),
        Entry(2, START, GapDetected(account=LEADER, cause="x"), cause=99),
    ]
    (row,) = happened(entries).to_dicts()
    assert (row["position"], row["because_of"]) == (2, "99")
