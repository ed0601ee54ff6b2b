"""One tree of errors. Each says what happened, which ids are concerned, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dhan_copy.core.facts import Refusal
from dhan_copy.model.finding import Finding


class DhanCopyError(Exception):
    """The root. ``advice`` says what to do next; ``ids`` names what is concerned (never a secret)."""

    advice: ClassVar[str] = ""

    def __init__(self, message: str, *, advice: str | None = None, **ids: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.what_to_do = self.advice if advice is None else advice
        self.ids = {name: value for name, value in ids.items() if value is not None}

    def __str__(self) -> str:
        concerned = ", ".join(f"{name} {value}" for name, value in self.ids.items())
        parts = [self.message + (f" ({concerned})" if concerned else "")]
        if self.what_to_do:
            parts.append(self.what_to_do)
        return " - ".join(parts)


class ConfigurationError(DhanCopyError):
    """The settings contradict each other or name something that does not exist."""


class NotReady(DhanCopyError):
    """A look at accounts and machine before going live has found what live followers must not start with;
    ``findings`` are the fatal ones."""

    advice = "Nothing was sent. Do what each finding says, or leave a check out by its name: skip_checks=[...]."

    def __init__(self, message: str, *, findings: Sequence[Finding] = (), advice: str | None = None, **ids: str | None) -> None:
        super().__init__(message, advice=advice, **ids)
        self.findings = tuple(findings)


class Misspelt(ConfigurationError, ValueError):
    """A setting that is not known, or a value that it cannot have. ``path`` leads to it; ``line`` is its line in the
    settings file, where there is one."""

    def __init__(self, message: str, path: tuple[str | int, ...] = (), *, line: int | None = None, **ids: str | None) -> None:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        at = f"line {line}: " if line is not None else ""
        super().__init__(f"{at}{where}: {message}" if where else f"{at}{message}", **ids)
        self.problem = message
        self.path = path
        self.line = line


class ValidationError(DhanCopyError, ValueError):
    """A value given by the user is not possible."""


class SizingError(DhanCopyError):
    """A sizer cannot say how large a copy should be: the order is declined and the reason recorded."""

    advice = "The order was declined; check the sizer's inputs."


class InstrumentsUnavailable(DhanCopyError):
    """The list of instruments could not be fetched, or is not there."""

    advice = "What was fetched before goes on being used. Check the network, or download the file by hand."


class FundsUnknown(SizingError):
    """A sizer needs funds that could not be read: unknown is not zero."""

    advice = "The order was declined; see why the account's funds cannot be read."


class StopUnknown(SizingError):
    """A sizer needs the price at which the leader gives up, and there is none that limits the loss."""

    advice = "The order was declined; such a sizer copies entries that the leader protects with a stop."


class UnreadableReport(DhanCopyError, ValueError):
    """A frame or row that does not parse; ``field_name`` names the field at fault."""

    advice = "The frame is kept in the journal and the order book is read instead."

    def __init__(self, message: str, *, field_name: str | None = None, **ids: str | None) -> None:
        super().__init__(message, **ids)
        self.field_name = field_name


class StoreError(DhanCopyError):
    """The journal could not be read or written: nothing is sent without it."""

    advice = "Nothing was sent. Repair the cause and start again on the same file."


class StoreLocked(StoreError):
    """Another engine holds this journal, or this follower account."""

    advice = "Stop the other engine first; its lock goes with its process."


class StoreCorrupt(StoreError):
    """The journal is damaged or not a journal of this library."""

    advice = "Restore the file from a backup of this session, or start with a new file and rebuild=True."


class JournalLost(StoreError):
    """A follower's book of today shows orders of this library that the journal does not know: it is not the journal
    that they were placed by. ``ids`` names the follower."""

    advice = "Put the journal back that was written last, or start with rebuild=True to adopt what today's books show."


class StoreTooNew(StoreError):
    """The journal was written by a later release."""

    advice = "Upgrade dhan-copy to the release that wrote it."


class BrokerError(DhanCopyError):
    """An answer, or the lack of one, of a broker. ``code`` and ``text`` are the broker's own."""

    def __init__(self, message: str, *, code: str = "", text: str = "", **ids: str | None) -> None:
        super().__init__(message, **ids)
        self.code = code
        self.text = text


