"""The sample facts leave out no kind and no field."""

from __future__ import annotations

from typing import get_args

import attrs
import pytest

from dhan_copy.core.facts import Fact, RequestIssued
from dhan_copy.core.requests import Request
from dhan_copy.testing.conformance.samples import sample_entries, sample_facts


@pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)
def test_every_field_of_every_kind_is_given_somewhere(kind: type[Fact]) -> None:
    samples = [fact for fact in sample_facts() if type(fact) is kind]
    assert samples
    for field in attrs.fields(kind):
        if field.default is not attrs.NOTHING:
            assert {getattr(fact, field.name) == field.default for fact in samples} >= {False}, field.name


def test_every_kind_of_request_is_there() -> None:
    requests = {type(fact.request) for fact in sample_facts() if isinstance(fact, RequestIssued)}
    assert requests == set(get_args(Request))


def test_the_sample_entries_are_a_journal() -> None:
    entries = sample_entries()
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[0].cause is None and entries[1].cause == 1
