"""Disks that fail under a running engine: nothing leaves without its row, the error says why, and a restart goes on.

``DHAN_COPY_STRACE_KILLS`` is how many places system calls fail at (default 1).
"""

from __future__ import annotations

import random

import pytest

from tests.proof.stage import LONG, Stage, long_run, needs_strace, tampering

TIMES = LONG or 1
ORDERS = range(300, 308)
MORE = range(500, 503)


@long_run
def test_f13_a_full_disk(stage: Stage) -> None:
    """A limit on the size of files stands for it: what fits is written, the rest is refused."""
    with stage.copier() as copier:
        assert copier.news() == "ready"
        stage.order(299)
        stage.check()
        copier.tell("full 6000")
        assert copier.line() == "filled"
        stage.order(*ORDERS)
        assert "StoreError" in (told := copier.news()) and "Nothing was sent" in told
        assert copier.ended() == 3
    assert len(stage.placed()) < 9
    stage.check_rows()
    stage.check_a_restart_goes_on(*MORE)


FAILURES = [
    ("fdatasync", "EIO", "the disk reported an error"),
    ("pwrite64", "ENOSPC", "the disk is full"),
    ("pwrite64", "EIO", "the disk reported an error"),
]


@needs_strace
@pytest.mark.parametrize("number", range(TIMES))
def test_f13_f14_system_calls_of_the_journal_fail(stage: Stage, number: int) -> None:
    """From the n-th call of its thread on."""
    call, error, reason = FAILURES[number % len(FAILURES)]
    with stage.copier() as copier:  # so that what fails is not the making of the journal
        assert copier.news() == "ready"
        stage.order(299)
        stage.check()
        copier.stop()
    when = random.Random(f"{call} {error} {number}").randint(2, 60 if call == "pwrite64" else 12)
    log = stage.folder / "strace.txt"
    with stage.copier(before=tampering(log, call, f"error={error}", f"{when}+")) as copier:
        said = copier.news()
        if said == "ready":
            stage.order_until_it_ends(copier)
            said = copier.line()
        assert "StoreError" in said and reason in said and "Nothing was sent" in said
        assert copier.ended() == 3
    assert "INJECTED" in log.read_text(errors="replace")
    stage.check_rows()
    stage.check_a_restart_goes_on(*MORE)


@needs_strace
@pytest.mark.parametrize("number", range(TIMES))
def test_f14_the_making_of_a_journal_fails(stage: Stage, number: int) -> None:
    when = random.Random(f"made {number}").randint(1, 7)
    with stage.copier(before=tampering(stage.folder / "strace.txt", "fdatasync", "error=EIO", f"{when}+")) as copier:
        assert "StoreError: the disk reported an error" in copier.line()
        assert copier.ended() == 3
    assert stage.sent() == 0
    stage.check_a_restart_goes_on(*ORDERS)
