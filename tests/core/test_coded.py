"""Text that was not written here is refused with what is wrong."""

from __future__ import annotations

import pytest
from attrs import frozen

from dhan_copy.core.coded import Coded
from dhan_copy.errors import StoreCorrupt, StoreError, StoreTooNew


@frozen
class Point:
    x: int
    y: int = 0


POINTS = Coded(Point)


def test_what_is_dumped_is_loaded() -> None:
    assert POINTS.dump(Point(1)) == '{"x":1}'
    assert POINTS.load('{"x":1}') == Point(1)
    assert POINTS.load(POINTS.dump(Point(3, 4))) == Point(3, 4)


@pytest.mark.parametrize(
    ("text", "error", "problem"),
    [
        ('{"x":1,"z":2}', StoreTooNew, "Point.z"),
        ("{}", StoreCorrupt, "lacks the field 'x'"),
        ('{"x":"1"}', StoreCorrupt, "Point.x cannot be str"),
        ("[", StoreCorrupt, "Point"),
        ("[" * 100_000, StoreCorrupt, "Point"),
    ],
)
def test_other_text_is_refused(text: str, error: type[StoreError], problem: str) -> None:
    with pytest.raises(error, match="a checkpoint cannot be read") as caught:
        POINTS.load(text)
    assert problem in str(caught.value)
