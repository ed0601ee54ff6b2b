"""An engine in a process of its own, started and told what to do by the tests beside it.

``copier.py OPTIONS`` with a JSON object: ``accounts`` (leader and follower: id, token, rest, feed), ``journal``,
``busy_seconds``, ``nobody`` (give up the rights of root), ``limit`` (resource and room above what is used, in its unit)
and ``again`` (when the start failed, lift the limit and start another engine). It says ``started``, then ``ready`` when
the books have been read, and obeys lines on stdin: ``lift`` the limit, ``full BYTES`` leaves room for that many more in
any file, ``stop`` ends it. What ended the engine is said in one line, with exit status 3.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import sys
import threading
from pathlib import Path
from typing import Any

from dhan_copy import CopyEngine, DhanAccount, Follower, Leader, SqliteStore

NOBODY = 65534


def engine_of(options: dict[str, Any]) -> CopyEngine:
    leader, follower = (DhanAccount(a["id"], a["token"], base_url=a["rest"], feed_url=a["feed"]) for a in options["accounts"])
    journal = Path(options["journal"])
    busy = options.get("busy_seconds")
    store = journal if busy is None else SqliteStore(journal, busy_timeout_seconds=busy)
    return CopyEngine([Leader(leader)], [Follower(follower, size="1", live=True)], store)


def used(what: str) -> int:
    """Descriptors, or bytes of address space."""
    if what == "NOFILE":
        return max(map(int, os.listdir("/proc/self/fd"))) + 1
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def limit(what: str, room: int | None) -> None:
    which = getattr(resource, f"RLIMIT_{what}")
    hard = resource.getrlimit(which)[1]
    resource.setrlimit(which, (hard if room is None else used(what) + room, hard))


def obey(running: queue.SimpleQueue[CopyEngine], options: dict[str, Any]) -> None:
    for line in sys.stdin:
        words = line.split()
        if words[0] == "lift":
            limit(options["limit"][0], None)
        elif words[0] == "full":
            size = Path(f"{options['journal']}-wal").stat().st_size + int(words[1])
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            say("filled")
        elif words[0] == "stop":
            running.get().stop()
            return


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def told(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def started(options: dict[str, Any]) -> CopyEngine:
    asked = options.get("limit")
    if asked is not None:
        limit(*asked)
    try:
        engine = engine_of(options)
        engine.start()
        return engine
    except Exception as error:
        if not options.get("again"):
            raise
        if asked is not None:
            limit(asked[0], None)
        say(f"failed: {told(error)}")
    engine = engine_of(options)
    engine.start()
    return engine


def caught_up(engine: CopyEngine) -> bool:
    return all(row["book_read_at"] and row["health"] == "OK" for row in engine.status())


def main() -> int:
    options = json.loads(sys.argv[1])
    if options.get("nobody") and os.geteuid() == 0:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    running: queue.SimpleQueue[CopyEngine] = queue.SimpleQueue()
    obeying = threading.Thread(target=obey, args=(running, options), daemon=True)
    obeying.start()  # before the limit: it is the engine's start that may lack the room for a thread
    try:
        engine = started(options)
    except Exception as error:
        say(told(error))
        return 3
    running.put(engine)
    say("started")
    try:
        while not caught_up(engine):
            engine.wait(0.02)
        say("ready")
        engine.wait()
        obeying.join()
    except Exception as error:
        say(told(error))
        return 3
    finally:
        engine.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
