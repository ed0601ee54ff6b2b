"""A journal is lost and rebuilt from the books: ledgers and orders are what the brokers have, and nothing is entered."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    AlertRaised,
    Channel,
    CopyAdmitted,
    CopyDeclined,
    CopyMode,
    EngineStarted,
    Fact,
    LeaderReported,
    OrderReported,
    RequestIssued,
    SourceStarted,
)
from dhan_copy.core.rebuild import rebuilt
from dhan_copy.core.requests import Intent, Modify, Submit
from dhan_copy.model.ids import AccountName, client_order_id
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    Terms,
    Validity,
    Variety,
)
from dhan_copy.model.reason import ReasonCode
from tests.core.linked_world import Linked
from tests.core.make import leader_reported, report
from tests.core.trading import Act, act, acts, declared, flatten, lots, ratios
from tests.core.world import LEADER, World

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "40"))
F = AccountName("F")
HONEST = ("place", "trade", "fill", "cancel", "modify", "follower_fill", "follower_fill")


def facts_of(world: World, *, lots_told: bool = True) -> tuple[Fact, ...]:
    """What the books tell the core that stands now."""
    rows = [fact for fact in world.book(LEADER) if isinstance(fact, LeaderReported)]
    books = {F: [order.report for order in world.books["F"].values()]}
    if not lots_told:
        rows = [evolve(row, report=evolve(row.report, instrument=None)) for row in rows]
    return rebuilt(world.copier.state, rows, [world.leader_positions()], [], books, world.now)


def lose(world: World, **how: bool) -> list[object]:
    """Start anew without a journal, on what the books tell; returns what was asked."""
    world.journal.clear()
    world.copier = world.fresh()
    facts = facts_of(world, **how)
    started = (EngineStarted(version="test", epoch=1), SourceStarted(account=LEADER), SourceStarted(account=F))
    return [c for c in world.feed(*started, *facts) if not type(c).__name__.startswith(("Read", "Query"))]


def owned(world: World) -> int:
    return sum(stake.owned for key, stake in world.copier.state.stakes.items() if key[1] == F)


@settings(max_examples=EXAMPLES)
@given(script=acts(HONEST), ratio=ratios, lot=lots, product=st.sampled_from([Product.INTRADAY, Product.MARGIN]))
def test_t5_the_ledger_is_what_the_account_holds_and_nothing_is_entered(
    script: list[Act], ratio: Fraction, lot: int, product: Product
) -> None:
    world = World({"F": ratio}, lot=lot, product=product)
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
    before = {o.report.client_order_id for o in world.books["F"].values()}
    asked = lose(world)
    assert owned(world) == world.net_position("F")
    assert all(not isinstance(c, Submit) or c.intent is Intent.EXIT for c in asked)
    assert {key for key in world.copier.state.by_tag if key[1] in before} == {(F, tag) for tag in before}
    for order in list(world.leader.values()):
        if order.is_open:
            world.fill(order, order.report.quantity - order.report.filled_quantity)
            world.fill_everything("F")
    flatten(world)
    assert world.net_position("F") == owned(world) == declared(world), "what filled for an order that the leader took back"
    assert not world.open_orders("F")


@settings(max_examples=EXAMPLES)
@given(script=acts(HONEST), ratio=ratios)
def test_t5_what_was_rebuilt_is_rebuilt_to_the_same_again(script: list[Act], ratio: Fraction) -> None:
    world = World({"F": ratio})
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
    lose(world)
    journal = len(world.journal)
    world.feed(*facts_of(world))
    again = [entry.fact for entry in world.journal[journal:]]
    assert not [fact for fact in again if isinstance(fact, (CopyAdmitted, CopyDeclined, RequestIssued))]


@pytest.mark.parametrize("filled", [0, 75, 150])
@pytest.mark.parametrize("buys_first", [True, False])
def test_t5_an_exit_in_the_place_of_an_entry_that_was_to_close_is_not_placed_again(filled: int, buys_first: bool) -> None:
    """The leader's SELL was decided as an entry, and closed: its copy was rejected, so that an exit did it."""
    world = World({"F": Fraction(1)})
    sides = (Side.BUY, Side.SELL) if buys_first else (Side.SELL, Side.BUY)
    orders = {side: world.place(side, 3 if side is Side.BUY else 2) for side in sides}
    copies = {copy.report.side: copy for copy in world.open_orders("F")}
    world.fill(orders[Side.BUY], 225)
    world.fill_follower("F", copies[Side.BUY], 225)
    world.fill(orders[Side.SELL], 150)
    world.end_follower("F", copies[Side.SELL], OrderStatus.REJECTED)
    (closes,) = world.open_orders("F")
    if filled:
        world.fill_follower("F", closes, filled)
    asked = lose(world)
    for _ in range(4):
        asked += world.tick(31)
        world.fill_everything("F")
    assert not [request for request in asked if isinstance(request, Submit)]
    assert world.net_position("F") == owned(world)
    # Of two orders the books do not tell which filled first: here the one that was placed first did.
    if buys_first:
        assert owned(world) == world.leader_position() == 75


