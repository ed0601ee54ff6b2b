"""Forever orders: what the follower has while the leader's wait, are changed, taken back, and fire."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import define, evolve

from dhan_copy.core import checkpoint
from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    CopyAdmitted,
    CopyDeclined,
    CopyMode,
    DriftDeclared,
    EngineStarted,
    Entry,
    Fact,
    LeaderReported,
    Refusal,
    RequestAccepted,
    RequestIssued,
    SourceStarted,
    TradeSettled,
)
from dhan_copy.core.requests import Cancel, Command, Modify, Query, ReadOrders, ReadPositions, Submit
from dhan_copy.core.settings import FirstStart, LeaderRules, Policy
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import ForeverLeg, Leg, Limit, OrderStatus, Product, Side, StopLimit, StopMarket, Variety
from dhan_copy.model.reason import ReasonCode
from tests.core.forever_world import ABOVE, BELOW, ForeverWorld, Waiting
from tests.core.world import KEY, LEADER, WIDE

LOT = 75
OTHER = AccountName("M")
both_sides = pytest.mark.parametrize("side", Side)
forms = pytest.mark.parametrize("pair", [False, True], ids=["single", "pair"])


def world(**more: object) -> ForeverWorld:
    return ForeverWorld({"F": Fraction(1, 2)}, **more)  # type: ignore[arg-type]


def place(bench: ForeverWorld, side: Side = Side.BUY, lots: int = 4, *, pair: bool = False, tell: bool = True) -> Waiting:
    stop = ForeverLeg(terms=BELOW, quantity=lots * LOT) if pair else None
    return bench.place_forever(side, lots, stop=stop, tell=tell)


def holding(bench: ForeverWorld, lots: int = 4) -> None:
    """Leader and follower hold something, copied by plain orders."""
    bench.trade(Side.BUY, lots)
    bench.fill_everything("F")
    assert bench.net_position("F") == lots * LOT // 2


def only(bench: ForeverWorld) -> Waiting:
    [waiting] = bench.waiting("F")
    return waiting


def pair_placed_anew() -> ForeverWorld:
    """An exit by a pair of which the follower has closed half otherwise: its second leg cannot be made smaller."""
    bench = world(limits=evolve(WIDE, modifications_per_order=1))
    holding(bench)
    place(bench, Side.SELL, pair=True)
    bench.trade(Side.SELL, 2)
    bench.fill_everything("F")
    bench.let(60)
    return bench


def put_back(bench: ForeverWorld, journal: list[Entry]) -> None:
    """A copy of the journal, before the next process starts."""
    bench.journal[:] = journal
    bench.copier = bench.fresh()
    bench.copier.restore(journal)


def alerts(bench: ForeverWorld) -> list[str]:
    return [fact.code for fact in bench.facts(AlertRaised) if isinstance(fact, AlertRaised)]


def reasons(bench: ForeverWorld) -> list[ReasonCode]:
    return [fact.reason for fact in bench.facts(CopyDeclined) if isinstance(fact, CopyDeclined)]


@both_sides
@forms
def test_l10_it_is_copied_as_a_forever_order(side: Side, pair: bool) -> None:
    bench = world()
    place(bench, side, pair=pair)
    copy = only(bench)
    assert copy.terms == ([ABOVE, BELOW] if pair else [ABOVE]) and set(copy.quantities) == {2 * LOT}
    [request] = bench.requests()
    assert isinstance(request, Submit) and request.forever and request.product is Product.MARGIN
    bench.let(120)
    assert len(bench.requests()) == 1 and alerts(bench) == [] and reasons(bench) == []


def test_l10_market_legs_keep_their_triggers() -> None:
    bench = world()
    stop = ForeverLeg(terms=StopMarket(Decimal(90)), quantity=4 * LOT)
    bench.place_forever(Side.BUY, 4, StopMarket(Decimal(110)), stop)
    assert only(bench).terms == [StopMarket(Decimal(110)), StopMarket(Decimal(90))]


@forms
def test_l10_changes_follow_leg_by_leg(pair: bool) -> None:
    bench = world()
    leaders = place(bench, pair=pair)
    moved = StopLimit(Decimal("112"), Decimal("111"))
    bench.alter(leaders, terms=moved)
    assert only(bench).terms[0] == moved
    for name in leaders.legs:
        bench.alter(leaders, name, tell=False, quantity=6 * LOT)
    bench.look()
    bench.let(8)
    assert set(only(bench).quantities) == {3 * LOT}
    if pair:
        bench.alter(leaders, Leg.STOP, terms=StopLimit(Decimal("88"), Decimal("87")))
        bench.let(8)
        assert only(bench).terms == [moved, StopLimit(Decimal("88"), Decimal("87"))]
    assert all(request.forever for request in bench.requests())
    assert [r.leg for r in bench.requests() if isinstance(r, Modify)] == (
        [Leg.TARGET, Leg.TARGET, Leg.STOP, Leg.STOP] if pair else [Leg.ENTRY, Leg.ENTRY]
    )


@forms
def test_l10_the_leaders_cancel_takes_the_copy_back(pair: bool) -> None:
    bench = world()
    leaders = place(bench, pair=pair)
    bench.take_back(leaders)
    bench.let(30)
    assert bench.waiting("F") == [] and isinstance(bench.requests()[-1], Cancel) and len(bench.requests()) == 2
    assert len(bench.facts(TradeSettled)) == 1 and not bench.facts(DriftDeclared)


@both_sides
@forms
@pytest.mark.parametrize("told", ["frame", "row"])
@pytest.mark.parametrize("leaders_first", [True, False])
@pytest.mark.parametrize("keeps_fired", [True, False])
def test_l10_the_child_is_the_same_order_and_not_copied_again(
    side: Side, pair: bool, told: str, leaders_first: bool, keeps_fired: bool
) -> None:
    bench = world(keeps_fired=keeps_fired)
    leaders = place(bench, side, pair=pair)
    copy = only(bench)
    leg = Leg.STOP if pair else Leg.ENTRY
    firing = [("L", leaders), ("F", copy)] if leaders_first else [("F", copy), ("L", leaders)]
    for account, order in firing:
        child = bench.fire(account, order, leg, tell=told == "frame")
        if told == "row":
            bench.look(account)
        if account == "L":
            bench.fill(child, 4 * LOT) if told == "frame" else _fill_quietly(bench, "L", child)
        elif told == "frame":
            bench.fill_follower("F", child, 2 * LOT)
        else:
            _fill_quietly(bench, "F", child)
    bench.let(40)
    assert bench.net_position("F") == side.sign * 2 * LOT
    assert len(bench.requests()) == 1 and bench.live_units("F") == 0
    assert len(bench.facts(CopyAdmitted)) == 1 and reasons(bench) == []
    assert len(bench.facts(TradeSettled)) == 1 and not bench.facts(DriftDeclared)
    assert set(alerts(bench)) <= {"FILLS_APART"}


def _fill_quietly(bench: ForeverWorld, account: str, child: object) -> None:
    """Only a look at the book tells."""
    child.report = evolve(  # type: ignore[attr-defined]
        child.report, filled_quantity=child.report.quantity, status=OrderStatus.TRADED, average_price=Decimal(100),  # type: ignore[attr-defined]
        updated_at=bench.now + timedelta(seconds=1),
    )  # fmt: skip
    bench.look(account)


def test_l10_a_duplicate_exit_does_not_open_a_short() -> None:
    """It did in a real account: the leader's Forever sell and what it placed were both copied (protocol facts 1.11)."""
    bench = world()
    holding(bench)
    leaders = place(bench, Side.SELL)
    assert only(bench).quantities == [2 * LOT]
    child = bench.fire("L", leaders)
    bench.let(12)
    bench.fill(child, 4 * LOT)
    bench.let(12)
    ours = bench.fire("F", only(bench))
    bench.fill_follower("F", ours, 2 * LOT)
    bench.let(60)
    assert bench.net_position("F") == 0 and bench.live_units("F") == 0
    assert len([r for r in bench.requests() if isinstance(r, Submit)]) == 2


