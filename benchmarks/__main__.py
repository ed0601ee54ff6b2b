"""``python -m benchmarks [ids] [--json]``: measure and print."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module

from benchmarks.harness import Result

BENCHMARKS = {
    "B2": ("fan_out", "socket frame to last order on the wire, ours / raw floor, worst of 1, 20 and 100 followers"),
    "B3": ("commits", "fsyncs before the first send and per event, 100 followers"),
    "B6": ("limiter", "four windows with 7,000 stamps held, time / four deques, and exactness"),
    "B7": ("parse", "parse and normalise an update, time / (json.loads + attrs with Decimal and strptime)"),
    "B10": ("imports", "import dhan_copy, time / import dhanhq"),
    "B14": ("recovery", "recovery of a 10,000-order journal"),
    "B15": ("instruments", "load a scrip master of 200,000 rows, time / csv.reader over it"),
    "MEM": ("memory", "10,000 leader orders with 5 followers"),
}


def measure(name: str) -> Result:
    module, _ = BENCHMARKS[name]
    result: Result = import_module(f"benchmarks.{module}").run()
    return result


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:4} {about}" for name, (_, about) in BENCHMARKS.items()),
    )
    parser.add_argument("ids", nargs="*", metavar="id", help="which to run; all without any")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    given = parser.parse_args(arguments)
    wanted = [name.upper() for name in given.ids] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        parser.error(f"no such benchmark: {' '.join(unknown)}; there are {' '.join(BENCHMARKS)}")
    report = {}
    for name in wanted:
        result = measure(name)
        report[name] = result.as_json()
        if not given.json:
            verdict = "meets" if result.meets else "misses"
            print(f"{name}: {BENCHMARKS[name][1]}")
            print(f"  {result.value:.4g} {result.unit} ({result.min:.4g} to {result.max:.4g}), {verdict} {result.target:g}")
            print(*(f"  {note}" for note in result.notes), sep="\n", flush=True)
    if given.json:
        print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
