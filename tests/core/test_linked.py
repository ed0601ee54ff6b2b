"""Orders that belong together: what the follower has while the leader's entry, target and stop go their ways."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    AlertRaised,
    Channel,
    CopyDeclined,
    DriftDeclared,
    EngineStarted,
    Fact,
    LeaderReported,
    Refusal,
    TradeSettled,
)
from dhan_copy.core.legs import LINKED
from dhan_copy.core.requests import Command, Intent, ReadOrders, ReadPositions, Submit
from dhan_copy.core.settings import Behind, OverExit, Policy
from dhan_copy.model.freeze import FreezeLimit, FreezeLimits
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Leg, Limit, Market, OrderStatus, Product, Side, StopLimit, Validity, Variety
from dhan_copy.model.reason import ReasonCode
from dhan_copy.core.trade import FollowerOrder, Instruction
from tests.core.linked_world import STOP, TARGET, Linked, wait
from tests.core.make import START, TAG, modify
from tests.core.world import LEADER, SEGMENT, WIDE, TrueOrder, World

LOT = 75
LEGS = (Leg.TARGET, Leg.STOP)
both_sides = pytest.mark.parametrize("side", Side)
with_target = pytest.mark.parametrize("variety", [Variety.SUPER, Variety.BRACKET])
all_forms = pytest.mark.parametrize("variety", LINKED)


def instruction(quantity: int) -> Instruction:
    return Instruction(Limit(Decimal(100)), Validity.DAY, quantity)


def world(ratio: str = "1/2") -> World:
    return World({"F": Fraction(ratio)})


def entered(world: World, lots: int = 4, *, side: Side = Side.BUY, variety: Variety = Variety.SUPER) -> Linked:
    """A linked order whose entry has filled on both sides."""
    linked = Linked.place(world, lots, side, variety)
    linked.fill_entry()
    fill(world, linked, Leg.ENTRY)
    wait(world, 4)
    return linked


def fill(world: World, linked: Linked, leg: Leg, lots: int | None = None) -> None:
    [order] = linked.orders("F", leg)
    left = order.report.quantity - order.report.filled_quantity
    world.fill_follower("F", order, left if lots is None else lots * LOT)


class Unread(World):
    """What is ``unread`` gets no answer."""

    unread: object = None

    def answer(self, command: Command) -> list[Fact]:
        return [] if command == self.unread else super().answer(command)


def live(linked: Linked) -> list[int]:
    return [linked.live_units("F", leg) for leg in LEGS]


def alerts(world: World) -> list[str]:
    return [fact.code for fact in world.facts(AlertRaised) if isinstance(fact, AlertRaised)]


def reasons(world: World) -> list[ReasonCode]:
    return [fact.reason for fact in world.facts(CopyDeclined) if isinstance(fact, CopyDeclined)]


@both_sides
@all_forms
def test_l1_l8_l9_the_follower_gets_the_entry_and_every_leg_at_the_leaders_prices(side: Side, variety: Variety) -> None:
    bench = world()
    linked = entered(bench, side=side, variety=variety)
    [stop] = linked.orders("F", Leg.STOP)
    assert isinstance(stop.report.terms, StopLimit) and stop.report.terms.trigger == STOP
    assert (stop.report.side, stop.report.product) == (Side.SELL if side is Side.BUY else Side.BUY, Product.INTRADAY)
    if variety is Variety.COVER:
        assert live(linked) == [0, 2 * LOT]
    else:
        assert [order.report.terms for order in linked.orders("F", Leg.TARGET)] == [Limit(TARGET)]
        assert live(linked) == [2 * LOT, 2 * LOT]
    assert all(r.intent is Intent.EXIT for r in bench.requests() if "/" in getattr(r, "leader_order_id", ""))
    assert alerts(bench) == reasons(bench) == []


@with_target
def test_l2_target_and_stop_are_sized_from_the_followers_own_fills(variety: Variety) -> None:
    bench = world()
    linked = Linked.place(bench, 8, variety=variety)
    for lots in (1, 1, 2):
        fill(bench, linked, Leg.ENTRY, lots)
        wait(bench, 4)
        assert live(linked) == [linked.open_units("F")] * 2
    assert linked.open_units("F") == 4 * LOT, "and before any fill of the leader's"


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_l3_when_a_leg_fills_the_other_shrinks_or_goes(leg: Leg, variety: Variety) -> None:
    bench = world()
    linked = entered(bench, variety=variety)
    fill(bench, linked, leg, 1)
    wait(bench, 4)
    assert live(linked) == [LOT, LOT]
    fill(bench, linked, leg, 1)
    wait(bench, 4)
    assert live(linked) == [0, 0]
    assert bench.net_position("F") == 0
    linked.fill_leg(leg)
    wait(bench, 40)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []
    assert len(bench.facts(TradeSettled)) == 3 and not bench.facts(DriftDeclared)


@with_target
@pytest.mark.parametrize("first", LEGS)
def test_l5_the_follower_keeps_both_legs_until_it_is_flat(first: Leg, variety: Variety) -> None:
    bench = world()
    linked = entered(bench, variety=variety)
    linked.fill_leg(first)
    wait(bench, 120)
    assert live(linked) == [2 * LOT, 2 * LOT], "the leader is out, the follower is not"
    other = Leg.STOP if first is Leg.TARGET else Leg.TARGET
    fill(bench, linked, other)
    wait(bench, 4)
    assert live(linked) == [0, 0] and bench.net_position("F") == 0
    wait(bench, 40)
    assert not bench.facts(DriftDeclared)


@with_target
@pytest.mark.parametrize("first", LEGS)
def test_l5_the_cancel_of_the_other_leg_may_be_told_before_the_fill(first: Leg, variety: Variety) -> None:
    bench = world()
    linked = entered(bench, variety=variety)
    other = Leg.STOP if first is Leg.TARGET else Leg.TARGET
    linked.cancel_leg(other)
    assert live(linked) == [2 * LOT, 2 * LOT]
    linked.fill_leg(first, siblings=False)
    wait(bench, 60)
    assert live(linked) == [2 * LOT, 2 * LOT]
    assert not [order for leg in LEGS for order in linked.orders("F", leg, live=False) if not order.is_open]


@all_forms
@pytest.mark.parametrize("leg", LEGS)
def test_l6_a_leg_follows_the_leaders(leg: Leg, variety: Variety) -> None:
    if variety is Variety.COVER and leg is Leg.TARGET:
        pytest.skip("a cover order has no target")
    bench = world()
    linked = entered(bench, variety=variety)
    for price in (Decimal("95.00"), Decimal("96.50")):
        linked.move(leg, price)
        wait(bench, 4)
        [order] = linked.orders("F", leg)
        terms = order.report.terms
        assert (terms.price if isinstance(terms, Limit) else getattr(terms, "trigger")) == price
    assert order.requests == ["modify", "modify"]


@all_forms
def test_l7_cancelled_before_the_entry_everything_goes(variety: Variety) -> None:
    bench = world()
    linked = Linked.place(bench, 4, variety=variety)
    bench.cancel(linked.entry)
    wait(bench, 20)
    assert bench.open_orders("F") == [] and bench.net_position("F") == 0
    assert len(bench.facts(TradeSettled)) == (2 if variety is Variety.COVER else 3)


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_l7_a_leg_that_the_leader_takes_back_after_the_entry_goes_and_the_other_stays(leg: Leg, variety: Variety) -> None:
    bench = world()
    linked = entered(bench, variety=variety)
    linked.cancel_leg(leg)
    wait(bench, 20)
    assert live(linked) == [0 if each is leg else 2 * LOT for each in LEGS]
    assert bench.net_position("F") == 2 * LOT


@with_target
def test_l5_what_both_legs_closed_at_the_leader_takes_no_leg_back(variety: Variety) -> None:
    """His stop closes everything, after a part of his target: the exchange cancels what is left of that."""
    bench = world()
    linked = entered(bench, variety=variety)
    linked.fill_leg(Leg.TARGET, 2)
    linked.fill_leg(Leg.STOP, siblings=False)
    linked.cancel_leg(Leg.TARGET)
    wait(bench, 40)
    assert live(linked) == [2 * LOT, 2 * LOT]


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_t4_a_leg_that_the_leader_took_back_does_not_come_again_with_a_restart(leg: Leg, variety: Variety) -> None:
    """Not for a moment either, before his book has been read again; his entry may still fill."""
    bench = Unread({"F": Fraction(1, 2)})
    linked = Linked.place(bench, 6, variety=variety)
    linked.fill_entry(4)
    fill(bench, linked, Leg.ENTRY, 2)
    linked.cancel_leg(leg)
    wait(bench, 20)
    asked = len(bench.requests())
    bench.copier = bench.fresh()
    bench.copier.restore(bench.journal)
    bench.unread = ReadOrders(account=LEADER)
    bench.feed(EngineStarted(version="test", epoch=2))
    wait(bench, 20)
    bench.unread = None
    wait(bench, 20)
    assert bench.requests()[asked:] == []
    assert live(linked) == [0 if each is leg else 2 * LOT for each in LEGS]


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_f45_a_leg_that_the_leader_took_back_does_not_grow_again_though_the_clock_is_set_back(
    leg: Leg, variety: Variety
) -> None:
    """The moment in which he was seen to take it back lies an hour ahead of every look at his book from now on."""
    bench = world()
    linked = Linked.place(bench, 6, variety=variety)
    linked.fill_entry(4)
    fill(bench, linked, Leg.ENTRY, 2)
    linked.fill_leg(leg, 2)
    linked.cancel_leg(leg)
    wait(bench, 20)
    bench.advance(-3600)
    bench.restart()
    wait(bench, 60)
    assert linked.live_units("F", leg) == LOT


@with_target
def test_l7_a_part_filled_entry_that_is_cancelled_takes_the_legs_along(variety: Variety) -> None:
    bench = world()
    linked = Linked.place(bench, 4, variety=variety)
    linked.fill_entry(2)
    fill(bench, linked, Leg.ENTRY, 1)
    for leg in LEGS:
        linked.show(leg)
    bench.cancel(linked.entry)
    for leg in LEGS:
        linked.cancel_leg(leg)
    wait(bench, 30)
    assert bench.open_orders("F") == []
    assert bench.net_position("F") == LOT


def test_l9_a_cover_order_whose_stop_nobody_tells_is_declined() -> None:
    bench = world()
    linked = Linked.place(bench, 4, variety=Variety.COVER, bracket=False)
    assert bench.requests() == []
    wait(bench, 8)
    assert reasons(bench) == [ReasonCode.COVER_WITHOUT_STOP]
    linked.show(Leg.STOP)
    wait(bench, 8)
    assert reasons(bench) == [ReasonCode.COVER_WITHOUT_STOP, ReasonCode.ENTRY_NOT_COPIED]
    assert bench.requests() == []


@with_target
def test_l8_an_entry_waits_for_its_legs_and_goes_when_they_are_told(variety: Variety) -> None:
    bench = world()
    linked = Linked.place(bench, 4, variety=variety, bracket=False)
    assert bench.requests() == []
    bench.advance(2)
    linked.show(Leg.STOP)
    assert len(linked.orders("F", Leg.ENTRY)) == 1
    other = Linked.place(bench, 4, variety=variety, bracket=False)
    wait(bench, 8)
    assert other.orders("F", Leg.ENTRY) == [] and reasons(bench) == [ReasonCode.BRACKET_UNKNOWN]


@pytest.mark.parametrize(("seconds", "copied"), [(3, True), (20, False)])
def test_l9_a_cover_order_of_which_a_book_shows_the_stop_alone_is_copied_once_it_shows_the_rest(
    seconds: int, copied: bool
) -> None:
    """Its row names nobody (protocol facts 1.10)."""
    bench = world()
    entry = bench.place(Side.SELL, 4, tell=False)
    entry.report = evolve(entry.report, variety=Variety.COVER, product=Product.CO)
    linked = Linked(bench, Variety.COVER, entry, None, STOP)
    stop = linked.leg(Leg.STOP)
    stop.report = evolve(stop.report, parent_order_id=None)
    del bench.leader[entry.report.order_id]
    bench.feed(*bench.book(LEADER))
    assert not bench.facts(LeaderReported)
    wait(bench, seconds, step=1)
    bench.leader[entry.report.order_id] = entry
    bench.feed(*bench.book(LEADER))
    wait(bench, 8, step=1)
    if copied:
        fill(bench, linked, Leg.ENTRY)
        assert [order.report.leaves_quantity for order in linked.orders("F", Leg.STOP)] == [2 * LOT]
    else:
        assert reasons(bench) == [ReasonCode.UNKNOWN_PARENT, ReasonCode.COVER_WITHOUT_STOP]
        assert bench.requests() == []


@pytest.mark.parametrize("lacks_a_row", [True, False])
def test_l9_of_two_alike_cover_orders_in_one_book_each_has_its_stop(lacks_a_row: bool) -> None:
    bench = world()
    covers = []
    for _ in range(2):
        entry = bench.place(Side.BUY, 4, tell=False)
        entry.report = evolve(entry.report, variety=Variety.COVER, product=Product.CO)
        covers.append(Linked(bench, Variety.COVER, entry, None, STOP))
    bench.advance(1)
    for linked in covers:
        stop = linked.leg(Leg.STOP)
        stop.report = evolve(stop.report, parent_order_id=None, created_at=bench.now, updated_at=bench.now)
    lacking = covers[1].entry
    if lacks_a_row:
        del bench.leader[lacking.report.order_id]
        bench.feed(*bench.book(LEADER))
        bench.advance(2)
        bench.leader[lacking.report.order_id] = lacking
    bench.feed(*bench.book(LEADER))
    wait(bench, 8)
    assert reasons(bench) == []
    for linked in covers:
        fill(bench, linked, Leg.ENTRY)
    wait(bench, 4)
    assert [linked.live_units("F", Leg.STOP) for linked in covers] == [2 * LOT, 2 * LOT]
    told = len(bench.journal)
    bench.feed(*bench.book(LEADER))
    assert len(bench.journal) == told, "the next book says the same"


def test_x7_an_entry_whose_target_filled_before_its_row_was_read_is_not_entered() -> None:
    bench = world()
    entry = bench.place(Side.BUY, 4, status=OrderStatus.TRADED, filled=4 * LOT, tell=False)
    entry.report = evolve(entry.report, variety=Variety.BRACKET, product=Product.BO)
    linked = Linked(bench, Variety.BRACKET, entry)
    target = linked.leg(Leg.TARGET)
    target.report = evolve(
        target.report, parent_order_id=None, filled_quantity=4 * LOT, status=OrderStatus.TRADED, average_price=TARGET
    )
    del bench.leader[entry.report.order_id]
    bench.feed(*bench.book(LEADER))
    bench.advance(2)
    bench.leader[entry.report.order_id] = entry
    stop = linked.leg(Leg.STOP)
    stop.report = evolve(stop.report, parent_order_id=None, status=OrderStatus.CANCELLED)
    bench.feed(*bench.book(LEADER))
    wait(bench, 20)
    assert bench.requests() == [] and ReasonCode.LEADER_CLOSED in reasons(bench)


def test_x7_in_and_out_while_the_followers_entry_rests() -> None:
    bench = world()
    linked = Linked.place(bench, 4)
    linked.fill_entry()
    fill(bench, linked, Leg.ENTRY, 1)
    linked.fill_leg(Leg.TARGET)
    wait(bench, 8)
    assert linked.orders("F", Leg.ENTRY) == [], "what has not filled is given up"
    assert live(linked) == [LOT, LOT]
    fill(bench, linked, Leg.TARGET)
    wait(bench, 40)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []


@with_target
def test_x7_what_his_legs_closed_twice_in_a_race_is_closed_too(variety: Variety) -> None:
    """What he holds on the other side, because both of his legs have filled, is nothing to enter for."""
    bench = world()
    linked = Linked.place(bench, 4, variety=variety, bracket=False)
    linked.fill_entry()
    told = [linked.leg(leg) for leg in LEGS]
    for leg in told:
        leg.report = evolve(leg.report, status=OrderStatus.TRADED, filled_quantity=4 * LOT, average_price=Decimal(100))
    bench.feed(*(LeaderReported(leader=LEADER, report=leg.report, channel=Channel.STREAM) for leg in told))
    assert bench.books["F"] == {}
    reasons = {fact.leader_order_id: fact.reason for fact in bench.facts(CopyDeclined) if isinstance(fact, CopyDeclined)}
    assert reasons[linked.entry.report.order_id] is ReasonCode.LEADER_CLOSED
    assert not bench.facts(DriftDeclared)


@with_target
def test_x7_in_and_out_by_a_linked_order_that_is_then_taken_apart_is_nothing_to_enter_for(variety: Variety) -> None:
    """The leader is out of it by its target, whatever the ledger that it is reckoned in by the time it is decided."""
    bench = world()
    held = bench.place(Side.BUY, 8)
    bench.fill(held, 8 * LOT)
    linked = Linked.place(bench, 4, variety=variety, bracket=False)
    linked.fill_entry()
    against = Linked.place(bench, 4, Side.SELL, variety)
    against.fill_entry()
    target, plain = linked.leg(Leg.TARGET), bench.place(Side.BUY, 2, tell=False)
    target.report = evolve(target.report, status=OrderStatus.TRADED, filled_quantity=4 * LOT, average_price=Decimal(110))
    news = (LeaderReported(leader=LEADER, report=one.report, channel=Channel.STREAM) for one in (target, plain))
    bench.feed(*news)
    assert linked.orders("F", Leg.ENTRY) == []
    reasons = {fact.leader_order_id: fact.reason for fact in bench.facts(CopyDeclined) if isinstance(fact, CopyDeclined)}
    assert reasons[linked.entry.report.order_id] is ReasonCode.LEADER_CLOSED


@pytest.mark.parametrize("lots", [4, 3])
@with_target
def test_x7_what_the_leader_closes_by_hand_before_its_legs_are_known_is_nothing_to_enter_for(
    variety: Variety, lots: int
) -> None:
    bench = world()
    linked = Linked.place(bench, 4, variety=variety, bracket=False)
    linked.fill_entry()
    bench.trade(Side.SELL, lots)
    linked.tell(linked.leg(Leg.TARGET))
    linked.tell(linked.leg(Leg.STOP))
    wait(bench, 40)
    assert bench.books["F"] == {}
    reasons = {fact.leader_order_id: fact.reason for fact in bench.facts(CopyDeclined) if isinstance(fact, CopyDeclined)}
    assert reasons[linked.entry.report.order_id] is ReasonCode.LEADER_CLOSED


@with_target
def test_two_linked_orders_of_one_instrument_do_not_mix(variety: Variety) -> None:
    bench = world()
    one, two = entered(bench, 4, variety=variety), entered(bench, 8, variety=variety)
    assert [live(one), live(two)] == [[2 * LOT] * 2, [4 * LOT] * 2]
    one.fill_leg(Leg.TARGET)
    fill(bench, one, Leg.TARGET)
    wait(bench, 8)
    assert [live(one), live(two)] == [[0, 0], [4 * LOT] * 2]
    assert bench.net_position("F") == 4 * LOT


@with_target
@both_sides
def test_what_the_leader_closes_by_another_order_is_closed_once(side: Side, variety: Variety) -> None:
    """He squares off by a plain order; the legs are his to cancel, and the follower's do not close it again."""
    bench = world()
    linked = entered(bench, 4, side=side, variety=variety)
    other = Side.SELL if side is Side.BUY else Side.BUY
    order = bench.place(other, 4)
    bench.fill(order, order.report.quantity)
    wait(bench, 8)
    bench.fill_everything("F")
    for leg in LEGS:
        linked.cancel_leg(leg)
    wait(bench, 40)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == [] and not bench.facts(DriftDeclared)
    plain = [r for r in bench.requests() if getattr(r, "leader_order_id", "") == order.report.order_id]
    assert [(r.intent, getattr(r, "quantity")) for r in plain if isinstance(r, Submit)] == [(Intent.EXIT, 2 * LOT)]


