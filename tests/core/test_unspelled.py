"""Plain values are read back as what was written, and what is wrong is told with its place."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dhan_copy.core.caps import Cap
from dhan_copy.core.filtering import Filter
from dhan_copy.core.filters import Sides, Symbols
from dhan_copy.core.rules import Override, Percent, Rules
from dhan_copy.core.settings import Ticks
from dhan_copy.core.spelled import spell
from dhan_copy.core.unspelled import read
from dhan_copy.errors import Misspelt
from dhan_copy.protocols import PositionSizer
from tests.settings_kit import caps, filters, overrides, policies, rules, sizers


@given(st.one_of(
    sizers.map(lambda v: (PositionSizer, v)), filters.map(lambda v: (Filter, v)), caps.map(lambda v: (Cap, v)),
    rules.map(lambda v: (Rules, v)), overrides.map(lambda v: (Override, v)), policies.map(lambda v: (type(v), v)),
))  # fmt: skip
@hypothesis_settings(deadline=None)
def test_what_was_written_is_read_back(said: tuple[object, object]) -> None:
    hint, value = said
    assert read(hint, spell(value)) == value


def test_several_filters_in_one_table_hold_together_and_one_value_needs_no_list() -> None:
    assert read(Filter, {"side": "BUY", "symbol": ["A*", "B*"]}) == Sides("BUY") & Symbols("A*", "B*")


@pytest.mark.parametrize(
    ("hint", "plain", "value"),
    [
        (timedelta, "1.5 min", timedelta(seconds=90)), (timedelta, "250ms", timedelta(milliseconds=250)),
        (Decimal, "0.05", Decimal("0.05")), (Decimal, 3, Decimal(3)), (float, 3, 3.0), (tuple[str, ...], "one", ("one",)),
        (Percent | Ticks, "1 tick", Ticks(1)), (Percent | Ticks, "2.5%", Percent(Decimal("2.5"))),
        (bool | None, True, True),
    ],
)  # fmt: skip
def test_what_else_is_understood(hint: object, plain: object, value: object) -> None:
    assert read(hint, plain) == value


@pytest.mark.parametrize(
    ("hint", "plain", "path"),
    [
        (timedelta, "30", ()), (timedelta, "-1 s", ()), (Decimal, 0.5, ()), (Decimal, "NaNs", ()), (Decimal, True, ()),
        (int, True, ()), (int, "3", ()), (float, "3", ()), (str, 3, ()), (bool, 1, ()), (Percent, "0 %", ()),
        (Percent | Ticks, "1.5 ticks", ()), (tuple[int, ...], [1, "x"], (1,)), (tuple[int, ...], {}, ()),
        (Rules, {"caps": [{"measure": "LOTS", "most": 1}, {"measure": "LOTS", "most": "x"}]}, ("caps", 1, "most")),
        (Rules, {"only": {"not": {"any": [{"side": "BUY"}, {"side": "B"}]}}}, ("only", "not", "any", 1, "side", 0)),
        (Rules, {"sizes": 1}, ("sizes",)), (Rules, [], ()), (Filter, {"time": ["09:20"]}, ("time",)),
        (Filter, {"tag": []}, ("tag",)), (Filter, {"all": []}, ("all",)), (PositionSizer, 3, ()),
        (PositionSizer, {"sizer": "FixedLots", "lots": 1, "more": 2}, ("more",)),
    ],
)  # fmt: skip
def test_the_place_of_what_is_wrong_is_told(hint: object, plain: object, path: tuple[str | int, ...]) -> None:
    with pytest.raises(Misspelt) as caught:
        read(hint, plain)
    assert caught.value.path == path


def test_a_type_that_nobody_foresaw_is_a_bug_and_no_misspelling() -> None:
    with pytest.raises(TypeError):
        read(complex, 1)