@pytest.mark.parametrize("product", [Product.CNC, Product.MARGIN])
@forms
def test_l10_an_exit_is_clamped_to_what_is_owned(product: Product, pair: bool) -> None:
    bench = world(product=product)
    holding(bench)
    place(bench, Side.SELL, pair=pair)
    assert set(only(bench).quantities) == {2 * LOT}
    bench.trade(Side.SELL, 2)
    bench.fill_everything("F")
    bench.let(60)
    assert bench.net_position("F") == LOT and set(only(bench).quantities) == {LOT}


def test_l10_a_cnc_sell_of_what_the_follower_does_not_have_waits_until_he_does() -> None:
    bench = world(product=Product.CNC, leader_base=300)
    place(bench, Side.SELL)
    bench.let(60)
    assert bench.requests() == [] and reasons(bench) == []
    bench.trade(Side.BUY, 2)
    bench.fill_everything("F")
    bench.let(60)
    assert set(only(bench).quantities) == {LOT}, "half of what the leader has is for his order, and so is half of this"


def test_l10_once_both_have_fired_what_they_placed_is_changed_and_cancelled_as_any_order() -> None:
    bench = world()
    leaders = place(bench)
    child, ours = bench.fire("L", leaders), bench.fire("F", only(bench))
    bench.change(child, terms=Limit(Decimal("108")), status=OrderStatus.MODIFIED)
    assert ours.report.terms == Limit(Decimal("108"))
    bench.cancel(child)
    bench.let(12)
    assert ours.report.status is OrderStatus.CANCELLED and not any(r.forever for r in bench.requests()[1:])


@forms
def test_l10_a_copy_that_still_waits_when_the_leaders_has_fired_is_left_alone(pair: bool) -> None:
    bench = world()
    leaders = place(bench, pair=pair)
    child = bench.fire("L", leaders)
    bench.change(child, terms=Limit(Decimal("107")), status=OrderStatus.MODIFIED)
    bench.let(30)
    assert len(bench.requests()) == 1 and only(bench)
    bench.cancel(child)
    bench.let(12)
    assert bench.waiting("F") == [], "until he takes it back"


def test_l10_a_copy_that_fired_first_is_not_called_back() -> None:
    bench = world()
    leaders = place(bench)
    ours = bench.fire("F", only(bench))
    bench.alter(leaders, terms=StopLimit(Decimal("120"), Decimal("119")))
    bench.let(12)
    assert ours.is_open and len(bench.requests()) == 1
    bench.take_back(leaders)
    bench.let(12)
    assert not ours.is_open, "but his cancel is"


def test_l10_his_row_says_traded_without_fills_and_that_is_no_end() -> None:
    bench = world()
    leaders = place(bench, pair=True)
    leaders.legs[Leg.TARGET] = evolve(leaders.legs[Leg.TARGET], status=OrderStatus.TRADED)
    leaders.legs[Leg.STOP] = evolve(leaders.legs[Leg.STOP], status=OrderStatus.CANCELLED)
    bench.look()
    bench.let(30)
    assert only(bench) and len(bench.requests()) == 1
    bench.let(60)
    assert "FOREVER_GONE" in alerts(bench), "nothing shows what it placed"


def test_l10_a_row_that_fits_two_is_parked_with_an_alarm() -> None:
    bench = world(keeps_fired=False)
    one, two = place(bench), place(bench)
    assert len(bench.waiting("F")) == 2
    for order in (one, two):
        child = bench.fire("L", order, tell=False)
    child.report = evolve(child.report, filled_quantity=LOT, status=OrderStatus.PART_TRADED)
    bench.look()
    bench.let(12)
    assert ReasonCode.UNKNOWN_PARENT in reasons(bench) and "FOREVER_UNKNOWN" in alerts(bench)
    assert len([r for r in bench.requests() if isinstance(r, Submit)]) == 2, "nothing more than the two copies"


def test_l10_what_is_listed_as_waiting_has_not_fired() -> None:
    bench = world()
    one, two = place(bench), place(bench)
    _fill_quietly(bench, "L", bench.fire("L", two, tell=False))
    assert one.waits and reasons(bench) == []
    assert bench.copier.state.leader_orders[LEADER, two.id].report.filled_quantity == 4 * LOT


@forms
def test_l10_what_is_listed_as_taken_back_has_placed_nothing(pair: bool) -> None:
    """Another one, just like it, was placed and fired before the list was read again."""
    bench = world()
    order = place(bench, pair=pair)
    bench.take_back(order, tell=False)
    bench.fire("L", place(bench, pair=pair, tell=False), tell=False)
    bench.keeps_fired = False
    bench.look()
    bench.let(20)
    assert bench.waiting("F") == [], "the copy of the one that was taken back"
    assert ReasonCode.UNKNOWN_PARENT in reasons(bench)


@pytest.mark.parametrize("first", [True, False], ids=["in-order", "reversed"])
def test_l10_what_two_placed_in_the_same_second_is_told_apart_by_what_their_rows_say_they_waited_for(first: bool) -> None:
    """One of them was changed just before, which no list had shown, and a market leg may place at any price."""
    bench = world()
    market, changed = bench.place_forever(Side.BUY, 4, StopMarket(Decimal(110))), place(bench, lots=6)
    bench.alter(changed, tell=False, terms=StopLimit(Decimal("108"), Decimal("107")), quantity=4 * LOT)
    for order in (changed, market) if first else (market, changed):
        bench.fire("L", order, tell=False)
    for child in (market.child, changed.child):
        assert child is not None
        _fill_quietly(bench, "L", bench.leader[child])
    bench.let(12)
    known = bench.copier.state.leader_orders
    assert [known[LEADER, order.id].report.leg_order_id for order in (market, changed)] == [market.child, changed.child]
    assert known[LEADER, changed.id].report.filled_quantity == 4 * LOT and reasons(bench) == []


