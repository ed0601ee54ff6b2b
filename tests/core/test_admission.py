"""Whether a leader's order is copied: every way not to has its code, and the first reason wins."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    BookRead,
    Channel,
    CopyAdmitted,
    CopyDeclined,
    FundsReported,
    SourceStarted,
    TradeSettled,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import BelowLot, FirstStart, Policy
from dhan_copy.errors import SizingError
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId, SecurityId, client_order_id
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.order import (
    Market,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Terms,
    Validity,
    Variety,
)
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import Accounts
from dhan_copy.core.sizers import CapitalProportional
from tests.core.bench import Bench, holds
from tests.core.make import FACTS, FOLLOWER, LEADER, START, after, leader_reported, order_reported, report

RESTING = report(created_at=after(10), updated_at=after(10))
SELL = evolve(RESTING, side=Side.SELL)
WAITING = StopLimit(Decimal(100), Decimal(100))


def decided(told: OrderReport, bench: Bench | None = None) -> CopyAdmitted | CopyDeclined | None:
    bench = bench or Bench()
    before = len(bench.decisions())
    bench.tell(told)
    new = bench.decisions()[before:]
    assert len(new) <= 1
    return new[0] if new else None


def reason(told: OrderReport, bench: Bench | None = None) -> ReasonCode | None:
    decision = decided(told, bench)
    return None if decision is None else decision.reason


def admitted(told: OrderReport, bench: Bench | None = None) -> CopyAdmitted:
    decision = decided(told, bench)
    assert isinstance(decision, CopyAdmitted), decision
    return decision


def owning(units: int = 75, **rules: object) -> Bench:
    """A follower that owns so many for a leader who has bought twice as many."""
    bench = Bench(**rules)  # type: ignore[arg-type]
    [entry] = bench.tell(report(order_id=BrokerOrderId("L0"), quantity=2 * units, created_at=bench.now, updated_at=bench.now))
    bench.accept(entry)
    filled = {"status": OrderStatus.TRADED, "average_price": Decimal(100)}
    bench.wait(1)
    bought = report(order_id=BrokerOrderId("L0"), quantity=2 * units, filled_quantity=2 * units, updated_at=bench.now, **filled)
    bench.tell(bought)
    told = order_reported(evolve(bought, quantity=units, filled_quantity=units))
    bench.step(evolve(told, report=evolve(told.report, client_order_id=entry.client_order_id)))
    return bench


# Never copied


def test_p13_our_own_order_is_never_copied() -> None:
    """Also where the leader's account follows somebody else with another journal of ours."""
    mine = client_order_id("X", "1", "L", "E", 0, 0)
    assert reason(evolve(RESTING, client_order_id=mine)) is ReasonCode.OWN_ORDER
    assert reason(evolve(RESTING, client_order_id=ClientOrderId("dc1-cut"))) is ReasonCode.OWN_ORDER
    assert reason(evolve(RESTING, client_order_id=ClientOrderId("mine"))) is ReasonCode.COPIED


def test_p14_in_transit_nothing_is_decided() -> None:
    bench = Bench()
    assert decided(evolve(RESTING, status=OrderStatus.TRANSIT), bench) is None
    assert bench.step() == []
    assert reason(evolve(RESTING, status=OrderStatus.PENDING, updated_at=after(11)), bench) is ReasonCode.COPIED


def test_p14_rejected_is_never_copied() -> None:
    bench = Bench()
    assert decided(evolve(RESTING, status=OrderStatus.TRANSIT), bench) is None
    said_no = evolve(RESTING, status=OrderStatus.REJECTED, reason="RMS: margin", updated_at=after(11))
    decision = decided(said_no, bench)
    assert isinstance(decision, CopyDeclined)
    assert (decision.reason, decision.detail) == (ReasonCode.LEADER_REJECTED, "RMS: margin")


