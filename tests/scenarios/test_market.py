"""S: hours and days of the exchanges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from dhan_copy import ClosedMarket, Policy, published_calendar
from dhan_copy.core.calendar import Calendar
from dhan_copy.model.order import Product
from dhan_copy.model.times import ist
from tests.scenarios.kit import F, Lab

LABS = Callable[..., Lab]
DENY = Policy(closed_market=ClosedMarket.DENY)


def opened(labs: LABS, when: str, policy: Policy = Policy(), calendar: Calendar | None = None) -> Lab:
    return labs(start=ist(datetime.fromisoformat(when)), policy=policy, calendar=calendar or published_calendar())


def alerts(lab: Lab) -> list[str]:
    lab.step()
    return [alert.code for alert in lab.alerts]


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("2026-11-22 10:00", id="weekend"),
        pytest.param("2026-11-24 10:00", id="holiday"),
        pytest.param("2026-11-20 18:00", id="out of hours"),
    ],
)
def test_s1_a_confirmed_order_is_copied_whatever_the_calendar_says_with_a_warning(labs: LABS, when: str) -> None:
    lab = opened(labs, when)
    order = lab.buy(150, product=Product.MARGIN)
    lab.until(lambda: lab.net(product=Product.MARGIN) == 75)
    assert alerts(lab) == ["MARKET_CLOSED"]
    assert "closed at" in lab.alerts[0].known
    assert any("MARKET_CLOSED" in str(row) for row in lab.engine.explain(order))


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("2026-11-20 10:00", id="an ordinary day"),
        pytest.param("2026-02-01 10:00", id="the Sunday of the budget"),
        pytest.param("2025-10-21 14:00", id="Muhurat"),
        pytest.param("2026-11-20 15:35", id="after the closing auction began"),
    ],
)
def test_s1_s2_nothing_is_said_while_the_market_is_open(labs: LABS, when: str) -> None:
    lab = opened(labs, when, DENY)
    lab.buy(150, product=Product.MARGIN)
    lab.until(lambda: lab.net(product=Product.MARGIN) == 75)
    assert alerts(lab) == []


def test_s1_entries_are_denied_where_the_policy_says_so_and_exits_are_not(labs: LABS) -> None:
    lab = opened(labs, "2026-11-20 15:30", DENY)
    lab.buy(150, product=Product.MARGIN)
    lab.until(lambda: lab.net(product=Product.MARGIN) == 75)
    lab.advance(15 * 60)
    lab.buy(150, product=Product.MARGIN)
    lab.step()
    assert lab.codes()[-1] == "MARKET_CLOSED"
    lab.sell(300, product=Product.MARGIN)
    lab.until(lambda: lab.net(product=Product.MARGIN) == 0)


def test_s2_an_unknown_year_is_warned_of_and_copied(labs: LABS) -> None:
    lab = opened(labs, "2027-01-26 10:00", DENY)
    lab.buy(150, product=Product.MARGIN)
    lab.until(lambda: lab.net(product=Product.MARGIN) == 75)
    lab.buy(150, product=Product.MARGIN)
    lab.until(lambda: lab.net(product=Product.MARGIN) == 150)
    assert alerts(lab) == ["CALENDAR_UNKNOWN"], "once, not with every order"


def test_s3_intraday_entries_stop_before_the_square_off_and_others_do_not(labs: LABS) -> None:
    lab = opened(labs, "2026-11-20 15:17")
    lab.buy(150)
    lab.until(lambda: lab.net() == 75)
    lab.advance(60)
    lab.buy(150)
    lab.buy(150, product=Product.MARGIN)
    lab.until(lambda: lab.net(product=Product.MARGIN) == 75)
    assert lab.codes() == ["COPIED", "SQUARE_OFF_NEAR", "COPIED"]
    assert lab.net() == 75


def test_s3_the_brokers_square_off_order_is_an_exit(labs: LABS) -> None:
    lab = opened(labs, "2026-11-20 15:17")
    lab.buy(150)
    lab.until(lambda: lab.net() == 75)
    lab.advance(3 * 60)
    lab.sell(150, source="R")
    lab.until(lambda: lab.net() == 0)
    assert lab.codes() == ["COPIED", "COPIED"]


def test_s1_a_simulated_exchange_is_open_at_all_hours(labs: LABS) -> None:
    lab = labs(start=ist(datetime(2026, 11, 22, 3, 0)), policy=DENY)
    lab.buy(150)
    lab.until(lambda: lab.net(F) == 75)
    assert alerts(lab) == []
