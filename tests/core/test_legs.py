"""Exit legs of a leader's linked orders are orders of their own, whatever id they come under."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import BookRead, Channel, Fact, LeaderReported, PositionsReported
from dhan_copy.core.intake import merge
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import LINKED, Trees, is_exit_leg, is_implied, leg_by_terms, leg_id, tree_of
from dhan_copy.model.account import Position
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import Leg, Limit, OrderReport, OrderStatus, Product, Side, StopMarket, Terms, Variety
from tests.core.make import LEADER, SECURITY, SEGMENT, START, after, leader_reported, report

ENTRY = BrokerOrderId("S1")
BRACKET = Bracket(target=Decimal(110), stop=Decimal(90))

Known = dict[tuple[AccountName, BrokerOrderId], LeaderOrder]


def known(*reports: OrderReport) -> Known:
    orders: Known = {}
    for told in reports:
        orders[LEADER, told.order_id] = merge(None, leader_reported(told), START)
    return orders


def told(*reports: OrderReport, orders: Known | None = None) -> list[OrderReport]:
    trees = Trees(orders or {}, {}, {})
    facts = trees.told([leader_reported(each) for each in reports], START)
    return [fact.report for fact in facts if isinstance(fact, LeaderReported)]


def entry(**changes: object) -> OrderReport:
    return report(**{"order_id": ENTRY, "variety": Variety.SUPER, "bracket": BRACKET, **changes})


def leg(which: Leg, **changes: object) -> OrderReport:
    terms = Limit(Decimal(110)) if which is Leg.TARGET else StopMarket(Decimal(90))
    return entry(**{"leg": which, "side": Side.SELL, "bracket": None, "terms": terms, **changes})


@given(which=st.sampled_from(Leg), variety=st.sampled_from(Variety), parent=st.sampled_from([None, ENTRY]))
def test_legs_of_linked_orders_get_an_id_by_their_entry_and_once(
    which: Leg, variety: Variety, parent: BrokerOrderId | None
) -> None:
    shown = report(leg=which, variety=variety, parent_order_id=parent)
    [found] = told(shown)
    linked = which is not Leg.ENTRY and variety in LINKED
    if linked and (parent is not None or variety is Variety.SUPER):
        own = parent or shown.order_id
        assert (found.order_id, found.parent_order_id, found.leg_order_id) == (leg_id(own, which), own, shown.order_id)
        assert tree_of(found) == own and is_exit_leg(found) and not is_implied(found)
    else:
        assert found == shown
    assert told(found) == [found]


def test_other_facts_are_left_alone() -> None:
    fact: Fact = BookRead(account=LEADER, read_at=START)
    assert Trees({}, {}, {}).told([fact], START) == [fact]


@pytest.mark.parametrize("variety", LINKED)
def test_a_bracket_implies_its_legs_until_they_are_told_of(variety: Variety) -> None:
    shown = told(entry(variety=variety))
    assert [each.order_id for each in shown] == [ENTRY, f"{ENTRY}/TARGET", f"{ENTRY}/STOP"]
    assert [each.terms for each in shown[1:]] == [Limit(Decimal(110)), StopMarket(Decimal(90))]
    assert all(is_implied(each) and each.side is Side.SELL and each.filled_quantity == 0 for each in shown[1:])
    orders = known(*shown)
    assert told(entry(variety=variety), orders=orders) == [entry(variety=variety)]
    own = leg(Leg.STOP, variety=variety, order_id=BrokerOrderId("B7"), parent_order_id=ENTRY)
    [first, stop] = told(entry(variety=variety), own, orders=orders)
    assert (stop.order_id, stop.leg_order_id) == (f"{ENTRY}/STOP", "B7")


def test_the_bracket_moves_what_it_implies_and_takes_it_along() -> None:
    orders = known(*told(entry()))
    moved = entry(bracket=Bracket(target=Decimal(120), stop=Decimal(90)), updated_at=after(5))
    assert [each.terms for each in told(moved, orders=orders)[1:]] == [Limit(Decimal(120)), StopMarket(Decimal(90))]
    alone = entry(bracket=Bracket(stop=Decimal(90)), updated_at=after(5))
    assert [each.status for each in told(alone, orders=orders)[1:]] == [OrderStatus.CANCELLED, OrderStatus.PENDING]
    over = entry(bracket=None, status=OrderStatus.CANCELLED, updated_at=after(5))
    assert [each.status for each in told(over, orders=orders)[1:]] == [OrderStatus.CANCELLED] * 2
    filled = entry(bracket=None, status=OrderStatus.TRADED, filled_quantity=150, updated_at=after(5))
    assert all(each.status is OrderStatus.PENDING for each in told(filled, orders=orders)[1:])


def test_what_is_told_of_a_leg_itself_outranks_what_its_entry_implies() -> None:
    [_, implied, _] = told(entry(updated_at=after(60)))
    [own] = told(leg(Leg.TARGET, terms=Limit(Decimal(115)), updated_at=after(1)))
    order = merge(merge(None, leader_reported(implied), START), leader_reported(own, Channel.BOOK), after(61))
    assert order.report.terms == Limit(Decimal(115)) and not is_implied(order.report) and not order.disputed
    moved = entry(bracket=Bracket(target=Decimal(99), stop=Decimal(90)), updated_at=after(70))
    assert f"{ENTRY}/TARGET" not in [each.order_id for each in told(moved, orders={(LEADER, own.order_id): order})]


def test_a_row_that_names_no_parent_is_the_leg_that_an_entry_lacks() -> None:
    other = entry(order_id=BrokerOrderId("S2"), variety=Variety.BRACKET, quantity=75)
    mine = entry(variety=Variety.BRACKET)
    orders = known(*told(mine, other))
    [stop] = told(leg(Leg.STOP, order_id=BrokerOrderId("B9"), variety=Variety.BRACKET), orders=orders)
    assert stop.order_id == f"{ENTRY}/STOP", "by its quantity"
    trees = Trees(known(mine, stop), {(LEADER, BrokerOrderId("B9")): stop.order_id}, {})
    [again] = trees.told([leader_reported(leg(Leg.STOP, order_id=BrokerOrderId("B9"), variety=Variety.BRACKET))], START)
    assert isinstance(again, LeaderReported) and again.report.order_id == stop.order_id, "by what was told before"
    [alone] = told(leg(Leg.STOP, order_id=BrokerOrderId("B9"), variety=Variety.BRACKET))
    assert alone.order_id == "B9" and tree_of(alone) is None, "nothing that it could belong to is known"


@pytest.mark.parametrize("other", [Bracket(stop=Decimal(95)), Bracket(target=Decimal(112), stop=Decimal(95))])
def test_a_leg_is_not_that_of_an_entry_whose_bracket_has_another_or_none(other: Bracket) -> None:
    """A target that shrank as its stop filled is for as much as a younger entry, first seen with it, has filled."""
    older = entry(variety=Variety.BRACKET, quantity=750, filled_quantity=750, status=OrderStatus.TRADED)
    younger = entry(
        order_id=BrokerOrderId("S2"), variety=Variety.BRACKET, bracket=other, quantity=375, filled_quantity=150,
        status=OrderStatus.PART_TRADED, created_at=after(5), updated_at=after(5),
    )  # fmt: skip
    row = leg(Leg.TARGET, order_id=BrokerOrderId("B3"), variety=Variety.BRACKET, quantity=150, status=OrderStatus.CANCELLED)
    [found] = [each for each in told(older, younger, row) if each.leg_order_id == "B3"]
    assert found.order_id == leg_id(ENTRY, Leg.TARGET)


def test_an_entry_that_was_modified_after_its_leg_appeared_has_it_all_the_same() -> None:
    mine = entry(variety=Variety.BRACKET, created_at=after(30), status=OrderStatus.PART_TRADED, filled_quantity=75)
    own = leg(Leg.STOP, order_id=BrokerOrderId("B9"), variety=Variety.BRACKET, quantity=75, created_at=after(10))
    [stop] = told(own, orders=known(*told(mine)))
    assert stop.order_id == f"{ENTRY}/STOP"


@pytest.mark.parametrize(
    ("product", "pooled"), [(Product.BO, Product.INTRADAY), (Product.CO, Product.INTRADAY), (Product.CNC, Product.CNC)]
)
def test_bracket_and_cover_orders_are_intraday_orders_with_legs(product: Product, pooled: Product) -> None:
    assert [each.product for each in told(report(product=product))] == [pooled]
    held = [Position(SEGMENT, SECURITY, product, 75), Position(SEGMENT, SECURITY, pooled, -50)]
    [fact] = Trees({}, {}, {}).told(
        [PositionsReported(account=LEADER, read_at=START, positions=tuple(held[: 1 + (product is not pooled)]))], START
    )
    assert isinstance(fact, PositionsReported)
    expected = 25 if product is not pooled else 75
    assert [(p.product, p.net_quantity) for p in fact.positions] == [(pooled, expected)]


def test_a_plain_order_stays_one() -> None:
    shown = evolve(report(), bracket=BRACKET)
    assert told(shown) == [shown]


@pytest.mark.parametrize(
    ("terms", "targets", "leg"),
    [
        (Limit(Decimal(110)), [Limit(Decimal(110))], Leg.TARGET),
        (Limit(Decimal(90)), [Limit(Decimal(110))], Leg.STOP),
        (Limit(Decimal(110)), None, Leg.TARGET),
        (Limit(Decimal(110)), [], Leg.STOP),
        (StopMarket(Decimal(90)), None, Leg.STOP),
    ],
)
def test_a_leg_without_a_number_is_told_by_where_the_target_stands(terms: Terms, targets: list[Terms] | None, leg: Leg) -> None:
    assert leg_by_terms(terms, targets) is leg
