"""A copy with some fields changed is what attrs would have made."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.evolving import evolve
from dhan_copy.core.ledger import Stake


@given(long=st.integers(0, 100), short=st.integers(0, 100), manual=st.integers(0, 100))
def test_it_is_what_attrs_would_make(long: int, short: int, manual: int) -> None:
    before = Stake(long=long)
    assert evolve(before, short=short, manual=manual) == attrs.evolve(before, short=short, manual=manual)
    assert before == Stake(long=long)


def test_the_copy_is_as_frozen_as_its_model() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        evolve(Stake(), long=1).long = 2  # type: ignore[misc]
