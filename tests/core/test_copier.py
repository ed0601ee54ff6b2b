"""Facts in, entries and commands out: what holds whatever the leader, the brokers and the line do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve, fields
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dhan_copy.core.copier import Copier
from dhan_copy.core.drift import drifts
from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    DayOpened,
    DriftDeclared,
    EngineStarted,
    Fact,
    FundsReported,
    GapDetected,
    LeaderReported,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    ReadFailed,
    Refusal,
    ReportUnreadable,
    TradeSettled,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.opening import missed
from dhan_copy.core.requests import Cancel, Command, Intent, Modify, Query, ReadFunds, ReadOrders, ReadPositions, Submit
from dhan_copy.core.settings import Policy, RateLimits, RateWindow
from dhan_copy.core.state import State
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, Product, Side, Variety
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.size import Ratio
from tests.core.bench import Asked, Bench, holds
from tests.core.make import FOLLOWER, KEY, LEADER, START, TAG, after, leader_reported, order_reported, report, submit
from tests.core.slow_world import SlowWorld
from tests.core.trading import UNRULY, Act, act, acts, declared, flatten, lots, ratios, uncopied
from tests.core.world import TrueOrder, World

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "40"))

TROUBLE = ("refuse", "halt", "fill", "cancel")
READ_AGAIN = {"settings", "engine_started_at", "touched", "suspects", "positions_read_at", "book_read_at", "net_positions"}
"""What a restart forgets, because reading it again costs nothing."""


def known(state: State) -> dict[str, object]:
    """What the journal must bring back."""
    values = {name: getattr(state, name) for name in (f.name for f in fields(State)) if name not in READ_AGAIN}
    values["open_trades"] = {key: list(trades) for key, trades in state.open_trades.items() if trades}
    values["stakes"] = {key: stake for key, stake in state.stakes.items() if stake != type(stake)()}
    return values


def restored(world: World) -> Copier:
    copier = world.fresh()
    copier.restore(world.journal)
    return copier


@settings(max_examples=EXAMPLES)
@given(script=acts(UNRULY), ratio=ratios, lot=lots)
def test_t4_the_journal_brings_the_state_back_and_sends_nothing(script: list[Act], ratio: Fraction, lot: int) -> None:
    world = World({"F": ratio}, lot=lot)
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
        copier = restored(world)
        step = copier.step(world.moment(), [EngineStarted(version="test", epoch=2)])
        assert [type(entry.fact) for entry in step.entries] == [EngineStarted]
        assert not {type(command).__name__ for command in step.commands} & {"Submit", "Modify", "Cancel"}
        assert known(copier.state) == known(world.copier.state)


@settings(max_examples=EXAMPLES)
@given(script=acts(UNRULY), ratio=ratios, lot=lots, again=st.integers(1, 6))
def test_f22_what_was_told_before_sends_nothing_and_is_not_kept(
    script: list[Act], ratio: Fraction, lot: int, again: int
) -> None:
    world = World({"F": ratio}, lot=lot)
    for what, buy, count, which in script:
        world.advance(1)
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
        told = [entry.fact for entry in world.journal if isinstance(entry.fact, (LeaderReported, OrderReported))]
        world.feed()
        before = len(world.journal)
        world.feed(*told[-again:][::-1])
        assert world.journal[before:] == []


Life = tuple[bool, list[tuple[str, int, bool]], OrderStatus]
versions = st.lists(st.tuples(st.sampled_from(["price", "more", "less", "fill"]), st.integers(1, 3), st.booleans()), max_size=8)
ends = st.sampled_from([OrderStatus.CANCELLED, OrderStatus.TRADED])


def led(lives: list[Life], told_by: Channel, everything: bool) -> World:
    """Orders are modified, fill in part and end one after the other; the last version of each is always told."""
    world = World({"F": Fraction(1)}, lot=75)
    for buy, changes, end in lives:
        order = world.place(Side.BUY if buy else Side.SELL, 4)
        for what, lots, told in changes:
            world.advance(1)
            now = order.report
            filled = min(now.quantity - 75, now.filled_quantity + 75 * lots) if what == "fill" else now.filled_quantity
            more = {"more": 75 * lots, "less": max(now.filled_quantity + 75, now.quantity - 75 * lots) - now.quantity}
            order.report = evolve(
                now, quantity=now.quantity + more.get(what, 0), filled_quantity=filled, updated_at=world.now,
                terms=Limit(Decimal(100 + lots)) if what == "price" else now.terms,
                status=OrderStatus.PART_TRADED if filled else OrderStatus.PENDING,
            )  # fmt: skip
            if told or everything:
                world.tell(order, told_by)
        world.advance(1)
        filled = order.report.quantity if end is OrderStatus.TRADED else order.report.filled_quantity
        order.report = evolve(order.report, status=end, filled_quantity=filled, updated_at=world.now)
        world.tell(order, Channel.BOOK)
        world.fill_everything("F")
    return world


@settings(max_examples=EXAMPLES)
@given(
    st.lists(st.tuples(st.booleans(), versions, ends), min_size=1, max_size=3), st.sampled_from([Channel.STREAM, Channel.BOOK])
)
def test_f27_versions_that_are_never_told_make_no_difference_in_the_end(lives: list[Life], told_by: Channel) -> None:
    """Between two looks at a book an order goes through several versions, of which only the last is seen. One in between may
    take a copy back, for what he asks for closes nothing there; that is told, as no entry is placed twice."""
    worlds = [led(lives, told_by, everything) for everything in (True, False)]
    for world in worlds:
        for _ in range(3):
            world.fill_everything("F")
            world.tick(10)
        assert abs(world.net_position("F") - (world.leader_position() - uncopied(world) + declared(world))) < 75
    copied = [world.net_position("F") - declared(world) for world in worlds]
    assert copied[0] == copied[1]


GOOD_LINE = (
    "place",
    "trade",
    "fill",
    "modify",
    "cancel",
    "follower_fill",
    "answer",
    "answer",
    "withhold",
    "tell",
    "crash",
    "wait",
)
windows = st.lists(st.builds(RateWindow, st.integers(1, 4), st.sampled_from([1.0, 5.0, 30.0])), min_size=1, max_size=2)


@settings(max_examples=EXAMPLES)
@given(script=acts(GOOD_LINE, most=25), drawn=windows, share=st.sampled_from([Fraction(1), Fraction(1, 2)]))
def test_no_rate_window_is_exceeded_not_even_over_restarts(script: list[Act], drawn: list[RateWindow], share: Fraction) -> None:
    world = SlowWorld({"F": Fraction(1)}, limits=RateLimits(windows=tuple(drawn), entry_share=share))
    world.heal()
    for one in script:
        happen(world, *one)
    world.heal()
    for window in drawn:
        assert world.most_requests_in(window.seconds) <= window.limit


@settings(max_examples=EXAMPLES)
@given(script=acts(UNRULY), trouble=st.lists(st.tuples(st.sampled_from(TROUBLE), st.integers(0, 3)), min_size=14, max_size=14))
def test_p15_one_followers_trouble_is_nobody_elses(script: list[Act], trouble: list[tuple[str, int]]) -> None:
    """The same requests at the same moments, whatever becomes of the other follower."""
    alone, together = World({"F": Fraction(1, 2)}), World({"F": Fraction(1, 2), "G": Fraction(1)})
    for (what, buy, count, which), (problem, whose) in zip(script, trouble, strict=False):
        for world in (alone, together):
            world.advance(1)
            act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
        theirs = together.open_orders("G")
        if problem == "refuse":
            together.refuse.setdefault("G", []).append((Refusal.AUTHENTICATION, False))
        elif problem == "halt":
            together.feed(TradingStateChanged(follower=AccountName("G"), state=TradingState.HALTED))
        elif theirs and problem == "fill":
            together.fill_follower("G", theirs[whose % len(theirs)], together.lot)
        elif theirs:
            together.end_follower("G", theirs[whose % len(theirs)], OrderStatus.CANCELLED)
    assert [r for r in together.requests() if r.follower == "F"] == alone.requests()


BAD_LINE = (
    "place", "trade", "fill", "fill", "modify", "cancel", "follower_fill", "follower_fill", "follower_end_by_hand",
    "answer", "answer", "answer", "answer", "silent", "lose", "late", "withhold", "arrive", "tell", "tell", "crash", "wait",
)  # fmt: skip


# Fills that come after the leader has closed with the same order, and after a crash: what chance seldom finds.
CLOSED_BY_AN_ENTRY: list[Act] = [
    ("place", True, 6, 3), ("place", False, 5, 4), ("place", True, 5, 1), ("answer", False, 1, 5), ("follower_fill", False, 6, 1),
    ("place", False, 2, 5), ("fill", True, 4, 4), ("fill", True, 6, 1),
]  # fmt: skip
FILLED_AFTER_A_CRASH: list[Act] = [
    ("place", True, 3, 4), ("trade", False, 1, 3), ("place", False, 5, 1), ("fill", False, 5, 1), ("fill", False, 5, 0),
    ("crash", True, 5, 2), ("follower_fill", False, 6, 5),
]  # fmt: skip
OVERTAKEN_OVER_A_CRASH: list[Act] = [
    ("place", False, 5, 0), ("trade", True, 6, 4), ("trade", False, 2, 4), ("crash", True, 4, 2), ("follower_fill", True, 5, 1),
]  # fmt: skip


@settings(max_examples=3 * EXAMPLES)
@given(script=acts(BAD_LINE, most=25), ratio=ratios)
@example(script=CLOSED_BY_AN_ENTRY, ratio=Fraction(1))
@example(script=FILLED_AFTER_A_CRASH, ratio=Fraction(1, 2))
@example(script=OVERTAKEN_OVER_A_CRASH, ratio=Fraction(1))
def test_never_two_requests_for_an_order_nor_two_entries_for_a_leader_order(script: list[Act], ratio: Fraction) -> None:
    """The rules are checked at every journal row; then the line heals, and the follower is where the leader is."""
    world = SlowWorld({"F": ratio}, lot=75)
    world.heal()
    for one in script:
        happen(world, *one)
    come_to_rest(world)
    assert not world.copier.state.unresolved
    assert not any(order.is_busy for trade in world.copier.state.trades.values() for order in trade.orders)
    off = world.net_position("F") - ratio * (world.leader_position() - uncopied(world))
    assert abs(off - declared(world)) <= world.lot, f"off {off}, declared {declared(world)}"
    flatten(world)
    assert world.leader_position() == 0
    assert world.net_position("F") == declared(world)


def happen(world: SlowWorld, what: str, buy: bool, count: int, which: int) -> None:
    world.advance(1)
    match what:
        case "answer" | "silent" | "lose" | "late" | "withhold":
            world.deliver(which, what)
        case "arrive":
            world.arrive(which)
        case "tell":
            world.tell_one(which)
        case "crash":
            world.crash(which)
        case "wait":
            world.advance(7 * count)
            world.feed()
        case _:
            act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)


def test_what_waits_for_a_lost_order_goes_on_once_that_is_proven_absent() -> None:
    """The leader turned from long to short, and the entry that the short would cross never arrived."""
    world = SlowWorld({"F": Fraction(1)}, lot=75)
    world.heal()
    world.trade(Side.BUY, 1)
    world.deliver(0, "lose")
    world.trade(Side.SELL, 6)
    come_to_rest(world)
    assert world.net_position("F") == 0
    assert declared(world) == 375, "the short is stale by now, and that is on record"


def come_to_rest(world: SlowWorld) -> None:
    for order in list(world.leader.values()):
        if order.is_open:
            world.cancel(order)
    world.heal()
    world.told_at_once = True
    for _ in range(12):
        world.fill_everything("F")
        world.sweep()
        world.tick(31)


# What is read, and what is said about it


def book_row(number: int, side: Side, lots: int, minute: int) -> LeaderReported:
    """A row of the leader's book: filled in full, so many minutes after the start."""
    row = report(
        order_id=BrokerOrderId(f"L{number}"), side=side, quantity=lots * 75, filled_quantity=lots * 75,
        status=OrderStatus.TRADED, created_at=after(60 * minute), updated_at=after(60 * minute),
    )  # fmt: skip
    return leader_reported(row, Channel.BOOK, read_at=after(3600))


