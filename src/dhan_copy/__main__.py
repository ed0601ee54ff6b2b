"""The command line: ``python -m dhan_copy run``, ``doctor``, ``status`` and ``explain``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dhan_copy.display import Table
from dhan_copy.errors import DhanCopyError
from dhan_copy.journal_file import JournalFile
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.model.ids import AccountName
from dhan_copy.preflight import Subject, as_table, of_accounts, of_calendar, of_instruments
from dhan_copy.runtime.clock import SteadyClock, SystemClock
from dhan_copy.settings_file import Settings
from dhan_copy.stores.premises import premises

LOOK_SECONDS = 30.0
_JOURNAL = "copies.db"
DOCTOR = """\
Look for what would go wrong before the market opens. Nothing is sent but reads, and nothing is started. The exit status
is 1 when something is found that live followers are not started with.
"""


def parser() -> argparse.ArgumentParser:
    """Commands and options."""
    root = argparse.ArgumentParser(prog="python -m dhan_copy", description="Copies orders between Dhan accounts.")
    commands = root.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="copy, as a settings file says, until Ctrl-C or SIGTERM")
    run.add_argument("config", metavar="CONFIG", help="a settings file (TOML)")
    run.add_argument("--rebuild", action="store_true", help="adopt today's orders that a lost journal does not know")
    run.add_argument("--verbose", action="store_true", help="log every entry of the journal, not only alerts")
    run.add_argument(
        "--skip-check", action="append", default=[], metavar="NAME", choices=tuple(Check.__members__),
        help="start live followers whatever this check of the doctor finds; may be repeated",
    )  # fmt: skip
    doctor = commands.add_parser("doctor", help="look for what would go wrong", description=DOCTOR)
    doctor.add_argument("--config", metavar="FILE", help="look at the accounts and the journal of a settings file (TOML)")
    doctor.add_argument(
        "--account", action="append", default=[], metavar="NAME",
        help="an account that is to place orders, as the environment describes it (DHAN_NAME_CLIENT_ID, "
        "DHAN_NAME_ACCESS_TOKEN); may be repeated",
    )  # fmt: skip
    doctor.add_argument("--journal", metavar="FILE", help=f"the journal's file (default {_JOURNAL})")
    status = commands.add_parser("status", help="the accounts of a journal, as it was last written")
    status.add_argument("journal", metavar="JOURNAL")
    explain = commands.add_parser("explain", help="everything that a journal says of one leader order")
    explain.add_argument("journal", metavar="JOURNAL")
    explain.add_argument("order", metavar="ID", help="the leader's order id")
    for shows in (status, explain):
        shows.add_argument("--wide", action="store_true", help="the whole of each cell, however long")
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 1 for fatal findings and orders that are not there, 2 for errors."""
    known = parser()
    options = known.parse_args(arguments)
    try:
        match options.command:
            case "run":
                logging.basicConfig(
                    level=logging.INFO if options.verbose else logging.WARNING, format="%(asctime)s %(message)s"
                )
                Settings.load(options.config).engine(rebuild=options.rebuild, skip_checks=options.skip_check).run()
                return 0
            case "doctor":
                if options.config is not None and (options.account or options.journal is not None):
                    known.error("--config names accounts and journal itself: leave --account and --journal away")
                findings = (
                    tuple(_findings(options.account, Path(options.journal or _JOURNAL)))
                    if options.config is None
                    else _of_settings(options.config)
                )
                print(_lines(as_table(findings)))
                return int(any(each.severity is Severity.FATAL for each in findings))
            case "status":
                with JournalFile(options.journal) as journal:
                    print(_shown(journal.status(), wide=options.wide))
                    return 0
            case _:
                with JournalFile(options.journal) as journal:
                    story = journal.explain(options.order)
                print(_shown(story, wide=options.wide))
                return int(not story)
    except DhanCopyError as error:
        print(error, file=sys.stderr)
        return 2


def _shown(table: Table, *, wide: bool) -> str:
    return table.wide() if wide else repr(table)


def _of_settings(path: str) -> tuple[Finding, ...]:
    engine = Settings.load(path).engine()
    try:
        return engine.preflight()
    finally:
        engine.stop()


def _findings(accounts: Sequence[str], journal: Path) -> Iterator[Finding]:
    from dhan_copy import DhanAccount

    opened = {name: DhanAccount.from_env(name) for name in accounts}
    clock = SteadyClock(SystemClock())
    subjects = [Subject(AccountName(name), each.broker, places_orders=True, needed=True) for name, each in opened.items()]
    yield from of_accounts(subjects, clock, LOOK_SECONDS)
    yield from premises(journal, [each.client_id for each in opened.values()], held=False)
    for account in list(opened.values())[:1]:
        yield of_instruments(account.instruments())
    yield of_calendar(published_calendar(), clock.now())


def _lines(findings: Table) -> str:
    """A line for each finding, with its advice below it."""
    lines = []
    for row in findings:
        about = f"{row['check']} {row['account'] or ''}".rstrip()
        lines.append(f"{row['severity']!s:8}{about}: {row['known']}")
        if row["advice"]:
            lines.append(f"{'':8}{row['advice']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
