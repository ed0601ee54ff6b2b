"""The oracle sees the brokers' truth: what a planted bug does there is caught within a few seeds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from dhan_copy.core.facts import (
    AlertRaised,
    Channel,
    EngineStarted,
    Entry,
    LeaderReported,
    OrderReported,
    OutcomeUnresolved,
    Refusal,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
)
from dhan_copy.core.limits import RateBudget
from dhan_copy.core.requests import Cancel, Intent, Modify
from dhan_copy.model.ids import ClientOrderId
from dhan_copy.model.order import ForeverLeg, Leg, Limit, OrderStatus, Product, Side, StopLimit, Variety
from dhan_copy.model.reason import ReasonCode
from dhan_copy.testing.simulation.market import LISTINGS, TrueOrder
from dhan_copy.testing.simulation.oracle import Copy, newer
from dhan_copy.testing.simulation.summary import simulate
from dhan_copy.testing.simulation.world import LEADER, World
from tests.core import make
from tests.runtime.fakes import submit

SEEDS = 6


def caught(*faults: str) -> set[int]:
    """The invariants that the first caught seed violates; empty when none of the seeds is."""
    for seed in range(SEEDS):
        summary = simulate(seed, 1, orders=40, followers=2, only=faults)
        if summary.violations:
            return {violation.invariant for violation in summary.violations}
    return set()


def test_the_rate_budget_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    def free(budget: RateBudget, now: float, intent: Intent) -> float:
        return 0.0

    monkeypatch.setattr(RateBudget, "wait_seconds", free)
    assert 12 in caught("F07")


def test_nothing_is_caught_where_nothing_is_planted() -> None:
    assert caught() == set()


def at_rest(monkeypatch: pytest.MonkeyPatch) -> World:
    """A day without a fault, as it stands at its end."""
    world = World(0, 40, 1, only=())
    monkeypatch.setattr(world, "_end_day", lambda stays: None)
    world.run_day()
    return world


def plain_sale(world: World) -> TrueOrder:
    """An order of the leader's that sells, is no part of a linked one, and was copied."""
    oracle, (name,) = world.oracle, world.names
    return next(
        one
        for one in world.leader.orders.values()
        if one.sign < 0 and oracle.ideals.tree_of(one.order_id) is None
        if (copy := oracle.copies.get((one.order_id, name))) is not None and copy.admitted is not None
    )


@pytest.mark.parametrize(("declared", "lots", "blamed"), [(True, 1, False), (True, 2, True), (False, 1, True)])
def test_what_a_hand_has_offset_and_was_declared_leaves_the_whole_net_to_the_copier(
    monkeypatch: pytest.MonkeyPatch, declared: bool, lots: int, blamed: bool
) -> None:
    """Somebody's own buy offset a copied short, which was declared closed by hand: what is long now are copies."""
    world = at_rest(monkeypatch)
    oracle, (name,) = world.oracle, world.names
    order = plain_sale(world)
    listing = order.listing
    oracle.ideals.next_day((), world.leader)
    world.accounts[name].net[listing] = listing.lot
    world.meddlers[name].own[listing] = listing.lot
    if declared:
        oracle.manual[name, listing] = Fraction(listing.lot)
    exit_order = evolve(
        submit(intent=Intent.EXIT), follower=name, leader_order_id=order.order_id, side=Side.SELL, quantity=lots * listing.lot
    )
    assert not oracle.violations
    oracle._judge_size(exit_order, (order.order_id, name))
    assert {violation.invariant for violation in oracle.violations} == ({5} if blamed else set())


