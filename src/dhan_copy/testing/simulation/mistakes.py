"""What the user brings that is wrong: a calendar that calls days of trading closed, and a filter that raises."""

from __future__ import annotations

from datetime import date, time, timedelta
from random import Random
from zlib import crc32

from attrs import evolve, frozen

from dhan_copy.core.calendar import Calendar
from dhan_copy.core.filtering import Filter, Verdict
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.sessions import Holiday, Hours, SessionKind, SpecialDay
from dhan_copy.testing.simulation.market import LISTINGS

_ONE_IN = 7
_SOURCE = "a mistake"


@frozen
class Careless(Filter):
    """Lets every order through, but for one in seven, told by their ids, at which it raises."""

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        if raises_at(order.report.order_id):
            raise ZeroDivisionError("a mistake of the user's")
        return Verdict(True, "")


def raises_at(order_id: BrokerOrderId) -> bool:
    """Whether :class:`Careless` does so."""
    return crc32(order_id.encode()) % _ONE_IN == 0


def wrong_calendar(random: Random, first: date, days: int) -> Calendar:
    """The published one, with holidays and hours that the simulated exchanges do not keep."""
    holidays, specials = [], []
    noon = Hours(kind=SessionKind.SPECIAL, opens=time(12), closes=time(13))
    for segment in sorted({listing.key.segment for listing in LISTINGS}, key=lambda each: each.value):
        for day in (first + timedelta(days=number) for number in range(days)):
            dice = random.random()
            if dice < 0.3:
                holidays.append(Holiday(segment=segment, day=day, name="no holiday", source=_SOURCE))
            elif dice < 0.6:
                specials.append(SpecialDay(segment=segment, day=day, name="noon", hours=(noon,), source=_SOURCE))
    return evolve(published_calendar(), over=Calendar(holidays=tuple(holidays), specials=tuple(specials)))
