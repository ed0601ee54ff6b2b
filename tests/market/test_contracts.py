"""The contract sizes of this release, and a file of the user's own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dhan_copy.errors import ConfigurationError
from dhan_copy.market.contracts import contract_sizes, load_contract_sizes
from dhan_copy.model.instrument import BY_CONTRACT, ExchangeSegment

DAY = date(2026, 11, 20)
MCX = ExchangeSegment.MCX_COMM
QUOTED = {
    "GOLD": (1000, 10),
    "GOLDM": (100, 10),
    "SILVER": (30, 1),
    "SILVERM": (5, 1),
    "CRUDEOIL": (100, 1),
    "COPPER": (2500, 1),
}
"""The lot, and how much of it the price is for: grams, kilograms, barrels."""


@pytest.mark.parametrize("name", sorted(QUOTED))
def test_a_lot_is_worth_as_often_the_price_as_it_holds_what_is_quoted(name: str) -> None:
    lot, quoted = QUOTED[name]
    assert contract_sizes().rupees(MCX, f"{name}-Dec2026-FUT", DAY) == lot // quoted


def test_currencies_are_quoted_for_one_and_yen_for_a_hundred() -> None:
    of = contract_sizes().rupees
    assert of(ExchangeSegment.NSE_CURRENCY, "USDINR-Dec2026-FUT", DAY) == 1000
    assert of(ExchangeSegment.NSE_CURRENCY, "JPYINR-Dec2026-FUT", DAY) == 100_000 // 100


def test_every_size_names_its_source_and_only_what_is_counted_by_contract_has_one() -> None:
    assert all(each.source and each.segment in BY_CONTRACT for each in contract_sizes().sizes)


def test_what_nobody_published_is_unknown() -> None:
    assert contract_sizes().rupees(MCX, "NICKEL-Dec2026-FUT", DAY) is None
    assert contract_sizes().rupees(MCX, "GOLDTEN-Mar2025-FUT", date(2025, 3, 31)) is None


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "contracts.toml"
    path.write_text('[[contracts]]\nsegment = "MCX_COMM"\nsince = 2026-01-01\nrupees = { NICKEL = 250 }\nsource = "me"\n')
    assert load_contract_sizes(path).rupees(MCX, "NICKEL", DAY) == 250
    assert load_contract_sizes(path).rupees(MCX, "GOLD", DAY) == 100
    assert load_contract_sizes(path, alone=True).rupees(MCX, "GOLD", DAY) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "unknown key x"),
        ("[[contracts]]\nsegment = 'MCX_COMM'\nsince = 2026-01-01\nsource = 'me'", "must name underlyings"),
        ("[[contracts]]\nsegment = 'MCX_COMM'\nsince = 2026-01-01\nsource = 'me'\nrupees = { A = 0 }", "rupees of A"),
        ("[[contracts]]\nsegment = 'MCX'\nsince = 2026-01-01\nsource = 'me'\nrupees = { A = 1 }", "no segment"),
    ],
    ids=["key", "nothing", "zero", "segment"],
)
def test_a_mistake_is_told_with_its_table(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "contracts.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        load_contract_sizes(path)
