"""``kill -9`` in the very moment of a write, a sync or a send of first_copy.py, then a rerun: each order exactly once.

Two kills, or as many as ``DHAN_COPY_STRACE_KILLS`` says; ``DHAN_COPY_KILL_SEED`` draws other moments (default 0).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dhan_copy import SqliteStore
from dhan_copy.core.facts import RequestIssued
from tests.examples.day import EXPECTED, Copy, copies
from tests.examples.runs import EXAMPLES, TIMEOUT_SECONDS, ask, environment, finished, served
from tests.examples.test_kill import alarms
from tests.proof.stage import LONG, needs_strace, tampering

KILLS = LONG or 2
SEED = int(os.environ.get("DHAN_COPY_KILL_SEED", "0"))
CALLS = {"sendto": 40, "fdatasync": 36, "pwrite64": 200}
"""And how often the thread that does it most makes each in a whole run: strace counts by thread."""


@needs_strace
@pytest.mark.parametrize("number", range(KILLS))
def test_f04_killed_at_a_system_call_and_rerun_each_order_is_there_once(tmp_path: Path, number: int) -> None:
    call = list(CALLS)[number % len(CALLS)]
    when = random.Random(f"{SEED} {number}").randint(1, CALLS[call])
    while not judged(tmp_path, call, when):
        when //= 2
        assert when, f"no thread ever makes {call}"


def judged(tmp_path: Path, call: str, when: int) -> bool:
    """Kill a run at the call and judge its rerun; false where no thread made so many: that depends on the run."""
    folder = tmp_path / str(when)
    folder.mkdir()
    log = folder / "strace.txt"
    with served(folder) as server:
        command = [*tampering(log, call, "signal=KILL", f"{when}"), sys.executable, str(EXAMPLES / "first_copy.py")]
        subprocess.run(
            [*command, "--server", server],
            cwd=folder, env=environment(folder), capture_output=True, timeout=TIMEOUT_SECONDS,
        )  # fmt: skip
        if "killed by SIGKILL" not in log.read_text(errors="replace"):
            return False
        before = ask(server, "/broker-log")
        status, said, errors = finished(folder, "first_copy.py", "--server", server)
        assert status == 0, said + errors
        log_of_all = ask(server, "/broker-log")
        books = {name: ask(server, f"/orders?account={name}") for name in EXPECTED}
    journal = folder / "first_copy.db"
    alarmed = alarms(journal, ("UNRESOLVED", "WITHHELD"))
    for name, expected in EXPECTED.items():
        tags = {row["correlationId"] for row in books[name]}
        assert len(tags) == len(books[name]), f"one id twice in {tags}"
        placed = copies(books[name])
        assert placed - expected == Counter[Copy](), f"killed at {call} {when}: {name} has too much"
        lost = alarmed[name] - tags
        assert (expected - placed).total() == len(lost), f"killed at {call} {when}: {name} lacks {expected - placed}"
    placements = Counter((row["account"], row["tag"]) for row in log_of_all if row["kind"] == "PLACE")
    assert set(placements.values()) == {1}
    issued = requests_in(journal)
    assert {row["tag"] for row in before if row["kind"] == "PLACE"} <= issued, "a request left without its row"
    return True


def requests_in(journal: Path) -> set[str]:
    store = SqliteStore.open_readonly(journal)
    try:
        return {entry.fact.request.client_order_id for entry in store.read() if isinstance(entry.fact, RequestIssued)}
    finally:
        store.close()
