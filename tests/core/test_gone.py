"""The cause of what is gone: by the list of instruments, by what appeared elsewhere, by the hour."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

import pytest
from attrs import evolve

from dhan_copy.core.gone import cause_of
from dhan_copy.core.state import State, Suspect
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Product
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.times import ist
from tests.core.make import FOLLOWER, KEY
from tests.core.world import World

NAME = (FOLLOWER, KEY, Product.MARGIN)


def at(hour: int, minute: int = 0) -> datetime:
    return ist(datetime(2026, 11, 20, hour, minute))


@pytest.mark.parametrize(
    ("expiry", "converted_to", "since", "now", "reason"),
    [
        (date(2026, 11, 19), Product.CNC, at(8), at(9), ReasonCode.EXPIRED),
        (date(2026, 11, 20), None, at(11), at(12), ReasonCode.MANUAL),
        (date(2026, 11, 20), None, at(16), at(17), ReasonCode.EXPIRED),
        (date(2026, 11, 26), Product.CNC, at(8), at(9), ReasonCode.CONVERTED),
        (None, None, at(8), at(12), ReasonCode.GONE_OVERNIGHT),
        (None, None, at(10), at(12), ReasonCode.MANUAL),
    ],
    ids=["expired", "today, still open", "today, closed", "converted", "over night", "by day"],
)
def test_d4_the_first_cause_that_evidence_tells(
    expiry: date | None, converted_to: Product | None, since: datetime, now: datetime, reason: ReasonCode
) -> None:
    def known(key: InstrumentKey) -> date | None:
        return expiry if key == KEY else None

    settings = evolve(World({"F": Fraction(1)}).copier.settings, expiry=known, calendar=published_calendar())
    suspect = Suspect(75, 1, since, confirmed=True, converted_to=converted_to)
    assert cause_of(State(settings=settings), NAME, suspect, now)[0] is reason


def test_d4_without_list_and_calendar_it_was_somebodys_hand() -> None:
    state = State(settings=World({"F": Fraction(1)}).copier.settings)
    assert cause_of(state, NAME, Suspect(75, 1, at(3)), at(4))[0] is ReasonCode.MANUAL
