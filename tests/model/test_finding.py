"""A finding in a line."""

from __future__ import annotations

from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.model.ids import AccountName


def test_a_finding_reads_as_a_line() -> None:
    found = Finding(check=Check.DISK, severity=Severity.WARN, known="3 MB are free.", advice="Make room.")
    assert str(found) == "WARN DISK: 3 MB are free. Make room."
    fine = Finding(check=Check.TOKEN, severity=Severity.OK, known="it is taken.", account=AccountName("F"))
    assert str(fine) == "OK TOKEN F: it is taken."
