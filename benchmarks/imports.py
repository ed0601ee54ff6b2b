"""B10: how long ``import dhan_copy`` takes beside ``import dhanhq``, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from benchmarks.harness import Result, at_most, ratios, rounds, spread

ROUNDS = 7
FLOOR = "attrs, datetime, decimal, pytz, sqlite3"


def importing(names: str) -> Callable[[], float]:
    """Milliseconds that a fresh interpreter spends in ``import names``."""
    program = f"import time; t = time.perf_counter(); import {names}; print(time.perf_counter() - t)"

    def measure() -> float:
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        return float(done.stdout) * 1e3

    return measure


def loaded() -> str:
    """What of the heavy modules ``import dhan_copy`` loads."""
    program = "import sys, dhan_copy; print(*sorted({'dhanhq', 'numpy', 'pandas', 'requests'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def run() -> Result:
    measured = rounds({name: importing(name) for name in ("dhan_copy", "dhanhq", FLOOR)}, ROUNDS)
    notes = [spread(f"import {name}", values, "ms") for name, values in measured.items()]
    notes.append(f"heavy modules loaded: {loaded() or 'none'}")
    return at_most(ratios(measured, "dhan_copy", "dhanhq"), "x", 1.0, notes)
