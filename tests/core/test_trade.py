"""A follower's order: what is asked, what is answered, and what the broker says of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    BookRead,
    Channel,
    OrderNotFound,
    OrderReported,
    Refusal,
    RequestWithheld,
)
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Cancel, Intent, Modify, Request, Submit
from dhan_copy.core.trade import (
    CANCEL_GRACE,
    CopyTrade,
    FollowerOrder,
    Instruction,
    accepted,
    missed,
    rejected,
    repeats,
    reported,
    request_of,
    unresolved,
    withheld,
)
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, Product, StopLimit, Validity
from dhan_copy.model.reason import ReasonCode
from tests.core.make import (
    COPY,
    FOLLOWER,
    LEADER,
    ORDER,
    START,
    TAG,
    admitted,
    after,
    ask,
    cancel,
    modify,
    no,
    order_reported,
    report,
    submit,
)

STREAM, BOOK = Channel.STREAM, Channel.BOOK
LOT = 75
STAKE = (LEADER, FOLLOWER, InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("45471")), Product.INTRADAY)


def held_back(request: Request) -> RequestWithheld:
    return RequestWithheld(follower=FOLLOWER, client_order_id=TAG, attempt=request.attempt, problem="halted")


def working(quantity: int = 150) -> FollowerOrder:
    request = submit(quantity)
    return accepted(ask(None, request), request, COPY, START)


def shown(order_status: OrderStatus = OrderStatus.PENDING, quantity: int = 150, **changes: object) -> OrderReport:
    return report(status=order_status, quantity=quantity, **changes)


# Any history: the order is asked about, answered and reported in whatever way

requests_made = st.sampled_from(["modify", "cancel"])
answers = st.sampled_from(["accept", "reject", "reject finally", "lose", "hold back"])
statuses = st.sampled_from(OrderStatus)


@st.composite
def reports(draw: st.DrawFn) -> OrderReported:
    quantity = LOT * draw(st.integers(1, 4))
    filled = LOT * draw(st.integers(0, quantity // LOT))
    told = shown(
        draw(statuses), quantity, filled_quantity=filled, average_price=Decimal(100) if filled else None,
        terms=draw(st.sampled_from([Limit(Decimal(100)), Limit(Decimal(90)), Market()])), updated_at=after(draw(st.integers(0, 60))),
    )  # fmt: skip
    channel = draw(st.sampled_from(Channel))
    return order_reported(told, channel, read_at=after(draw(st.integers(0, 200))) if channel is BOOK else None)


@st.composite
def histories(draw: st.DrawFn) -> FollowerOrder:
    order = ask(None, submit(LOT * draw(st.integers(1, 4))))
    for seconds in range(draw(st.integers(0, 8))):
        at = after(10 * seconds)
        step = draw(st.sampled_from(["answer", "answer", "report", "ask", "miss"]))
        if step == "answer" and order.outstanding is not None:
            order = answered(order, order.outstanding, draw(answers), at)
        elif step == "report":
            order = reported(order, draw(reports()), at)
        elif step == "miss":
            order = missed(order, OrderNotFound(follower=FOLLOWER, client_order_id=TAG, read_at=at), START)
        elif step == "ask" and not order.is_busy and order.broker_order_id and not order.state.is_over:
            attempt = order.attempts + 1
            changed = modify(attempt, order.filled_quantity + LOT * draw(st.integers(1, 4)))
            order = ask(order, changed if draw(requests_made) == "modify" else cancel(attempt), at)
    return order


def answered(order: FollowerOrder, request: Request, how: str, at: datetime) -> FollowerOrder:
    if how == "accept":
        return accepted(order, request, COPY, at)
    if how == "lose":
        return unresolved(order, request, at)
    if how == "hold back":
        return withheld(order, request, held_back(request), at, at)
    return rejected(order, request, no(request, final=how == "reject finally"), at, at + timedelta(seconds=1))


@given(histories(), reports())
def test_t8_the_same_report_twice_changes_nothing(order: FollowerOrder, told: OrderReported) -> None:
    once = reported(order, told, after(300))
    assert reported(once, told, after(400)) == once


@given(histories(), reports(), reports())
def test_what_only_repeats_an_end_changes_nothing(order: FollowerOrder, told: OrderReported, again: OrderReported) -> None:
    once = reported(order, told, after(300))
    for row in (told, again):
        if repeats(once, row.report):
            after_it = reported(once, row, after(400))
            assert evolve(after_it, cancel_accepted_at=None) == evolve(once, cancel_accepted_at=None)


def test_the_end_of_an_order_told_again_is_a_repetition() -> None:
    order = working()
    done = shown(OrderStatus.TRADED, filled_quantity=150, order_id=COPY)
    assert not repeats(order, done)
    order = reported(order, order_reported(done), after(1))
    assert repeats(order, done)
    assert not repeats(order, shown(OrderStatus.TRADED, quantity=225, filled_quantity=225, order_id=COPY))


@given(histories(), reports())
def test_a_report_never_takes_a_fill_back(order: FollowerOrder, told: OrderReported) -> None:
    once = reported(order, told, after(300))
    assert once.filled_quantity == max(order.filled_quantity, told.report.filled_quantity)
    assert once.leaves_quantity >= 0


@given(histories(), reports())
def test_an_order_that_is_over_waits_for_nothing(order: FollowerOrder, told: OrderReported) -> None:
    once = reported(order, told, after(300))
    if once.state.is_over:
        assert not once.is_busy
        assert once.leaves_quantity == 0
        assert once.over_at is not None
    else:
        assert once.over_at is None


@given(histories(), answers)
def test_an_answer_is_folded_once(order: FollowerOrder, how: str) -> None:
    request = order.outstanding
    if request is None:
        return
    once = answered(order, request, how, after(300))
    assert once.outstanding is None
    if how != "lose":
        assert request_of(once, request.attempt) is None, "a second answer finds nothing that it could change"
    assert once.is_busy is (how == "lose")


ENDS = {"TRADED": "FILLED"}


@st.composite
def lives(draw: st.DrawFn) -> list[OrderReport]:
    """What a broker says of a working order: fills in parts, then perhaps an end."""
    filled = sorted(draw(st.sets(st.integers(1, 4), max_size=4)))
    told = [shown(quantity=4 * LOT)]
    for number, done in enumerate(filled):
        told.append(
            shown(
                OrderStatus.TRADED if done == 4 else OrderStatus.PART_TRADED,
                4 * LOT,
                filled_quantity=done * LOT,
                average_price=Decimal(100 + done),
                updated_at=after(number // 2),
            )  # fmt: skip
        )
    end = draw(st.sampled_from([None, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED]))
    if end is not None and told[-1].status is not OrderStatus.TRADED:
        told.append(evolve(told[-1], status=end, updated_at=after(9)))
    return told


@given(st.data(), lives())
def test_f23_reports_in_any_order_come_to_the_same(data: st.DataObject, life: list[OrderReport]) -> None:
    request = submit(4 * LOT)
    order = data.draw(st.sampled_from([ask(None, request), working(4 * LOT), unresolved(ask(None, request), request, START)]))
    for told in data.draw(st.permutations(life)):
        order = reported(order, order_reported(told), after(60))
    end = life[-1].status
    assert order.state is (OrderState[ENDS.get(end.value, end.value)] if end.is_terminal else OrderState.WORKING)
    assert order.filled_quantity == life[-1].filled_quantity
    assert order.average_price == life[-1].average_price
    assert order.broker_order_id == COPY
    assert not order.is_busy


# Placement


def test_a_placement_counts_at_what_was_asked_until_it_is_answered() -> None:
    order = ask(None, submit(150))
    assert (order.state, order.leaves_quantity, order.is_busy) == (OrderState.ISSUED, 150, True)
    order = reported(working(), order_reported(shown(filled_quantity=75)), START)
    assert (order.leaves_quantity, order.is_busy) == (75, False)


def test_c4_what_the_book_shows_was_taken_whatever_became_of_the_answer() -> None:
    request = submit(150)
    for before in (ask(None, request), unresolved(ask(None, request), request, START)):
        order = reported(before, order_reported(shown()), START)
        assert (order.state, order.is_busy, order.broker_order_id) == (OrderState.WORKING, False, COPY)
        assert order.accepted == Instruction(request.terms, request.validity, 150)


def test_p1_a_market_order_that_reads_limit_is_compared_as_it_was_asked() -> None:
    """Price protection rewrites it in the book (protocol facts 1.8)."""
    order = reported(ask(None, submit(150, terms=Market())), order_reported(shown(terms=Limit(Decimal(101)))), START)
    assert order.accepted is not None
    assert order.accepted.terms == Market()


def test_r1_a_refused_placement_is_over_and_says_whether_it_may_be_sent_again() -> None:
    request = submit()
    passing = rejected(ask(None, request), request, no(request, final=False), START, after(1))
    final = rejected(ask(None, request), request, no(request), START, after(1))
    assert (passing.state, passing.refused_for_now) == (OrderState.REJECTED, True)
    assert (final.state, final.refused_for_now) == (OrderState.REJECTED, False)
    assert (final.code, final.text, final.over_at) == ("DH-906", "no", START)


def test_a_refused_placement_that_shows_in_the_book_is_a_real_order() -> None:
    """Late evidence wins, but an order that was seen rejected is not revived by an older frame."""
    request = submit()
    refused = rejected(ask(None, request), request, no(request), START, after(1))
    assert reported(refused, order_reported(shown()), after(5)).state is OrderState.WORKING
    seen = reported(working(), order_reported(shown(OrderStatus.REJECTED)), START)
    assert reported(seen, order_reported(shown()), after(5)) == seen


def test_t13_a_withheld_placement_never_left() -> None:
    request = submit()
    order = withheld(ask(None, request), request, held_back(request), START, after(1))
    assert (order.state, order.text, order.leaves_quantity) == (OrderState.WITHHELD, "halted", 0)


def test_r3_an_answer_after_all_settles_a_lost_placement() -> None:
    request = submit()
    lost = unresolved(ask(None, request), request, START)
    assert (lost.state, lost.is_busy, lost.unresolved_at) == (OrderState.UNRESOLVED, True, START)
    found = request_of(lost, 1)
    assert found == request
    assert (accepted(lost, request, COPY, START).state, accepted(lost, request, COPY, START).is_busy) == (
        OrderState.WORKING,
        False,
    )


# Status and quantity are not updated atomically (protocol facts 1.4)


def test_traded_with_less_than_its_quantity_is_not_yet_over() -> None:
    early = reported(working(), order_reported(shown(OrderStatus.TRADED, filled_quantity=75)), START)
    assert (early.state, early.leaves_quantity) == (OrderState.WORKING, 75)
    assert reported(early, order_reported(shown(OrderStatus.TRADED, filled_quantity=150)), START).state is OrderState.FILLED


def test_an_average_price_without_fills_is_none() -> None:
    order = reported(working(), order_reported(shown(average_price=Decimal(100))), START)
    assert (order.filled_quantity, order.average_price, order.filled_at) == (0, None, None)


def test_the_time_of_a_fill_is_the_brokers_and_ours_where_he_gives_none() -> None:
    told = shown(OrderStatus.PART_TRADED, filled_quantity=75, average_price=Decimal(100), updated_at=after(3))
    assert reported(working(), order_reported(told), after(9)).filled_at == after(3)
    assert reported(working(), order_reported(evolve(told, updated_at=None)), after(9)).filled_at == after(9)


# Modify and cancel


def test_the_want_is_compared_with_what_was_last_accepted() -> None:
    request = modify(2, 300, Limit(Decimal(90)))
    asked = ask(working(), request)
    assert asked.accepted == Instruction(Limit(Decimal(100)), Validity.DAY, 150)
    assert (asked.modifications, asked.attempts) == (1, 2)
    taken = accepted(asked, request, None, START)
    assert (taken.accepted, taken.broker_order_id) == (Instruction(Limit(Decimal(90)), Validity.DAY, 300), COPY)


def test_a_modification_that_never_left_does_not_count() -> None:
    request = modify(2)
    order = withheld(ask(working(), request), request, held_back(request), START, after(1))
    assert (order.modifications, order.state, order.is_busy) == (0, OrderState.WORKING, False)


def test_m8_an_order_that_has_changed_is_looked_at_and_the_modification_not_held_against_it() -> None:
    request = modify(2)
    order = rejected(ask(working(), request), request, no(request, Refusal.ORDER_STATE), START, after(1))
    assert (order.needs_look, order.refused) == (True, None)
    assert reported(order, order_reported(shown()), START).needs_look, "the stream may be behind"
    assert not reported(order, order_reported(shown(), BOOK, read_at=after(2)), START).needs_look


def test_a_modification_refused_for_good_is_remembered() -> None:
    request = modify(2)
    order = rejected(ask(working(), request), request, no(request), START, after(1))
    assert order.refused == Instruction(request.terms, request.validity, request.quantity)
    passing = rejected(ask(working(), request), request, no(request, final=False), START, after(1))
    assert passing.refused is None


def test_r7_a_cancel_refused_for_good_means_looking_first() -> None:
    request = cancel(2)
    assert rejected(ask(working(), request), request, no(request), START, after(1)).needs_look
    assert not rejected(ask(working(), request), request, no(request, final=False), START, after(1)).needs_look


def test_a_cancel_is_remembered_once_it_has_left() -> None:
    request = cancel(2)
    asked = ask(working(), request)
    assert asked.cancel_sent
    assert not withheld(asked, request, held_back(request), START, after(1)).cancel_sent
    assert accepted(asked, request, None, after(3)).cancel_accepted_at == after(3)


def test_c8_an_accepted_cancel_is_asked_again_only_after_a_later_look_shows_the_order_open() -> None:
    request = cancel(2)
    order = accepted(ask(working(), request), request, None, START)
    early = order_reported(shown(), BOOK, read_at=START + CANCEL_GRACE)
    late = order_reported(shown(), BOOK, read_at=START + CANCEL_GRACE + timedelta(seconds=1))
    for told in (order_reported(shown()), early):
        assert reported(order, told, after(60)).cancel_accepted_at == START
    assert reported(order, late, after(60)).cancel_accepted_at is None


@pytest.mark.parametrize(
    ("told", "settles", "took_effect"),
    [
        (order_reported(shown(quantity=300), STREAM), True, True),
        (order_reported(shown(quantity=300), BOOK, read_at=after(1)), True, True),
        (order_reported(shown(), STREAM), False, False),
        (order_reported(shown(), BOOK, read_at=after(1)), False, False),
        (order_reported(shown(), BOOK, read_at=after(6)), True, False),
        (order_reported(shown(quantity=300, terms=Limit(Decimal(90))), STREAM), False, False),
    ],
)
def test_a_lost_modification_is_settled_by_its_effect_or_by_a_read_begun_later(
    told: OrderReported, settles: bool, took_effect: bool
) -> None:
    request = modify(2, 300)
    lost = unresolved(ask(working(), request), request, after(5))
    order = reported(lost, told, after(9))
    assert (order.unresolved is None) is settles
    assert order.accepted is not None
    assert order.accepted.quantity == (300 if took_effect else 150)


def test_f32_a_modification_that_arrives_after_its_successor_is_what_holds() -> None:
    first, second = modify(2, 300), modify(3, 450)
    order = unresolved(ask(working(), first), first, after(5))
    order = reported(order, order_reported(shown(), BOOK, read_at=after(6)), after(7))
    order = accepted(ask(order, second), second, None, after(8))
    assert order.accepted is not None and order.accepted.quantity == 450
    same = reported(order, order_reported(shown(quantity=450), BOOK, read_at=after(9)), after(9))
    assert same.accepted is not None and same.accepted.quantity == 450
    late = reported(same, order_reported(shown(quantity=300), BOOK, read_at=after(10)), after(10))
    assert late.accepted is not None and late.accepted.quantity == 300
    asked_again = accepted(ask(late, modify(4, 450)), modify(4, 450), None, after(11))
    lagging = reported(asked_again, order_reported(shown(quantity=300), BOOK, read_at=after(11)), after(12))
    assert lagging.accepted is not None and lagging.accepted.quantity == 450, "known to have arrived: an older row"


def test_a_lost_cancel_is_settled_by_a_read_begun_later_and_may_be_repeated() -> None:
    request = cancel(2)
    lost = unresolved(ask(working(), request), request, after(5))
    assert lost.state is OrderState.WORKING
    assert reported(lost, order_reported(shown()), after(9)).is_busy
    still_open = reported(lost, order_reported(shown(), BOOK, read_at=after(6)), after(9))
    assert (still_open.is_busy, still_open.cancel_accepted_at) == (False, None)
    gone = reported(lost, order_reported(shown(OrderStatus.CANCELLED)), after(9))
    assert (gone.state, gone.is_busy, gone.was_cancelled_by_hand) == (OrderState.CANCELLED, False, False)


def test_f30_f32_a_lost_cancel_that_came_to_nothing_binds_the_order_no_longer_and_stays_ours_however_late_it_arrives() -> None:
    lost = unresolved(ask(working(), cancel(2)), cancel(2), after(5))
    assert lost.cancel_sent
    open_still = order_reported(shown(), BOOK, read_at=after(6))
    order = reported(lost, open_still, after(9))
    assert not order.cancel_sent, "it may be changed again"
    gone = order_reported(shown(OrderStatus.CANCELLED), BOOK, read_at=after(60))
    changed = accepted(ask(order, modify(3, 75)), modify(3, 75), None, after(10))
    for before in (order, changed):
        late = reported(before, gone, after(60))
        assert late.was_cancelled_by_us and not late.was_cancelled_by_hand, "the lost cancel has arrived after all"


def test_c8_a_cancel_that_was_taken_and_outlived_binds_the_order_no_longer() -> None:
    order = accepted(ask(working(), cancel(2)), cancel(2), None, START)
    soon, later = (order_reported(shown(), BOOK, read_at=after(seconds)) for seconds in (5, 6))
    assert reported(order, soon, after(9)).cancel_sent
    assert not reported(order, later, after(9)).cancel_sent


def test_an_answer_to_an_earlier_attempt_changes_nothing_under_way() -> None:
    order = ask(working(), modify(2))
    assert request_of(order, 1) is None
    assert request_of(order, 2) == modify(2)
    assert accepted(order, submit(150), COPY, START).outstanding == modify(2)


# Absence


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200)), max_size=12, unique_by=lambda read: read[1]))
def test_absence_takes_two_reads_of_each_source_begun_after_the_window(reads: list[tuple[bool, int]]) -> None:
    request = submit()
    order = unresolved(ask(None, request), request, START)
    by_tag = in_book = 0
    for is_lookup, seconds in reads:
        absent = by_tag >= 2 and in_book >= 2
        assert order.state is (OrderState.ABSENT if absent else OrderState.UNRESOLVED)
        order = missed(order, looked(is_lookup, after(seconds)), after(90))
        if seconds >= 90:
            by_tag, in_book = by_tag + is_lookup, in_book + (not is_lookup)
    if by_tag >= 2 and in_book >= 2:
        assert (order.state, order.is_busy) == (OrderState.ABSENT, False)
        assert order.over_at is not None


def looked(is_lookup: bool, at: datetime) -> OrderNotFound | BookRead:
    if is_lookup:
        return OrderNotFound(follower=FOLLOWER, client_order_id=TAG, read_at=at)
    return BookRead(account=FOLLOWER, read_at=at)


def test_one_read_told_twice_counts_once() -> None:
    request = submit()
    order = unresolved(ask(None, request), request, START)
    for _ in range(9):
        for is_lookup in (True, False):
            order = missed(order, looked(is_lookup, after(100)), after(90))
    assert order.state is OrderState.UNRESOLVED


def test_losing_the_outcome_again_begins_the_count_anew() -> None:
    request = submit()
    order = unresolved(ask(None, request), request, START)
    for number, is_lookup in enumerate([True, True, False]):
        order = missed(order, looked(is_lookup, after(100 + number)), after(90))
    order = unresolved(order, request, after(200))
    assert missed(order, looked(False, after(300)), after(290)).state is OrderState.UNRESOLVED


# By hand


@pytest.mark.parametrize(
    ("request_made", "validity", "by_hand"),
    [(None, Validity.DAY, True), (cancel(2), Validity.DAY, False), (None, Validity.IOC, False)],
)
def test_c7_a_cancel_that_nobody_asked_for_is_a_humans(request_made: Cancel | None, validity: Validity, by_hand: bool) -> None:
    request = submit(150, validity=validity)
    order = accepted(ask(None, request), request, COPY, START)
    if request_made is not None:
        order = ask(order, request_made)
    assert reported(order, order_reported(shown(OrderStatus.CANCELLED)), START).was_cancelled_by_hand is by_hand


def test_c8_a_cancel_that_was_taken_is_no_humans_though_a_lagging_book_had_it_sent_again_and_refused() -> None:
    first = accepted(ask(working(), cancel(2)), cancel(2), None, START)
    lagging = reported(first, order_reported(shown(), BOOK, read_at=after(30)), after(30))
    again = rejected(ask(lagging, cancel(3)), cancel(3), no(cancel(3)), after(31), after(33))
    wanted = rejected(ask(again, modify(4)), modify(4), no(modify(4)), after(40), after(42))
    for order in (again, wanted):
        gone = reported(order, order_reported(shown(OrderStatus.CANCELLED), BOOK, read_at=after(60)), after(60))
        assert (gone.state, gone.was_cancelled_by_hand, gone.was_cancelled_by_us) == (OrderState.CANCELLED, False, True)
    outlived = accepted(ask(again, modify(4)), modify(4), None, after(40))
    taken = reported(outlived, order_reported(shown(OrderStatus.CANCELLED), BOOK, read_at=after(60)), after(60))
    assert taken.was_cancelled_by_hand, "the order was changed after that cancel, which had come to nothing"


# A trade


def test_a_trade_tells_entries_and_exits_apart() -> None:
    entry = reported(working(), order_reported(shown(OrderStatus.PART_TRADED, filled_quantity=75)), START)
    closing = submit(75, Intent.EXIT, client_order_id=TAG[:-1] + "1")
    exit_order = ask(None, closing)
    trade = CopyTrade(key=(LEADER, ORDER, FOLLOWER), stake_key=STAKE, orders=(entry,)).with_order(exit_order)
    assert (trade.filled(Intent.ENTRY), trade.leaves(Intent.ENTRY)) == (75, 75)
    assert (trade.filled(Intent.EXIT), trade.leaves(Intent.EXIT)) == (0, 75)
    assert (trade.live(Intent.ENTRY), trade.last(Intent.EXIT)) == (entry, exit_order)
    over = reported(entry, order_reported(shown(OrderStatus.CANCELLED)), START)
    trade = trade.with_order(over)
    assert len(trade.orders) == 2
    assert (trade.live(Intent.ENTRY), trade.last(Intent.ENTRY)) == (None, over)
    assert CopyTrade(key=trade.key, stake_key=STAKE).last(Intent.EXIT) is None


def test_the_one_decision_is_the_last_no() -> None:
    trade = CopyTrade(key=(LEADER, ORDER, FOLLOWER), stake_key=STAKE)
    assert trade.decision is None
    assert evolve(trade, admitted=admitted()).decision is ReasonCode.COPIED


def test_terms_are_every_field_that_dhan_wants() -> None:
    request: Submit | Modify = modify(2, 300, StopLimit(Decimal(99), Decimal(100)))
    taken = accepted(ask(working(), request), request, None, START)
    assert taken.accepted == Instruction(StopLimit(Decimal(99), Decimal(100)), Validity.DAY, 300, 0)
