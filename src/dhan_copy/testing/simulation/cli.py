"""The command ``simulate``: options, and what is printed."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from dhan_copy.core.settings import Behind, LinkedForm
from dhan_copy.testing.simulation.faults import NAMED
from dhan_copy.testing.simulation.summary import LINKED, simulate, told

SIMULATE = """\
Simulate trading days under faults, seeded, on virtual time: the leader trades, followers' brokers and the network
misbehave, the process dies; then everything heals and must come to rest. An oracle that sees the brokers' truth checks
the invariants. The last line of the output is one JSON object; the exit status is 1 when something was violated, and
the command that shows it again is printed.
"""
FORMS = {"orders": LinkedForm.ORDERS, "super": LinkedForm.SUPER_ORDER}
BEHIND = {policy.name.lower(): policy for policy in Behind}
SHOWN = 3
"""Violations printed in full: those after the first mostly follow from it."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``simulate``."""
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    parser.add_argument("--days", type=_positive, default=10, metavar="N", help="trading days (default 10)")
    parser.add_argument("--faults", type=_faults, default=None, metavar="F31,F36", help="these alone; 'none' for none")
    parser.add_argument("--orders", type=_positive, default=200, help="the leader's orders of a day (default 200)")
    parser.add_argument(
        "--linked", type=_share, default=LINKED, metavar="SHARE",
        help=f"of his new orders, how many are super, bracket or cover orders (0 to 1, default {LINKED:g})",
    )  # fmt: skip
    parser.add_argument(
        "--form", choices=sorted(FORMS), default="orders",
        help="what followers have for his linked orders: orders, or super orders where they can be (default orders)",
    )  # fmt: skip
    parser.add_argument(
        "--forever", type=_share, default=0.0, metavar="SHARE",
        help="of his new orders, how many are Forever orders, single or OCO (0 to 1, default 0)",
    )  # fmt: skip
    parser.add_argument(
        "--behind", choices=sorted(BEHIND), default="wait",
        help="what becomes of a follower's order that rests when the leader's has filled (default wait)",
    )  # fmt: skip
    parser.add_argument("--followers", type=_positive, default=5, help="how many follow him (default 5)")


def describe_faults() -> str:
    """Every fault that can be named, one a line."""
    return "\n".join(f"  {name}  {text}" for name, (_, text) in sorted(NAMED.items()))


def run(options: argparse.Namespace, say: Callable[[str], object]) -> int:
    """Run the command, telling each line to ``say``; returns the exit status."""
    summary = simulate(
        options.seed, options.days, orders=options.orders, followers=options.followers, only=options.faults,
        linked=options.linked, form=FORMS[options.form], forever=options.forever,
        behind=BEHIND[options.behind],
    )  # fmt: skip
    named = "" if options.faults is None else f" --faults {','.join(options.faults) or 'none'}"
    form = "" if options.form == "orders" else f" --form {options.form}"
    forever = f" --forever {options.forever:g}" if options.forever else ""
    behind = "" if options.behind == "wait" else f" --behind {options.behind}"
    command = (
        f"python -m dhan_copy.testing simulate --seed {options.seed} --days {summary.days} --orders {options.orders} "
        f"--followers {options.followers} --linked {options.linked:g}{form}{forever}{behind}{named}"
    )
    for violation in summary.violations[:SHOWN]:
        say(told(violation, command))
    say(summary.as_json())
    return 1 if summary.violations else 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError(text)
    return share


def _faults(text: str) -> list[str]:
    names = [] if text == "none" else text.split(",")
    unknown = [name for name in names if name not in NAMED]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(sorted(NAMED))}")
    return names
