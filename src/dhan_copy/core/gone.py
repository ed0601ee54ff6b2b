"""Why what was copied is no longer in a follower's account, as far as evidence tells: it is never traded against."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from dhan_copy.core.facts import DriftDeclared
from dhan_copy.core.state import State, Suspect
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Product
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.times import ist_date


def cause_of(
    state: State, name: tuple[AccountName, InstrumentKey, Product], suspect: Suspect, now: datetime
) -> tuple[ReasonCode, str]:
    """The reason and what it was told by. Somebody's hand is what is left."""
    _, key, _ = name
    expiry, today = state.settings.expiry(key), ist_date(now)
    trading_day = state.settings.calendar.day(key.segment, today)
    closed = trading_day.closes is not None and now >= trading_day.closes
    if expiry is not None and (expiry < today or (expiry == today and closed)):
        return ReasonCode.EXPIRED, f"expired on {expiry.isoformat()}"
    if suspect.converted_to is not None:
        return ReasonCode.CONVERTED, f"as many have appeared as {suspect.converted_to.value}"
    opens = min((session.opens for session in trading_day.sessions), default=None)
    if opens is not None and suspect.since < opens:
        return ReasonCode.GONE_OVERNIGHT, f"missed since {suspect.since.isoformat()}, before the market opened"
    return ReasonCode.MANUAL, "the account's net position shows less than was copied"


def taken(
    state: State, name: tuple[AccountName, InstrumentKey, Product], suspect: Suspect, now: datetime
) -> Iterator[DriftDeclared]:
    """What is proven to be missing, from the holdings that it is taken from."""
    reason, detail = cause_of(state, name, suspect, now)
    missing = suspect.missing
    for stake_key, stake in [(key, stake) for key, stake in state.stakes.items() if key[1:4] == name]:
        units = min(missing, stake.closable(-suspect.side * stake.turn))
        if units:
            missing -= units
            yield DriftDeclared(
                leader=stake_key[0], follower=name[0], key=name[1], product=name[2], tree=stake_key[4],
                quantity=Fraction(-units * suspect.side * stake.turn), reason=reason, detail=detail,
            )  # fmt: skip
