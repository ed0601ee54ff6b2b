"""Locks are exclusive, name their holder, and go with the process that took them."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from dhan_copy.errors import StoreError, StoreLocked
from dhan_copy.stores import locks
from dhan_copy.stores.locks import AccountLock, FileLock, state_directory
from tests.stores.store_kit import python

HOLD = """
import sys
from dhan_copy.stores.locks import FileLock
lock = FileLock(sys.argv[1], "the thing")
lock.acquire("the other engine")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_exclusive_within_a_process_too(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "x.lock", "the thing"), FileLock(tmp_path / "x.lock", "the thing")
    first.acquire()
    assert first.held and not second.held
    with pytest.raises(StoreLocked, match="the thing is in use"):
        second.acquire()
    with pytest.raises(StoreLocked, match="this very object"):
        first.acquire()
    first.release()
    second.acquire()
    second.release()
    second.release()


def test_a_lock_is_a_context(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x.lock", "the thing")
    with lock:
        assert lock.held
    assert not lock.held
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError
    assert not lock.held


def test_t6_a_lock_names_its_holder_and_kill_9_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    lock = FileLock(path, "the thing")
    with python(HOLD, path) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StoreLocked, match=f"process {process.pid} on .*the other engine") as refused:
            lock.acquire()
        assert "Stop the other engine" in str(refused.value)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        lock.acquire("us")
    assert json.loads(path.read_text())["pid"] == os.getpid()
    lock.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_keep_the_lock_alive(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from dhan_copy.stores.locks import FileLock\n"
        "lock = FileLock(sys.argv[1], 'the thing'); lock.acquire()\n"
        "heard, say = os.pipe()\n"
        "child = os.fork()\n"
        "if child: os.read(heard, 1); print(child, lock.held, flush=True); os._exit(0)\n"
        "os.write(say, b'.'); os.close(1)\n"
        "import signal; signal.pause()\n"
    )
    with python(program, tmp_path / "x.lock") as process:
        child, held = process.stdout.readline().split()
        try:
            process.wait()
            assert held == "True"
            with FileLock(tmp_path / "x.lock", "the thing"):
                os.kill(int(child), 0)
        finally:
            os.kill(int(child), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_what_a_forked_child_forgets_the_parent_keeps(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from dhan_copy.stores.locks import FileLock\n"
        "lock = FileLock(sys.argv[1], 'the thing'); lock.acquire()\n"
        "child = os.fork()\n"
        "if not child: os._exit(1 if lock.held else 0)\n"
        "print(os.waitpid(child, 0)[1], lock.held, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with python(program, tmp_path / "x.lock") as process:
        assert process.stdout.readline() == "0 True\n"
        with pytest.raises(StoreLocked):
            FileLock(tmp_path / "x.lock", "the thing").acquire()


def test_an_unreadable_lock_file_still_locks(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    held = FileLock(path, "the thing")
    held.acquire()
    for text in ("", "{", "[]", '{"pid": 1}'):
        path.write_text(text)
        with pytest.raises(StoreLocked, match="the thing is in use"):
            FileLock(path, "the thing").acquire()
    held.release()


def test_a_lock_without_a_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder exists") as refused:
        FileLock(tmp_path / "missing" / "x.lock", "the thing").acquire()
    assert not isinstance(refused.value, StoreLocked)


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(locks.fcntl, "flock", unsupported)
    with pytest.raises(StoreError, match="no file locks.*local disk") as refused:
        FileLock(tmp_path / "x.lock", "the thing").acquire()
    assert not isinstance(refused.value, StoreLocked)


# Accounts


def test_t6_one_account_is_served_once_on_a_machine(tmp_path: Path) -> None:
    with AccountLock("1000000002", tmp_path):
        with pytest.raises(StoreLocked, match="follower account 1000000002"):
            AccountLock("1000000002", tmp_path).acquire()
        with AccountLock("1000000003", tmp_path):
            pass
    AccountLock("1000000002", tmp_path).acquire()


def test_the_account_is_not_in_the_name_of_its_lock_file(tmp_path: Path) -> None:
    with AccountLock("1000000002", tmp_path / "made" / "when needed"):
        (file,) = (tmp_path / "made" / "when needed").iterdir()
        assert "1000000002" not in file.name
        assert "1000000002" not in file.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="XDG folders")
def test_account_locks_are_in_the_users_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_directory() == tmp_path / "dhan_copy"
    with AccountLock("1") as lock:
        assert lock.path.parent == tmp_path / "dhan_copy"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_directory() == tmp_path / ".local" / "state" / "dhan_copy"


def test_a_state_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="XDG_STATE_HOME"):
        AccountLock("1", tmp_path / "file" / "below").acquire()