def test_an_exit_of_what_he_holds_besides_leaves_a_linked_order_alone_when_it_is_changed_after_a_part_has_filled() -> None:
    """He holds 4 lots by plain orders and 2 by a super order, sells the 4, and moves that order once one lot has filled."""
    bench = world()
    bench.fill(bench.place(Side.BUY, 4), 4 * LOT)
    bench.fill_everything("F")
    Linked.place(bench, 2, Side.BUY).fill_entry()
    closing = bench.place(Side.SELL, 4)
    bench.fill(closing, LOT)
    bench.change(closing, terms=Limit(Decimal(101)))
    assert bench.copier.state.released == {}
    bench.change(closing, quantity=5 * LOT)
    assert bench.copier.state.released, "it would close a part of that too"


@given(
    held=st.integers(2, 8), sold=st.integers(1, 12), bought=st.integers(1, 8), ahead=st.booleans(),
    when=st.sampled_from(["first", "then", "last"]),
)  # fmt: skip
def test_what_a_linked_order_sold_of_what_he_held_has_closed_it_once_it_is_taken_apart(
    held: int, sold: int, bought: int, ahead: bool, when: str
) -> None:
    """He holds some, of which a lot is for sale, and sells by a super order what he has and more; then a plain order buys back,
    entered ahead of him or not. Nothing of it is sold twice, given up or different in the end."""
    bench = World({"F": Fraction(1)})
    bench.fill(bench.place(Side.BUY, held), held * LOT)
    bench.fill_everything("F")
    resting = bench.place(Side.SELL, 1)
    buys = bench.place(Side.BUY, bought)
    if ahead:
        [copy] = [order for order in bench.open_orders("F") if order.report.side is Side.BUY]
        bench.fill_follower("F", copy, bought * LOT)
    linked = Linked.place(bench, sold, Side.SELL)
    [entry] = linked.orders("F", Leg.ENTRY)

    def fill_if(moment: str) -> None:
        if when == moment:
            bench.fill_follower("F", entry, sold * LOT)

    fill_if("first")
    linked.fill_entry()
    fill_if("then")
    bench.change(buys, quantity=bought * LOT)
    bench.fill(buys, bought * LOT)
    wait(bench, 8)
    exits = [order for order in bench.open_orders("F") if order.report.side is Side.SELL and order is not entry]
    left = held + bought - sold
    if ahead and left > 0:
        assert [order.report.quantity for order in exits] == [LOT]
    fill_if("last")
    bench.change(resting, status=OrderStatus.CANCELLED)
    for leg in LEGS:
        linked.cancel_leg(leg)
    for order in bench.open_orders("F"):
        if order.report.side is Side.BUY and not order.report.terms == Limit(TARGET):
            bench.fill_follower("F", order, order.report.quantity - order.report.filled_quantity)
    wait(bench, 40)
    assert bench.leader_position() == left * LOT
    assert bench.net_position("F") == left * LOT and not bench.facts(DriftDeclared)


