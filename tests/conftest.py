"""Hypothesis without deadlines, for a slow machine is not a failure; and an access token is found in no sink of any test.

F52: every token in the tests is made up and carries a mark. What a test writes to the log (at DEBUG), to stdout and
stderr, into a traceback, and into databases and pages in its folder is searched for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dhan_copy", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("dhan_copy")

MARK = re.compile(r"local-token-(\d|of-)|do-not-leak")
SINKS = ("*.db", "*.db-wal", "*.html", "*.log")
IN_A_FILE = "an access token is in the file"
leaked: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    told = [report.longreprtext, *(text for _, text in report.sections)]
    if any(MARK.search(text) or IN_A_FILE in text for text in told):
        leaked.append(f"{report.nodeid} ({report.when})")


@pytest.fixture(scope="session", autouse=True)
def locks_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Accounts have the same names everywhere: an engine of another worker, or of the user's, would hold them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def no_token_in_files(request: pytest.FixtureRequest) -> Iterator[None]:
    folder: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    for pattern in SINKS if folder is not None else ():
        for path in folder.rglob(pattern):
            if path.is_file() and MARK.search(path.read_bytes().decode("latin-1")):
                pytest.fail(f"{IN_A_FILE} {path.name}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if leaked:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if leaked:
        terminalreporter.section("an access token was shown (F52)")
        for where in leaked:
            terminalreporter.line(where)