@given(
    rows=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 4)), min_size=1, max_size=4),
    brought=st.integers(-3, 3),
    data=st.data(),
)
def test_t1_a_book_and_a_position_read_together_tell_what_he_brought_in(
    rows: list[tuple[Side, int]], brought: int, data: st.DataObject
) -> None:
    """The position holds the fills that the rows are about to tell, in whatever order both come."""
    bench = Bench(leader_holds=None)
    told = [book_row(number, side, lots, number) for number, (side, lots) in enumerate(rows)]
    now = brought * 75 + sum(side.sign * lots * 75 for side, lots in rows)
    bench.wait(3600)
    bench.step(*data.draw(st.permutations([*told, holds(LEADER, now, bench.now)])))
    place = (LEADER, KEY, Product.INTRADAY, None)
    assert bench.copier.state.brought_in[place] == brought * 75
    assert bench.copier.state.position(place) == now
    seen = [fact.report.order_id for fact in bench.facts(LeaderReported)]
    assert seen == sorted(seen), "rows are taken in the order in which they happened"


def test_t1_only_the_rows_read_with_a_position_are_taken_off_it() -> None:
    """Two reads in one batch: what the second shows happened after the position was read."""
    bench = Bench(leader_holds=None)
    bench.wait(3600)
    first, later = book_row(1, Side.BUY, 1, 1), book_row(2, Side.BUY, 2, 2)
    read = BookRead(account=LEADER, read_at=bench.now)
    bench.step(first, read, holds(LEADER, 75, bench.now), first, later, read)
    place = (LEADER, KEY, Product.INTRADAY, None)
    assert (bench.copier.state.brought_in[place], bench.copier.state.position(place)) == (0, 225)


