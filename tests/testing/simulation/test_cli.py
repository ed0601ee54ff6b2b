"""The command ``simulate``: its options, its last line and its exit status."""

from __future__ import annotations

import argparse
import json

import pytest

from dhan_copy.testing.simulation import cli
from dhan_copy.testing.simulation.oracle import Violation
from dhan_copy.testing.simulation.summary import Summary


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_options(parser)
    return parser.parse_args(words)


def test_the_last_line_is_json_and_the_status_says_whether_anything_was_violated() -> None:
    lines: list[str] = []
    status = cli.run(parsed("--seed", "3", "--days", "1", "--orders", "10", "--followers", "2"), lines.append)
    summary = json.loads(lines[-1])
    assert (summary["seed"], summary["days"]) == (3, 1)
    assert status == (1 if summary["violations"] else 0)


@pytest.mark.parametrize(
    "words", [("--days", "0"), ("--form", "cover"), ("--behind", "run"), ("--faults", "F99"), ("--orders", "many")]
)
def test_senseless_options_are_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert words[0] in capsys.readouterr().err


def test_faults_are_chosen_by_name() -> None:
    assert parsed("--faults", "F31,F36").faults == ["F31", "F36"]
    assert parsed("--faults", "none").faults == []
    assert "F31" in cli.describe_faults()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), ""),
        (("--form", "super"), " --form super"),
        (("--behind", "chase"), " --behind chase"),
        (("--forever", "0.3", "--form", "super", "--faults", "none"), " --form super --forever 0.3 --faults none"),
    ],
)
def test_the_command_that_shows_it_again_names_the_form(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], named: str
) -> None:
    broken = Summary(0, 1, 5, (Violation(0, 1.0, 5, "too much", ()),), {}, {}, 1, 1.0, "0")
    monkeypatch.setattr(cli, "simulate", lambda *args, **options: broken)
    lines: list[str] = []
    assert cli.run(parsed("--orders", "5", *words), lines.append) == 1
    assert lines[0].endswith(f"simulate --seed 0 --days 1 --orders 5 --followers 5 --linked 0.2{named}")
