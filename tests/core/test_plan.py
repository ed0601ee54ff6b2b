"""What is asked next: wants compared with what the broker last took, never more than one request at a time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    CopyDeclined,
    Fact,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    Refusal,
    RequestRejected,
    RequestWithheld,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.requests import Cancel, Intent, Modify, Query, ReadPositions, Submit
from dhan_copy.core.settings import AtModificationCap, Behind, Policy, RateLimits, RateWindow, StopMarketForm
from dhan_copy.model.ids import AccountName, BrokerOrderId, id_parts
from dhan_copy.model.order import (
    Limit,
    Market,
    OrderReport,
    OrderStatus,
    Side,
    StopLimit,
    StopMarket,
    Validity,
)
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.size import Ratio
from tests.core.bench import Asked, Bench, holds
from tests.core.make import FOLLOWER, after, report

LOT = 75
START = report(quantity=2 * LOT, created_at=after(10), updated_at=after(10))


@define(kw_only=True)
class Desk(Bench):
    """A bench that speaks of one leader order and its copies."""

    told: OrderReport = START
    ids: int = 0
    placed: dict[str, Submit] = field(factory=dict)

    def leader(self, **changes: object) -> list[Asked]:
        """The leader's order changes, a second later."""
        self.wait(1)
        self.told = evolve(self.told, updated_at=self.now, **changes)  # type: ignore[arg-type]
        return self.tell(self.told)

    def taken(self, request: Asked) -> list[Asked]:
        """The broker takes a request."""
        if isinstance(request, Submit):
            self.ids += 1
            self.placed[request.client_order_id] = request
            return self.accept(request, BrokerOrderId(f"F{self.ids}"))
        return self.accept(request, request.broker_order_id)

    def no(self, request: Asked, refusal: Refusal = Refusal.OTHER, *, final: bool = False) -> list[Asked]:
        return self.step(
            RequestRejected(
                follower=FOLLOWER,
                client_order_id=request.client_order_id,
                attempt=request.attempt,
                refusal=refusal,
                code="DH-906",
                text="no",
                final=final,
            )  # fmt: skip
        )

    def lost(self, request: Asked) -> list[Asked]:
        about = {"follower": FOLLOWER, "client_order_id": request.client_order_id, "attempt": request.attempt}
        return self.step(OutcomeUnresolved(**about, problem="timed out"))  # type: ignore[arg-type]

    def withheld(self, request: Asked) -> list[Asked]:
        about = {"follower": FOLLOWER, "client_order_id": request.client_order_id, "attempt": request.attempt}
        return self.step(RequestWithheld(**about, problem="halted"))  # type: ignore[arg-type]

    def shows(
        self, request: Submit, status: OrderStatus = OrderStatus.PENDING, filled: int = 0, **changes: object
    ) -> OrderReported:
        """What the broker says of a copy, read from the book now."""
        ids = list(self.placed)
        row = OrderReport(
            account=FOLLOWER, order_id=BrokerOrderId(f"F{ids.index(request.client_order_id) + 1}"), segment=request.segment,
            client_order_id=request.client_order_id, security_id=request.security_id, side=request.side,
            product=request.product, validity=request.validity, terms=request.terms,
            quantity=max(request.quantity, filled), filled_quantity=filled, status=status, updated_at=self.now,
        )  # fmt: skip
        row = evolve(row, **changes)  # type: ignore[arg-type]
        return OrderReported(follower=FOLLOWER, report=row, channel=Channel.BOOK, read_at=self.now)

    def reads(self) -> list[str]:
        assert self.last is not None
        return [type(command).__name__ for command in self.last.commands if not isinstance(command, (Submit, Modify, Cancel))]

    def entered(self, lots: int = 2) -> Submit:
        """The copy of an entry, taken by the broker."""
        [request] = self.leader(quantity=lots * LOT)
        assert isinstance(request, Submit)
        assert self.taken(request) == []
        return request

    def owns(self, lots: int = 2) -> None:
        """The leader bought, and so did the follower; what follows is another order of the leader."""
        entry = self.entered(lots)
        self.leader(status=OrderStatus.TRADED, filled_quantity=lots * LOT)
        self.step(self.shows(entry, OrderStatus.TRADED, entry.quantity))
        self.position(lots * LOT)
        self.told = evolve(START, order_id=BrokerOrderId("L2"), side=Side.SELL, quantity=lots * LOT)

    def position(self, units: int) -> list[Asked]:
        """The follower's positions are read and show so many units."""
        self.wait(1)
        return self.step(holds(FOLLOWER, units, self.now))

    def exiting(self, lots: int = 2) -> Submit:
        """The copy of an exit of everything, placed after the positions were read; taken by the broker."""
        self.owns(lots)
        assert self.leader() == [], "the positions are read first"
        [request] = self.position(lots * LOT)
        assert isinstance(request, Submit)
        assert self.taken(request) == []
        return request


def desk(**rules: object) -> Desk:
    return Desk(sizer=Ratio(1), **rules)  # type: ignore[arg-type]


# Modifications


def test_m1_the_total_follows_the_leaders_total() -> None:
    bench = desk()
    bench.entered()
    [request] = bench.leader(quantity=4 * LOT)
    assert isinstance(request, Modify)
    assert (request.quantity, request.attempt, request.broker_order_id) == (4 * LOT, 2, "F1")
    assert request.not_after == bench.now + timedelta(seconds=5)


@pytest.mark.parametrize(
    "change",
    [
        {"terms": Limit(Decimal(99))}, {"terms": Market()}, {"terms": StopLimit(Decimal(101), Decimal(102))},
        {"validity": Validity.IOC}, {"disclosed_quantity": LOT},
    ],
    ids=["price", "market", "stop", "validity", "disclosed"],
)  # fmt: skip
def test_m2_every_field_follows_and_every_field_is_sent(change: dict[str, object]) -> None:
    bench = desk()
    bench.entered()
    [request] = bench.leader(status=OrderStatus.MODIFIED, **change)
    assert isinstance(request, Modify)
    sent = {"terms": request.terms, "validity": request.validity, "disclosed_quantity": request.disclosed_quantity}
    before = {"terms": START.terms, "validity": START.validity, "disclosed_quantity": 0}
    assert sent == {**before, **change}


