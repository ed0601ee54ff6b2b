"""Reports of a leader's order in any order and number come to the same."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import Channel, LeaderReported
from dhan_copy.core.intake import SETTLED_AFTER, merge, says_nothing_new
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.order import (
    Limit,
    Market,
    OrderReport,
    OrderStatus,
    StopLimit,
    StopMarket,
    Terms,
    Variety,
)
from tests.core.make import START, after, leader_reported, report

STREAM, BOOK = Channel.STREAM, Channel.BOOK
LOT = 75


@st.composite
def lives(draw: st.DrawFn) -> list[OrderReport]:
    """The frames of one order as they were made, a second or more apart; a modification moves the order's own time
    (protocol facts 1.3), and while the exchange decides it the row is in transit."""
    now = report(status=OrderStatus.PENDING, quantity=LOT * draw(st.integers(1, 6)))
    told = [report(status=OrderStatus.TRANSIT, quantity=now.quantity, updated_at=after(-1))] if draw(st.booleans()) else []
    told.append(now)
    seconds = 0
    for step in draw(st.lists(st.sampled_from(["modify", "transit", "fill", "cancel", "again"]), max_size=7)):
        seconds += draw(st.integers(1, 100))
        done, total = now.filled_quantity // LOT, now.quantity // LOT
        if step == "modify":
            terms = Limit(Decimal(100 + seconds)) if draw(st.booleans()) else StopLimit(Decimal(seconds), Decimal(seconds))
            now = evolve(
                now, status=OrderStatus.MODIFIED, terms=terms, quantity=LOT * draw(st.integers(done + 1, done + 6)),
                created_at=after(seconds),
            )  # fmt: skip
        elif step == "fill":
            filled = draw(st.integers(done + 1, total))
            status = OrderStatus.TRADED if filled == total else OrderStatus.PART_TRADED
            now = evolve(now, status=status, filled_quantity=filled * LOT, average_price=Decimal(100 + seconds))
        elif step == "cancel":
            now = evolve(now, status=OrderStatus.CANCELLED)
        elif step == "again":
            now = evolve(now, status=OrderStatus.PART_TRADED if done else OrderStatus.PENDING)
        now = evolve(now, updated_at=after(seconds))
        if step == "transit":
            told.append(evolve(now, status=OrderStatus.TRANSIT, quantity=now.quantity + LOT))
        else:
            told.append(now)
        if now.status.is_terminal:
            break
    return told


def folded(facts: list[LeaderReported], known: LeaderOrder | None = None) -> LeaderOrder:
    for number, fact in enumerate(facts):
        known = merge(known, fact, after(1000 + number))
    assert known is not None
    return known


def truth(life: list[OrderReport]) -> OrderReport:
    """The newest frame in which the exchange has decided; in transit only if there was never any other."""
    decided = [told for told in life if told.status is not OrderStatus.TRANSIT]
    return (decided or life)[-1]


@given(st.data(), lives())
def test_t9_any_order_and_number_of_frames_come_to_the_same(data: st.DataObject, life: list[OrderReport]) -> None:
    again = data.draw(st.lists(st.sampled_from(life), max_size=5))
    mixed = data.draw(st.permutations(life + again))
    channels = data.draw(st.lists(st.sampled_from(Channel), min_size=len(mixed), max_size=len(mixed)))
    order = folded([leader_reported(told, channel) for told, channel in zip(mixed, channels, strict=True)])
    assert order.report == truth(life)
    assert order.confirmed is any(told.status is not OrderStatus.TRANSIT for told in life)
    assert not order.disputed
    assert order.first_seen_at == after(1000)


@given(st.data(), lives())
def test_t8_what_was_told_before_says_nothing_new(data: st.DataObject, life: list[OrderReport]) -> None:
    mixed = data.draw(st.permutations(life))
    order = folded([leader_reported(told) for told in mixed])
    for told in mixed:
        assert says_nothing_new(order, merge(order, leader_reported(told), after(5000)))


@given(st.data(), lives())
def test_filled_quantity_never_shrinks_and_what_is_over_stays_over(data: st.DataObject, life: list[OrderReport]) -> None:
    order: LeaderOrder | None = None
    for told in data.draw(st.permutations(life)):
        before, order = order, merge(order, leader_reported(told), START)
        if before is not None:
            assert order.report.filled_quantity >= before.report.filled_quantity
            assert order.report.status.is_terminal or not before.report.status.is_terminal
            assert order.confirmed or not before.confirmed


IDENTITIES = [
    {"client_order_id": ClientOrderId("dc1-XYZ")},
    {"instrument": report().instrument},
    {"parent_order_id": BrokerOrderId("77"), "variety": Variety.FOREVER},
]
BLANK = report(instrument=None)


@pytest.mark.parametrize("named", IDENTITIES, ids=lambda named: "+".join(named))
@given(lives(), st.data())
def test_who_and_what_an_order_is_may_be_told_by_any_frame(
    named: dict[str, object], life: list[OrderReport], data: st.DataObject
) -> None:
    """A row that leaves out the tag must not turn an order of ours into one to copy."""
    blank = [evolve(told, instrument=None) for told in life]
    at = data.draw(st.integers(0, len(blank) - 1))
    blank[at] = evolve(blank[at], **named)  # type: ignore[arg-type]
    order = folded([leader_reported(told) for told in data.draw(st.permutations(blank))])
    assert {name: getattr(order.report, name) for name in named} == named


REWRITTEN: list[tuple[Terms, Terms]] = [
    (StopLimit(Decimal(99), Decimal(100)), Limit(Decimal(100))),
    (Market(), Limit(Decimal(101))),
    (StopMarket(Decimal(99)), Limit(Decimal(98))),
]
CHANGED: list[tuple[Terms, Terms]] = [
    (StopLimit(Decimal(99), Decimal(100)), Limit(Decimal(101))),
    (StopLimit(Decimal(99), Decimal(100)), StopLimit(Decimal(98), Decimal(100))),
    (Limit(Decimal(100)), Market()),
    (Limit(Decimal(100)), Limit(Decimal(101))),
]


@pytest.mark.parametrize(("asked", "shown"), REWRITTEN)
def test_m10_the_brokers_own_rewriting_is_no_modification(asked: Terms, shown: Terms) -> None:
    """A triggered stop reads LMT at its price, a price-protected MARKET reads LMT (protocol facts 1.7, 1.8)."""
    order = folded([leader_reported(report(terms=asked)), leader_reported(report(terms=shown, updated_at=after(5)))])
    assert order.report.terms == asked
    assert order.report.updated_at == after(5)


@pytest.mark.parametrize(("asked", "shown"), CHANGED)
def test_other_terms_are_a_modification(asked: Terms, shown: Terms) -> None:
    order = folded([leader_reported(report(terms=asked)), leader_reported(report(terms=shown, updated_at=after(5)))])
    assert order.report.terms == shown


@pytest.mark.parametrize(("asked", "shown"), REWRITTEN)
@pytest.mark.parametrize("sign_of_it", [{"status": OrderStatus.MODIFIED}, {"created_at": after(5)}])
def test_a_modification_shows_by_its_status_or_by_the_orders_time(
    asked: Terms, shown: Terms, sign_of_it: dict[str, object]
) -> None:
    changed = report(terms=shown, updated_at=after(5), **sign_of_it)
    assert folded([leader_reported(report(terms=asked)), leader_reported(changed)]).report.terms == shown


def test_no_time_is_no_sign_of_a_modification() -> None:
    shown = report(terms=Limit(Decimal(101)), updated_at=after(5), created_at=None)
    assert folded([leader_reported(report(terms=Market())), leader_reported(shown)]).report.terms == Market()


# Two reports of the same second, from both channels, that disagree

CHEAPER = report(terms=Limit(Decimal(90)))


def test_the_channels_disagree_within_a_second_and_nobody_can_tell() -> None:
    order = folded([leader_reported(report()), leader_reported(CHEAPER, BOOK, read_at=after(1000))])
    assert order.disputed
    assert order.report.terms == report().terms, "what was known first stands until the book is read again"


def test_a_dispute_is_settled_by_a_book_read_well_after_it() -> None:
    disputed = folded([leader_reported(report()), leader_reported(CHEAPER, BOOK, read_at=after(1000))])
    early = leader_reported(CHEAPER, BOOK, read_at=disputed.seen_at + SETTLED_AFTER - timedelta(milliseconds=1))
    late = leader_reported(CHEAPER, BOOK, read_at=disputed.seen_at + SETTLED_AFTER)
    assert merge(disputed, early, START).disputed
    settled = merge(disputed, late, START)
    assert not settled.disputed
    assert settled.report.terms == CHEAPER.terms


@pytest.mark.parametrize("settling", [evolve(CHEAPER, updated_at=after(1)), report(), report(updated_at=after(9))])
def test_a_dispute_is_settled_by_a_newer_report_or_by_agreement(settling: OrderReport) -> None:
    disputed = folded([leader_reported(report()), leader_reported(CHEAPER, BOOK, read_at=after(1000))])
    settled = merge(disputed, leader_reported(settling, BOOK, read_at=after(1001)), START)
    assert not settled.disputed
    assert settled.report.terms == settling.terms


def test_a_dispute_takes_the_larger_fills_and_their_price() -> None:
    filled = evolve(CHEAPER, filled_quantity=75, average_price=Decimal(90))
    order = folded([leader_reported(report()), leader_reported(filled, BOOK)])
    assert order.disputed
    assert (order.report.filled_quantity, order.report.average_price) == (75, Decimal(90))


def test_within_a_second_one_channel_tells_in_order() -> None:
    assert folded([leader_reported(report()), leader_reported(CHEAPER)]).report.terms == CHEAPER.terms
    filled = report(filled_quantity=75, average_price=Decimal(90), status=OrderStatus.PART_TRADED)
    order = folded([leader_reported(filled), leader_reported(CHEAPER)])
    assert order.report == filled, "fewer fills are older"


def test_no_times_at_all() -> None:
    timeless = [report(updated_at=None), report(updated_at=None, filled_quantity=75, average_price=Decimal(90))]
    for mixed in (timeless, timeless[::-1]):
        assert folded([leader_reported(told) for told in mixed]).report.filled_quantity == 75


def test_an_ended_order_takes_only_a_later_end() -> None:
    """Fills may be told after the cancel; an end of the same second or earlier is the same end."""
    cancelled = report(status=OrderStatus.CANCELLED, updated_at=after(5))
    late_fill = report(status=OrderStatus.CANCELLED, updated_at=after(6), filled_quantity=75, average_price=Decimal(90))
    early_fill = report(status=OrderStatus.PART_TRADED, updated_at=after(4), filled_quantity=75, average_price=Decimal(90))
    for second in (late_fill, early_fill):
        order = folded([leader_reported(cancelled), leader_reported(second)])
        assert (order.report.status, order.report.filled_quantity) == (OrderStatus.CANCELLED, 75)


def test_more_filled_than_ordered_is_believed() -> None:
    """A fill of the former quantity, told after the modification to a smaller one."""
    smaller = report(quantity=75, status=OrderStatus.MODIFIED, updated_at=after(5))
    filled = report(
        quantity=150, filled_quantity=150, average_price=Decimal(90), status=OrderStatus.TRADED, updated_at=after(4)
    )
    order = folded([leader_reported(smaller), leader_reported(filled)])
    assert order.report.filled_quantity == 150


@pytest.mark.parametrize(
    "change",
    [
        {"status": OrderStatus.PART_TRADED}, {"terms": Market()}, {"quantity": 75}, {"disclosed_quantity": 75},
        {"client_order_id": ClientOrderId("mine")}, {"parent_order_id": BrokerOrderId("9")},
        {"filled_quantity": 75, "average_price": Decimal(1)}, {},
    ],
    ids=lambda change: "+".join(change) or "a later time",
)  # fmt: skip
def test_what_is_news(change: dict[str, object]) -> None:
    known = folded([leader_reported(report())])
    told = merge(known, leader_reported(report(updated_at=after(5), **change)), START)
    assert not says_nothing_new(known, told)


@pytest.mark.parametrize("change", [{}, {"average_price": Decimal(1)}, {"last_price": Decimal(1)}, {"reason": "CONFIRMED"}])
def test_what_is_no_news(change: dict[str, object]) -> None:
    """A Pending frame may carry an average price although nothing has filled."""
    known = folded([leader_reported(report())])
    assert says_nothing_new(known, merge(known, leader_reported(report(**change)), START))
