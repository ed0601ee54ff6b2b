"""Locks that go with their process: one writer per journal, one engine per follower account on a machine.

They are the operating system's own file locks, so a killed process frees them at once and no clock is in them. The
lock file stays behind, and only says who held it last.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from pathlib import Path
from types import TracebackType
from weakref import WeakSet

from dhan_copy.errors import StoreError, StoreLocked

if sys.platform == "win32":  # pragma: no cover
    import msvcrt
else:
    import fcntl

_FAR = 0x7FFFFFF0
"""Where the byte is that Windows locks: past the text, which a locked-out process must be able to read."""
_held: WeakSet[FileLock] = WeakSet()


class FileLock:
    """An exclusive lock on the file ``path``, which is made when missing; ``what`` is what it guards, for errors."""

    def __init__(self, path: str | os.PathLike[str], what: str) -> None:
        self.path = Path(path)
        self._what = what
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def acquire(self, owner: str = "") -> None:
        """Take the lock at once or raise :class:`~dhan_copy.errors.StoreLocked`, which names the holder where known.

        Raises :class:`~dhan_copy.errors.StoreError` when the lock file cannot be made.
        """
        if self._descriptor is not None:
            raise StoreLocked(f"{self._what} is in use by this very object")
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(
                f"the lock file {self.path} cannot be opened: {error.strerror}",
                advice="Nothing was sent. Check that its folder exists and can be written to.",
            ) from error
        try:
            if not _try_lock(descriptor):
                raise StoreLocked(f"{self._what} is in use{_describe(descriptor)}")
            _write_owner(descriptor, owner)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        _held.add(self)

    def release(self) -> None:
        """Let the lock go; safe to call twice, and again after a call that was interrupted."""
        descriptor = self._descriptor
        if descriptor is not None:
            _held.discard(self)
            _unlock(descriptor)
            self._descriptor = None
            os.close(descriptor)

    def _forget(self) -> None:
        """In a forked child: the lock stays the parent's, and must not outlive it in the child."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.release()


class AccountLock(FileLock):
    """Held while an engine serves a follower account, so that two journals on one machine cannot both copy into it.

    ``directory`` is by default a folder of the user's (``$XDG_STATE_HOME/dhan_copy``, else
    ``~/.local/state/dhan_copy``; ``%LOCALAPPDATA%\\\\dhan_copy`` on Windows). The file's name carries a hash of
    ``account_id``, not the id.
    """

    def __init__(self, account_id: str, directory: str | os.PathLike[str] | None = None) -> None:
        name = hashlib.sha256(account_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        folder = state_directory() if directory is None else Path(directory)
        super().__init__(folder / f"account-{name}.lock", f"the follower account {account_id}")

    def acquire(self, owner: str = "") -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder {self.path.parent} for account locks cannot be made: {error.strerror}",
                advice="Nothing was sent. Make it writable, or set XDG_STATE_HOME to one that is.",
            ) from error
        super().acquire(owner)


def state_directory() -> Path:
    """Where this user's account locks are."""
    if sys.platform == "win32":  # pragma: no cover
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "dhan_copy"


if sys.platform == "win32":  # pragma: no cover

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreError(
                f"this folder's file system has no file locks: {error.strerror}",
                advice="Nothing was sent. Keep the journal on a local disk.",
            ) from error
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _forget_all() -> None:
        for lock in list(_held):
            lock._forget()

    # A flock is shared with forked children and lasts until the last of them is gone.
    os.register_at_fork(after_in_child=_forget_all)


def _write_owner(descriptor: int, owner: str) -> None:
    text = json.dumps({"owner": owner, "pid": os.getpid(), "host": socket.gethostname()})
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text.encode())


def _describe(descriptor: int) -> str:
    """Who wrote the lock file, as far as it can be read: it may be half written."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        told = json.loads(os.read(descriptor, 4096))
        return f" by process {told['pid']} on {told['host']}" + (f" ({told['owner']})" if told["owner"] else "")
    except (OSError, ValueError, KeyError, TypeError):
        return ""
