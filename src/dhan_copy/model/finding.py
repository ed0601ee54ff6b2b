"""What a look before going live has found, one value for each thing that was looked at."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from dhan_copy.model.ids import AccountName


class Check(Enum):
    """What is looked at. Its name stands in ``CopyEngine(skip_checks=...)``, its value says what it means."""

    ACCOUNT = "what the account's broker can say of itself"
    TOKEN = "the access token is there, is the account's, is taken, and lasts for the day"
    SEGMENTS = "the account may trade the segments"
    SOURCE_IP = "orders are taken from the address that they leave from"
    EDIS = "shares may be sold from the demat account without a TPIN"
    CLOCK = "this machine's clock and the broker's agree"
    SQLITE = "the SQLite library keeps what it commits"
    FOLDER = "the journal is in a folder of a local disk that may be written to, and that nothing else copies"
    DISK = "there is room for the journal"
    LOCK = "no other engine has the journal or a live account"
    INSTRUMENTS = "the list of instruments is today's"
    CALENDAR = "the exchanges' holidays are known for the weeks to come"


class Severity(Enum):
    """How bad it is."""

    OK = "OK"
    SKIPPED = "SKIPPED"
    """It could not be looked at here: nothing is known."""
    WARN = "WARN"
    """Something will go wrong, or may, but not all of it."""
    FATAL = "FATAL"
    """Live followers are not started."""


@frozen(kw_only=True)
class Finding:
    """``known`` is what was found, in a sentence; ``advice`` what to do, empty where nothing is to be done. ``account``
    is None for what concerns the machine."""

    check: Check
    severity: Severity
    known: str
    advice: str = ""
    account: AccountName | None = field(default=None)

    def __str__(self) -> str:
        about = f" {self.account}" if self.account else ""
        return f"{self.severity.value} {self.check.name}{about}: {self.known}" + (f" {self.advice}" if self.advice else "")
