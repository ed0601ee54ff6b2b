"""What was held before fills, and rows of a book in the order in which they changed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.arrivals import before_fills, in_order
from dhan_copy.core.facts import BookRead, Channel, Fact, LeaderReported, PositionsReported
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.state import State
from dhan_copy.model.account import Position
from dhan_copy.model.ids import BrokerOrderId, SecurityId
from dhan_copy.model.order import OrderReport, Product, Side
from tests.core.make import LEADER, SEGMENT, START, leader_reported, report

IDS = st.sampled_from([SecurityId("1333"), SecurityId("500180")])
PRODUCTS = st.sampled_from([Product.CNC, Product.INTRADAY])
FILLS = st.lists(st.tuples(IDS, PRODUCTS, st.sampled_from(Side), st.integers(0, 50)), max_size=8)
HELD = st.dictionaries(st.tuples(IDS, PRODUCTS), st.integers(-100, 100))


def filled(security_id: SecurityId, product: Product, side: Side) -> OrderReport:
    return report(security_id=security_id, product=product, side=side)


@given(HELD, FILLS)
def test_what_was_held_and_the_fills_make_what_is_held(
    held: dict[tuple[SecurityId, Product], int], fills: list[tuple[SecurityId, Product, Side, int]]
) -> None:
    positions = tuple(Position(SEGMENT, id, product, units) for (id, product), units in held.items())
    read = PositionsReported(account=LEADER, positions=positions, read_at=START)
    before = before_fills(read, [(filled(id, product, side), units) for id, product, side, units in fills])
    made = Counter({(p.security_id, p.product): p.net_quantity for p in before.positions})
    for id, product, side, units in fills:
        made[id, product] += units if side is Side.BUY else -units
    assert {key: n for key, n in made.items() if n} == {key: n for key, n in held.items() if n}


@given(st.permutations(range(6)), st.integers(0, 6))
def test_rows_come_by_their_last_change_within_a_read(order: list[int], cut: int) -> None:
    def row(seconds: int) -> LeaderReported:
        at = START + timedelta(seconds=seconds)
        told = report(order_id=BrokerOrderId(str(seconds)), updated_at=at)
        return leader_reported(told, Channel.BOOK, read_at=START)

    def read(rows: list[int]) -> list[Fact]:
        return [*(row(seconds) for seconds in rows), BookRead(account=LEADER, read_at=START)]

    taken = in_order(State(settings=CopierSettings(leaders=(), followers=())), {LEADER}, read(order[:cut]) + read(order[cut:]))
    ids = [int(fact.report.order_id) for fact in taken if isinstance(fact, LeaderReported)]
    assert ids == sorted(order[:cut]) + sorted(order[cut:])


@pytest.mark.parametrize("ids", [("32226090368506", "10226090370000"), ("10226090370000", "32226090368506")])
def test_of_rows_that_changed_in_one_second_the_older_order_is_taken_first(ids: tuple[str, str]) -> None:
    """He sold in the second in which the rest of what he had bought filled: it closes that, whatever it is called."""
    rows = [
        leader_reported(
            report(order_id=BrokerOrderId(ids[n]), created_at=START + timedelta(seconds=n), updated_at=START + timedelta(seconds=9)),
            Channel.BOOK, read_at=START,
        )
        for n in (1, 0)
    ]  # fmt: skip
    state = State(settings=CopierSettings(leaders=(), followers=()))
    taken = in_order(state, {LEADER}, [*rows, BookRead(account=LEADER, read_at=START)])
    assert [fact.report.order_id for fact in taken if isinstance(fact, LeaderReported)] == [*ids]
