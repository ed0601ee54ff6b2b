"""Caps: what may be said, and what contradicts itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from dhan_copy.core.caps import AtCap, Cap, Measure, Per


def test_z7_a_cap_cuts_a_single_order_unless_it_says_otherwise() -> None:
    cap = Cap("LOTS", 10)
    assert (cap.measure, cap.most, cap.per, cap.then, cap.least) == (Measure.LOTS, 10, Per.ORDER, AtCap.CUT, None)
    assert Cap(Measure.VALUE, "500000.50", per="DAY", then="SKIP") == Cap(
        "VALUE", Decimal("500000.50"), per=Per.DAY, then=AtCap.SKIP
    )


@pytest.mark.parametrize(
    ("cap", "text"),
    [
        (Cap("LOTS", 10), "at most 10 LOTS per ORDER"),
        (Cap("VALUE", "1E+5", per="DAY"), "at most 100000 VALUE per DAY"),
        (Cap("QUANTITY", 10, least=2), "at most 10 and at least 2 QUANTITY per ORDER"),
        (Cap("MARGIN", least="0.5"), "at least 0.5 MARGIN per ORDER"),
    ],
)
def test_z7_a_cap_in_words(cap: Cap, text: str) -> None:
    assert str(cap) == text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Cap("LOTS"), "most or least"),
        (lambda: Cap("LOT", 1), "QUANTITY, LOTS, VALUE, MARGIN"),
        (lambda: Cap("LOTS", 1, per="WEEK"), "ORDER, SYMBOL, ACCOUNT, DAY"),
        (lambda: Cap("LOTS", 1, then="WAIT"), "CUT, SKIP"),
        (lambda: Cap("LOTS", 0), "above zero"),
        (lambda: Cap("LOTS", -1), "above zero"),
        (lambda: Cap("LOTS", "NaN"), "no number"),
        (lambda: Cap("LOTS", "ten"), "no number"),
        (lambda: Cap("VALUE", 0.5), "not exact"),
        (lambda: Cap("LOTS", 2, least=3), "above most"),
        (lambda: Cap("LOTS", least=3, per="DAY"), "single order"),
    ],
)
def test_z7_a_cap_that_makes_no_sense_is_refused(wrong: Callable[[], Cap], said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        wrong()
