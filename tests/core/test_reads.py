"""Which account is read when: sweeps by what is open, lookups with growing pauses, nothing twice at once."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import DriftDeclared
from dhan_copy.core.reads import ANSWER_OVERDUE, LONGEST_LOOKUP_PAUSE, ReadSchedule, needs_funds
from dhan_copy.core.requests import Query, ReadFunds, ReadOrders, ReadPositions, ReadQuotes
from dhan_copy.core.settings import CopierSettings, FollowerRules
from dhan_copy.core.state import State
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import Side
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.size import Ratio
from tests.core.make import FOLLOWER, START, TAG, after
from tests.core.world import LEADER, World

QUIET = State(settings=CopierSettings(leaders=(), followers=()))


def sweeps(world: World, seconds: int) -> list[tuple[float, str]]:
    """When which book was read."""
    begin = world.now
    world.sent.clear()
    for _ in range(seconds):
        world.tick()
    return [((at - begin).total_seconds(), c.account) for at, c in world.sent if isinstance(c, ReadOrders)]


def test_books_are_read_every_minute_while_nothing_is_open() -> None:
    world = World({"F": Fraction(1)})
    assert len([at for at, account in sweeps(world, 120) if account == "F"]) == 2


def test_books_are_read_every_ten_seconds_while_something_is_open() -> None:
    world = World({"F": Fraction(1)})
    world.place(Side.BUY, 1)
    times = [at for at, account in sweeps(world, 120) if account == "F"]
    assert max(later - earlier for earlier, later in zip(times, times[1:])) <= 10
    assert [account for _, account in sweeps(world, 20) if account == LEADER]


def test_an_account_that_lacks_a_position_is_read_every_ten_seconds_until_the_cause_is_known() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 1)
    world.fill_everything("F")
    world.manual["F"] = -world.net_position("F")
    gone = world.now
    for _ in range(180):  # the minute of the positions, the absence window, and two more looks
        world.tick()
    [declared] = [entry for entry in world.journal if isinstance(entry.fact, DriftDeclared)]
    assert isinstance(declared.fact, DriftDeclared)
    assert (declared.fact.reason, declared.fact.quantity) == (ReasonCode.MANUAL, -world.lot)
    assert declared.at - gone >= timedelta(seconds=90)
    assert len(sweeps(world, 120)) == 4, "the cause is known: once a minute again, for both accounts"


@given(waits=st.lists(st.floats(0.1, 30), min_size=1, max_size=40))
def test_a_lookup_is_asked_again_with_growing_pauses(waits: list[float]) -> None:
    schedule, query = ReadSchedule(), Query(follower=FOLLOWER, client_order_id=TAG)
    now, asked = START, []
    for wait in waits:
        schedule.want(query)
        if query in schedule.due(QUIET, now)[0]:
            asked.append(now)
            schedule.answered(query)
        now += timedelta(seconds=wait)
    pauses = [later - earlier for earlier, later in zip(asked, asked[1:])]
    for number, pause in enumerate(pauses):
        assert pause >= min(timedelta(seconds=1) * 2 ** min(number, 10), LONGEST_LOOKUP_PAUSE)


def test_prices_that_several_decisions_wait_for_are_one_question() -> None:
    schedule = ReadSchedule()
    keys = [InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId(number)) for number in ("1", "2", "1")]
    for key in keys:
        schedule.want(ReadQuotes(account=FOLLOWER, keys=(key,)))
    [read], _ = schedule.due(QUIET, START)
    assert isinstance(read, ReadQuotes) and read.keys == tuple(keys[:2])


def test_a_read_under_way_is_not_asked_again_until_it_is_overdue() -> None:
    schedule, read = ReadSchedule(), ReadPositions(account=FOLLOWER)
    schedule.want(read)
    assert schedule.due(QUIET, START)[0] == [read]
    schedule.want(read)
    ready, wake = schedule.due(QUIET, after(5))
    assert ready == []
    assert wake == START + ANSWER_OVERDUE
    assert schedule.due(QUIET, wake)[0] == [read]


def test_funds_are_read_only_for_sizers_that_look_at_them() -> None:
    class Curious:
        needs_funds = True

        def size(self, order: object, accounts: object) -> Ratio:
            return Ratio(1)

    assert needs_funds(FollowerRules(name=FOLLOWER, sizer=Curious()))
    assert not needs_funds(FollowerRules(name=FOLLOWER, sizer=Ratio(1)))
    world = World({"F": Fraction(1)}, sizers={"F": Curious()})
    assert {c.account for _, c in world.sent if isinstance(c, ReadFunds)} == {LEADER, "F"}
    assert not [c for _, c in World({"F": Fraction(1)}).sent if isinstance(c, ReadFunds)]