@pytest.mark.parametrize("change", [{"terms": Limit(Decimal(99))}, {"quantity": 4 * LOT}], ids=["price", "quantity"])
def test_f39_a_change_that_was_taken_and_has_had_no_effect_is_asked_for_again(change: dict[str, object]) -> None:
    """Dhan answers TRANSIT, before the exchange has seen it; a book may lag."""
    bench = desk()
    entry = bench.entered()
    [request] = bench.leader(**change)
    bench.taken(request)
    bench.wait(30)
    assert bench.step(bench.shows(entry)) == [] and bench.alerts() == []
    bench.wait(31)
    [again] = bench.step(bench.shows(entry))
    assert isinstance(request, Modify) and isinstance(again, Modify)
    assert (again.terms, again.quantity, again.attempt) == (request.terms, request.quantity, 3)
    assert bench.alerts() == ["CHANGE_IGNORED"]
    assert bench.taken(again) == []
    bench.wait(61)
    assert bench.step(bench.shows(entry, terms=again.terms, quantity=again.quantity)) == []
    assert bench.alerts() == ["CHANGE_IGNORED"]


def test_f39_a_change_that_is_never_made_leaves_the_leader_modifications() -> None:
    bench = desk()
    entry = bench.entered()
    asked = bench.leader(terms=Limit(Decimal(99)))
    times = 0
    for _ in range(30):
        if asked:
            times += 1
            bench.taken(asked[0])
        bench.wait(61)
        asked = bench.step(bench.shows(entry))
    assert times == 3 and set(bench.alerts()) == {"CHANGE_IGNORED", "MODIFICATION_REFUSED"}
    assert len(bench.leader(terms=Limit(Decimal(98)))) == 1


def test_f39_of_two_changes_that_were_taken_the_row_says_which_were_made() -> None:
    for made in (0, 1):
        bench = desk()
        entry = bench.entered()
        for price in (99, 98):
            [request] = bench.leader(terms=Limit(Decimal(price)))
            assert bench.taken(request) == []
        bench.wait(61)
        [again] = bench.step(bench.shows(entry, terms=Limit(Decimal(99)) if made else entry.terms))
        assert isinstance(again, Modify) and again.terms == Limit(Decimal(98))


def test_f39_a_stop_that_has_triggered_reads_as_the_limit_that_it_was_and_is_left_alone() -> None:
    bench = desk()
    bench.entered()
    [request] = bench.leader(terms=StopLimit(Decimal(101), Decimal(100)))
    bench.taken(request)
    [entry] = bench.placed.values()
    bench.wait(61)
    assert bench.step(bench.shows(entry)) == [] and bench.alerts() == []


@pytest.mark.parametrize("shown", ["before", "something else"])
def test_f39_what_a_hand_changes_after_a_change_was_seen_is_respected(shown: str) -> None:
    bench = desk()
    entry = bench.entered()
    [request] = bench.leader(terms=Limit(Decimal(99)))
    bench.taken(request)
    if shown == "before":
        bench.step(bench.shows(entry, terms=Limit(Decimal(99))))
    bench.wait(61)
    assert bench.step(bench.shows(entry, terms=entry.terms if shown == "before" else Limit(Decimal(98)))) == []
    bench.wait(61)
    assert bench.step(bench.shows(entry)) == [] and bench.alerts() == []


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8))
@settings(max_examples=30)
def test_m3_while_one_is_under_way_the_rest_waits_as_want(lots: list[int]) -> None:
    bench = desk()
    [first] = bench.leader(quantity=lots[0] * LOT)
    for quantity in lots[1:]:
        assert bench.leader(quantity=quantity * LOT) == []
    following = bench.taken(first)
    if lots[-1] == lots[0]:
        assert following == []
    else:
        [request] = following
        assert isinstance(request, Modify)
        assert request.quantity == lots[-1] * LOT
        assert bench.taken(request) == []


@given(filled=st.integers(0, 3), lots=st.integers(1, 8))
@settings(max_examples=40)
def test_m5_a_total_is_never_at_or_below_the_fills(filled: int, lots: int) -> None:
    bench = desk()
    entry = bench.entered(4)
    bench.step(bench.shows(entry, OrderStatus.PART_TRADED if filled else OrderStatus.PENDING, filled * LOT))
    asked = bench.leader(quantity=lots * LOT)
    if lots == 4:
        assert asked == []
    elif lots <= filled:
        assert [type(request) for request in asked] == [Cancel]
    else:
        [request] = asked
        assert isinstance(request, Modify)
        assert request.quantity == lots * LOT > filled * LOT


def test_m6_a_finished_entry_is_not_replaced() -> None:
    bench = desk()
    entry = bench.entered()
    bench.step(bench.shows(entry, OrderStatus.CANCELLED))
    assert bench.leader(quantity=4 * LOT) == []
    assert bench.leader(terms=Limit(Decimal(99))) == []


def test_m7_below_one_lot_is_cancelled() -> None:
    bench = Desk(sizer=Ratio("1/2"))
    bench.entered()
    assert [type(request) for request in bench.leader(quantity=LOT)] == [Cancel]


def test_m8_an_order_that_has_changed_is_looked_at_before_anything_else() -> None:
    bench = desk()
    entry = bench.entered()
    [request] = bench.leader(quantity=4 * LOT)
    assert bench.no(request, Refusal.ORDER_STATE, final=True) == []
    assert "Query" in bench.reads()
    for _ in range(3):
        bench.wait(20)
        assert bench.step() == []
    [again] = bench.step(bench.shows(entry, OrderStatus.PART_TRADED, LOT))
    assert isinstance(again, Modify)


