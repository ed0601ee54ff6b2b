"""B15: load a scrip master of 200,000 rows and look one instrument up, time / csv.reader over the same file."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import Result, at_most
from benchmarks.memory import peak_megabytes

ROWS = 200_000
TARGET_RATIO = 2.0
HEADER = (
    "EXCH_ID,SEGMENT,SECURITY_ID,ISIN,INSTRUMENT,UNDERLYING_SECURITY_ID,UNDERLYING_SYMBOL,SYMBOL_NAME,DISPLAY_NAME,"
    "INSTRUMENT_TYPE,SERIES,LOT_SIZE,SM_EXPIRY_DATE,STRIKE_PRICE,OPTION_TYPE,TICK_SIZE,EXPIRY_FLAG,BRACKET_FLAG,"
    "COVER_FLAG,ASM_GSM_FLAG,ASM_GSM_CATEGORY,BUY_SELL_INDICATOR,BUY_CO_MIN_MARGIN_PER,SELL_CO_MIN_MARGIN_PER,"
    "BUY_CO_SL_RANGE_MAX_PERC,SELL_CO_SL_RANGE_MAX_PERC,BUY_CO_SL_RANGE_MIN_PERC,SELL_CO_SL_RANGE_MIN_PERC,"
    "BUY_BO_MIN_MARGIN_PER,SELL_BO_MIN_MARGIN_PER,BUY_BO_SL_RANGE_MAX_PERC,SELL_BO_SL_RANGE_MAX_PERC,"
    "BUY_BO_SL_RANGE_MIN_PERC,SELL_BO_SL_MIN_RANGE,BUY_BO_PROFIT_RANGE_MAX_PERC,SELL_BO_PROFIT_RANGE_MAX_PERC,"
    "BUY_BO_PROFIT_RANGE_MIN_PERC,SELL_BO_PROFIT_RANGE_MIN_PERC,MTF_LEVERAGE"
)


def generate(path: Path, rows: int = ROWS) -> None:
    """A file of the shape and size of Dhan's detailed one: its columns, about 200 bytes a row, mostly options."""
    tail = ",A" + ",0.00000" * 16 + ",0.0"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER + "\n")
        for number in range(rows):
            security, strike = 35_000 + number, 20_000 + number % 9_000
            if number % 20:
                name = f"NIFTY-Dec2026-{strike}-CE,NIFTY 29 DEC {strike} CALL"
                what = f"NA,OPTIDX,26000,NIFTY,{name},OP,NA,65.0,2026-12-29,{strike}.00000,CE,5.0000,M"
                file.write(f"NSE,D,{security},{what},N,N,N,NA{tail}\n")
            else:
                what = f"INE{number:09},EQUITY,,,SHARE{number},Share {number} Limited,ES,EQ,1.0,,,,5.0000,NA"
                file.write(f"BSE,E,{security},{what},Y,Y,N,NA{tail}\n")


def measure(path: str) -> None:
    """Print seconds to load and to look up, seconds of ``csv.reader``, and the megabytes that loading took."""
    from dhan_copy.dhan.instruments import ScripMaster
    from dhan_copy.model.ids import SecurityId
    from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey

    before = peak_megabytes()
    start = time.perf_counter()
    master = ScripMaster.load(path)
    facts = master(InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId(str(35_000 + ROWS - 1))))
    loaded = time.perf_counter() - start
    after = peak_megabytes()
    assert len(master) == ROWS and facts is not None and facts.lot_units == 65
    start = time.perf_counter()
    with open(path, encoding="utf-8", newline="") as file:
        assert sum(1 for row in csv.reader(file)) == ROWS + 1
    print(loaded, time.perf_counter() - start, after - before)


def figures(path: Path) -> tuple[float, float, float]:
    """What :func:`measure` prints, from a process of its own: seconds, seconds, megabytes."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.instruments", str(path)], check=True, capture_output=True, text=True
    )
    loaded, read, megabytes = map(float, done.stdout.split())
    return loaded, read, megabytes


def run() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "api-scrip-master-detailed.csv"
        generate(path)
        size = path.stat().st_size / 1e6
        found = [figures(path) for _ in range(5)]
    notes = (
        f"{ROWS} rows, {size:.0f} MB: loaded in {min(loaded for loaded, _, _ in found):.2f} s",
        f"memory that loading took: {max(megabytes for _, _, megabytes in found):.0f} MB",
    )
    return at_most([loaded / read for loaded, read, _ in found], "times csv.reader", TARGET_RATIO, notes)


if __name__ == "__main__":
    measure(sys.argv[1])
