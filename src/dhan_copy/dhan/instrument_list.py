"""Dhan's list of instruments on this machine: fetched when it is asked for, kept on disk, refreshed by what is missing."""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import date, timedelta
from pathlib import Path

from attrs import define, field

from dhan_copy.dhan.download import download
from dhan_copy.dhan.endpoints import checked_url
from dhan_copy.dhan.instruments import ScripMaster
from dhan_copy.errors import DhanCopyError, InstrumentsUnavailable
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.listing import Listing

DETAILED_URL = "https://images.dhan.co/api-data/api-scrip-master-detailed.csv"
COMPACT_URL = "https://images.dhan.co/api-data/api-scrip-master.csv"
SEGMENT_URL = "https://api.dhan.co/v2/instrument/{segment}"
_log = logging.getLogger(__name__)


@define(eq=False)
class _File:
    """One file of the list: all segments, or one."""

    path: Path
    url: str
    master: ScripMaster | None = None
    read_at: int | None = None
    """The modification time, in nanoseconds, of what was read."""
    fetched_at: float | None = None
    """``monotonic`` of the last attempt to fetch it."""
    busy: bool = False
    problem: str = ""
    working: threading.Lock = field(factory=threading.Lock)


class InstrumentList:
    """The list of instruments for an engine: ``CopyEngine(..., instruments=InstrumentList())``.

    It is asked by the copier, which must not wait, so a call only looks into memory. What is not there makes a thread
    read the file on disk, and fetch it when there is none, when it is older than ``stale_after``, or when it does not name
    the instrument: a new contract of today is in today's file. Meanwhile :meth:`pending` is true, and the order waits. An
    instrument that is still not named afterwards is unknown, and is not looked for again in the same file. Between two
    fetches are at least ``fetch_again_after``.

    Nothing is contacted before that; :meth:`refresh` fetches at once, :meth:`find` reads the disk only. ``url`` is
    :data:`DETAILED_URL` (one file of about 40 MB), :data:`COMPACT_URL`, or one with ``{segment}`` in it, such as
    :data:`SEGMENT_URL`, of which only the segments that are asked for are fetched. ``folder`` is by default one of the
    user's caches (``$XDG_CACHE_HOME/dhan_copy``, else ``~/.cache/dhan_copy``). May be shared by engines and threads.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        url: str = DETAILED_URL,
        stale_after: timedelta = timedelta(hours=20),
        fetch_again_after: timedelta = timedelta(minutes=10),
        timeout_seconds: float = 60.0,
    ) -> None:
        checked_url("url", url.replace("{segment}", "ALL"), "https", "http")
        self._folder = _cache() if folder is None else Path(folder)
        self._url = url
        self._stale_after = stale_after
        self._fetch_again_after = fetch_again_after
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._files: dict[str, _File] = {}
        self._given_up: dict[InstrumentKey, int | None] = {}
        """What a file did not name, and the modification time of that file."""

    def __call__(self, key: InstrumentKey) -> InstrumentFacts | None:
        """The facts, at once; None while, or where, they are not known."""
        file = self._file(key.segment)
        listing = None if file.master is None else file.master.find(key)
        if listing is None or self._is_stale(file):
            self._work(file, key)
        return None if listing is None else listing.facts

    def pending(self, key: InstrumentKey) -> bool:
        """Whether it is worth asking for ``key`` again: the list is being read or fetched, or has just come."""
        file = self._file(key.segment)
        with self._lock:
            if file.busy:
                return not self._is_given_up(file, key)
        return file.master is not None and file.master(key) is not None

    def expiry(self, key: InstrumentKey) -> date | None:
        """The day of expiry, at once; None where there is none, and while, or where, it is not known."""
        file = self._file(key.segment)
        if file.master is None:
            self._work(file, key)
            return None
        return file.master.expiry(key)

    def symbol(self, key: InstrumentKey) -> str:
        """The trading symbol, at once; empty while, or where, it is not known."""
        file = self._file(key.segment)
        listing = None if file.master is None else file.master.find(key)
        if listing is None:
            self._work(file, key)
        return "" if listing is None else listing.symbol

    def find(self, key: InstrumentKey) -> Listing | None:
        """Everything that the file on disk lists of an instrument; waits while it is read, fetches nothing.

        Raises :class:`~dhan_copy.errors.InstrumentsUnavailable` where there is no file, and
        :class:`~dhan_copy.errors.ConfigurationError` where it is none of Dhan's.
        """
        file = self._file(key.segment)
        with file.working:
            master = self._read(file)
        if master is None:
            raise InstrumentsUnavailable(f"there is no {file.path} yet", advice="Fetch it with refresh().")
        return master.find(key)

    def refresh(self, segment: ExchangeSegment | None = None) -> None:
        """Fetch now, and wait for it; ``segment`` where each has a file of its own (default: all seven).

        Raises :class:`~dhan_copy.errors.InstrumentsUnavailable`; what was there stays.
        """
        segments = tuple(ExchangeSegment) if segment is None else (segment,)
        for file in {id(file): file for file in map(self._file, segments)}.values():
            with file.working:
                self._fetch(file)

    def age(self, segment: ExchangeSegment = ExchangeSegment.NSE_FNO) -> timedelta | None:
        """How long ago the file on disk was fetched; None where there is none."""
        at = _modified(self._file(segment).path)
        return None if at is None else timedelta(seconds=max(0.0, time.time() - at / 1e9))

    def problem(self, segment: ExchangeSegment = ExchangeSegment.NSE_FNO) -> str:
        """Why the last reading or fetching of a segment's file failed; empty when it did not."""
        return self._file(segment).problem

    def _file(self, segment: ExchangeSegment) -> _File:
        name = self._url.rsplit("/", 1)[-1].replace("{segment}", segment.value)
        with self._lock:
            file = self._files.get(name)
            if file is None:
                url = self._url.replace("{segment}", segment.value)
                path = self._folder / (name if name.endswith(".csv") else f"instruments-{name}.csv")
                file = self._files[name] = _File(path, url)
            return file

    def _is_stale(self, file: _File) -> bool:
        return file.read_at is None or time.time() - file.read_at / 1e9 > self._stale_after.total_seconds()

    def _is_given_up(self, file: _File, key: InstrumentKey) -> bool:
        return key in self._given_up and self._given_up[key] == file.read_at

    def _may_fetch(self, file: _File) -> bool:
        return file.fetched_at is None or time.monotonic() - file.fetched_at >= self._fetch_again_after.total_seconds()

    def _work(self, file: _File, key: InstrumentKey) -> None:
        """Start what may bring an answer, unless it is under way, or has been tried."""
        with self._lock:
            tried = file.master is not None or key in self._given_up
            if file.busy or (tried and not self._may_fetch(file)):
                return
            if self._is_given_up(file, key) and not file.problem and not self._is_stale(file):
                return
            self._given_up.pop(key, None)
            file.busy = True
        threading.Thread(target=self._bring, args=(file, key), name="dhan-instruments", daemon=True).start()

    def _bring(self, file: _File, key: InstrumentKey) -> None:
        try:
            with file.working:
                master = self._read(file)
                if (master is None or master.find(key) is None or self._is_stale(file)) and self._may_fetch(file):
                    master = self._fetch(file)
            file.problem = ""
        except DhanCopyError as error:
            file.problem, master = error.message, file.master
            _log.warning("the list of instruments: %s", ascii(error.message))
        with self._lock:
            if master is None or master.find(key) is None:
                self._given_up[key] = file.read_at
            file.busy = False

    def _read(self, file: _File) -> ScripMaster | None:
        """What is on disk, read again only when the file has changed: another process may have fetched it."""
        at = _modified(file.path)
        if at is not None and at != file.read_at:
            master = ScripMaster.load(file.path)
            file.master, file.read_at = master, at
        return file.master

    def _fetch(self, file: _File) -> ScripMaster | None:
        file.fetched_at = time.monotonic()
        download(file.url, file.path, timeout_seconds=self._timeout_seconds, check=ScripMaster.load)
        return self._read(file)

    def __repr__(self) -> str:
        return f"InstrumentList({str(self._folder)!r}, url={self._url!r})"


def _modified(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dhan_copy"
