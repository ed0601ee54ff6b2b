"""The command ``power``: its last line, its exit status, and what it says where apsw is missing."""

from __future__ import annotations

import argparse
import json
import sys

import pytest

from dhan_copy.testing.power import cli


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_options(parser)
    return parser.parse_args(words)


def test_the_last_line_is_json() -> None:
    pytest.importorskip("apsw", reason="power cuts need apsw")
    lines: list[str] = []
    status = cli.run(parsed("--seed", "1", "--cuts", "2"), lines.append)
    summary = json.loads(lines[-1])
    assert (status, summary["seed"], summary["violations"]) == (0, 1, 0)
    assert summary["cuts"] >= 2


def test_a_violation_comes_with_the_command_that_shows_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apsw", reason="power cuts need apsw")
    from dhan_copy.testing.power import cuts
    from dhan_copy.testing.power.promises import Promises

    def judge(self: Promises, path: object) -> int:
        self.broken.append("it is all lost")
        return 0

    monkeypatch.setattr(cuts.Promises, "judge", judge)
    lines: list[str] = []
    assert cli.run(parsed("--seed", "3", "--cuts", "9"), lines.append) == 1
    assert lines[0] == "VIOLATION: it is all lost\nagain: python -m dhan_copy.testing power --seed 3 --cuts 1"
    assert json.loads(lines[-1])["violations"] == 1


def test_without_apsw_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apsw", None)
    lines: list[str] = []
    assert cli.run(parsed(), lines.append) == 2
    assert "pip install apsw" in lines[0] and len(lines) == 1


@pytest.mark.parametrize("words", [("--cuts", "0"), ("--cuts", "many"), ("--seed", "x")])
def test_senseless_options_are_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert words[0] in capsys.readouterr().err