KINDS = [
    ({"variety": Variety.AFTER_MARKET}, ReasonCode.AMO_SLOT_UNKNOWN),
    ({"variety": Variety.FOREVER, "parent_order_id": BrokerOrderId("9")}, ReasonCode.FOREVER_CHILD),
    ({"variety": Variety.FOREVER, "terms": WAITING, "status": OrderStatus.TRADED}, ReasonCode.FOREVER_CHILD),
    ({"variety": Variety.FOREVER, "terms": WAITING, "status": OrderStatus.CONFIRM}, ReasonCode.FOREVER_UNSUPPORTED),
]


@pytest.mark.parametrize(("changes", "code"), KINDS, ids=lambda value: value.name if isinstance(value, ReasonCode) else "")
def test_kinds_not_supported_are_declined_by_name(changes: dict[str, object], code: ReasonCode) -> None:
    assert reason(evolve(RESTING, **changes)) is code  # type: ignore[arg-type]


def test_p13_what_a_forever_order_may_have_placed_is_parked_once_no_frame_has_named_its_parent() -> None:
    bench = Bench()
    child = evolve(RESTING, variety=Variety.FOREVER, platform="FOVR")
    assert reason(child, bench) is None
    bench.wait(4)
    assert reason(child, bench) is None
    bench.wait(1)
    bench.step()
    assert [decision.reason for decision in bench.decisions()] == [ReasonCode.UNKNOWN_PARENT]


# Before the start


def test_t10_what_was_seen_before_copying_began_is_not_copied() -> None:
    bench = Bench(started=False)
    bench.step(leader_reported(evolve(RESTING, status=OrderStatus.TRANSIT)))
    bench.wait(5)
    bench.step(SourceStarted(account=LEADER), SourceStarted(account=FOLLOWER))
    confirmed = evolve(RESTING, status=OrderStatus.PENDING, quantity=300, updated_at=after(20))
    assert reason(confirmed, bench) is ReasonCode.OLDER_THAN_START


@pytest.mark.parametrize(
    ("policy", "created", "read", "code"),
    [
        (Policy(), -60, False, ReasonCode.OLDER_THAN_START),
        (Policy(), None, False, ReasonCode.COPIED),
        (Policy(), 5, False, ReasonCode.COPIED),
        (Policy(), -60, True, ReasonCode.COPIED),
        (Policy(first_start=FirstStart.ADOPT), -60, False, ReasonCode.COPIED),
    ],
    ids=["placed before", "time unknown", "placed after", "told after his book was read", "adopted"],
)
def test_t10_only_new_orders_are_copied_at_the_first_start(
    policy: Policy, created: int | None, read: bool, code: ReasonCode
) -> None:
    """Until his book has been read once, an old order may show for the first time."""
    bench = Bench(started=False, policy=policy)
    bench.step(SourceStarted(account=LEADER), SourceStarted(account=FOLLOWER), holds(LEADER, 0, START))
    if read:
        bench.step(BookRead(account=LEADER, read_at=bench.now))
    bench.wait(10)
    assert reason(evolve(RESTING, created_at=None if created is None else after(created)), bench) is code


def test_t10_two_reads_of_his_book_in_one_step_show_no_new_orders() -> None:
    bench = Bench(started=False)
    bench.step(SourceStarted(account=LEADER), SourceStarted(account=FOLLOWER), holds(LEADER, 0, START))
    bench.wait(1)
    both = [
        evolve(RESTING, order_id=name, created_at=after(-60 + n), updated_at=after(-60 + n))
        for n, name in enumerate(("P", "Q"))
    ]
    read = [
        *(leader_reported(row, Channel.BOOK, read_at=bench.now) for row in both),
        BookRead(account=LEADER, read_at=bench.now),
    ]
    bench.step(*read, *read)
    bench.wait(5)
    bench.step()
    assert [fact.reason for fact in bench.decisions()] == [ReasonCode.OLDER_THAN_START] * 2


