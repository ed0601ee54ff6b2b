"""After-market orders: the session that one is for, and until when it waits.

No channel of Dhan's tells the slot of an order (``amoTime`` is in no row and no frame), nor the day on which it is sent to
the exchange. The day follows from the calendar, or is unknown.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dhan_copy.core.calendar import LOOK_AHEAD, Calendar
from dhan_copy.model.order import OrderReport, Variety
from dhan_copy.model.sessions import Session, SessionKind
from dhan_copy.model.times import ist_date

BEFORE_THE_OPENING = timedelta(minutes=1)
"""So long before a session nothing is sent as an after-market order: it might be queued for the session after it."""


def session_of(calendar: Calendar, report: OrderReport) -> Session | None:
    """The first session (pre-open aside) that opens after an after-market order was placed; None where the calendar does
    not know every day until then, or nobody has told when it was placed."""
    placed = report.created_at
    if placed is None:
        return None
    day = ist_date(placed)
    for _ in range(LOOK_AHEAD.days):
        found = calendar.day(report.segment, day)
        if not (found.known and found.hours_known):
            return None
        openings = [session for session in found.sessions if session.kind is not SessionKind.PRE_OPEN]
        if openings and placed < openings[0].opens:
            return openings[0]
        day += timedelta(days=1)
    return None


def is_queued(calendar: Calendar, report: OrderReport, now: datetime) -> bool:
    """Whether it is an after-market order that has not gone to the exchange, as far as is known."""
    if report.variety is not Variety.AFTER_MARKET or report.status.is_terminal or report.filled_quantity:
        return False
    session = session_of(calendar, report)
    return session is None or now < session.opens