def test_d1_rows_of_yesterday_are_not_taken_off_a_position() -> None:
    bench = Bench(leader_holds=None)
    old = book_row(1, Side.BUY, 2, -24 * 60)
    bench.step(old, holds(LEADER, 150, bench.now))
    assert bench.copier.state.position((LEADER, KEY, Product.INTRADAY, None)) == 150


def test_t8_where_the_channels_disagree_the_book_is_read_once_it_can_tell() -> None:
    bench = Bench()
    bench.step(BookRead(account=LEADER, read_at=bench.now))
    told = report(created_at=bench.now, updated_at=bench.now)
    bench.tell(told)
    bench.step(leader_reported(evolve(told, terms=Market()), Channel.BOOK, read_at=bench.now))
    assert bench.last is not None
    assert bench.last.due is not None
    assert bench.last.due <= bench.moment().monotonic + 2
    asked = reads(bench)
    bench.wait(3)
    bench.step()
    assert ReadOrders(account=LEADER) in asked + reads(bench)
    row = leader_reported(evolve(told, terms=Market()), Channel.BOOK, read_at=bench.now)
    bench.step(row, BookRead(account=LEADER, read_at=bench.now))
    assert bench.copier.state.leader_order((LEADER, told.order_id, FOLLOWER)).report.terms == Market()


def test_t4_an_order_in_transit_at_the_restart_is_decided_when_it_is_confirmed() -> None:
    bench = Bench()
    told = report(status=OrderStatus.TRANSIT, created_at=bench.now, updated_at=bench.now)
    bench.tell(told)
    assert bench.restart() == []
    assert bench.decisions() == []
    bench.wait(1)
    assert len(bench.tell(evolve(told, status=OrderStatus.PENDING, updated_at=bench.now))) == 1


def test_d1_an_order_that_was_never_confirmed_is_declined_with_the_day() -> None:
    bench = Bench()
    bench.tell(report(status=OrderStatus.TRANSIT, created_at=bench.now, updated_at=bench.now))
    bench.wait(86400)
    bench.step()
    assert [decision.reason for decision in bench.decisions()] == [ReasonCode.DAY_END]


def test_a_position_read_again_in_the_day_changes_nothing() -> None:
    """It may lag behind the fills, which are known."""
    bench = Bench(leader_holds=75)
    before = len(bench.journal)
    bench.step(holds(LEADER, 0, bench.now))
    assert bench.journal[before:] == []
    assert bench.copier.state.position((LEADER, KEY, Product.INTRADAY, None)) == 75


def test_d1_a_row_of_yesterday_is_left_out_and_told_once() -> None:
    bench = Bench()
    yesterday = report(created_at=after(-86400), updated_at=after(-86400))
    for number in range(3):
        assert bench.tell(evolve(yesterday, order_id=BrokerOrderId(f"L{number}"))) == []
    assert bench.alerts() == ["FROM_BEFORE"]
    assert not bench.facts(LeaderReported)
    bench.tell(evolve(yesterday, variety=Variety.AFTER_MARKET))
    assert [d.reason for d in bench.decisions()] == [ReasonCode.AMO_SLOT_UNKNOWN], "an AMO is of yesterday by nature"


def test_somebody_elses_reports_are_not_a_leaders() -> None:
    bench = Bench()
    assert bench.step(evolve(leader_reported(report()), leader=AccountName("X"))) == []
    assert not bench.facts(LeaderReported)


def test_an_order_with_our_prefix_that_the_journal_does_not_know_is_told() -> None:
    bench = Bench()
    bench.step(order_reported(report()))
    bench.step(order_reported(report()))
    assert bench.alerts() == ["FOREIGN_TAG"]
    other = Bench()
    other.step(order_reported(report(created_at=after(-86400), updated_at=after(-86400))))
    assert other.alerts() == []


def reads(bench: Bench) -> list[Command]:
    assert bench.last is not None
    return [command for command in bench.last.commands if isinstance(command, ReadOrders | ReadFunds | Query)]


def test_t1_after_a_gap_the_book_is_read() -> None:
    bench = Bench()
    bench.step(BookRead(account=LEADER, read_at=bench.now))
    bench.wait(5)
    bench.step(GapDetected(account=LEADER, cause="reconnected"))
    assert reads(bench) == [ReadOrders(account=LEADER)]
    assert bench.facts(GapDetected)


def test_t11_what_cannot_be_read_is_kept_once_and_the_book_is_read() -> None:
    bench = Bench()
    bench.step(BookRead(account=FOLLOWER, read_at=bench.now))
    bench.wait(5)
    for raw in ("{", "{", "]"):
        bench.step(ReportUnreadable(account=FOLLOWER, problem="not JSON", raw=raw))
    assert [fact.raw for fact in bench.facts(ReportUnreadable)] == ["{", "]"]
    assert bench.alerts() == ["UNREADABLE"]
    assert bench.copier.state.leader_orders.changed == {}


FAILURES = [
    ("ReadOrders", "READ_ORDERS_FAILED"), ("ReadPositions", "READ_POSITIONS_FAILED"), ("ReadFunds", "READ_FUNDS_FAILED"),
    (f"Query:{TAG}", "LOOKUP_FAILED"), ("something new", "READ_FAILED"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "code"), FAILURES)
def test_z5_a_failed_read_changes_nothing_and_is_told_once(what: str, code: str) -> None:
    bench = Bench()
    before = bench.copier.position
    for _ in range(2):
        bench.step(ReadFailed(account=FOLLOWER, what=what, problem="503"))
    assert bench.alerts() == [code]
    assert bench.copier.position == before + 1


def test_a_failed_read_is_asked_again() -> None:
    bench = Bench()
    bench.step(ReadFailed(account=LEADER, what="ReadOrders", problem="503"))
    bench.wait(60)
    bench.step()
    assert ReadOrders(account=LEADER) in reads(bench)