@with_target
def test_an_order_that_crossed_zero_and_closes_after_all_leaves_no_difference(variety: Variety) -> None:
    """He buys 35 of the 10 that he has sold, while a linked order of his is about to sell 57 more: in the end all 35 close.
    The follower, whose copy has waited, has sold as much of it by then."""
    bench = World({"F": Fraction(1)}, lot=1)
    bench.fill(bench.place(Side.SELL, 10), 10)
    bench.fill_everything("F")
    linked = Linked.place(bench, 100, Side.SELL, variety)
    (entry,) = bench.open_orders("F")
    bench.refuse["F"] = [(Refusal.RATE_LIMIT, False)]
    crossing = bench.place(Side.BUY, 35)
    bench.fill(crossing, 34)
    bench.fill_follower("F", entry, 57)
    linked.fill_entry(57)
    bench.fill(crossing, 1)
    bench.cancel(linked.entry)
    wait(bench, 4)
    for _ in range(2):
        (copy,) = [order for order in bench.open_orders("F") if order.report.terms == Limit(Decimal(100))]
        bench.fill_follower("F", copy, copy.report.quantity)
    wait(bench, 40)
    assert bench.leader_position() == bench.net_position("F") == -32
    assert live(linked) == [32, 32]
    assert bench.facts(DriftDeclared) == []


