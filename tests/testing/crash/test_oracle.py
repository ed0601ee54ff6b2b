"""The oracle finds each thing that can be wrong, in books and journals made by hand."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from dhan_copy.core.facts import (
    AlertRaised,
    CopyAdmitted,
    CopyDeclined,
    Entry,
    Fact,
    RequestAccepted,
    RequestIssued,
)
from dhan_copy.core.requests import Cancel, Intent, Submit
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Market, Product, Side, Validity
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.times import ist
from dhan_copy.testing.clock import VirtualClock
from dhan_copy.testing.crash.day import FACTS, LEADER, OPTION, RATIOS, SHARE, copied_units
from dhan_copy.testing.crash.oracle import Truth, Verdict, judge
from dhan_copy.testing.exchange import SimulatedExchange
from dhan_copy.testing.orders import Instrument, NewOrder, SimulatedOrder

MORNING = ist(datetime(2026, 9, 21, 10, 0))
FIRST, SECOND = RATIOS


class Made:
    """The books and the journal of a day."""

    def __init__(self) -> None:
        self.clock = VirtualClock(MORNING)
        self.exchange = SimulatedExchange(self.clock, accounts=(LEADER, FIRST, SECOND))
        for key, facts in FACTS.items():
            self.exchange.add_instrument(Instrument(key=key, facts=facts))
            self.exchange.set_price(key, Decimal(100))
        self.journal: list[Entry] = []

    def note(self, fact: Fact) -> None:
        self.journal.append(Entry(len(self.journal) + 1, self.clock.now(), fact))

    def lead(self, key: InstrumentKey, side: Side, units: int) -> SimulatedOrder:
        order = self.exchange.place(LEADER, NewOrder(key=key, side=side, quantity=units))
        for follower in RATIOS:
            self.note(
                CopyDeclined(
                    leader=AccountName(LEADER),
                    leader_order_id=order.order_id,
                    follower=AccountName(follower),
                    reason=ReasonCode.STALE,
                )  # fmt: skip
            )
        return order

    def intend(self, follower: str, order: SimulatedOrder, tag: str) -> Submit:
        request = Submit(
            follower=AccountName(follower), client_order_id=ClientOrderId(tag), attempt=1, leader=AccountName(LEADER),
            leader_order_id=order.order_id, intent=Intent.ENTRY, segment=order.key.segment,
            security_id=order.key.security_id, side=order.side, product=Product.INTRADAY, validity=Validity.DAY,
            terms=Market(), quantity=copied_units(order.key, order.quantity, follower),
        )  # fmt: skip
        self.note(RequestIssued(request=request))
        return request

    def place(self, follower: str, order: SimulatedOrder, tag: str, units: int | None = None) -> SimulatedOrder:
        self.clock.advance(1)
        quantity = copied_units(order.key, order.quantity, follower) if units is None else units
        new = NewOrder(key=order.key, side=order.side, quantity=quantity, tag=ClientOrderId(tag), source="P")
        return self.exchange.place(follower, new)

    def copy(self, follower: str, order: SimulatedOrder, tag: str, units: int | None = None) -> SimulatedOrder:
        self.intend(follower, order, tag)
        placed = self.place(follower, order, tag, units)
        self.answer(follower, tag)
        return placed

    def answer(self, follower: str, tag: str) -> None:
        self.note(
            RequestAccepted(
                follower=AccountName(follower),
                client_order_id=ClientOrderId(tag),
                attempt=1,
                broker_order_id=BrokerOrderId("1"),
            )  # fmt: skip
        )

    def alarm(self, follower: str, tag: str) -> None:
        self.note(
            AlertRaised(
                code="UNRESOLVED",
                what="",
                known="",
                advice="",
                account=AccountName(follower),
                client_order_id=ClientOrderId(tag),
            )  # fmt: skip
        )

    def verdict(self, *, uninterrupted: bool = False, refused: int = 0) -> Verdict:
        books = {name: self.exchange.orders(name) for name in self.exchange.accounts}
        truth = Truth(books, self.exchange.requests, {FIRST: refused, SECOND: 0})
        return judge(truth, self.journal, uninterrupted=uninterrupted)


@pytest.fixture
def made() -> Made:
    return Made()


def test_a_day_that_was_copied_is_in_order(made: Made) -> None:
    for key, side, units in ((OPTION, Side.BUY, 300), (OPTION, Side.SELL, 150), (SHARE, Side.BUY, 21)):
        order = made.lead(key, side, units)
        for follower in RATIOS:
            made.copy(follower, order, f"{follower}-{order.order_id}")
    assert made.verdict(uninterrupted=True, refused=0) == Verdict()


def test_what_is_missing_is_lost_without_an_alarm_and_parked_with_one(made: Made) -> None:
    order = made.lead(OPTION, Side.BUY, 300)
    made.copy(FIRST, order, "a")
    assert made.verdict().lost == 1
    made.intend(SECOND, order, "b")
    assert made.verdict().lost == 1
    made.alarm(SECOND, "b")
    assert made.verdict() == Verdict(parked=1)
    assert made.verdict(uninterrupted=True).violations


def test_an_alarm_for_another_order_does_not_count(made: Made) -> None:
    order, other = made.lead(OPTION, Side.BUY, 300), made.lead(SHARE, Side.BUY, 21)
    for each in (order, other):
        made.copy(FIRST, each, f"a{each.order_id}")
    made.copy(SECOND, other, "b")
    made.alarm(SECOND, "b")
    assert made.verdict().lost == 1


def test_an_exit_of_nothing_is_not_missed(made: Made) -> None:
    entry, leaving = made.lead(OPTION, Side.BUY, 300), made.lead(OPTION, Side.SELL, 300)
    for order in (entry, leaving):
        made.copy(FIRST, order, f"a{order.order_id}")
    made.intend(SECOND, entry, "b")
    made.alarm(SECOND, "b")
    assert made.verdict() == Verdict(parked=1)


def test_two_copies_of_one_order_are_a_duplicate(made: Made) -> None:
    order = made.lead(OPTION, Side.BUY, 300)
    for follower in RATIOS:
        made.copy(follower, order, follower)
    made.copy(FIRST, order, "again")
    verdict = made.verdict()
    assert verdict.duplicates == 1
    assert "2 copies" in verdict.violations[0]


def test_one_id_twice_at_the_broker_is_a_duplicate(made: Made) -> None:
    order = made.lead(OPTION, Side.BUY, 300)
    for follower in RATIOS:
        made.copy(follower, order, follower)
    made.intend(FIRST, order, FIRST)
    made.place(FIRST, order, FIRST)
    assert any("2 times" in violation for violation in made.verdict().violations)


def test_a_request_without_an_earlier_row_is_found(made: Made) -> None:
    order = made.lead(OPTION, Side.BUY, 300)
    made.copy(FIRST, order, "a")
    made.place(SECOND, order, "b")
    made.clock.advance(1)
    made.intend(SECOND, order, "b")
    made.answer(SECOND, "b")
    (violation,) = made.verdict().violations
    assert "no earlier row" in violation


def test_too_much_and_the_wrong_size_are_found(made: Made) -> None:
    order = made.lead(OPTION, Side.BUY, 300)
    made.copy(FIRST, order, "a")
    made.copy(SECOND, order, "b", units=300)
    verdict = made.verdict()
    assert verdict.duplicates == 1
    assert len(verdict.violations) == 2


def test_a_copy_that_outlives_the_leaders_order_is_found(made: Made) -> None:
    made.exchange.set_price(OPTION, Decimal(100), available=0)
    order = made.lead(OPTION, Side.BUY, 300)
    for follower in RATIOS:
        made.copy(follower, order, follower)
    made.exchange.cancel(LEADER, order.order_id)
    made.note(RequestIssued(request=_cancel(FIRST)))
    made.alarm(FIRST, FIRST)
    made.clock.advance(1)
    made.exchange.cancel(FIRST, made.exchange.orders(FIRST)[0].order_id)
    (violation,) = made.verdict().violations
    assert violation.startswith(SECOND) and "still live" in violation


def _cancel(follower: str) -> Cancel:
    return Cancel(
        follower=AccountName(follower), client_order_id=ClientOrderId(follower), attempt=2,
        broker_order_id=BrokerOrderId("1"),
    )  # fmt: skip


def test_a_request_without_answer_or_alarm_is_found(made: Made) -> None:
    order = made.lead(OPTION, Side.BUY, 300)
    made.copy(FIRST, order, "a")
    made.intend(SECOND, order, "b")
    made.place(SECOND, order, "b")
    (violation,) = made.verdict().violations
    assert "neither answer nor alarm" in violation


def test_an_order_without_a_decision_is_found(made: Made) -> None:
    order = made.lead(OPTION, Side.BUY, 300)
    for follower in RATIOS:
        made.copy(follower, order, follower)
    made.journal = [
        entry for entry in made.journal if not (isinstance(entry.fact, CopyDeclined) and entry.fact.follower == FIRST)
    ]
    assert made.verdict().lost == 1
    made.note(
        CopyAdmitted(
            leader=AccountName(LEADER),
            leader_order_id=order.order_id,
            follower=AccountName(FIRST),
            live=True,
            facts=FACTS[OPTION],
            exit_quantity=0,
            entry_quantity=300,
            position_before=0,
            ratio=Fraction(1),
            carry=Fraction(0),
        )  # fmt: skip
    )
    assert made.verdict() == Verdict()


def test_requests_beyond_the_limits_are_found(made: Made) -> None:
    assert "beyond the rate limits" in made.verdict(refused=1).violations[0]