def test_a_follower_that_comes_later_copies_what_is_placed_later() -> None:
    bench = Bench(started=False)
    bench.step(SourceStarted(account=LEADER), BookRead(account=LEADER, read_at=START), holds(LEADER, 0, START))
    bench.step(leader_reported(evolve(RESTING, status=OrderStatus.TRANSIT)))
    bench.wait(5)
    bench.step(SourceStarted(account=FOLLOWER))
    assert reason(evolve(RESTING, updated_at=after(11)), bench) is ReasonCode.OLDER_THAN_START


# What there is to copy


def test_an_order_that_ended_without_a_fill_is_nothing_to_copy() -> None:
    assert reason(evolve(RESTING, status=OrderStatus.CANCELLED)) is ReasonCode.LEADER_UNFILLED


def test_p6_an_order_that_is_over_is_sized_from_what_it_filled() -> None:
    bench = Bench(sizer=Ratio(1))
    over = evolve(RESTING, validity=Validity.IOC, status=OrderStatus.CANCELLED, filled_quantity=75, average_price=Decimal(100))
    decision = admitted(over, bench)
    assert decision.entry_quantity == 75
    [request] = bench.copier.state.trades[LEADER, over.order_id, FOLLOWER].orders
    assert request.asked.quantity == 75


def test_p11_an_unknown_lot_is_never_guessed() -> None:
    assert reason(evolve(RESTING, instrument=None)) is ReasonCode.INSTRUMENT_UNKNOWN


def test_p11_an_order_that_only_the_book_has_shown_waits_a_moment_for_the_frame_with_its_lot() -> None:
    row = leader_reported(evolve(RESTING, instrument=None), Channel.BOOK, read_at=after(10))
    bench = Bench()
    bench.step(row)
    assert bench.decisions() == []
    bench.wait(2)
    assert reason(RESTING, bench) is ReasonCode.COPIED
    late = Bench()
    late.step(row)
    assert late.last is not None
    assert late.last.due is not None
    assert late.last.due <= late.moment().monotonic + 6, "looks again even without news"
    late.wait(6)
    late.step()
    assert [decision.reason for decision in late.decisions()] == [ReasonCode.INSTRUMENT_UNKNOWN]


def test_p11_the_lot_may_be_known_from_an_earlier_frame_or_from_the_user() -> None:
    bench = Bench()
    assert admitted(RESTING, bench).facts == FACTS
    assert admitted(evolve(RESTING, order_id=BrokerOrderId("L2"), instrument=None), bench).facts == FACTS
    supplied = InstrumentFacts(25, Decimal("0.05"))
    asked = Bench(instruments=lambda key: supplied)
    assert admitted(evolve(RESTING, instrument=None), asked).facts == supplied


def test_one_share_is_a_lot_and_its_tick_is_the_users_to_say() -> None:
    shares = evolve(RESTING, segment=ExchangeSegment.NSE_EQ, security_id=SecurityId("1333"), quantity=7, instrument=None)
    assert admitted(shares, Bench(sizer=Ratio(1))).facts == InstrumentFacts(1)
    supplied = InstrumentFacts(1, Decimal("0.01"))
    told = evolve(shares, instrument=InstrumentFacts(1))
    assert admitted(told, Bench(sizer=Ratio(1), instruments=lambda key: supplied)).facts == supplied
    assert admitted(told, Bench(sizer=Ratio(1))).facts == InstrumentFacts(1)


@given(st.integers(1, 1000))
def test_a_quantity_off_the_lot_is_not_understood(quantity: int) -> None:
    code = reason(evolve(RESTING, quantity=quantity), Bench(sizer=Ratio(1)))
    assert (code is ReasonCode.QUANTITY_OFF_LOT) is (quantity % 75 != 0)


# Entry or exit