@with_target
def test_t4_a_restart_changes_nothing(variety: Variety) -> None:
    bench = world()
    linked = Linked.place(bench, 4, variety=variety)
    linked.fill_entry()
    fill(bench, linked, Leg.ENTRY, 1)
    wait(bench, 8)
    before = len(bench.requests())
    bench.restart()
    wait(bench, 8)
    assert len(bench.requests()) == before and live(linked) == [LOT, LOT]
    fill(bench, linked, Leg.ENTRY)
    linked.fill_leg(Leg.STOP)
    bench.restart()
    wait(bench, 8)
    assert live(linked) == [2 * LOT, 2 * LOT]
    fill(bench, linked, Leg.TARGET)
    wait(bench, 40)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []


def test_d1_what_the_legs_have_not_closed_is_a_holding_like_any_other() -> None:
    bench = World({"F": Fraction(1, 2)}, product=Product.MARGIN)
    linked = Linked.place(bench, 4)
    linked.fill_entry()
    fill(bench, linked, Leg.ENTRY)
    wait(bench, 8)
    bench.next_day()
    bench.trade(Side.SELL, 4)
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


def test_d1_what_two_linked_orders_held_on_both_sides_is_one_holding_the_next_morning() -> None:
    """Nothing rests over night that would close one side of it: an exit is for what the account has."""
    bench = World({"F": Fraction(1, 2)}, product=Product.MARGIN)
    for lots, side in ((4, Side.BUY), (8, Side.SELL)):
        linked = Linked.place(bench, lots, side)
        linked.fill_entry()
        fill(bench, linked, Leg.ENTRY)
    wait(bench, 8)
    bench.next_day()
    [stake] = [stake for key, stake in bench.copier.state.stakes.items() if key[1] == "F"]
    assert (stake.long, stake.short, bench.net_position("F")) == (0, 2 * LOT, -2 * LOT)
    bench.trade(Side.BUY, 4)
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