def test_f43_the_brokers_rewriting_of_the_copy_asks_for_nothing() -> None:
    bench = desk(reads_positions=False)
    [request] = bench.leader(terms=Market())
    assert isinstance(request, Submit)
    bench.taken(request)
    assert bench.step(bench.shows(request, terms=Limit(Decimal(101)))) == []


def test_a_modification_refused_for_good_is_told_and_not_repeated_until_the_leader_changes_again() -> None:
    bench = desk()
    bench.entered()
    [request] = bench.leader(quantity=4 * LOT)
    assert bench.no(request, final=True) == []
    bench.wait(60)
    assert bench.step() == []
    assert bench.leader(status=OrderStatus.PENDING, disclosed_quantity=0) == []
    assert "MODIFICATION_REFUSED" in bench.alerts()
    [other] = bench.leader(quantity=5 * LOT)
    assert isinstance(other, Modify)


def test_a_modification_refused_for_now_waits_longer_each_time() -> None:
    bench = desk()
    bench.entered()
    [request] = bench.leader(quantity=4 * LOT)
    pauses = []
    for _ in range(5):
        bench.no(request)
        began = bench.now
        while not (asked := bench.step()):
            bench.wait(0.5)
        [request] = asked
        pauses.append((bench.now - began).total_seconds())
    assert pauses == sorted(pauses)
    assert pauses[0] <= 2 < pauses[-1]


def modified(bench: Desk, times: int) -> list[Asked]:
    """The leader changes his price so often, and every change is taken."""
    asked: list[Asked] = []
    for number in range(times):
        asked = bench.leader(terms=Limit(Decimal(90 + number)))
        for request in asked:
            bench.taken(request)
    return asked


def test_m4_no_order_is_modified_more_often_than_dhan_allows() -> None:
    bench = desk(limits=RateLimits(modifications_per_order=3))
    bench.entered()
    modified(bench, 6)
    assert len([e for e in bench.journal if isinstance(getattr(e.fact, "request", None), Modify)]) == 3
    assert "MODIFICATION_CAP" in bench.alerts()
    assert [type(request) for request in bench.leader(status=OrderStatus.CANCELLED)] == [Cancel], "cancels are not counted"


def test_m4_at_the_cap_it_is_cancelled_and_replaced_if_the_policy_says_so() -> None:
    policy = Policy(at_modification_cap=AtModificationCap.REPLACE)
    bench = desk(limits=RateLimits(modifications_per_order=1), policy=policy)
    entry = bench.entered()
    modified(bench, 1)
    [request] = bench.leader(terms=Limit(Decimal(80)))
    assert isinstance(request, Cancel)
    bench.taken(request)
    [new] = bench.step(bench.shows(entry, OrderStatus.CANCELLED, 0))
    assert isinstance(new, Submit)
    assert (new.terms, new.quantity) == (Limit(Decimal(80)), 2 * LOT)
    parts = id_parts(new.client_order_id)
    assert parts is not None
    assert (parts.slice, parts.generation) == (0, 1)


# Cancels


def test_c3_what_was_cancelled_before_it_could_leave_is_never_sent() -> None:
    bench = desk(limits=RateLimits(per_day=1))
    bench.entered()
    bench.told = evolve(START, order_id=BrokerOrderId("L2"))
    assert bench.leader() == []
    assert bench.leader(status=OrderStatus.CANCELLED) == []
    assert bench.copier.state.trades["L", "L2", FOLLOWER].orders == ()  # type: ignore[index]
    assert "ENTRIES_SPENT" in bench.alerts()


@pytest.mark.parametrize(("seconds", "told"), [(60.0, False), (3600.0, True)])
def test_what_waits_for_the_hours_requests_is_told_and_what_waits_for_the_minutes_is_not(seconds: float, told: bool) -> None:
    bench = desk(limits=RateLimits(windows=(RateWindow(2, seconds),)))
    bench.entered()
    bench.told = evolve(START, order_id=BrokerOrderId("L2"))
    assert bench.leader() == []
    assert ("ENTRIES_WAIT" in bench.alerts()) is told


def test_c4_a_cancel_waits_for_the_placements_answer() -> None:
    bench = desk()
    [request] = bench.leader()
    assert bench.leader(status=OrderStatus.CANCELLED) == []
    assert [type(request) for request in bench.taken(request)] == [Cancel]


def test_c4_a_lost_placement_is_looked_up_and_nothing_else() -> None:
    bench = desk()
    [request] = bench.leader()
    bench.lost(request)
    assert "Query" in bench.reads()
    assert bench.leader(status=OrderStatus.CANCELLED) == []
    bench.placed[request.client_order_id] = request  # type: ignore[assignment]
    [cancelled] = bench.step(bench.shows(request))  # type: ignore[arg-type]
    assert isinstance(cancelled, Cancel)


def test_c5_what_is_already_filled_asks_for_nothing() -> None:
    bench = desk()
    entry = bench.entered()
    bench.step(bench.shows(entry, OrderStatus.TRADED, 2 * LOT))
    assert bench.leader(status=OrderStatus.CANCELLED) == []


def test_c8_many_cancels_are_one() -> None:
    bench = desk()
    bench.entered()
    [request] = bench.leader(status=OrderStatus.CANCELLED)
    for _ in range(5):
        assert bench.leader(status=OrderStatus.CANCELLED) == []
    bench.taken(request)
    for _ in range(5):
        assert bench.leader(status=OrderStatus.CANCELLED) == []


def test_r7_a_cancel_refused_for_now_is_tried_until_it_is_done_and_says_so() -> None:
    bench = desk(policy=Policy(stalled_after=3))
    bench.entered()
    [request] = bench.leader(status=OrderStatus.CANCELLED)
    for _ in range(5):
        assert isinstance(request, Cancel)
        bench.no(request)
        for _ in range(200):
            bench.wait(1)
            if asked := bench.step():
                break
        [request] = asked
    assert "STALLED" in bench.alerts()
    assert bench.taken(request) == []


