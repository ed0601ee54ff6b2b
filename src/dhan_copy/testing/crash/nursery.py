"""A process that has imported everything and forks a child for each life, for importing takes longer than a life.

Where there is no fork it becomes the life itself, and whoever started it starts the next one.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module

from dhan_copy.testing.crash.life import FAILED, Job, live

_IMPORTED_LATE = ("dhan_copy.dhan.account", "dhan_copy.stores.sqlite", "dhan_copy.stores.locks")


def main(preludes: Sequence[str]) -> None:
    """Run the files ``preludes``, then serve jobs from stdin, one at a time, until it is closed."""
    for name in _IMPORTED_LATE:
        import_module(name)
    for prelude in preludes:
        runpy.run_path(prelude)
    gc.collect()
    gc.freeze()
    for job in _jobs():
        if not hasattr(os, "fork"):
            live(job)
        child = os.fork()
        if child == 0:
            try:
                live(job)
            finally:
                os._exit(FAILED)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(1, json.dumps({"say": "died", "status": status}).encode() + b"\n")


def _jobs() -> Iterator[Job]:
    """The jobs among the lines: a command that came too late for its life is none."""
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            if asked["do"] == "live":
                yield Job(**asked["job"])


if __name__ == "__main__":
    main(sys.argv[1:])
