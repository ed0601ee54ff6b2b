"""The command ``crash``: its options, its last line and its exit status."""

from __future__ import annotations

import argparse
import json

import pytest

from dhan_copy.testing.crash import cli
from dhan_copy.testing.crash.campaign import Campaign, Summary
from dhan_copy.testing.crash.oracle import Verdict
from dhan_copy.testing.crash.run import Plan, Ran


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_options(parser)
    return parser.parse_args(words)


def test_one_plan_is_run_again_and_the_last_line_is_json() -> None:
    lines: list[str] = []
    assert cli.run(parsed("--plan", "steps,die,4", "--repeat", "2", "--seed", "5"), lines.append) == 0
    summary = json.loads(lines[-1])
    assert (summary["seed"], summary["violations"], summary["lives"]) == (5, 0, 4)


def test_a_violation_is_told_first_and_the_status_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = Ran(Plan.parse("threads,die,3,core/plan.py:88:2"), Verdict(["two of one"], duplicates=1))

    def run(self: Campaign, points: int | None, double: int, interrupt: int, recoveries: int) -> Summary:
        assert (points, double, interrupt, recoveries) == (None, 1, 2, 3)
        self.summary.take(ran)
        self._failed(ran)
        return self.summary

    monkeypatch.setattr(Campaign, "run", run)
    lines: list[str] = []
    options = parsed("--points", "all", "--double", "1", "--interrupt", "2", "--recoveries", "3")
    assert cli.run(options, lines.append) == 1
    assert lines[0].splitlines() == [
        "VIOLATION: two of one",
        "again: python -m dhan_copy.testing crash --plan threads,die,3,core/plan.py:88:2",
    ]
    assert json.loads(lines[-1])["violations"] == 1


@pytest.mark.parametrize("words", [("--points", "-1"), ("--double", "many"), ("--plan", "sideways"), ("--seed", "x")])
def test_senseless_options_are_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert words[0] in capsys.readouterr().err