def test_legs_of_an_entry_that_rested_for_minutes_do_not_alarm() -> None:
    bench = world()
    linked = Linked.place(bench, 4)
    wait(bench, 120)
    fill(bench, linked, Leg.ENTRY, 1)
    wait(bench, 8)
    assert live(linked) == [LOT, LOT]
    assert alerts(bench) == []


# L4


def raced(bench: World, linked: Linked) -> None:
    """Both legs fill at the follower before either is told."""
    orders = [linked.orders("F", leg)[0] for leg in LEGS]
    for order in orders:
        order.report = evolve(
            order.report, filled_quantity=order.report.quantity, status=OrderStatus.TRADED, updated_at=bench.now
        )
    for order in orders:
        bench.feed(bench.follower_report("F", order))


@both_sides
@with_target
def test_l4_what_both_legs_closed_in_a_race_is_told_and_taken_back(side: Side, variety: Variety) -> None:
    bench = world()
    linked = entered(bench, side=side, variety=variety)
    raced(bench, linked)
    assert "OVER_EXIT" in alerts(bench)
    wait(bench, 30)
    [back] = bench.open_orders("F")
    assert (back.report.side, back.report.quantity, back.report.terms) == (side, 2 * LOT, Market())
    bench.fill_everything("F")
    linked.fill_leg(Leg.TARGET)
    wait(bench, 40)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []
    assert len(bench.facts(TradeSettled)) >= 3 and not bench.facts(DriftDeclared)


def test_f45_what_both_legs_closed_is_taken_back_though_the_clock_is_set_back_before_a_restart() -> None:
    """The moment in which it was due lies an hour ahead of every look at the positions from now on."""
    bench = Unread({"F": Fraction(1, 2)})
    linked = entered(bench)
    bench.unread = ReadPositions(account=AccountName("F"))
    raced(bench, linked)
    bench.unread = None
    bench.advance(-3600)
    bench.restart()
    wait(bench, 60)
    bench.fill_everything("F")
    assert bench.net_position("F") == 0


