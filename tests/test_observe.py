"""One log line per journal entry, and no text from outside can forge one."""

from __future__ import annotations

import json
import logging

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    CheckpointWritten,
    Entry,
    Fact,
    GapDetected,
    LeaderReported,
    ReportUnreadable,
    RequestIssued,
)
from dhan_copy.observe import LogFormat, fields, line, log
from dhan_copy.model.ids import AccountName
from tests.runtime.fakes import LEADER, START, report, submit, tag

ALERT = AlertRaised(code="X", what="it broke", known="nothing", advice="look", account=LEADER)


def entry(fact: Fact, cause: int | None = None) -> Entry:
    return Entry(7, START, fact, cause)


def test_a_line_names_position_time_cause_fact_and_fields() -> None:
    assert line(entry(GapDetected(account=LEADER, cause="reset by peer"), 3)) == (
        'position=7 at=2026-09-01T10:00:00+05:30 caused_by=3 fact=GapDetected account=L cause="reset by peer" connected=True'
    )


def test_no_field_of_a_fact_hides_what_the_entry_says() -> None:
    names = {field.name for kind in Fact.__args__ for field in attrs.fields(kind)}
    assert not names & {"position", "at", "caused_by", "fact"}


def test_nested_values_have_dotted_names() -> None:
    said = fields(entry(LeaderReported(leader=LEADER, report=report("9"), channel=Channel.STREAM)))
    assert said["report.order_id"] == "9"
    assert (said["report.terms.type"], said["report.terms.price"]) == ("Limit", "100")
    assert said["report.status"] == "PENDING" and said["report.quantity"] == 150
    assert fields(entry(RequestIssued(request=submit())))["request.terms"] == "Market"
    assert fields(entry(BookRead(account=LEADER, read_at=START, tags=(tag(),))))["tags.count"] == 1


def test_what_is_kept_out_of_reprs_is_kept_out_of_the_log() -> None:
    secret = "raw-frame-text"
    facts: list[Fact] = [
        LeaderReported(leader=LEADER, report=evolve(report(), raw=secret), channel=Channel.STREAM),
        ReportUnreadable(account=LEADER, problem="p", raw=secret),
        CheckpointWritten(whole=True, state=secret, leader_orders=(secret,), trades=(secret,)),
    ]
    for fact in facts:
        assert secret not in line(entry(fact)) and secret not in line(entry(fact), LogFormat.JSON)


@given(st.text(), st.text())
def test_f53_hostile_text_stays_one_line_of_printable_ascii_and_comes_back_whole(account: str, cause: str) -> None:
    fact = GapDetected(account=AccountName(account), cause=cause)
    for form in LogFormat:
        written = line(entry(fact), form)
        assert written.isascii() and written.isprintable()
    read = json.loads(line(entry(fact), LogFormat.JSON))
    if cause and len(cause) <= 500:
        assert read["cause"] == cause


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=80))
def test_f53_hostile_text_adds_no_field(cause: str) -> None:
    words = line(entry(GapDetected(account=LEADER, cause=cause))).split(" cause=", 1)
    assert words[0].endswith("account=L")
    quoted, last = words[1].rsplit(" ", 1)
    assert last == "connected=True"
    assert (json.loads(quoted) if quoted.startswith('"') else quoted) == cause


def test_huge_text_is_cut() -> None:
    assert len(line(entry(GapDetected(account=LEADER, cause="x" * 1_000_000)))) < 1_000


def test_an_alert_alone_has_no_position() -> None:
    assert line(ALERT).startswith("fact=AlertRaised code=X")


def test_alerts_are_warnings_and_the_rest_information(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dhan_copy")
    log(ALERT)
    log(entry(ALERT))
    log(entry(GapDetected(account=LEADER, cause="%s %d")), LogFormat.JSON)
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.WARNING, logging.INFO]
    assert json.loads(caplog.records[2].getMessage())["cause"] == "%s %d"


def test_nothing_is_formatted_for_a_level_that_is_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="dhan_copy")
    log(ALERT)
    assert caplog.records == []