def test_l10_a_market_leg_is_no_parent_for_sure_while_another_order_has_none() -> None:
    """It had been changed just before it fired, and placed that one; a list of what waits does not show it any more."""
    bench = world(keeps_fired=False)
    market = bench.place_forever(Side.BUY, 4, StopMarket(Decimal(110)))
    bench.alter(market, tell=False, quantity=2 * LOT)
    hidden = place(bench, tell=False)
    bench.fire("L", market, tell=False)
    child = bench.fire("L", hidden, tell=False)
    bench.look()
    bench.tell(child)
    bench.let(12)
    known = bench.copier.state.leader_orders
    assert known[LEADER, hidden.id].report.leg_order_id == hidden.child
    assert known[LEADER, market.id].report.leg_order_id is None


@pytest.mark.parametrize("first", [True, False], ids=["in-order", "reversed"])
def test_l10_two_that_only_one_may_have_placed_are_parked_both(first: bool) -> None:
    """What another had placed was changed before anybody saw it, so that only the market leg, at any price, fits."""
    bench = world()
    market, limited = bench.place_forever(Side.BUY, 4, StopMarket(Decimal(110))), place(bench, lots=6)
    for order in (limited, market) if first else (market, limited):
        bench.fire("L", order, tell=False)
    assert market.child is not None and limited.child is not None
    child = bench.leader[limited.child]
    child.report = evolve(child.report, quantity=4 * LOT, terms=Limit(Decimal(112)))
    bench.look()
    bench.let(12)
    known = bench.copier.state.leader_orders
    assert all(known[LEADER, order.id].report.leg_order_id is None for order in (market, limited))
    assert reasons(bench) == [ReasonCode.UNKNOWN_PARENT] * 2 and "FOREVER_UNKNOWN" in alerts(bench)


@pytest.mark.parametrize("later", ["a book that lacks one", "a frame that names one"])
def test_l10_what_has_appeared_before_claims_its_parent_too(later: str) -> None:
    bench = world()
    market, limited = bench.place_forever(Side.BUY, 4, StopMarket(Decimal(110))), place(bench, lots=6)
    placed = [bench.fire("L", order, tell=False) for order in (market, limited)]
    placed[1].report = evolve(placed[1].report, quantity=4 * LOT, terms=Limit(Decimal(112)))
    if later == "a book that lacks one":
        bench.look()
        lagging = bench.leader.pop(placed[0].report.order_id)
        bench.look()
        bench.leader[lagging.report.order_id] = lagging
    else:
        frame = LeaderReported(leader=LEADER, report=placed[0].report, channel=Channel.STREAM)
        lagging = bench.leader.pop(placed[0].report.order_id)
        shown = bench.book("L", forever=True)
        bench.leader[lagging.report.order_id] = lagging
        bench.feed(*shown, frame)
    bench.let(12)
    known = bench.copier.state.leader_orders
    named = later == "a frame that names one"
    assert known[LEADER, market.id].report.leg_order_id == (market.child if named else None)
    assert known[LEADER, limited.id].report.leg_order_id is None and ReasonCode.UNKNOWN_PARENT in reasons(bench)


@pytest.mark.parametrize("known", [True, False], ids=["journaled", "in-one-step"])
def test_l10_one_that_a_list_has_shown_as_fired_has_fired_though_an_older_list_comes_after_it(known: bool) -> None:
    """Else what it placed, which a market leg may have placed too, would seem to be that other one's for certain."""
    bench = world()
    market, limited = bench.place_forever(Side.BUY, 4, StopMarket(Decimal(110))), place(bench)
    older = LeaderReported(leader=LEADER, report=limited.first, channel=Channel.BOOK, read_at=bench.now)
    bench.fire("L", market, tell=False)
    bench.fire("L", limited, tell=False)
    *rows, read = bench.book("L", forever=True)
    appeared = [row for row in rows if isinstance(row, LeaderReported) and row.report.order_id in bench.leader]
    listed = [row for row in rows if row not in appeared]
    if known:
        bench.feed(*listed)
    bench.feed(*reversed(appeared), *(() if known else listed), older, read)
    bench.let(12)
    orders = bench.copier.state.leader_orders
    assert [orders[LEADER, order.id].report.leg_order_id for order in (market, limited)] == [market.child, limited.child]
    assert reasons(bench) == []


def one_gone() -> tuple[ForeverWorld, Waiting]:
    """A Forever order that is no longer listed, with nothing to show for it."""
    bench = world(keeps_fired=False)
    gone = bench.place_forever(Side.BUY, 4, StopMarket(Decimal(110)))
    del bench.lists["L"][gone.id]
    bench.look()
    assert "FOREVER_GONE" in alerts(bench)
    return bench, gone


def test_l10_what_appears_long_after_one_was_gone_was_not_placed_by_it() -> None:
    """Another, which fired before any list showed it, has placed it."""
    bench, gone = one_gone()
    bench.let(120)
    _fill_quietly(bench, "L", bench.fire("L", place(bench, tell=False), tell=False))
    bench.let(12)
    assert bench.copier.state.leader_orders[LEADER, gone.id].report.filled_quantity == 0
    assert ReasonCode.UNKNOWN_PARENT in reasons(bench) and len(bench.requests()) == 1


def test_l10_what_appears_in_the_morning_was_not_placed_by_one_that_was_gone_the_day_before() -> None:
    bench, gone = one_gone()
    bench.next_day()
    bench.restart()
    bench.look()
    _fill_quietly(bench, "L", bench.fire("L", place(bench, tell=False), tell=False))
    bench.let(12)
    assert bench.copier.state.leader_orders[LEADER, gone.id].report.filled_quantity == 0
    assert ReasonCode.UNKNOWN_PARENT in reasons(bench) and len(bench.requests()) == 1


@pytest.mark.parametrize("restarted", [True, False])
def test_l10_one_that_is_listed_again_is_not_gone(restarted: bool) -> None:
    """One list left it out, and those after it do not: when it fires it is the parent of what appears."""
    bench = world(keeps_fired=False)
    order = place(bench)
    listed = bench.lists["L"].pop(order.id)
    bench.look()
    assert "FOREVER_GONE" in alerts(bench)
    bench.lists["L"][order.id] = listed
    bench.look()
    bench.let(120)
    if restarted:
        bench.restart()
    _fill_quietly(bench, "L", bench.fire("L", order, tell=False))
    assert bench.copier.state.leader_orders[LEADER, order.id].report.filled_quantity == 4 * LOT and reasons(bench) == []