def test_funds_are_kept_when_they_change() -> None:
    bench = Bench()
    for rupees in (5, 5, 6):
        funds = Funds(available=Decimal(rupees), total=Decimal(rupees))
        bench.step(FundsReported(account=FOLLOWER, read_at=bench.now, funds=funds))
    assert [fact.funds.total for fact in bench.facts(FundsReported)] == [5, 6]


def test_an_alarm_of_the_runtime_is_kept_once() -> None:
    bench = Bench()
    alarm = AlertRaised(code="STREAM_STALE", what="quiet", known="60 s", advice="wait", account=LEADER)
    for _ in range(3):
        bench.step(alarm)
    assert bench.facts(AlertRaised) == [alarm]


# Permits

ONE = RateLimits(windows=(RateWindow(1, 10.0),), entry_share=Fraction(1))


def test_p15_without_a_permit_nothing_is_queued_and_the_step_says_when_to_look_again() -> None:
    bench = Bench(limits=ONE, policy=Policy(sweep_open=timedelta(seconds=60)))
    [first] = bench.tell(report(created_at=bench.now, updated_at=bench.now))
    second = report(order_id=BrokerOrderId("L2"), created_at=bench.now, updated_at=bench.now)
    assert bench.tell(second) == []
    bench.wait(2)
    assert bench.accept(first) == []
    assert bench.last is not None
    assert bench.last.due == bench.moment().monotonic + 10
    bench.wait(9.9)
    assert bench.step() == []
    bench.tell(evolve(second, quantity=300, updated_at=bench.now))
    bench.wait(0.2)
    [request] = bench.step()
    assert isinstance(request, Submit)
    assert request.quantity == 150, "what the leader wants by now, and not what he wanted then"


def test_t4_a_request_that_a_dead_process_sent_holds_its_permit_from_the_restart_on() -> None:
    bench = Bench(limits=ONE)
    bench.tell(report(created_at=bench.now, updated_at=bench.now))
    bench.wait(1)
    bench.restart()
    second = report(order_id=BrokerOrderId("L2"), created_at=bench.now, updated_at=bench.now)
    assert bench.tell(second) == []
    bench.wait(9)
    assert bench.step() == []
    bench.wait(2)
    assert len(bench.step()) == 1


def test_t4_windows_are_refilled_from_the_journal() -> None:
    bench = Bench(limits=ONE)
    [request] = bench.tell(report(created_at=bench.now, updated_at=bench.now))
    bench.accept(request)
    bench.wait(4)
    bench.restart()
    assert bench.tell(report(order_id=BrokerOrderId("L2"), created_at=bench.now, updated_at=bench.now)) == []
    bench.wait(7)
    assert len(bench.step()) == 1


@pytest.mark.parametrize("midnight", [False, True])
def test_f45_windows_are_refilled_though_the_clock_was_set_forward(midnight: bool) -> None:
    """The answers of before seem to be an hour old: the broker still counts them, over midnight too."""
    bench = Bench(limits=ONE)
    if midnight:
        bench.wait(12 * 3600 + 59 * 60 + 55)
        bench.step()
    [request] = bench.tell(report(created_at=bench.now, updated_at=bench.now))
    bench.accept(request)
    bench.set_clock(3600)
    bench.wait(5)
    bench.step()
    bench.restart()
    assert bench.tell(report(order_id=BrokerOrderId("L2"), created_at=bench.now, updated_at=bench.now)) == []
    bench.wait(6)
    assert len(bench.step()) == 1


def test_f45_a_clock_that_was_set_back_and_put_right_holds_no_permit_for_longer() -> None:
    """What was answered before it was set back lies ahead of what came after, and so does not when both are put right."""
    bench = Bench(limits=RateLimits(windows=(RateWindow(2, 10.0),), entry_share=Fraction(1)))
    for number in (1, 2):
        [request] = bench.tell(report(order_id=BrokerOrderId(f"L{number}"), created_at=bench.now, updated_at=bench.now))
        bench.accept(request)
        bench.wait(11)
        if number == 1:
            bench.set_clock(-3600)
            bench.restart()
            bench.wait(11)
    bench.set_clock(3600)
    bench.step()
    bench.restart()
    assert len(bench.tell(report(order_id=BrokerOrderId("L3"), created_at=bench.now, updated_at=bench.now))) == 1


@pytest.mark.parametrize("fills", [True, False])
def test_what_an_exit_on_its_way_out_may_close_is_not_closed_by_another(monkeypatch: pytest.MonkeyPatch, fills: bool) -> None:
    """The leader has two orders to close the same, and both fill, the second first; the first one's copy, which is to go
    then, does not answer."""
    world = World({"F": Fraction(1)})
    world.fill(world.place(Side.SELL, 2), 2 * world.lot)
    world.fill_everything("F")
    his = world.place(Side.BUY, 2)
    world.refuse["F"] = [(Refusal.OTHER, False)] * 3
    second = world.place(Side.BUY, 2)
    monkeypatch.setattr(World, "on_change", lambda *_: [])
    world.fill(second, 2 * world.lot)
    world.fill(his, 2 * world.lot)
    assert world.refuse["F"]
    for _ in range(5):
        world.tick()
    (first,) = world.open_orders("F")
    assert isinstance(world.requests()[-1], Cancel)
    if fills:
        world.fill_follower("F", first, 2 * world.lot)
    else:
        first.report = evolve(first.report, status=OrderStatus.CANCELLED, updated_at=world.now)
        world.feed(world.follower_report("F", first))
    for _ in range(5):
        world.tick()
    assert len(world.open_orders("F")) == (0 if fills else 1)
    world.fill_everything("F")
    assert world.net_position("F") == 0


@pytest.mark.parametrize("units", [4, 10])
def test_an_exit_that_has_filled_before_the_leaders_is_not_sent_again_when_another_order_of_his_closes_all(units: int) -> None:
    """He sells what he has, and a part of it once more; the copy of the second fills first, in part or in full."""
    world = World({"F": Fraction(1)}, lot=1)
    world.fill(world.place(Side.BUY, 40), 40)
    world.fill_everything("F")
    all_of_it = world.place(Side.SELL, 40, terms=Market())
    more = world.place(Side.SELL, 10, terms=Market())
    first, second = world.open_orders("F")
    world.fill_follower("F", second, units)
    world.fill(all_of_it, 40)
    for _ in range(3):
        world.tick()
        live = [order.report.quantity - order.report.filled_quantity for order in world.open_orders("F")]
        assert live == [40 - units, *([10 - units] if units < 10 else [])]
    world.fill_everything("F")
    world.tick()
    assert world.net_position("F") == 0
    world.fill(more, 10)
    for _ in range(3):
        world.tick()
    assert (world.leader_position(), world.net_position("F"), world.open_orders("F")) == (-10, 0, [])
    assert codes(world) == ["OPENED_BY_EXIT"] and world.facts(DriftDeclared) == []


