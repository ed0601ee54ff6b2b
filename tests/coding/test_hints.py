"""What a class must be like to be journaled, said when its functions are made and not when a row is read."""

from __future__ import annotations

from decimal import Decimal
from typing import NewType

import pytest
from attrs import Factory, field, frozen

from dhan_copy.core.facts import DayOpened, LeaderReported, ReportUnreadable
from dhan_copy.model.order import Limit, Market, OrderReport
from dhan_copy.coding.decoders import Decoders
from dhan_copy.coding.encoders import Encoders
from dhan_copy.coding.hints import default_of, fields_of, is_scalar, items_of, members_of, plain, raw_path

Name = NewType("Name", str)
Nick = NewType("Nick", Name)


@frozen
class WithFactory:
    items: tuple[int, ...] = Factory(tuple)
    dependent: int = Factory(lambda self: 1, takes_self=True)


@frozen
class Converted:
    value: int = field(converter=int)


@frozen
class Hidden:
    value: int = field(init=False, default=1)


@frozen
class Many:
    reports: tuple[OrderReport, ...] = ()


@frozen
class Maybe:
    report: OrderReport | None = None


@frozen
class Twice:
    first: OrderReport
    second: OrderReport


@frozen
class Odd:
    value: dict[str, int] = Factory(dict)


@frozen
class Confusing:
    value: int | str = 1


@frozen(slots=False)
class Loose:
    value: int


def test_new_types_are_what_they_name() -> None:
    assert plain(Nick) is str
    assert dict((f.name, hint) for f, hint in fields_of(DayOpened))["day"] is str


def test_defaults_are_values_or_made() -> None:
    items, dependent = (f for f, _ in fields_of(WithFactory))
    assert default_of(items) == ()
    with pytest.raises(TypeError, match="depends on other fields"):
        default_of(dependent)


def test_unions_of_classes_and_none() -> None:
    assert members_of(Limit | Market | None) == ((Limit, Market), True)
    assert members_of(Limit | Market) == ((Limit, Market), False)
    assert members_of(int | None) == ((int,), True)
    assert members_of(int) == ((), False)
    with pytest.raises(TypeError, match="told apart"):
        members_of(int | str)


def test_tuples_are_the_only_collections() -> None:
    assert items_of(tuple[Name, ...], "x") == ((str,), True)
    assert items_of(tuple[Name, int], "x") == ((str, int), False)
    for hint in (list[int], dict[str, int], tuple, float, object):
        with pytest.raises(TypeError, match="cannot be journaled"):
            items_of(hint, "X.y")


def test_scalars() -> None:
    assert is_scalar(int) and is_scalar(Decimal | None)
    assert not is_scalar(Limit) and not is_scalar(Limit | None) and not is_scalar(tuple[int, ...])


def test_raw_text_is_found_where_it_is() -> None:
    assert raw_path(ReportUnreadable) == ("raw",)
    assert raw_path(LeaderReported) == ("report", "raw")
    assert raw_path(DayOpened) is None


@pytest.mark.parametrize("cls", [Many, Maybe, Twice])
def test_raw_text_that_could_not_be_kept_beside_the_body_is_refused(cls: type) -> None:
    with pytest.raises(TypeError, match="raw text"):
        raw_path(cls)


@pytest.mark.parametrize("cls", [Converted, Hidden, Odd, Confusing])
def test_classes_that_cannot_be_journaled_are_refused_at_once(cls: type) -> None:
    with pytest.raises(TypeError):
        Encoders().of(cls)
    if cls in (Converted, Hidden):
        with pytest.raises(TypeError):
            fields_of(cls)


def test_a_class_without_slots_is_refused() -> None:
    with pytest.raises(TypeError, match="slots"):
        Decoders().of(Loose)({"value": 1})
