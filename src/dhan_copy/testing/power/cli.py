"""The command ``power``: options, and what is printed."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable

POWER = """\
Cut the power under the library's own journal, whose disk loses what was not synced: any part of it, in any order, torn
sectors included. Entries are appended, or an engine copies what a leader does on a simulated exchange. After each cut
the journal must open, its chain must hold, every acknowledged append must be there, batches are whole or absent, and no
broker may have got a request that the journal does not know; in the end no order may be there twice, and what is
missing must have an alarm. The last line of the output is one JSON object; the exit status is 1 when something was
violated, and the command that shows it again is printed. Needs apsw.
"""
SHOWN = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``power``."""
    parser.add_argument("--cuts", type=_positive, default=50, metavar="N", help="how many, at least (default 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the next has the next (default 0)")


def run(options: argparse.Namespace, say: Callable[[str], object]) -> int:
    """Run the command, telling each line to ``say``; returns the exit status, which is 2 where apsw is missing."""
    try:
        import apsw  # noqa: F401
    except ImportError:
        say("power cuts need apsw, SQLite with a file system of one's own: pip install apsw")
        return 2
    from dhan_copy.testing.power.cuts import cut_power

    silence = logging.NullHandler()  # else the alerts of every case come out on stderr
    logging.getLogger("dhan_copy").addHandler(silence)
    try:
        summary = cut_power(options.seed, options.cuts)
    finally:
        logging.getLogger("dhan_copy").removeHandler(silence)
    for seed, what in summary.violations[:SHOWN]:
        say(f"VIOLATION: {what}\nagain: python -m dhan_copy.testing power --seed {seed} --cuts 1")
    say(summary.as_json())
    return 1 if summary.violations else 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
