"""Ids of our orders: a function of what they are for, short enough for Dhan, and never anybody else's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.ids import PREFIX, IdParts, client_order_id, id_parts, is_ours

NAMES = st.text(min_size=1, max_size=20)
NUMBERS = st.integers(0, 1295)
ARGUMENTS = st.tuples(NAMES, NAMES, NAMES, st.sampled_from("ETS"), NUMBERS, NUMBERS)


@given(ARGUMENTS)
def test_an_id_fits_into_dhans_correlation_id(arguments: tuple[str, str, str, str, int, int]) -> None:
    tag = client_order_id(*arguments)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,30}", tag)
    assert tag == client_order_id(*arguments)
    assert is_ours(tag)


@given(ARGUMENTS)
def test_leg_slice_and_generation_can_be_read_back(arguments: tuple[str, str, str, str, int, int]) -> None:
    assert id_parts(client_order_id(*arguments)) == IdParts(*arguments[3:])


@given(ARGUMENTS, ARGUMENTS)
def test_other_arguments_give_another_id(
    one: tuple[str, str, str, str, int, int], other: tuple[str, str, str, str, int, int]
) -> None:
    assert (client_order_id(*one) == client_order_id(*other)) is (one == other)


@given(NAMES, NAMES, NAMES)
def test_moving_a_character_between_names_gives_another_id(leader: str, order: str, follower: str) -> None:
    assert client_order_id(leader + "x", order, follower, "E", 0, 0) != client_order_id(
        leader, "x" + order, follower, "E", 0, 0
    )


def test_an_id_never_changes_between_releases() -> None:
    """A restart after an upgrade must find the orders of before."""
    assert client_order_id("1000000001", "112111182045", "WIFE", "E", 0, 0) == "dc1-JJWLZPABIFRZK5FMUYDI-E0000"


@pytest.mark.parametrize("tag", [None, "", "NA", "DFT", "dc2-x", "1000000001-1736491974434"])
def test_other_tags_are_not_ours(tag: str | None) -> None:
    assert not is_ours(tag)
    assert id_parts(tag) is None


def test_our_prefix_alone_is_ours_but_has_no_parts() -> None:
    assert is_ours(PREFIX)
    assert id_parts(PREFIX + "somebody-made-this-up") is None


@pytest.mark.parametrize("leg", ["", "X", "ENTRY", "e"])
def test_an_unknown_leg_is_refused(leg: str) -> None:
    with pytest.raises(ValueError, match="leg must be E, T or S"):
        client_order_id("L", "1", "F", leg, 0, 0)


@pytest.mark.parametrize("number", [-1, 1296])
def test_numbers_that_do_not_fit_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="slice must be between"):
        client_order_id("L", "1", "F", "E", number, 0)
    with pytest.raises(ValueError, match="generation must be between"):
        client_order_id("L", "1", "F", "E", 0, number)