class Rejected(BrokerError):
    """A definite no: the request had no effect. ``final`` says that asking again is useless."""

    refusal: ClassVar[Refusal] = Refusal.OTHER
    final: bool = True

    def __init__(self, message: str, *, code: str = "", text: str = "", final: bool | None = None, **ids: str | None) -> None:
        super().__init__(message, code=code, text=text, **ids)
        if final is not None:
            self.final = final


class PlacementRejected(Rejected):
    """The broker refused to place the order."""

    advice = "Read the broker's text; the leader's later orders are not affected."


class KillSwitchRefused(Rejected):
    """The broker did not turn its kill switch, or it had no effect."""

    advice = (
        "Dhan refuses while a position or an order is open: flatten the follower, wait until it is flat, and ask again. "
        "It stays halted."
    )


class ModificationRejected(Rejected):
    """The broker refused to change the order."""

    advice = "The order stands as it was; the order book is read again."


class CancellationRejected(Rejected):
    """The broker refused to cancel the order."""

    advice = "The order book is read again; it may have filled meanwhile."


class OrderStateChanged(Rejected):
    """The order has changed since we last looked (\"Order Has Traded Please Refresh Order Book\")."""

    refusal = Refusal.ORDER_STATE
    advice = "The order book is read and the state corrected."


class AuthenticationError(Rejected):
    """The client id or token is wrong, expired or replaced (DH-901, or DH-906 \"Invalid Token\")."""

    refusal = Refusal.AUTHENTICATION
    final = False
    advice = "Give the account a new access token; it is used from the next request on."


class AddressRejected(Rejected):
    """The source IP is not the one registered for the account (DH-905 \"Invalid IP\")."""

    refusal = Refusal.IP
    final = False
    advice = "Register this machine's IP with Dhan, or bind the account to a source address or proxy."


class InsufficientFunds(Rejected):
    """The account cannot pay for the order."""

    refusal = Refusal.FUNDS
    advice = "Add funds or lower the follower's size; the order is not tried again."


class RateLimited(Rejected):
    """Too many requests (HTTP 429 or DH-904): the request was not taken and may be sent later."""

    refusal = Refusal.RATE_LIMIT
    final = False
    advice = "Nothing to do: the request waits for the window. If it recurs, lower the account's limits."

    def __init__(self, message: str, *, retry_after_seconds: float | None = None, **kwargs: str | None) -> None:
        super().__init__(message, **kwargs)  # type: ignore[arg-type]
        self.retry_after_seconds = retry_after_seconds


class MarketClosed(Rejected):
    """The exchange takes no orders now."""

    refusal = Refusal.MARKET_CLOSED
    advice = "Wait for the session, or place an after-market order by hand."


class PriceRejected(Rejected):
    """The price is outside the exchange's band, off the tick, or contradicts the trigger."""

    refusal = Refusal.PRICE
    advice = "Check the leader's price against the follower's exchange limits."


class ConnectionFailed(Rejected):
    """No connection could be opened, so the request never left."""

    final = False
    advice = "It may be sent again while it is still wanted; check network, DNS, proxy and source address."


class CoverOrderError(Rejected):
    """A cover order cannot be placed this way: no document names the field of its stop."""


class BracketOrderError(Rejected):
    """A bracket order cannot be placed this way."""


class Unresolved(BrokerError):
    """Nobody knows whether the request was executed: it is looked up, never sent again blindly."""

    advice = "The order is looked up by its tag and in the order book before anything else is done."


class RequestTimedOut(Unresolved):
    """No answer within the HTTP timeout: the request may have been executed."""


class ReadError(BrokerError):
    """A read (order book, positions, funds) failed: what is known stays as it was."""

    advice = "Nothing was changed; the read is repeated."


class FeedError(DhanCopyError):
    """The order-update socket."""


class FeedConnectionError(FeedError):
    """The socket could not be opened or broke."""

    advice = "It reconnects by itself; check network and DNS if this lasts."


class FeedTimeout(FeedError):
    """The socket said nothing and answered no ping."""

    advice = "It reconnects by itself; the order book is polled meanwhile."


class FeedLoginRefused(FeedError):
    """Dhan resets the socket after a bad login; the REST profile confirmed that the token is not valid."""

    advice = "Give the account a new access token."