@pytest.mark.parametrize("seconds", [0, 10])
def test_t5_a_leg_is_adopted_after_its_entry_though_its_row_was_there_before(seconds: int) -> None:
    world = World({"F": Fraction(1)})
    linked = Linked.place(world, 2, Side.BUY, Variety.BRACKET)
    linked.fill_entry()
    world.fill_everything("F")
    stop = linked.leg(Leg.STOP)
    before = (stop.report.created_at or world.now) - timedelta(seconds=seconds)
    stop.report = evolve(stop.report, created_at=before)
    world.leader[stop.report.order_id] = stop
    assert not [request for request in lose(world) if isinstance(request, Submit)]
    assert owned(world) == world.net_position("F")


def test_t5_what_the_leaders_broker_may_reject_yet_is_decided_when_that_is_known() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    exit_order = world.place(Side.SELL, 2, status=OrderStatus.TRANSIT)
    assert lose(world) == []
    requests = [asked for asked in world.change(exit_order, status=OrderStatus.PENDING) if isinstance(asked, Submit)]
    assert [(request.intent, request.quantity) for request in requests] == [(Intent.EXIT, 150)]


def test_t5_a_forever_order_is_not_set_again() -> None:
    """Its copy has no tag: whether it waits in the follower's account nobody can tell."""
    world = World({"F": Fraction(1)}, product=Product.MARGIN)
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    waits = world.place(Side.SELL, 2, terms=StopLimit(Decimal(90), Decimal(89)), tell=False)
    waits.report = evolve(waits.report, variety=Variety.FOREVER, status=OrderStatus.CONFIRM)
    assert lose(world) == []
    (declined,) = world.facts(CopyDeclined)
    assert isinstance(declined, CopyDeclined)
    assert (declined.leader_order_id, declined.reason) == (waits.report.order_id, ReasonCode.OLDER_THAN_START)


def test_t5_the_ratio_is_that_of_the_quantities_so_that_modifications_scale() -> None:
    world = World({"F": Fraction(2, 3)})
    order = world.place(Side.BUY, 6)
    assert lose(world) == []
    (admitted,) = world.facts(CopyAdmitted)
    assert isinstance(admitted, CopyAdmitted)
    assert (admitted.ratio, admitted.entry_quantity, admitted.reason) == (Fraction(2, 3), 450, ReasonCode.ADOPTED)
    (request,) = world.change(order, quantity=9 * 75)
    assert isinstance(request, Modify) and request.quantity == 450


def test_t5_where_nobody_names_the_lot_whole_multiples_of_what_was_ordered_are() -> None:
    world = World({"F": Fraction(1, 2)})
    order = world.place(Side.BUY, 4)
    world.place(Side.BUY, 6)
    lose(world, lots_told=False)
    assert {fact.facts.lot_units for fact in world.facts(CopyAdmitted) if isinstance(fact, CopyAdmitted)} == {75}
    (request,) = world.change(order, quantity=6 * 75)
    assert isinstance(request, Modify) and request.quantity == 225