def test_l10_what_appears_shortly_after_one_was_gone_was_placed_by_it() -> None:
    bench = world(keeps_fired=False)
    order = place(bench)
    del bench.lists["L"][order.id]
    bench.look()
    _fill_quietly(bench, "L", bench.fire("L", order, tell=False))
    assert bench.copier.state.leader_orders[LEADER, order.id].report.filled_quantity == 4 * LOT


def test_f17_a_list_that_comes_with_the_leaders_order_was_not_searched_for_its_copy() -> None:
    """An old copy of the journal was put back, which has neither; one look at both accounts shows both."""
    bench = world()
    old = list(bench.journal)
    place(bench)
    only(bench)
    put_back(bench, old)
    shown = [*bench.book(LEADER, forever=True), *bench.book("F", forever=True)]
    bench.advance(1)
    bench.feed(EngineStarted(version="test", epoch=2), *shown)
    for _ in range(5):
        bench.tick(30)
    assert len(bench.of("F")) == 1 and "PLACED_BEFORE" in alerts(bench)


def test_f17_a_list_that_shows_the_end_of_one_was_not_searched_for_the_next() -> None:
    """An old copy of the journal was put back: its exit was being cancelled, and was set anew after that."""
    bench = pair_placed_anew()
    assert len(bench.of("F")) == 2 and only(bench).quantities == [LOT, LOT]
    cancelled = [
        at for at, entry in enumerate(bench.journal)
        if isinstance(entry.fact, RequestIssued) and isinstance(entry.fact.request, Cancel)
    ]  # fmt: skip
    old = bench.journal[: cancelled[-1] + 2]
    assert isinstance(old[-1].fact, RequestAccepted)
    put_back(bench, old)
    bench.advance(1)
    bench.feed(EngineStarted(version="test", epoch=2), *bench.book(LEADER, forever=True), *bench.book("F", forever=True))
    bench.let(120)
    assert len(bench.of("F")) == 2 and "PLACED_BEFORE" in alerts(bench)


def test_f17_one_that_fires_before_the_list_was_searched_is_not_placed_beside_its_copy() -> None:
    """What it placed is new, and the copy that the lost journal set is not."""
    bench = world()
    old = list(bench.journal)
    leaders = place(bench)
    copy = only(bench)
    bench.advance(60)
    put_back(bench, old)
    bench.unreadable = {LEADER, "F"}
    bench.feed(EngineStarted(version="test", epoch=2))
    bench.look()
    bench.let(8)
    bench.fire("L", leaders)
    bench.let(20)
    assert bench.of("F") == [copy] and bench.books["F"] == {}
    bench.unreadable = set()
    bench.let(60)
    assert bench.of("F") == [copy] and bench.books["F"] == {} and "PLACED_BEFORE" in alerts(bench)


@define(eq=False)
class TwoLeaders(ForeverWorld):
    """The other one's account is told of by hand."""

    quiet: bool = False
    """Whether looks at the follower are not answered."""

    def fresh(self) -> Copier:
        plain = super().fresh().settings
        return Copier(evolve(plain, leaders=(*plain.leaders, LeaderRules(name=OTHER))))

    def answer(self, command: Command) -> list[Fact]:
        if isinstance(command, ReadOrders) and self.quiet and command.account == "F":
            return []
        if isinstance(command, (ReadOrders, ReadPositions)) and command.account == OTHER:
            return []
        return super().answer(command)


def test_f17_what_is_being_set_for_one_leader_is_not_taken_for_what_was_set_for_another() -> None:
    bench = TwoLeaders({"F": Fraction(1, 2)})
    bench.feed(SourceStarted(account=OTHER), evolve(bench.leader_positions(), account=OTHER))
    bench.feed(BookRead(account=OTHER, read_at=bench.now))
    theirs = evolve(place(bench, tell=False).first, order_id=BrokerOrderId("M1"))
    bench.advance(60)
    bench.copier = bench.fresh()
    bench.copier.restore(bench.journal)
    bench.feed(EngineStarted(version="test", epoch=2))
    answers: list[Fact] = []
    bench.hold_answers = answers
    bench.look()
    bench.tick(12)
    assert len(bench.of("F")) == 1
    bench.quiet, listed = True, bench.book("F", forever=True)
    bench.advance(1)
    shown = LeaderReported(leader=OTHER, report=theirs, channel=Channel.BOOK, read_at=bench.now)
    bench.feed(shown, BookRead(account=OTHER, read_at=bench.now, forever=(theirs.order_id,)))
    bench.advance(1)
    bench.feed(*listed)
    bench.hold_answers = None
    bench.advance(1)
    bench.feed(*answers)
    bench.quiet = False
    bench.let(150)
    assert len(bench.of("F")) == 2 and "PLACED_BEFORE" not in alerts(bench)


def test_f17_a_checkpoint_knows_when_the_engine_started() -> None:
    """What is read again after a failed write does not set what has not been looked for."""
    bench = world()
    old = list(bench.journal)
    place(bench)
    copy = only(bench)
    bench.advance(60)
    put_back(bench, old)
    bench.unreadable = {"F"}
    bench.feed(EngineStarted(version="test", epoch=2))
    bench.look()
    saved = checkpoint.dump(bench.copier.state, whole=True)
    bench.journal.append(Entry(bench.copier.position + 1, bench.now, saved))
    bench.copier = bench.fresh()
    bench.copier.restore(bench.journal[-1:])
    bench.let(20)
    assert bench.of("F") == [copy]


def test_f45_a_copy_that_was_decided_by_a_clock_that_was_ahead_is_looked_for_and_set() -> None:
    """The process died before it was sent, and the clock was put right before the next one began."""
    bench = world()
    right = bench.now
    bench.now += timedelta(hours=1)
    order = place(bench, tell=False)
    order.legs = {leg: evolve(row, created_at=right, updated_at=right) for leg, row in order.legs.items()}
    bench.look()
    decided = next(at for at, entry in enumerate(bench.journal) if isinstance(entry.fact, CopyAdmitted))
    del bench.journal[decided + 1 :]
    bench.lists["F"].clear()
    bench.now = right + timedelta(seconds=10)
    bench.restart()
    for _ in range(6):
        bench.tick(10)
    assert len(bench.of("F")) == 1 and alerts(bench) == []


def test_l10_an_order_was_not_placed_by_one_that_came_after_it() -> None:
    bench = world(keeps_fired=False)
    changed = place(bench)
    bench.alter(changed, tell=False, quantity=6 * LOT)
    child = bench.fire("L", changed, tell=False)
    bench.advance(1)
    later = place(bench, lots=6)
    del bench.lists["L"][later.id]
    _fill_quietly(bench, "L", child)
    bench.let(12)
    assert bench.copier.state.leader_orders[LEADER, later.id].report.filled_quantity == 0
    assert ReasonCode.UNKNOWN_PARENT in reasons(bench)


