"""Positions of leaders whose source cannot read them: what the user said at first, what the fills made of it later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dhan_copy.core.facts import PositionsReported
from dhan_copy.core.state import State
from dhan_copy.model.account import Position
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Product

Given = Mapping[tuple[InstrumentKey, Product], int]


def given_positions(state: State, given: Mapping[AccountName, Given], read_at: datetime) -> tuple[PositionsReported, ...]:
    """One report per leader. What the user said counts only while the journal does not know the leader yet."""
    return tuple(
        PositionsReported(
            account=leader,
            read_at=read_at,
            positions=tuple(
                Position(key.segment, key.security_id, product, net)
                for (key, product), net in (_kept(state, leader) if leader in state.started_at else first).items()
            ),
        )
        for leader, first in given.items()
    )


def _kept(state: State, leader: AccountName) -> Given:
    net: dict[tuple[InstrumentKey, Product], int] = {}
    for place in {**state.brought_in, **state.leader_fills}:
        if place[0] == leader:
            net[place[1:3]] = net.get(place[1:3], 0) + state.position(place)
    return net
