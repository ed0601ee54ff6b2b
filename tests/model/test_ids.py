"""Our id of an order: the same for the same arguments, different for different ones, and readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.ids import IdParts, client_order_id, id_parts, is_ours

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
counts = st.integers(0, 1295)
arguments = st.tuples(names, names, names, st.sampled_from("ETS"), counts, counts)


@given(arguments)
def test_is_what_dhan_takes_for_a_correlation_id(drawn: tuple[str, str, str, str, int, int]) -> None:
    tag = client_order_id(*drawn)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,30}", tag)
    assert is_ours(tag)
    assert tag == client_order_id(*drawn)


@given(arguments)
def test_leg_slice_and_generation_are_readable(drawn: tuple[str, str, str, str, int, int]) -> None:
    assert id_parts(client_order_id(*drawn)) == IdParts(*drawn[3:])


@given(st.lists(arguments, unique=True, min_size=2, max_size=30))
def test_different_arguments_give_different_ids(drawn: list[tuple[str, str, str, str, int, int]]) -> None:
    assert len({client_order_id(*one) for one in drawn}) == len(drawn)


separators = st.text(":0123\0-", max_size=6)


@given(st.lists(st.tuples(separators, separators, separators), unique=True, min_size=2, max_size=30))
def test_names_cannot_borrow_from_one_another(drawn: list[tuple[str, str, str]]) -> None:
    assert len({client_order_id(*one, "E", 0, 0) for one in drawn}) == len(drawn)


def test_never_changes_between_releases() -> None:
    """A journal of an earlier release names orders by these ids."""
    assert client_order_id("1000000001", "112111182045", "F", "E", 0, 0) == "dc1-JF4RIMB6IYEHV2DO4QCP-E0000"


@pytest.mark.parametrize("leg", ["", "e", "ENTRY", "X"])
def test_other_legs_are_refused(leg: str) -> None:
    with pytest.raises(ValueError, match="leg must be E, T or S"):
        client_order_id("L", "1", "F", leg, 0, 0)


@pytest.mark.parametrize(("slice", "generation"), [(-1, 0), (1296, 0), (0, -1), (0, 1296)])
def test_numbers_beyond_two_digits_are_refused(slice: int, generation: int) -> None:
    with pytest.raises(ValueError, match="must be between 0 and 1295"):
        client_order_id("L", "1", "F", "E", slice, generation)


@pytest.mark.parametrize(
    "tag",
    [None, "", "dc1-", "mine", "dc2-AAAAAAAAAAAAAAAAAAAA-E0000", "dc1-AAAAAAAAAAAAAAAAAAAA-X0000",
     "dc1-AAAAAAAAAAAAAAAAAAAA-E000", "dc1-AAAAAAAAAAAAAAAAAAAA-E0000\n", " dc1-AAAAAAAAAAAAAAAAAAAA-E0000"],
)  # fmt: skip
def test_other_tags_have_no_parts(tag: str | None) -> None:
    assert id_parts(tag) is None


@pytest.mark.parametrize(("tag", "ours"), [(None, False), ("", False), ("bot-dc1-7", False), ("DC1-7", False), ("dc1-7", True)])
def test_ours_by_the_prefix_alone(tag: str | None, ours: bool) -> None:
    """Also a tag of ours that is cut short or from another release is never a leader order to copy."""
    assert is_ours(tag) is ours
