"""The dictionaries cover the vocabulary, and status words are compared by letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan import words
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.order import Leg, OrderStatus, Product, Side


def test_every_value_has_its_word() -> None:
    assert set(words.SEGMENT_BY_LETTER.values()) == set(words.SEGMENT.values()) == set(ExchangeSegment)
    assert set(words.PRODUCT_BY_LETTER.values()) == set(words.PRODUCT.values()) == set(Product)
    assert set(words.SIDE_BY_LETTER.values()) == set(words.SIDE.values()) == set(Side)
    assert set(words.LEG_BY_NUMBER.values()) == set(words.LEG.values()) == set(Leg)


@given(st.sampled_from(list(OrderStatus)), st.sampled_from(["", " ", "_", "-", "."]), st.booleans())
def test_a_status_is_known_however_it_is_written(status: OrderStatus, between: str, title: bool) -> None:
    word = status.value.replace("_", between)
    assert words.status_of(word.title() if title else word) is status


@pytest.mark.parametrize("word", ["", "TRADE", "TRADED2", "FILLED", "UNKNOWN", "\u0130NACTIVE"])
def test_a_word_that_dhan_does_not_use_is_no_status(word: str) -> None:
    assert words.status_of(word) is None
    assert words.status_of(word) is None


def test_the_memory_of_status_words_is_bounded() -> None:
    for blanks in range(600):
        assert words.status_of("Traded" + " " * blanks) is OrderStatus.TRADED
    assert len(words._status_seen) <= 256