def test_l10_what_was_listed_when_a_row_appeared_has_not_placed_it_though_nobody_names_its_parent_in_time() -> None:
    bench = world(keeps_fired=False)
    changed, other = place(bench), place(bench, lots=6)
    bench.alter(changed, tell=False, quantity=6 * LOT)
    _fill_quietly(bench, "L", bench.fire("L", changed, tell=False))
    bench.tick(6)
    assert other.waits and bench.copier.state.leader_orders[LEADER, other.id].report.filled_quantity == 0
    assert ReasonCode.UNKNOWN_PARENT in reasons(bench)


def test_l10_a_row_of_one_leg_says_of_the_other_what_was_told_of_it_last() -> None:
    """Frames come leg by leg; those of several changes may be read at once."""
    bench = world()
    leaders = place(bench, pair=True)
    frames: list[Fact] = []
    for price in ("111", "112", "113"):
        bench.alter(leaders, Leg.TARGET, tell=False, terms=StopLimit(Decimal(price), Decimal(price)))
        bench.alter(leaders, Leg.STOP, tell=False)
        rows = [leaders.legs[Leg.TARGET], leaders.legs[Leg.STOP]]
        frames += [LeaderReported(leader=LEADER, report=row, channel=Channel.STREAM) for row in rows]
    before = len(bench.facts(LeaderReported))
    bench.feed(*frames)
    told = [fact.report.terms for fact in bench.facts(LeaderReported)[before:] if isinstance(fact, LeaderReported)]
    assert told == sorted(told, key=lambda terms: terms.price) and told[-1] == leaders.terms[0]  # type: ignore[union-attr]
    bench.feed(frames[0])
    assert only(bench).terms == leaders.terms


def test_l10_which_of_two_copies_fired_is_told_by_what_is_still_listed() -> None:
    bench = world()
    place(bench), place(bench)
    first, second = bench.waiting("F")
    _fill_quietly(bench, "F", bench.fire("F", second, tell=False))
    filled = [order.filled_quantity for key in bench.copier.state.trades for order in bench.copier.state.trades[key].orders]
    assert filled == [0, 2 * LOT] and first.waits


def test_l10_what_was_listed_when_a_row_appeared_has_not_placed_it_though_a_look_without_the_list_shows_it_again() -> None:
    bench = world(keeps_fired=False)
    changed, other = place(bench), place(bench, lots=6)
    bench.alter(changed, tell=False, quantity=6 * LOT)
    child = bench.fire("L", changed, tell=False)
    bench.look()
    bench.feed(*bench.book(LEADER, forever=False))
    assert bench.copier.state.leader_orders[LEADER, other.id].report.leg_order_id != child.report.order_id


def test_l10_what_was_listed_when_the_leaders_row_appeared_says_nothing_of_copies_that_fire_later() -> None:
    bench = world(keeps_fired=False)
    place(bench)
    bench.fire("L", place(bench, lots=6, tell=False), tell=False)
    bench.feed(*bench.book(LEADER, forever=True), *bench.book("F", forever=True))
    bench.tick(6)
    assert reasons(bench) == [ReasonCode.UNKNOWN_PARENT]
    _fill_quietly(bench, "F", bench.fire("F", only(bench), tell=False))
    [filled] = [order.filled_quantity for trade in bench.copier.state.trades.values() for order in trade.orders]
    assert filled == 2 * LOT


def test_l10_whom_a_frame_names_is_the_parent_of_the_row_that_comes_with_it() -> None:
    """All of it is heard at once, after the process has stood still."""
    bench = world()
    market, named = bench.place_forever(Side.BUY, 4, StopMarket(Decimal(110))), place(bench)
    child = bench.fire("L", named, tell=False)
    frame = LeaderReported(leader=LEADER, report=child.report, channel=Channel.STREAM)
    bench.fire("L", market, tell=False)
    assert market.child is not None
    del bench.leader[market.child]
    bench.advance(1)
    bench.feed(frame, *bench.book(LEADER, forever=True))
    known = bench.copier.state.leader_orders
    assert [known[LEADER, order.id].report.leg_order_id for order in (market, named)] == [None, named.child]


def test_l10_a_forever_order_fires_once() -> None:
    bench = world()
    leaders = place(bench)
    bench.fill(bench.fire("L", leaders), 4 * LOT)
    bench.fire("L", leaders)
    bench.let(12)
    assert reasons(bench) == [ReasonCode.FOREVER_CHILD] and len(bench.requests()) == 1


def test_l10_a_row_of_one_that_has_fired_takes_nothing_back() -> None:
    bench = world()
    leaders = place(bench)
    child = bench.fire("L", leaders)
    bench.change(child, terms=Limit(Decimal("108")), status=OrderStatus.MODIFIED)
    bench.advance(30)
    bench.alter(leaders)
    assert bench.copier.state.leader_orders[LEADER, leaders.id].report.terms == Limit(Decimal("108"))


def test_l10_what_it_placed_counts_though_its_row_is_newer() -> None:
    bench = world()
    leaders = place(bench)
    leaders.legs[Leg.ENTRY] = evolve(
        leaders.legs[Leg.ENTRY], status=OrderStatus.TRADED, updated_at=bench.now + timedelta(seconds=60)
    )
    bench.look()
    bench.fire("L", leaders)
    assert bench.copier.state.leader_orders[LEADER, leaders.id].report.status is OrderStatus.PENDING


def test_l10_what_could_not_be_placed_before_it_fired_is_placed_as_what_has_appeared() -> None:
    bench = world()
    bench.refuse["F"] = [(Refusal.RATE_LIMIT, False)]
    leaders = place(bench)
    leaders.legs[Leg.ENTRY] = evolve(leaders.legs[Leg.ENTRY], status=OrderStatus.TRADED)
    bench.look()
    bench.let(30)
    assert bench.of("F") == [] and len(bench.requests()) == 1, "what it placed is not known yet"
    bench.fire("L", leaders)
    bench.let(12)
    [plain] = bench.open_orders("F")
    assert plain.report.terms == Limit(Decimal("109")) and not bench.requests()[-1].forever


def test_l10_a_pair_whose_second_leg_cannot_be_made_smaller_is_placed_anew() -> None:
    bench = pair_placed_anew()
    assert only(bench).quantities == [LOT, LOT]


def test_l10_a_change_that_is_accepted_after_it_fired_says_nothing_of_what_appeared() -> None:
    bench = world()
    leaders = place(bench)
    copy = only(bench)
    answers: list[Fact] = []
    bench.hold_answers = answers
    bench.alter(leaders, terms=BELOW)
    bench.hold_answers = None
    ours = bench.fire("F", copy)
    bench.feed(*answers)
    bench.fire("L", leaders)
    bench.let(30)
    assert ours.requests == [] and ours.report.terms == Limit(Decimal("89"))
    [trade] = bench.copier.state.trades.values()
    assert [order.accepted.terms for order in trade.orders if order.accepted] == [Limit(Decimal("89"))]


