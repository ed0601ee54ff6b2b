"""The library's sizers pass; sizers that guess, break or change their mind do not."""

from __future__ import annotations

from itertools import count

import pytest

from dhan_copy.core.leader import LeaderOrder
from dhan_copy.errors import SizingError
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import Accounts, PositionSizer
from dhan_copy.core.sizers import CapitalProportional, SameQuantity
from dhan_copy.testing.conformance import SizerConformance


class TestRatio(SizerConformance):
    def make_sizer(self) -> PositionSizer:
        return Ratio("1/3")


class TestQuantity(SizerConformance):
    def make_sizer(self) -> PositionSizer:
        return Quantity(75)


class TestSameQuantity(SizerConformance):
    def make_sizer(self) -> PositionSizer:
        return SameQuantity()


class TestCapitalProportional(SizerConformance):
    def make_sizer(self) -> PositionSizer:
        return CapitalProportional()


class Fixed:
    """Answers anything."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity:
        return self.answer  # type: ignore[return-value]


class Broken:
    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity:
        assert accounts.leader is not None and accounts.follower is not None
        return Ratio(1)


class Declining:
    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity:
        raise SizingError("never")


class Moody:
    def __init__(self) -> None:
        self.asked = count(1)

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity:
        return Quantity(next(self.asked))


def suite(sizer: PositionSizer) -> SizerConformance:
    class Suite(SizerConformance):
        def make_sizer(self) -> PositionSizer:
            return sizer

    return Suite()


@pytest.mark.parametrize("answer", [0.5, 75, "1/2", True])
def test_an_answer_of_another_kind_is_found(answer: object) -> None:
    with pytest.raises(AssertionError):
        suite(Fixed(answer)).test_it_answers_a_size_or_declines()


def test_an_error_that_does_not_decline_is_found() -> None:
    with pytest.raises(AssertionError):
        suite(Broken()).test_it_answers_a_size_or_declines()


def test_a_sizer_that_always_declines_is_found() -> None:
    with pytest.raises(AssertionError):
        suite(Declining()).test_it_answers_when_all_is_known()


def test_a_sizer_that_changes_its_mind_is_found() -> None:
    with pytest.raises(AssertionError):
        suite(Moody()).test_the_same_question_has_the_same_answer()


def test_the_suite_asks_how_a_sizer_is_made() -> None:
    with pytest.raises(NotImplementedError):
        SizerConformance().make_sizer()
