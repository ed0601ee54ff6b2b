"""Looks at the place of a journal before it is relied on: library, folder, disk and locks."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dhan_copy.errors import StoreError, StoreLocked
from dhan_copy.model.finding import Check, Finding, Severity
from dhan_copy.stores.locks import AccountLock, FileLock

MOUNTS = Path("/proc/self/mountinfo")
OLDEST_SQLITE = (3, 8, 0)
"""The first with partial indexes, which the journal has (sqlite.org/partialindex.html)."""
ROOM_FATAL_BYTES, ROOM_WARN_BYTES = 100 * 2**20, 2 * 2**30
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|ceph|glusterfs|lustre|davfs\d?|fuse\.(sshfs|rclone|s3fs|davfs\d?|gcsfuse|goofys)"
)
_SYNCED = re.compile(
    r"dropbox( .*)?|onedrive( .*)?|google ?drive|my drive|cloudstorage|com~apple~clouddocs|mobile documents|icloud ?drive"
    r"|nextcloud|owncloud|pcloud ?drive|mega(sync)?|syncthing",
    re.IGNORECASE,
)
_SYNC_MARKS = (".dropbox", ".stfolder", ".nextcloudsync.log", ".owncloudsync.log")
_LOCAL = "Keep the journal in a folder of a local disk, and copy it elsewhere only while no engine runs."


def premises(path: Path | None, account_ids: Sequence[str], *, held: bool) -> tuple[Finding, ...]:
    """Findings about the journal ``path`` (None: not a file) and the locks of live accounts; ``held`` says that the
    caller holds those locks himself. Makes no file that stays."""
    if path is None:
        return (_finding(Check.FOLDER, Severity.SKIPPED, "the journal is not a file."),)
    folder = Path(os.path.realpath(path)).parent
    return (sqlite_library(), journal_folder(folder), room(folder), locks(path, account_ids, held=held))


def sqlite_library() -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        advice = "Use a Python with a newer one."
        return _finding(Check.SQLITE, Severity.FATAL, f"SQLite {version} is older than {oldest}.", advice)
    return _finding(Check.SQLITE, Severity.OK, f"SQLite {version}.")


def journal_folder(folder: Path) -> Finding:
    try:
        with tempfile.NamedTemporaryFile(prefix=".dhan_copy-", dir=folder):
            pass
    except OSError as error:
        known = f"{folder} cannot be written to: {error.strerror}."
        return _finding(Check.FOLDER, Severity.FATAL, known, "Name a folder that exists and that this user may write to.")
    system = file_system(folder)
    if str(folder).startswith("\\\\") or _NETWORK.fullmatch(system):
        # sqlite.org/wal.html: WAL does not work over a network file system
        known = f"{folder} is on a network drive ({system or 'UNC path'}), where SQLite loses or doubles what it commits."
        return _finding(Check.FOLDER, Severity.FATAL, known, _LOCAL)
    program = syncing(folder)
    if program:
        known = f"{folder} is copied by a program that synchronises folders ({program}): it may put an old journal back."
        return _finding(Check.FOLDER, Severity.WARN, known, _LOCAL)
    return _finding(Check.FOLDER, Severity.OK, f"{folder} can be written to{f' ({system})' if system else ''}.")


def file_system(folder: Path) -> str:
    """The kind of file system, where Linux tells; else empty."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found, longest = "", -1
    for line in lines:
        mount, _, kind = line.partition(" - ")
        words = mount.split(" ")
        if len(words) < 5 or not kind:
            continue
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), words[4])
        if folder.is_relative_to(point) and len(point) >= longest:
            found, longest = kind.split(" ")[0], len(point)
    return found


def syncing(folder: Path) -> str:
    """What betrays a folder that is copied to other machines; empty where nothing does."""
    for each in (folder, *folder.parents):
        if _SYNCED.fullmatch(each.name):
            return each.name
        for mark in _SYNC_MARKS:
            if (each / mark).exists():
                return mark
    return ""


def room(folder: Path) -> Finding:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return _finding(Check.DISK, Severity.SKIPPED, f"how much room there is cannot be told: {error.strerror}.")
    known = f"{free // 2**20} MB are free."
    if free < ROOM_FATAL_BYTES:
        return _finding(Check.DISK, Severity.FATAL, known, "Make room: nothing is sent that cannot be journaled.")
    if free < ROOM_WARN_BYTES:
        return _finding(Check.DISK, Severity.WARN, known, "Make room: when the disk is full, nothing is sent any more.")
    return _finding(Check.DISK, Severity.OK, known)


def locks(path: Path, account_ids: Sequence[str], *, held: bool) -> Finding:
    if held:
        return _finding(Check.LOCK, Severity.OK, "this engine holds the journal.")
    wanted: list[FileLock] = [FileLock(f"{os.path.realpath(path)}.lock", f"the journal {path}")]
    wanted += [AccountLock(account_id) for account_id in account_ids]
    for lock in wanted:
        try:
            if lock.path.exists():
                lock.acquire("preflight")
                lock.release()
        except StoreLocked as taken:
            return _finding(Check.LOCK, Severity.FATAL, f"{taken.message}.", "Stop the other engine first.")
        except StoreError as problem:
            return _finding(Check.LOCK, Severity.FATAL, f"{problem.message}.", _LOCAL)
    return _finding(Check.LOCK, Severity.OK, "no other engine on this machine has the journal or a live account.")


def _finding(check: Check, severity: Severity, known: str, advice: str = "") -> Finding:
    return Finding(check=check, severity=severity, known=known, advice=advice)
