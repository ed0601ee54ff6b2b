"""One life of the process that copies: from the start of an engine to its end, sudden or not."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from attrs import field, frozen

from dhan_copy import CopyEngine, Follower, Leader
from dhan_copy.core.settings import Policy, RateLimits
from dhan_copy.errors import StoreLocked
from dhan_copy.model.order import OrderStatus
from dhan_copy.model.times import IST
from dhan_copy.testing.crash.day import FACTS, RATIOS
from dhan_copy.testing.crash.points import Recorder, Snare, Trap

DIED = 70
"""The exit status of a life that ended in its trap."""
INTERRUPTED = 71
FAILED = 72
UNPACED = RateLimits(reads_per_second=10_000)
"""A day of seconds is looked at as often as one of hours."""
POLICY = Policy(
    absence_window=timedelta(seconds=0.2),
    retry_after=timedelta(seconds=0.05),
    sweep_open=timedelta(seconds=0.5),
    sweep_idle=timedelta(seconds=0.5),
    positions_every=timedelta(seconds=0.5),
)
"""What takes minutes with real accounts, where answers are late, takes a moment here: no request of a dead process is
on its way for longer."""
_BETWEEN_STEPS_SECONDS = 0.02


class After(str, Enum):
    """What comes after an interruption. The engine is stopped, and its process ends; or a new engine takes over in the
    same process, as in a notebook; or an engine that is stepped just steps on."""

    END = "END"
    ANEW = "ANEW"
    GO_ON = "GO_ON"


def _after(name: str) -> After:
    return After(name)


@frozen(kw_only=True)
class Job:
    """What a life does. ``accounts`` are client ids and tokens, the leader's first. ``steps``: without threads, by
    :meth:`CopyEngine.step`. ``interrupt``: the trap raises KeyboardInterrupt in the main thread instead of ending the
    process; ``after`` says what then. ``record``: a file for the lines that were executed."""

    journal: str
    rest: str
    feed: str
    accounts: Sequence[Sequence[str]] = field(repr=False)
    steps: bool = False
    trap: str | None = None
    interrupt: bool = False
    after: After = field(default=After.END, converter=_after)
    record: str | None = None


class Channel:
    """Lines of JSON: commands come on stdin, answers go to stdout."""

    def __init__(self) -> None:
        self._commands: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._taken: str | None = None
        threading.Thread(target=self._listen, name="commands", daemon=True).start()

    def say(self, what: str, **more: object) -> None:
        os.write(1, json.dumps({"say": what, **more}).encode() + b"\n")

    def next(self, timeout: float | None) -> str | None:
        """The next command, until it is :meth:`done` the same one; None when there is none in ``timeout`` seconds.
        Ends the process when nobody is left."""
        if self._taken is None:
            try:
                self._taken = self._commands.get(timeout=timeout)
            except queue.Empty:
                return None
            if self._taken is None:
                os._exit(FAILED)
        return self._taken

    def done(self) -> None:
        self._taken = None

    def _listen(self) -> None:
        while line := os.read(0, 65536):
            self._commands.put(json.loads(line)["do"])
        self._commands.put(None)


def live(job: Job) -> None:
    """Never returns: the process ends with the life."""
    channel = Channel()
    recorder = Recorder()
    snare = None
    since = datetime.now(IST)
    if job.trap is not None:
        snare = Snare(Trap.parse(job.trap), _interrupt if job.interrupt else _die)
    channel.say("born")
    if job.record is not None:
        recorder.start()
    if snare is not None:
        snare.start(main_alone=job.interrupt)
    status = 0
    try:
        try:
            unknown = _copy(job, channel, since)
        except KeyboardInterrupt:
            status = INTERRUPTED
            unknown = ()
    except BaseException as error:
        channel.say("failed", problem=f"{type(error).__name__}: {error}"[:2000])
        os._exit(FAILED)
    if job.record is not None:
        rows = [(p.file, p.line, n.times, n.in_main) for p, n in recorder.stop().items()]
        Path(job.record).write_text(json.dumps(rows), "utf-8")
    channel.say("stopped", unknown=list(unknown), sprung=snare is not None and snare.sprung)
    os._exit(status)


def _copy(job: Job, channel: Channel, since: datetime) -> Sequence[str]:
    """Copy until told to stop; returns what is unknown then. Raises KeyboardInterrupt where that ends the life."""
    engine: CopyEngine | None = None
    stopping = interrupted = False
    while True:
        try:
            if engine is None:
                engine = engine_of(job)
            stopping = False
            _serve(engine, job, channel, since)
            stopping = True
            return engine.stop()
        except StoreLocked:
            if not interrupted:
                raise
            # Cut short while it took a lock or gave it back, the process keeps it: it refuses, which is safe.
            raise KeyboardInterrupt from None
        except KeyboardInterrupt:
            interrupted = True
            if job.after is After.GO_ON and job.steps and engine is not None and not stopping:
                continue
            if engine is not None:
                engine.stop()
            if job.after is not After.ANEW:
                raise
            engine = None


def engine_of(job: Job) -> CopyEngine:
    """The engine as a user would write it, on the accounts of the local server."""
    from dhan_copy import DhanAccount  # brings dhanhq, which the driver does not need
    from dhan_copy.dhan.pace import pace_of

    for name, _ in job.accounts:
        pace_of(job.rest, name).per_second = UNPACED.reads_per_second
    leader, *followers = (
        DhanAccount(name, token, base_url=job.rest, feed_url=job.feed, timeout_seconds=5.0) for name, token in job.accounts
    )
    return CopyEngine(
        leaders=[Leader(leader)],
        followers=[Follower(each, size=str(RATIOS[each.client_id]), live=True, limits=UNPACED) for each in followers],
        store=Path(job.journal),
        policy=POLICY,
        instruments=FACTS,
    )


def _serve(engine: CopyEngine, job: Job, channel: Channel, since: datetime) -> None:
    if job.steps:
        engine.step()
    else:
        engine.start()
    while (command := channel.next(_BETWEEN_STEPS_SECONDS if job.steps else None)) != "stop":
        if job.steps:
            engine.step()
        elif engine.wait(0.0):
            raise AssertionError("the engine's thread has ended")
        if command == "look":
            channel.say("look", **_look(engine, since))
            channel.done()


def _look(engine: CopyEngine, since: datetime) -> Mapping[str, object]:
    accounts = list(engine.status())
    return {
        "caught_up": all(isinstance(at := row["book_read_at"], datetime) and at >= since for row in accounts)
        and all(row["health"] == "OK" for row in accounts),
        "orders": [
            {
                "id": row["leader_order_id"],
                "quantity": row["quantity"],
                "filled": row["filled"],
                "over": OrderStatus(row["status"]).is_terminal,
                "decision": row["decision"],
                "state": row["state"],
            }
            for row in engine.orders()
        ],
    }


def _die() -> None:
    os._exit(DIED)


def _interrupt() -> None:
    sys.settrace(None)
    raise KeyboardInterrupt
