"""Writes the instruments of the simulated exchange as Dhan's scrip masters have them, oddities included."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from decimal import Decimal

from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.testing.orders import Instrument
from dhan_copy.testing.server.answers import Answer

_LETTERS = {
    ExchangeSegment.NSE_EQ: ("NSE", "E"), ExchangeSegment.NSE_FNO: ("NSE", "D"), ExchangeSegment.NSE_CURRENCY: ("NSE", "C"),
    ExchangeSegment.BSE_EQ: ("BSE", "E"), ExchangeSegment.BSE_FNO: ("BSE", "D"), ExchangeSegment.BSE_CURRENCY: ("BSE", "C"),
    ExchangeSegment.MCX_COMM: ("MCX", "M"),
}  # fmt: skip
_COMPACT = (
    "SEM_EXM_EXCH_ID SEM_SEGMENT SEM_SMST_SECURITY_ID SEM_INSTRUMENT_NAME SEM_EXPIRY_CODE SEM_TRADING_SYMBOL SEM_LOT_UNITS "
    "SEM_CUSTOM_SYMBOL SEM_EXPIRY_DATE SEM_STRIKE_PRICE SEM_OPTION_TYPE SEM_TICK_SIZE SEM_EXPIRY_FLAG "
    "SEM_EXCH_INSTRUMENT_TYPE SEM_SERIES SM_SYMBOL_NAME"
).split()
_DETAILED = (
    "EXCH_ID SEGMENT SECURITY_ID ISIN INSTRUMENT UNDERLYING_SECURITY_ID UNDERLYING_SYMBOL SYMBOL_NAME DISPLAY_NAME "
    "INSTRUMENT_TYPE SERIES LOT_SIZE SM_EXPIRY_DATE STRIKE_PRICE OPTION_TYPE TICK_SIZE EXPIRY_FLAG BRACKET_FLAG COVER_FLAG "
    "ASM_GSM_FLAG ASM_GSM_CATEGORY BUY_SELL_INDICATOR MTF_LEVERAGE"
).split()


def scrip_master(path: str, instruments: Iterable[Instrument]) -> Answer:
    """The answer to ``/api-data/...`` or ``/instrument/{segment}``: lots and strikes as decimals, ticks in paise."""
    shown = list(instruments)
    match [part for part in path.split("/") if part]:
        case ["api-data", "api-scrip-master.csv"]:
            return _csv(_COMPACT, (_compact(each) for each in shown))
        case ["api-data", "api-scrip-master-detailed.csv"]:
            return _csv(_DETAILED, (_detailed(each) for each in shown))
        case ["instrument", name] if name in ExchangeSegment.__members__:
            return _csv(_DETAILED, (_detailed(each) for each in shown if each.key.segment.value == name))
    return Answer(404, b"", "text/plain")


def _compact(instrument: Instrument) -> list[str]:
    expiry = f"{instrument.expiry} 14:30:00" if instrument.expiry else ""
    return [
        *_LETTERS[instrument.key.segment], instrument.key.security_id, _kind(instrument), "0", instrument.symbol,
        f"{instrument.facts.lot_units}.0", instrument.display_name or instrument.symbol, expiry, _strike(instrument),
        instrument.option_type, _paise(instrument), "NA", "NA", _series(instrument), _underlying(instrument),
    ]  # fmt: skip


def _detailed(instrument: Instrument) -> list[str]:
    return [
        *_LETTERS[instrument.key.segment], instrument.key.security_id, instrument.isin, _kind(instrument), "",
        _underlying(instrument), instrument.symbol, instrument.display_name or instrument.symbol, "NA", _series(instrument),
        f"{instrument.facts.lot_units}.0", instrument.expiry or "", _strike(instrument), instrument.option_type,
        _paise(instrument), "NA", "N", "N", "N", "NA", "A", "0.0",
    ]  # fmt: skip


def _kind(instrument: Instrument) -> str:
    return instrument.facts.kind.value if instrument.facts.kind else "NA"


def _series(instrument: Instrument) -> str:
    return "EQ" if instrument.key.segment.is_equity else "NA"


def _underlying(instrument: Instrument) -> str:
    return instrument.symbol.replace("-", " ").split(" ")[0]


def _strike(instrument: Instrument) -> str:
    strike = Decimal("-0.01") if instrument.strike is None and not instrument.key.segment.is_equity else instrument.strike
    return "" if strike is None else f"{strike:.5f}"


def _paise(instrument: Instrument) -> str:
    return f"{instrument.tick * 100:.4f}"


def _csv(header: list[str], rows: Iterable[list[str]]) -> Answer:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return Answer(200, file.getvalue().encode(), "text/csv")
