"""Whether an account's order stream can be relied on, or only the order book that is read beside it."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from dhan_copy.core.evolving import evolve
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.order import OrderReport

STEADY_AFTER = timedelta(seconds=75)
"""A connection that is lost sooner, and told nothing, was none: a refused login looks connected for a moment, and a dead
one until its watchdog barks (60 s)."""
FRAME_OVERDUE = timedelta(seconds=10)
"""News that the book shows this long after they happened should have come by the stream."""
CATCHING_UP = timedelta(seconds=5)
"""What happened before the stream is connected, or just then, is learnt from the book."""


@frozen(slots=True)
class Feed:
    """What is known of one account's stream."""

    connected_at: datetime | None = None
    lost_since: datetime | None = None
    """It is not connected at present."""
    lost_before: datetime | None = None
    """When the outage before the present connection began, until that has proved itself."""
    silent_since: datetime | None = None
    """It is connected, yet did not tell what the book shows."""

    @property
    def stale_since(self) -> datetime | None:
        """Since when the stream tells nothing; None while it does, as far as anybody knows."""
        return self.lost_since or self.silent_since


def connected(feed: Feed, at: datetime) -> Feed:
    return Feed(connected_at=at, lost_before=feed.lost_since or feed.lost_before, silent_since=feed.silent_since)


def lost(feed: Feed, at: datetime) -> Feed:
    """The stream is gone: since now, or since the outage that a short connection did not end."""
    if feed.lost_since is not None:
        return feed
    short = feed.connected_at is not None and at - feed.connected_at < STEADY_AFTER
    since = feed.silent_since or (feed.lost_before if short else None) or at
    return Feed(lost_since=since)


def told(feed: Feed) -> Feed:
    """The stream has told something: it works."""
    if feed.lost_since is None and feed.lost_before is None and feed.silent_since is None:
        return feed
    return Feed(connected_at=feed.connected_at)


def read_instead(feed: Feed, known: LeaderOrder | None, report: OrderReport, at: datetime) -> Feed:
    """The order book shows ``report``: news that the stream should have told long ago say that it is silent, though it
    may answer pings. Reports in TRANSIT, and rejections, are not announced in every case."""
    happened = report.updated_at
    if feed.connected_at is None or feed.silent_since is not None or happened is None or not report.status.is_confirmed:
        return feed
    late = at - happened > FRAME_OVERDUE and happened > feed.connected_at + CATCHING_UP
    return evolve(feed, silent_since=happened) if late and _is_news(known, report) else feed


def _is_news(known: LeaderOrder | None, report: OrderReport) -> bool:
    if known is None:
        return True
    old = known.report
    later = old.updated_at is None or (report.updated_at is not None and report.updated_at > old.updated_at)
    changed = (old.status, old.quantity, old.filled_quantity) != (report.status, report.quantity, report.filled_quantity)
    return later and changed


def postponed(feed: Feed, by: timedelta) -> Feed:
    """The same stream after the clock was set forward: it has not been lost for longer by that."""
    moved = (
        None if at is None else at + by for at in (feed.connected_at, feed.lost_since, feed.lost_before, feed.silent_since)
    )
    return Feed(*moved)