# Exits


def test_x8_before_an_exit_the_positions_are_read() -> None:
    bench = desk()
    bench.owns()
    assert bench.leader() == []
    assert "ReadPositions" in bench.reads()
    [request] = bench.position(2 * LOT)
    assert isinstance(request, Submit)
    assert (request.intent, request.side, request.quantity, request.not_after) == (Intent.EXIT, Side.SELL, 2 * LOT, None)


def test_a_broker_that_cannot_read_positions_is_trusted_with_the_ledger() -> None:
    bench = desk(reads_positions=False)
    bench.owns()
    [request] = bench.leader()
    assert isinstance(request, Submit)


def test_an_exit_that_waits_long_for_the_positions_is_told() -> None:
    bench = desk()
    bench.owns()
    bench.leader()
    for _ in range(4):
        bench.wait(10)
        bench.step()
    assert "EXIT_WAITS" in bench.alerts()
    assert [type(request) for request in bench.position(2 * LOT)] == [Submit]


def test_f41_a_read_that_shows_more_than_exits_have_closed_ends_a_suspicion() -> None:
    """One read lagged behind an entry; exits that fill meanwhile do not draw that out."""
    bench = desk()
    bench.owns(4)
    bench.leader()
    [request] = bench.position(4 * LOT)
    assert isinstance(request, Submit)
    bench.taken(request)
    exits = bench.told
    bench.told = evolve(START, order_id=BrokerOrderId("L3"), quantity=3 * LOT)
    [entry] = bench.leader()
    assert isinstance(entry, Submit)
    bench.taken(entry)
    bench.leader(status=OrderStatus.TRADED, filled_quantity=3 * LOT)
    bench.step(bench.shows(entry, OrderStatus.TRADED, 3 * LOT))
    bench.position(4 * LOT)
    bench.wait(6)
    bench.step(bench.shows(request, OrderStatus.PART_TRADED, LOT))
    bench.told = evolve(exits, order_id=BrokerOrderId("L4"), quantity=3 * LOT)
    asked = [*bench.leader(), *bench.position(6 * LOT)]
    assert [request.quantity for request in asked if isinstance(request, Submit)] == [3 * LOT]


@pytest.mark.parametrize("unknown", [True, False], ids=["beside something unknown", "alone"])
def test_f41_an_exit_of_what_the_account_seems_to_lack_is_told_if_that_lasts(unknown: bool) -> None:
    """Nothing is taken for closed by hand while another order in the instrument may have closed it."""
    bench = desk()
    bench.owns()
    exits = bench.told
    if unknown:
        bench.told = evolve(START, order_id=BrokerOrderId("L3"), quantity=LOT)
        [other] = bench.leader()
        bench.lost(other)
        bench.told = exits
    bench.leader()
    for _ in range(30):
        assert bench.position(0) == []
        bench.wait(9)
        bench.step(BookRead(account=FOLLOWER, read_at=bench.now))
    assert ("EXIT_WAITS" in bench.alerts()) is unknown


@pytest.mark.parametrize("filled", [1, 2])
def test_f41_a_read_from_before_an_exit_filled_does_not_show_that_a_hand_has_sold_nothing(filled: int) -> None:
    """Dhan says nothing of how late positions are: one that lags shows what a hand had left, just as the ledger now does."""
    bench = desk()
    bench.owns(4)
    assert bench.leader() == []
    asked: list[Asked] = []
    while not asked:
        bench.wait(5)
        bench.step(BookRead(account=FOLLOWER, read_at=bench.now))
        asked = bench.position(2 * LOT)
    [request] = asked
    assert isinstance(request, Submit) and request.quantity == 2 * LOT
    bench.taken(request)
    status = OrderStatus.TRADED if filled == 2 else OrderStatus.PART_TRADED
    assert bench.step(bench.shows(request, status, filled * LOT)) == []
    assert bench.position(2 * LOT) == [], "it lags"
    bench.step(BookRead(account=FOLLOWER, read_at=bench.now))
    assert bench.position(2 * LOT) == []
    bench.wait(30)
    again = bench.position(2 * LOT)
    assert sum(request.quantity for request in again if isinstance(request, Submit)) <= 2 * LOT
    assert again or filled == 1, "it is there after all"


@given(owned=st.integers(1, 5), sold=st.integers(1, 9), actual=st.integers(0, 5))
@settings(max_examples=40)
def test_an_exit_never_sells_more_than_is_owned(owned: int, sold: int, actual: int) -> None:
    bench = desk()
    bench.owns(owned)
    bench.leader(quantity=sold * LOT)
    asked = bench.position(min(owned, actual) * LOT)
    if actual < owned:
        assert asked == [], "less than the ledger: closed by hand, or not yet told"
        return
    exits = [request for request in asked if isinstance(request, Submit) and request.intent is Intent.EXIT]
    assert [request.quantity for request in exits] == [min(owned, sold) * LOT]


def test_m6_a_finished_exit_that_is_still_wanted_is_sent_again_after_another_look() -> None:
    bench = desk()
    request = bench.exiting()
    bench.wait(1)
    assert bench.step(bench.shows(request, OrderStatus.REJECTED)) == []
    [again] = bench.position(2 * LOT)
    parts = id_parts(again.client_order_id)
    assert parts is not None
    assert parts.generation == 1


def test_c7_an_exit_cancelled_by_hand_is_respected_and_told() -> None:
    bench = desk()
    request = bench.exiting()
    assert bench.step(bench.shows(request, OrderStatus.CANCELLED)) == []
    assert bench.position(2 * LOT) == []
    assert "EXIT_CANCELLED_BY_HAND" in bench.alerts()


