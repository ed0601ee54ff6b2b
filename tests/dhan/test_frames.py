"""JSON read exactly, without a dropped key, and written in one way."""

from __future__ import annotations

import json
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan.frames import canonical, decode, mapping
from dhan_copy.errors import UnreadableReport

PAIRS = st.lists(st.tuples(st.sampled_from(["a", "b", '":', "a:", " :"]), st.integers(0, 2)), max_size=5)


def written(pairs: list[tuple[str, int]], colon: str) -> str:
    return "{" + ",".join(f"{json.dumps(name)}{colon}{value}" for name, value in pairs) + "}"


@given(PAIRS, PAIRS, st.sampled_from([":", " :", ": ", "\n:", "\t:", "\r:", "  : "]))
def test_a_key_is_never_dropped_silently(outer: list[tuple[str, int]], inner: list[tuple[str, int]], colon: str) -> None:
    text = written(outer, colon)[:-1] + (", " if outer else "") + f'"Data"{colon}{written(inner, colon)}' + "}"
    contradiction = any(
        len({value for name, value in pairs if name == key}) > 1 for pairs in (outer, inner) for key, _ in pairs
    )
    if contradiction:
        with pytest.raises(UnreadableReport, match="twice"):
            decode(text)
    else:
        assert decode(text) == {**dict(outer), "Data": dict(inner)}


def test_a_key_twice_is_found_wherever_it_is() -> None:
    for text in ('[{"a":1,"a":2}]', '{"x":{"y":{"a":1,"a":2}}}', '{"Data":{"b":"\\":","a":1,"a":2}}'):
        with pytest.raises(UnreadableReport) as caught:
            decode(text)
        assert caught.value.field_name == "a"


def test_remarks_may_occur_several_times_and_all_are_kept() -> None:
    assert decode('{"Remarks":"NR","Remarks":"Super Order"}') == {"Remarks": "NR; Super Order"}
    assert decode('{"remarks":"NR","remarks":"NR"}') == {"remarks": "NR"}


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_numbers_are_exact(amount: Decimal) -> None:
    found = decode(f"[{amount:f}]")
    assert found == [amount]


def test_a_number_of_endless_digits_stays_text_until_it_is_read() -> None:
    digits = "1." + "3" * 60
    assert decode(f"[{digits}]") == [digits]


@pytest.mark.parametrize("row", [{"b": 1, "a": Decimal("1.50")}, MappingProxyType({"a": Decimal("1.50"), "b": 1})])
def test_a_mapping_has_one_text(row: dict[str, object]) -> None:
    assert canonical(row) == '{"a":"1.50","b":1}'


def test_nested_mappings_of_any_kind_have_a_text() -> None:
    assert canonical({"x": MappingProxyType({"y": [1]})}) == '{"x":{"y":[1]}}'


def test_what_is_not_json_has_no_text() -> None:
    loop: list[object] = []
    loop.append(loop)
    for value in (object(), float("nan"), loop, {1, 2}):
        with pytest.raises(UnreadableReport, match="not a JSON object"):
            canonical({"x": value})
    with pytest.raises(UnreadableReport, match="1048576"):
        canonical({"x": "y" * (1 << 20)})


def test_only_a_mapping_is_an_object() -> None:
    assert mapping({"a": 1}, "row") == {"a": 1}
    for value in (None, [], "{}"):
        with pytest.raises(UnreadableReport) as caught:
            mapping(value, "row")
        assert caught.value.field_name == "row"
