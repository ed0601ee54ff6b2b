"""Rows: what is beside the body, and what the hash covers."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import DayOpened, Entry, LeaderReported, ReportUnreadable
from dhan_copy.errors import StoreCorrupt, StoreError
from dhan_copy.model.ids import AccountName
from dhan_copy.model.times import ist
from dhan_copy.stores.rows import GENESIS, chained, to_entry, to_row
from dhan_copy.testing.conformance.samples import sample_entries
from dhan_copy.testing.strategies import entries

AT = datetime(2026, 9, 1, 4, 0, tzinfo=timezone.utc)


@given(entries(max_size=5))
def test_entries_come_back_as_they_were(journal: list[Entry]) -> None:
    for entry in journal:
        row, _ = to_row(entry, 1, GENESIS)
        assert to_entry(row) == entry


def test_a_row_can_be_searched_by_account_and_order() -> None:
    entry = next(e for e in sample_entries() if isinstance(e.fact, LeaderReported) and e.fact.report.raw)
    row, raw = to_row(entry, 7, GENESIS)
    assert isinstance(entry.fact, LeaderReported)
    assert (row.account, row.leader_order) == (entry.fact.leader, entry.fact.report.order_id)
    assert (row.epoch, row.type, row.version) == (7, "LeaderReported", 1)
    assert raw == entry.fact.report.raw.encode()
    assert row.raw_hash == hashlib.sha256(raw).digest()


def test_hostile_names_can_be_searched_and_are_kept() -> None:
    entry = Entry(1, AT, ReportUnreadable(account=AccountName("\ud800"), problem="", raw="\udfff"))
    row, raw = to_row(entry, 1, GENESIS)
    assert row.account == "\\ud800"
    assert raw is not None and raw.decode("utf-8", "surrogatepass") == "\udfff"
    assert to_entry(row) == entry


def test_times_are_utc_text() -> None:
    row, _ = to_row(Entry(1, ist(datetime(2026, 9, 1, 9, 15)), DayOpened(day="x")), 1, GENESIS)
    assert row.at == "2026-09-01T03:45:00+00:00"
    with pytest.raises(StoreError, match="zone"):
        to_row(Entry(1, datetime(2026, 9, 1), DayOpened(day="x")), 1, GENESIS)


def test_the_hash_covers_everything_and_the_row_before() -> None:
    entry = Entry(2, AT, ReportUnreadable(account=AccountName("A"), problem="p", raw="r"), 1)
    row, _ = to_row(entry, 1, GENESIS)
    others = [
        to_row(attrs.evolve(entry, position=3), 1, GENESIS),
        to_row(attrs.evolve(entry, at=AT + timedelta(microseconds=1)), 1, GENESIS),
        to_row(attrs.evolve(entry, cause=None), 1, GENESIS),
        to_row(attrs.evolve(entry, fact=attrs.evolve(entry.fact, raw="s")), 1, GENESIS),
        to_row(attrs.evolve(entry, fact=attrs.evolve(entry.fact, problem="q")), 1, GENESIS),
        to_row(attrs.evolve(entry, fact=attrs.evolve(entry.fact, account="B")), 1, GENESIS),
        to_row(entry, 2, GENESIS),
        to_row(entry, 1, row.hash),
    ]
    assert len({row.hash, *(other.hash for other, _ in others)}) == len(others) + 1


@given(st.lists(st.none() | st.integers() | st.text() | st.binary(), min_size=11, max_size=11))
def test_any_types_have_a_hash(values: list[object]) -> None:
    """What a damaged file holds instead of text must not raise before it is found to differ."""
    values = [value.encode().hex() if isinstance(value, str) else value for value in values]
    assert len(chained(*values)) == 32


@pytest.mark.parametrize("at", ["yesterday", None, b"2026", 5])
def test_a_damaged_time_names_the_position(at: object) -> None:
    row, _ = to_row(Entry(4, AT, DayOpened(day="x")), 1, GENESIS)
    with pytest.raises(StoreCorrupt, match="position 4"):
        to_entry((*row[:2], at, *row[3:]))