def test_what_a_target_has_filled_ahead_is_no_difference_once_the_stop_has_closed_all() -> None:
    world = World({"F": Fraction(1)}, lot=1)
    world.fill(world.place(Side.BUY, 40), 40)
    world.fill_everything("F")
    target = world.place(Side.SELL, 40)
    stop = world.place(Side.SELL, 40, terms=Limit(Decimal(90)))
    world.fill_follower("F", world.open_orders("F")[0], 15)
    world.fill(stop, 40)
    world.fill_everything("F")
    world.tick()
    assert (world.leader_position(), world.net_position("F")) == (0, 0) and world.facts(DriftDeclared) == []
    world.fill(world.place(Side.BUY, 40, terms=Market()), 40)
    world.fill_everything("F")
    world.cancel(target)
    world.tick(30)
    assert (world.leader_position(), world.net_position("F")) == (40, 40) and world.facts(DriftDeclared) == []


@pytest.mark.parametrize("fills_between", [False, True])
def test_x3_what_a_follower_has_entered_ahead_of_an_order_that_rests_is_not_for_an_exit_of_a_part(fills_between: bool) -> None:
    """He holds 8, his order to sell 1 rests, and the follower fills the next one for 2 before him."""
    world = World({"F": Fraction(1)}, lot=1)
    world.trade(Side.BUY, 8)
    world.fill_everything("F")
    part, more = world.place(Side.SELL, 1), world.place(Side.BUY, 2)
    world.fill_follower("F", world.open_orders("F")[1], 2)
    world.tick()
    assert [order.report.quantity for order in world.open_orders("F")] == [1]
    if fills_between:
        world.fill_everything("F")
    for order in (part, more):
        world.fill(order, order.report.quantity)
        world.tick()
    world.fill_everything("F")
    world.tick()
    assert (world.leader_position(), world.net_position("F")) == (9, 9) and world.facts(DriftDeclared) == []


@pytest.mark.parametrize("parts", [1, 3])
def test_a_part_that_the_leader_sells_at_once_leaves_what_a_follower_has_entered_ahead(parts: int) -> None:
    """Of a holding of halves: each order that he has filled in part seems more ahead by rounding than it is."""
    world = World({"F": Fraction(1, 2)}, lot=1)
    world.trade(Side.BUY, 8)
    world.fill_everything("F")
    ahead = [world.place(Side.BUY, 3) for _ in range(parts)]
    world.fill_everything("F")
    for order in ahead:
        world.fill(order, 1)
    world.trade(Side.SELL, 4)
    world.fill_everything("F")
    world.tick()
    held, due = world.net_position("F"), Fraction(world.leader_position(), 2) + parts
    assert abs(held - due) < 1
    for order in ahead:
        world.fill(order, 2)
    world.tick()
    world.fill_everything("F")
    assert abs(world.net_position("F") - Fraction(world.leader_position(), 2)) < 1


def test_what_the_exit_part_of_an_order_opens_is_told_too() -> None:
    """Long 2, he sells 3 and 4 more: the second was to close the same 2, and opens them in the end."""
    world = World({"F": Fraction(1)}, lot=1)
    world.fill(world.place(Side.BUY, 2), 2)
    world.fill_everything("F")
    orders = world.place(Side.SELL, 3), world.place(Side.SELL, 4)
    for order in orders:
        world.fill(order, order.report.quantity)
        world.fill_everything("F")
    for _ in range(5):
        world.tick()
        world.fill_everything("F")
    assert (world.leader_position(), world.net_position("F")) == (-5, -3)
    (drift,) = drifts(world.copier.state)
    assert codes(world) == ["OPENED_BY_EXIT"] and drift.causes == ((ReasonCode.OPENED_BY_EXIT, Fraction(-2)),)


def test_x9_shares_that_he_sells_beyond_those_that_are_known_open_nothing() -> None:
    world = World({"F": Fraction(1)}, lot=1, product=Product.CNC)
    world.fill(world.place(Side.SELL, 10, terms=Market()), 10)
    world.tick()
    assert codes(world) == [] and not any(missed(world.copier.state, key) for key in world.copier.state.stakes)


def test_a_stop_that_opens_after_the_target_has_closed_is_told_of_and_shown_as_a_difference() -> None:
    world = World({"F": Fraction(1, 2)})
    world.fill(world.place(Side.BUY, 2), 2 * world.lot)
    world.fill_everything("F")
    target, stop = (world.place(Side.SELL, 2, terms=Limit(Decimal(price))) for price in (110, 120))
    world.fill(target, 2 * world.lot)
    world.fill_follower("F", world.open_orders("F")[0], world.lot)
    world.tick()
    assert world.open_orders("F") == [] and codes(world) == []
    world.fill(stop, 2 * world.lot)
    world.tick()
    assert codes(world) == ["OPENED_BY_EXIT"] and world.net_position("F") == 0
    (drift,) = drifts(world.copier.state)
    assert drift.causes == ((ReasonCode.OPENED_BY_EXIT, Fraction(-world.lot)),)


@pytest.mark.parametrize("first", ["crossing", "other"])
def test_what_he_sells_while_his_order_crosses_zero_is_sold_once_where_the_follower_fills_first(first: str) -> None:
    """He is short 600, buys 1200 and sells 200 before that fills; the follower fills at once."""
    world = World({"F": Fraction(1)}, lot=200)
    world.fill(world.place(Side.SELL, 3), 600)
    world.fill_everything("F")
    crossing = world.place(Side.BUY, 6, terms=Market())
    world.fill_everything("F")
    world.tick()
    other = world.place(Side.SELL, 1, terms=Market())
    world.fill_everything("F")
    for order in (crossing, other) if first == "crossing" else (other, crossing):
        world.fill(order, order.report.quantity)
        world.fill_everything("F")
    for _ in range(10):
        world.tick()
        world.fill_everything("F")
    traded = sum(order.report.filled_quantity for order in world.books["F"].values())
    assert (world.leader_position(), world.net_position("F")) == (400, 400)
    assert traded == 600 + 1200 + 200 and world.facts(DriftDeclared) == []


def stuck(monkeypatch: pytest.MonkeyPatch) -> tuple[World, TrueOrder]:
    """The follower owns two lots, and the exit that rests there is to go, but its cancel is not answered. And the order by
    which the leader then closes everything."""
    world = World({"F": Fraction(1)})
    world.fill(world.place(Side.BUY, 2), 2 * world.lot)
    world.fill_everything("F")
    resting = world.place(Side.SELL, 2)
    closing = world.place(Side.SELL, 2)
    monkeypatch.setattr(World, "on_change", lambda *_: [])
    world.cancel(resting)
    return world, closing


