"""The table itself: no row is unreachable, none contradicts the rule that only a named no is a no."""

from __future__ import annotations

import re

import pytest

from dhan_copy.dhan.outcome_table import CHANGES, ORDERS, TABLE, WORDS, Asked, Body, Rule, Verdict
from dhan_copy.errors import RateLimited, Rejected, RequestTimedOut, Unresolved


def test_names_are_unique_and_every_row_says_why() -> None:
    assert len({rule.name for rule in TABLE}) == len(TABLE)
    assert [rule.name for rule in TABLE if not rule.source and rule.verdict is not Verdict.ACCEPTED] == []


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.name)
def test_the_error_of_a_row_is_of_its_verdict(rule: Rule) -> None:
    match rule.verdict:
        case Verdict.UNRESOLVED:
            assert rule.error is not None and issubclass(rule.error, Unresolved)
            assert not rule.final
        case Verdict.REJECTED:
            assert rule.error is None or issubclass(rule.error, Rejected)
        case Verdict.ACCEPTED:
            assert rule.error is None
            assert not rule.final


def test_no_answer_and_a_server_fault_are_never_a_definite_no() -> None:
    for rule in TABLE:
        if not rule.http or any(500 in codes for codes in rule.http):
            assert rule.verdict is Verdict.UNRESOLVED


def test_only_an_order_with_an_id_is_accepted() -> None:
    accepting = [rule for rule in TABLE if rule.verdict is Verdict.ACCEPTED and rule.asked & ORDERS]
    assert [rule.bodies for rule in accepting] == [(Body.ORDER,)]


def test_what_passes_is_not_final_and_the_rest_of_the_refusals_is() -> None:
    assert {rule.name for rule in TABLE if rule.verdict is Verdict.REJECTED and not rule.final} == {
        "too many requests",
        "rate limit code",
        "address not registered",
        "token refused",
        "authentication code",
        "unauthorized",
    }


def test_every_pattern_is_one() -> None:
    for rule in TABLE:
        re.compile(rule.codes)
        re.compile(rule.words)
    for pattern, error, asked in WORDS:
        assert re.compile(pattern, re.IGNORECASE).search("") is None
        assert issubclass(error, Rejected) and error is not RateLimited
        assert asked in (ORDERS, CHANGES)
    assert Asked.READ not in ORDERS
    assert issubclass(RequestTimedOut, Unresolved)
