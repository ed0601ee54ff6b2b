"""Functions written as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from dhan_copy.coding.source import Malformed, Source


def test_a_function_is_written_once_and_can_use_constants() -> None:
    source = Source()
    forty_two = source.constant(42)
    written = []

    def write() -> list[str]:
        written.append(1)
        return [f"return v + {forty_two}"]

    name = source.function("add", int, "v", write)
    assert source.function("add", int, "v", write) == name
    assert written == [1]
    assert cast(Callable[[int], int], source.names[name])(1) == 43
    assert source.function("add", str, "v", write) != name


def test_plain_constants_are_written_out() -> None:
    source = Source()
    assert [source.constant(value) for value in (None, True, False)] == ["None", "True", "False"]


def test_refusals_name_the_field_and_not_the_value() -> None:
    source = Source()
    with pytest.raises(Malformed, match="X.y cannot be float"):
        cast(Callable[..., None], source.names["wrong"])("X.y", 1.5)
    with pytest.raises(Malformed, match="aware"):
        cast(Callable[..., None], source.names["naive"])("X.y", 1.5)
