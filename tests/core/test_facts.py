"""Facts name whom and what they are about, so that the journal can be asked."""

from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import given

from dhan_copy.core.facts import (
    AlertRaised,
    CopyAdmitted,
    CopyDeclined,
    DayOpened,
    DriftDeclared,
    EngineStarted,
    Entry,
    Fact,
    LeaderReported,
    OrderReported,
    RequestIssued,
    SourceStarted,
    TradingStateChanged,
)
from dhan_copy.core.requests import Submit
from dhan_copy.testing.strategies import facts

AT = datetime(2026, 1, 5, 4, 0, tzinfo=timezone.utc)


def entry(fact: Fact) -> Entry:
    return Entry(1, AT, fact)


@given(facts(CopyAdmitted, CopyDeclined, DriftDeclared, OrderReported))
def test_a_fact_about_a_copy_is_the_followers(fact: CopyAdmitted | CopyDeclined | DriftDeclared | OrderReported) -> None:
    assert entry(fact).account == fact.follower


@given(facts(RequestIssued))
def test_a_request_is_the_followers_and_a_placement_names_the_leaders_order(fact: RequestIssued) -> None:
    assert entry(fact).account == fact.request.follower
    expected = fact.request.leader_order_id if isinstance(fact.request, Submit) else None
    assert entry(fact).leader_order_id == expected


@given(facts(LeaderReported))
def test_a_leaders_report_is_his_and_about_his_order(fact: LeaderReported) -> None:
    assert entry(fact).account == fact.leader
    assert entry(fact).leader_order_id == fact.report.order_id


@given(facts(CopyAdmitted, CopyDeclined, DriftDeclared, AlertRaised))
def test_decisions_and_alerts_name_the_leaders_order_where_there_is_one(
    fact: CopyAdmitted | CopyDeclined | DriftDeclared | AlertRaised,
) -> None:
    assert entry(fact).leader_order_id == fact.leader_order_id


@given(facts(SourceStarted, AlertRaised))
def test_other_facts_are_of_the_account_that_they_name(fact: SourceStarted | AlertRaised) -> None:
    assert entry(fact).account == fact.account


@given(facts(TradingStateChanged))
def test_a_change_for_everybody_is_nobodys(fact: TradingStateChanged) -> None:
    assert entry(fact).account == fact.follower


@given(facts(DayOpened, EngineStarted))
def test_a_fact_about_nobody_has_no_account(fact: DayOpened | EngineStarted) -> None:
    assert entry(fact).account is None and entry(fact).leader_order_id is None
