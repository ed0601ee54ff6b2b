"""What the list of super orders adds to the order book."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from dhan_copy.model.order import OrderReport, Variety


def with_linked(book: Sequence[OrderReport], linked: Sequence[OrderReport]) -> list[OrderReport]:
    """The order book with what the list of super orders adds: the brackets of entries, and legs that the book lacks.

    What stands in both is reported once: by the book, which has average prices, unless the list, which is read later,
    knows of more fills.
    """
    listed = {(report.order_id, report.leg): report for report in linked}
    merged = []
    for report in book:
        other = listed.pop((report.order_id, report.leg), None)
        merged.append(report if other is None else as_listed(report, other))
    return [*merged, *listed.values()]


def as_listed(report: OrderReport, other: OrderReport) -> OrderReport:
    """A row of the order book with what the list of super orders says ``other`` of the same entry or leg."""
    newest = other if other.filled_quantity > report.filled_quantity else report
    return evolve(
        newest,
        variety=Variety.SUPER,
        bracket=other.bracket,
        average_price=newest.average_price or report.average_price,
        exchange_order_id=report.exchange_order_id or other.exchange_order_id,
        client_order_id=report.client_order_id or other.client_order_id,
    )
