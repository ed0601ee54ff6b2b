"""The life of a follower's order: every state and event, written out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.lifecycle import TRANSITIONS, OrderEvent, OrderState, event_of, next_state
from dhan_copy.model.order import OrderStatus

# Columns: what happens. Rows: where the order stands. A dot: nothing changes.
TABLE = """
            ACCEPTED REFUSED  LOST       HELD_BACK SEEN_OPEN SEEN_TRADED SEEN_CANCELLED SEEN_REJECTED SEEN_EXPIRED PROVEN_ABSENT
ISSUED      WORKING  REJECTED UNRESOLVED WITHHELD  WORKING   FILLED      CANCELLED      REJECTED      EXPIRED      .
UNRESOLVED  WORKING  REJECTED .          .         WORKING   FILLED      CANCELLED      REJECTED      EXPIRED      ABSENT
WORKING     .        .        .          .         .         FILLED      CANCELLED      REJECTED      EXPIRED      .
WITHHELD    .        .        .          .         WORKING   FILLED      CANCELLED      REJECTED      EXPIRED      .
ABSENT      WORKING  .        .          .         WORKING   FILLED      CANCELLED      REJECTED      EXPIRED      .
REJECTED    .        .        .          .         WORKING   FILLED      CANCELLED      REJECTED      EXPIRED      .
CANCELLED   .        .        .          .         .         FILLED      .              .             .            .
EXPIRED     .        .        .          .         .         FILLED      .              .             .            .
FILLED      .        .        .          .         .         .           .              .             .            .
"""
HEADER, *ROWS = (line.split() for line in TABLE.strip().splitlines())
EXPECTED = [
    (OrderState[row[0]], OrderEvent[event], OrderState[row[0] if cell == "." else cell])
    for row in ROWS
    for event, cell in zip(HEADER, row[1:], strict=True)
]
SEEN = [event for event in OrderEvent if event.name.startswith("SEEN_")]
GIVEN_UP = [OrderState.WITHHELD, OrderState.ABSENT, OrderState.REJECTED]
OVER = {"FILLED", "CANCELLED", "REJECTED", "EXPIRED", "WITHHELD", "ABSENT"}

events = st.lists(st.sampled_from(OrderEvent), max_size=12)


def test_the_table_above_is_complete() -> None:
    assert {(state, event) for state, event, _ in EXPECTED} == {(s, e) for s in OrderState for e in OrderEvent}
    assert set(TRANSITIONS) == set(OrderState)


@pytest.mark.parametrize(("state", "event", "after"), EXPECTED, ids=lambda value: value.name)
def test_every_event_in_every_state(state: OrderState, event: OrderEvent, after: OrderState) -> None:
    assert next_state(state, event) is after


@pytest.mark.parametrize("state", OrderState)
def test_what_is_over(state: OrderState) -> None:
    assert state.is_over is (state.name in OVER)


@given(st.sampled_from(OrderState), st.sampled_from(OrderEvent))
def test_the_same_event_twice_is_the_same_as_once(state: OrderState, event: OrderEvent) -> None:
    once = next_state(state, event)
    assert next_state(once, event) is once


@given(events)
def test_a_fill_that_was_seen_is_never_unseen(happened: list[OrderEvent]) -> None:
    state = OrderState.ISSUED
    for event in happened:
        state = next_state(state, event)
    if OrderEvent.SEEN_TRADED in happened:
        assert state is OrderState.FILLED


@pytest.mark.parametrize("state", GIVEN_UP)
@pytest.mark.parametrize("event", SEEN)
def test_late_evidence_wins_over_having_given_up(state: OrderState, event: OrderEvent) -> None:
    """An order thought never to have arrived shows in a book: it is real, whatever it is."""
    assert next_state(state, event) is next_state(OrderState.UNRESOLVED, event)


@given(events)
def test_unresolved_is_left_by_evidence_alone(happened: list[OrderEvent]) -> None:
    """Losing the outcome again, or holding back what had left already, is no evidence."""
    state = OrderState.UNRESOLVED
    for event in happened:
        if event in (OrderEvent.LOST, OrderEvent.HELD_BACK):
            assert next_state(state, event) is state


@pytest.mark.parametrize("status", OrderStatus)
def test_what_a_status_means(status: OrderStatus) -> None:
    ends = {
        "TRADED": OrderEvent.SEEN_TRADED,
        "CLOSED": OrderEvent.SEEN_TRADED,
        "CANCELLED": OrderEvent.SEEN_CANCELLED,
        "REJECTED": OrderEvent.SEEN_REJECTED,
        "EXPIRED": OrderEvent.SEEN_EXPIRED,
    }
    assert event_of(status) is ends.get(status.value, OrderEvent.SEEN_OPEN)
