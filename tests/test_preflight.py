"""What the engine makes of what accounts, instruments and calendar say; the rows are in scenarios/test_preflight.py."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.model.ids import AccountName
from dhan_copy.model.times import ist
from dhan_copy.preflight import Subject, as_table, not_ready, of_accounts, of_instruments
from dhan_copy.protocols import Clock
from dhan_copy.testing import VirtualClock
from tests.runtime.fakes import PATIENCE_SECONDS

CLOCK = VirtualClock(ist(datetime(2026, 8, 3, 9, 0)))
BAD = Finding(check=Check.TOKEN, severity=Severity.FATAL, known="refused.", advice="Renew it.")


class Account:
    def __init__(self, meet: threading.Barrier | None = None) -> None:
        self.meet = meet

    def preflight(self, clock: Clock, *, places_orders: bool) -> Sequence[Finding]:
        if self.meet is not None:
            self.meet.wait(PATIENCE_SECONDS)
        return [BAD]


def subject(name: str, account: object, *, needed: bool = True) -> Subject:
    return Subject(AccountName(name), lambda: account, places_orders=needed, needed=needed)


@pytest.mark.parametrize("seconds", [PATIENCE_SECONDS, None])
def test_findings_come_under_the_names_of_the_accounts_and_in_their_order(seconds: float | None) -> None:
    subjects = [subject("B", Account()), subject("A", Account(), needed=False), subject("C", object())]
    found = of_accounts(subjects, CLOCK, seconds)
    assert [(each.account, each.severity) for each in found] == [
        ("B", Severity.FATAL), ("A", Severity.WARN), ("C", Severity.SKIPPED),
    ]  # fmt: skip


def test_with_threads_a_slow_account_delays_no_other() -> None:
    meet = threading.Barrier(2)
    found = of_accounts([subject("A", Account(meet)), subject("B", Account(meet))], CLOCK, PATIENCE_SECONDS)
    assert [each.severity for each in found] == [Severity.FATAL] * 2, "each waits for the other"


def test_an_account_that_does_not_answer_holds_nobody_up() -> None:
    meet = threading.Barrier(2)
    found = of_accounts([subject("A", Account(meet)), subject("B", Account())], CLOCK, 0.05)
    assert [(each.account, each.check, each.severity) for each in found if each.account == "A"] == [
        ("A", Check.ACCOUNT, Severity.WARN)
    ]
    meet.abort()


def test_the_error_lists_what_is_fatal() -> None:
    error = not_ready([BAD])
    assert error.findings == (BAD,)
    assert "[TOKEN] refused. Renew it." in str(error) and "skip_checks" in str(error)


@pytest.mark.parametrize(("hours", "severity"), [(20, Severity.OK), (20.1, Severity.WARN)])
def test_a_list_of_yesterday_is_stale(hours: float, severity: Severity) -> None:
    class Listed:
        def age(self) -> timedelta:
            return timedelta(hours=hours)

    assert of_instruments(Listed()).severity is severity


@pytest.mark.parametrize("age", ["yesterday", 5])
def test_an_age_of_another_kind_says_nothing(age: object) -> None:
    class Listed:
        def age(self) -> object:
            return age

    assert of_instruments(Listed()).severity is Severity.SKIPPED


def test_a_table_without_findings_is_empty() -> None:
    assert len(as_table([])) == 0