def test_k2_an_exit_cancelled_by_hand_in_a_halt_is_told_though_nothing_may_leave() -> None:
    bench = desk()
    request = bench.exiting()
    bench.step(TradingStateChanged(follower=None, state=TradingState.HALTED))
    bench.step(bench.shows(request, OrderStatus.CANCELLED))
    bench.leader(status=OrderStatus.TRADED, filled_quantity=2 * LOT)
    assert "EXIT_CANCELLED_BY_HAND" in bench.alerts()
    assert bench.step(TradingStateChanged(follower=None, state=TradingState.ACTIVE)) == []


def refused_again_and_again(bench: Desk, asked: list[Asked]) -> int:
    """How often an exit is asked for while the broker refuses it."""
    times = 0
    for _ in range(10):
        if asked:
            times += 1
            bench.no(asked[0], final=True)
        bench.wait(60)
        asked = bench.position(2 * LOT)
    return times


def test_r7_an_exit_that_is_refused_again_and_again_stops_and_says_so() -> None:
    bench = desk(policy=Policy(stalled_after=3))
    bench.owns()
    bench.leader()
    assert refused_again_and_again(bench, bench.position(2 * LOT)) == 3
    assert "STALLED" in bench.alerts()


def test_r7_an_exit_that_stalled_is_tried_anew_once_the_leader_has_moved_it_and_may_stall_again() -> None:
    bench = desk(policy=Policy(stalled_after=3))
    bench.owns()
    bench.leader()
    assert refused_again_and_again(bench, bench.position(2 * LOT)) == 3
    assert bench.alerts().count("STALLED") == 1
    assert bench.leader(quantity=2 * LOT) == [] and bench.position(2 * LOT) == [], "the same want"
    again = bench.leader(terms=Limit(Decimal("95.00")))
    assert [request.terms for request in again if isinstance(request, Submit)] == [Limit(Decimal("95.00"))]
    assert refused_again_and_again(bench, again) == 3
    assert bench.alerts().count("STALLED") == 2
    [request] = bench.leader(terms=Limit(Decimal("94.00")))
    assert bench.taken(request) == []
    bench.leader(status=OrderStatus.TRADED, filled_quantity=2 * LOT)
    assert not bench.copier.state.trades[("L", bench.told.order_id, FOLLOWER)].settled  # type: ignore[index]


def test_r7_an_exit_that_stalled_as_the_leader_wants_it_is_over_once_his_is() -> None:
    bench = desk(policy=Policy(stalled_after=3))
    bench.owns()
    bench.leader()
    assert refused_again_and_again(bench, bench.position(2 * LOT)) == 3
    bench.leader(status=OrderStatus.TRADED, filled_quantity=2 * LOT)
    assert bench.copier.state.trades[("L", bench.told.order_id, FOLLOWER)].settled  # type: ignore[index]


def test_r7_an_exit_that_the_leader_moves_and_fills_at_once_is_tried_at_where_it_was_filled() -> None:
    bench = desk(policy=Policy(stalled_after=3))
    bench.owns()
    bench.leader()
    assert refused_again_and_again(bench, bench.position(2 * LOT)) == 3
    [request] = bench.leader(status=OrderStatus.TRADED, filled_quantity=2 * LOT, terms=Limit(Decimal("95.00")))
    assert isinstance(request, Submit) and request.terms == Limit(Decimal("95.00"))


def test_r7_moves_of_an_exit_that_is_always_refused_are_bounded_by_the_trades_budget() -> None:
    bench = desk(policy=Policy(stalled_after=3, requests_per_trade=7))
    bench.owns()
    bench.leader()
    times = refused_again_and_again(bench, bench.position(2 * LOT))
    for price in range(95, 90, -1):
        times += refused_again_and_again(bench, bench.leader(terms=Limit(Decimal(price))))
    assert times == 7 and "REQUEST_BUDGET" in bench.alerts()


def test_x4_an_exit_that_is_closed_at_the_market_discloses_all_of_it() -> None:
    bench = desk(policy=Policy(behind=Behind.CLOSE, behind_after=timedelta(seconds=30)))
    bench.owns(8)
    bench.told = evolve(bench.told, disclosed_quantity=3 * LOT)
    assert bench.leader() == []
    [request] = bench.position(8 * LOT)
    assert isinstance(request, Submit) and request.disclosed_quantity == 3 * LOT
    bench.taken(request)
    assert bench.leader(status=OrderStatus.TRADED, filled_quantity=8 * LOT) == []
    bench.wait(31)
    [change] = bench.step()
    assert isinstance(change, Modify)
    assert (change.terms, change.quantity, change.disclosed_quantity) == (Market(), 8 * LOT, 0)


def test_an_exit_that_never_arrived_is_sent_once_more_and_no_more() -> None:
    bench = desk()
    bench.owns()
    bench.leader()
    [request] = bench.position(2 * LOT)
    sent = [request.client_order_id]
    bench.lost(request)
    for _ in range(60):
        assert bench.last is not None
        commands = bench.last.commands
        bench.wait(31)
        facts: list[Fact] = [BookRead(account=FOLLOWER, read_at=bench.now)]
        facts += [_absent(command, bench) for command in commands if isinstance(command, Query)]
        if ReadPositions(account=AccountName(FOLLOWER)) in commands:
            facts.append(holds(FOLLOWER, 2 * LOT, bench.now))
        for asked in bench.step(*facts):
            sent.append(asked.client_order_id)
            bench.lost(asked)
    assert len(sent) == 2, "once more at the next generation"
    assert "EXIT_LOST" in bench.alerts()


def _absent(query: Query, bench: Bench) -> Fact:
    return OrderNotFound(follower=query.follower, client_order_id=query.client_order_id, read_at=bench.now)


def test_t13_a_withheld_exit_is_sent_again_after_a_pause() -> None:
    bench = desk(reads_positions=False)
    bench.owns()
    [request] = bench.leader()
    assert bench.withheld(request) == [], "not at once: whatever held it back is still there"
    bench.wait(2)
    [again] = bench.step()
    assert again.client_order_id != request.client_order_id


