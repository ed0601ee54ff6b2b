"""What a lot of a commodity or currency is worth, by underlying and by day."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.contract import ContractSize, ContractSizes
from dhan_copy.model.instrument import ExchangeSegment

MCX = ExchangeSegment.MCX_COMM
DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


def size(rupees: int, since: date = date(2024, 1, 1), name: str = "GOLDM") -> ContractSize:
    return ContractSize(segment=MCX, name=name, since=since, rupees=rupees, source="a test")


@given(st.dictionaries(DAYS, st.integers(1, 9999), max_size=5), DAYS)
def test_the_newest_that_has_begun_counts(known: dict[date, int], day: date) -> None:
    sizes = ContractSizes(size(rupees, since) for since, rupees in known.items())
    begun = [since for since in known if since <= day]
    assert sizes.rupees(MCX, "GOLDM-Dec2026-FUT", day) == (known[max(begun)] if begun else None)


def test_a_mini_is_another_contract_and_what_is_not_known_is_unknown() -> None:
    sizes = ContractSizes([size(10), size(100, name="GOLD")])
    day = date(2026, 11, 20)
    assert [sizes.rupees(MCX, symbol, day) for symbol in ("GOLD-05Dec2026-FUT", "GOLDM-Dec2026-1", "GOLDPETAL", "")] == [
        100, 10, None, None,
    ]  # fmt: skip
    assert sizes.rupees(ExchangeSegment.NSE_CURRENCY, "GOLD", day) is None


def test_the_users_own_beats_what_is_published() -> None:
    own = ContractSizes([size(7)])
    both = ContractSizes([size(10), size(100, name="GOLD")], over=own)
    day = date(2026, 11, 20)
    assert (both.rupees(MCX, "GOLDM", day), both.rupees(MCX, "GOLD", day)) == (7, 100)
    assert repr(both) == "ContractSizes(2 sizes, 1 of the user's own)"
