"""The command prints the documented shape, and what it counts is exact; times are not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def test_json_is_one_object_with_a_value_its_range_and_its_target() -> None:
    done = command("b10", "--json")
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout).items()
    name, figures = result
    assert name == "B10"
    assert list(figures) == ["value", "min", "max", "unit", "target", "meets"]
    assert 0 < figures["min"] <= figures["value"] <= figures["max"]
    assert (figures["unit"], figures["target"]) == ("x", 1.0)
    assert figures["meets"] is (figures["value"] <= 1.0)


def test_lines_name_peer_and_floor() -> None:
    done = command("B10")
    assert done.returncode == 0, done.stderr
    assert "import dhanhq: " in done.stdout and "heavy modules loaded: none" in done.stdout


def test_an_unknown_id_is_refused_by_name() -> None:
    done = command("B10", "B99")
    assert done.returncode == 2
    assert "no such benchmark: B99" in done.stderr and done.stdout == ""