@contextmanager
def unanswered() -> Iterator[list[Modify | Cancel]]:
    """Changes that are asked for in here have no effect and no answer; :meth:`World.on_change` gives both later."""
    held: list[Modify | Cancel] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "on_change", lambda _, request: held.append(request) or [])
        yield held


def test_f23_what_an_order_was_between_two_equal_states_is_not_followed_when_it_is_told_late() -> None:
    """The leader moves his order away and back, and the frames overtake one another."""
    bench = Bench()
    (entry,) = bench.tell(report(updated_at=after(1)))
    bench.accept(entry)
    bench.wait(10)
    assert bench.tell(report(updated_at=after(5))) == []
    assert bench.tell(report(terms=Limit(Decimal(101)), updated_at=after(3))) == []
    (modify,) = bench.tell(report(terms=Limit(Decimal(102)), updated_at=after(6)))
    assert isinstance(modify, Modify) and modify.terms == Limit(Decimal(102))


def test_m3_an_exit_does_not_grow_by_what_another_that_is_to_shrink_still_covers() -> None:
    """He moves a lot from one exit to the other; at the follower the first change is not answered yet."""
    world = World({"F": Fraction(1)}, lot=1)
    world.fill(world.place(Side.BUY, 3), 3)
    world.fill_everything("F")
    first, second = world.place(Side.SELL, 2), world.place(Side.SELL, 1)
    with unanswered() as held:
        world.change(first, quantity=1)
    world.change(second, quantity=2)
    assert [order.report.quantity for order in world.open_orders("F")] == [2, 1]
    world.feed(*(fact for request in held for fact in world.on_change(request)))
    assert [order.report.quantity for order in world.open_orders("F")] == [1, 2]


def test_what_a_shrinking_exit_leaves_free_goes_to_one_of_those_that_wait_for_it() -> None:
    """Two lots are to be free, one is: of two new exits the first is placed."""
    world = World({"F": Fraction(1)}, lot=1)
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    both = world.place(Side.SELL, 2), world.place(Side.SELL, 2)
    with unanswered() as held:
        for order in both:
            world.change(order, quantity=1)
    for _ in both:
        world.place(Side.SELL, 1)
    live = []
    for request in held:
        live.append([order.report.quantity for order in world.open_orders("F")])
        world.feed(*world.on_change(request))
    live.append([order.report.quantity for order in world.open_orders("F")])
    assert live == [[2, 2], [1, 2, 1], [1, 1, 1, 1]]


def test_a_raise_whose_answer_is_not_there_is_counted_as_live() -> None:
    """Of exits for 2, 2, 1 and 1 the first and the third change; then the second and the fourth, and only that waits."""
    world = World({"F": Fraction(1)}, lot=1)
    world.trade(Side.BUY, 6)
    world.fill_everything("F")
    first, second, third, fourth = (world.place(Side.SELL, lots) for lots in (2, 2, 1, 1))
    world.change(first, quantity=1)
    with unanswered() as held:
        world.change(third, quantity=2)
        world.change(second, quantity=1)
    world.change(fourth, quantity=2)
    assert [order.report.quantity for order in world.open_orders("F")] == [1, 2, 1, 1] and len(held) == 2
    for request in held:
        world.feed(*world.on_change(request))
    assert [order.report.quantity for order in world.open_orders("F")] == [1, 1, 2, 2]


def test_an_exit_that_waits_is_told_of_half_a_minute_after_it_began_to_and_each_time() -> None:
    """What it waits for may have come long after it: the leader's orders have rested for hours."""
    world = World({"F": Fraction(1, 3)}, lot=1)
    world.trade(Side.BUY, 6)
    world.fill_everything("F")
    first, _ = world.place(Side.SELL, 4), world.place(Side.SELL, 1)
    world.tick(3600)
    for told, quantity in ((0, 3), (1, 4), (1, 3), (2, 4)):
        with unanswered() as held:
            world.change(first, quantity=quantity)
            assert codes(world).count("EXIT_WAITS") == told
            for _ in range(40 if quantity == 3 else 0):
                world.tick()
        assert codes(world).count("EXIT_WAITS") == told + (quantity == 3)
        world.feed(*(fact for request in held for fact in world.on_change(request)))
        world.tick(3600)


def test_an_exit_that_waits_is_told_of_once_whatever_moves_meanwhile() -> None:
    world = World({"F": Fraction(1)}, lot=1)
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    first, second, third = (world.place(Side.SELL, lots) for lots in (2, 1, 1))
    with unanswered():
        world.change(first, quantity=1)
    world.change(second, quantity=2)
    told = []
    for moves in range(12):
        for order in (second, third):
            world.change(order, terms=Limit(Decimal(110 + moves)))
        world.tick(10)
        told.append(codes(world).count("EXIT_WAITS"))
    assert told == sorted(told) and (told[1], told[4], told[-1]) == (0, 1, 1)


@pytest.mark.parametrize("apart_seconds", [25, 45])
def test_an_exit_that_waits_is_told_of_once_though_the_account_is_blocked_now_and_then(
    monkeypatch: pytest.MonkeyPatch, apart_seconds: int
) -> None:
    """The positions cannot be read, and entries are refused for the rate again and again."""
    world = World({"F": Fraction(1)}, lot=1)
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    world.tick(60)
    answer = World.answer
    blind = lambda world, command: [] if isinstance(command, ReadPositions) else answer(world, command)
    monkeypatch.setattr(World, "answer", blind)
    world.advance(5)
    world.place(Side.SELL, 2)
    for _ in range(8):
        for _ in range(apart_seconds):
            world.tick()
        world.refuse["F"] = [(Refusal.RATE_LIMIT, False)]
        world.place(Side.BUY, 1)
    assert codes(world).count("EXIT_WAITS") == 1 and not [o for o in world.open_orders("F") if o.sign < 0]


def test_an_exit_beside_one_that_is_cancelled_does_not_wait_for_it() -> None:
    """Whole lots go over to the exits beside it, at once: there is nothing to tell."""
    for shares in (Fraction(1, 2), Fraction(1, 3), Fraction(2, 5)):
        world = World({"F": shares}, lot=1)
        world.trade(Side.BUY, 5)
        world.fill_everything("F")
        exits = [world.place(Side.SELL, lots) for lots in (1, 3, 1)]
        world.tick(60)
        world.cancel(exits[0])
        world.fill(exits[2], 1)
        world.tick(60)
        assert "EXIT_WAITS" not in codes(world)


