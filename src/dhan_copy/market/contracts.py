"""What a lot of a commodity or currency is worth, out of this package's file or the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from os import PathLike

from dhan_copy.errors import ConfigurationError
from dhan_copy.market.tables import Table, loaded, packaged, tables
from dhan_copy.model.contract import ContractSize, ContractSizes

_KEYS = ("segment", "since", "rupees", "source")


@cache
def contract_sizes() -> ContractSizes:
    """The sizes that this release knows; every one names its source in ``contracts.toml``."""
    return ContractSizes(_read(packaged("contracts.toml"), "contracts.toml"))


def load_contract_sizes(path: str | PathLike[str], *, alone: bool = False) -> ContractSizes:
    """The user's own sizes over those of this release, or ``alone``; the file has the form of ``contracts.toml``::

        [[contracts]]
        segment = "MCX_COMM"
        since = 2026-12-01
        rupees = { NICKEL = 250 }
        source = "MCX circular of 20 November 2026"

    A name is an underlying; the number is what a lot gains when its price rises by one rupee.
    Raises :class:`~dhan_copy.errors.ConfigurationError` for anything else, naming the table.
    """
    own = ContractSizes(_read(loaded(path), str(path)))
    return own if alone else ContractSizes(contract_sizes().sizes, over=own)


def _read(values: Mapping[str, object], file: str) -> tuple[ContractSize, ...]:
    unknown = sorted(values.keys() - {"contracts"})
    if unknown:
        raise ConfigurationError(f"{file}: unknown key {', '.join(unknown)}", advice="It has [[contracts]] only.")
    return tuple(size for table in tables(values, "contracts", file) for size in _sizes(table))


def _sizes(table: Table) -> Iterator[ContractSize]:
    table.only(_KEYS)
    segment, since, source = table.segment(table.values.get("segment")), table.day("since"), table.text("source")
    numbers = table.values.get("rupees")
    if not isinstance(numbers, dict) or not numbers:
        raise table.wrong("rupees must name underlyings: rupees = { CRUDEOIL = 100 }")
    for name, rupees in numbers.items():
        if type(rupees) is not int or rupees < 1:
            raise table.wrong(f"rupees of {name} must be a whole number from 1, not {rupees!r}")
        yield ContractSize(segment=segment, name=name, since=since, rupees=rupees, source=source)
