"""Indian Standard Time: the one place where a naive time is localised."""

from __future__ import annotations

from datetime import date, datetime

import pytz

IST = pytz.timezone("Asia/Kolkata")
_LOCAL = IST.localize(datetime(2026, 1, 1)).tzinfo
"""What localised times of these days carry; pytz makes one object for each offset that a zone has had."""


def ist(naive: datetime) -> datetime:
    """Localise a naive wall time of Dhan's (always IST).

    ``datetime(..., tzinfo=IST)`` would be +05:53, Calcutta's mean time before 1906: pytz zones must be localised.
    """
    return IST.localize(naive)


def ist_date(moment: datetime) -> date:
    """The IST calendar day of an aware time: Dhan's day windows and DAY orders end with it."""
    if moment.tzinfo is _LOCAL:
        return moment.date()
    if moment.tzinfo is None:
        raise ValueError("an aware datetime is needed; localise Dhan's times with dhan_copy.model.times.ist")
    return moment.astimezone(IST).date()
