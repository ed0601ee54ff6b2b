"""The broker's own kill switch at one follower: what was asked of it, and what is known."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import KillSwitchAnswered, KillSwitchRead, Outcome


@frozen(slots=True)
class Switch:
    """``on`` is None while nobody knows, ``asked`` what the request under way wants."""

    on: bool | None = False
    asked: bool | None = None
    wanted: bool = False
    """What was asked last."""
    unknown_since: datetime | None = None

    @property
    def may_be_on(self) -> bool:
        return self.on is not False or self.asked is True

    @property
    def is_unknown(self) -> bool:
        """Whether it is to be read: its answer was lost."""
        return self.on is None and self.asked is None


def turned(switch: Switch | None, on: bool) -> Switch:
    """A request is about to leave."""
    return evolve(switch or Switch(), asked=on, wanted=on)


def answered(switch: Switch | None, fact: KillSwitchAnswered, at: datetime) -> Switch:
    known = evolve(switch or Switch(), asked=None, wanted=fact.on)
    match fact.outcome:
        case Outcome.TAKEN:
            return evolve(known, on=fact.on, unknown_since=None)
        case Outcome.REFUSED:
            return known
        case Outcome.UNKNOWN:
            return evolve(known, on=None, unknown_since=at)


def read(switch: Switch | None, fact: KillSwitchRead, absence_window: timedelta) -> Switch:
    """A read that does not show what was wanted proves nothing for a while: the request may arrive late."""
    known = switch or Switch()
    if known.asked is not None:
        return known
    since = known.unknown_since
    if since is not None and fact.on is not known.wanted and fact.read_at < since + absence_window:
        return known
    return evolve(known, on=fact.on, unknown_since=None)


def taken_over(switch: Switch, at: datetime) -> Switch:
    """The same switch in a new process: what had not been answered may have left, and what is unknown is for as long
    again."""
    if switch.asked is None and switch.on is not None:
        return switch
    return evolve(switch, on=None, asked=None, unknown_since=at)


def postponed(switch: Switch, by: timedelta) -> Switch:
    """The same switch after the clock was set forward."""
    since = switch.unknown_since
    return switch if since is None else evolve(switch, unknown_since=since + by)
