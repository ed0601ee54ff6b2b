"""Data files of ours and of the user's: what may stand in one, and how a mistake is told."""

from __future__ import annotations

from datetime import date

import pytest

from dhan_copy.errors import ConfigurationError
from dhan_copy.market.tables import Table, packaged, parsed, tables


def test_a_packaged_file_is_there() -> None:
    assert set(packaged("freeze.toml")) == {"limits"}


def test_tables_know_their_place() -> None:
    found = tables(parsed('[[a]]\nx = "1"\n[[a]]\nx = "2"', "f.toml"), "a", "f.toml")
    assert [table.text("x") for table in found] == ["1", "2"]
    assert str(found[1].wrong("no")) == "f.toml, [[a]] number 2: no"
    assert tables({}, "a", "f.toml") == ()


def test_values_are_what_they_are_asked_for() -> None:
    table = Table("here", {"day": date(2026, 1, 26), "names": ["a", "b"], "none": [], "numbers": [1]})
    assert table.day("day") == date(2026, 1, 26)
    assert table.texts("names") == ("a", "b")
    for name in ("none", "numbers", "absent"):
        with pytest.raises(ConfigurationError, match=f"here: {name} must be a list of texts"):
            table.texts(name)
