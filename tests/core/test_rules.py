"""What one level can say: converted and checked when it is said."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from dhan_copy.core.caps import Cap
from dhan_copy.core.filters import OPTIONS
from dhan_copy.core.rules import BelowLot, Override, Percent, Rules, SlippageLimit, sizer_of
from dhan_copy.core.sizers import FixedLots, OwnFunction
from dhan_copy.errors import ConfigurationError
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.size import Ratio

FNO, EQUITY = ExchangeSegment.NSE_FNO, ExchangeSegment.NSE_EQ


def test_nothing_is_said_by_default() -> None:
    rules = Rules()
    assert {
        getattr(rules, name) for name in ("size", "only", "caps", "below_lot", "one_lot_risk", "price_deviation", "slippage")
    } == {None}


def test_sizes_and_caps_as_people_write_them() -> None:
    def own(order: object, accounts: object) -> Ratio:
        return Ratio(1)

    assert Rules(size="1/3").size == Ratio("1/3")
    assert Rules(size=own).size == OwnFunction(own)
    assert Rules(size=FixedLots(2)).size == FixedLots(2)
    assert Rules(caps=Cap("LOTS", 1)).caps == Rules(caps=[Cap("LOTS", 1)]).caps == (Cap("LOTS", 1),)
    assert Rules(caps=[]).caps == (), "no caps is something else than nothing said"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Rules(size=0.5), lambda: Rules(size="half"), lambda: Rules(size="0"), lambda: Rules(size=Ratio),
        lambda: Rules(size=2), lambda: Rules(only="NSE_FNO"), lambda: Rules(caps=[10]),
        lambda: Rules(caps=10), lambda: Rules(caps="LOTS"), lambda: Rules(below_lot="LOT"),
        lambda: Rules(one_lot_risk=1), lambda: Rules(price_deviation="1 %"),
        lambda: Rules(slippage="1"), lambda: SlippageLimit("0"), lambda: SlippageLimit("1", 0),
        lambda: Override(size="1"), lambda: Override(symbol="", size="1"), lambda: Percent(0.5), lambda: Percent("NaN"),
        lambda: SlippageLimit(0.5), lambda: Override(symbol="A*", below_lot=1), lambda: Override(segment="NSE"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong: Callable[[], Rules]) -> None:
    with pytest.raises((ValueError, TypeError)):
        wrong()


def test_what_is_wrong_is_told_shortly_with_what_is_allowed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Rules(below_lot="LOT")  # type: ignore[arg-type]
    assert str(caught.value) == "below_lot: must be one of SKIP, ONE_LOT, ONE_LOT_WITHIN_RISK, not 'LOT'"


def test_a_choice_is_taken_by_its_name_and_a_percent_as_text() -> None:
    assert Rules(below_lot="ONE_LOT") == Rules(below_lot=BelowLot.ONE_LOT)  # type: ignore[arg-type]
    assert Override(symbol="A*", below_lot="ONE_LOT").below_lot is BelowLot.ONE_LOT  # type: ignore[arg-type]
    assert Percent("0.5") == Percent(Decimal("0.5"))


def test_nothing_is_no_sizer() -> None:
    assert sizer_of(None) is None


@pytest.mark.parametrize(
    ("override", "fits"),
    [
        (Override(symbol="NIFTY*"), True),
        (Override(symbol=["BANK*", "*CE"]), True),
        (Override(symbol="NSE_FNO:45471"), True),
        (Override(symbol="BANK*"), False),
        (Override(segment="NSE_FNO"), True),
        (Override(segment=[EQUITY, FNO]), True),
        (Override(segment="NSE_EQ"), False),
        (Override(segment="NSE_FNO", symbol="NIFTY*"), True),
        (Override(segment="NSE_EQ", symbol="NIFTY*"), False),
        (Override(segment="NSE_FNO", symbol="BANK*"), False),
    ],
)
def test_z6_an_override_fits_by_symbol_and_segment(override: Override, fits: bool) -> None:
    assert override.fits(FNO, "NIFTY 22500 CE", "NSE_FNO:45471") is fits


def test_z6_without_an_instrument_no_override_fits() -> None:
    assert not Override(segment="NSE_FNO").fits(None)
    assert not Override(symbol="*").fits(FNO)


def test_an_override_says_what_rules_say() -> None:
    override = Override(symbol="NIFTY*", only=OPTIONS, below_lot=BelowLot.ONE_LOT)
    assert (override.only, override.below_lot) == (OPTIONS, BelowLot.ONE_LOT)
    assert str(Override(symbol=["A*", "B"], segment="MCX_COMM")) == "A* B MCX_COMM"