def test_a_raise_that_was_lost_long_ago_keeps_no_exit_back() -> None:
    world = World({"F": Fraction(1)}, lot=1)
    world.trade(Side.BUY, 4)
    world.fill_everything("F")
    first = world.place(Side.SELL, 1)
    with unanswered() as held:
        world.change(first, quantity=3)
    (asked,) = held
    world.feed(
        OutcomeUnresolved(
            follower=asked.follower, client_order_id=asked.client_order_id, attempt=asked.attempt, problem="no answer"
        )
    )
    for _ in range(10):
        world.tick(5)
        world.sweep()
    world.change(first, quantity=1)
    world.trade(Side.SELL, 3)
    world.fill_everything("F")
    assert (world.leader_position(), world.net_position("F")) == (1, 0) and "EXIT_WAITS" not in codes(world)


def test_what_went_along_when_the_leader_was_out_is_ahead_no_more() -> None:
    """His order to buy 6 rests on, which the follower had filled and sold with all: of the next ten he sells five."""
    world = World({"F": Fraction(1)}, lot=1)
    world.trade(Side.BUY, 8)
    rests = world.place(Side.BUY, 6)
    world.fill_everything("F")
    held = []
    for side, lots in ((Side.SELL, 8), (Side.BUY, 10), (Side.SELL, 5)):
        world.trade(side, lots)
        world.fill_everything("F")
        held.append(world.net_position("F"))
    assert held == [0, 10, 5] and world.facts(DriftDeclared) == []
    assert [difference.terms for difference in drifts(world.copier.state)] == [()]
    world.fill(rests, 6)
    world.tick()
    (drift,) = world.facts(DriftDeclared)
    assert isinstance(drift, DriftDeclared) and (drift.quantity, world.net_position("F")) == (-6, 5)


def codes(world: World) -> list[str]:
    return [entry.fact.code for entry in world.journal if isinstance(entry.fact, AlertRaised)]


def test_an_exit_that_waits_for_another_to_be_gone_is_told_of_after_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"F": Fraction(1)})
    world.fill(world.place(Side.BUY, 2), 2 * world.lot)
    world.fill_everything("F")
    resting = world.place(Side.SELL, 2)
    monkeypatch.setattr(World, "on_change", lambda *_: [])
    world.cancel(resting)
    closing = world.place(Side.SELL, 2, terms=Market())
    world.fill(closing, 2 * world.lot)
    for _ in range(28):
        world.tick()
    assert len(world.open_orders("F")) == 1 and "EXIT_WAITS" not in codes(world)
    for _ in range(5):
        world.tick()
    assert len(world.open_orders("F")) == 1 and codes(world).count("EXIT_WAITS") == 1


def test_an_exit_that_a_hand_took_back_is_told_while_another_is_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    world, closing = stuck(monkeypatch)
    world.end_follower("F", world.open_orders("F")[-1], OrderStatus.CANCELLED)
    world.fill(closing, 2 * world.lot)
    for _ in range(10):
        world.tick()
    assert "EXIT_CANCELLED_BY_HAND" in codes(world)


def test_an_exit_that_waits_in_a_halt_for_another_to_be_gone_is_told_of_as_unprotected(monkeypatch: pytest.MonkeyPatch) -> None:
    world, closing = stuck(monkeypatch)
    world.end_follower("F", world.open_orders("F")[-1], OrderStatus.EXPIRED)
    world.feed(TradingStateChanged(follower=AccountName("F"), state=TradingState.HALTED))
    world.fill(closing, 2 * world.lot)
    world.tick()
    assert "UNPROTECTED" in codes(world)


def test_what_he_has_turned_round_and_back_is_entered_and_closed_by_the_followers_own_share() -> None:
    """He is short 10, his order for 40 more rests, and one to buy 20 crosses zero and fills before it. The copy of the 40 is
    for 12 and the copy of the 20 has 3 left to enter: as his did, the one closes what the other enters."""
    world = World({"F": Fraction(3, 10)}, lot=1)
    world.fill(world.place(Side.SELL, 10), 10)
    world.fill_everything("F")
    more = world.place(Side.SELL, 40)
    (copy,) = world.open_orders("F")
    world.fill(world.place(Side.BUY, 20, terms=Market()), 20)
    world.fill(more, 40)
    world.fill_follower("F", copy, 12)
    for _ in range(30):
        world.fill_everything("F")
        world.tick()
    assert (world.leader_position(), world.net_position("F")) == (-30, -9)
    assert world.facts(DriftDeclared) == [] and len(world.facts(TradeSettled)) == 3


def test_c6_cancels_go_before_exits_and_exits_before_entries() -> None:
    """One permit at a time, and everything wanted at once."""
    bench = Bench(sizer=Ratio(1), limits=ONE, reads_positions=False)
    owned, resting = (report(order_id=BrokerOrderId(name), created_at=bench.now, updated_at=bench.now) for name in ("L1", "L2"))
    sent: list[Asked] = []

    def until_sent(*facts: Fact) -> Asked:
        asked = bench.step(*facts)
        while not asked:
            bench.wait(1)
            asked = bench.step()
        [request] = asked
        sent.append(request)
        return request

    def filled(told: OrderReport) -> OrderReport:
        return evolve(told, status=OrderStatus.TRADED, filled_quantity=150, updated_at=bench.now)

    bench.accept(until_sent(leader_reported(owned)), BrokerOrderId("F1"))
    copied = order_reported(filled(owned))
    tag = sent[0].client_order_id
    copied = evolve(copied, report=evolve(copied.report, order_id=BrokerOrderId("F1"), client_order_id=tag))
    bench.step(leader_reported(filled(owned)), copied)
    bench.accept(until_sent(leader_reported(resting)), BrokerOrderId("F2"))
    entry = report(order_id=BrokerOrderId("L3"), created_at=bench.now, updated_at=bench.now)
    exit = evolve(entry, order_id=BrokerOrderId("L4"), side=Side.SELL)
    gone = evolve(resting, status=OrderStatus.CANCELLED, updated_at=after(1000))
    bench.accept(until_sent(leader_reported(entry), leader_reported(exit), leader_reported(gone)), BrokerOrderId("F2"))
    bench.accept(until_sent(), BrokerOrderId("F4"))
    until_sent()
    assert [type(request) for request in sent[2:]] == [Cancel, Submit, Submit]
    assert [request.intent for request in sent[3:] if isinstance(request, Submit)] == [Intent.EXIT, Intent.ENTRY]


def test_an_answer_to_nothing_we_asked_changes_nothing() -> None:
    bench = Bench()
    before = bench.copier.position
    bench.accept(submit())
    assert bench.copier.position == before


