"""How large a copy is: the sizers, what a modification and an exit keep of it, and funds that nobody could read.

Z2 is a property: tests/core/test_sizing_property.py.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from dhan_copy import CapitalProportional, CopyEngine, DhanAccount, Follower, Leader, Quantity, Ratio, SameQuantity
from dhan_copy.model.order import Limit, Side
from dhan_copy.protocols import PositionSizer
from dhan_copy.testing import Call, DhanServer, Fault, NewOrder, instrument_key
from tests.scenarios.day_kit import CE, F, LEADER, Day

LAKH = Decimal(100_000)


@pytest.mark.parametrize(
    ("size", "lots", "copied"),
    [
        (SameQuantity(), 4, 300),
        (Ratio("0.5"), 4, 150),
        ("0.5", 5, 150),  # two and a half lots; the half is carried
        (Ratio("1/3"), 7, 150),
        ("2", 1, 150),
        (Quantity(150), 1, 150),
        (Quantity(150), 9, 150),
        (Quantity(100), 1, 75),  # in whole lots
        (CapitalProportional(), 8, 225),  # 4 lakh to 10: 3.2 lots
    ],
    ids=repr,
)
def test_z1_each_sizer_says_how_much(size: PositionSizer | str, lots: int, copied: int) -> None:
    day = Day({F: size})
    day.exchange.set_funds(LEADER, 10 * LAKH)
    day.exchange.set_funds(F, 4 * LAKH)
    day.step()
    day.leader.buy(CE, lots=lots, price=90)
    day.step()
    assert [copy.quantity for copy in day.copies()] == [copied]


def test_z1_a_fixed_quantity_is_closed_in_proportion() -> None:
    day = Day({F: Quantity(150)})
    day.step()
    day.leader.buy(CE, lots=4)
    day.step()
    assert day.held() == 150
    day.leader.sell(CE, lots=2)
    day.step()
    assert day.held() == 75
    day.leader.sell(CE, lots=2)
    day.step()
    assert day.held() == 0


def test_z1_a_quantity_below_a_lot_is_declined() -> None:
    day = Day({F: Quantity(50)})
    day.step()
    day.leader.buy(CE, lots=4)
    day.step()
    assert (day.copies(), day.codes()) == ([], ["BELOW_ONE_LOT"])


def test_z3_a_modification_keeps_the_ratio_of_the_entry() -> None:
    day = Day({F: CapitalProportional()})
    day.exchange.set_funds(LEADER, 10 * LAKH)
    day.exchange.set_funds(F, 5 * LAKH)
    day.step()
    order = day.leader.buy(CE, lots=4, price=90)
    day.step()
    day.exchange.set_funds(F, 20 * LAKH, total=20 * LAKH)
    day.advance(120)  # the funds are read again
    order.modify(lots=8)
    day.step()
    assert [copy.quantity for copy in day.copies()] == [300], "half of 600, as when it was entered"
    day.leader.buy(CE, lots=2, price=80)
    day.step()
    assert [copy.quantity for copy in day.copies()] == [300, 300], "a new order is sized by the new funds"


@pytest.mark.parametrize(
    ("ratio", "lots", "owned", "closed", "kept"),
    [
        ("1/2", 10, 375, 4, 225),
        ("1/2", 5, 150, 2, 75),  # 2.5 lots to 1.5: the carry counts
        ("1/3", 5, 75, 2, 75),  # 1.67 lots to exactly 1
        ("2", 5, 750, 2, 450),
    ],
)
@pytest.mark.parametrize("side", list(Side))
def test_z4_a_part_of_the_position_is_kept_in_proportion_and_a_full_close_closes_all(
    ratio: str, lots: int, owned: int, closed: int, kept: int, side: Side
) -> None:
    day = Day({F: ratio})
    enter, leave = (day.leader.buy, day.leader.sell) if side is Side.BUY else (day.leader.sell, day.leader.buy)
    day.step()
    enter(CE, lots=lots)
    day.step()
    assert day.held() == owned * side.sign
    leave(CE, lots=closed)
    day.step()
    assert day.held() == kept * side.sign
    leave(CE, lots=lots - closed)
    day.step()
    assert day.held() == day.held(LEADER) == 0


def funded(day: Day) -> None:
    day.exchange.set_funds(LEADER, 10 * LAKH)
    day.exchange.set_funds(F, 10 * LAKH)


def follower_without_money(day: Day) -> None:
    day.exchange.set_funds(F, Decimal(0))


def leader_without_money_this_morning(day: Day) -> None:
    day.exchange.set_funds(LEADER, 10 * LAKH, total=Decimal(0))


def followers_funds_fail(day: Day) -> None:
    day.brokers[F].inner.fail_next(Fault.READ_FAILED, on=Call.ACCOUNT, count=50)


@pytest.mark.parametrize(
    ("prepare", "code", "words"),
    [
        (followers_funds_fail, "FUNDS_UNKNOWN", "the follower's funds are unknown"),
        (follower_without_money, "SIZER_FAILED", "the follower's funds are 0 rupees"),
        (leader_without_money_this_morning, "SIZER_FAILED", "the leader's funds are 0 rupees"),
    ],
)
def test_z5_unknown_funds_are_a_denial_and_no_zero(prepare: Callable[[Day], None], code: str, words: str) -> None:
    day = Day({F: CapitalProportional()})
    funded(day)
    prepare(day)
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    [decision] = day.engine.decisions()
    assert (decision["code"], decision["detail"]) == (code, words)
    assert day.copies() == []

    day.brokers[F].inner.heal()
    funded(day)
    day.advance(120)
    assert day.copies() == [], "it was answered; it is not asked again"
    day.leader.buy(CE, lots=2, price=91)
    day.step()
    assert [copy.quantity for copy in day.copies()] == [150]


def test_z5_funds_are_read_over_the_wire_with_dhans_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with DhanServer(accounts=2) as server:
        leader, follower = server.accounts
        server.exchange.set_funds(leader.client_id, 10 * LAKH)
        server.exchange.set_funds(follower.client_id, 4 * LAKH)
        order = NewOrder(key=instrument_key("NSE_EQ", "11630"), side=Side.BUY, quantity=10, terms=Limit(Decimal(400)))
        first, second = (
            DhanAccount(a.client_id, a.access_token, base_url=server.rest_url, feed_url=server.feed_url)
            for a in (leader, follower)
        )
        engine = CopyEngine([Leader(first)], [Follower(second, size=CapitalProportional())], tmp_path / "dry.db")
        try:
            engine.step()
            server.exchange.place(leader.client_id, order)
            engine.step()
            [decision] = engine.decisions()
            [paper] = engine.orders()
        finally:
            engine.stop()
        funds = [request for request in server.requests() if request.path.endswith("/fundlimit")]
        assert {request.account for request in funds} == {leader.client_id, follower.client_id}
        assert all(request.status == 200 for request in funds)
    assert (decision["code"], Fraction(str(decision["ratio"])), paper["ordered"]) == ("COPIED", Fraction(2, 5), 4)