@pytest.mark.parametrize("declared", [True, False])
def test_what_copies_have_bought_since_a_hand_closed_their_short_is_open_beside_what_linked_orders_are_short(
    monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    """Three lots were bought where a hand had bought one before; four are short since linked orders were taken apart."""
    world = at_rest(monkeypatch)
    oracle, (name,) = world.oracle, world.names
    order = plain_sale(world)
    listing = order.listing
    oracle.ideals.next_day((), world.leader)
    plain = (name, listing, None)
    oracle.ideals._gross.update({(plain, 1): 2 * listing.lot, (plain, -1): 4 * listing.lot})
    world.accounts[name].net[listing] = -listing.lot
    world.meddlers[name].own[listing] = listing.lot
    if declared:
        oracle.manual[name, listing] = Fraction(listing.lot)
    units = 3 * listing.lot
    sold = evolve(submit(intent=Intent.EXIT), follower=name, leader_order_id=order.order_id, side=Side.SELL, quantity=units)
    oracle._judge_size(sold, (order.order_id, name))
    assert {violation.invariant for violation in oracle.violations} == (set() if declared else {5})


@pytest.mark.parametrize(("code", "judged"), [("REQUESTS_WAIT", False), ("ENTRIES_WAIT", True)])
def test_positions_are_not_judged_where_nothing_can_be_sent_for_the_hour(
    monkeypatch: pytest.MonkeyPatch, code: str, judged: bool
) -> None:
    world = at_rest(monkeypatch)
    oracle, (name,) = world.oracle, world.names
    told = AlertRaised(code=code, what="used up", known="", advice="", account=name)
    oracle.committed([Entry(len(oracle.journal) + 1, make.after(0), told)], [])
    everywhere = [world.leader.orders.values(), world.accounts[name].orders.values()]
    listing = next(one for one in LISTINGS if not any(oracle._rests(orders, one) for orders in everywhere))
    world.accounts[name].net[listing] = world.accounts[name].held(listing) + 7 * listing.lot
    oracle._position(name, listing)
    assert bool(oracle.violations) == judged


@pytest.mark.parametrize("differ", [True, False], ids=["the-second-leg-moves", "the-same-again"])
def test_what_is_journaled_of_a_pair_is_news_where_its_second_leg_has_moved(differ: bool) -> None:
    """All within a second, as when somebody moves the stop to and fro and the stream tells all of it once more."""
    oracle = World(0, 40, 1, only=(), forever=0.5).oracle
    listing = next(one for one in LISTINGS if one.product is Product.CNC)
    pair = make.report(
        order_id="L7", segment=listing.key.segment, security_id=listing.key.security_id, product=listing.product,
        variety=Variety.FOREVER, status=OrderStatus.CONFIRM, terms=StopLimit(Decimal(110), Decimal(109)), quantity=1,
    )  # fmt: skip
    for number in range(20):
        stop = StopLimit(Decimal(80 + number * differ), Decimal(79))
        told = evolve(pair, second_leg=ForeverLeg(terms=stop, quantity=1))
        fact = LeaderReported(leader=LEADER, report=told, channel=Channel.STREAM)
        oracle.committed([Entry(number + 1, make.after(number / 100), fact)], [])
    assert {violation.invariant for violation in oracle.violations} == (set() if differ else {2})


@pytest.mark.parametrize("flooded", [True, False], ids=["a-flood-tells-it-again", "nobody-tells-it-again"])
def test_what_a_flood_tells_once_more_of_one_second_cannot_be_told_from_an_order_moved_to_and_fro(
    monkeypatch: pytest.MonkeyPatch, flooded: bool
) -> None:
    world = at_rest(monkeypatch)
    oracle, order = world.oracle, plain_sale(world)
    low, high = (evolve(order.report, terms=Limit(Decimal(price))) for price in (100, 101))
    order.versions += [(0.0, low), (0.0, high)]
    for number, told in enumerate((low, high) * 15):
        world.feeds[LEADER].told_again[told] += flooded
        fact = LeaderReported(leader=LEADER, report=told, channel=Channel.STREAM)
        oracle.committed([Entry(len(oracle.journal) + 1, make.after(number / 100), fact)], [])
    assert {violation.invariant for violation in oracle.violations} == (set() if flooded else {2})


def test_what_an_entrys_frame_says_of_a_leg_is_older_than_what_is_told_of_the_leg_itself() -> None:
    told = make.report(order_id="L7/TARGET", leg=Leg.TARGET, leg_order_id="L7", updated_at=make.after(58))
    implied = evolve(told, leg_order_id=None, updated_at=make.after(59))
    assert newer(told, implied) and not newer(implied, evolve(told, updated_at=make.after(60)))


def live_exit(monkeypatch: pytest.MonkeyPatch) -> tuple[World, TrueOrder, ClientOrderId]:
    """An exit of a plain order, as if nobody had told yet that it is over."""
    world = at_rest(monkeypatch)
    oracle, (name,) = world.oracle, world.names
    order, tag = next(
        (one, one.tag)
        for one in world.accounts[name].orders.values()
        if one.tag is not None and oracle.intents.get(one.tag) is Intent.EXIT and not oracle._is_apart(oracle.tags[one.tag][0])
    )
    oracle.told_over.discard(tag)
    return world, order, tag


def changed(order: TrueOrder, tag: ClientOrderId, units: int) -> Modify:
    return Modify(
        follower=order.account.name, client_order_id=tag, attempt=99, broker_order_id=order.order_id, intent=Intent.EXIT,
        validity=order.validity, terms=order.terms, quantity=units,
    )  # fmt: skip


@pytest.mark.parametrize(("read_after_seconds", "still_counts"), [(1, False), (-1, True)])
def test_a_raise_that_was_lost_counts_until_a_read_of_the_book_that_began_later(
    monkeypatch: pytest.MonkeyPatch, read_after_seconds: int, still_counts: bool
) -> None:
    world, order, tag = live_exit(monkeypatch)
    oracle, (name,) = world.oracle, world.names
    was, _ = oracle._plain_exits(name, order.listing, order.sign)
    lost_at = len(oracle.journal) + 1
    oracle.asked_for[tag] = order.quantity + 50
    lost = OutcomeUnresolved(follower=name, client_order_id=tag, attempt=2, problem="late")
    row = make.report(
        account=name, order_id=order.order_id, client_order_id=tag, status=OrderStatus.PENDING, quantity=order.quantity
    )
    read = OrderReported(follower=name, report=row, channel=Channel.BOOK, read_at=make.after(100 + read_after_seconds))
    oracle.committed([Entry(lost_at, make.after(100), lost), Entry(lost_at + 1, make.after(102), read)], [])
    assert oracle._plain_exits(name, order.listing, order.sign)[0] == was + 50 * still_counts


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "accepted"])
def test_a_raise_that_was_refused_counts_no_more(monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    world, order, tag = live_exit(monkeypatch)
    oracle, (name,) = world.oracle, world.names
    was, _ = oracle._plain_exits(name, order.listing, order.sign)
    raised = changed(order, tag, order.quantity + 50)
    no = RequestRejected(
        follower=name, client_order_id=tag, attempt=99, refusal=Refusal.RATE_LIMIT, code="DH-904", text="429", final=False
    )
    yes = RequestAccepted(follower=name, client_order_id=tag, attempt=99, broker_order_id=order.order_id)
    asked_at = len(oracle.journal) + 1
    oracle.committed([Entry(asked_at, make.after(100), RequestIssued(request=raised))], [])
    assert oracle._plain_exits(name, order.listing, order.sign)[0] == was + 50
    oracle.committed([Entry(asked_at + 1, make.after(101), no if refused else yes)], [])
    assert oracle._plain_exits(name, order.listing, order.sign)[0] == was + 50 * (not refused)


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "refused"])
def test_an_end_by_hand_after_a_cancel_of_ours_that_was_lost_cannot_be_told_from_its_end(
    monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    world, order, tag = live_exit(monkeypatch)
    oracle, name = world.oracle, order.account.name
    order.ended_by = "hand"
    cancel = Cancel(follower=name, client_order_id=tag, attempt=98, broker_order_id=order.order_id)
    late = OutcomeUnresolved(follower=name, client_order_id=tag, attempt=98, problem="late")
    no = RequestRejected(
        follower=name, client_order_id=tag, attempt=98, refusal=Refusal.RATE_LIMIT, code="DH-904", text="429", final=False
    )
    [placed] = [one for copy in oracle.copies.values() for one in copy.submits if one.client_order_id == tag]
    again = evolve(placed, client_order_id=ClientOrderId(f"{tag[:-1]}F"))
    issued = (cancel, changed(order, tag, order.quantity), again)
    facts = [RequestIssued(request=issued[0]), late if lost else no, *(RequestIssued(request=one) for one in issued[1:])]
    first = len(oracle.journal) + 1
    oracle.committed([Entry(first + i, make.after(100 + i), fact) for i, fact in enumerate(facts)], [])
    assert any("back by hand" in violation.what for violation in oracle.violations) == (not lost)


@pytest.mark.parametrize("closed", [True, False], ids=["at-midnight", "before"])
def test_what_linked_orders_hold_is_closed_by_others_once_their_day_is_over(
    monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    """By the engine's clock, which may be ahead of the exchange's."""
    world, order, tag = live_exit(monkeypatch)
    oracle, units = world.oracle, 2 * order.listing.lot
    order.account.net[order.listing] = -order.sign * units
    monkeypatch.setattr(world, "closed", closed)
    ideals = type(oracle.ideals)
    monkeypatch.setattr(ideals, "trees", lambda self, listing: ["L7"])
    monkeypatch.setattr(ideals, "held", lambda self, name, listing, tree: -order.sign * units)
    monkeypatch.setattr(ideals, "opened", lambda self, *of: 0)
    oracle._judge_size(changed(order, tag, oracle.told_fills.get(tag, 0) + units), oracle.tags[tag])
    assert {violation.invariant for violation in oracle.violations} == (set() if closed else {5})


@pytest.mark.parametrize("units", [-50, 50])
def test_an_exit_that_is_for_less_is_not_blamed_for_what_others_are_for(monkeypatch: pytest.MonkeyPatch, units: int) -> None:
    """Others whose answers were lost may be there, and nothing can be asked of them."""
    world, order, tag = live_exit(monkeypatch)
    oracle = world.oracle
    asked = order.quantity + 500
    oracle.asked_for[tag], oracle.stood[tag, 99] = asked + units, (asked, None)
    request = changed(order, tag, asked + units)
    oracle.met.clear()
    oracle._judge_exits_together([Entry(len(oracle.journal) + 1, make.after(100), RequestIssued(request=request))])
    assert {violation.invariant for violation in oracle.violations} == (set() if units < 0 else {5})


@pytest.mark.parametrize(("later_seconds", "prompt"), [(100, True), (-1, False)])
def test_entries_may_wait_after_a_start_on_a_clock_that_was_set_back(
    monkeypatch: pytest.MonkeyPatch, later_seconds: int, prompt: bool
) -> None:
    """What was sent before may have been sent just now, as far as the new process can tell."""
    world = at_rest(monkeypatch)
    oracle = world.oracle
    copy = next(copy for copy in oracle.copies.values() if copy.admitted is not None and not copy.admitted.exit_quantity)
    assert copy.admitted is not None
    order_id, last = copy.admitted.leader_order_id, oracle.journal[-1]
    started = Entry(last.position + 1, last.at + timedelta(seconds=later_seconds), EngineStarted(version="test", epoch=2))
    oracle.committed([started], [])
    later = world.host.clock.now() + timedelta(seconds=later_seconds + 60)
    oracle.newest[order_id] = evolve(oracle.newest[order_id], status=OrderStatus.PENDING, created_at=later)
    oracle.fill_told_at.clear()
    oracle.troubled[LEADER] = world.timeline.now
    monkeypatch.setattr(world.host.clock, "now", lambda: later)
    oracle.answered_at.clear()
    assert oracle._is_due_at_once(copy.admitted) is prompt


@pytest.mark.parametrize("ahead", [False, True])
def test_an_entry_may_end_unsent_where_the_follower_was_ahead_when_it_was_decided(
    monkeypatch: pytest.MonkeyPatch, ahead: bool
) -> None:
    world = at_rest(monkeypatch)
    oracle, (name,) = world.oracle, world.names
    monkeypatch.setattr(oracle, "_was_overtaken", lambda original, copy: False)
    for order in world.leader.orders.values():
        known = oracle.copies.get((order.order_id, name))
        if known is not None and known.admitted is not None and known.placed and not known.admitted.exit_quantity:
            carry = -known.admitted.ratio * order.filled if ahead else Fraction(0)
            admitted = evolve(known.admitted, carry=carry)
            oracle.copies[order.order_id, name] = Copy(admitted=admitted, unsent=ReasonCode.BELOW_ONE_LOT)
            oracle._outcome(order, name)
    assert {violation.invariant for violation in oracle.violations} == (set() if ahead else {3})
