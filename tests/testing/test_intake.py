"""New orders are checked in one order of rules, in the way that each says no, and everything asked is on record."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.model.order import OrderStatus
from dhan_copy.testing import ExchangeRefusal, Rejection, RejectionWay, Rule
from dhan_copy.testing.intake import PLATFORMS
from tests.testing.exchange_kit import buy, exchange


@pytest.mark.parametrize("way", list(RejectionWay))
def test_each_way_to_say_no(way: RejectionWay) -> None:
    ex = exchange(ways={Rule.TICK: way})
    off_tick = buy(10, "400.01", tag="dc1-x")
    if way is RejectionWay.REFUSED:
        with pytest.raises(ExchangeRefusal, match="tick size"):
            ex.place("L", off_tick)
        assert ex.orders("L") == ()
    else:
        assert ex.place("L", off_tick).status is OrderStatus.REJECTED
        assert ex.orders("L")[0].rejected_in_answer is (way is RejectionWay.ANSWERED)
    [request] = ex.requests
    assert (request.tag, request.order_id is None) == ("dc1-x", way is RejectionWay.REFUSED)
    assert "tick size" in request.problem


def test_the_tests_own_no_comes_before_the_brokers() -> None:
    ex = exchange()
    ex.set_funds("L", Decimal(1))
    ex.rules.append(lambda order, instrument: Rejection("RMS:mine"))
    ex.reject_next("L", Rejection("RMS:first"))
    assert [ex.place("L", buy()).reason for _ in range(2)] == ["RMS:first", "RMS:mine"]
    ex.rules.clear()
    assert "insufficient funds" in ex.place("L", buy()).reason


@pytest.mark.parametrize("source", ["P", "N", "W", "T"])
def test_the_platform_follows_from_the_source(source: str) -> None:
    assert exchange().place("L", buy(source=source)).platform == PLATFORMS.get(source)