# Time


def test_before_anybody_is_watched_nothing_is_due() -> None:
    bench = Bench(started=False)
    assert not bench.copier.is_watching()
    bench.step()
    assert bench.last is not None
    assert bench.last.due is None
    assert bench.last.commands == ()


def test_a_quiet_engine_looks_again_at_midnight_at_the_latest() -> None:
    bench = Bench(live=False)
    bench.wait(13 * 3600 + 59 * 60 + 50 - (bench.now - START).total_seconds())
    bench.step()
    assert bench.last is not None
    assert bench.last.due is not None
    assert bench.last.due <= 14 * 3600
    bench.wait(11)
    bench.step()
    assert [fact.day for fact in bench.facts(DayOpened)] == ["2026-11-20", "2026-11-21"]
    assert [fact.continuous for fact in bench.facts(DayOpened)] == [False, True]


def test_f45_a_clock_that_goes_back_opens_no_day_twice() -> None:
    bench = Bench()
    bench.wait(-86400)
    bench.step()
    bench.wait(86400)
    bench.step()
    assert len(bench.facts(DayOpened)) == 1


def test_t4_an_account_that_the_settings_no_longer_name_is_told() -> None:
    world = World({"F": Fraction(1), "G": Fraction(1)})
    world.trade(Side.BUY, 1)
    world.fill_everything("G")
    world.place(Side.BUY, 2)
    del world.ratios["G"]
    before = len(world.requests())
    world.restart()
    order = world.place(Side.BUY, 1)
    codes = [(fact.code, fact.account) for fact in world.facts(AlertRaised) if isinstance(fact, AlertRaised)]
    assert ("ABANDONED", "G") in codes
    assert {r.follower for r in world.requests()[before:]} == {"F"}
    assert order.is_open


def abandoned(world: World) -> list[tuple[str | None, str]]:
    facts = [fact for fact in world.facts(AlertRaised) if isinstance(fact, AlertRaised)]
    return [(fact.account, fact.known) for fact in facts if fact.code == "ABANDONED"]


def test_t4_what_only_rests_at_an_account_that_is_no_longer_named_is_told_and_counted() -> None:
    world = World({"F": Fraction(1), "G": Fraction(1)})
    world.place(Side.BUY, 2, terms=Limit(Decimal(90)))
    world.place(Side.BUY, 1, terms=Limit(Decimal(91)))
    del world.ratios["G"]
    world.restart()
    assert abandoned(world) == [("G", "nothing owned, 2 orders open for G")]


def test_t4_an_exit_that_rests_at_an_account_that_is_no_longer_named_is_counted_beside_what_it_owns() -> None:
    world = World({"F": Fraction(1), "G": Fraction(1)})
    world.trade(Side.BUY, 1)
    world.fill_everything("G")
    world.place(Side.SELL, 1, terms=Limit(Decimal(110)))
    del world.ratios["G"]
    world.restart()
    [(account, known)] = abandoned(world)
    assert account == "G" and known.startswith("75 of ") and known.endswith(" owned, 1 orders open for G")


def test_t4_an_account_that_is_no_longer_named_and_has_nothing_open_is_not_told() -> None:
    world = World({"F": Fraction(1), "G": Fraction(1)})
    world.trade(Side.BUY, 1)
    world.fill_everything("G")
    world.trade(Side.SELL, 1)
    world.fill_everything("G")
    del world.ratios["G"]
    world.restart()
    assert abandoned(world) == []


def test_d1_what_rested_yesterday_is_not_open_at_an_account_that_is_no_longer_named() -> None:
    world = World({"F": Fraction(1), "G": Fraction(1)})
    world.place(Side.BUY, 2, terms=Limit(Decimal(90)))
    del world.ratios["G"]
    world.now += timedelta(days=1)
    world.leader.clear()
    world.books["F"].clear()
    world.restart()
    assert abandoned(world) == []


def test_f45_an_hour_that_never_passed_proves_no_absence() -> None:
    bench = Bench()
    [request] = bench.tell(report(status=OrderStatus.PENDING))
    lost = OutcomeUnresolved(follower=FOLLOWER, client_order_id=request.client_order_id, attempt=1, problem="timeout")
    bench.step(lost)

    def look() -> None:
        bench.step(
            OrderNotFound(follower=FOLLOWER, client_order_id=request.client_order_id, read_at=bench.now),
            BookRead(account=FOLLOWER, read_at=bench.now),
        )

    bench.set_clock(3600)
    for _ in range(3):
        bench.wait(10)
        look()
    state = bench.copier.state.trades[LEADER, request.leader_order_id, FOLLOWER].orders[0].state
    assert state is OrderState.UNRESOLVED
    assert "CLOCK_STEPPED" in bench.alerts()
    for _ in range(3):
        bench.wait(40)
        look()
    assert bench.copier.state.trades[LEADER, request.leader_order_id, FOLLOWER].orders[0].state is OrderState.ABSENT


def test_f12_a_cancel_that_is_answered_after_its_order_was_over_still_holds_its_permit_after_a_reload() -> None:
    """The store failed, and the core was folded again while the answer was on its way."""
    bench = Bench()
    [entry] = bench.tell(report(status=OrderStatus.PENDING))
    bench.accept(entry)
    bench.wait(1)
    [cancelled] = bench.tell(report(status=OrderStatus.CANCELLED, updated_at=after(2)))
    assert isinstance(cancelled, Cancel)
    bench.step(order_reported(report(status=OrderStatus.CANCELLED, quantity=75)))
    assert not bench.copier.state.open_keys()
    bench.copier = bench.fresh()
    bench.copier.restore(bench.journal)
    bench.step()
    budget = bench.copier._permits._budgets[FOLLOWER]
    assert budget.in_flight == 1
    bench.accept(cancelled)
    assert budget.in_flight == 0 and not bench.copier.state.in_flight


@pytest.mark.parametrize("final", [True, False])
def test_what_a_copy_has_given_up_is_made_up_by_no_other(final: bool) -> None:
    """The leader's order rests on, and what was refused of it is declared when it is over."""
    world = World({"F": Fraction(1, 2)})
    world.refuse["F"] = [(Refusal.OTHER, True)]
    first = world.place(Side.BUY, 2, terms=Limit(Decimal(90)))
    world.place(Side.BUY, 2, terms=Limit(Decimal(91)))
    assert [order.report.quantity for order in world.open_orders("F")] == [75]
    world.fill(first, 2 * 75) if final else world.cancel(first)
    declared = [fact.quantity for fact in world.facts(DriftDeclared) if isinstance(fact, DriftDeclared)]
    assert declared == ([-75] if final else [])