def test_t13_a_withheld_entry_is_not_sent_late() -> None:
    bench = desk()
    [request] = bench.leader()
    bench.withheld(request)
    bench.wait(2)
    assert bench.step() == []


def test_x7_an_exit_grows_only_after_another_look() -> None:
    bench = desk()
    bench.owns(4)
    bench.leader(quantity=2 * LOT)
    [request] = bench.position(4 * LOT)
    bench.taken(request)
    bench.wait(60)
    assert bench.leader(quantity=4 * LOT) == []
    [grown] = bench.position(4 * LOT)
    assert isinstance(grown, Modify)
    assert grown.quantity == 4 * LOT


def test_an_exit_that_can_no_longer_shrink_is_placed_anew() -> None:
    bench = desk(limits=RateLimits(modifications_per_order=1))
    request = bench.exiting(4)
    [modify] = bench.leader(terms=Limit(Decimal(99)))
    bench.taken(modify)
    [cancel] = bench.leader(quantity=2 * LOT)
    assert isinstance(cancel, Cancel)
    bench.taken(cancel)
    assert bench.step(bench.shows(request, OrderStatus.CANCELLED)) == []
    [new] = bench.position(4 * LOT)
    assert isinstance(new, Submit)
    assert (new.quantity, new.intent) == (2 * LOT, Intent.EXIT)


def test_x10_the_entry_part_of_a_crossing_order_waits_for_its_exit() -> None:
    bench = desk()
    bench.owns(2)
    bench.leader(quantity=5 * LOT)
    [request] = bench.position(2 * LOT)
    assert (request.intent, request.quantity) == (Intent.EXIT, 2 * LOT)  # type: ignore[union-attr]
    assert bench.taken(request) == []
    [entry] = bench.step(bench.shows(request, OrderStatus.TRADED, 2 * LOT))  # type: ignore[arg-type]
    assert (entry.intent, entry.quantity) == (Intent.ENTRY, 3 * LOT)  # type: ignore[union-attr]
    parts = id_parts(entry.client_order_id)
    assert parts is not None
    assert parts.slice == 1


# What the user allows, and what is possible


def test_k2_reducing_lets_exits_through_and_entries_not() -> None:
    bench = desk(reads_positions=False)
    bench.entered()
    asked = bench.step(TradingStateChanged(follower=None, state=TradingState.REDUCING))
    assert [type(request) for request in asked] == [Cancel], "nothing is entered any more"
    assert bench.leader(quantity=4 * LOT) == bench.leader(quantity=LOT) == []
    exits = desk(reads_positions=False)
    exits.owns()
    exits.step(TradingStateChanged(follower=FOLLOWER, state=TradingState.REDUCING))
    [request] = exits.leader()
    assert isinstance(request, Submit)


def test_k2_halted_lets_only_cancels_leave() -> None:
    bench = desk(reads_positions=False)
    bench.owns()
    bench.step(TradingStateChanged(follower=None, state=TradingState.HALTED))
    assert bench.leader() == []
    [request] = bench.step(TradingStateChanged(follower=None, state=TradingState.ACTIVE))
    assert isinstance(request, Submit)
    bench.taken(request)
    assert bench.step(TradingStateChanged(follower=None, state=TradingState.HALTED)) == [], "an exit that rests stays"
    assert bench.leader(terms=Limit(Decimal(99))) == []
    assert [type(asked) for asked in bench.leader(status=OrderStatus.CANCELLED)] == [Cancel]


@pytest.mark.parametrize(
    ("state", "filled"),
    [
        (TradingState.REDUCING, 0), (TradingState.REDUCING, LOT), (TradingState.HALTED, 0), (TradingState.HALTED, LOT),
        (TradingState.CLOSING, 0),
    ],
)  # fmt: skip
def test_k2_where_entries_are_stopped_one_that_rests_is_taken_back_and_does_not_come_again(
    state: TradingState, filled: int
) -> None:
    bench = desk(reads_positions=False)
    request = bench.entered()
    bench.step(bench.shows(request, OrderStatus.PART_TRADED if filled else OrderStatus.PENDING, filled))
    [cancel] = bench.step(TradingStateChanged(follower=None, state=state))
    assert isinstance(cancel, Cancel) and cancel.client_order_id == request.client_order_id
    [declined] = bench.facts(CopyDeclined)
    assert (declined.reason, declined.detail) == (ReasonCode.NOT_ACTIVE, state.value)
    assert bench.step(TradingStateChanged(follower=None, state=TradingState.ACTIVE)) == []
    bench.taken(cancel)
    assert bench.step(bench.shows(request, OrderStatus.CANCELLED, filled)) == []
    assert bench.leader(quantity=4 * LOT) == [], "nor what he adds to it"


def test_k1_resuming_does_not_enter_what_was_left_out() -> None:
    bench = desk(limits=RateLimits(per_day=1))
    bench.entered()
    bench.told = evolve(START, order_id=BrokerOrderId("L2"))
    assert bench.leader() == [], "no permit"
    bench.step(TradingStateChanged(follower=None, state=TradingState.REDUCING))
    assert bench.facts(CopyDeclined)[-1].reason is ReasonCode.NOT_ACTIVE
    assert bench.step(TradingStateChanged(follower=None, state=TradingState.ACTIVE)) == []


def test_t1_an_entry_that_waited_until_it_was_stale_is_declined() -> None:
    bench = desk(limits=RateLimits(per_day=1))
    bench.entered()
    bench.told = evolve(START, order_id=BrokerOrderId("L2"), terms=Market())
    assert bench.leader() == []
    bench.wait(60)
    assert bench.tell(evolve(bench.told, filled_quantity=LOT, status=OrderStatus.PART_TRADED)) == []
    assert [fact.reason for fact in bench.facts(CopyDeclined)] == [ReasonCode.STALE]