def test_x9_an_exit_of_what_he_held_before_is_nothing_to_copy() -> None:
    sold = evolve(SELL, status=OrderStatus.TRADED, filled_quantity=150)
    assert reason(sold, Bench(leader_holds=150)) is ReasonCode.NOTHING_OWNED
    assert reason(evolve(sold, product=Product.CNC)) is ReasonCode.NOTHING_OWNED


@pytest.mark.parametrize("filled", [0, 75, 150])
def test_x9_one_that_rests_is_for_what_there_will_be_and_its_end_says_that_there_was_nothing(filled: int) -> None:
    bench = Bench(leader_holds=150)
    decision = admitted(SELL, bench)
    assert (decision.exit_quantity, decision.entry_quantity) == (150, 0) and "nothing is held yet" in decision.detail
    ended = OrderStatus.TRADED if filled == 150 else OrderStatus.CANCELLED
    assert bench.tell(evolve(SELL, status=ended, filled_quantity=filled)) == []
    [settled] = bench.facts(TradeSettled)
    assert settled.unsent is (ReasonCode.NOTHING_OWNED if filled else ReasonCode.LEADER_UNFILLED)


@pytest.mark.parametrize("product", [Product.CNC, Product.MTF])
def test_a_delivery_sell_is_an_exit_and_a_buy_an_entry_whatever_he_holds(product: Product) -> None:
    bench = Bench(leader_holds=None)
    assert admitted(evolve(RESTING, product=product), bench).entry_quantity == 150
    bench.wait(1)
    sold = evolve(SELL, product=product, order_id=BrokerOrderId("L2"))
    decision = admitted(sold, bench)
    assert (decision.exit_quantity, decision.entry_quantity, decision.position_before) == (150, 0, None)


@given(st.integers(-4, 4), st.integers(1, 5), st.sampled_from(Side))
def test_x10_what_goes_against_his_position_closes_it_first(held: int, lots: int, side: Side) -> None:
    bench = Bench(sizer=Ratio(1), leader_holds=held * 75)
    decision = admitted(evolve(RESTING, side=side, quantity=lots * 75), bench)
    direction = 1 if side is Side.BUY else -1
    closes = min(abs(held), lots) if held * direction < 0 else 0
    assert decision.position_before == held * 75
    assert (decision.exit_quantity, decision.entry_quantity) == (closes * 75, (lots - closes) * 75)


def test_his_position_unknown_entries_wait_for_nothing_and_are_declined() -> None:
    assert reason(RESTING, Bench(leader_holds=None)) is ReasonCode.LEADER_POSITION_UNKNOWN


def test_a_user_may_say_that_he_held_nothing() -> None:
    assert reason(RESTING, Bench(leader_holds=None, positions_known_flat=True)) is ReasonCode.COPIED


def test_his_position_unknown_what_the_follower_owns_may_still_be_closed() -> None:
    bench = owning()
    bench.copier.state.positions_known.clear()
    decision = admitted(evolve(SELL, updated_at=bench.now), bench)
    assert (decision.exit_quantity, decision.position_before) == (150, None)


# Not now


def test_k2_only_an_active_follower_enters() -> None:
    for state in (TradingState.REDUCING, TradingState.HALTED):
        for follower in (None, FOLLOWER):
            bench = Bench()
            bench.step(TradingStateChanged(follower=follower, state=state))
            assert reason(RESTING, bench) is ReasonCode.NOT_ACTIVE


@pytest.mark.parametrize(
    "changes",
    [{"terms": Market()}, {"validity": Validity.IOC}, {"status": OrderStatus.TRADED, "filled_quantity": 150}],
    ids=["market", "ioc", "filled"],
)
@pytest.mark.parametrize("late", [False, True])
def test_s4_what_was_of_the_moment_is_copied_only_while_it_is_fresh(changes: dict[str, object], late: bool) -> None:
    bench = Bench()
    bench.wait(9 + 30 + late - (bench.now - START).total_seconds() + 1)
    told = evolve(RESTING, **changes)  # type: ignore[arg-type]
    assert reason(told, bench) is (ReasonCode.STALE if late else ReasonCode.COPIED)


