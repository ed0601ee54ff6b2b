"""The strategies draw what they say, and of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, get_args

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from dhan_copy.core.facts import Entry, Fact, RequestIssued
from dhan_copy.core.requests import Cancel, Modify, Request, Submit
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, StopLimit, StopMarket, Terms
from dhan_copy.testing.strategies import entries, facts, moments, order_lives, order_reports, requests, terms

T = TypeVar("T")


def drawn(strategy: st.SearchStrategy[T], wanted: Callable[[T], bool]) -> T:
    """The first value that is as wanted; an error when there is none among many."""
    return find(strategy, wanted, settings=settings(phases=[Phase.generate], max_examples=5_000, database=None))


@pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)
def test_every_kind_of_fact_can_be_drawn(kind: type[Fact]) -> None:
    assert type(drawn(facts(), lambda fact: type(fact) is kind)) is kind
    assert type(drawn(facts(kind), lambda fact: True)) is kind


@pytest.mark.parametrize("kind", [Market, Limit, StopLimit, StopMarket])
def test_every_kind_of_terms_can_be_drawn(kind: type[Terms]) -> None:
    assert type(drawn(terms(), lambda value: type(value) is kind)) is kind


@pytest.mark.parametrize("kind", [Submit, Modify, Cancel])
def test_every_kind_of_request_can_be_drawn(kind: type[Request]) -> None:
    assert type(drawn(requests(), lambda value: type(value) is kind)) is kind
    drawn(facts(), lambda fact: isinstance(fact, RequestIssued) and type(fact.request) is kind)


@given(moments())
def test_times_are_aware_with_an_offset_of_whole_minutes(at: object) -> None:
    offset = at.utcoffset()  # type: ignore[attr-defined]
    assert offset is not None and offset.total_seconds() % 900 == 0


@pytest.mark.parametrize("status", OrderStatus)
def test_reports_may_have_any_status(status: OrderStatus) -> None:
    assert drawn(order_reports(), lambda report: report.status is status).status is status


def test_reports_may_be_full_or_bare() -> None:
    drawn(order_reports(), lambda report: report.instrument is not None and bool(report.raw) and bool(report.symbol))
    drawn(order_reports(), lambda report: report.instrument is None and report.created_at is None)
    drawn(order_reports(), lambda report: 0 < report.filled_quantity < report.quantity)


@given(entries())
def test_entries_are_a_journal(journal: list[Entry]) -> None:
    assert [entry.position for entry in journal] == list(range(1, len(journal) + 1))
    assert all(entry.cause is None or 1 <= entry.cause < entry.position for entry in journal)
    assert all(entry.at.utcoffset() is not None for entry in journal)


@given(order_lives())
def test_the_life_of_an_order_is_consistent(life: list[OrderReport]) -> None:
    assert life
    assert len({(r.order_id, r.security_id, r.side, r.product, r.created_at) for r in life}) == 1
    for before, after in zip(life, life[1:]):
        assert not before.status.is_terminal
        assert before.filled_quantity <= after.filled_quantity
        assert before.updated_at is not None and after.updated_at is not None
        assert before.updated_at <= after.updated_at
    for report in life:
        assert report.instrument is not None
        assert report.quantity % report.instrument.lot_units == 0
        assert report.filled_quantity % report.instrument.lot_units == 0
        assert (report.status is OrderStatus.TRADED) == (report.filled_quantity == report.quantity)
        if report.status is OrderStatus.REJECTED:
            assert report.filled_quantity == 0 and report.reason


@pytest.mark.parametrize("name", ["TRADED", "CANCELLED", "REJECTED", "PENDING", "PART_TRADED"])
def test_an_order_may_end_in_every_way_or_stay_open(name: str) -> None:
    end = OrderStatus[name]
    assert drawn(order_lives(), lambda life: life[-1].status is end)[-1].status is end


def test_an_order_may_be_modified_after_a_part_fill() -> None:
    def modified(life: list[OrderReport]) -> bool:
        return any(a.filled_quantity and b.quantity != a.quantity for a, b in zip(life, life[1:]))

    drawn(order_lives(), modified)
