"""D4: expiry, conversion to another product, a corporate action: shown as drift with its cause, never traded against."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest

from dhan_copy import ReasonCode, published_calendar
from dhan_copy.core.facts import DriftDeclared
from dhan_copy.model.account import Holding
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Product, Side
from dhan_copy.model.times import ist
from tests.scenarios.kit import CALL, F, INSTRUMENTS, SHARE, Lab


class Listed:
    """A list of instruments that tells the day of expiry."""

    def __init__(self, expiry: date | None) -> None:
        self._expiry = expiry

    def __call__(self, key: InstrumentKey) -> InstrumentFacts | None:
        return {each.key: each.facts for each in INSTRUMENTS}.get(key)

    def expiry(self, key: InstrumentKey) -> date | None:
        return self._expiry


def gone(lab: Lab, product: Product, left: int = 0) -> tuple[ReasonCode, object]:
    """The broker shows ``left`` units from now on; what is declared, and that nothing is traded because of it."""
    asked = len(lab.requests())
    lab.exchange.set_position(F, CALL, product, left)
    lab.advance(300)
    assert len(lab.requests()) == asked
    [declared] = lab.facts(DriftDeclared)
    shown = lab.drift()
    assert shown is not None and declared.reason.name in str(shown["causes"])
    assert declared.reason.name in [alert.code for alert in lab.alerts]
    return declared.reason, declared.quantity


def test_d4_what_has_expired_is_said_so_and_the_leaders_exit_sells_only_what_is_left(labs: Callable[..., Lab]) -> None:
    lab = labs(instruments=Listed(date(2026, 11, 19)))
    lab.buy(300, product=Product.MARGIN)
    lab.advance(60)
    assert gone(lab, Product.MARGIN) == (ReasonCode.EXPIRED, -150)
    asked = len(lab.requests())
    lab.sell(300, product=Product.MARGIN)
    lab.advance(300)
    assert len(lab.requests()) == asked and lab.net(product=Product.MARGIN) == 0


@pytest.mark.parametrize(("hour", "reason"), [(15, ReasonCode.MANUAL), (16, ReasonCode.EXPIRED)])
def test_d4_on_the_day_of_expiry_it_has_expired_once_the_market_is_closed(
    labs: Callable[..., Lab], hour: int, reason: ReasonCode
) -> None:
    start = ist(datetime(2026, 11, 20, hour, 0))
    lab = labs(instruments=Listed(date(2026, 11, 20)), calendar=published_calendar(), start=start)
    lab.buy(300, product=Product.MARGIN)
    lab.advance(60)
    assert gone(lab, Product.MARGIN)[0] is reason


def test_d4_what_was_converted_is_said_so_and_neither_product_is_touched(lab: Lab) -> None:
    lab.buy(300)
    lab.advance(61)
    lab.exchange.set_position(F, CALL, Product.MARGIN, 150)
    assert gone(lab, Product.INTRADAY) == (ReasonCode.CONVERTED, -150)
    [declared] = lab.facts(DriftDeclared)
    assert "MARGIN" in declared.detail
    asked = len(lab.requests())
    lab.sell(300)
    lab.advance(300)
    assert len(lab.requests()) == asked
    assert (lab.net(), lab.net(product=Product.MARGIN)) == (0, 150)


@pytest.mark.parametrize("his_own", [75, 150, 225])
def test_d4_what_the_user_held_in_another_product_before_is_no_conversion(lab: Lab, his_own: int) -> None:
    lab.exchange.set_position(F, CALL, Product.MARGIN, his_own)
    lab.buy(300)
    lab.advance(61)
    assert gone(lab, Product.INTRADAY) == (ReasonCode.MANUAL, -150)


def test_d4_a_part_can_be_converted(lab: Lab) -> None:
    lab.buy(300)
    lab.advance(61)
    lab.exchange.set_position(F, CALL, Product.MARGIN, 75)
    assert gone(lab, Product.INTRADAY, left=75) == (ReasonCode.CONVERTED, -75)
    lab.sell(300)
    lab.advance(300)
    assert (lab.net(), lab.net(product=Product.MARGIN)) == (0, 75)


def shares_over_night(labs: Callable[..., Lab], left: int) -> Lab:
    """100 shares copied on a Friday; on Monday at half past eight the demat account holds ``left``."""
    lab = labs(calendar=published_calendar())
    lab.buy(200, key=SHARE, product=Product.CNC)
    lab.advance(60)
    assert lab.net(key=SHARE, product=Product.CNC) == 100
    lab.exchange.end_day()
    lab.clock.advance((ist(datetime(2026, 11, 23, 8, 30)) - lab.clock.now()).total_seconds())
    lab.exchange.new_day()
    lab.exchange.set_holdings(F, [Holding(SHARE.security_id, left, "NTPC")])
    lab.step()
    lab.advance(300)
    return lab


def test_d4_what_is_gone_before_anybody_could_trade_is_called_so(labs: Callable[..., Lab]) -> None:
    lab = shares_over_night(labs, left=20)  # five for one
    [declared] = lab.facts(DriftDeclared)
    assert (declared.reason, declared.quantity) == (ReasonCode.GONE_OVERNIGHT, -80)
    assert "GONE_OVERNIGHT" in [alert.code for alert in lab.alerts]
    assert len(lab.requests()) == 1, "the purchase"
    lab.clock.advance(3 * 3600)
    lab.step()
    lab.sell(200, key=SHARE, product=Product.CNC)
    lab.advance(300)
    assert [(copy.side, copy.quantity) for copy in lab.copies()] == [(Side.SELL, 20)]


def test_d4_what_has_become_more_is_the_accounts_own(labs: Callable[..., Lab]) -> None:
    lab = shares_over_night(labs, left=500)  # split one to five
    assert lab.facts(DriftDeclared) == [] and len(lab.requests()) == 1
    lab.clock.advance(3 * 3600)
    lab.step()
    lab.sell(200, key=SHARE, product=Product.CNC)
    lab.advance(300)
    assert [(copy.side, copy.quantity) for copy in lab.copies()] == [(Side.SELL, 100)]


def test_d4_during_the_day_it_was_somebodys_hand(labs: Callable[..., Lab]) -> None:
    lab = labs(calendar=published_calendar())
    lab.buy(300)
    lab.advance(61)
    assert gone(lab, Product.INTRADAY) == (ReasonCode.MANUAL, -150)
