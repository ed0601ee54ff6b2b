"""A shelf is a dict, whose values may be made late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.shelf import Shelf

keys = st.integers(0, 5)
moves = st.lists(st.tuples(st.sampled_from(["set", "text", "read", "get"]), keys, st.integers(0, 99)))


@given(moves)
def test_it_is_a_dict_that_knows_what_was_set(script: list[tuple[str, int, int]]) -> None:
    shelf: Shelf[int, int] = Shelf(int)
    expected: dict[int, int] = {}
    changed: dict[int, None] = {}
    for what, key, value in script:
        if what == "set":
            shelf[key] = expected[key] = value
            changed[key] = None
        elif what == "text":
            shelf.put_text(key, str(value))
            expected[key] = value
        elif what == "read" and key in shelf:
            assert shelf[key] == expected[key]
        elif what == "get":
            assert shelf.get(key) == expected.get(key)
            assert shelf.get(key, -1) == expected.get(key, -1)
    assert list(shelf) == list(expected) and len(shelf) == len(expected)
    assert list(shelf.changed) == list(changed)
    assert dict(shelf.copy().items()) == dict(shelf.items()) == expected
    assert list(shelf.values()) == list(expected.values())
    shelf.saved()
    assert not shelf.changed
    shelf.clear()
    assert not len(shelf) and 0 not in shelf


def test_values_are_made_once_and_only_for_who_asks() -> None:
    made: list[str] = []

    def read(text: str) -> list[str]:
        made.append(text)
        return [text]

    shelf: Shelf[str, list[str]] = Shelf(read)
    shelf.put_text("a", "1")
    shelf.put_text("b", "2")
    assert "a" in shelf and list(shelf) == ["a", "b"] and not made
    assert shelf["b"] is shelf["b"]
    assert made == ["2"] and not shelf.changed


def test_a_copy_goes_its_own_way() -> None:
    shelf: Shelf[int, int] = Shelf(int)
    shelf[1] = 1
    other = shelf.copy()
    shelf[2] = 2
    assert list(other) == [1]
