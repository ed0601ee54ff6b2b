"""Orders that a lost journal placed are told by their tags, and matched by computing the tags again."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.lost import is_of, matched, named, unknown_tags
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.state import State
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, client_order_id
from dhan_copy.model.order import OrderReport, Product, Side, Variety
from tests.core.make import FOLLOWER, LEADER, START, leader_reported, report

EMPTY = State(settings=CopierSettings(leaders=(), followers=()))


def copy(order: str, number: int = 0, slice: int = 0, generation: int = 0, **changes: object) -> OrderReport:
    tag = client_order_id(LEADER, order, FOLLOWER, "E", slice, generation)
    return report(order_id=f"F{number}", client_order_id=tag, account=FOLLOWER, **changes)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 3)), unique=True, max_size=12))
def test_every_order_is_matched_to_its_copy_in_the_order_of_its_generations(places: list[tuple[int, int, int]]) -> None:
    rows = [leader_reported(report(order_id=BrokerOrderId(f"L{n}"))) for n in range(3)]
    book = [copy(f"L{n}", number, slice, generation) for number, (n, slice, generation) in enumerate(places)]
    lost = unknown_tags(EMPTY, {FOLLOWER: book}, START)
    matches, orphans = matched(rows, lost, {FOLLOWER: book})
    found = {key[1]: [(one.slice, one.generation) for one in copies] for key, copies in matches.items()}
    expected: dict[str, list[tuple[int, int]]] = {}
    for n, slice, generation in sorted(places):
        if n < 3:
            expected.setdefault(f"L{n}", []).append((slice, generation))
    assert found == expected
    assert len(orphans) == sum(n >= 3 for n, _, _ in places)


def test_another_instrument_or_product_is_another_order() -> None:
    row = leader_reported(report())
    for changes in ({"product": Product.CNC}, {"security_id": "1"}):
        book = {FOLLOWER: [copy("L1", **changes)]}
        matches, orphans = matched([row], unknown_tags(EMPTY, book, START), book)
        assert matches == {} and len(orphans) == 1


def test_the_other_side_may_be_a_reversed_copy() -> None:
    row = leader_reported(report())
    book = {FOLLOWER: [copy("L1", side=Side.SELL)]}
    matches, orphans = matched([row], unknown_tags(EMPTY, book, START), book)
    assert [key[1] for key in matches] == ["L1"] and orphans == []


def test_only_our_tags_of_today_that_are_not_known_are_lost() -> None:
    known = copy("L1")
    assert known.client_order_id is not None
    state = State(settings=EMPTY.settings)
    state.by_tag[FOLLOWER, known.client_order_id] = (LEADER, BrokerOrderId("L1"), FOLLOWER)
    theirs = evolve(copy("L2"), client_order_id=ClientOrderId("mine"))
    untagged = evolve(copy("L2"), client_order_id=None)
    old = copy("L3", created_at=START - timedelta(days=1), updated_at=START - timedelta(days=1))
    lost = copy("L4")
    books = {FOLLOWER: [known, theirs, untagged, old, lost], AccountName("G"): [untagged]}
    assert unknown_tags(state, books, START) == {FOLLOWER: (lost.client_order_id,)}


def test_a_row_without_a_time_is_of_today_and_an_after_market_order_of_its_session() -> None:
    today = START.date().isoformat()
    yesterday = START - timedelta(days=1)
    assert is_of(report(created_at=None, updated_at=None), today)
    assert not is_of(report(created_at=yesterday), today)
    assert is_of(report(created_at=yesterday, variety=Variety.AFTER_MARKET), today)


def test_many_tags_are_counted() -> None:
    tags = [ClientOrderId(f"dc1-{n}") for n in range(25)]
    assert named(tags[:3]) == "dc1-0, dc1-1, dc1-2"
    assert named(tags).endswith("dc1-9 and 15 more")
