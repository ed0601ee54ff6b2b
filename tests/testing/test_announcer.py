"""Changes are told in order, after they are complete, and not at all when they failed."""

import pytest

from dhan_copy.testing import OrderEvent
from dhan_copy.testing.announcer import Announcer
from tests.testing.exchange_kit import buy, exchange


def test_events_wait_for_the_outermost_turn() -> None:
    order = exchange().place("L", buy())
    announcer = Announcer()
    heard: list[OrderEvent] = []
    announcer.listen(None, heard.append)
    with announcer.turn():
        with announcer.turn():
            announcer.announce(order)
        assert heard == []
    assert heard == [OrderEvent(order)]


def test_a_failing_listener_is_the_tests_own_error_and_leaves_the_exchange_usable() -> None:
    ex = exchange()

    def broken(event: OrderEvent) -> None:
        raise RuntimeError("listener")

    stop = ex.listen(broken)
    with pytest.raises(RuntimeError):
        ex.place("L", buy())
    stop()
    ex.place("L", buy())
    assert len(ex.orders("L")) == 2


def test_listeners_of_one_account_hear_no_other() -> None:
    ex = exchange()
    heard: list[OrderEvent] = []
    ex.listen(heard.append, "F")
    ex.place("L", buy())
    assert heard == []
