"""Faults are used up in the order they were planned."""

import pytest

from dhan_copy.testing.server.faults import FaultPlan, HttpFault


def test_the_first_that_matches_is_used_up() -> None:
    plan = FaultPlan()
    plan.add(HttpFault(account="A", count=2, status=1))
    plan.add(HttpFault(method="POST", path="/orders", status=2))
    plan.add(HttpFault(count=None, status=3))
    asked = [("A", "/orders"), ("B", "/funds"), ("A", "/orders"), ("B", "/orders/1"), ("A", "/orders"), (None, "/")]
    met = [plan.next(account, "POST", path) for account, path in asked]
    assert [fault and fault.status for fault in met] == [1, 3, 1, 2, 3, 3]
    plan.clear()
    assert plan.next("A", "POST", "/orders") is None


def test_a_fault_comes_at_least_once() -> None:
    with pytest.raises(ValueError):
        HttpFault(count=0)
