"""Prices of market protection, triggers and priority."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy.model.order import Limit, Market, Side, StopLimit, StopMarket
from dhan_copy.testing.matching import after_trigger, floor_to_tick, is_marketable, protected_limit

FRAMES = Path(__file__).parents[1] / "data" / "order_updates.jsonl"


def test_protection_gives_every_recorded_price_of_a_market_order_sent_by_api() -> None:
    seen = 0
    for line in FRAMES.read_text().splitlines():
        data = json.loads(line, parse_float=Decimal)["Data"]
        if data.get("orderPlatform") not in ("API", "FOVR"):
            continue
        side = Side.BUY if data["txnType"] == "B" else Side.SELL
        assert protected_limit(side, Decimal(data["refLtp"]), data["tickSize"]) == Limit(Decimal(data["price"]))
        seen += 1
    assert seen == 5


def test_the_tick_is_floored() -> None:
    assert floor_to_tick(Decimal("100.09"), Decimal("0.05")) == Decimal("100.05")


@pytest.mark.parametrize(
    ("side", "last", "reached"),
    [
        (Side.BUY, "99.95", False),
        (Side.BUY, "100", True),
        (Side.BUY, "101", True),
        (Side.SELL, "100.05", False),
        (Side.SELL, "100", True),
        (Side.SELL, "99", True),
    ],
)
def test_a_stop_triggers_when_its_price_is_reached(side: Side, last: str, reached: bool) -> None:
    stop = StopLimit(Decimal(100), Decimal(100))
    assert (after_trigger(stop, side, Decimal(last)) == Limit(Decimal(100))) is reached
    stop_market = StopMarket(Decimal(100))
    assert (after_trigger(stop_market, side, Decimal(last)) == Market()) is reached
    assert not is_marketable(stop, side, Decimal(last))


def test_plain_terms_have_no_trigger() -> None:
    assert after_trigger(Market(), Side.BUY, Decimal(1)) == Market()
    assert after_trigger(Limit(Decimal(5)), Side.BUY, Decimal(1)) == Limit(Decimal(5))


def test_a_limit_trades_at_its_price_or_better() -> None:
    assert is_marketable(Limit(Decimal(100)), Side.BUY, Decimal(100))
    assert not is_marketable(Limit(Decimal(100)), Side.BUY, Decimal("100.05"))
    assert is_marketable(Limit(Decimal(100)), Side.SELL, Decimal(100))
    assert not is_marketable(Limit(Decimal(100)), Side.SELL, Decimal("99.95"))
    assert is_marketable(Market(), Side.SELL, Decimal(1))
