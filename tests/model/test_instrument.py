"""Instruments: segments, kinds, and facts without defaults."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind


def test_one_share_is_one_lot_in_the_cash_segments_only() -> None:
    assert {segment.name for segment in ExchangeSegment if segment.is_equity} == {"NSE_EQ", "BSE_EQ"}


def test_options_are_what_dhan_calls_opt() -> None:
    assert {kind for kind in InstrumentKind if kind.is_option} == {k for k in InstrumentKind if k.name.startswith("OPT")}


def test_a_key_reads_as_segment_and_id() -> None:
    assert str(InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("52175"))) == "NSE_FNO:52175"


@pytest.mark.parametrize("lot", [0, -1])
def test_a_lot_has_at_least_one_unit(lot: int) -> None:
    with pytest.raises(ValueError, match="lot_units"):
        InstrumentFacts(lot)


@pytest.mark.parametrize("tick", [Decimal(0), Decimal("-0.05")])
def test_a_tick_is_above_zero(tick: Decimal) -> None:
    with pytest.raises(ValueError, match="tick"):
        InstrumentFacts(75, tick)


def test_what_is_not_known_stays_unknown() -> None:
    facts = InstrumentFacts(75)
    assert facts.tick is None and facts.kind is None
