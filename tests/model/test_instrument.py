"""What is traded."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind

EQUITY_SEGMENTS = {"NSE_EQ", "BSE_EQ"}
OPTIONS = {"OPTIDX", "OPTSTK", "OPTFUT", "OPTCUR"}


@pytest.mark.parametrize("segment", ExchangeSegment)
def test_one_share_is_one_lot_in_the_equity_segments_alone(segment: ExchangeSegment) -> None:
    assert segment.is_equity is (segment.value in EQUITY_SEGMENTS)


@pytest.mark.parametrize("kind", InstrumentKind)
def test_what_is_an_option(kind: InstrumentKind) -> None:
    assert kind.is_option is (kind.value in OPTIONS)


def test_a_key_reads_as_segment_and_id() -> None:
    assert str(InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("45471"))) == "NSE_FNO:45471"


@pytest.mark.parametrize("lot", [0, -75])
def test_a_lot_is_at_least_one(lot: int) -> None:
    with pytest.raises(ValueError, match="lot_units"):
        InstrumentFacts(lot)


@pytest.mark.parametrize("tick", ["0", "-0.05"])
def test_a_tick_is_above_zero(tick: str) -> None:
    with pytest.raises(ValueError, match="tick"):
        InstrumentFacts(75, Decimal(tick))


def test_a_missing_tick_or_kind_stays_unknown() -> None:
    assert (InstrumentFacts(75).tick, InstrumentFacts(75).kind) == (None, None)