def test_t1_an_entry_without_a_permit_is_declined_when_it_is_stale_and_not_when_there_is_one() -> None:
    bench = desk(limits=RateLimits(windows=(RateWindow(1, 3600.0),), entry_share=Fraction(1)))
    bench.entered()
    bench.told = evolve(START, order_id=BrokerOrderId("L2"), terms=Market())
    assert bench.leader() == []
    while not bench.facts(CopyDeclined):
        assert bench.last is not None and bench.last.due is not None
        bench.wait(bench.last.due - bench.moment().monotonic)
        assert bench.step() == []
    assert bench.facts(CopyDeclined)[0].reason is ReasonCode.STALE
    assert bench.now - bench.told.updated_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("refusal", "pause"), [(Refusal.RATE_LIMIT, 2), (Refusal.AUTHENTICATION, 60), (Refusal.IP, 60)], ids=lambda v: str(v)
)
def test_r2_r4_a_refused_account_rests_and_then_goes_on(refusal: Refusal, pause: int) -> None:
    bench = desk()
    [request] = bench.leader()
    assert bench.no(request, refusal) == []
    bench.wait(pause - 1.5)
    assert bench.step() == []
    bench.wait(5)
    [again] = bench.step()
    assert isinstance(again, Submit)
    assert again.client_order_id != request.client_order_id


def test_r4_exits_probe_a_blocked_account_sooner() -> None:
    bench = desk(reads_positions=False)
    bench.owns()
    [request] = bench.leader()
    bench.no(request, Refusal.AUTHENTICATION)
    bench.wait(3)
    assert bench.step() == []
    bench.wait(3)
    assert [type(asked) for asked in bench.step()] == [Submit]


def test_a_trades_requests_are_limited_but_its_cancels_are_not() -> None:
    bench = desk(policy=Policy(requests_per_trade=4))
    bench.entered()
    modified(bench, 8)
    assert len([e for e in bench.journal if hasattr(e.fact, "request")]) == 4
    assert "REQUEST_BUDGET" in bench.alerts()
    assert [type(request) for request in bench.leader(status=OrderStatus.CANCELLED)] == [Cancel]


def test_changes_of_an_exit_that_are_taken_do_not_use_its_requests_up() -> None:
    bench = desk(policy=Policy(requests_per_trade=2))
    bench.exiting()
    [last] = modified(bench, 20)
    assert isinstance(last, Modify) and last.terms == Limit(Decimal(109))
    assert "REQUEST_BUDGET" not in bench.alerts()


def test_changes_of_an_exit_that_lead_nowhere_use_its_requests_up() -> None:
    bench = desk(policy=Policy(requests_per_trade=4))
    bench.exiting()
    asked: list[Asked] = []
    for price in range(90, 100):
        asked += bench.leader(terms=Limit(Decimal(price)))
        if asked:
            bench.no(asked[-1])
        bench.wait(60)
        asked += bench.step()
        if bench.last is not None and bench.last.commands:
            bench.no(asked[-1])
        bench.wait(60)
    assert [type(request) for request in asked] == [Modify] * 3
    assert "REQUEST_BUDGET" in bench.alerts()


def test_m4_a_loop_of_changes_of_an_exit_that_are_all_taken_comes_to_an_end() -> None:
    """Whatever is wrong with what is wanted: an order takes few changes, and what takes its place counts."""
    policy = Policy(requests_per_trade=5, at_modification_cap=AtModificationCap.REPLACE)
    bench = desk(policy=policy, limits=RateLimits(modifications_per_order=3), reads_positions=False)
    bench.owns()
    [placed] = bench.leader()
    assert isinstance(placed, Submit)
    bench.taken(placed)
    sent = []
    for number in range(60):
        waiting = bench.leader(terms=Limit(Decimal(90 + number % 2)))
        while waiting:
            sent += waiting
            [request] = waiting
            waiting = bench.taken(request)
            if isinstance(request, Submit):
                placed = request
            elif isinstance(request, Cancel):
                waiting = [*waiting, *bench.step(bench.shows(placed, OrderStatus.CANCELLED))]
    assert [type(request) for request in sent].count(Submit) == 2 and len(sent) <= 13
    assert "REQUEST_BUDGET" in bench.alerts()


def test_an_exit_becomes_smaller_though_its_requests_are_used_up() -> None:
    """That is as good as its cancel, which would leave what is still held without it."""
    bench = desk(policy=Policy(requests_per_trade=1))
    placed = bench.exiting(4)
    assert bench.leader(terms=Limit(Decimal(99))) == [] and "REQUEST_BUDGET" in bench.alerts()
    [smaller] = bench.leader(terms=START.terms, quantity=2 * LOT)
    assert isinstance(smaller, Modify) and smaller.quantity == 2 * LOT < placed.quantity
    bench.taken(smaller)
    assert bench.leader(quantity=4 * LOT) == [], "and not larger again"
    assert bench.alerts().count("UNPROTECTED") == 1


def test_k2_an_exit_that_a_halt_keeps_back_says_what_is_without_it_once_for_each_halt() -> None:
    bench = desk()
    bench.owns()
    halted, active = (TradingStateChanged(follower=None, state=TradingState(word)) for word in ("HALTED", "ACTIVE"))
    bench.step(halted)
    for price in (100, 101, 102):
        assert bench.leader(terms=Limit(Decimal(price))) == []
    [told] = [fact for fact in bench.facts(AlertRaised) if fact.code == "UNPROTECTED"]
    assert (told.account, told.leader_order_id) == (FOLLOWER, "L2")
    assert told.known.startswith(f"{2 * LOT} of ") and told.known.endswith("is halted")
    bench.step(active)
    assert bench.alerts().count("UNPROTECTED") == 1
    bench.step(halted)
    assert bench.alerts().count("UNPROTECTED") == 2
    bench.step(active)
    assert [type(request) for request in bench.position(2 * LOT)] == [Submit]


