"""What the recorded day of first_copy.py comes to at its two followers, by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

FULL, HALF = "1000000002", "1000000003"

Copy = tuple[str, str, int]
"""Security, side and quantity."""

EXPECTED: Mapping[str, Counter[Copy]] = {
    FULL: Counter(
        [
            ("45463", "BUY", 150),
            ("45471", "SELL", 75),
            ("11630", "BUY", 1),
            ("68456", "BUY", 800),
            ("68456", "BUY", 200),
            ("68456", "BUY", 800),
            ("68456", "SELL", 400),
            ("68456", "BUY", 200),
        ]
    ),
    # Half of 75 at a lot of 75 and half of one share are below a lot; two halves of 200 at a lot of 200 are one lot.
    HALF: Counter(
        [
            ("45463", "BUY", 75),
            ("68456", "BUY", 400),
            ("68456", "BUY", 400),
            ("68456", "SELL", 200),
            ("68456", "BUY", 200),
        ]
    ),
}


def copies(rows: Iterable[Mapping[str, Any]]) -> Counter[Copy]:
    """The rows of an order book, each as a copy."""
    return Counter((row["securityId"], row["transactionType"], row["quantity"]) for row in rows)
