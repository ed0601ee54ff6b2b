"""Positions that the user named count once; later the journal knows better."""

from __future__ import annotations

from dhan_copy.core.facts import Channel, EngineStarted, Entry, Fact, LeaderReported, SourceStarted
from dhan_copy.core.settings import CopierSettings, LeaderRules
from dhan_copy.core.fold import fold
from dhan_copy.core.state import State
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import OrderStatus, Product
from dhan_copy.runtime.given import given_positions
from tests.runtime.fakes import LEADER, START, report

KEY = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("50001"))
GIVEN = {LEADER: {(KEY, Product.INTRADAY): -75}}


def held(state: State) -> list[int]:
    (fact,) = given_positions(state, GIVEN, START)
    assert (fact.account, fact.read_at) == (LEADER, START)
    assert all((p.key, p.product) == (KEY, Product.INTRADAY) for p in fact.positions)
    return [position.net_quantity for position in fact.positions]


def test_at_first_what_was_said_and_later_what_the_fills_made_of_it() -> None:
    state = State(settings=CopierSettings(leaders=(LeaderRules(name=LEADER),), followers=()))
    assert held(state) == [-75]
    (first,) = given_positions(state, GIVEN, START)
    filled = LeaderReported(leader=LEADER, report=report(filled=150, status=OrderStatus.TRADED), channel=Channel.STREAM)
    facts: list[Fact] = [EngineStarted(version="", epoch=1), SourceStarted(account=LEADER), first, filled]
    for position, fact in enumerate(facts):
        fold(state, Entry(position + 1, START, fact))
    assert held(state) == [75]


def test_a_leader_who_was_watched_and_never_held_anything_is_flat() -> None:
    state = State(settings=CopierSettings(leaders=(LeaderRules(name=LEADER),), followers=()))
    fold(state, Entry(1, START, SourceStarted(account=LEADER)))
    assert held(state) == []
    assert given_positions(state, {}, START) == ()
