"""The command ``crash``: options, and what is printed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from dhan_copy.testing.crash.campaign import Campaign
from dhan_copy.testing.crash.run import Plan, Ran

CRASH = """\
Kill the process at lines of library code while it copies a short day through dhanhq, real sockets and a journal in a
file; the local Dhan server outlives it. The journal is started again until the day is over and everything is at rest,
then the brokers' books are judged: each copy exists once and of the right size, or the journal has an alarm for it. The
last line of the output is one JSON object; the exit status is 1 when something was violated, and the command that
shows it again is printed. Timing between threads is not repeated exactly: a rare violation may need --repeat.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``crash``."""
    parser.add_argument("--points", type=_points, default=100, metavar="all|N", help="lines to die at (default 100)")
    parser.add_argument("--double", type=_count, default=20, metavar="N", help="pairs: the second in the recovery (20)")
    parser.add_argument("--interrupt", type=_count, default=0, metavar="N", help="lines to raise KeyboardInterrupt at")
    parser.add_argument("--recoveries", type=_count, default=8, metavar="N", help="recoveries to learn lines from (8)")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    parser.add_argument("--plan", type=_plan, default=None, help="this alone, as a violation printed it")
    parser.add_argument("--repeat", type=_count, default=1, metavar="N", help="how often to run --plan (default 1)")
    parser.add_argument("--keep", type=Path, default=None, metavar="FOLDER", help="keep the journals of violations there")


def run(options: argparse.Namespace, say: Callable[[str], object]) -> int:
    """Run the command, telling each line to ``say``; returns the exit status."""
    with Campaign(options.seed, lambda ran: say(told(ran)), options.keep) as campaign:
        if options.plan is not None:
            summary = campaign.repeat([options.plan] * options.repeat)
        else:
            summary = campaign.run(options.points, options.double, options.interrupt, options.recoveries)
    say(summary.as_json())
    return 1 if summary.failed else 0


def told(ran: Ran) -> str:
    """A run's violations for people, with the command that shows them again."""
    lines = [f"VIOLATION: {violation}" for violation in ran.verdict.violations]
    return "\n".join([*lines, f"again: python -m dhan_copy.testing crash --plan {ran.plan}"])


def _points(text: str) -> int | None:
    return None if text == "all" else _count(text)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _plan(text: str) -> Plan:
    return Plan.parse(text)