def test_an_old_resting_order_is_not_stale() -> None:
    bench = Bench()
    bench.wait(7200)
    assert reason(RESTING, bench) is ReasonCode.COPIED


def test_a_time_that_no_one_gave_is_when_we_saw_it() -> None:
    bench = Bench()
    bench.wait(7200)
    assert reason(evolve(RESTING, terms=Market(), created_at=None, updated_at=None), bench) is ReasonCode.COPIED


def test_t1_a_stale_exit_is_executed_and_its_entry_part_left_out() -> None:
    bench = owning()
    bench.wait(600)
    crossing = evolve(SELL, quantity=300, filled_quantity=300, status=OrderStatus.TRADED, average_price=Decimal(100))
    decision = admitted(crossing, bench)
    assert (decision.exit_quantity, decision.entry_quantity, decision.ratio) == (150, 0, 0)
    assert "exit only" in decision.detail


def test_a_crossing_order_with_nothing_to_close_and_a_stale_entry_is_declined() -> None:
    bench = Bench(leader_holds=75)
    bench.wait(600)
    assert reason(evolve(SELL, quantity=150, filled_quantity=150, status=OrderStatus.TRADED), bench) is ReasonCode.STALE


# Sizing


@frozen
class Sizer:
    """Answers what it was made with, or raises it."""

    answer: object

    def size(self, order: object, accounts: object) -> Ratio | Quantity:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer  # type: ignore[return-value]


@given(st.fractions(Fraction(1, 20), 5, max_denominator=20), st.integers(1, 10))
def test_z1_a_ratio_is_recorded_with_the_carry(ratio: Fraction, lots: int) -> None:
    decision = admitted(evolve(RESTING, quantity=lots * 75), Bench(sizer=Ratio(ratio)))
    assert (decision.ratio, decision.carry) == (ratio, 0)
    small = ratio * lots < 1
    assert decision.reason is (ReasonCode.BELOW_ONE_LOT if small else ReasonCode.COPIED)


@given(st.integers(1, 10), st.integers(1, 10))
def test_z1_a_fixed_quantity_scales_later_modifications(units: int, lots: int) -> None:
    bench = Bench(sizer=Quantity(units * 75))
    assert admitted(evolve(RESTING, quantity=lots * 75), bench).ratio == Fraction(units, lots)
    [order] = bench.copier.state.trades[LEADER, RESTING.order_id, FOLLOWER].orders
    assert order.asked.quantity == units * 75


def test_z2_the_rest_below_a_lot_is_carried_to_the_next() -> None:
    bench = Bench(sizer=Ratio("1/3"))
    carries = []
    for number in range(3):
        bench.wait(1)
        told = evolve(RESTING, order_id=BrokerOrderId(f"L{number}"), quantity=75, created_at=bench.now, updated_at=bench.now)
        carries.append(admitted(told, bench).carry)
    assert carries == [0, 25, 50]


def test_below_one_lot_may_be_raised_to_one() -> None:
    bench = Bench(sizer=Ratio("1/10"), policy=Policy(below_lot=BelowLot.ONE_LOT))
    decision = admitted(RESTING, bench)
    assert (decision.ratio, decision.reason, decision.detail) == (Fraction(1, 2), ReasonCode.COPIED, "raised to one lot")


def test_k_the_largest_order_is_capped() -> None:
    bench = Bench(sizer=Ratio(2), max_lots=3)
    decision = admitted(RESTING, bench)
    assert decision.reason is ReasonCode.CAPPED
    [order] = bench.copier.state.trades[LEADER, RESTING.order_id, FOLLOWER].orders
    assert order.asked.quantity == 3 * 75
    assert admitted(evolve(RESTING, quantity=75), Bench(sizer=Ratio(2), max_lots=3)).reason is ReasonCode.COPIED


