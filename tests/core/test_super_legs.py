"""A leg of a leader's super order is one order, under whichever ids the list, rows and frames have it, and counts once."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import AlertRaised, BookRead, Channel, CopyDeclined, Fact, LeaderReported
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.state import State
from dhan_copy.core.super_legs import SuperLegs
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Leg, Limit, Market, OrderReport, OrderStatus, Product, Side, StopMarket, Terms, Variety
from tests.core.bench import Bench
from tests.core.make import KEY, LEADER, leader_reported, report

ENTRY, OTHER = BrokerOrderId("S1"), BrokerOrderId("S2")
OWN = {Leg.TARGET: BrokerOrderId("81"), Leg.STOP: BrokerOrderId("82")}
BRACKET = Bracket(target=Decimal(110), stop=Decimal(90))
WAYS = ["list", "row", "frame", "unnumbered"]
TRADED, CANCELLED = OrderStatus.TRADED, OrderStatus.CANCELLED


def entry(order_id: BrokerOrderId = ENTRY, **changes: object) -> OrderReport:
    filled = {"status": TRADED, "filled_quantity": 150}
    return report(**{"order_id": order_id, "variety": Variety.SUPER, "bracket": BRACKET, **filled, **changes})


def leg(which: Leg, **changes: object) -> OrderReport:
    """As the list has it."""
    terms: Terms = Limit(Decimal(110)) if which is Leg.TARGET else StopMarket(Decimal(90))
    part = {"leg": which, "side": Side.SELL, "bracket": None, "terms": terms, "status": OrderStatus.PENDING}
    return entry(**{**part, "filled_quantity": 0, **changes})


def row(which: Leg, **changes: object) -> OrderReport:
    """As the order book has it."""
    return leg(which, **{"order_id": OWN[which], **changes})


def told(way: str, which: Leg, **changes: object) -> LeaderReported:
    match way:
        case "list":
            return leader_reported(leg(which, **changes), Channel.BOOK)
        case "row":
            return leader_reported(row(which, **changes), Channel.BOOK)
        case "frame":
            return leader_reported(row(which, parent_order_id=ENTRY, **changes))
    return leader_reported(row(which, parent_order_id=ENTRY, leg=Leg.ENTRY, variety=Variety.FOREVER, **changes))


def read(bench: Bench, *rows: OrderReport) -> None:
    facts: list[Fact] = [leader_reported(each, Channel.BOOK, read_at=bench.now) for each in rows]
    bench.step(*facts, BookRead(account=LEADER, read_at=bench.now))
    bench.wait(10)


def held(bench: Bench) -> int:
    """What the leader holds, by every order of his."""
    state = bench.copier.state
    return sum(state.position(where) for where in {*state.leader_fills, *state.brought_in} if where[1] == KEY)


def orders(bench: Bench) -> set[str]:
    return {order_id for _, order_id in bench.copier.state.leader_orders}


def codes(bench: Bench) -> list[str]:
    return [alert.code for alert in bench.facts(AlertRaised)]


PARTS = {ENTRY, f"{ENTRY}/TARGET", f"{ENTRY}/STOP"}


@pytest.mark.parametrize("which", OWN)
@pytest.mark.parametrize("ways", list(permutations(WAYS, 2)) + list(permutations(WAYS, 3)), ids="-".join)
def test_a_leg_is_one_order_whichever_channel_tells_of_it_first(which: Leg, ways: tuple[str, ...]) -> None:
    bench = Bench()
    read(bench, entry())
    for way in ways:
        bench.step(told(way, which))
        bench.wait(1)
    for way in ways:
        bench.step(told(way, which, status=TRADED, filled_quantity=150))
        bench.wait(1)
    assert held(bench) == 0 and orders(bench) == PARTS and codes(bench) == []
    assert [fact.reason for fact in bench.facts(CopyDeclined)] == []
    before = len(bench.journal)
    for way in ways:
        bench.step(told(way, which, status=TRADED, filled_quantity=150))
    assert len(bench.journal) == before, "what is told again in other words is no news"


@pytest.mark.parametrize("which", OWN)
def test_a_leg_that_is_known_by_a_frame_has_its_row_after_a_restart(which: Leg) -> None:
    bench = Bench()
    read(bench, entry())
    bench.step(told("frame", which))
    bench.copier = bench.fresh()
    bench.copier.restore(bench.journal)
    read(bench, entry(), row(which, status=TRADED, filled_quantity=150, terms=Market()))
    assert held(bench) == 0 and orders(bench) == PARTS


@pytest.mark.parametrize("shown", [Market(), Limit(Decimal(85))], ids=["market", "protected"])
def test_a_stop_that_was_touched_before_it_was_seen_is_found_without_its_trigger(shown: Terms) -> None:
    bench = Bench()
    read(bench, entry(), leg(Leg.TARGET), leg(Leg.STOP), row(Leg.STOP, terms=shown, status=TRADED, filled_quantity=150))
    read(bench, entry(), leg(Leg.STOP, status=TRADED, filled_quantity=150))
    assert held(bench) == 0 and orders(bench) == PARTS


def test_what_the_list_and_a_row_tell_of_a_leg_together_is_told_once_by_the_newer() -> None:
    state = State(settings=CopierSettings(leaders=(), followers=()))
    average = row(Leg.TARGET, status=TRADED, filled_quantity=150, average_price=Decimal("110.05"))
    for late in (False, True):
        mine = row(Leg.TARGET) if late else average
        listed = leg(Leg.TARGET, status=TRADED, filled_quantity=150)
        facts = [leader_reported(each, Channel.BOOK) for each in (entry(), mine, listed)]
        news = [fact.report for fact in SuperLegs().told(state, facts) if isinstance(fact, LeaderReported)]
        [one] = [each for each in news if each.leg is Leg.TARGET]
        assert (one.order_id, one.parent_order_id, one.filled_quantity) == (OWN[Leg.TARGET], ENTRY, 150)
        assert one.average_price == mine.average_price


def test_without_their_list_legs_are_known_by_rows_that_only_one_entry_can_have() -> None:
    bench = Bench()
    bare = [entry(bracket=None), entry(OTHER, bracket=None, quantity=75, filled_quantity=75)]
    read(bench, *bare, row(Leg.TARGET), row(Leg.STOP))
    assert orders(bench) == {*PARTS, OTHER}
    read(bench, *bare, row(Leg.TARGET, status=TRADED, filled_quantity=150), row(Leg.STOP, status=CANCELLED))
    assert held(bench) == 75 and codes(bench) == []


def alike(which: Leg, filled: int) -> list[OrderReport]:
    status = TRADED if filled else OrderStatus.PENDING
    more = {"status": status, "filled_quantity": filled}
    return [row(which, **more), row(which, order_id=BrokerOrderId("91"))]


def test_rows_that_may_be_of_either_of_two_orders_change_nothing_beside_the_list_that_tells_of_both() -> None:
    bench = Bench()
    entries = [entry(), entry(OTHER)]
    for filled in (0, 150, 150):
        status = TRADED if filled else OrderStatus.PENDING
        listed = [leg(Leg.TARGET), leg(Leg.TARGET, order_id=OTHER, status=status, filled_quantity=filled)]
        read(bench, *entries, *alike(Leg.TARGET, filled), *listed)
    assert held(bench) == 150 and codes(bench) == []
    assert orders(bench) == {*PARTS, OTHER, f"{OTHER}/TARGET", f"{OTHER}/STOP"}


def test_rows_that_nothing_explains_change_nothing_and_are_told_of_once_after_two_looks() -> None:
    bench = Bench()
    entries = [entry(bracket=None), entry(OTHER, bracket=None)]
    read(bench, *entries, *alike(Leg.TARGET, 150))
    assert codes(bench) == []
    read(bench, *entries, *alike(Leg.TARGET, 150))
    read(bench, *entries, *alike(Leg.TARGET, 150))
    assert codes(bench) == ["LEG_UNKNOWN"] * 2 and held(bench) == 300 and orders(bench) == {ENTRY, OTHER}
    assert {alert.leader_order_id for alert in bench.facts(AlertRaised)} == {"81", "91"}
    read(bench, entry(), entry(OTHER), *alike(Leg.TARGET, 150), leg(Leg.TARGET, status=TRADED, filled_quantity=150))
    assert held(bench) == 150, "once the list tells of one it is that"


@pytest.mark.parametrize(
    "change",
    [
        {"side": Side.BUY}, {"product": Product.MARGIN}, {"quantity": 75}, {"terms": Limit(Decimal(111))},
        {"security_id": "1"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_row_is_no_leg_of_an_order_that_it_does_not_look_like(change: dict[str, object]) -> None:
    bench = Bench()
    for _ in range(2):
        read(bench, entry(), leg(Leg.TARGET), row(Leg.TARGET, **change))
    assert orders(bench) == PARTS and codes(bench) == ["LEG_UNKNOWN"]


def test_what_was_taken_back_unfilled_claims_no_leg_and_needs_no_alert() -> None:
    bench = Bench()
    gone = row(Leg.TARGET, order_id=BrokerOrderId("71"), status=CANCELLED)
    over = entry(OTHER, status=CANCELLED, filled_quantity=0)
    for _ in range(3):
        read(bench, over, entry(bracket=None), gone, row(Leg.TARGET))
    assert codes(bench) == [] and BrokerOrderId("81") in {own for _, own in bench.copier.state.legs}
    assert BrokerOrderId("71") not in {own for _, own in bench.copier.state.legs}


def test_a_frame_that_names_nobody_waits_for_the_book() -> None:
    bench = Bench()
    bench.step(leader_reported(entry(bracket=None)))
    bench.step(leader_reported(row(Leg.STOP)))
    assert orders(bench) == {ENTRY}
    read(bench, entry(), leg(Leg.TARGET), leg(Leg.STOP))
    bench.step(leader_reported(row(Leg.STOP, status=TRADED, filled_quantity=150, terms=Market())))
    assert orders(bench) == PARTS and held(bench) == 0


def test_a_leg_under_its_entrys_id_waits_for_nothing_but_the_entry() -> None:
    bench = Bench()
    bench.step(leader_reported(leg(Leg.STOP)))
    assert orders(bench) == set()
    bench.step(leader_reported(entry(bracket=None)))
    assert orders(bench) == {ENTRY, f"{ENTRY}/STOP"}


@given(parent=st.sampled_from([None, ENTRY]), which=st.sampled_from(Leg), variety=st.sampled_from(Variety))
def test_other_orders_are_left_alone(parent: BrokerOrderId | None, which: Leg, variety: Variety) -> None:
    state = State(settings=CopierSettings(leaders=(), followers=()))
    fact = leader_reported(report(parent_order_id=parent, leg=which, variety=variety))
    nameless = variety is Variety.SUPER and which is not Leg.ENTRY and parent is None
    assert list(SuperLegs().told(state, [fact])) == ([] if nameless else [fact])


def test_a_forever_orders_child_is_no_leg() -> None:
    bench = Bench()
    read(bench, entry())
    child = report(order_id=BrokerOrderId("77"), parent_order_id=BrokerOrderId("G1"), variety=Variety.FOREVER, side=Side.SELL)
    bench.step(leader_reported(child))
    assert f"{ENTRY}/TARGET" not in {place for place in bench.copier.state.legs.values()}