def test_l10_one_that_fired_before_it_was_taken_back_is_cancelled_as_what_appeared() -> None:
    bench = world()
    leaders = place(bench)
    copy = only(bench)
    bench.take_back(leaders)
    bench.let(12)
    assert bench.copier.state.waiting(AccountName("F")) == []
    ours = bench.fire("F", copy)
    bench.let(12)
    assert ours.requests == ["cancel"]


def test_l10_a_child_whose_forever_order_was_never_seen_is_not_copied() -> None:
    bench = world()
    leaders = place(bench, tell=False)
    bench.fire("L", leaders)
    bench.let(30)
    assert bench.requests() == [] and reasons(bench) == [ReasonCode.FOREVER_CHILD]


def test_l10_a_child_is_known_by_its_id_whatever_its_row_says() -> None:
    bench = world()
    child = bench.fire("L", place(bench))
    child.report = evolve(child.report, variety=Variety.REGULAR, platform=None, parent_order_id=None)
    bench.fill(child, 4 * LOT)
    bench.look()
    assert len(bench.requests()) == 1 and bench.copier.state.leader_fills == {("L", KEY, Product.MARGIN, None): 4 * LOT}


def test_l10_what_is_left_over_is_declared_though_another_waits() -> None:
    """It may wait for months."""
    bench = world(keeps_fired=False)
    holding(bench)
    bench.place_forever(Side.BUY, 4, StopLimit(Decimal(200), Decimal(201)))
    for side in (Side.SELL, Side.SELL, Side.BUY):  # he closes what he has, sells as much again and closes that, unseen
        bench.fill(bench.fire("L", place(bench, side, tell=False)), 4 * LOT)
    bench.let(12)
    assert bench.net_position("F") == 2 * LOT and len(bench.waiting("F")) == 1
    told = [fact.quantity for fact in bench.facts(DriftDeclared) if isinstance(fact, DriftDeclared)]
    assert told == [2 * LOT, 2 * LOT], "when the leader was flat, and when he was again"


def test_l10_an_exit_by_a_child_that_is_not_copied_raises_the_alarm() -> None:
    bench = world()
    holding(bench)
    bench.fire("L", place(bench, Side.SELL, tell=False))
    bench.let(30)
    assert reasons(bench) == [ReasonCode.FOREVER_CHILD] and "EXIT_NOT_COPIED" in alerts(bench)


def test_l10_where_fills_are_copied_those_of_the_child_are() -> None:
    bench = world(mode=CopyMode.EXECUTION, takes_forever=False)
    leaders = place(bench, pair=True)
    bench.next_day()
    bench.look()
    child = bench.fire("L", leaders)
    assert bench.requests() == []
    bench.fill(child, 4 * LOT)
    bench.fill_everything("F")
    bench.let(12)
    assert bench.net_position("F") == 2 * LOT and not any(request.forever for request in bench.requests())


def test_l10_a_broker_without_forever_orders_declines_them_by_name() -> None:
    bench = world(takes_forever=False)
    place(bench)
    assert bench.requests() == [] and reasons(bench) == [ReasonCode.FOREVER_UNSUPPORTED]


def test_l10_half_a_pair_is_not_copied() -> None:
    bench = world()
    leaders = place(bench, pair=True, tell=False)
    del leaders.legs[Leg.STOP]
    bench.look()
    assert reasons(bench) == []
    bench.let(12)
    assert bench.requests() == [] and reasons(bench) == [ReasonCode.FOREVER_LEG_UNKNOWN]


@pytest.mark.parametrize("policy", [Policy(), Policy(first_start=FirstStart.ADOPT)])
def test_l10_those_from_before_the_first_start_are_older(policy: Policy) -> None:
    bench = world(policy=policy)
    bench.copier.state.books_read.clear()
    leaders = place(bench, tell=False)
    leaders.legs[Leg.ENTRY] = evolve(leaders.legs[Leg.ENTRY], created_at=bench.now - timedelta(days=3))
    bench.look()
    if policy.first_start is FirstStart.ADOPT:
        assert only(bench)
        return
    assert reasons(bench) == [ReasonCode.OLDER_THAN_START] and bench.requests() == []
    for _ in range(2):
        bench.next_day()
        bench.look()
        bench.restart()
        bench.look()
        bench.let(30)
    assert bench.requests() == [] and reasons(bench) == [ReasonCode.OLDER_THAN_START]


# Days


@forms
@pytest.mark.parametrize("restarted", [True, False])
def test_l10_it_lives_over_midnight_with_its_copy(pair: bool, restarted: bool) -> None:
    bench = world()
    leaders = place(bench, pair=pair)
    copy = only(bench)
    for _ in range(3):
        bench.next_day()
        if restarted:
            bench.restart()
        bench.look()
        bench.let(40)
    assert len(bench.requests()) == 1 and alerts(bench) == [] and only(bench) is copy
    bench.alter(leaders, terms=StopLimit(Decimal("115"), Decimal("114")))
    assert copy.terms[0] == StopLimit(Decimal("115"), Decimal("114"))
    bench.next_day()
    bench.look()
    child, ours = bench.fire("L", leaders), bench.fire("F", copy)
    bench.fill(child, 4 * LOT)
    bench.fill_follower("F", ours, 2 * LOT)
    bench.let(40)
    assert bench.net_position("F") == 2 * LOT and bench.live_units("F") == 0
    assert not bench.facts(DriftDeclared) and reasons(bench) == []


def test_l10_a_cancel_that_happened_over_night_takes_the_copy_back() -> None:
    bench = world()
    leaders = place(bench)
    bench.take_back(leaders, tell=False)
    kept = bench.lists["L"]
    bench.next_day()
    bench.lists["L"] = dict(kept) or {leaders.id: leaders}
    bench.look()
    bench.let(12)
    assert bench.waiting("F") == [] and "FROM_BEFORE" not in alerts(bench)


def test_l10_an_old_frame_of_one_that_fired_yesterday_is_not_copied_again() -> None:
    bench = world()
    leaders = place(bench)
    waiting = leaders.first
    bench.fill(bench.fire("L", leaders), 4 * LOT)
    bench.fill_follower("F", bench.fire("F", only(bench)), 2 * LOT)
    bench.next_day()
    bench.look()
    bench.feed(LeaderReported(leader=LEADER, report=waiting, channel=Channel.STREAM))
    bench.let(12)
    assert len(bench.requests()) == 1 and len(bench.facts(CopyAdmitted)) == 1