def test_t5_a_crossing_order_is_adopted_with_both_its_parts() -> None:
    world = World({"F": Fraction(1)})
    world.trade(Side.BUY, 2)
    world.fill_everything("F")
    world.tick(31)
    world.place(Side.SELL, 6)
    world.fill_everything("F")
    world.tick(31)
    assert len(world.books["F"]) == 3
    assert lose(world) == []
    crossing = world.facts(CopyAdmitted)[-1]
    assert isinstance(crossing, CopyAdmitted)
    assert (crossing.exit_quantity, crossing.entry_quantity, crossing.ratio) == (150, 300, 1)
    issued = [
        f.request.intent for f in world.facts(RequestIssued) if isinstance(f, RequestIssued) and isinstance(f.request, Submit)
    ]
    assert issued == [Intent.ENTRY, Intent.EXIT, Intent.ENTRY]


def test_t5_an_ioc_is_reckoned_by_what_it_filled() -> None:
    world = World({"F": Fraction(1)})
    world.place(Side.BUY, 4, validity=Validity.IOC, filled=150, status=OrderStatus.CANCELLED)
    world.fill_everything("F")
    lose(world)
    (admitted,) = world.facts(CopyAdmitted)
    assert isinstance(admitted, CopyAdmitted) and admitted.ratio == 1
    assert owned(world) == 150


@pytest.mark.parametrize(
    ("leaders", "shown", "modified"),
    [
        (Market(), Limit(Decimal(101)), False),
        (StopLimit(Decimal(99), Decimal(98)), Limit(Decimal(98)), False),
        (Limit(Decimal(100)), Limit(Decimal(100)), False),
        (Limit(Decimal(102)), Limit(Decimal(100)), True),
        (StopLimit(Decimal(99), Decimal(98)), StopLimit(Decimal(97), Decimal(98)), True),
    ],
)
def test_t5_only_what_the_follower_has_not_got_yet_is_modified(leaders: Terms, shown: Terms, modified: bool) -> None:
    world = World({"F": Fraction(1)})
    order = world.place(Side.BUY, 2)
    order.report = evolve(order.report, terms=leaders)
    (copy,) = world.books["F"].values()
    copy.report = evolve(copy.report, terms=shown)
    asked = lose(world)
    assert [type(request) for request in asked] == ([Modify] if modified else [])
    if modified:
        assert copy.report.terms == leaders


def test_t5_todays_permits_are_counted() -> None:
    world = World({"F": Fraction(1)})
    for _ in range(3):
        world.place(Side.BUY, 1)
    lose(world)
    assert world.copier._permits.of_today(F) == 3


def test_t5_orders_of_nobody_are_noted_and_never_placed() -> None:
    world = World({"F": Fraction(1)})
    world.place(Side.BUY, 2)
    gone = world.next_id(LEADER)
    tag = client_order_id(LEADER, gone, F, "E", 0, 0)
    book = {F: [evolve(_only(world), client_order_id=tag)]}
    rows = [leader_reported(report(created_at=world.now), Channel.BOOK)]
    facts = rebuilt(world.fresh().state, rows, [], [], book, world.now)
    assert [type(fact).__name__ for fact in facts] == ["LeaderReported", "CopyDeclined", "OrderReported", "AlertRaised"]
    summary = facts[-1]
    assert isinstance(summary, AlertRaised) and tag in summary.known and summary.code == "REBUILT"
    assert isinstance(facts[2], OrderReported) and facts[2].report.client_order_id == tag


def _only(world: World) -> OrderReport:
    (order,) = world.books["F"].values()
    return order.report


@settings(max_examples=EXAMPLES)
@given(script=acts(HONEST), ratio=ratios, reverse=st.booleans(), product=st.sampled_from([Product.INTRADAY, Product.MARGIN]))
def test_t5_copies_of_fills_are_adopted_on_the_side_on_which_the_books_show_them(
    script: list[Act], ratio: Fraction, reverse: bool, product: Product
) -> None:
    world = World({"F": ratio}, product=product, mode=CopyMode.EXECUTION, reverse=reverse)
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
    lose(world)
    assert sum(stake.held for stake in world.copier.state.stakes.values()) == world.net_position("F")
    flatten(world)
    assert sum(stake.held for stake in world.copier.state.stakes.values()) == world.net_position("F")
    beyond = sum(
        (stake.turn * quantity for stake in world.copier.state.stakes.values() for _, quantity in stake.declared), Fraction(0)
    )
    assert world.net_position("F") == beyond and not world.open_orders("F")
