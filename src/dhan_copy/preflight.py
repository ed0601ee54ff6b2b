"""Looks for what would go wrong, before anything is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import evolve, frozen

from dhan_copy.core.calendar import Calendar
from dhan_copy.display import Table
from dhan_copy.errors import NotReady
from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.times import ist_date
from dhan_copy.protocols import AccountChecks, Clock
from dhan_copy.runtime.desk import words

CALENDAR_SHORT = timedelta(days=45)
LIST_STALE = timedelta(hours=20)
_COLUMNS = ("severity", "check", "account", "known", "advice")
_CANNOT_SAY = "its broker cannot say anything of token, segments, address and clock."


@frozen
class Subject:
    """An account to be looked at. ``open`` gives what can answer for it, and None where nothing can; what is found of
    one that is ``needed`` may be fatal (a follower on paper is not)."""

    name: AccountName
    open: Callable[[], object]
    places_orders: bool
    needed: bool


def of_accounts(subjects: Sequence[Subject], clock: Clock, seconds: float | None) -> tuple[Finding, ...]:
    """What the accounts' brokers say: all asked at once, for at most ``seconds`` in all, or one after the other on this
    thread (None)."""
    found: dict[AccountName, tuple[Finding, ...]] = {}

    def ask(subject: Subject) -> None:
        found[subject.name] = _of_account(subject, clock)

    if seconds is None:
        for subject in subjects:
            ask(subject)
    else:
        asking = [threading.Thread(target=ask, args=(each,), name="dhan_copy preflight", daemon=True) for each in subjects]
        for thread in asking:
            thread.start()
        end = time.monotonic() + seconds
        for thread in asking:
            thread.join(max(0.0, end - time.monotonic()))
    return tuple(finding for subject in subjects for finding in found.get(subject.name) or (_silent(subject.name),))


def _silent(name: AccountName) -> Finding:
    known, advice = "its broker did not answer in time.", "Check network, DNS and proxy, and look again."
    return Finding(check=Check.ACCOUNT, severity=Severity.WARN, known=known, advice=advice, account=name)


def _of_account(subject: Subject, clock: Clock) -> tuple[Finding, ...]:
    try:
        checks = subject.open()
        if not isinstance(checks, AccountChecks):
            return (Finding(check=Check.ACCOUNT, severity=Severity.SKIPPED, known=_CANNOT_SAY, account=subject.name),)
        told = checks.preflight(clock, places_orders=subject.places_orders)
        findings = tuple(evolve(finding, account=subject.name) for finding in told)
    except Exception as error:
        known = f"it could not be looked at: {words(error)}."
        return (Finding(check=Check.ACCOUNT, severity=Severity.WARN, known=known, account=subject.name),)
    if subject.needed:
        return findings
    return tuple(evolve(each, severity=_lesser(each.severity)) for each in findings)


def _lesser(severity: Severity) -> Severity:
    return Severity.WARN if severity is Severity.FATAL else severity


def of_instruments(instruments: object) -> Finding:
    """How old the list is, where it says so: ``age()`` is that of :class:`~dhan_copy.dhan.InstrumentList`."""
    ask = getattr(instruments, "age", None)
    if not callable(ask):
        return Finding(check=Check.INSTRUMENTS, severity=Severity.SKIPPED, known="the instruments are the user's own.")
    age = ask()
    if age is None:
        known, advice = (
            "there is no list of instruments yet.",
            "It is fetched when the first order needs it; refresh() fetches it now.",
        )
        return Finding(check=Check.INSTRUMENTS, severity=Severity.WARN, known=known, advice=advice)
    if not isinstance(age, timedelta):
        return Finding(check=Check.INSTRUMENTS, severity=Severity.SKIPPED, known="how old the instruments are is not told.")
    known = f"the list of instruments is {age.total_seconds() / 3600:.0f} hours old."
    if age <= LIST_STALE:
        return Finding(check=Check.INSTRUMENTS, severity=Severity.OK, known=known)
    advice = "A contract that was listed since then is looked for when it is traded; refresh() fetches the list now."
    return Finding(check=Check.INSTRUMENTS, severity=Severity.WARN, known=known, advice=advice)


def of_calendar(calendar: Calendar, now: datetime) -> Finding:
    """Until when holidays are known, for the segment where that ends first."""
    today = ist_date(now)
    segments = [segment for segment in ExchangeSegment if calendar.has_timetable(segment)]
    if not segments:
        known = "there is no calendar here: every moment counts as a session."
        return Finding(check=Check.CALENDAR, severity=Severity.SKIPPED, known=known)
    ends = {segment: calendar.known_until(segment, today) for segment in segments}
    first = min(segments, key=lambda segment: (ends[segment] is not None, ends[segment] or today))
    end = ends[first]
    advice = "Upgrade dhan-copy, or give the days yourself (load_calendar); nothing is refused for it."
    if end is None:
        known = f"the holidays of {today.year} are not known for {first.value}."
        return Finding(check=Check.CALENDAR, severity=Severity.WARN, known=known, advice=advice)
    known = f"holidays are known until {end} ({first.value})."
    if end - today < CALENDAR_SHORT:
        return Finding(check=Check.CALENDAR, severity=Severity.WARN, known=known, advice=advice)
    return Finding(check=Check.CALENDAR, severity=Severity.OK, known=known)


def not_ready(fatal: Sequence[Finding]) -> NotReady:
    """The error that lists them."""
    told = (
        f"[{each.check.name}{f' {each.account}' if each.account else ''}] {each.known} {each.advice}".strip() for each in fatal
    )
    return NotReady(f"live followers are not started: {' '.join(told)}", findings=fatal)


def as_table(findings: Sequence[Finding]) -> Table:
    """The findings, the worst first."""
    order = (Severity.FATAL, Severity.WARN, Severity.SKIPPED, Severity.OK)
    ranked = sorted(findings, key=lambda finding: order.index(finding.severity))
    rows = [
        {
            "severity": each.severity, "check": each.check.name, "account": each.account, "known": each.known,
            "advice": each.advice or None,
        }
        for each in ranked
    ]  # fmt: skip
    return Table.of("preflight", _COLUMNS, rows)
