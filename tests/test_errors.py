"""Errors: one tree, with the ids concerned, the broker's own words, and what to do next."""

from __future__ import annotations

import pytest

from dhan_copy import errors
from dhan_copy.core.facts import Refusal
from dhan_copy.errors import BrokerError, DhanCopyError, RateLimited, ReadError, Rejected, Unresolved, UnreadableReport

ALL = [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, DhanCopyError)]
BROKER = [kind for kind in ALL if issubclass(kind, BrokerError)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_says_what_happened_and_to_whom(kind: type[DhanCopyError]) -> None:
    error = kind("it broke", order_id="112111182045", account=None)
    assert error.ids == {"order_id": "112111182045"}
    assert str(error).startswith("it broke (order_id 112111182045)")
    assert str(error).endswith(kind.advice or "112111182045)")


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_is_documented(kind: type[DhanCopyError]) -> None:
    assert kind.__doc__ and kind.__doc__ != kind.__mro__[1].__doc__


def test_advice_may_be_better_known_where_it_is_raised() -> None:
    error = errors.ConfigurationError("no size", advice="Give size=.")
    assert str(error) == "no size - Give size=."
    assert error.what_to_do == "Give size=."


@pytest.mark.parametrize("kind", BROKER, ids=lambda kind: kind.__name__)
def test_the_brokers_own_words_are_kept(kind: type[BrokerError]) -> None:
    error = kind("refused", code="DH-906", text="Order Has Traded Please Refresh Order Book")
    assert (error.code, error.text) == ("DH-906", "Order Has Traded Please Refresh Order Book")


def test_a_no_and_not_knowing_are_different_things() -> None:
    assert not any(issubclass(kind, Rejected) and issubclass(kind, (Unresolved, ReadError)) for kind in ALL)


def test_what_heals_itself_is_not_final() -> None:
    passing = {kind.__name__ for kind in ALL if issubclass(kind, Rejected) and not kind("no").final}
    assert {"RateLimited", "AuthenticationError", "AddressRejected"} <= passing
    assert "PlacementRejected" not in passing and "InsufficientFunds" not in passing


def test_whoever_raises_may_know_better_whether_it_is_final() -> None:
    assert Rejected("no").final and not Rejected("not now", final=False).final


def test_every_refusal_that_matters_has_an_error() -> None:
    assert {kind.refusal for kind in ALL if issubclass(kind, Rejected)} == set(Refusal)


def test_a_rate_limit_says_when_to_come_back() -> None:
    assert RateLimited("slow down", retry_after_seconds=1.5, code="DH-904").retry_after_seconds == 1.5
    assert RateLimited("slow down").retry_after_seconds is None


def test_an_unreadable_report_names_the_field() -> None:
    assert UnreadableReport("unknown status 'Foo'", field_name="status").field_name == "status"
    assert UnreadableReport("not JSON").field_name is None


def test_wrong_values_are_value_errors_too() -> None:
    assert issubclass(errors.ValidationError, ValueError) and issubclass(UnreadableReport, ValueError)
