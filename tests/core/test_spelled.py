"""Settings as plain values: readable, and whole."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from dhan_copy.core.caps import Cap
from dhan_copy.core.filtering import Filter, Verdict
from dhan_copy.core.filters import OPTIONS, Between, QuantityRange, Segments, Symbols
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.rules import BelowLot, Percent
from dhan_copy.core.settings import RateLimits, Ticks
from dhan_copy.core.sizers import FixedLots, Money, OwnFunction, PercentAtRisk, SameQuantity
from dhan_copy.core.spelled import Unspellable, spell
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.size import Quantity, Ratio


class Own(Filter):
    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        return Verdict(True, "own")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Ratio("1/3"), "1/3"),
        (Ratio("0.5"), "1/2"),
        (Quantity(75), {"sizer": "Quantity", "units": 75}),
        (SameQuantity(), {"sizer": "SameQuantity"}),
        (FixedLots(2), {"sizer": "FixedLots", "lots": 2}),
        (PercentAtRisk("0.5"), {"sizer": "PercentAtRisk", "percent": "0.5"}),
        (PercentAtRisk(1, of=Money.EQUITY), {"sizer": "PercentAtRisk", "percent": 1, "of": "EQUITY"}),
        (Segments("NSE_FNO"), {"segment": ["NSE_FNO"]}),
        (OPTIONS & ~Symbols("BANK*"), {"all": [{"kind": ["OPTIDX", "OPTSTK", "OPTFUT", "OPTCUR"]}, {"not": {"symbol": ["BANK*"]}}]}),
        (Between("09:20", "15:15") | QuantityRange(most=3), {"any": [{"time": ["09:20:00", "15:15:00"]}, {"quantity": {"most": 3}}]}),
        (Cap("VALUE", "0.50", per="DAY"), {"measure": "VALUE", "most": "0.50", "per": "DAY"}),
        (Percent(Decimal("0.5")), "0.5 %"),
        (Ticks(3), "3 ticks"),
        (BelowLot.ONE_LOT, "ONE_LOT"),
        (timedelta(seconds=90), "90 s"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(milliseconds=1500), "1.5 s"),
        (timedelta(0), "0 s"),
        (Fraction(4, 5), "4/5"),
        (Fraction(2), 2),
        (RateLimits(reserve=2), {"reserve": 2}),
        (True, True),
    ],
)  # fmt: skip
def test_how_it_is_written(value: object, plain: object) -> None:
    assert spell(value) == plain
    assert json.loads(json.dumps(spell(value))) == plain, "plain values alone"


@pytest.mark.parametrize("value", [OwnFunction(lambda order, accounts: Ratio(1)), Own(), ~Own(), object(), Own() & OPTIONS])
def test_what_is_your_own_cannot_be_written(value: object) -> None:
    with pytest.raises(Unspellable):
        spell(value)
