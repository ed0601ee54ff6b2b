"""The exchange says no for Dhan's reasons, in Dhan's three ways."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.model.order import OrderStatus, StopLimit
from dhan_copy.testing import ExchangeRefusal, NewOrder, Rejection, RejectionWay, Rule
from tests.testing.exchange_kit import FUTURE, buy, exchange, heard, sell, statuses


class TestRejecting:
    @pytest.mark.parametrize(
        ("new", "words"),
        [
            (buy(150, "3300", key=FUTURE), "lot size 200"),
            (buy(100, "400", disclosed_quantity=30), "30%"),
            (buy(100, "400", disclosed_quantity=101), "30%"),
            (buy(terms=StopLimit(Decimal(400), Decimal(399))), "less than Price"),
            (sell(terms=StopLimit(Decimal(400), Decimal(401))), "greater than Price"),
        ],
    )
    def test_some_rules_refuse_and_leave_no_order(self, new: NewOrder, words: str) -> None:
        ex = exchange()
        with pytest.raises(ExchangeRefusal, match=words):
            ex.place("L", new)
        assert ex.orders("L") == ()
        assert [(r.order_id, r.problem != "") for r in ex.requests] == [(None, True)]

    @pytest.mark.parametrize(
        ("new", "words"),
        [
            (buy(10, "400.01"), "tick size"),
            (buy(10, "299.95"), "circuit limits"),
            (buy(10, "450.05"), "circuit limits"),
            (buy(8200, "3300", key=FUTURE), "freeze"),
        ],
    )
    def test_others_reject_afterwards_in_the_book(self, new: NewOrder, words: str) -> None:
        ex = exchange()
        events = heard(ex)
        order = ex.place("L", new)
        assert order.status is OrderStatus.REJECTED
        assert words in order.reason
        assert order.exchange_order_id == "0"
        assert statuses(events) == ["REJECTED"]

    def test_the_edges_are_accepted(self) -> None:
        ex = exchange()
        for new in (
            buy(10, "300"),
            buy(10, "450"),
            buy(8000, "3300", key=FUTURE),
            buy(100, "400", disclosed_quantity=31),
            buy(100, "400", disclosed_quantity=100),
            buy(terms=StopLimit(Decimal(400), Decimal(400))),
            buy(terms=StopLimit(Decimal(400), Decimal(401))),
            sell(terms=StopLimit(Decimal(400), Decimal(399))),
        ):
            assert ex.place("L", new).status is OrderStatus.PENDING

    def test_each_rule_can_say_no_in_another_way(self) -> None:
        ex = exchange(ways={Rule.TICK: RejectionWay.REFUSED, Rule.LOT: RejectionWay.ANSWERED})
        with pytest.raises(ExchangeRefusal, match="tick"):
            ex.place("L", buy(10, "400.01"))
        order = ex.place("L", buy(150, "3300", key=FUTURE), deferred=True)
        assert (order.status, order.rejected_in_answer) == (OrderStatus.REJECTED, True)

    def test_the_next_placements_can_be_rejected_whatever_they_say(self) -> None:
        ex = exchange()
        ex.reject_next("L", Rejection("RMS:no", way=RejectionWay.LATER), count=2)
        assert [ex.place("L", buy()).status.value for _ in range(3)] == ["REJECTED", "REJECTED", "PENDING"]
        assert ex.place("F", buy()).status is OrderStatus.PENDING

    def test_a_rule_of_the_tests_own(self) -> None:
        ex = exchange()
        ex.rules.append(lambda order, instrument: Rejection("no") if order.quantity == 13 else None)
        assert ex.place("L", buy(13)).status is OrderStatus.REJECTED
        assert ex.place("L", buy(14)).status is OrderStatus.PENDING