@pytest.mark.parametrize("state", [TradingState.ACTIVE, TradingState.REDUCING, TradingState.CLOSING])
def test_k2_an_exit_that_only_waits_for_a_look_is_not_said_to_be_kept_back(state: TradingState) -> None:
    bench = desk()
    bench.owns()
    bench.step(TradingStateChanged(follower=None, state=state))
    bench.leader()
    assert "UNPROTECTED" not in bench.alerts()


def test_an_exit_that_shows_up_after_its_successor_was_placed_is_taken_back() -> None:
    """Proven absent by every read, sent again, and then both are there: the successor does the work."""
    bench = desk(reads_positions=False)
    bench.owns()
    [lost] = bench.leader()
    bench.lost(lost)
    asked: list[Asked] = []
    while not asked:
        assert bench.last is not None
        commands = bench.last.commands
        bench.wait(31)
        absent: list[Fact] = [_absent(command, bench) for command in commands if isinstance(command, Query)]
        asked = bench.step(*absent, BookRead(account=FOLLOWER, read_at=bench.now))
    [again] = asked
    assert isinstance(again, Submit)
    assert isinstance(lost, Submit)
    bench.taken(again)
    bench.placed[lost.client_order_id] = lost
    [cancel] = bench.step(bench.shows(lost))
    assert isinstance(cancel, Cancel)
    assert cancel.client_order_id == lost.client_order_id
    assert "LATE_EVIDENCE" in bench.alerts()


def test_an_id_has_room_for_so_many_generations_and_no_more() -> None:
    bench = desk()
    [request] = bench.leader()
    bench.no(request)
    key = ("L", START.order_id, FOLLOWER)
    trade = bench.copier.state.trades[key]  # type: ignore[index]
    bench.copier.state.trades[key] = evolve(trade, orders=(evolve(trade.orders[0], generation=1295),))  # type: ignore[index]
    bench.wait(90)
    assert bench.step() == []
    assert "STALLED" in bench.alerts()


def test_r2_every_refusal_in_a_row_makes_the_pause_longer_even_under_new_ids() -> None:
    bench = desk()
    [request] = bench.leader()
    pauses = []
    for _ in range(4):
        bench.no(request)
        began = bench.now
        asked: list[Asked] = []
        while not asked:
            bench.wait(0.5)
            asked = bench.step()
        [request] = asked
        pauses.append((bench.now - began).total_seconds())
    assert pauses == sorted(set(pauses))


def test_p7_a_disclosed_quantity_that_cannot_hold_is_dropped_with_a_note() -> None:
    bench = Desk(sizer=Ratio(Fraction(1, 2)))
    [request] = bench.leader(quantity=4 * LOT, disclosed_quantity=2 * LOT)
    assert isinstance(request, Submit)
    assert (request.quantity, request.disclosed_quantity, request.note) == (2 * LOT, LOT, "")
    odd = evolve(START, order_id=BrokerOrderId("L2"), quantity=2 * LOT, disclosed_quantity=4 * LOT)
    bench.told = odd
    [request] = bench.leader()
    assert isinstance(request, Submit)
    assert (request.disclosed_quantity > 0) is (request.note == "")


# Stop-market orders


def stop_market(trigger: str = "90.00") -> StopMarket:
    return StopMarket(Decimal(trigger))


def test_p5_a_stop_market_order_is_copied_as_a_stop_limit_and_says_so() -> None:
    bench = desk()
    [request] = bench.leader(side=Side.SELL, terms=stop_market())
    assert isinstance(request, Submit)
    assert request.terms == StopLimit(Decimal("90.00"), Decimal("89.10"))
    assert "stop-limit" in request.note
    bench.taken(request)
    [again] = bench.leader(terms=stop_market("91.00"))
    assert isinstance(again, Modify)
    assert again.terms == StopLimit(Decimal("91.00"), Decimal("90.05"))


def test_p5_as_is_it_is_sent_unchanged() -> None:
    bench = desk(policy=Policy(stop_market=StopMarketForm.AS_IS))
    [request] = bench.leader(terms=stop_market())
    assert isinstance(request, Submit)
    assert request.terms == stop_market()


def test_p5_refused_it_is_declined_by_name() -> None:
    bench = desk(policy=Policy(stop_market=StopMarketForm.REFUSE))
    assert bench.leader(terms=stop_market()) == []
    [declined] = bench.facts(CopyDeclined)
    assert declined.reason is ReasonCode.STOP_MARKET_REFUSED


def test_p5_refused_an_order_that_becomes_one_keeps_its_terms_and_follows_in_size() -> None:
    bench = desk(policy=Policy(stop_market=StopMarketForm.REFUSE))
    request = bench.entered()
    bench.taken(request)
    assert bench.leader(terms=stop_market()) == []
    assert "STOP_MARKET_REFUSED" in bench.alerts()
    [smaller] = bench.leader(quantity=LOT)
    assert isinstance(smaller, Modify)
    assert (smaller.terms, smaller.quantity) == (request.terms, LOT)


def test_p5_refused_an_exit_that_becomes_one_before_it_was_placed_waits_and_is_told() -> None:
    bench = desk(policy=Policy(stop_market=StopMarketForm.REFUSE))
    bench.owns()
    assert bench.leader() == [], "it waits for the positions"
    assert bench.leader(terms=stop_market()) == []
    assert bench.position(2 * LOT) == []
    assert "STOP_MARKET_REFUSED" in bench.alerts()
    [request] = bench.leader(terms=Limit(Decimal(100)), status=OrderStatus.MODIFIED)
    assert isinstance(request, Submit)


def test_p5_refused_an_entry_that_becomes_one_before_it_was_placed_is_declined() -> None:
    bench = desk(policy=Policy(stop_market=StopMarketForm.REFUSE))
    [request] = bench.leader()
    bench.no(request, Refusal.RATE_LIMIT)
    assert bench.leader(terms=stop_market()) == []
    [declined] = bench.facts(CopyDeclined)
    assert declined.reason is ReasonCode.STOP_MARKET_REFUSED