def test_l4_what_an_untold_fill_of_the_entry_explains_is_not_taken_back() -> None:
    """The legs close what the account holds; that the entry had filled more is told last."""
    bench = world()
    linked = Linked.place(bench, 8)
    linked.fill_entry()
    fill(bench, linked, Leg.ENTRY, 2)
    wait(bench, 4)
    [entry] = linked.orders("F", Leg.ENTRY)
    entry.report = evolve(entry.report, filled_quantity=4 * LOT, status=OrderStatus.TRADED, updated_at=bench.now)
    raced(bench, linked)
    wait(bench, 60)
    assert bench.net_position("F") == 0
    assert all(order.report.terms != Market() for order in bench.books["F"].values())
    linked.fill_leg(Leg.TARGET)
    wait(bench, 40)
    assert bench.open_orders("F") == [] and not bench.facts(DriftDeclared)


def test_l4_by_policy_it_is_only_told() -> None:
    bench = World({"F": Fraction(1, 2)}, policy=Policy(over_exit=OverExit.ALERT))
    linked = entered(bench)
    raced(bench, linked)
    linked.fill_leg(Leg.TARGET)
    wait(bench, 60)
    assert "OVER_EXIT" in alerts(bench) and bench.open_orders("F") == []
    assert [fact.quantity for fact in bench.facts(DriftDeclared) if isinstance(fact, DriftDeclared)] == [-2 * LOT]


# X4: the leader's order has filled, the follower's rests


@pytest.mark.parametrize("behind", Behind)
@both_sides
def test_x4_an_entry_that_is_left_behind_waits_is_moved_or_given_up(behind: Behind, side: Side) -> None:
    bench = World({"F": Fraction(1, 2)}, policy=Policy(behind=behind, behind_after=timedelta(seconds=30)))
    order = bench.place(side, 4, terms=Limit(Decimal("100.00")))
    bench.fill(order, order.report.quantity)
    wait(bench, 20)
    assert alerts(bench) == [] and bench.open_orders("F")[0].requests == []
    wait(bench, 20)
    assert alerts(bench) == ["BEHIND"]
    [copy] = bench.books["F"].values()
    if behind in (Behind.CANCEL, Behind.CLOSE):  # what was not entered cannot be closed
        assert not copy.is_open and reasons(bench) == [ReasonCode.LEFT_BEHIND]
    elif behind is Behind.CHASE:
        assert copy.report.terms == Limit(Decimal("100.50") if side is Side.BUY else Decimal("99.50"))
    else:
        assert copy.requests == [] and copy.is_open


@pytest.mark.parametrize("behind", Behind)
def test_x4_an_exit_that_is_left_behind_is_never_given_up(behind: Behind) -> None:
    bench = World({"F": Fraction(1, 2)}, policy=Policy(behind=behind, behind_after=timedelta(seconds=30)))
    linked = entered(bench)
    linked.fill_leg(Leg.TARGET)
    wait(bench, 60)
    assert "BEHIND" in alerts(bench) and live(linked) == [2 * LOT, 2 * LOT]
    [target] = linked.orders("F", Leg.TARGET)
    moved = {Behind.CHASE: Limit(Decimal("99.50")), Behind.CLOSE: Market()}
    assert target.report.terms == moved.get(behind, Limit(TARGET))


@pytest.mark.parametrize("behind", Behind)
def test_x4_a_leg_whose_rest_the_leader_takes_back_is_not_behind_what_it_filled(behind: Behind) -> None:
    """His other leg covers that rest, and what is open of it is not closed."""
    bench = World({"F": Fraction(1)}, policy=Policy(behind=behind))
    linked = entered(bench)
    for leg in LEGS:
        linked.show(leg)
    linked.fill_leg(Leg.TARGET, 2)
    fill(bench, linked, Leg.TARGET, 2)
    wait(bench, 120)
    linked.cancel_leg(Leg.TARGET)
    wait(bench, 40)
    assert (bench.net_position("F"), bench.leader_position(), alerts(bench)) == (2 * LOT, 2 * LOT, [])
    assert live(linked) == [0, 2 * LOT]


@pytest.mark.parametrize("leg", [Leg.TARGET, Leg.STOP])
def test_x4_by_policy_what_an_exit_that_is_left_behind_has_not_closed_is_closed_at_the_market(leg: Leg) -> None:
    bench = World({"F": Fraction(1, 2)}, policy=Policy(behind=Behind.CLOSE, behind_after=timedelta(seconds=30)))
    linked = entered(bench)
    linked.fill_leg(leg)
    fill(bench, linked, leg, 1)
    wait(bench, 20)
    [order] = linked.orders("F", leg)
    assert "BEHIND" not in alerts(bench) and order.report.terms != Market()
    wait(bench, 20)
    assert alerts(bench).count("BEHIND") == 1 and order.report.terms == Market()
    bench.fill_follower("F", order, LOT)
    wait(bench, 60)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == [] and not bench.facts(DriftDeclared)


def test_f42_what_a_slice_was_refused_is_not_shifted_to_the_others() -> None:
    bench = sliced()
    bench.refuse["F"] = [(Refusal.OTHER, True)]
    bench.trade(Side.BUY, 10)
    bench.fill_everything("F")
    wait(bench, 40)
    assert [order.report.quantity for order in bench.books["F"].values()] == [2 * LOT, LOT]
    assert [fact.quantity for fact in bench.facts(DriftDeclared) if isinstance(fact, DriftDeclared)] == [-2 * LOT]


