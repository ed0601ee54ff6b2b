"""What Dhan says of an account before anything is sent: two reads, and no order is risked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

from attrs import frozen

from dhan_copy.dhan.fields import Fields, label, optional_identifier
from dhan_copy.dhan.frames import mapping
from dhan_copy.dhan.reads import verdict
from dhan_copy.dhan.session import Outcome, Session
from dhan_copy.errors import AuthenticationError, BrokerError, UnreadableReport
from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.model.ids import AccountName
from dhan_copy.model.times import IST, ist, ist_date
from dhan_copy.protocols import Clock

CLOCKS_APART = timedelta(seconds=2)
CLOCKS_FAR_APART = timedelta(seconds=20)
"""Entries are judged by their age, with 30 s by default: beyond this half of them would be skipped, or none ever."""
_DATE_RESOLUTION = timedelta(seconds=1)
_LASTS_AT_LEAST = timedelta(hours=6)
_SEGMENTS = ("Equity", "Derivative", "Currency", "Commodity")
"""The words of ``activeSegment`` (documentation of v2, "User Profile")."""
_RENEW = "Make a new one at web.dhan.co, or have it renewed where the account's token function reads it."


@frozen
class _Asked:
    """An answer, and between which moments of our clock the server gave it."""

    outcome: Outcome
    before: datetime
    after: datetime


def account_findings(session: Session, account: AccountName, clock: Clock, *, places_orders: bool) -> Sequence[Finding]:
    """Reads ``GET /profile``, and for an account that ``places_orders`` ``GET /ip/getIP``. Never raises for what they
    answer."""
    asked = _asked(session, "/profile", clock)
    findings = [*_of_profile(session, account, asked, places_orders), _clock(account, asked)]
    if places_orders:
        findings.append(_source_ip(account, session.get("/ip/getIP")))
    return findings


def _asked(session: Session, path: str, clock: Clock) -> _Asked:
    before = clock.now()
    outcome = session.get(path)
    return _Asked(outcome, before, clock.now())


def _read(what: str, outcome: Outcome, account: AccountName) -> Fields:
    return mapping(verdict(what, outcome, account), what)


# The profile: token, segments, eDIS


def _of_profile(session: Session, account: AccountName, asked: _Asked, places_orders: bool) -> Iterator[Finding]:
    expiry = session.token_expires_at()
    try:
        profile = _read("profile", asked.outcome, account)
        found = [_token(account, profile, expiry, asked.after), _segments(account, profile)]
        yield from [*found, _edis(account, profile)] if places_orders else found
    except AuthenticationError as refused:
        over = f" It ended at {_time(expiry)}." if expiry is not None and expiry <= asked.after else ""
        known = f"the access token is refused: {refused.text or refused.message}.{over}"
        yield Finding(check=Check.TOKEN, severity=Severity.FATAL, known=known, advice=_RENEW, account=account)
    except (BrokerError, UnreadableReport) as error:
        known = f"whether the access token is taken could not be told: {error.message}."
        advice = "Check network, DNS and proxy, and look again."
        yield Finding(check=Check.TOKEN, severity=Severity.WARN, known=known, advice=advice, account=account)


def _token(account: AccountName, profile: Fields, expiry: datetime | None, now: datetime) -> Finding:
    owner = optional_identifier(profile, "dhanClientId")
    if owner is not None and owner != account:
        known = f"the access token is that of {owner}."
        advice = "Give each account its own token: orders would be placed in the other one."
        return Finding(check=Check.TOKEN, severity=Severity.FATAL, known=known, advice=advice, account=account)
    ends = min((at for at in (expiry, _validity(profile)) if at is not None), default=None)
    if ends is None:
        known, advice = "the access token is taken; until when is not known.", "Dhan's tokens last 24 hours."
        return Finding(check=Check.TOKEN, severity=Severity.WARN, known=known, advice=advice, account=account)
    if ist_date(ends) <= ist_date(now) or ends - now < _LASTS_AT_LEAST:
        known = f"the access token is taken, but {'ends' if ends > now else 'should have ended'} at {_time(ends)}."
        return Finding(check=Check.TOKEN, severity=Severity.WARN, known=known, advice=_RENEW, account=account)
    known = f"the access token is taken, and lasts until {_time(ends)}."
    return Finding(check=Check.TOKEN, severity=Severity.OK, known=known, account=account)


def _validity(profile: Fields) -> datetime | None:
    """``tokenValidity``: DD/MM/YYYY HH:MM in IST (documentation of v2, "User Profile")."""
    try:
        return ist(datetime.strptime(label(profile, "tokenValidity"), "%d/%m/%Y %H:%M"))
    except ValueError:
        return None


def _segments(account: AccountName, profile: Fields) -> Finding:
    if profile.get("activeSegment") is None:
        known, advice = "the profile does not name the active segments.", "Look at them in Dhan's app."
        return Finding(check=Check.SEGMENTS, severity=Severity.WARN, known=known, advice=advice, account=account)
    active = [word.strip() for word in label(profile, "activeSegment").split(",") if word.strip()]
    if not active:
        known, advice = "no segment is active.", "Activate segments at Dhan: orders of others are refused (DH-903)."
        return Finding(check=Check.SEGMENTS, severity=Severity.FATAL, known=known, advice=advice, account=account)
    missing = [word for word in _SEGMENTS if word not in active]
    if missing:
        known = f"active: {', '.join(active)}; not active: {', '.join(missing)}."
        advice = "Orders of those are refused (DH-903): activate them at Dhan if they are to be copied."
        return Finding(check=Check.SEGMENTS, severity=Severity.WARN, known=known, advice=advice, account=account)
    return Finding(check=Check.SEGMENTS, severity=Severity.OK, known=f"active: {', '.join(active)}.", account=account)


def _edis(account: AccountName, profile: Fields) -> Finding:
    ddpi = label(profile, "ddpi")
    if ddpi == "Active":
        return Finding(check=Check.EDIS, severity=Severity.OK, known="shares are sold under a DDPI.", account=account)
    known = f"there is no active DDPI ({ddpi or 'the profile does not say'}): CNC sells of shares held want a TPIN each day."
    advice = "Authorise the sale (eDIS) before the market opens, or give Dhan a DDPI; exits of shares are rejected until then."
    return Finding(check=Check.EDIS, severity=Severity.WARN, known=known, advice=advice, account=account)


# The address


def _source_ip(account: AccountName, outcome: Outcome) -> Finding:
    """Documented are the two registered addresses; answers also tell the address that was seen and whether it is taken
    (``detectedIP``, ``ordersAllowed``, ``ipMatchStatus``: observed in 2026, in no documentation)."""
    try:
        found = _read("addresses", outcome, account)
        registered = [ip for name in ("primaryIP", "secondaryIP") if (ip := label(found, name))]
        seen, match = label(found, "detectedIP"), label(found, "ipMatchStatus")
    except (BrokerError, UnreadableReport) as error:
        known = f"whether orders are taken from here could not be told: {error.message}."
        advice = "An address that is not registered shows only when an order is refused (DH-905 Invalid IP)."
        return Finding(check=Check.SOURCE_IP, severity=Severity.WARN, known=known, advice=advice, account=account)
    told = f"registered: {', '.join(registered) or 'none'}; seen: {seen or 'not told'}{f' ({match})' if match else ''}."
    allowed = found.get("ordersAllowed")
    if not isinstance(allowed, bool):
        allowed = _judged(registered, seen) if "primaryIP" in found else None
    if allowed is None:
        known = f"{told} Whether orders leave from there is not told."
        advice = "Compare it with the address of this machine, or of the account's proxy; each account needs one of its own."
        return Finding(check=Check.SOURCE_IP, severity=Severity.WARN, known=known, advice=advice, account=account)
    if allowed:
        return Finding(check=Check.SOURCE_IP, severity=Severity.OK, known=told, account=account)
    known = f"orders are not taken from here. {told}"
    advice = "Register this address at Dhan (it can be changed every 7 days), or set source_address or proxy of the account."
    return Finding(check=Check.SOURCE_IP, severity=Severity.FATAL, known=known, advice=advice, account=account)


def _judged(registered: Sequence[str], seen: str) -> bool | None:
    """Whether orders are taken, by the addresses alone; an IPv6 address has several spellings."""
    if not registered:
        return False
    try:
        return ip_address(seen) in {ip_address(each) for each in registered} if seen else None
    except ValueError:
        return None


# The clock


def _clock(account: AccountName, asked: _Asked) -> Finding:
    """Compares our clock with the ``Date`` of an answer, which is cut to the second and was set while we waited."""
    served = asked.outcome.answer.served_at
    if served is None:
        known, advice = "the answer has no Date to compare clocks by.", "Keep the clock set by NTP."
        return Finding(check=Check.CLOCK, severity=Severity.SKIPPED, known=known, advice=advice, account=account)
    ahead, behind = asked.before - (served + _DATE_RESOLUTION), served - asked.after
    apart = max(ahead, behind, timedelta(0))
    if apart <= CLOCKS_APART:
        known = "this machine's clock and Dhan's agree to within seconds."
        return Finding(check=Check.CLOCK, severity=Severity.OK, known=known, account=account)
    word = "ahead of" if ahead > behind else "behind"
    severity = Severity.FATAL if apart > CLOCKS_FAR_APART else Severity.WARN
    known = f"this machine's clock is {apart.total_seconds():.0f} s or more {word} Dhan's."
    advice = "Set it by NTP: how old an order is, and whether it is copied, is judged by it."
    return Finding(check=Check.CLOCK, severity=severity, known=known, advice=advice, account=account)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(IST):%d %B %Y %H:%M} IST"
