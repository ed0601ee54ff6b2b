"""The table of planted bugs in the documentation: ``python -m tests.proof.table > docs/planted.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from tests.proof.mutants import BROKEN, LATER, SELF
from tests.testing.simulation.mutants import MUTANTS


def rows() -> Iterator[tuple[str, str, str]]:
    """Fault, what is planted, what catches it; bugs that no fault is needed for come last."""
    found = [(mutant.fault or "none", mutant.broken, f"simulation, {mutant.caught_by}") for mutant in MUTANTS]
    found += [(bug.fault or "none", bug.broken, f"``{bug.caught_by.partition('::')[0]}``") for bug in (*BROKEN, *SELF)]
    found += [(fault, "", why) for fault, why in LATER.items()]
    yield from sorted(found, key=lambda row: row[0])


def text() -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("Fault", "Planted bug", "Caught by"))
    writer.writerows(rows())
    return out.getvalue()


if __name__ == "__main__":
    print(text(), end="")
