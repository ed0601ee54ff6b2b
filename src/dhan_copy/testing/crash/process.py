"""The driver's handle on the process that copies: it begins lives, asks them, and hears of their ends."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import attrs
from typing_extensions import Self

from dhan_copy.testing.crash.life import Job

_ENDS_SECONDS = 20.0
_TOLD_BYTES = 8000


class Hung(Exception):
    """A life that does not answer, with the stacks of its threads where it could still write them."""


class Nursery:
    """Begins one life at a time. ``folder`` takes what the lives write to stderr, and their account locks.

    ``prelude`` is a Python file that is run before any life: to plant a bug that the oracle must find.
    """

    def __init__(self, folder: Path, prelude: Path | None = None) -> None:
        self._folder = folder
        self._prelude = prelude
        self.errors_file = folder / "stderr.txt"
        self._told = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._listener: threading.Thread | None = None

    def errors(self) -> str:
        """What the lives have written to stderr since this was asked last, or the end of that."""
        try:
            with self.errors_file.open("rb") as file:
                file.seek(self._told)
                text = file.read()
        except FileNotFoundError:
            return ""
        self._told += len(text)
        return text[-_TOLD_BYTES:].decode("utf-8", "replace")

    def begin(self, job: Job) -> dict[str, Any] | None:
        """Begin a life; returns how it died where it was not even born. Raises :class:`Hung`."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        self._write({"do": "live", "job": attrs.asdict(job)})
        said = self.hear(_ENDS_SECONDS)
        if said is None:
            raise Hung("it was not born")
        return None if said["say"] == "born" else said

    def ask(self, command: str) -> None:
        """Tell the life something; that it died meanwhile shows in what is heard."""
        self._write({"do": command})

    def hear(self, timeout: float) -> dict[str, Any] | None:
        """What the life says next, or that it ``died`` with which ``status``; None when it says nothing."""
        try:
            return self._said.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """End the process, and the life in it."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.close()
        except OSError:
            pass
        try:
            process.wait(_ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            self._end(process)
        if self._listener is not None:
            self._listener.join(_ENDS_SECONDS)
        process.stdout.close()
        if self._errors is not None:
            self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        """Have every process of the nursery's write its stacks and end."""
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGABRT)
        else:
            process.kill()
        process.wait()

    def kill(self) -> str:
        """End a life that hangs; returns what its threads were doing, where the system can tell."""
        if self._process is not None and self._process.poll() is None:
            self._end(self._process)
        self.close()
        return self.errors()

    def _start(self) -> None:
        self.close()
        self._errors = self.errors_file.open("ab")
        self._said = queue.SimpleQueue()
        environment = {
            **os.environ,
            "XDG_STATE_HOME": str(self._folder / "state"),
            "LOCALAPPDATA": str(self._folder / "state"),
            # A fork has one thread: numpy's pool would be lost in it.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        preludes = [] if self._prelude is None else [str(self._prelude)]
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "dhan_copy.testing.crash.nursery", *preludes],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(self._process, self._said), daemon=True)
        self._listener.start()

    @staticmethod
    def _listen(process: subprocess.Popen[bytes], said: queue.SimpleQueue[dict[str, Any]]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.put(json.loads(line))
        said.put({"say": "died", "status": process.wait()})

    def _write(self, what: Mapping[str, object]) -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it has died, which is heard
