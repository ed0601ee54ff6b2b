"""What a book shows is believed as far as it can only have gone forward, and nothing is ever sent because of it."""

from __future__ import annotations

from dhan_copy.testing.reconciliation import Reconciled, reconciliation_table

SHOWN_FILLS = {"nothing": 0, "open": 0, "75 traded": 75, "all traded": 150, "cancelled": 0, "rejected": 0}
SHOWN_STATES = {
    "open": "WORKING", "75 traded": "WORKING", "all traded": "FILLED", "cancelled": "CANCELLED", "rejected": "REJECTED"
}  # fmt: skip
GIVEN_UP = ("REJECTED", "WITHHELD", "ABSENT")


def state_of(cell: Reconciled) -> str:
    known = cell.known.split(",")[0]
    if cell.shows == "nothing" or known == "FILLED":
        return known
    if known == "CANCELLED":  # it can have filled before, but not open again
        return "FILLED" if cell.shows == "all traded" else known
    return SHOWN_STATES[cell.shows]


def test_every_state_against_everything_that_a_book_may_show() -> None:
    table = list(reconciliation_table())
    assert len({(cell.known, cell.shows) for cell in table}) == len(table) == 9 * 6
    for cell in table:
        had = {"WORKING, 75 filled": 75, "FILLED": 150}.get(cell.known, 0)
        assert cell.filled == max(had, SHOWN_FILLS[cell.shows]), cell
        assert cell.state == state_of(cell), cell
        assert not cell.sends, cell
        changed = (cell.state, cell.filled) != (cell.known.split(",")[0], had)
        assert ("OrderReported" in cell.facts) >= changed, cell


def test_a_surprise_raises_an_alert() -> None:
    for cell in reconciliation_table():
        late = cell.known in GIVEN_UP and cell.state != cell.known
        rejected = cell.known not in GIVEN_UP and cell.state == "REJECTED"
        assert cell.alerts == (("LATE_EVIDENCE",) if late else ("REJECTED",) if rejected else ()), cell
