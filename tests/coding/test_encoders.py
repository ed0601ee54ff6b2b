"""Encoders of classes that are no facts: every form that a field may have."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import pytest
from attrs import Factory, frozen

from dhan_copy.coding.encoders import Encoders
from dhan_copy.coding.source import Malformed


class Colour(Enum):
    RED = "the colour red"
    BLUE = "the colour blue"


@frozen
class Point:
    x: int
    y: int = 0


@frozen
class Line:
    start: Point
    end: Point | None = None


@frozen
class Nothing:
    pass


@frozen(kw_only=True)
class Everything:
    text: str = ""
    flag: bool = False
    number: int = 0
    money: Decimal = Decimal("1.00")
    share: Fraction | None = None
    at: datetime | None = None
    colour: Colour = Colour.RED
    shape: Point | Line | Nothing | None = None
    points: tuple[Point, ...] = ()
    shapes: tuple[Point | Line, ...] = Factory(tuple)
    maybe: tuple[int | None, ...] = ()
    pairs: tuple[tuple[Point, str | None], ...] = ()
    raw: str = ""


FULL = Everything(
    text='"\n\u20b9',
    flag=True,
    number=-5,
    money=Decimal("0.10"),
    share=Fraction(-1, 3),
    at=datetime(2026, 9, 1, tzinfo=timezone.utc),
    colour=Colour.BLUE,
    shape=Line(Point(1, 2), Point(3)),
    points=(Point(1), Point(2, 3)),
    shapes=(Line(Point(1)), Point(4)),
    maybe=(1, None),
    pairs=((Point(5), "x"), (Point(6), None)),
    raw="left out",
)
FULL_JSON = {
    "text": '"\n\u20b9',
    "flag": True,
    "number": -5,
    "money": "0.10",
    "share": "-1/3",
    "at": "2026-09-01T00:00:00+00:00",
    "colour": "BLUE",
    "shape": {"$": "Line", "start": {"x": 1, "y": 2}, "end": {"x": 3}},
    "points": [{"x": 1}, {"x": 2, "y": 3}],
    "shapes": [{"$": "Line", "start": {"x": 1}}, {"$": "Point", "x": 4}],
    "maybe": [1, None],
    "pairs": [[{"x": 5}, "x"], [{"x": 6}, None]],
}


def test_what_equals_its_default_is_left_out() -> None:
    encode = Encoders().of(Everything)
    assert encode(Everything()) == "{}"
    assert encode(Everything(money=Decimal("1"))) == "{}"
    assert encode(Everything(flag=True)) == '{"flag":true}'


def test_every_form_of_field() -> None:
    assert json.loads(Encoders().of(Everything)(FULL)) == FULL_JSON


def test_a_class_without_fields_stands_in_a_union_by_name() -> None:
    assert Encoders().of(Everything)(Everything(shape=Nothing())) == '{"shape":{"$":"Nothing"}}'
    assert Encoders().of(Nothing)(Nothing()) == "{}"


@pytest.mark.parametrize(
    "wrong",
    [
        Everything(number=1.5),  # type: ignore[arg-type]
        Everything(number=True),
        Everything(flag=1),
        Everything(money="1"),  # type: ignore[arg-type]
        Everything(share=0.5),  # type: ignore[arg-type]
        Everything(at=datetime(2026, 9, 1)),
        Everything(at="2026-09-01"),  # type: ignore[arg-type]
        Everything(colour="RED"),  # type: ignore[arg-type]
        Everything(shape=FULL),  # type: ignore[arg-type]
        Everything(points=[Point(1)]),  # type: ignore[arg-type]
        Everything(points=(Line(Point(1)),)),  # type: ignore[arg-type]
        Everything(shapes=(None,)),  # type: ignore[arg-type]
        Everything(pairs=((Point(1),),)),  # type: ignore[arg-type]
        Everything(pairs=(("x", Point(1)),)),  # type: ignore[arg-type]
        Everything(text=None),  # type: ignore[arg-type]
    ],
)
def test_what_its_field_does_not_declare_is_refused(wrong: Everything) -> None:
    with pytest.raises(Malformed):
        Encoders().of(Everything)(wrong)


def test_another_class_is_refused() -> None:
    with pytest.raises(Malformed):
        Encoders().of(Everything)(Point(1))
