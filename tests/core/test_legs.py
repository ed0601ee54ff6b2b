"""Exit legs of a leader's linked orders are orders of their own, whatever id they come under."""

from __future__ import annotations

from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import AlertRaised, BookRead, Channel, CopyDeclined, DriftDeclared, LeaderReported
from dhan_copy.core.legs import apart, entry_of, leg_id
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Leg, OrderReport, OrderStatus, Product, Side, Variety
from dhan_copy.model.reason import ReasonCode
from tests.core.make import leader_reported, report
from tests.core.world import KEY, LEADER, World

PARENT = BrokerOrderId("S1")
LOT = 75


@given(leg=st.sampled_from(Leg), variety=st.sampled_from(Variety), parent=st.sampled_from([None, PARENT]))
def test_only_legs_of_super_orders_get_an_id_of_their_own_and_once(
    leg: Leg, variety: Variety, parent: BrokerOrderId | None
) -> None:
    told = leader_reported(report(leg=leg, variety=variety, parent_order_id=parent))
    found = apart(told)
    if leg is Leg.ENTRY or variety is not Variety.SUPER or parent is not None:
        assert found == told
    else:
        assert found.report.order_id == leg_id(told.report.order_id, leg) != told.report.order_id
        assert entry_of(found.report) == told.report.order_id
    assert apart(found) == found


def test_other_facts_are_left_alone() -> None:
    fact = BookRead(account=LEADER, read_at=leader_reported(report()).report.updated_at)  # type: ignore[arg-type]
    assert apart(fact) is fact


def linked(world: World, leg: Leg, filled: int, variety: Variety = Variety.SUPER) -> OrderReport:
    """A report of a linked buy of two lots, or of a leg that closes it."""
    told = report(
        order_id=PARENT, quantity=2 * LOT, filled_quantity=filled, leg=leg, variety=variety,
        status=OrderStatus.TRADED if filled == 2 * LOT else OrderStatus.PENDING, created_at=world.now,
        updated_at=world.now, side=Side.BUY if leg is Leg.ENTRY else Side.SELL,
    )  # fmt: skip
    if variety is Variety.BRACKET and leg is not Leg.ENTRY:
        return evolve(told, order_id=BrokerOrderId(f"B{leg.value}"), parent_order_id=PARENT)
    return told


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("variety", [Variety.SUPER, Variety.BRACKET])
@pytest.mark.parametrize("leg", [Leg.TARGET, Leg.STOP])
def test_a_leg_that_fills_closes_what_its_entry_opened_and_nothing_that_was_copied(
    leg: Leg, variety: Variety, channel: Channel
) -> None:
    world = World({"F": Fraction(1, 2)}, product=Product.INTRADAY)
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    for name, filled in ((Leg.ENTRY, 0), (Leg.ENTRY, 2 * LOT), (leg, 0), (leg, 2 * LOT), (leg, 2 * LOT)):
        world.advance(1)
        told = evolve(linked(world, name, filled, variety), product=Product.INTRADAY)
        read_at = world.now if channel is Channel.BOOK else None
        world.feed(LeaderReported(leader=LEADER, report=told, channel=channel, read_at=read_at))
        expected = 4 * LOT + (2 * LOT if (name, filled) != (leg, 2 * LOT) and (name, filled) != (Leg.ENTRY, 0) else 0)
        assert world.copier.state.position(LEADER, KEY, Product.INTRADAY) == expected
    for _ in range(3):
        world.tick(31)
    assert world.net_position("F") == 2 * LOT
    assert not world.facts(DriftDeclared)
    declined = [fact for fact in world.facts(CopyDeclined) if isinstance(fact, CopyDeclined)]
    named = ReasonCode.SUPER_UNSUPPORTED if variety is Variety.SUPER else ReasonCode.BRACKET_UNSUPPORTED
    assert [fact.reason for fact in declined] == [named] * 2
    told_of = [fact.code for fact in world.facts(AlertRaised) if isinstance(fact, AlertRaised)]
    assert told_of == [], "there is nothing that anybody should do"
    world.trade(Side.SELL, 4)
    world.fill_everything("F")
    assert world.net_position("F") == 0
