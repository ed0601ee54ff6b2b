"""The life of a follower's order as a table that the fold, the tests and the docs import."""

from __future__ import annotations

from enum import Enum

from dhan_copy.model.order import OrderStatus


class OrderState(Enum):
    """Where a follower's order stands, as far as anybody knows."""

    ISSUED = "ISSUED"
    """Journaled; no answer yet."""
    WORKING = "WORKING"
    """The broker has it."""
    UNRESOLVED = "UNRESOLVED"
    """Nobody knows whether the broker has it: it is looked up, and nothing else is asked."""
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHHELD = "WITHHELD"
    """It never left."""
    ABSENT = "ABSENT"
    """Proven not to have reached the broker."""

    __hash__ = object.__hash__

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected of the order; late evidence still wins."""
        return self in _OVER


_OVER = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
        OrderState.WITHHELD,
        OrderState.ABSENT,
    }
)


class OrderEvent(Enum):
    """What can happen to a follower's order."""

    ACCEPTED = "accepted by the broker"
    REFUSED = "refused by the broker"
    LOST = "outcome unknown"
    HELD_BACK = "held back before it left"
    SEEN_OPEN = "reported open"
    SEEN_TRADED = "reported traded"
    SEEN_CANCELLED = "reported cancelled"
    SEEN_REJECTED = "reported rejected"
    SEEN_EXPIRED = "reported expired"
    PROVEN_ABSENT = "absent from two sources after the absence window"

    __hash__ = object.__hash__


_S, _E = OrderState, OrderEvent
_SEEN_TERMINAL = {
    _E.SEEN_TRADED: _S.FILLED,
    _E.SEEN_CANCELLED: _S.CANCELLED,
    _E.SEEN_REJECTED: _S.REJECTED,
    _E.SEEN_EXPIRED: _S.EXPIRED,
}

TRANSITIONS: dict[OrderState, dict[OrderEvent, OrderState]] = {
    _S.ISSUED: {
        _E.ACCEPTED: _S.WORKING,
        _E.REFUSED: _S.REJECTED,
        _E.LOST: _S.UNRESOLVED,
        _E.HELD_BACK: _S.WITHHELD,
        _E.SEEN_OPEN: _S.WORKING,
        **_SEEN_TERMINAL,
    },
    _S.UNRESOLVED: {
        _E.ACCEPTED: _S.WORKING,
        _E.REFUSED: _S.REJECTED,
        _E.SEEN_OPEN: _S.WORKING,
        _E.PROVEN_ABSENT: _S.ABSENT,
        **_SEEN_TERMINAL,
    },
    _S.WORKING: {**_SEEN_TERMINAL},
    # Late evidence always wins: an order already given up that shows in a book is a real order.
    _S.WITHHELD: {_E.SEEN_OPEN: _S.WORKING, **_SEEN_TERMINAL},
    _S.ABSENT: {_E.ACCEPTED: _S.WORKING, _E.SEEN_OPEN: _S.WORKING, **_SEEN_TERMINAL},
    _S.REJECTED: {_E.SEEN_OPEN: _S.WORKING, **_SEEN_TERMINAL},
    _S.CANCELLED: {_E.SEEN_TRADED: _S.FILLED},
    _S.EXPIRED: {_E.SEEN_TRADED: _S.FILLED},
    _S.FILLED: {},
}
"""State -> event -> next state. An event that is not listed leaves the state as it is."""


def next_state(state: OrderState, event: OrderEvent) -> OrderState:
    """The state after ``event``: the fold never refuses, so an unlisted pair changes nothing."""
    return TRANSITIONS[state].get(event, state)


_EVENT_OF_STATUS = {
    OrderStatus.TRADED: _E.SEEN_TRADED,
    OrderStatus.CLOSED: _E.SEEN_TRADED,
    OrderStatus.CANCELLED: _E.SEEN_CANCELLED,
    OrderStatus.REJECTED: _E.SEEN_REJECTED,
    OrderStatus.EXPIRED: _E.SEEN_EXPIRED,
}


def event_of(status: OrderStatus) -> OrderEvent:
    """What a reported status means for the order's life."""
    return _EVENT_OF_STATUS.get(status, OrderEvent.SEEN_OPEN)