def exit_in_slices() -> tuple[World, TrueOrder, list[TrueOrder]]:
    """A leader's exit of ten lots, and its copies: of two, two and one."""
    bench = sliced()
    bench.trade(Side.BUY, 10)
    bench.fill_everything("F")
    order = bench.place(Side.SELL, 10)
    return bench, order, bench.open_orders("F")


def test_f42_what_falls_to_a_slice_that_a_human_took_back_is_declared() -> None:
    """Another slice, which was taken back when nothing was left for it, keeps nothing open."""
    bench, order, (first, second, _) = exit_in_slices()
    bench.end_follower("F", first, OrderStatus.CANCELLED)
    bench.fill_follower("F", second, 2 * LOT)
    bench.change(order, quantity=4 * LOT)
    assert not bench.open_orders("F")
    bench.change(order, quantity=6 * LOT)
    bench.fill(order, 6 * LOT)
    wait(bench, 40)
    assert "EXIT_CANCELLED_BY_HAND" in alerts(bench) and not bench.open_orders("F")
    assert [fact.quantity for fact in bench.facts(DriftDeclared) if isinstance(fact, DriftDeclared)] == [LOT]


def test_f42_what_falls_to_a_later_slice_that_a_human_took_back_is_declared_once_the_first_has_filled() -> None:
    bench, order, (first, second, _) = exit_in_slices()
    bench.end_follower("F", second, OrderStatus.CANCELLED)
    bench.change(order, quantity=4 * LOT)
    bench.change(order, quantity=8 * LOT)
    assert bench.open_orders("F") == [first]
    bench.fill(order, 8 * LOT)
    bench.fill_everything("F")
    wait(bench, 40)
    assert "EXIT_CANCELLED_BY_HAND" in alerts(bench) and not bench.open_orders("F")
    (declared,) = bench.facts(DriftDeclared)
    assert isinstance(declared, DriftDeclared) and declared.quantity == 2 * LOT


# P12


@pytest.mark.parametrize("first", [0, 1, 2])
def test_f41_a_slice_that_a_human_took_back_is_told_and_not_shifted_to_the_others(first: int) -> None:
    bench = sliced()
    bench.trade(Side.BUY, 12)
    bench.fill_everything("F")
    bench.trade(Side.SELL, 12)
    kept, *others = [bench.open_orders("F")[(first + more) % 3] for more in range(3)]
    bench.fill_follower("F", kept, LOT)
    for other in others:
        bench.fill_follower("F", other, 2 * LOT)
    bench.end_follower("F", kept, OrderStatus.CANCELLED)
    wait(bench, 40)
    assert bench.net_position("F") == LOT and bench.open_orders("F") == []
    assert [fact.reason for fact in bench.facts(DriftDeclared) if isinstance(fact, DriftDeclared)] == [
        ReasonCode.HUMAN_CANCELLED
    ]
    assert [code for code in alerts(bench) if code == "EXIT_CANCELLED_BY_HAND"]


def sliced() -> World:
    limit = FreezeLimit(segment=SEGMENT, name="*", since=date(2026, 1, 1), units=2 * LOT, source="a test")
    bench = World({"F": Fraction(1, 2)})
    bench.copier.state.settings = evolve(bench.copier.state.settings, freeze_limits=FreezeLimits((limit,)))
    return bench


def test_p12_copies_above_the_freeze_limit_are_slices_exits_too() -> None:
    bench = sliced()
    bench.trade(Side.BUY, 10)
    entries = list(bench.books["F"].values())
    assert [order.report.quantity for order in entries] == [2 * LOT, 2 * LOT, LOT]
    assert len({order.report.client_order_id for order in entries}) == 3
    bench.fill_everything("F")
    bench.trade(Side.SELL, 10)
    exits = bench.open_orders("F")
    assert sorted(order.report.quantity for order in exits) == [LOT, 2 * LOT, 2 * LOT]
    bench.fill_everything("F")
    wait(bench, 40)
    assert bench.net_position("F") == 0 and not bench.facts(DriftDeclared)


def test_p12_a_modification_changes_the_last_slices_first() -> None:
    bench = sliced()
    order = bench.place(Side.BUY, 10)
    bench.change(order, quantity=6 * LOT)
    assert [each.report.quantity for each in bench.open_orders("F")] == [2 * LOT, LOT]
    bench.change(order, quantity=12 * LOT)
    assert sum(each.report.quantity for each in bench.open_orders("F")) == 6 * LOT