def test_l10_what_waits_since_yesterday_and_was_not_known_is_told_by_the_list() -> None:
    bench = world()
    leaders = place(bench, tell=False)
    del bench.lists[LEADER][leaders.id]
    bench.next_day()
    bench.feed(LeaderReported(leader=LEADER, report=leaders.first, channel=Channel.STREAM))
    assert bench.requests() == []
    bench.lists[LEADER][leaders.id] = leaders
    bench.look()
    assert len(bench.requests()) == 1


def test_l10_one_that_was_taken_back_yesterday_and_is_still_listed_is_not_decided_again() -> None:
    bench = world()
    leaders = place(bench)
    bench.take_back(leaders)
    listed, before = dict(bench.lists[LEADER]), len(bench.facts(LeaderReported))
    bench.let(30)
    bench.next_day()
    bench.lists[LEADER] = listed
    bench.look()
    assert len(bench.facts(LeaderReported)) == before and reasons(bench) == [] and alerts(bench) == []


def test_l10_one_that_is_gone_in_the_morning_is_told_and_nothing_is_concluded() -> None:
    bench = world()
    leaders = place(bench)
    bench.take_back(leaders, tell=False)
    bench.next_day()
    bench.look()
    bench.let(12)
    assert only(bench) and alerts(bench) == ["FOREVER_GONE"]


def test_l10_a_copy_that_waits_behind_the_leader_lives_on_too() -> None:
    bench = world()
    leaders = place(bench)
    bench.fill(bench.fire("L", leaders), 4 * LOT)
    bench.next_day()
    bench.look()
    bench.restart()
    ours = bench.fire("F", only(bench))
    bench.fill_follower("F", ours, 2 * LOT)
    bench.let(30)
    assert bench.net_position("F") == 2 * LOT and not bench.facts(DriftDeclared)
    assert len(bench.facts(TradeSettled)) == 1 and len(bench.requests()) == 1


def test_l10_what_the_leaders_placed_ends_with_its_day_and_the_copy_that_waits_for_it_goes() -> None:
    bench = ForeverWorld({"F": Fraction(1, 2), "G": Fraction(1)})
    leaders = place(bench)
    bench.fire("L", leaders)
    [theirs] = bench.waiting("G")
    ours = bench.fire("G", theirs)
    bench.fill_follower("G", ours, LOT)
    bench.next_day()
    bench.look()
    bench.let(60)
    assert bench.waiting("F") == [], "it waits for what the leader no longer has"
    assert len(bench.facts(TradeSettled)) == 2 and bench.copier.state.open_keys() == []


@pytest.mark.parametrize("listed", [True, False])
def test_l10_a_copy_that_has_fired_is_not_cancelled_again_and_again_while_nobody_knows_what_it_placed(listed: bool) -> None:
    bench = world(keeps_fired=listed)
    leaders = place(bench)
    ours = bench.fire("F", only(bench), tell=False)
    del bench.books["F"][ours.report.order_id]
    bench.let(12)
    bench.take_back(leaders)
    bench.let(600)
    bench.restart()
    bench.let(60)
    assert len([request for request in bench.requests() if isinstance(request, Cancel)]) <= 1
    assert "FOREVER_GONE" in alerts(bench)


def test_l10_a_copy_of_which_two_rows_could_be_is_looked_for_by_the_sweeps_alone() -> None:
    bench = world()
    holding(bench)
    bench.lose = [True]
    place(bench, Side.SELL)
    bench.keep("F", evolve(only(bench).first, order_id=bench.next_id("F"), client_order_id=None), None)
    bench.let(400)
    asked = len([command for _, command in bench.sent if isinstance(command, Query)])
    bench.let(400)
    assert "FOREVER_DOUBTFUL" in alerts(bench)
    assert len([command for _, command in bench.sent if isinstance(command, Query)]) == asked


def test_l10_the_end_of_the_day_decides_nothing() -> None:
    bench = world()
    leaders = place(bench, pair=True, tell=False)
    stop = leaders.legs.pop(Leg.STOP)
    bench.look()
    bench.next_day()
    assert reasons(bench) == [ReasonCode.FOREVER_LEG_UNKNOWN] and stop


def test_l10_an_exit_that_fired_and_ended_with_the_day_waits_again_the_next() -> None:
    bench = world(product=Product.CNC)
    holding(bench)
    place(bench, Side.SELL)
    bench.fire("F", only(bench))
    bench.next_day()
    bench.look()
    bench.let(12)
    assert only(bench).quantities == [2 * LOT], "the leader's still waits, and the follower still owns"


# Unknown outcomes


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("restarted", [True, False])
def test_l10_an_unknown_placement_is_settled_by_its_terms(pair: bool, arrived: bool, restarted: bool) -> None:
    bench = world()
    bench.lose = [arrived]
    leaders = place(bench, pair=pair)
    if restarted:
        bench.restart()
    bench.let(60)
    assert len(bench.requests()) == 1 and len(bench.copier.state.unresolved) == 1, "it may arrive yet"
    bench.let(240)
    assert len(bench.requests()) == 1, "an entry is never sent again"
    if arrived:
        bench.take_back(leaders)
        bench.let(30)
        assert bench.waiting("F") == [], "it is known, so that it can be taken back"
    else:
        assert bench.of("F") == [] and len(bench.copier.state.unresolved) == 0


def test_l10_an_unknown_exit_that_never_arrived_is_sent_once_more() -> None:
    bench = world()
    holding(bench)
    bench.lose = [False]
    place(bench, Side.SELL)
    assert bench.waiting("F") == []
    bench.let(240)
    assert only(bench).quantities == [2 * LOT]


def test_l10_an_exit_that_arrives_after_it_was_given_up_is_taken_back_for_its_successor() -> None:
    bench = world()
    holding(bench)
    bench.lose = [False]
    place(bench, Side.SELL)
    lost = bench.requests()[-1]
    bench.let(240)
    second = only(bench)
    assert isinstance(lost, Submit)
    bench.on_submit(lost)
    assert len(bench.waiting("F")) == 2
    bench.let(60)
    assert only(bench) is second and "LATE_EVIDENCE" in alerts(bench)


@pytest.mark.parametrize("keeps_fired", [True, False])
def test_l10_what_the_successor_of_one_that_was_given_up_places_is_the_successors(keeps_fired: bool) -> None:
    """The row of the book names no parent, and the one that never arrived asked for the same."""
    bench = world(keeps_fired=keeps_fired)
    holding(bench)
    bench.lose = [False]
    leaders = place(bench, Side.SELL)
    bench.let(240)
    ours = bench.fire("F", only(bench), tell=False)
    bench.look("F")
    bench.let(60)
    assert ours.is_open and "LATE_EVIDENCE" not in alerts(bench)
    bench.fill(bench.fire("L", leaders), 4 * LOT)
    bench.fill_everything("F")
    bench.let(60)
    assert bench.net_position("F") == bench.leader_position() == 0 and "FOREVER_GONE" not in alerts(bench)


