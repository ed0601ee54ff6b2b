"""Single values: exact, bounded, and refused by name."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan import fields
from dhan_copy.errors import UnreadableReport

ANYTHING: st.SearchStrategy[object] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(), st.binary(), st.lists(st.none()),
    st.dictionaries(st.text(), st.none(), max_size=2),
)  # fmt: skip
READERS = [
    fields.text, fields.label, fields.identifier, fields.optional_identifier, fields.tag, fields.status, fields.count,
    fields.positive_count, fields.count_or_zero, fields.price, fields.moment,
    lambda row, name: fields.required_price(row, name, "here"),
    lambda row, name: fields.word(row, name, {"A": 1}),
]  # fmt: skip


@given(st.sampled_from(READERS), ANYTHING)
def test_any_value_is_read_or_refused_by_name(reader: object, value: object) -> None:
    assert callable(reader)
    try:
        reader({"x": value}, "x")
    except UnreadableReport as problem:
        assert problem.field_name == "x"
        assert len(problem.message) < 250
        problem.message.encode("ascii")


@given(st.decimals(min_value=Decimal("0.0001"), max_value=10**9, places=4))
def test_prices_are_exact_in_every_notation(amount: Decimal) -> None:
    assert fields.price({"p": amount}, "p") == amount
    assert fields.price({"p": f"{amount:f}"}, "p") == amount
    assert fields.price({"p": float(amount)}, "p") == Decimal(repr(float(amount)))


@given(st.integers(0, 10**12 - 1))
def test_counts_in_every_notation(count: int) -> None:
    for value in (count, str(count), Decimal(count), f"{count}.0"):
        assert fields.count({"n": value}, "n") == count


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2199, 12, 31)))
def test_times_are_indian_standard_time(naive: datetime) -> None:
    naive = naive.replace(microsecond=0)
    for separator in " T":
        read = fields.moment({"t": naive.isoformat(separator)}, "t")
        assert read is not None
        assert read.isoformat() == f"{naive.isoformat()}+05:30"


@pytest.mark.parametrize("none", ["", "NA", "0001-01-01", "0001-01-01 00:00:00", "0001-01-01T00:00:00", None])
def test_a_time_that_never_was(none: object) -> None:
    assert fields.moment({"t": none}, "t") is None
    assert fields.moment({}, "t") is None


def test_the_later_of_two_times() -> None:
    early, late = fields.moment({"t": "2026-01-01 09:15:00"}, "t"), fields.moment({"t": "2026-01-01 09:15:01"}, "t")
    assert fields.later(early, late) == fields.later(late, early) == fields.later(None, late) == late
    assert fields.later(early, None) == early
    assert fields.later(None, None) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("short", "'short'"),
        ("x" * 41, "'" + "x" * 40 + "'..."),
        (5, "5"),
        (10**100, "a int"),
        (True, "True"),
        (1.5, "1.5"),
        ([1], "a list"),
        ("eyJhbGciOi.eyJkaGFu.c2ln", "'[hidden]'"),
        ("\ud800", r"'\ud800'"),
    ],
)
def test_what_an_error_shows_of_a_value(value: object, shown: str) -> None:
    assert fields.shorten(value) == shown
