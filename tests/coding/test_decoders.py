"""Decoders of classes that are no facts."""

from __future__ import annotations

import copy
from datetime import datetime

import pytest
from attrs import field, frozen, validators

from dhan_copy.coding import decoders
from dhan_copy.coding.decoders import Decoders
from dhan_copy.coding.source import Malformed, UnknownHere


@frozen
class Inner:
    a: int
    b: str = ""


@frozen(kw_only=True)
class Outer:
    inner: Inner
    either: Inner | Other | None = None
    many: tuple[Inner, ...] = ()
    pair: tuple[str, Inner] | None = None
    at: datetime | None = None
    size: int = field(default=1, validator=validators.ge(1))

    def __attrs_post_init__(self) -> None:
        if self.size == 13:
            raise ValueError("unlucky")


@frozen
class Other:
    c: bool


def outer(**more: object) -> object:
    return Decoders().of(Outer)({"inner": {"a": 1}, **more})


def test_missing_fields_take_their_defaults() -> None:
    assert outer() == Outer(inner=Inner(1))


def test_unions_tuples_and_parts() -> None:
    made = outer(either={"$": "Other", "c": True}, many=[{"a": 2, "b": "x"}, {"b": "y", "a": 3}], pair=["z", {"a": 4}], size=5)
    many = (Inner(2, "x"), Inner(3, "y"))
    assert made == Outer(inner=Inner(1), either=Other(True), many=many, pair=("z", Inner(4)), size=5)


def test_the_order_of_keys_does_not_matter() -> None:
    decode = Decoders().of(Outer)
    assert decode({"size": 2, "inner": {"b": "x", "a": 1}}) == decode({"inner": {"a": 1, "b": "x"}, "size": 2})


@pytest.mark.parametrize(
    "more",
    [
        {"extra": 1},
        {"$": "Outer"},
        {"inner": {"$": "Inner", "a": 1}},
        {"either": {"$": "Nobody", "c": True}},
        {"either": {"$": "Other", "c": True, "d": 1}},
    ],
)
def test_unknown_names_are_told_from_damage(more: dict[str, object]) -> None:
    with pytest.raises(UnknownHere):
        outer(**more)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"inner": None}, Malformed),
        ({"inner": []}, Malformed),
        ({"inner": {}}, KeyError),
        ({"inner": {"a": [1]}}, TypeError),
        ({"inner": {"a": "1"}}, Malformed),
        ({"either": []}, Malformed),
        ({"either": {"c": True}}, KeyError),
        ({"either": {"$": None, "c": True}}, Malformed),
        ({"either": {"$": "Other", "c": 1}}, Malformed),
        ({"many": {}}, Malformed),
        ({"many": [1]}, Malformed),
        ({"pair": []}, Malformed),
        ({"pair": ["x"]}, Malformed),
        ({"pair": ["x", {"a": 1}, 3]}, Malformed),
        ({"pair": [{"a": 1}, "x"]}, Malformed),
        ({"at": "2026-09-01T00:00:00"}, Malformed),
        ({"size": 0}, ValueError),
        ({"size": 13}, ValueError),
    ],
)
def test_damage_is_refused(more: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        outer(**more)


def test_an_explicit_null_is_not_a_default() -> None:
    with pytest.raises(Malformed):
        outer(size=None)


def test_constructors_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "_SHAPES", 2)
    decode = Decoders().of(Outer)
    bodies = [({"inner": {"a": 1}}, 1), ({"inner": {"a": 1}, "size": 2}, 2), ({"size": 3, "inner": {"a": 1}}, 3)]
    for body, size in bodies * 2:
        assert decode(copy.deepcopy(body)) == Outer(inner=Inner(1), size=size)