@pytest.mark.parametrize(
    ("sizer", "code", "detail"),
    [
        (Sizer(SizingError("no idea")), ReasonCode.SIZER_FAILED, "no idea"),
        (Sizer(ZeroDivisionError("division by zero")), ReasonCode.SIZER_FAILED, "ZeroDivisionError: division by zero"),
        (Sizer(75), ReasonCode.SIZER_FAILED, "the sizer answered int, not Ratio or Quantity"),
        (CapitalProportional(), ReasonCode.FUNDS_UNKNOWN, "the leader's funds are unknown"),
    ],
)
def test_a_sizer_that_fails_declines_the_order_and_is_quoted(sizer: Sizer, code: ReasonCode, detail: str) -> None:
    decision = decided(RESTING, Bench(sizer=sizer))
    assert isinstance(decision, CopyDeclined)
    assert (decision.reason, decision.detail) == (code, detail)


def test_z5_a_sizers_no_is_not_blamed_on_funds_that_are_known() -> None:
    bench = Bench(sizer=CapitalProportional())
    for account, rupees in ((LEADER, 0), (FOLLOWER, 100)):
        bench.step(
            FundsReported(account=account, read_at=bench.now, funds=Funds(available=Decimal(rupees), total=Decimal(rupees)))
        )
    assert reason(RESTING, bench) is ReasonCode.SIZER_FAILED


@frozen
class Counting:
    seen: list[Accounts]

    def size(self, order: object, accounts: Accounts) -> Ratio:
        self.seen.append(accounts)
        return Ratio(1)


def test_z3_a_sizer_is_asked_once_per_leader_order() -> None:
    sizer = Counting([])
    bench = Bench(sizer=sizer)
    funds = Funds(available=Decimal(1), total=Decimal(2))
    bench.step(FundsReported(account=FOLLOWER, read_at=bench.now, funds=funds))
    bench.tell(RESTING)
    bench.tell(evolve(RESTING, quantity=300, updated_at=after(20)))
    bench.tell(evolve(RESTING, quantity=300, filled_quantity=75, updated_at=after(30), status=OrderStatus.PART_TRADED))
    assert sizer.seen == [Accounts(leader=None, follower=funds, instrument=FACTS)]


# Exactly one answer

terms: list[Terms] = [RESTING.terms, Market(), StopMarket(Decimal(90))]
anything = st.builds(
    lambda **changes: evolve(RESTING, **changes),
    status=st.sampled_from(OrderStatus), side=st.sampled_from(Side), product=st.sampled_from(Product),
    variety=st.sampled_from(Variety), terms=st.sampled_from(terms), quantity=st.sampled_from([150, 300, 310]),
    filled_quantity=st.sampled_from([0, 75, 150]), validity=st.sampled_from(Validity),
    instrument=st.sampled_from([None, FACTS]), client_order_id=st.sampled_from([None, ClientOrderId("dc1-x")]),
    created_at=st.sampled_from([None, after(-60), after(10)]),
)  # fmt: skip


@given(st.lists(anything, max_size=6), st.sampled_from([0, 75, -150, None]), st.sampled_from([0, 100]))
def test_every_confirmed_order_gets_exactly_one_answer(told: list[OrderReport], held: int | None, late: int) -> None:
    bench = Bench(leader_holds=held)
    bench.wait(late)
    for number, one in enumerate(told):
        bench.tell(evolve(one, updated_at=after(10 + number)))
    for _ in range(2):
        bench.wait(6)
        bench.step()
    answers = [type(decision) for decision in bench.decisions()]
    assert answers in ([], [CopyAdmitted], [CopyDeclined], [CopyAdmitted, CopyDeclined]), "declined later if it came too late"
    confirmed = any(one.status not in (OrderStatus.TRANSIT, OrderStatus.REJECTED) or one.filled_quantity for one in told)
    rejected = any(one.status is OrderStatus.REJECTED and one.filled_quantity == 0 for one in told)
    ours = any(one.client_order_id for one in told)
    assert bool(bench.decisions()) is (confirmed or rejected or ours)