@both_sides
@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("by_hand", [False, True])
def test_l10_what_an_unknown_one_places_is_not_that_of_another_which_is_gone_from_the_list(
    side: Side, filled: bool, by_hand: bool
) -> None:
    """Both asked for the same; the one that is gone was taken back by the leader or by hand, and has placed nothing."""
    bench = world(keeps_fired=False)
    if side is Side.SELL:
        holding(bench, 8)
    other = place(bench, side)
    gone = only(bench)
    bench.let(20)
    if by_hand:
        del bench.lists["F"][gone.id]
        bench.let(120)
    bench.lose = [True]
    unknown = place(bench, side)
    [arrived] = [copy for copy in bench.waiting("F") if copy is not gone]
    bench.let(88)
    child = bench.fire("F", arrived, tell=False)
    if filled:
        child.report = evolve(
            child.report, filled_quantity=2 * LOT, status=OrderStatus.TRADED, average_price=Decimal(109), updated_at=bench.now
        )
    if not by_hand:
        bench.take_back(other)
        del bench.lists["F"][gone.id]
    bench.let(400)
    assert len([r for r in bench.requests() if isinstance(r, Submit) and r.leader_order_id == unknown.id]) == 1
    [copy] = bench.copier.state.trades[AccountName(LEADER), unknown.id, AccountName("F")].orders
    assert (copy.broker_order_id, child.is_open) == (child.report.order_id, not filled)


def test_l10_an_unknown_placement_that_has_fired_meanwhile_is_found_by_what_it_placed() -> None:
    bench = world(keeps_fired=False)
    bench.lose = [True]
    leaders = place(bench)
    ours = bench.fire("F", only(bench), tell=False)
    bench.fire("L", leaders)
    bench.let(240)
    _fill_quietly(bench, "F", ours)
    [trade] = [bench.copier.state.trades[key] for key in bench.copier.state.trades]
    assert [order.filled_quantity for order in trade.orders] == [2 * LOT]


def test_l10_an_unknown_placement_that_two_rows_could_be_is_parked_with_an_alarm() -> None:
    bench = world()
    holding(bench)
    bench.lose = [True]
    place(bench, Side.SELL)
    mine = only(bench).first
    bench.keep("F", evolve(mine, order_id=bench.next_id("F"), client_order_id=None), None)
    bench.let(400)
    assert "FOREVER_DOUBTFUL" in alerts(bench)
    assert len([r for r in bench.requests() if isinstance(r, Submit) and r.forever]) == 1, "never sent again"


@pytest.mark.parametrize("fired", [False, True])
def test_l10_an_unknown_exit_that_seems_older_is_not_sent_again_for_a_clock_may_be_wrong(fired: bool) -> None:
    bench = world(keeps_fired=False)
    holding(bench)
    bench.lose = [True]
    place(bench, Side.SELL)
    copy, earlier = only(bench), bench.now - timedelta(hours=1)
    copy.legs = {leg: evolve(row, created_at=earlier, updated_at=earlier) for leg, row in copy.legs.items()}
    if fired:
        child = bench.fire("F", copy, tell=False)
        child.report = evolve(child.report, created_at=earlier, updated_at=earlier)
    bench.let(400)
    assert "FOREVER_DOUBTFUL" in alerts(bench)
    assert len([r for r in bench.requests() if isinstance(r, Submit) and r.forever]) == 1


def test_l10_of_two_alike_that_were_lost_the_one_that_arrived_is_found() -> None:
    bench = world()
    bench.lose = [True]
    place(bench)
    bench.let(75)
    bench.lose = [False]
    place(bench)
    bench.let(400)
    assert "FOREVER_DOUBTFUL" not in alerts(bench) and not bench.copier.state.unresolved


def test_copies_stay_over_night_in_the_order_of_their_followers() -> None:
    """The order of a set would be another one in every process."""
    names = [f"F{n}" for n in range(9, 0, -1)]
    bench = ForeverWorld({name: Fraction(1, 2) for name in names})
    place(bench)
    assert [key[2] for key in bench.copier.state.open_keys()] == names
    bench.next_day()
    assert [key[2] for key in bench.copier.state.open_keys()] == names


def test_l10_a_users_own_forever_order_is_not_taken_for_ours() -> None:
    bench = world()
    bench.lose = [False]
    place(bench, tell=False)
    own = evolve(
        bench.of("L")[0].first, order_id=bench.next_id("F"), created_at=bench.now - timedelta(hours=1), quantity=2 * LOT
    )
    theirs = bench.keep("F", own, None)
    bench.look()
    bench.let(240)
    bench.take_back(bench.of("L")[0])
    bench.let(30)
    assert theirs.waits and len(bench.requests()) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_l10_an_unknown_change_and_an_unknown_cancel_are_repeated_until_the_list_shows_them(arrived: bool) -> None:
    bench = world()
    leaders = place(bench)
    bench.lose = [arrived]
    bench.alter(leaders, terms=BELOW)
    bench.let(30)
    assert only(bench).terms == [BELOW]
    bench.lose = [arrived]
    bench.take_back(leaders)
    bench.let(30)
    assert bench.waiting("F") == []


def test_l10_a_cancel_that_the_list_shows_only_by_its_absence_ends_the_copy() -> None:
    bench = world()
    leaders = place(bench)
    copy = only(bench)
    bench.take_back(leaders)
    del bench.lists["F"][copy.id]
    bench.let(60)
    assert len(bench.facts(TradeSettled)) == 1
    bench.restart()
    assert bench.copier.state.open_keys() == []


def test_l10_a_cancel_that_comes_too_late_cancels_what_was_placed() -> None:
    bench = world()
    leaders = place(bench)
    ours = bench.fire("F", only(bench), tell=False)
    bench.take_back(leaders)
    bench.let(40)
    assert ours.report.status is OrderStatus.CANCELLED
    assert [r.forever for r in bench.requests() if isinstance(r, Cancel)] == [True, False]


# Reads


def test_l10_the_followers_list_is_read_only_while_he_has_any() -> None:
    bench = world()
    holding(bench)
    bench.let(60)
    assert bench.asked_for_list == 0
    leaders = place(bench)
    bench.let(60)
    assert bench.asked_for_list > 2
    bench.take_back(leaders)
    bench.let(30)
    before = bench.asked_for_list
    bench.let(60)
    assert bench.asked_for_list == before


def test_l10_orders_of_another_variety_pass_untouched() -> None:
    bench = world()
    order = bench.place(Side.BUY, 4)
    assert order.report.variety is Variety.REGULAR and len(bench.requests()) == 1 and not bench.requests()[0].forever
