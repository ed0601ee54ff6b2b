"""What the calendar has to say to a decision: refuse an entry where the policy wants that, else warn."""

from __future__ import annotations

from datetime import datetime

from dhan_copy.core.after_market import is_queued
from dhan_copy.core.facts import AlertRaised
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.settings import ClosedMarket, CopierSettings
from dhan_copy.core.state import waits
from dhan_copy.model.order import OrderReport
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.sessions import Phase
from dhan_copy.model.times import ist_date


def refusal(settings: CopierSettings, report: OrderReport, now: datetime) -> tuple[ReasonCode, str] | None:
    """Why the calendar is against an entry now. By default a closed market is not a reason: an order that the leader's
    broker has confirmed proves that the session is open."""
    policy = settings.policy
    if waits(report) or is_queued(settings.calendar, report, now):
        return None
    if policy.closed_market is ClosedMarket.DENY:
        phase, _ = settings.calendar.phase(report.segment, now)
        if phase is Phase.CLOSED:
            return ReasonCode.MARKET_CLOSED, settings.calendar.label(report.segment, now).text
    margin = policy.entries_stop_before_square_off
    if margin is not None and report.product.ends_with_day:
        day = settings.calendar.day(report.segment, ist_date(now))
        if day.square_off is not None and day.closes is not None and day.square_off - margin <= now < day.closes:
            return ReasonCode.SQUARE_OFF_NEAR, f"{report.product.value} positions are closed at {day.square_off:%H:%M}"
    return None


def warning(settings: CopierSettings, order: LeaderOrder, now: datetime) -> AlertRaised | None:
    """The alert for an order that is copied though the calendar calls the market closed, or does not know the year."""
    if waits(order.report) or is_queued(settings.calendar, order.report, now):
        return None  # it is placed at any hour
    segment = order.report.segment
    phase, known = settings.calendar.phase(segment, now)
    if known and phase is Phase.OPEN or not settings.calendar.has_timetable(segment):
        return None
    label = settings.calendar.label(segment, now)
    if phase is Phase.CLOSED:
        return AlertRaised(
            code="MARKET_CLOSED", what="an order is copied while the calendar calls the market closed", known=label.text,
            advice="The leader's broker has confirmed it, so it is copied. If the calendar is wrong, correct it with a file "
            "of your own; to refuse entries then, set Policy.closed_market.",
            account=order.leader, leader_order_id=order.report.order_id,
        )  # fmt: skip
    return AlertRaised(
        code="CALENDAR_UNKNOWN", what="the calendar does not know this day", known=label.text,
        advice="Every weekday is taken for a trading day. Install a newer release, or give a file of your own.",
        account=order.leader,
    )  # fmt: skip
