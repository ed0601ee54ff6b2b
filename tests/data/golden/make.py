"""Makes the golden journal of the current schema version: a row of every kind of fact, and what they say as JSON.

Run it once, when a schema version is new and not yet released: ``PYTHONPATH=src python tests/data/golden/make.py``.
Never for a version that has been released: the file is there to show that what an earlier release wrote still opens.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path

import attrs

from dhan_copy.stores.schema import SCHEMA_VERSION
from dhan_copy.stores.sqlite import SqliteStore
from dhan_copy.testing.conformance.samples import sample_entries

FOLDER = Path(__file__).parent


def plain(value: object) -> object:
    """A value as JSON has it, written without the journal's codec."""
    match value:
        case Enum():
            return value.name
        case Decimal() | Fraction():
            return str(value)
        case datetime():
            return value.astimezone(timezone.utc).isoformat()
        case tuple():
            return [plain(item) for item in value]
    if attrs.has(type(value)):
        fields = attrs.fields(type(value))
        return {"class": type(value).__name__, **{f.name: plain(getattr(value, f.name)) for f in fields}}
    return value


def main() -> None:
    path = FOLDER / f"journal-v{SCHEMA_VERSION}.db"
    entries = sample_entries()
    for suffix in ("", "-wal", "-shm", ".lock"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    store = SqliteStore(path)
    store.acquire("golden")
    for start in range(0, len(entries), 10):
        store.append(entries[start : start + 10])
    store.close()
    Path(f"{path}.lock").unlink()
    expected = [plain(entry) for entry in entries]
    path.with_suffix(".json").write_text(json.dumps(expected, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