def test_a_declined_order_asks_for_nothing_ever() -> None:
    bench = Bench()
    assert bench.tell(evolve(RESTING, variety=Variety.AFTER_MARKET)) == []
    assert bench.tell(evolve(RESTING, variety=Variety.AFTER_MARKET, quantity=300, updated_at=after(20))) == []
    assert bench.tell(evolve(RESTING, status=OrderStatus.TRADED, filled_quantity=150, updated_at=after(30))) == []
    assert bench.decisions()[0].follower == FOLLOWER
    assert bench.copier.state.stake((LEADER, FOLLOWER, RESTING.key, RESTING.product, None)).owned == 0


def test_an_entry_carries_the_leaders_terms_and_a_last_moment() -> None:
    bench = Bench()
    [request] = bench.tell(RESTING)
    assert (request.intent, request.terms, request.quantity) == (Intent.ENTRY, RESTING.terms, 75)  # type: ignore[union-attr]
    assert request.not_after == bench.now + timedelta(seconds=5)  # type: ignore[union-attr]


def test_the_channel_makes_no_difference() -> None:
    bench = Bench()
    [request] = bench.step(leader_reported(RESTING, Channel.BOOK, read_at=bench.now))
    assert request.follower == FOLLOWER


@frozen
class Listed:
    """A list of instruments that is being looked into until ``ready``."""

    known: dict[str, InstrumentFacts] = field(factory=dict)
    busy: list[bool] = field(factory=lambda: [True])

    def facts(self, key: InstrumentKey) -> InstrumentFacts | None:
        return self.known.get(key.security_id)

    def pending(self, key: InstrumentKey) -> bool:
        return self.busy[0]

    def bench(self) -> Bench:
        return Bench(instruments=self.facts, awaited=self.pending)


UNLISTED = evolve(RESTING, instrument=None)


def later(bench: Bench) -> None:
    bench.wait(1)
    bench.step()


def test_p11_an_order_waits_while_its_instrument_is_looked_up_and_is_copied_with_the_lot_that_was_found() -> None:
    listed = Listed()
    bench = listed.bench()
    bench.tell(UNLISTED)
    assert bench.decisions() == [] and bench.last is not None and bench.last.due is not None
    later(bench)
    assert bench.decisions() == []
    listed.known[UNLISTED.security_id], listed.busy[0] = FACTS, False
    later(bench)
    [decision] = bench.decisions()
    assert isinstance(decision, CopyAdmitted) and decision.facts == FACTS


def test_p11_an_instrument_that_is_not_listed_is_denied_as_soon_as_that_is_known() -> None:
    listed = Listed()
    bench = listed.bench()
    bench.tell(UNLISTED)
    listed.busy[0] = False
    later(bench)
    [decision] = bench.decisions()
    assert (decision.reason, decision.detail) == (ReasonCode.INSTRUMENT_UNKNOWN, "NSE_FNO:45471")


def test_p11_nobody_is_waited_for_without_end() -> None:
    bench = Listed().bench()
    bench.tell(UNLISTED)
    for _ in range(19):
        later(bench)
    assert bench.decisions() == []
    later(bench)
    [decision] = bench.decisions()
    assert decision.reason is ReasonCode.INSTRUMENT_UNKNOWN


def test_p11_a_frame_that_names_the_lot_ends_the_waiting() -> None:
    bench = Listed().bench()
    bench.tell(UNLISTED)
    later(bench)
    bench.tell(evolve(RESTING, updated_at=bench.now))
    [decision] = bench.decisions()
    assert isinstance(decision, CopyAdmitted) and decision.facts == FACTS
