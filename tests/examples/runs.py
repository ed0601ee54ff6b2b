"""Runs examples as a user does: in processes of their own, in a folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
TIMEOUT_SECONDS = 60.0


def environment(folder: Path, more: Mapping[str, str] = {}) -> dict[str, str]:
    """This process's environment without accounts, and with the locks of accounts kept in ``folder``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DHAN_")}
    if "PYTHONPATH" in kept:  # it may be relative, and the run is elsewhere
        kept["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in kept["PYTHONPATH"].split(os.pathsep))
    return {**kept, "XDG_STATE_HOME": str(folder), **more}


def started(folder: Path, example: str, *arguments: str, more: Mapping[str, str] = {}) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / example), *arguments],
        cwd=folder, env=environment(folder, more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(folder: Path, example: str, *arguments: str, more: Mapping[str, str] = {}) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a whole run."""
    process = started(folder, example, *arguments, more=more)
    try:
        said, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        process.kill()
        process.wait()
    return process.returncode, said, errors


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The JSON line of a local Dhan server in a process of its own."""
    command = [sys.executable, "-m", "dhan_copy.testing", "serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(folder))
    try:
        assert process.stdout is not None
        yield process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_SECONDS)


def ask(server: str, command: str) -> list[dict[str, Any]]:
    """What the server's control endpoint answers to a question with one list for an answer."""
    with build_opener(ProxyHandler({})).open(json.loads(server)["control"] + command, timeout=30) as answer:
        found = json.load(answer)
    [rows] = [value for value in found.values() if isinstance(value, list)]
    return list(rows)
