"""What rows of the list of Forever orders say together, and which of them placed an order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy.core.forever_rows import (
    completed,
    fired_terms,
    in_pairs,
    is_as_asked,
    is_news,
    legs_of,
    looks_like_copy,
    may_have_placed,
)
from dhan_copy.core.trade import Instruction
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import (
    ForeverLeg,
    Leg,
    Limit,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Validity,
    Variety,
)
from tests.core.make import after, leader_reported, order_reported, report

ABOVE, BELOW = StopLimit(Decimal(110), Decimal(111)), StopLimit(Decimal(90), Decimal(89))
SINGLE = report(variety=Variety.FOREVER, status=OrderStatus.CONFIRM, terms=ABOVE, quantity=150)
TARGET = evolve(SINGLE, leg=Leg.TARGET)
STOP = evolve(SINGLE, leg=Leg.STOP, terms=BELOW, quantity=75, updated_at=after(99))
SECOND = ForeverLeg(terms=BELOW, quantity=75)
PAIR = evolve(SINGLE, second_leg=SECOND)
NEWER = evolve(SINGLE, created_at=after(2))
CHILD = evolve(SINGLE, terms=Limit(Decimal(111)), status=OrderStatus.PENDING)


def test_both_rows_of_a_pair_are_one_order() -> None:
    other = leader_reported(report())
    [one, rest] = in_pairs([leader_reported(TARGET), other, leader_reported(STOP)])
    assert one == leader_reported(evolve(PAIR, updated_at=after(99))) and rest is other


def test_rows_of_different_accounts_are_no_pair() -> None:
    facts = [leader_reported(TARGET), order_reported(STOP)]
    assert in_pairs(facts) == facts


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (OrderStatus.TRADED, OrderStatus.CANCELLED, OrderStatus.TRIGGERED),
        (OrderStatus.CANCELLED, OrderStatus.TRIGGERED, OrderStatus.TRIGGERED),
        (OrderStatus.CANCELLED, OrderStatus.CANCELLED, OrderStatus.CANCELLED),
        (OrderStatus.CANCELLED, OrderStatus.CONFIRM, OrderStatus.CONFIRM),
        (OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.REJECTED),
        (OrderStatus.CONFIRM, OrderStatus.CONFIRM, OrderStatus.CONFIRM),
    ],
)
def test_the_state_of_a_pair(one: OrderStatus, other: OrderStatus, together: OrderStatus) -> None:
    [fact] = in_pairs([leader_reported(evolve(TARGET, status=one)), leader_reported(evolve(STOP, status=other))])
    assert fact.report.status is together  # type: ignore[union-attr]


def test_a_row_that_says_traded_has_fired() -> None:
    assert completed(evolve(SINGLE, status=OrderStatus.TRADED), None) == evolve(SINGLE, status=OrderStatus.TRIGGERED)
    assert completed(SINGLE, None) is SINGLE


def test_one_row_of_a_pair_leaves_the_other_as_it_is_known() -> None:
    moved = StopLimit(Decimal(115), Decimal(116))
    assert completed(evolve(TARGET, terms=moved), PAIR) == evolve(PAIR, terms=moved)
    changed = completed(evolve(STOP, terms=moved), PAIR)
    assert changed is not None and (changed.terms, changed.leg) == (ABOVE, Leg.ENTRY)
    assert changed.second_leg == ForeverLeg(terms=moved, quantity=75)


def test_one_row_alone_is_no_pair_and_a_second_leg_alone_is_nothing() -> None:
    assert completed(TARGET, None) == TARGET and completed(STOP, None) is None


def test_one_row_of_a_pair_that_is_cancelled_says_nothing_for_certain() -> None:
    assert completed(evolve(STOP, status=OrderStatus.CANCELLED), PAIR) is None
    fired = completed(evolve(STOP, status=OrderStatus.TRADED), PAIR)
    assert fired is not None and fired.status is OrderStatus.TRIGGERED and fired.second_leg == SECOND


@pytest.mark.parametrize(
    ("child", "fits"),
    [
        (CHILD, True),
        (evolve(CHILD, terms=Limit(Decimal(89)), quantity=75), True),
        (evolve(CHILD, quantity=75), False),
        (evolve(CHILD, terms=Limit(Decimal(112))), False),
    ],
)
def test_what_a_limit_leg_places_has_its_price_and_quantity(child: object, fits: bool) -> None:
    assert may_have_placed(legs_of(PAIR), child) is fits  # type: ignore[arg-type]


def test_what_a_market_leg_places_has_any_price() -> None:
    waiting = evolve(SINGLE, terms=StopMarket(Decimal(110)))
    assert may_have_placed(legs_of(waiting), evolve(CHILD, terms=Limit(Decimal("111.1"))))
    assert not may_have_placed(legs_of(waiting), evolve(CHILD, quantity=75))


def test_the_leg_that_fired_is_the_one_at_its_price() -> None:
    assert fired_terms(PAIR, CHILD) == ABOVE
    assert fired_terms(PAIR, evolve(CHILD, terms=Limit(Decimal(89)))) == BELOW
    assert fired_terms(PAIR, evolve(CHILD, terms=Limit(Decimal(100)))) == Limit(Decimal(100)), "changed since"


def test_of_market_legs_the_nearest_fired() -> None:
    markets = evolve(PAIR, terms=StopMarket(Decimal(110)), second_leg=ForeverLeg(terms=StopMarket(Decimal(90)), quantity=75))
    for price, trigger in ((Decimal("90.9"), 90), (Decimal("108.9"), 110)):
        assert fired_terms(markets, evolve(CHILD, terms=Limit(price))) == StopMarket(Decimal(trigger))


def test_a_row_is_what_was_asked_for_as_far_as_it_shows() -> None:
    asked = Instruction(ABOVE, Validity.DAY, 150, second_leg=SECOND)
    assert is_as_asked(asked, PAIR) and is_as_asked(asked, TARGET) and not is_as_asked(asked, SINGLE)
    assert not is_as_asked(asked, evolve(PAIR, quantity=75))
    assert is_as_asked(Instruction(ABOVE, Validity.DAY, 150), SINGLE)


@pytest.mark.parametrize(
    ("row", "alike"),
    [
        (NEWER, True),
        (evolve(NEWER, created_at=after(1)), True),
        (evolve(NEWER, created_at=None), True),
        (evolve(NEWER, created_at=after(0)), False),
        (evolve(NEWER, terms=BELOW, quantity=75), True),
        (evolve(NEWER, product=Product.CNC), False),
        (evolve(NEWER, side=Side.SELL), False),
        (evolve(NEWER, status=OrderStatus.TRADED), False),
        (evolve(NEWER, status=OrderStatus.TRIGGERED), False),
        (evolve(NEWER, status=OrderStatus.CANCELLED), False),
        (evolve(NEWER, second_leg=SECOND), True),
        (evolve(NEWER, terms=CHILD.terms), True),
        (evolve(NEWER, terms=CHILD.terms, status=OrderStatus.TRADED, filled_quantity=150), True),
        (evolve(NEWER, terms=CHILD.terms, status=OrderStatus.CANCELLED), False),
        (evolve(NEWER, terms=CHILD.terms, status=OrderStatus.CANCELLED, filled_quantity=75), True),
    ],
)
def test_a_row_looks_like_a_copy_that_came_after_the_leaders_order(row: OrderReport, alike: bool) -> None:
    assert looks_like_copy(row, evolve(SINGLE, quantity=300, created_at=after(1))) is alike


def test_once_the_leaders_has_fired_nobody_knows_when_it_was_placed() -> None:
    fired = evolve(SINGLE, terms=ABOVE, leg_order_id=BrokerOrderId("2"), created_at=after(9))
    assert looks_like_copy(NEWER, fired)


def test_other_orders_are_no_news_of_forever_orders() -> None:
    assert is_news(leader_reported(SINGLE)) and is_news(order_reported(CHILD)) and not is_news(leader_reported(report()))
