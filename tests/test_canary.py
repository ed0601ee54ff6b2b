"""F52: a token that any test shows is noticed, wherever it is shown."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

LEAKS = """
import logging, sys

TOKEN = "local-token-" + "1"

def test_log():
    logging.getLogger("x").debug("got %s", TOKEN)

def test_stdout():
    print(TOKEN)

def test_stderr():
    sys.stderr.write(TOKEN)

def test_file(tmp_path):
    (tmp_path / "journal.db").write_bytes(b"..." + TOKEN.encode())

def test_page(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.html").write_text(TOKEN)

def test_traceback():
    raise ValueError(f"bad token {TOKEN}")

def test_clean(tmp_path):
    print("local-token-")
"""


def test_f52_a_token_in_any_sink_is_noticed(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "log_level=DEBUG", "--rootdir=.", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    _, _, summary = done.stdout.partition("an access token was shown")
    noticed = {
        name for name in ("log", "stdout", "stderr", "file", "page", "traceback", "clean") if f"::test_{name} " in summary
    }
    assert noticed == {"log", "stdout", "stderr", "file", "page", "traceback"}
