"""A process that may open nothing more, or has no memory for another thread: the start fails cleanly, or it heals."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.stage import LONG, Stage

MEGABYTE = 1024 * 1024
DESCRIPTORS = range(12) if LONG else (4,)
MEMORY = (1, 9, 18, 27, 36, 70, 140) if LONG else (18,)
ROOM = [("NOFILE", room) for room in DESCRIPTORS] + [("AS", room * MEGABYTE) for room in MEMORY]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="what is used is read from /proc")
@pytest.mark.parametrize(("what", "room"), ROOM)
def test_f10_a_start_without_descriptors_or_memory(stage: Stage, what: str, room: int) -> None:
    """The failed start leaves no lock and no thread behind: another one in the same process goes on."""
    with stage.copier(limit=(what, room), again=True) as copier:
        said = copier.line()
        if said != "started":
            assert said.startswith("failed: ")
            said = copier.line()
        assert said == "started"
        copier.tell("lift")
        assert copier.line() == "ready"
        stage.order(*range(300, 304))
        stage.check()
        copier.stop()
    stage.check_a_restart_goes_on(304)