@given(
    lots=st.integers(1, 40),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 8)), max_size=12),
    ratio=st.sampled_from(["1/3", "1/2", "1", "2"]),
)
def test_p12_no_order_is_above_the_limit_and_all_together_are_right(
    lots: int, steps: list[tuple[bool, int]], ratio: str
) -> None:
    limit = FreezeLimit(segment=SEGMENT, name="*", since=date(2026, 1, 1), units=2 * LOT, source="a test")
    bench = World({"F": Fraction(ratio)})
    bench.copier.state.settings = evolve(bench.copier.state.settings, freeze_limits=FreezeLimits((limit,)))
    bench.trade(Side.BUY, lots)
    for by_leader, which in steps:
        bench.advance(1)
        orders = bench.open_orders("F")
        if by_leader and bench.leader_position() >= 2 * LOT:
            bench.trade(Side.SELL, 2)
        elif orders:
            bench.fill_follower("F", orders[which % len(orders)], LOT)
        assert all(order.report.quantity <= 2 * LOT for order in bench.books["F"].values())
    if bench.leader_position():
        bench.trade(Side.SELL, bench.leader_position() // LOT)
    for _ in range(4):
        bench.fill_everything("F")
        wait(bench, 40)
    assert bench.net_position("F") == 0 and bench.open_orders("F") == []
    assert not bench.facts(DriftDeclared)


def test_f30_a_leg_in_slices_is_sent_once_more_slice_by_slice() -> None:
    """Every slice of a stop is lost once: each may be sent once more."""
    bench = sliced()
    linked = Linked.place(bench, 16)
    linked.fill_entry()
    for order in linked.orders("F", Leg.ENTRY):
        bench.fill_follower("F", order, order.report.quantity)
    wait(bench, 4)
    assert len(linked.orders("F", Leg.STOP)) == 4
    bench.refuse["F"] = [(Refusal.OTHER, False)] * 4
    for order in linked.orders("F", Leg.STOP):
        bench.end_follower("F", order, OrderStatus.REJECTED)
    wait(bench, 120)
    assert live(linked) == [8 * LOT, 8 * LOT]


# L12


def test_l12_a_stop_without_modifications_left_is_completed_by_another_and_replaced_when_it_moves() -> None:
    bench = World({"F": Fraction(1, 2)}, limits=evolve(WIDE, modifications_per_order=2))
    linked = Linked.place(bench, 12)
    for _ in range(5):
        fill(bench, linked, Leg.ENTRY, 1)
        wait(bench, 4)
    assert [order.report.quantity for order in linked.orders("F", Leg.STOP)] == [3 * LOT, 2 * LOT]
    assert live(linked) == [5 * LOT, 5 * LOT]
    linked.fill_entry()
    linked.move(Leg.STOP, Decimal("95.00"))
    wait(bench, 20)
    stops = linked.orders("F", Leg.STOP)
    assert [order.report.terms for order in stops] == [StopLimit(Decimal("95.00"), Decimal("90.25"))] * 2
    assert live(linked) == [5 * LOT, 5 * LOT]


@with_target
def test_l5_a_leg_that_a_lagging_book_called_taken_back_stands_again_when_the_leader_is_out(variety: Variety) -> None:
    """The cancel is told, the fill is not, and the book that is read after them shows neither."""
    bench = world()
    linked = Linked.place(bench, 4, variety=variety)
    linked.fill_entry()
    wait(bench, 4)
    linked.cancel_leg(Leg.STOP)
    wait(bench, 20)
    fill(bench, linked, Leg.ENTRY)
    wait(bench, 4)
    assert live(linked) == [2 * LOT, 0]
    linked.fill_leg(Leg.TARGET, siblings=False)
    wait(bench, 20)
    assert live(linked) == [2 * LOT, 2 * LOT]


@with_target
def test_f40_a_leg_that_vanishes_when_the_leader_is_out_leaves_nothing_naked_unsaid(variety: Variety) -> None:
    """In one look: the follower's stop is gone without his copier's doing, and his target has filled in part."""
    bench = world("1")
    linked = entered(bench, 4, variety=variety)
    linked.fill_leg(Leg.TARGET)
    [target], [stop] = (linked.orders("F", leg) for leg in LEGS)
    stop.report = evolve(stop.report, status=OrderStatus.CANCELLED)
    target.report = evolve(target.report, status=OrderStatus.PART_TRADED, filled_quantity=LOT, average_price=Decimal(100))
    bench.feed(bench.follower_report("F", stop), bench.follower_report("F", target))
    wait(bench, 8)
    assert live(linked) == [3 * LOT, 0]
    assert "EXIT_CANCELLED_BY_HAND" in alerts(bench)


def test_f39_a_raise_whose_answer_was_lost_counts_with_what_it_may_be() -> None:
    """A slice that may have grown leaves less for the others."""
    order = FollowerOrder(
        client_order_id=TAG,
        slice=0,
        generation=0,
        intent=Intent.EXIT,
        issued_at=START,
        asked=instruction(50),
        filled_quantity=10,
    )
    assert order.may_fill == order.unfilled == 40
    raised = modify(2, quantity=80)
    assert evolve(order, outstanding=raised).may_fill == evolve(order, unresolved=raised).may_fill == 70
    assert evolve(order, lost=(instruction(60),)).may_fill == 50
    assert evolve(order, unresolved=modify(2, quantity=20)).may_fill == 40, "a cut that may not have come counts for nothing"


def test_l5_legs_of_a_tree_that_was_taken_apart_both_stay_until_the_follower_is_flat() -> None:
    bench = world()
    linked = entered(bench)
    order = bench.place(Side.SELL, 2)
    bench.fill(order, order.report.quantity)
    wait(bench, 8)
    plain = [r for r in bench.requests() if isinstance(r, Submit) and r.leader_order_id == order.report.order_id]
    [copy] = [o for o in bench.open_orders("F") if o.report.client_order_id == plain[0].client_order_id]
    bench.fill_follower("F", copy, LOT)
    wait(bench, 8)
    assert bench.net_position("F") == LOT and live(linked) == [LOT, LOT]
    linked.fill_leg(Leg.TARGET)
    wait(bench, 30)
    assert bench.net_position("F") == LOT
    assert live(linked) == [LOT, LOT], "the leader is out, the follower is not"


@all_forms
def test_m10_a_stop_that_triggered_reads_market_and_was_not_modified(variety: Variety) -> None:
    bench = world()
    linked = entered(bench, variety=variety)
    linked.show(Leg.STOP)
    before = [order.report.terms for order in linked.orders("F", Leg.STOP)]
    bench.change(linked.leg(Leg.STOP), terms=Market(), status=OrderStatus.PENDING)
    wait(bench, 8)
    assert [order.report.terms for order in linked.orders("F", Leg.STOP)] == before
    assert all(order.requests == [] for order in linked.orders("F", Leg.STOP))
