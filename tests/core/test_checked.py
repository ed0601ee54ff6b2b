"""What a field's type does not allow is refused, with the field, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from enum import Enum

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.checked import LONGEST, check, exact, member, shown
from dhan_copy.errors import ConfigurationError, Misspelt


class Colour(Enum):
    RED = "r"
    BLUE = "b"


@frozen
class Part:
    needed: int
    more: int = 1


@frozen(kw_only=True)
class Things:
    colour: Colour = Colour.RED
    perhaps: Colour | None = None
    wait: timedelta = timedelta(seconds=1)
    at_once: timedelta = timedelta(0)
    times: int = 1
    share: float = 1.0
    on: bool = False
    name: str = ""
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    other: int | str = 0
    own: Callable[[], None] | None = None

    def __attrs_post_init__(self) -> None:
        check(self, ("here",), may_be_zero=("at_once",))


BUILT: dict[str, object] = {
    "colour": Colour.BLUE, "wait": timedelta(seconds=2), "times": 3, "share": 0.5, "on": True, "name": "x", "part": Part(1),
    "parts": (Part(1),),
}  # fmt: skip
"""A value of each type that is looked at, under a field that has it."""


@given(st.sampled_from(sorted(BUILT)), st.sampled_from([*BUILT.values(), None, "RED", 2, Decimal(1), object()]))
def test_a_value_is_kept_where_its_type_fits_and_refused_everywhere_else(name: str, value: object) -> None:
    fits = type(value) is type(BUILT[name])
    if fits or (name == "part" and value is None):
        assert getattr(Things(**{name: value}), name) == value  # type: ignore[arg-type]
    elif (name, value) == ("colour", "RED"):
        assert Things(colour="RED").colour is Colour.RED  # type: ignore[arg-type]
    elif name == "share" and type(value) is int:
        assert Things(share=value).share == float(value)
    else:
        with pytest.raises(Misspelt, match=f"^here.{name}: must be ") as caught:
            Things(**{name: value})  # type: ignore[arg-type]
        assert caught.value.path == ("here", name)


@given(st.integers(-10, 0), st.sampled_from(["wait", "at_once", "times", "share"]))
def test_numbers_and_durations_are_above_zero_where_nothing_else_is_said(amount: int, name: str) -> None:
    value = timedelta(seconds=amount) if name in ("wait", "at_once") else amount
    if name == "at_once" and amount == 0:
        assert Things(at_once=timedelta(0)).at_once == timedelta(0)
    else:
        with pytest.raises(Misspelt, match=rf"here.{name}: must be (above zero|zero or more), not {amount}"):
            Things(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"colour": "GREEN"}, "colour: must be one of RED, BLUE, not 'GREEN'"),
        ({"colour": "r"}, "colour: must be one of RED, BLUE, not 'r'"),
        ({"wait": "30 s"}, "wait: must be a time such as timedelta(seconds=30), not '30 s'"),
        ({"wait": LONGEST * 2}, "wait: must be at most 366 days, not 732 days"),
        ({"share": float("nan")}, "share: must be a finite number, not nan"),
        ({"on": 1}, "on: must be True or False, not 1"),
        ({"part": 5000}, "part: must be Part(needed, ...), not 5000"),
        ({"parts": Part(1)}, "parts: must be a list of Part(needed, ...), not a Part"),
        ({"parts": [Part(1), "x" * 30]}, "parts[1]: must be Part(needed, ...), not a text of 30 characters"),
        ({"times": None}, "times: must be a whole number, not nothing"),
    ],
)
def test_what_is_told(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Things(**wrong)  # type: ignore[arg-type]
    assert str(caught.value) == f"here.{said}"


def test_what_has_no_single_type_is_not_looked_at_and_a_list_becomes_a_tuple() -> None:
    assert Things(other=1.5, own=3).other == 1.5  # type: ignore[arg-type]
    assert Things(parts=[Part(2)]).parts == (Part(2),)  # type: ignore[arg-type]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000), st.integers())
def test_a_number_is_taken_exactly(number: Decimal, whole: int) -> None:
    assert exact(number) == exact(str(number)) == number
    assert exact(whole) == whole


@pytest.mark.parametrize("value", ["NaN", "inf", "-Infinity", "sNaN", "half", "", "0.5 %", Decimal("NaN"), True, None, []])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is no number: write it such as '0.5'"):
        exact(value)  # type: ignore[arg-type]


@given(st.floats())
def test_a_float_is_no_exact_number(value: float) -> None:
    with pytest.raises(TypeError, match="not exact"):
        exact(value)  # type: ignore[arg-type]


def test_a_member_is_known_by_its_name() -> None:
    assert member(Colour, "RED") is member(Colour, Colour.RED) is Colour.RED
    with pytest.raises(ValueError, match="'r' is no Colour: it must be one of RED, BLUE"):
        member(Colour, "r")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "True"), (12, "12"), ("x", "'x'"), ("x" * 25, "a text of 25 characters"), (None, "nothing"), ({}, "a table"),
        ([], "a list"), (timedelta(seconds=-5), "-5 s"), (Colour.RED, "Colour.RED"), (object(), "an object"),
        (Decimal("1.5"), "1.5"),
    ],
)  # fmt: skip
def test_a_value_is_shown_shortly(value: object, text: str) -> None:
    assert shown(value) == text
