"""Python runs this at the start of every process whose path leads here: the bug that the environment names is planted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if "PLANTED_BUG" in os.environ:
    sys.path.append(str(Path(__file__).parent.parent.parent.parent))
    from tests.planting import plant
    from tests.proof.mutants import BROKEN

    plant(next(one for one in BROKEN if one.name == os.environ["PLANTED_BUG"]).edits)
