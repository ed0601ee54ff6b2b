"""README's commands are the ones that continuous integration runs, and what they name exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)


def test_readme_has_two_commands_and_the_first_runs_the_example() -> None:
    first, second = BLOCKS
    assert "python3 -m venv .venv" in first and "python3 -m venv .venv" in second
    (script,) = re.findall(r"\.venv/bin/python (\S+\.py)", first)
    assert (ROOT / script).is_file()


def test_ci_runs_the_tests_as_the_readme_does() -> None:
    installs, runs = re.findall(r"\.venv/bin/(?:pip|python) (.+?)(?: &&|\n)", BLOCKS[1])
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert installs.removeprefix("install ") in script
    assert f'"$python" {runs}' in script


def test_the_notebook_example_runs() -> None:
    examples = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    (playground,) = [code for code in examples if "Playground" in code]
    names: dict[str, Any] = {}
    exec(playground, names)
    (order,) = names["lab"].orders()
    assert (order["quantity"], order["ordered"]) == (150, 75)
