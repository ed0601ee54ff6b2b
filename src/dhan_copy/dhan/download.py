"""Fetches a public file of Dhan's into a folder: whole, or not at all."""

from __future__ import annotations

import http.client
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from dhan_copy.dhan.dial import Deadline, tls_context
from dhan_copy.errors import InstrumentsUnavailable

LIMIT_BYTES = 256 * 1024 * 1024
_PIECE_BYTES = 256 * 1024


def download(url: str, path: Path, *, timeout_seconds: float, check: Callable[[Path], object]) -> None:
    """GET ``url`` into ``path``, which is replaced in one step once the whole file has come and ``check`` has raised
    nothing about it. ``timeout_seconds`` is for all of it. No token is sent: these files are public.

    Raises :class:`~dhan_copy.errors.InstrumentsUnavailable`, and whatever ``check`` raises.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    except OSError as problem:
        raise InstrumentsUnavailable(f"{path.parent} cannot be written: {problem.strerror}") from problem
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _fetch(url, file.write, Deadline(timeout_seconds))
        check(partial)
        partial.replace(path)
    except (OSError, http.client.HTTPException) as problem:
        raise InstrumentsUnavailable(f"{url} could not be fetched: {str(problem) or type(problem).__name__}") from problem
    finally:
        partial.unlink(missing_ok=True)


def _fetch(url: str, write: Callable[[bytes], object], deadline: Deadline) -> None:
    parts = urlsplit(url)
    host, timeout = parts.hostname or "", deadline.remaining()
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=tls_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=timeout)
    )
    try:
        connection.request("GET", parts.path, headers={"Accept": "text/csv, */*", "Accept-Encoding": "identity"})
        response = connection.getresponse()
        if response.status != 200:
            raise OSError(f"it answered {response.status}")
        size = 0
        while piece := response.read(_PIECE_BYTES):
            size += len(piece)
            if size > LIMIT_BYTES:
                raise OSError(f"it is longer than {LIMIT_BYTES} bytes")
            write(piece)
            if connection.sock is not None:
                connection.sock.settimeout(deadline.remaining())
        if response.length:
            raise OSError(f"{response.length} bytes are missing")
    finally:
        connection.close()
